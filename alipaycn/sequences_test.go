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

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// The client works on the stand-in, in an order that nobody thought of and with
// faults in between, while a model that was written from AlipayCN's documents
// runs beside it. After every step the client's view, the stand-in's state and
// the model agree.
func TestRandomSequencesAgreeWithAModelOfTheDocuments(t *testing.T) {
	t.Parallel() // the longest test of the package
	rapid.Check(t, func(rt *rapid.T) {
		s := newSequence(t, rt)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
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
	*gatewayWorld
	rt *rapid.T
	m  *documentsModel
	// whole is an application with all that there is to give.
	whole alipaycn.ApplyInput
	// shares are those of the versions in grayscale as the client saw them last.
	shares map[alipayplus.VersionNumber]alipayplus.Ratio
}

func newSequence(t *testing.T, rt *rapid.T) *sequence {
	const untilTold = 24 * time.Hour // builds and scans end when a step says so
	w := newGatewayWorld(t, alipaycntest.WithBuildDelay(untilTold), alipaycntest.WithScanDelay(untilTold))
	token, err := w.g.Authorize(isvID, miniID)
	require.NoError(t, err)
	w.c, err = alipaycn.New(
		alipaycn.WithAppID(isvID), alipaycn.WithSigner(testkey.Client()), alipaycn.WithAlipayPublicKeyText(w.g.AlipayPublicKey()),
		alipaycn.WithAppAuthToken(token.AppAuthToken), alipaycn.WithHTTPClient(w.g.HTTPClient()), alipaycn.WithRetry(4, 0, 0),
	)
	require.NoError(t, err)
	s := &sequence{w, rt, newDocumentsModel(), firstApplication(), map[alipayplus.VersionNumber]alipayplus.Ratio{}}
	for range rapid.SampledFrom([]int{2, 3, 0, 19}).Draw(rt, "versions at the start") {
		s.take(s.ide())
	}
	return s
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

// refusal is an error code with the class that the documents suggest.
type refusal struct {
	code  alipaycn.Code
	class error
}

// next draws a step: mostly one that the model calls possible, because others
// outnumber these by far, and rather one that leads on.
func (s *sequence) next() step {
	possible := rapid.SampledFrom([]bool{true, true, true, false}).Draw(s.rt, "possible")
	var names []string
	byName := map[string][]step{}
	for _, step := range s.steps() {
		if possible && len(step.refused) > 0 {
			continue
		}
		name, _, _ := strings.Cut(step.text, " ")
		if byName[name] == nil {
			names = append(names, slices.Repeat([]string{name}, weight(name))...)
		}
		byName[name] = append(byName[name], step)
	}
	return rapid.SampledFrom(byName[rapid.SampledFrom(names).Draw(s.rt, "what")]).Draw(s.rt, "which")
}

// weight is how likely steps of a kind are.
func weight(name string) int {
	switch name {
	case "gray", "rollback":
		return 10
	case "apply", "approve", "publish":
		return 6
	case "build", "cancelGray", "ide":
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
		s.checkList(step.about.bundle)
		s.checkVersion(s.m.find(step.about))
	}
	if step.operation == "versions.apply" || step.operation == "baseInfo.modify" {
		s.checkBaseInfo()
	}
}

// write makes a write, with a fault or without, and judges what it came to.
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
	i := slices.IndexFunc(step.refused, func(r refusal) bool { return r.code == failure.Code })
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
	require.Equal(s.rt, s.m.base, *info)
}

// steps lists what can be tried now. What comes first is drawn more often: what
// leads far comes first.
func (s *sequence) steps() []step {
	var all []step
	for _, v := range slices.Backward(s.m.versions) {
		all = append(all, s.writesAbout(v)...)
		all = append(all, s.happenings(v)...)
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
			// the build that failed before cannot be told from this one
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

// happenings lists what may happen to a version at AlipayCN.
func (s *sequence) happenings(v *modelVersion) []step {
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

// documentsModel is a mini program as AlipayCN's documents describe it. It shares
// no code with the stand-in.
type documentsModel struct {
	versions []*modelVersion
	// history are the versions in the order in which they went online.
	history  map[alipaycn.BundleID][]*modelVersion
	releases int
	base     alipaycn.BaseInfo
	logo     bool
	effects  map[string]int
}

type modelVersion struct {
	number      alipayplus.VersionNumber
	bundle      alipaycn.BundleID
	build       alipaycn.BuildStatus // empty: there is no such version
	scan        alipaycn.ScanResult
	status      alipaycn.VersionStatus
	strategy    alipaycn.GrayStrategy
	description string
	reason      string
	autoOnline  bool
	canRelease  bool
	cameBack    bool
}

func above(n alipayplus.VersionNumber, by int32) alipayplus.VersionNumber {
	n.Minor += by
	return n
}

func newDocumentsModel() *documentsModel {
	return &documentsModel{history: map[alipaycn.BundleID][]*modelVersion{}, effects: map[string]int{}}
}

// modelBundles are the clients that a review may be applied for.
func modelBundles() []alipaycn.BundleID {
	return []alipaycn.BundleID{alipaycn.BundleAlipay, alipaycn.BundleIoT}
}

// isUnderWay: "at most one version that is auditing, passed, rejected or gray".
func isUnderWay(status alipaycn.VersionStatus) bool {
	switch status {
	case alipaycn.StatusAuditing, alipaycn.StatusWaitRelease, alipaycn.StatusBaseAuditPass, alipaycn.StatusAuditReject, alipaycn.StatusGray:
		return true
	default:
		return false
	}
}

func (v *modelVersion) String() string {
	return fmt.Sprintf("[%v build %s scan %s %s %s]", v.number, v.build, v.scan, v.status, v.strategy)
}

func (v *modelVersion) isBuilt() bool { return v.build == alipaycn.BuildCreated }

func (v *modelVersion) isBuilding() bool {
	return v.build == alipaycn.BuildRunning || v.build == alipaycn.BuildQueued
}

// shown is the status that can be seen; empty when the version cannot.
func (v *modelVersion) shown() alipaycn.VersionStatus {
	if !v.isBuilt() {
		return ""
	}
	return v.status
}

func (v *modelVersion) backToInit() {
	v.status, v.reason, v.canRelease = alipaycn.StatusInit, "", false
}

func (v *modelVersion) bringBuild(to alipaycn.BuildStatus) {
	v.build = to
	if to == alipaycn.BuildCreated {
		v.status, v.scan = alipaycn.StatusInit, alipaycn.ScanRunning
	}
}

// add adds a version, in the place of one whose build failed.
func (m *documentsModel) add(v *modelVersion) {
	m.remove(m.find(v))
	m.versions = append(m.versions, v)
}

// find is the version of that number as it is now.
func (m *documentsModel) find(v *modelVersion) *modelVersion {
	for _, now := range m.versions {
		if now.number == v.number && now.bundle == v.bundle {
			return now
		}
	}
	return &modelVersion{number: v.number, bundle: v.bundle}
}

func (m *documentsModel) remove(v *modelVersion) {
	m.versions = slices.DeleteFunc(m.versions, func(other *modelVersion) bool { return other == v })
	v.build = ""
}

// highest is the highest number that is taken; each client has numbers of its own.
func (m *documentsModel) highest(bundle alipaycn.BundleID) alipayplus.VersionNumber {
	n := alipayplus.VersionNumber{Major: int32(1 + slices.Index(modelBundles(), bundle))}
	for _, v := range m.versions {
		if v.bundle == bundle && !v.build.Failed() && v.number.Compare(n) > 0 {
			n = v.number
		}
	}
	return n
}

func (m *documentsModel) in(bundle alipaycn.BundleID, status alipaycn.VersionStatus) *modelVersion {
	for _, v := range m.versions {
		if v.bundle == bundle && v.shown() == status {
			return v
		}
	}
	return nil
}

func (m *documentsModel) online(bundle alipaycn.BundleID) *modelVersion {
	return m.in(bundle, alipaycn.StatusRelease)
}

// shownOf are the versions that can be seen, the highest first.
func (m *documentsModel) shownOf(bundle alipaycn.BundleID) []*modelVersion {
	var shown []*modelVersion
	for _, v := range m.versions {
		if v.bundle == bundle && v.isBuilt() {
			shown = append(shown, v)
		}
	}
	slices.SortFunc(shown, func(a, b *modelVersion) int { return b.number.Compare(a.number) })
	return shown
}

// shown are the versions among which a list shows a version.
func (m *documentsModel) shown(v *modelVersion) []*modelVersion {
	if v == nil {
		return nil
	}
	return m.shownOf(v.bundle)
}

func (m *documentsModel) upload(n alipayplus.VersionNumber, bundle alipaycn.BundleID) {
	m.add(&modelVersion{number: n, bundle: bundle, build: alipaycn.BuildRunning})
}

func (m *documentsModel) apply(v *modelVersion, in alipaycn.ApplyInput) {
	v.status, v.description, v.autoOnline = alipaycn.StatusAuditing, in.Description, bool(in.AutoOnline)
	m.base = savedAfterModify(m.base, alipaycn.ModifyBaseInfoInput{
		AppName: in.AppName, AppEnglishName: in.AppEnglishName, AppSlogan: in.AppSlogan, AppDescription: in.AppDescription,
		ServicePhone: in.ServicePhone, ServiceEmail: in.ServiceEmail,
	})
	if len(in.Categories) > 0 {
		m.base.CategoryNames = "Shopping_Food_Tea"
	}
	m.logo = m.logo || in.AppLogo != nil
}

// savedAfterModify: what is left out stays as it was saved last.
func savedAfterModify(base alipaycn.BaseInfo, in alipaycn.ModifyBaseInfoInput) alipaycn.BaseInfo {
	for _, field := range []struct {
		saved *string
		given string
	}{
		{&base.AppName, in.AppName},
		{&base.AppEnglishName, in.AppEnglishName},
		{&base.AppSlogan, in.AppSlogan},
		{&base.AppDescription, in.AppDescription},
		{&base.ServicePhone, in.ServicePhone},
		{&base.ServiceEmail, in.ServiceEmail},
	} {
		if field.given != "" {
			*field.saved = field.given
		}
	}
	return base
}

func equalBase(a, b alipaycn.BaseInfo) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func (m *documentsModel) pass(v *modelVersion) {
	v.status = alipaycn.StatusWaitRelease
	if v.autoOnline {
		m.release(v)
	}
}

func (m *documentsModel) release(v *modelVersion) {
	if online := m.online(v.bundle); online != nil {
		online.status = alipaycn.StatusOffline
	}
	v.status, v.strategy, v.cameBack = alipaycn.StatusRelease, "", false
	m.history[v.bundle] = append(m.history[v.bundle], v)
	m.releases++
}

// previous is the version that was online before v.
func (m *documentsModel) previous(v *modelVersion) *modelVersion {
	for _, other := range slices.Backward(m.history[v.bundle]) {
		if other != v {
			return other
		}
	}
	return nil
}

func (m *documentsModel) rollback(v *modelVersion) {
	previous := m.previous(v)
	m.release(previous) // v goes offline
	previous.cameBack = true
}

// reasons collects what refuses a write.
type reasons []refusal

func (r *reasons) when(is bool, code alipaycn.Code, class error) {
	if is {
		*r = append(*r, refusal{code, class})
	}
}

// absent: the version does not exist, as each operation words it.
func (v *modelVersion) absent(codes ...alipaycn.Code) (all reasons, absent bool) {
	for _, code := range codes {
		all.when(v.shown() == "", code, alipayplus.ErrNotFound)
	}
	return all, v.shown() == ""
}

func (m *documentsModel) modifyRefused() (r reasons) {
	r.when(m.releases > 0, alipaycn.CodeCanNotModifyBaseInfo, alipayplus.ErrConflict)
	return r
}

func (m *documentsModel) uploadRefused(n alipayplus.VersionNumber, bundle alipaycn.BundleID) (r reasons) {
	development := 0
	for _, v := range m.versions {
		released := v.status == alipaycn.StatusRelease || v.status == alipaycn.StatusOffline || v.status == alipaycn.StatusAuditOffline
		if !v.build.Failed() && !released {
			development++
		}
		if v.build.Failed() || v.bundle != bundle {
			continue
		}
		r.when(v.number == n, alipaycn.CodeVersionHasExisted, alipaycn.ErrAlreadyDone)
		r.when(v.number.Compare(n) > 0, alipaycn.CodeLargerVersionHasExisted, alipayplus.ErrConflict)
	}
	r.when(development >= 20, alipaycn.CodeDevVersionExceedMaxCount, alipayplus.ErrLimit)
	return r
}

func (m *documentsModel) applyRefused(v *modelVersion, in alipaycn.ApplyInput) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	for _, other := range m.shownOf(v.bundle) {
		r.when(other != v && isUnderWay(other.status), alipaycn.CodeCanNotSubmitWithAuditGray, alipayplus.ErrConflict)
	}
	for _, online := range m.history[v.bundle] {
		r.when(online.number.Compare(v.number) > 0, alipaycn.CodeExistLargerOnlinedVersion, alipayplus.ErrConflict)
	}
	r.when(v.status == alipaycn.StatusAuditing, alipaycn.CodeSubmitRepeat, alipaycn.ErrAlreadyDone)
	r.when(v.status != alipaycn.StatusInit, alipaycn.CodeCanNotSubmitWithoutInit, alipayplus.ErrConflict)
	r.when(v.scan != alipaycn.ScanPassed, alipaycn.CodeCanNotSubmitWithoutScanPass, alipaycn.ErrNotReady)
	return append(r, m.textsRefused(in)...)
}

// textsRefused: what is neither given nor saved is missing.
func (m *documentsModel) textsRefused(in alipaycn.ApplyInput) (r reasons) {
	missing := func(texts ...string) bool { return strings.Join(texts, "") == "" }
	r.when(missing(in.AppName, m.base.AppName), alipaycn.CodeAppNameIsBlank, alipayplus.ErrInvalid)
	r.when(missing(in.AppEnglishName, m.base.AppEnglishName), alipaycn.CodeEnglishNameIsBlank, alipayplus.ErrInvalid)
	r.when(missing(in.AppSlogan, m.base.AppSlogan), alipaycn.CodeSloganIsBlank, alipayplus.ErrInvalid)
	r.when(missing(in.AppDescription, m.base.AppDescription), alipaycn.CodeAppDescIsBlank, alipayplus.ErrInvalid)
	r.when(len(in.Categories) == 0 && m.base.CategoryNames == "", alipaycn.CodeCategoryIsBlank, alipayplus.ErrInvalid)
	r.when(in.AppLogo == nil && !m.logo, alipaycn.CodeLogoIsBlank, alipayplus.ErrInvalid)
	r.when(missing(in.ServicePhone, in.ServiceEmail, m.base.ServicePhone, m.base.ServiceEmail), alipaycn.CodeServiceTelAndMailBothBlank, alipayplus.ErrInvalid)
	r.when(m.releases > 0 && in.AppName != "" && in.AppName != m.base.AppName, alipaycn.CodeCanNotModifyNameOnceOnline, alipayplus.ErrConflict)
	r.when(m.releases > 0 && in.AppEnglishName != "" && in.AppEnglishName != m.base.AppEnglishName, alipaycn.CodeCanNotModifyEnOnceOnline, alipayplus.ErrConflict)
	return r
}

func (m *documentsModel) cancelAuditRefused(bundle alipaycn.BundleID, named *modelVersion) (r reasons) {
	auditing := m.in(bundle, alipaycn.StatusAuditing)
	if named != nil {
		absent, _ := named.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
		r = append(r, absent...)
		r.when(auditing != nil && auditing != named, alipaycn.CodeInvalidVersionStatus, alipayplus.ErrConflict)
	}
	r.when(auditing == nil, alipaycn.CodeAuditingVersionNotExist, alipaycn.ErrAlreadyDone)
	return r
}

func (m *documentsModel) returnRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionMissing, alipaycn.CodeMiniAppPackageInfoNotExist)
	judged := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusBaseAuditPass || v.status == alipaycn.StatusAuditReject
	r.when(!absent && !judged, alipaycn.CodeCanNotBackDevWithoutAudit, alipayplus.ErrConflict)
	return r
}

func (m *documentsModel) grayRefused(v *modelVersion, strategy alipaycn.GrayStrategy) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionMissing, alipaycn.CodeMiniAppPackageInfoNotExist)
	passed := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusGray
	r.when(!absent && !passed, alipaycn.CodeCanNotGrayWithoutAuditPass, alipayplus.ErrConflict)
	r.when(v.status == alipaycn.StatusGray && strategy <= v.strategy, alipaycn.CodeGrayStrategyNotAllowReduce, alipayplus.ErrConflict) // p10 < p30 < p50
	return r
}

func (m *documentsModel) cancelGrayRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	r.when(!absent && v.status != alipaycn.StatusGray, alipaycn.CodeCanNotEndGrayWithoutGray, alipaycn.ErrAlreadyDone)
	return r
}

func (m *documentsModel) publishRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	admitted := v.status == alipaycn.StatusBaseAuditPass
	passed := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusGray
	notPassed := v.status == alipaycn.StatusInit || v.status == alipaycn.StatusAuditing || v.status == alipaycn.StatusAuditReject
	r.when(admitted && !v.canRelease, alipaycn.CodeCanNotOnlineNoPromote, alipayplus.ErrConflict)
	r.when(notPassed, alipaycn.CodeCanNotOnlineWithoutAudit, alipayplus.ErrConflict)
	r.when(!admitted && !passed, alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease, alipayplus.ErrConflict)
	return r
}

func (m *documentsModel) takeOfflineRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	r.when(!absent && v.status != alipaycn.StatusRelease, alipaycn.CodeCanNotOfflineWithoutOnline, alipayplus.ErrConflict)
	r.when(!absent && m.in(v.bundle, alipaycn.StatusGray) != nil, alipaycn.CodeCanNotOfflineWithGray, alipayplus.ErrConflict)
	return r
}

func (m *documentsModel) rollbackRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	previous := m.previous(v)
	r.when(v.status != alipaycn.StatusRelease, alipaycn.CodeCanNotRollbackWithoutOnline, alipayplus.ErrConflict)
	r.when(m.in(v.bundle, alipaycn.StatusGray) != nil, alipaycn.CodeCanNotRollbackWithGray, alipayplus.ErrConflict)
	r.when(v.cameBack, alipaycn.CodeCanNotContinuousRollback, alipayplus.ErrConflict)
	r.when(previous == nil, alipaycn.CodeCanNotRollbackWithoutOffline, alipayplus.ErrConflict)
	r.when(previous != nil && previous.status == alipaycn.StatusAuditOffline, alipaycn.CodeCanNotRollbackPunish, alipayplus.ErrPermission)
	return r
}

func (m *documentsModel) deleteRefused(v *modelVersion) (r reasons) {
	r.when(v.build == "" || v.build.Failed(), alipaycn.CodeMiniAppPackageInfoNotExist, alipayplus.ErrNotFound)
	r.when(v.isBuilding(), alipaycn.CodeCanNotDeleteWithInstantiate, alipaycn.ErrNotReady)
	r.when(v.isBuilt() && v.status != alipaycn.StatusInit, alipaycn.CodeCanNotDeleteWithoutDev, alipayplus.ErrConflict)
	r.when(v.isBuilt() && v.scan == alipaycn.ScanRunning, alipaycn.CodeCanNotDeleteWithScanning, alipaycn.ErrNotReady)
	return r
}
