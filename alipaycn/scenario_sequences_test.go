package alipaycn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The client works on the stand-in, in an order that nobody thought of and with
// faults in between, while a model that was written from AlipayCN's documents
// runs beside it. After every step the client's view, the stand-in's state and
// the model agree.
func TestRandomSequencesAgreeWithAModelOfTheDocuments(t *testing.T) {
	t.Parallel()
	const short = 10 // sequences with -short; otherwise there are 100
	sequences := 0
	rapid.Check(t, func(rt *rapid.T) {
		if sequences++; testing.Short() && sequences > short {
			return
		}
		s := newSequence(t, rt)
		for range rapid.IntRange(1, 14).Draw(rt, "steps") {
			s.take(s.next())
		}
		for _, bundle := range modelBundles() {
			s.checkList(bundle)
		}
		s.checkBaseInfo()
	})
}

// sequence is one random sequence.
type sequence struct {
	*gatewayFixture
	rt *rapid.T
	m  *documentsModel
	// step counts the steps.
	step int
	// whole is an application with all that there is to give.
	whole alipaycn.ApplyInput
	// shares are those of the versions in grayscale as the client saw them last.
	shares map[alipayplus.VersionNumber]alipayplus.Ratio
}

func newSequence(t *testing.T, rt *rapid.T) *sequence {
	const untilSet = 24 * time.Hour // builds and scans end when a step says so
	w := newGatewayFixture(t, alipaycntest.WithBuildDelay(untilSet), alipaycntest.WithScanDelay(untilSet))
	w.c = w.client(alipaycn.WithRetry(4, 0, 0))
	s := &sequence{
		gatewayFixture: w, rt: rt, m: newDocumentsModel(), whole: firstApplication(),
		shares: map[alipayplus.VersionNumber]alipayplus.Ratio{},
	}
	for _, text := range rapid.SampledFrom(beginnings()).Draw(rt, "beginning") {
		s.begin(text)
	}
	return s
}

// beginnings are what sequences begin with, in order to get to where more can
// go wrong: the beginnings of the texts of steps.
func beginnings() [][]string {
	join := func(parts ...[]string) []string { return slices.Concat(parts...) }
	applied := []string{"ide", `apply name "BlueLakeTea" auto_online false`}
	passed := join(applied, []string{"approve"})
	online := []string{"ide", `apply name "BlueLakeTea" auto_online true`, "approve"}
	devices := []string{"upload 2.", "build -> 6", "scan -> True"}
	return [][]string{
		{"ide", "ide"},
		join(online, online, passed, []string{"gray p30"}),
		join(online, online, []string{"rollback"}),
		join(online, online, []string{"rollback"}, online),
		join(online, online, []string{"takeDown [1.1."}),
		join([]string{"ide"}, online),
		join(online, devices, []string{`apply name "BlueLakeTea" auto_online true`}),
		join(applied, devices),
		join(applied, []string{"admit false"}),
		join(applied, []string{"reject"}),
		{"ide", "upload 1.", "build -> 6"},
		slices.Repeat([]string{"ide"}, 20),
		join(online, online, slices.Repeat([]string{"ide"}, 19)),
	}
}

// begin takes a step of a beginning: the first possible one with that text.
func (s *sequence) begin(text string) {
	steps := s.steps()
	i := slices.IndexFunc(steps, func(step step) bool { return strings.HasPrefix(step.text, text) && len(step.refused) == 0 })
	require.GreaterOrEqual(s.rt, i, 0, text)
	require.NoError(s.rt, steps[i].do(s.t.Context()), text)
	steps[i].effect()
	if steps[i].operation != "" {
		s.m.effects[steps[i].operation]++
	}
}

// ide is a version that came by AlipayCN's IDE: built, and scanned.
func (s *sequence) ide() step {
	v := &modelVersion{
		number: above(s.m.highest(alipaycn.BundleAlipay), 1), bundle: alipaycn.BundleAlipay,
		build: alipaycn.BuildCreated, scan: alipaycn.ScanPassed, status: alipaycn.StatusInit,
	}
	return step{
		text: "ide", do: func(context.Context) error { return s.g.AddVersion(miniID, v.number.String()) },
		effect: func() { s.m.add(v) },
	}
}

// step is something that can be tried: a write of the client, or something that
// happens at AlipayCN.
type step struct {
	// operation is the write; empty for what happens at AlipayCN.
	operation string
	text      string
	do        func(context.Context) error
	// about is the version, where there is one.
	about *modelVersion
	// refused are the reasons, each enough by itself, for which the documents
	// refuse the write; empty: it takes effect.
	refused []refusal
	// effect is what becomes of the model.
	effect func()
	// wanted says whether the state is what the write leads to, so that its
	// success can be believed though it did nothing. Nil: never.
	wanted func() bool
	// silent: no state tells what became of it.
	silent bool
}

// refusal is a reason: the class of the error that the documents suggest, and the
// codes that name the reason.
type refusal struct {
	class error
	codes []alipaycn.Code
}

// next draws a step: one that the model calls possible, or one that a single
// reason refuses.
func (s *sequence) next() step {
	s.step++
	possible := rapid.SampledFrom([]bool{true, false}).Draw(s.rt, "possible")
	var kinds []string
	byKind := map[string][]step{}
	for _, step := range s.steps() {
		if possible != (len(step.refused) == 0) || len(step.refused) > 1 {
			continue
		}
		kind, likely := step.kind()
		if byKind[kind] == nil {
			kinds = append(kinds, slices.Repeat([]string{kind}, likely)...)
		}
		byKind[kind] = append(byKind[kind], step)
	}
	return pick(s, byKind[pick(s, kinds, "what")], "which")
}

// pick draws one of several. It begins elsewhere each turn, because what comes
// first is drawn more often.
func pick[T any](s *sequence, all []T, label string) T {
	from := s.step * 7 % len(all)
	return rapid.SampledFrom(slices.Concat(all[from:], all[:from])).Draw(s.rt, label)
}

// kind groups steps, and says how likely the group is.
func (s step) kind() (kind string, likely int) {
	kind, _, _ = strings.Cut(s.text, " ")
	if len(s.refused) > 0 {
		return kind + " " + string(s.refused[0].codes[0]), 1 + weight(kind)/4
	}
	return kind, weight(kind)
}

// weight is how likely steps of a kind are.
func weight(name string) int {
	switch name {
	case "gray", "rollback":
		return 10
	case "apply", "approve", "publish":
		return 6
	case "build", "cancelGray", "ide", "returnToDevelopment":
		return 2
	default:
		return 1
	}
}

// GoString is for the log of a sequence that failed.
func (s step) GoString() string { return s.text }

// sequenceFault is what may happen to a write on its way.
type sequenceFault struct {
	name  string
	fault alipaycntest.Fault
	// after: the write was carried out before.
	after bool
	// lost: the client cannot know from the answer what became of it.
	lost bool
}

// GoString is for the log of a sequence that failed.
func (f sequenceFault) GoString() string { return f.name }

func sequenceFaults() []sequenceFault {
	none := sequenceFault{name: "none"}
	return []sequenceFault{
		none, none, none, none, none, none, none, none,
		{"429", alipaycntest.Fault{Status: http.StatusTooManyRequests}, false, false},
		{"503 before", alipaycntest.Fault{Status: http.StatusServiceUnavailable}, false, true},
		{"503 after", alipaycntest.Fault{StatusAfter: http.StatusServiceUnavailable}, true, true},
		{"cut before", alipaycntest.Fault{CutBefore: true}, false, true},
		{"cut after", alipaycntest.Fault{CutAfter: true}, true, true},
		{"unsigned", alipaycntest.Fault{Unsigned: true}, true, true},
		{"wrong signature", alipaycntest.Fault{WrongSignature: true}, true, true},
		{"system error after", alipaycntest.Fault{CodeAfter: alipaycn.CodeSystemError}, true, true},
	}
}

// take tries a step and compares all that there is to compare.
func (s *sequence) take(step step) {
	before := s.g.Effects(miniID)
	if step.operation == "" {
		require.NoError(s.rt, step.do(s.t.Context()), step.text)
		step.effect()
	} else {
		s.write(step)
	}
	require.Equal(s.rt, s.m.effects, s.g.Effects(miniID), "%s; before: %v", step.text, before)
	for _, v := range s.m.versions {
		require.Equal(s.rt, v.shown(), s.g.Status(miniID, v.number.String()), "%v after %s", v.number, step.text)
	}
	if step.about != nil {
		s.checkVersion(s.m.find(step.about))
	}
	if len(step.refused) > 0 {
		return
	}
	if step.about != nil {
		s.checkList(step.about.bundle)
	}
	if step.operation == "versions.apply" || step.operation == "baseInfo.modify" {
		s.checkBaseInfo()
	}
}

// write makes a write, with a fault or without, and checks the result.
func (s *sequence) write(step step) {
	fault := rapid.SampledFrom(sequenceFaults()).Draw(s.rt, "fault")
	if fault.fault != (alipaycntest.Fault{}) {
		fault.fault.Operation = step.operation
		s.g.Inject(fault.fault)
	}
	wanted := step.wanted != nil && step.wanted()
	before := s.g.Effects(miniID)[step.operation]

	err := step.do(s.t.Context())

	effects := s.g.Effects(miniID)[step.operation] - before
	text := fmt.Sprintf("%s, fault %s: %v", step.text, fault.name, err)
	switch {
	case len(step.refused) > 0:
		require.Zero(s.rt, effects, text)
		s.checkRefusal(step, fault, wanted, err)
		return
	case fault.lost && err != nil:
		require.ErrorIs(s.rt, err, alipayplus.ErrOutcomeUnknown, text)
		require.True(s.rt, step.silent || len(s.m.shown(step.about)) >= 20, text)
		require.Equal(s.rt, fault.after, effects == 1, text)
	default:
		require.NoError(s.rt, err, text)
		require.True(s.rt, effects == 1 || fault.lost && wanted, text)
	}
	require.LessOrEqual(s.rt, effects, 1, text)
	if effects == 1 {
		s.m.effects[step.operation]++
		step.effect()
	}
}

// checkRefusal checks a write that the documents refuse. Where its answer was
// lost, the state may be what was wanted, or tell nothing.
func (s *sequence) checkRefusal(step step, fault sequenceFault, wanted bool, err error) {
	text := fmt.Sprintf("%s, fault %s, must be refused by one of %v: %v", step.text, fault.name, step.refused, err)
	if fault.lost && (err == nil && wanted || errors.Is(err, alipayplus.ErrOutcomeUnknown)) {
		return
	}
	failure, ok := errors.AsType[*alipaycn.Error](err)
	require.True(s.rt, ok, text)
	i := slices.IndexFunc(step.refused, func(r refusal) bool { return slices.Contains(r.codes, failure.Code) })
	require.GreaterOrEqual(s.rt, i, 0, text)
	require.ErrorIs(s.rt, err, step.refused[i].class, text)
	require.False(s.rt, failure.OutcomeUnknown, text)
}

func (s *sequence) checkList(bundle alipaycn.BundleID) {
	list, err := s.c.Versions.List(s.t.Context(), alipaycn.ListVersionsInput{Statuses: alipaycn.VersionStatuses(), BundleID: bundle})
	require.NoError(s.rt, err)
	var want, got []string
	var highest []alipaycn.Version
	seen := map[alipaycn.VersionStatus]bool{}
	for i, v := range s.m.shownOf(bundle) {
		if i < 20 {
			want = append(want, fmt.Sprintf("%v %s %q", v.number, v.status, v.description))
		}
		if !seen[v.status] {
			seen[v.status] = true
			highest = append(highest, alipaycn.Version(v.number.String()))
		}
	}
	underWay := 0
	for _, v := range list.Versions {
		got = append(got, fmt.Sprintf("%s %s %q", v.Version, v.Status, v.Description))
		if isUnderWay(v.Status) {
			underWay++
		}
		require.Equal(s.rt, bundle, v.BundleID)
	}
	require.Equal(s.rt, want, got)
	require.Equal(s.rt, highest, list.AppVersions)
	require.LessOrEqual(s.rt, underWay, 1)
}

// checkVersion checks one version, which may be gone.
func (s *sequence) checkVersion(v *modelVersion) {
	in := alipaycn.VersionInput{Version: v.number, BundleID: v.bundle}
	if v.build != "" && v.status == "" { // it did not become a version
		build, err := s.c.Versions.QueryBuild(s.t.Context(), in)
		require.NoError(s.rt, err)
		require.False(s.rt, build.Created())
		require.Equal(s.rt, v.build.Failed(), build.Failed())
	}
	detail, err := s.c.Versions.Get(s.t.Context(), in)
	if v.shown() == "" {
		require.ErrorIs(s.rt, err, alipayplus.ErrInvalid)
		require.ErrorContains(s.rt, err, "VERSION_IS_BLANK")
		return
	}
	require.NoError(s.rt, err)
	require.Equal(s.rt, v.status, detail.Status)
	require.Equal(s.rt, v.scan, detail.ScanResult)
	require.Equal(s.rt, v.strategy, detail.GrayStrategy)
	require.Equal(s.rt, v.reason, detail.RejectReason)
	require.Equal(s.rt, v.description, detail.Description)

	share, _ := detail.GrayStrategy.Ratio()
	if detail.Status == alipaycn.StatusGray {
		require.GreaterOrEqual(s.rt, share, s.shares[v.number], "the share fell")
	}
	s.shares[v.number] = share
}

func (s *sequence) checkBaseInfo() {
	info, err := s.c.BaseInfo.Get(s.t.Context())
	require.NoError(s.rt, err)
	require.Equal(s.rt, s.m.logo, info.AppLogo != "")
	info.AppLogo = ""
	info.Answer = alipaycn.Answer{}
	require.Equal(s.rt, s.m.base, *info)
}

// steps lists what can be tried now.
func (s *sequence) steps() []step {
	var all []step
	for _, v := range slices.Backward(s.m.versions) {
		all = append(all, s.writesAbout(v)...)
		all = append(all, s.possibleSteps(v)...)
	}
	for _, bundle := range modelBundles() {
		all = append(all, s.uploads(bundle)...)
		all = append(all, s.cancelAudit(bundle, nil))
		all = append(all, s.writesAbout(&modelVersion{number: above(s.m.highest(bundle), 100), bundle: bundle})...)
	}
	if next := above(s.m.highest(alipaycn.BundleAlipay), 1); len(s.m.uploadRefused(next, alipaycn.BundleAlipay)) == 0 {
		all = append(all, s.ide())
	}
	return append(all, s.modifications()...)
}

func (s *sequence) modifications() []step {
	var all []step
	for _, in := range []alipaycn.ModifyBaseInfoInput{
		{AppName: "BlueLakeTea", AppEnglishName: "BlueLakeTea"},
		{AppName: "RedLakeTea"},
		{AppSlogan: "Tea from the red lake", ServiceEmail: "help@bluelake.example"},
		{AppDescription: "Order tea from the red lake, and drink it there.", ServicePhone: "10086-1"},
	} {
		all = append(all, step{
			operation: "baseInfo.modify", text: fmt.Sprintf("modify %+v", in),
			do:      func(ctx context.Context) error { return s.c.BaseInfo.Modify(ctx, in) },
			refused: s.m.modifyRefused(),
			effect:  func() { s.m.base = savedAfterModify(s.m.base, in) },
			wanted:  func() bool { return equalBase(savedAfterModify(s.m.base, in), s.m.base) },
		})
	}
	return all
}

func (s *sequence) uploads(bundle alipaycn.BundleID) []step {
	highest := s.m.highest(bundle)
	var all []step
	for _, number := range []alipayplus.VersionNumber{above(highest, 2), highest, above(highest, -1)} {
		if number.Minor <= 0 {
			continue
		}
		in := alipaycn.UploadInput{TemplateID: templateID, Version: number, BundleID: bundle}
		all = append(all, step{
			operation: "versions.upload", text: fmt.Sprintf("upload %v %s", number, bundle),
			do:      func(ctx context.Context) error { return second(s.c.Versions.Upload(ctx, in)) },
			about:   &modelVersion{number: number, bundle: bundle},
			refused: s.m.uploadRefused(number, bundle),
			effect:  func() { s.m.upload(number, bundle) },
			// the build that failed before cannot be distinguished from this one
			silent: s.m.find(&modelVersion{number: number, bundle: bundle}).build.Failed(),
		})
	}
	return all
}

func second[T any](_ T, err error) error { return err }

// writesAbout lists the writes about a version, which may not exist.
func (s *sequence) writesAbout(v *modelVersion) []step {
	in := alipaycn.VersionInput{Version: v.number, BundleID: v.bundle}
	c := s.c.Versions
	status := func(wanted alipaycn.VersionStatus) func() bool { return func() bool { return v.shown() == wanted } }
	all := append(s.grays(v), s.applications(v)...)
	all = append(all, []step{
		s.cancelAudit(v.bundle, v),
		{
			operation: "versions.returnToDevelopment", text: "returnToDevelopment",
			do:      func(ctx context.Context) error { return c.ReturnToDevelopment(ctx, in) },
			refused: s.m.returnRefused(v), effect: v.backToInit, wanted: status(alipaycn.StatusInit),
		},
		{
			operation: "versions.cancelGray", text: "cancelGray",
			do:      func(ctx context.Context) error { return c.CancelGray(ctx, in) },
			refused: s.m.cancelGrayRefused(v), effect: func() { v.status, v.strategy = alipaycn.StatusWaitRelease, "" },
			wanted: status(alipaycn.StatusWaitRelease),
		},
		{
			operation: "versions.publish", text: "publish",
			do: func(ctx context.Context) error {
				return c.Publish(ctx, alipaycn.PublishInput{Version: v.number, BundleID: v.bundle})
			},
			refused: s.m.publishRefused(v), effect: func() { s.m.release(v) }, wanted: status(alipaycn.StatusRelease),
		},
		{
			operation: "versions.takeOffline", text: "takeOffline",
			do:      func(ctx context.Context) error { return c.TakeOffline(ctx, in) },
			refused: s.m.takeOfflineRefused(v), effect: func() { v.status = alipaycn.StatusOffline }, wanted: status(alipaycn.StatusOffline),
		},
		{
			operation: "versions.rollback", text: "rollback",
			do:      func(ctx context.Context) error { return c.Rollback(ctx, in) },
			refused: s.m.rollbackRefused(v), effect: func() { s.m.rollback(v) },
			wanted: func() bool {
				online := s.m.online(v.bundle)
				return v.shown() == alipaycn.StatusOffline && online != nil && online.number.Compare(v.number) < 0
			},
		},
		{
			operation: "versions.delete", text: "delete",
			do:      func(ctx context.Context) error { return c.Delete(ctx, in) },
			refused: s.m.deleteRefused(v), effect: func() { s.m.remove(v) }, wanted: status(""),
		},
	}...)
	for i := range all {
		all[i].about = v
		all[i].text += fmt.Sprintf(" %v", v)
	}
	return all
}

func (s *sequence) grays(v *modelVersion) []step {
	var all []step
	for _, strategy := range []alipaycn.GrayStrategy{alipaycn.GrayP10, alipaycn.GrayP30, alipaycn.GrayP50} {
		all = append(all, step{
			operation: "versions.gray", text: "gray " + string(strategy),
			do: func(ctx context.Context) error {
				return s.c.Versions.RaiseGray(ctx, alipaycn.GrayInput{Version: v.number, Strategy: strategy, BundleID: v.bundle})
			},
			refused: s.m.grayRefused(v, strategy), effect: func() { v.status, v.strategy = alipaycn.StatusGray, strategy },
			wanted: func() bool { return v.status == alipaycn.StatusGray && v.strategy == strategy },
		})
	}
	return all
}

func (s *sequence) cancelAudit(bundle alipaycn.BundleID, named *modelVersion) step {
	in := alipaycn.CancelAuditInput{BundleID: bundle}
	auditing := s.m.in(bundle, alipaycn.StatusAuditing)
	wanted := func() bool { return named.shown() == alipaycn.StatusInit }
	if named == nil {
		wanted = nil
	} else {
		in.Version = named.number
	}
	return step{
		operation: "versions.cancelAudit", text: "cancelAudit", about: auditing, silent: named == nil, wanted: wanted,
		do:      func(ctx context.Context) error { return s.c.Versions.CancelAudit(ctx, in) },
		refused: s.m.cancelAuditRefused(bundle, named),
		effect:  func() { auditing.backToInit() },
	}
}

func (s *sequence) applications(v *modelVersion) []step {
	short := alipaycn.ApplyInput{Description: "Another version, with a longer menu and more tea."}
	renamed, automatic := short, s.whole
	renamed.AppName = "GreenLakeTea"
	automatic.AutoOnline = true
	var all []step
	for _, in := range []alipaycn.ApplyInput{s.whole, short, renamed, automatic} {
		in.Version, in.BundleID = v.number, v.bundle
		all = append(all, step{
			operation: "versions.apply", text: fmt.Sprintf("apply name %q auto_online %t", in.AppName, in.AutoOnline),
			do:      func(ctx context.Context) error { return second(s.c.Versions.Apply(ctx, in)) },
			refused: s.m.applyRefused(v, in), effect: func() { s.m.apply(v, in) },
		})
	}
	return all
}

// possibleSteps lists the steps that are possible for a version at AlipayCN.
func (s *sequence) possibleSteps(v *modelVersion) []step {
	number := v.number.String()
	var all []step
	add := func(text string, do func() error, effect func()) {
		all = append(all, step{text: fmt.Sprintf("%s %v", text, v), about: v, do: func(context.Context) error { return do() }, effect: effect})
	}
	switch {
	case v.isBuilding():
		for _, to := range []alipaycn.BuildStatus{alipaycn.BuildCreated, alipaycn.BuildFailed, alipaycn.BuildTimedOut, alipaycn.BuildQueued} {
			add("build -> "+string(to), func() error { return s.g.AdvanceBuild(miniID, number, to) }, func() { v.bringBuild(to) })
		}
	case v.status == alipaycn.StatusInit:
		for _, result := range []alipaycn.ScanResult{alipaycn.ScanPassed, alipaycn.ScanPassed, alipaycn.ScanFailed, alipaycn.ScanRunning} {
			add("scan -> "+string(result), func() error { return s.g.SetScan(miniID, number, result) }, func() { v.scan = result })
		}
	case v.status == alipaycn.StatusAuditing:
		add("approve", func() error { return s.g.Approve(miniID, number) }, func() { s.m.pass(v) })
		add("reject", func() error { return s.g.Reject(miniID, number, alipaycntest.Verdict{Reason: "no tea"}) },
			func() { v.status, v.reason = alipaycn.StatusAuditReject, "no tea" })
		for _, can := range []bool{false, true} {
			add(fmt.Sprintf("admit %t", can), func() error { return s.g.ApproveAdmission(miniID, number, can, alipaycntest.Verdict{}) },
				func() { v.status, v.canRelease = alipaycn.StatusBaseAuditPass, can })
		}
	case v.isBuilt() && s.m.releases > 1: // seldom, for little is possible afterwards
		add("takeDown", func() error { return s.g.TakeDown(miniID, number) }, func() { v.status, v.strategy = alipaycn.StatusAuditOffline, "" })
	}
	return all
}
