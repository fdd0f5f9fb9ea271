package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// What a rollout promises, whatever goes wrong: random specs, of which processes die,
// calls fail, answers get lost, and people interfere in the console.
func TestWhateverGoesWrongARolloutKeepsItsPromises(t *testing.T) {
	t.Parallel()
	ends := make(map[rollout.Status]int)
	rapid.Check(t, func(rt *rapid.T) {
		inBubble(t, func(ctx context.Context) {
			ends[anySimulation(ctx, rt).keepsPromises().Status]++
		})
	})
	t.Log("ends:", ends)
}

// The person approved, the process died before it raised, and then the gate failed: the
// approval is void, and the person is asked for another one.
func TestAnApprovalThatAnotherProcessFindsVoidIsAskedForAgain(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		o := newSimulation(t.Context(), t, rollout.Spec{
			Version: rollout.SpecVersion,
			Gates:   map[string]rollout.GateSpec{"errors": {Tolerate: new(0)}},
			Steps: []rollout.StepSpec{
				{Ratio: 1, Bake: rollout.Duration(time.Minute), Gates: []string{"errors"}}, {Ratio: 20, Approval: true}, {Ratio: 100},
			},
		})
		o.fake.ApproveAfter(0)
		o.deaths, o.script = []death{{at: 44, after: true}, {at: 12}}, []string{"pass", "fail", "fail", "pass", "error", "fail"}
		require.Equal(t, rollout.Done, o.keepsPromises().Status)
		require.Contains(t, strings.Join(o.history, "\n"), "waiting for approval of 20%; that of lin is void")
	})
}

// inBubble runs one case in virtual time of its own. A case that fails panics, which
// is taken out of the bubble to where rapid expects it.
func inBubble(t *testing.T, do func(context.Context)) {
	t.Helper()
	var failure any
	synctest.Test(t, func(t *testing.T) {
		defer func() { failure = recover() }()
		do(t.Context())
	})
	if failure != nil {
		panic(failure)
	}
}

// trouble happens at a call of the target, counted from 1.
type trouble struct {
	at   int
	what string
}

// answer is what a gate said.
type answer struct {
	gate string
	step rollout.Step
	at   time.Time
	said rollout.Decision // empty: nothing
	// raises is how many there had been.
	raises int
}

// simulation is a rollout with outages, crashes and commands at random.
type simulation struct {
	rt       rapid.TB
	ctx      context.Context
	fake     *rollouttest.Fake
	store    *rollout.MemoryStore
	spec     rollout.Spec
	troubles []trouble
	deaths   []death
	jobs     []time.Duration // how long each process may work
	hosts    []string
	script   []string // what gates say, one after another; then they pass

	mu        sync.Mutex
	answers   []answer
	approvals int // how many were given
	reopened  int // how often an application came to nothing
	history   []string
}

func newSimulation(ctx context.Context, rt rapid.TB, spec rollout.Spec) *simulation {
	o := &simulation{
		rt: rt, ctx: ctx, store: rollout.NewMemoryStore(), hosts: []string{"a"},
		fake: rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), spec: spec,
	}
	o.fake.Before(func(_ context.Context, c rollouttest.Call) error { return o.happen(c, "before") })
	o.fake.After(func(_ context.Context, c rollouttest.Call) error { return o.happen(c, "after") })
	return o
}

// anySimulation is one that was drawn.
func anySimulation(ctx context.Context, rt *rapid.T) *simulation {
	o := newSimulation(ctx, rt, anySpec(rt))
	o.fake.ApproveAfter(minutes(rt, 0, 90, "review"))
	o.troubles = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) trouble {
		return trouble{rapid.IntRange(1, 80).Draw(rt, "at"), rapid.SampledFrom(kinds()).Draw(rt, "what")}
	}), 0, 8).Draw(rt, "troubles")
	o.deaths = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) death {
		return death{rapid.IntRange(0, 120).Draw(rt, "at"), rapid.Bool().Draw(rt, "after")}
	}), 0, 5).Draw(rt, "deaths")
	o.hosts = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 4).Draw(rt, "hosts")
	for i := range rapid.IntRange(0, 4).Draw(rt, "jobs") {
		o.jobs = append(o.jobs, minutes(rt, 1, 120, fmt.Sprint("job ", i)))
	}
	o.script = rapid.SliceOfN(rapid.SampledFrom([]string{"pass", "pass", "pass", "wait", "error", "fail"}), 0, 20).Draw(rt, "gates")
	if rapid.IntRange(0, 3).Draw(rt, "another version") == 0 {
		o.fake.Edit("pat", func(seen *rollout.Observation) {
			seen.Blocker = &rollout.Blocker{ID: "release 0", Version: "0.9.0", Status: alipayplus.ReleaseUnderReview}
		})
	}
	return o
}

// keepsPromises lets the rollout come to its end and checks everything that was promised.
func (o *simulation) keepsPromises() *rollout.State {
	state := o.survive()
	o.requireRising()
	o.requireEvaluated()
	o.requireApproved()
	o.requireOnce()
	o.requireAgreement(state)
	return state
}

func kinds() []string {
	return []string{
		"before: fail", "before: fail", "before: time out", "after: lose", "after: lose", "after: time out", "before: refuse",
		"before: raise", "after: raise", "before: raise all the way", "before: reject", "before: withdraw", "before: renew", "before: revoke", "after: cancel",
	}
}

func minutes(rt *rapid.T, from, to int, label string) time.Duration {
	return time.Duration(rapid.IntRange(from, to).Draw(rt, label)) * time.Minute
}

// anySpec is a spec over the default ladder.
func anySpec(rt *rapid.T) rollout.Spec {
	duration := func(to int, label string) rollout.Duration { return rollout.Duration(minutes(rt, 0, to, label)) }
	spec := rollout.Spec{
		Version:       rollout.SpecVersion,
		Review:        rapid.SampledFrom([]rollout.ReviewPolicy{"", rollout.ReviewFail, rollout.ReviewAdopt, rollout.ReviewReplace}).Draw(rt, "review policy"),
		OnGateFailure: rapid.SampledFrom([]rollout.FailurePolicy{"", "", rollout.FailurePause, rollout.FailureAbort}).Draw(rt, "failure policy"),
		Gates:         make(map[string]rollout.GateSpec),
	}
	if rapid.IntRange(0, 3).Draw(rt, "review deadline") == 0 {
		spec.ReviewDeadline = rollout.Duration(minutes(rt, 30, 90, "review deadline"))
	}
	for _, name := range []string{"errors", "latency"} {
		spec.Gates[name] = rollout.GateSpec{Every: duration(20, name), Tolerate: new(rapid.IntRange(0, 3).Draw(rt, name))}
	}
	for _, ratio := range []alipayplus.Ratio{1, 5, 10, 20, 30, 50} {
		if !rapid.Bool().Draw(rt, ratio.String()) {
			continue
		}
		step := rollout.StepSpec{Ratio: ratio, Bake: duration(60, "bake"), Approval: rapid.IntRange(0, 3).Draw(rt, "approval") == 0}
		step.Gates = rapid.SampledFrom([][]string{nil, {"errors"}, {"latency", "errors"}}).Draw(rt, "gates")
		if rapid.IntRange(0, 5).Draw(rt, "deadline") == 0 {
			step.Deadline = rollout.Duration(minutes(rt, 60, 90, "deadline"))
		}
		spec.Steps = append(spec.Steps, step)
	}
	spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: 100, Approval: rapid.Bool().Draw(rt, "approval")})
	maps.DeleteFunc(spec.Gates, func(name string, _ rollout.GateSpec) bool { // a gate that no step asks is refused
		return !slices.ContainsFunc(spec.Steps, func(step rollout.StepSpec) bool { return slices.Contains(step.Gates, name) })
	})
	return spec
}

// happen lets the troubles of a call happen.
func (o *simulation) happen(call rollouttest.Call, when string) error {
	for _, t := range o.troubles {
		if t.at == call.N {
			if err := o.trouble(call.Op, when, t.what); err != nil {
				return err
			}
		}
	}
	return nil
}

// trouble is one, when its time has come. What the console refuses just then does not
// happen.
func (o *simulation) trouble(op rollouttest.Op, when, what string) error {
	what, due := strings.CutPrefix(what, when+": ")
	if !due {
		return nil
	}
	switch what {
	case "fail":
		return unavailable()
	case "lose":
		return &alipayplus.Error{Operation: "releases.grayscale", Message: "no answer", OutcomeUnknown: true}
	case "time out":
		return context.DeadlineExceeded
	case "refuse":
		if op == rollouttest.OpObserve {
			return nil // what only reads cannot be refused so
		}
		return fmt.Errorf("somebody else is at it: %w", alipayplus.ErrConflict)
	case "raise", "raise all the way":
		o.consoleRaises(what == "raise all the way")
	case "reject":
		o.reopen(o.fake.Reject(alipayplus.PartyAlipayCN, "no"))
	case "withdraw":
		o.reopen(o.fake.WithdrawAs("pat"))
	case "renew":
		if o.reopen(o.fake.WithdrawAs("pat")) {
			require.NoError(o.rt, o.fake.ApplyAs("pat"))
		}
	case "revoke":
		o.fake.Revoke()
	case "cancel":
		_ = o.fake.Cancel("pat")
	default:
		o.rt.Fatalf("nobody knows the trouble %q", what)
	}
	return nil
}

func (o *simulation) reopen(err error) bool {
	if err == nil {
		o.reopened++
	}
	return err == nil
}

// consoleRaises sets the next ratio of the ladder, or all users.
func (o *simulation) consoleRaises(all bool) {
	next := o.fake.Now().Ladder.Ratios()
	next = slices.DeleteFunc(slices.Clone(next), func(r alipayplus.Ratio) bool { return r <= o.fake.Now().Ratio })
	if len(next) == 0 {
		return
	}
	to := next[0]
	if all {
		to = next[len(next)-1]
	}
	_ = o.fake.SetRatio("pat", to)
}

// ask is every gate. It says what the script says.
func (o *simulation) ask(name string) rollout.Gate {
	return func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		said := "pass"
		if len(o.script) > 0 {
			said, o.script = o.script[0], o.script[1:]
		}
		a := answer{name, step, time.Now(), rollout.Decision(said), len(o.fake.Ratios())}
		if said == "error" {
			a.said = ""
		}
		o.answers = append(o.answers, a)
		if said == "error" {
			return rollout.Verdict{}, errors.New("connection refused")
		}
		return rollout.Verdict{Decision: a.said, Reason: "so it was written"}, nil
	}
}

// sink approves what is waited for, as often as it is asked for.
func (o *simulation) sink(_ context.Context, e rollout.Event) error {
	if last := len(o.history) - 1; last < 0 || !strings.HasSuffix(o.history[last], e.What) {
		o.history = append(o.history, fmt.Sprintf("%s %s %s", e.At.Format("02 15:04:05"), e.Kind, e.What))
	}
	if e.Kind != rollout.EventWaiting || e.Wait != rollout.WaitApproval {
		return nil
	}
	require.True(o.rt, slices.ContainsFunc(o.spec.Steps, func(s rollout.StepSpec) bool { return s.Ratio == e.To && s.Approval }), "%v", e.To)
	o.approvals++
	c := rollout.Command{ID: fmt.Sprint("approval ", o.approvals), Kind: rollout.CommandApprove, Ratio: e.To, By: "lin", At: time.Now()}
	require.NoError(o.rt, o.store.Post(o.ctx, o.fake.ID(), c))
	return nil
}

func (o *simulation) runner(p *process, life int) *rollout.Runner {
	opts := []rollout.Option{rollout.WithHost(o.hosts[life%len(o.hosts)]), rollout.WithSink(o.sink)}
	for name := range o.spec.Gates {
		opts = append(opts, rollout.WithGate(name, o.ask(name)))
	}
	r, err := rollout.New(mortalTarget{p, o.fake}, o.spec, mortalStore(p, o.store), opts...)
	require.NoError(o.rt, err)
	return r
}

// longestRollout is how long a rollout may take to whose person nothing is left to do. Bake times,
// intervals of gates, reviews and what dies or fails add up to two days at most.
const longestRollout = 10 * day

// survive starts one process after another until the rollout is over.
func (o *simulation) survive() *rollout.State {
	all, cancel := context.WithTimeout(o.ctx, longestRollout)
	defer cancel()
	for life := 0; all.Err() == nil; life++ {
		p := new(process)
		if life < len(o.deaths) {
			p.diesAt, p.after = o.deaths[life].at, o.deaths[life].after
		}
		job := longestRollout
		if life < len(o.jobs) {
			job = o.jobs[life]
		}
		ctx, cancel := context.WithTimeout(all, job)
		state, err := o.runner(p, life).Run(ctx)
		cancel()
		if !p.dead && state != nil && state.Status.Final() {
			return state
		}
		o.mend(p, state, err, life)
		time.Sleep(time.Minute)
	}
	last := o.history[max(0, len(o.history)-60):]
	o.rt.Fatalf("it comes to no end: %v at %v; of %d events the last are:\n%s", o.fake.Now().Status, o.fake.Now().Ratio, len(o.history), strings.Join(last, "\n"))
	return nil
}

// mend does what the error asks a person for.
func (o *simulation) mend(p *process, state *rollout.State, err error, life int) {
	if p.dead {
		return // perhaps when all was done, while it gave the lease back
	}
	require.Error(o.rt, err)
	require.NotContains(o.rt, err.Error(), "\n")
	var conflict *rollout.ConflictError
	switch {
	case errors.Is(err, rollout.ErrPending):
	case errors.Is(err, alipayplus.ErrAuthorizationRequired):
		o.fake.Grant()
	case errors.As(err, &conflict):
		o.fake.Edit("pat", func(seen *rollout.Observation) { seen.Blocker = nil })
		o.reopen(o.fake.WithdrawAs("pat"))
	default:
		var stopped *rollout.StoppedError
		require.ErrorAs(o.rt, err, &stopped)
		require.Equal(o.rt, rollout.Paused, state.Status)
		require.Equal(o.rt, state.Ratio, stopped.Stop.Ratio)
		_, err := o.runner(new(process), life).Resume(o.ctx, "lin", "")
		require.NoError(o.rt, err)
	}
}

// raises are the changes of the ratio, oldest first.
func (o *simulation) raises() []rollouttest.Effect {
	return slices.DeleteFunc(o.fake.Effects(), func(e rollouttest.Effect) bool {
		return e.Kind != rollout.ChangeRaise && e.Kind != rollout.ChangePublish
	})
}

// requireRising checks that ratios only rise, and the runner's by the steps of the spec.
func (o *simulation) requireRising() {
	var live alipayplus.Ratio
	for _, e := range o.raises() {
		require.Equal(o.rt, live, e.From)
		require.Greater(o.rt, e.To, e.From)
		live = e.To
		if e.By != rollouttest.Self {
			continue
		}
		next := slices.IndexFunc(o.spec.Steps, func(s rollout.StepSpec) bool { return s.Ratio > e.From })
		require.Equal(o.rt, o.spec.Steps[next].Ratio, e.To, "from %v", e.From)
		require.Equal(o.rt, e.To == alipayplus.FullRatio, e.Kind == rollout.ChangePublish)
		require.Equal(o.rt, e.To == alipayplus.FullRatio, next == len(o.spec.Steps)-1)
	}
}

// requireApproved checks that the runner raised to a ratio that wants approval only under
// one, and that nothing had stopped the rollout since.
func (o *simulation) requireApproved() {
	var audit []rollout.AuditEntry
	for entry, err := range o.store.Audit(o.ctx, o.fake.ID()) {
		require.NoError(o.rt, err)
		audit = append(audit, entry)
	}
	for _, e := range o.raises() {
		approval := slices.ContainsFunc(o.spec.Steps, func(s rollout.StepSpec) bool { return s.Ratio == e.To && s.Approval })
		if e.By != rollouttest.Self || !approval {
			continue
		}
		var approved bool
		for _, entry := range audit {
			switch {
			case entry.Action == rollout.EventApproved && entry.To == e.To && !entry.At.After(e.At):
				approved = true
			case entry.Action == rollout.EventPaused && entry.At.Before(e.At): // no person does
				approved = false
			}
		}
		require.True(o.rt, approved, "%v", e.To)
	}
}

// requireEvaluated checks that the runner raised only what was watched long enough, and
// what every gate passed last, after that.
func (o *simulation) requireEvaluated() {
	var since time.Time
	for i, e := range o.raises() {
		before := since
		since = e.At
		at := -1
		for n, step := range o.spec.Steps {
			if step.Ratio <= e.From {
				at = n
			}
		}
		if e.By != rollouttest.Self || at < 0 {
			continue
		}
		step := o.spec.Steps[at]
		baked := before.Add(step.Bake.Std())
		require.False(o.rt, e.At.Before(baked), "%v was watched for %v of %v", e.From, e.At.Sub(before), step.Bake)
		for _, gate := range step.Gates {
			last := o.lastAnswer(gate, i)
			require.Equal(o.rt, rollout.Pass, last.said, "%s before %v", gate, e.To)
			require.Equal(o.rt, e.From, last.step.Ratio)
			require.Equal(o.rt, at, last.step.Index)
			require.False(o.rt, last.at.Before(baked), "%s was asked before %v was watched", gate, e.From)
		}
	}
}

// lastAnswer is what a gate said last before the n-th raise.
func (o *simulation) lastAnswer(gate string, n int) (last answer) {
	for _, a := range o.answers {
		if a.gate == gate && a.raises <= n {
			last = a
		}
	}
	return last
}

// requireOnce checks that nothing was done, and nothing written down, twice.
func (o *simulation) requireOnce() {
	requests := make(map[string]bool)
	applications := 0
	for _, e := range o.fake.Effects() {
		if e.By != rollouttest.Self {
			continue
		}
		require.NotEmpty(o.rt, e.RequestID)
		require.False(o.rt, requests[e.RequestID], "%s twice under one key", e.Kind)
		requests[e.RequestID] = true
		switch e.Kind {
		case rollout.ChangeApply:
			applications++
		case rollout.ChangeWithdraw:
			o.reopened++
		case rollout.ChangeRaise, rollout.ChangePublish, rollout.ChangeAbort:
		}
	}
	require.LessOrEqual(o.rt, applications, 1+o.reopened)
	raised := make(map[alipayplus.Ratio]bool)
	var seq uint64
	var ended int
	for entry, err := range o.store.Audit(o.ctx, o.fake.ID()) {
		require.NoError(o.rt, err)
		require.GreaterOrEqual(o.rt, entry.Seq, seq)
		require.Zero(o.rt, ended, "%s after the end", entry.Action)
		seq = entry.Seq
		switch entry.Action {
		case rollout.EventRaised:
			require.False(o.rt, raised[entry.To], "%v is in the audit log twice", entry.To)
			raised[entry.To] = true
		case rollout.EventDone, rollout.EventAborted, rollout.EventEnded:
			ended++
		default:
		}
	}
	require.Equal(o.rt, 1, ended)
}

// requireAgreement checks that the state that is left says what is so.
func (o *simulation) requireAgreement(state *rollout.State) {
	stored, err := o.runner(new(process), 0).Status(o.ctx)
	require.NoError(o.rt, err)
	require.Equal(o.rt, state.Seq, stored.Seq)
	now := o.fake.Now()
	if raises := o.raises(); stored.Status == rollout.Aborted && len(raises) > 0 && raises[len(raises)-1].By == "pat" {
		// Pat may have been faster than the call that gave the version up.
		require.LessOrEqual(o.rt, stored.Ratio, now.Ratio)
	} else {
		require.Equal(o.rt, now.Ratio, stored.Ratio, "%s", stored.Status)
	}
	require.Nil(o.rt, stored.Intent)
	switch stored.Status {
	case rollout.Done:
		require.Equal(o.rt, alipayplus.ReleaseFull, now.Status)
		require.Nil(o.rt, stored.Stop)
	case rollout.Aborted:
		require.Contains(o.rt, []alipayplus.ReleaseStatus{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseCanceled}, now.Status)
		require.Equal(o.rt, rollout.CauseGate, stored.Stop.Cause)
	default:
		require.Equal(o.rt, rollout.Ended, stored.Status)
		require.Equal(o.rt, alipayplus.ReleaseCanceled, now.Status)
	}
	var last alipayplus.Ratio
	for _, change := range stored.Changes {
		require.Greater(o.rt, change.To, last)
		last = change.To
	}
	require.Equal(o.rt, stored.Ratio, last)
}
