package rollout_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// onStage runs a test in virtual time, on a stage, beside other tests.
func onStage(t *testing.T, spec rollout.Spec, do func(t *testing.T, s *stage)) {
	t.Helper()
	inVirtualTime(t, func(t *testing.T) { do(t, newStage(t, spec)) })
}

// runOnStage runs a subtest in virtual time, on a stage.
func runOnStage(t *testing.T, name string, spec rollout.Spec, do func(t *testing.T, s *stage)) {
	t.Helper()
	runInVirtualTime(t, name, func(t *testing.T) { do(t, newStage(t, spec)) })
}

// onStageAtTen is onStage where 10 % have been live for about a minute, and nobody runs.
func onStageAtTen(t *testing.T, spec rollout.Spec, do func(t *testing.T, s *stage)) {
	t.Helper()
	inVirtualTime(t, func(t *testing.T) { do(t, liveAtTen(t, spec)) })
}

// runOnStageAtTen is onStageAtTen for a subtest.
func runOnStageAtTen(t *testing.T, name string, spec rollout.Spec, do func(t *testing.T, s *stage)) {
	t.Helper()
	runInVirtualTime(t, name, func(t *testing.T) { do(t, liveAtTen(t, spec)) })
}

// inVirtualTime runs a test in virtual time, beside other tests.
func inVirtualTime(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, do)
}

// runInVirtualTime runs a subtest in virtual time.
func runInVirtualTime(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, do) })
}

// stage is a release in memory, which both parties approve after an hour, the store of
// its rollout, and its events.
type stage struct {
	*testing.T
	fake  *rollouttest.Fake
	store rollout.Store
	spec  rollout.Spec
	began time.Time
	// gate answers for every gate of the spec; nil: each passes.
	gate rollout.Gate
	// onEvent is called with every event; may be nil.
	onEvent func(rollout.Event)

	mu     sync.Mutex
	events []rollout.Event
}

func newStage(t *testing.T, spec rollout.Spec) *stage {
	t.Helper()
	s := &stage{T: t, fake: rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), store: rollout.NewMemoryStore(), spec: spec, began: time.Now()}
	s.fake.ApproveAfter(time.Hour)
	return s
}

func liveAtTen(t *testing.T, spec rollout.Spec) *stage {
	t.Helper()
	s := newStage(t, spec)
	s.fake.ApproveAfter(0)
	s.runUntil(time.Minute)
	require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	return s
}

func (s *stage) runner(opts ...rollout.Option) *rollout.Runner {
	s.Helper()
	return s.runnerOf(s.fake, s.store, opts...)
}

func (s *stage) runnerOf(target rollout.Target, store rollout.Store, opts ...rollout.Option) *rollout.Runner {
	s.Helper()
	all := []rollout.Option{rollout.WithHost("a"), rollout.WithSink(s.sink), rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
		return s.evaluate, nil
	})}
	r, err := rollout.New(target, s.spec, store, append(all, opts...)...)
	require.NoError(s, err)
	return r
}

// runUntil runs a runner until the time of the stage, as in a job that is stopped.
func (s *stage) runUntil(d time.Duration, opts ...rollout.Option) {
	s.Helper()
	ctx, cancel := context.WithDeadline(s.Context(), s.began.Add(d))
	defer cancel()
	_, err := s.runner(opts...).Run(ctx)
	require.ErrorIs(s, err, rollout.ErrPending)
	require.ErrorIs(s, err, context.DeadlineExceeded)
}

// finish runs until all users have the version, by whatever ratios.
func (s *stage) finish(opts ...rollout.Option) *rollout.State {
	s.Helper()
	state, err := s.runner(opts...).Run(s.Context())
	require.NoError(s, err)
	require.Equal(s, rollout.Done, state.Status)
	return state
}

func (s *stage) step(opts ...rollout.Option) *rollout.Next {
	s.Helper()
	next, err := s.runner(opts...).Step(s.Context())
	require.NoError(s, err)
	return next
}

func (s *stage) plan(opts ...rollout.Option) *rollout.Plan {
	s.Helper()
	plan, err := s.runner(opts...).Plan(s.Context())
	require.NoError(s, err)
	return plan
}

// pause, resume and approve are commands of lin, who gives no reason.
func (s *stage) pause(opts ...rollout.Option) *rollout.Receipt {
	s.Helper()
	receipt, err := s.runner(opts...).Pause(s.Context(), "lin", "")
	require.NoError(s, err)
	return receipt
}

func (s *stage) resume(opts ...rollout.Option) *rollout.Receipt {
	s.Helper()
	receipt, err := s.runner(opts...).Resume(s.Context(), "lin", "")
	require.NoError(s, err)
	return receipt
}

func (s *stage) approve(ratio alipayplus.Ratio, opts ...rollout.Option) *rollout.Receipt {
	s.Helper()
	receipt, err := s.runner(opts...).Approve(s.Context(), "lin", "", ratio)
	require.NoError(s, err)
	return receipt
}

// abort gives the version up for lin, who says no.
func (s *stage) abort(opts ...rollout.Option) *rollout.Receipt {
	s.Helper()
	receipt, err := s.runner(opts...).Abort(s.Context(), "lin", "no")
	require.NoError(s, err)
	return receipt
}

// errOf is the error of a call whose other result does not matter.
func errOf[T any](_ T, err error) error { return err }

// at calls do in a goroutine that long after the stage was made.
func (s *stage) at(d time.Duration, do func()) {
	go func() {
		time.Sleep(time.Until(s.began.Add(d)))
		do()
	}()
}

// before calls do before each call of a kind.
func (s *stage) before(op rollouttest.Op, do func()) {
	s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
		if c.Op == op {
			do()
		}
		return nil
	})
}

// between calls do once, after the target was read and right before the change.
func (s *stage) between(op rollouttest.Op, do func()) {
	done := false
	s.before(op, func() {
		if !done {
			done = true
			do()
		}
	})
}

// other puts another version in the way.
func (s *stage) other(status alipayplus.ReleaseStatus) {
	s.fake.Edit("pat", func(o *rollout.Observation) {
		o.Blocker = &rollout.Blocker{ID: "release 0", Version: "0.9.0", Status: status}
	})
}

func (s *stage) evaluate(ctx context.Context, step rollout.Step) (rollout.Verdict, error) {
	if s.gate == nil {
		return rollout.Passed("no errors"), nil
	}
	return s.gate(ctx, step)
}

// countQuestions lets the gates pass, and counts how often they are asked.
func (s *stage) countQuestions() *int {
	asked := new(int)
	s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
		*asked++
		return rollout.Passed("fine"), nil
	}
	return asked
}

func (s *stage) sink(_ context.Context, e rollout.Event) error {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	if s.onEvent != nil {
		s.onEvent(e)
	}
	return nil
}

// all are the messages of events of the kinds.
func (s *stage) all(kinds ...rollout.EventKind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range s.events {
		if slices.Contains(kinds, e.Kind) {
			lines = append(lines, e.What)
		}
	}
	return lines
}

// emitted are all without repetitions in a row.
func (s *stage) emitted(kinds ...rollout.EventKind) []string { return slices.Compact(s.all(kinds...)) }

// reads says how often the target was read, and checks that each change was decided
// by what had just been read.
func (s *stage) reads() *int {
	reads := new(int)
	var before rollouttest.Call
	var at time.Time
	s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
		if c.Op == rollouttest.OpObserve {
			*reads++
		} else {
			require.Equal(s, rollouttest.OpObserve, before.Op, "before %s to %v", c.Op, c.Change.To)
			require.Equal(s, at, time.Now(), "before %s to %v", c.Op, c.Change.To)
		}
		before, at = c, time.Now()
		return nil
	})
	return reads
}

// audit is the audit log in short: who, what, from, to.
func (s *stage) audit() []string {
	s.Helper()
	var lines []string
	var seq uint64
	for e, err := range s.store.Audit(context.WithoutCancel(s.Context()), s.fake.ID()) {
		require.NoError(s, err)
		require.GreaterOrEqual(s, e.Seq, seq, "the audit log goes back")
		seq = e.Seq
		lines = append(lines, fmt.Sprintf("%s %d-%d", e.Action, e.From, e.To))
	}
	return lines
}

// state is the stored one.
func (s *stage) state() *rollout.State {
	s.Helper()
	state, err := s.runner(rollout.WithNewSpec()).Status(s.Context())
	require.NoError(s, err)
	require.NotNil(s, state)
	return state
}

// lease is one of the rollout's, whose holder lives in the test.
func (s *stage) lease(holder string) rollout.Lease {
	s.Helper()
	lease, err := s.store.Acquire(context.WithoutCancel(s.Context()), s.fake.ID(), holder)
	require.NoError(s, err)
	return lease
}

// replace changes the stored checkpoint.
func (s *stage) replace(edit func(checkpoint []byte) []byte) {
	s.Helper()
	ctx := context.WithoutCancel(s.Context())
	lease := s.lease("test")
	data, err := lease.Load(ctx)
	require.NoError(s, err)
	require.NoError(s, lease.Save(ctx, edit(data), nil))
	require.NoError(s, lease.Release(ctx))
}

// rewrite changes the stored state, with a checksum that fits.
func (s *stage) rewrite(edit func(state map[string]any)) {
	s.Helper()
	s.replace(func(checkpoint []byte) []byte {
		var c struct {
			Schema int             `json:"schema"`
			SHA256 string          `json:"sha256"`
			State  json.RawMessage `json:"state"`
		}
		require.NoError(s, json.Unmarshal(checkpoint, &c))
		var state map[string]any
		require.NoError(s, json.Unmarshal(c.State, &state))
		edit(state)
		var err error
		c.State, err = json.Marshal(state)
		require.NoError(s, err)
		sum := sha256.Sum256(c.State)
		c.SHA256 = hex.EncodeToString(sum[:])
		data, err := json.Marshal(c)
		require.NoError(s, err)
		return data
	})
}

// shiftClock makes the stored state as if the clock of the machine that wrote it
// were off by so much.
func (s *stage) shiftClock(off time.Duration) {
	s.Helper()
	s.rewrite(func(state map[string]any) {
		for _, key := range []string{"began", "since", "watched", "updatedAt"} {
			state[key] = shifted(s.T, state[key], off)
		}
		if gates, ok := state["gates"].(map[string]any); ok {
			for _, gate := range gates {
				g := gate.(map[string]any)
				g["at"] = shifted(s.T, g["at"], off)
			}
		}
	})
}

func shifted(t *testing.T, text any, off time.Duration) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text.(string))
	require.NoError(t, err)
	return at.Add(off).Format(time.RFC3339Nano)
}

// liveFor is how long each ratio was live before the next.
func liveFor(fake *rollouttest.Fake) map[alipayplus.Ratio]time.Duration {
	live := make(map[alipayplus.Ratio]time.Duration)
	var since time.Time
	for _, e := range fake.Effects() {
		if e.Kind == rollout.ChangeRaise || e.Kind == rollout.ChangePublish {
			live[e.From], since = e.At.Sub(since), e.At
		}
	}
	return live
}

// requireNoCommands checks that no command is left in the store.
func (s *stage) requireNoCommands() {
	s.Helper()
	lease := s.lease("test")
	commands, err := lease.Commands(s.Context())
	require.NoError(s, err)
	require.Empty(s, commands)
	require.NoError(s, lease.Release(s.Context()))
}

// requireNotBegun checks that nothing is stored.
func (s *stage) requireNotBegun() {
	s.Helper()
	state, err := s.runner().Status(s.Context())
	require.NoError(s, err)
	require.Nil(s, state)
}

// requireDone checks that all users have the version and every ratio of the spec was
// set once, in order.
func (s *stage) requireDone(state *rollout.State, err error) {
	s.Helper()
	require.NoError(s, err)
	require.Equal(s, rollout.Done, state.Status)
	require.Equal(s, alipayplus.FullRatio, state.Ratio)
	require.Equal(s, alipayplus.ReleaseFull, s.fake.Now().Status)
	require.Equal(s, ratiosOf(s.spec), s.fake.Ratios())
	s.requireStored(state)
}

// requireStored checks that the state is the stored one.
func (s *stage) requireStored(state *rollout.State) {
	s.Helper()
	want, err := json.Marshal(state)
	require.NoError(s, err)
	got, err := json.Marshal(s.state())
	require.NoError(s, err)
	require.JSONEq(s, string(want), string(got))
}

func ratiosOf(spec rollout.Spec) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, step := range spec.Steps {
		all = append(all, step.Ratio)
	}
	return all
}

// hourly watches 10 % and 50 % for an hour each, with one gate.
func hourly() rollout.Spec {
	const hour = rollout.Duration(time.Hour)
	return rollout.Spec{
		Version: rollout.SpecVersion,
		Gates:   map[string]rollout.GateSpec{"errors": {}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: hour, Gates: []string{"errors"}},
			{Ratio: 50, Bake: hour, Gates: []string{"errors"}},
			{Ratio: 100},
		},
	}
}

// everyRatio climbs the whole ladder, an hour each.
func everyRatio() rollout.Spec {
	spec := plain()
	spec.Steps = nil
	for _, ratio := range alipayplus.DefaultLadder().Ratios() {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: rollout.Duration(time.Hour)})
	}
	spec.Steps[len(spec.Steps)-1].Bake = 0
	return spec
}

// plain is hourly without gates.
func plain() rollout.Spec {
	spec := hourly()
	spec.Gates = nil
	for i := range spec.Steps {
		spec.Steps[i].Gates = nil
	}
	return spec
}

// aborting is hourly, where a gate that fails gives the version up.
func aborting() rollout.Spec {
	spec := hourly()
	spec.OnGateFailure = rollout.FailureAbort
	return spec
}

// approved is hourly with an approval before 50 %.
func approved() rollout.Spec {
	spec := hourly()
	spec.Steps[1].Approval = true
	return spec
}

// approvedFirst is plain, where the first ratio waits for an approval.
func approvedFirst() rollout.Spec {
	spec := plain()
	spec.Steps[0].Approval = true
	return spec
}

// fleetFixture is a fleet of releases in memory, which are approved after an hour.
type fleetFixture struct {
	*testing.T
	group *rollouttest.Fakes
	fakes []*rollouttest.Fake
	store *rollout.MemoryStore
	spec  rollout.Spec
	began time.Time
	opts  []rollout.Option
}

func newFleetFixture(t *testing.T, n int) *fleetFixture {
	t.Helper()
	h := &fleetFixture{T: t, group: rollouttest.NewFakes(), store: rollout.NewMemoryStore(), spec: plain(), began: time.Now()}
	ladder := alipayplus.DefaultLadder()
	for i := range n {
		fake := h.group.New(fmt.Sprintf("release %d", i), ladder)
		fake.ApproveAfter(time.Hour)
		h.fakes = append(h.fakes, fake)
	}
	return h
}

// targets are the releases, or what as makes of each.
func (h *fleetFixture) targets(as func(*rollouttest.Fake) rollout.Target) []rollout.Target {
	var all []rollout.Target
	for _, fake := range h.fakes {
		all = append(all, as(fake))
	}
	return all
}

func asIs(f *rollouttest.Fake) rollout.Target { return f }

func (h *fleetFixture) fleet(options rollout.FleetOptions) *rollout.Fleet {
	h.Helper()
	return h.fleetOf(h.targets(asIs), options)
}

func (h *fleetFixture) fleetOf(targets []rollout.Target, options rollout.FleetOptions) *rollout.Fleet {
	h.Helper()
	fleet, err := rollout.NewFleet(targets, h.spec, h.store, options, append([]rollout.Option{rollout.WithHost("a")}, h.opts...)...)
	require.NoError(h, err)
	return fleet
}

// finish runs a fleet until all users have each version.
func (h *fleetFixture) finish(fleet *rollout.Fleet) *rollout.FleetSummary {
	h.Helper()
	summary, err := fleet.Run(h.Context())
	require.NoError(h, err)
	require.Equal(h, fmt.Sprintf("%d DONE", len(h.fakes)), summary.String())
	return summary
}

// at calls do in a goroutine that long after the fleetFixture was made.
func (h *fleetFixture) at(d time.Duration, do func()) {
	go func() {
		time.Sleep(time.Until(h.began.Add(d)))
		do()
	}()
}

// requireNoApproval says that nobody's approval of a ratio is valid.
func requireNoApproval(t *testing.T, state *rollout.State, ratio alipayplus.Ratio) {
	t.Helper()
	valid, _ := state.Approval(ratio, time.Now())
	require.Nil(t, valid)
}

// fixture is an embedded platform with a workspace and its owner.
type fixture struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
}

func newFixture(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	p, err := platform.New(append([]platform.Option{platform.WithSigner(testkey.FastKey())}, opts...)...)
	require.NoError(t, err)
	w := &fixture{T: t, p: p}
	w.workspace, err = p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	w.owner = w.member("olga", alipayplus.RoleOwner)
	return w
}

// approve lets both parties approve all that is under review.
func (w *fixture) approve() {
	w.Helper()
	reviews, err := w.p.Reviews(w.Context())
	require.NoError(w, err)
	for _, r := range reviews {
		require.NoError(w, r.Approve(w.Context(), alipayplus.PartyAlipayPlus))
		require.NoError(w, r.Approve(w.Context(), alipayplus.PartyAlipayCN))
	}
}

// approving reviews after a minute, each party.
func approving() platform.Option {
	return platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Minute)
	})
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

func (w *fixture) member(name string, role alipayplus.Role) *alipayplus.Client {
	w.Helper()
	require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: name, Role: role}))
	c, err := w.p.Client(w.Context(), w.workspace, name)
	require.NoError(w, err)
	return c
}

// program gives an authorized mini program.
func (w *fixture) program() string {
	w.Helper()
	p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
	})
	require.NoError(w, err)
	require.NoError(w, w.p.GrantAuthorization(w.Context(), w.workspace, p.ID, alipayplus.TargetAlipayCN))
	return p.ID
}

// release creates a release of a new version, that was not applied for.
func (w *fixture) release(program, version string) *alipayplus.Release {
	w.Helper()
	return w.releaseTo(alipayplus.TargetAlipayCN, program, version)
}

func (w *fixture) releaseTo(app alipayplus.TargetApp, program, version string) *alipayplus.Release {
	w.Helper()
	number, err := alipayplus.ParseVersion(version)
	require.NoError(w, err)
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	_, err = z.Create("app-" + version + ".json")
	require.NoError(w, err)
	require.NoError(w, z.Close())
	_, err = w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(w, err)
	r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
		ProgramID: program, Version: number, TargetApp: app,
	})
	require.NoError(w, err)
	return r
}

func (w *fixture) read(release string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Get(context.WithoutCancel(w.Context()), release)
	require.NoError(w, err)
	return r
}

// ratios are those that were set, oldest first.
func ratios(r *alipayplus.Release) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, step := range r.Grayscale.Steps {
		all = append(all, step.Ratio)
	}
	return all
}

// watchedTransport is a way to the platform that calls onRequest before each request.
type watchedTransport struct {
	http.RoundTripper
	onRequest func(path string)
}

func (o *watchedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	o.onRequest(r.URL.Path)
	return o.RoundTripper.RoundTrip(r)
}

// watchedClient gives a client of the owner whose requests are watched.
func (w *fixture) watchedClient() (*alipayplus.Client, *watchedTransport) {
	w.Helper()
	way := w.p.HTTPClient()
	watched := &watchedTransport{way.Transport, func(string) {}}
	way.Transport = watched
	client, err := w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithHTTPClient(way))
	require.NoError(w, err)
	return client, watched
}

// unavailable is what the client makes of an answer 503.
func unavailable() error {
	return &alipayplus.Error{
		Operation: "releases.get", Code: alipayplus.CodeUnavailable, HTTPStatus: http.StatusServiceUnavailable,
		Message: "the platform cannot answer now", Retryable: true,
	}
}

// noon is a time that is not now.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// happened is an event of a kind, of the rollout "tea".
func happened(kind rollout.EventKind, what string) rollout.Event {
	return rollout.Event{
		Schema: rollout.EventSchema, At: noon, Rollout: "tea", Target: "release rel_1", Kind: kind, What: what,
		Status: rollout.Running, Ratio: 10,
	}
}
