package rollout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// errDead is what a dead process gets. It matches no class.
var errDead = errors.New("the process is dead")

// process is one life of a runner. At its n-th access of the store or the target it
// dies, before or after the access has its effect; then nothing it does has any.
type process struct {
	mu       sync.Mutex
	accesses int
	diesAt   int
	after    bool
	dead     bool
	last     string
}

func (p *process) access(what string, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	p.accesses++
	if p.accesses != p.diesAt {
		return do()
	}
	p.dead, p.last = true, what
	if p.after {
		_ = do()
	}
	return errDead
}

// mortalStore is a store as a process that can die uses it.
func mortalStore(p *process, store rollout.Store) hookedStore {
	return hookedStore{Store: store, hook: func(_ context.Context, c storeCall, do func() error) error { return p.access(c.method, do) }}
}

// mortalTarget is a target as a process that can die uses it.
type mortalTarget struct {
	*process
	*rollouttest.Fake
}

func (t mortalTarget) Observe(ctx context.Context) (o *rollout.Observation, err error) {
	err = t.access("Observe", func() error { o, err = t.Fake.Observe(ctx); return err })
	return o, err
}

func (t mortalTarget) Apply(ctx context.Context, c rollout.Change) error {
	return t.access("Apply", func() error { return t.Fake.Apply(ctx, c) })
}

func (t mortalTarget) Withdraw(ctx context.Context, c rollout.Change) error {
	return t.access("Withdraw", func() error { return t.Fake.Withdraw(ctx, c) })
}

func (t mortalTarget) Raise(ctx context.Context, c rollout.Change) error {
	return t.access("Raise", func() error { return t.Fake.Raise(ctx, c) })
}

func (t mortalTarget) Publish(ctx context.Context, c rollout.Change) error {
	return t.access("Publish", func() error { return t.Fake.Publish(ctx, c) })
}

func (t mortalTarget) Abort(ctx context.Context, c rollout.Change) (aftermath string, err error) {
	err = t.access("Abort", func() error { aftermath, err = t.Fake.Abort(ctx, c); return err })
	return aftermath, err
}

// mortal is a runner in a process that can die.
func (s *stage) mortal(p *process) *rollout.Runner {
	s.Helper()
	return s.runnerOf(mortalTarget{p, s.fake}, mortalStore(p, s.store))
}

// atEachAccess runs a case with a process that dies at its first access, at its second and so
// on, before and after the effect, until it outlives all. It returns how many accesses there were.
func atEachAccess(t *testing.T, run func(t *testing.T, p *process)) map[bool]int {
	t.Helper()
	accesses := make(map[bool]int)
	for _, after := range []bool{false, true} {
		for n, died := 1, true; died; n++ {
			synctest.Test(t, func(t *testing.T) {
				p := &process{diesAt: n, after: after}
				run(t, p)
				died = p.dead
			})
			if t.Failed() {
				t.Fatalf("after a crash at access %d, after its effect: %v", n, after)
			}
			accesses[after] = n
		}
	}
	return accesses
}

// sevenSteps climbs the whole ladder in seconds, by a gate and one approval.
func sevenSteps() rollout.Spec {
	const bake = rollout.Duration(5 * time.Second)
	spec := rollout.Spec{
		Version: rollout.SpecVersion, Review: rollout.ReviewReplace,
		Gates: map[string]rollout.GateSpec{"errors": {Every: bake}},
	}
	for _, ratio := range []alipayplus.Ratio{1, 5, 10, 20, 30, 50} {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: bake, Gates: []string{"errors"}, Approval: ratio == 30})
	}
	spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: 100})
	return spec
}

// climbing is a seven-step climb whose processes die.
type climbing struct {
	*stage
	approvals int
	asked     []rollout.Step
	askedAt   []time.Time
}

func newClimbing(t *testing.T) *climbing {
	c := &climbing{stage: newStage(t, sevenSteps())}
	c.fake.ApproveAfter(5 * time.Second)
	// Another version is in the way, and the spec lets it be withdrawn.
	c.fake.Edit("pat", func(o *rollout.Observation) {
		o.Blocker = &rollout.Blocker{ID: "release 0", Version: "0.9.0", Status: alipayplus.ReleaseUnderReview}
	})
	c.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		c.asked, c.askedAt = append(c.asked, step), append(c.askedAt, time.Now())
		return rollout.Passed("no errors"), nil
	}
	c.onEvent = func(e rollout.Event) {
		if e.Kind == rollout.EventWaiting && e.What == "waiting for approval of 30%" && c.approvals == 0 {
			c.approvals++
			approval := rollout.Command{ID: "approval", Kind: rollout.CommandApprove, Ratio: 30, By: "lin", At: time.Now()}
			require.NoError(c, c.store.Post(c.Context(), c.fake.ID(), approval))
		}
	}
	return c
}

// live runs one process after another, and then immortal ones, until the climb is done.
func (c *climbing) live(processes ...*process) {
	for life := 0; ; life++ {
		p := new(process)
		if life < len(processes) {
			p = processes[life]
		}
		state, err := c.mortal(p).Run(c.Context())
		if !p.dead || err == nil { // who dies while giving the lease back has done all
			c.requireDone(state, err)
			return
		}
		require.ErrorIs(c, err, errDead)
		time.Sleep(time.Minute) // somebody starts it again
	}
}

// requireOneClimb checks what must be true however often processes died.
func (c *climbing) requireOneClimb() {
	c.Helper()
	var kinds []rollout.ChangeKind
	requests := make(map[string]bool)
	var before *rollouttest.Effect
	for _, e := range c.fake.Effects() {
		kinds = append(kinds, e.Kind)
		require.Equal(c, rollouttest.Self, e.By)
		require.NotEmpty(c, e.RequestID)
		require.False(c, requests[e.RequestID], "two changes under one key")
		requests[e.RequestID] = true
		if e.Kind != rollout.ChangeRaise && e.Kind != rollout.ChangePublish {
			continue
		}
		require.Greater(c, e.To, e.From)
		if before != nil {
			c.requireWatched(*before, e)
		}
		before = &e
	}
	require.Equal(c, []rollout.ChangeKind{"WITHDRAW", "APPLY", "RAISE", "RAISE", "RAISE", "RAISE", "RAISE", "RAISE", "PUBLISH"}, kinds)
	require.Equal(c, []string{
		"STARTED 0-0", "WITHDRAWN 0-0", "APPLIED 0-0", "RAISED 0-1", "RAISED 1-5", "RAISED 5-10", "RAISED 10-20",
		"APPROVED 20-30", "RAISED 20-30", "RAISED 30-50", "RAISED 50-100", "DONE 100-100",
	}, c.audit())
	state := c.state()
	require.Nil(c, state.Intent)
	require.Nil(c, state.Stop)
	require.Len(c, state.Approvals, 1)
	require.Len(c, state.Changes, 7)
	for _, change := range state.Changes {
		require.False(c, change.Outside, "%d was taken for somebody else's", change.To)
	}
}

// requireWatched checks that a ratio was watched for its time, and that its gate
// passed after that.
func (c *climbing) requireWatched(from, to rollouttest.Effect) {
	c.Helper()
	baked := from.At.Add(5 * time.Second)
	require.False(c, to.At.Before(baked), "%v was watched for %v", from.To, to.At.Sub(from.At))
	for i, step := range c.asked {
		if step.Ratio == from.To && !c.askedAt[i].Before(baked) && !c.askedAt[i].After(to.At) {
			return
		}
	}
	require.Fail(c, "the gate was not asked", "of %v, after its bake time", from.To)
}

func TestACrashAtAnyPointChangesNothingOfTheEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	points := atEachAccess(t, func(t *testing.T, p *process) {
		c := newClimbing(t)
		c.live(p)
		c.requireOneClimb()
	})
	t.Log("points, before and after the effect:", points)
	require.Equal(t, points[true], points[false])
	require.Greater(t, points[true], 100)
}

func TestTwoCrashesChangeNothingOfTheEnd(t *testing.T) {
	t.Parallel()
	ends, stride := 0, 1
	if testing.Short() {
		stride = 4
	}
	for n := 1; n < 200; n += 7 * stride {
		for m, died := 1, true; died; m += 11 * stride { // until the second process lives on
			synctest.Test(t, func(t *testing.T) {
				c := newClimbing(t)
				second := &process{diesAt: m, after: (n+m)%3 == 0}
				c.live(&process{diesAt: n, after: (n+m)%2 == 0}, second)
				c.requireOneClimb()
				if died = second.dead; died {
					ends++
				}
			})
			if t.Failed() {
				t.Fatalf("after crashes at accesses %d and %d", n, m)
			}
		}
	}
	require.Greater(t, ends, 100/(stride*stride))
}

func TestSomebodyWhoStartsItAgainAndAgainGetsToTheEnd(t *testing.T) {
	t.Parallel()
	for lives := 5; lives <= 25; lives += 5 {
		synctest.Test(t, func(t *testing.T) {
			c := newClimbing(t)
			var processes []*process
			for life := range 12 {
				processes = append(processes, &process{diesAt: lives, after: life%2 == 0})
			}
			c.live(processes...)
			c.requireOneClimb()
		})
	}
}
