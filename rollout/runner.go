package rollout

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Runner drives one target by a spec, from wherever it stands to all users. It records in
// its [Store] what it does, so that it can be killed at any moment and another Runner of
// the same name, in another process or on another machine that shares the store, goes on.
// It is safe for concurrent use; of all runs of all runners of one name, one makes progress
// at a time.
type Runner struct {
	*config

	// name is the rollout's.
	name   string
	target Target
	// posted wakes a run of this runner when a command is posted through it. It is made when first used.
	posted     chan struct{}
	postedOnce sync.Once
	// failures counts failed calls of the target in a row.
	failures atomic.Int64
	// decoded is the state that was loaded or stored last, so that it is decoded once.
	decoded atomic.Pointer[decoded]
}

// config is what the runners of a [Fleet] share. It is not changed once it is made.
type config struct {
	spec     Spec
	specHash string
	// ratios are those of the spec.
	ratios []alipayplus.Ratio
	store  Store
	// gates are those of the spec, and given those of [WithGate].
	gates  map[string]Gate
	given  map[string]Gate
	makers []GateMaker
	// preflights find what is wrong with gates on this machine without evaluating them.
	preflights map[string]func() error
	// givenName is that of [WithName], host the name of the machine, and holder that of the runners.
	givenName string
	host      string
	holder    string
	// deliveries are those of the sinks.
	deliveries  []*delivery
	logger      *slog.Logger
	interval    time.Duration
	callTimeout time.Duration
	newSpec     bool
	// seed is that of the checksums of checkpoints in memory.
	seed maphash.Seed
}

// Option changes a runner.
type Option func(*config)

// WithName names the rollout in the store; the default is the target's id. Every
// rollout of a store needs a name of its own.
func WithName(name string) Option { return func(c *config) { c.givenName = name } }

// WithHost names the machine whose clock the runner reads; the default is the host
// name. When another machine goes on, bake times are longer by [Spec].ClockTolerance.
func WithHost(name string) Option { return func(c *config) { c.host = name } }

// WithSink adds a function that gets the events.
func WithSink(sink Sink) Option {
	return func(c *config) { c.deliveries = append(c.deliveries, &delivery{sink: sink}) }
}

// WithLogger sets where failures of sinks are logged, each once until it passes; nothing is
// by default.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithGate implements a gate in Go, of which the spec says no more than name and times.
func WithGate(name string, gate Gate) Option { return func(c *config) { c.given[name] = gate } }

// WithGates adds a maker of gates that this package does not make, such as that of the
// module rollout/prometheus. The first maker that returns a gate wins.
func WithGates(maker GateMaker) Option { return func(c *config) { c.makers = append(c.makers, maker) } }

// WithInterval sets the longest time between two observations of the target, and between
// two attempts after failures; the default is 5 minutes. Soon after a change the interval
// is seconds, and grows with the time since.
func WithInterval(most time.Duration) Option { return func(c *config) { c.interval = most } }

// WithCallTimeout sets how long a call of the target may take; the default is 2 minutes. A
// change that was begun is finished even when the run's context ends.
func WithCallTimeout(d time.Duration) Option { return func(c *config) { c.callTimeout = d } }

// WithNewSpec lets the runner go on by its own spec when the stored one differs. Without it
// that is a [ConflictError].
func WithNewSpec() Option { return func(c *config) { c.newSpec = true } }

// New makes a runner of a target. It copies the spec, and does no I/O. The error says
// what is wrong with the spec ([alipayplus.ValidationError]), or which gate nobody makes.
func New(target Target, spec Spec, store Store, opts ...Option) (*Runner, error) {
	c, err := newConfig(spec, store, opts)
	if err != nil {
		return nil, err
	}
	return newRunner(target, c)
}

func newConfig(spec Spec, store Store, opts []Option) (*config, error) {
	c := &config{store: store, interval: 5 * time.Minute, callTimeout: 2 * time.Minute, given: make(map[string]Gate), seed: maphash.MakeSeed()}
	for _, set := range opts {
		set(c)
	}
	if store == nil {
		return nil, fmt.Errorf("rollout: a store is needed: %w", alipayplus.ErrInvalid)
	}
	if c.interval <= 0 || c.callTimeout <= 0 {
		return nil, fmt.Errorf("rollout: the interval and the call timeout must be above 0: %w", alipayplus.ErrInvalid)
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	var err error
	if c.spec, err = spec.clone(); err != nil {
		return nil, err
	}
	c.specHash, c.ratios = c.spec.Hash(), c.spec.ratios()
	if c.host == "" {
		if c.host, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("rollout: the host name cannot be read, give WithHost: %w", err)
		}
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range c.deliveries {
		d.logger = c.logger
	}
	c.holder = fmt.Sprintf("%s process %d run %s", c.host, os.Getpid(), rand.Text()[:6])
	return c, c.makeGates()
}

func newRunner(target Target, c *config) (*Runner, error) {
	if target == nil {
		return nil, fmt.Errorf("rollout: a target is needed: %w", alipayplus.ErrInvalid)
	}
	if _, ok := target.(Withdrawer); !ok && c.spec.reviewPolicy() == ReviewReplace {
		return nil, fmt.Errorf("rollout: %s cannot withdraw an application, so the spec must not say review: replace: %w", target.ID(), alipayplus.ErrInvalid)
	}
	return &Runner{config: c, name: cmp.Or(c.givenName, target.ID()), target: target}, nil
}

// wakes returns what wakes a run of this runner.
func (r *Runner) wakes() chan struct{} {
	r.postedOnce.Do(func() { r.posted = make(chan struct{}, 1) })
	return r.posted
}

// Name returns the rollout's name in the store.
func (r *Runner) Name() string { return r.name }

// Next is what a rollout waits for.
type Next struct {
	// State is the state of the rollout.
	State *State
	// Over says that nothing comes next: the rollout is done, or stopped.
	Over bool
	// What says in one line what it waits for.
	What string
	// Wait is the kind of what it waits for; empty when it is over, or has just been acting.
	Wait WaitKind
	// Ratio is what a person must approve, in percent, for [WaitApproval]; 0 for others.
	Ratio alipayplus.Ratio
	// Gate is what is waited for, for [WaitGate]; empty for others.
	Gate string
	// At is when the next step is due. An earlier one does no harm.
	At time.Time
}

// WaitKind is a kind of what a rollout waits for. It is open: later versions may add kinds.
type WaitKind string

// The kinds of what a rollout waits for.
const (
	// WaitReview: the verdicts of the reviewing parties.
	WaitReview WaitKind = "REVIEW"
	// WaitApproval: a person, by [Runner.Approve] of Next.Ratio.
	WaitApproval WaitKind = "APPROVAL"
	// WaitBake: the end of the bake time.
	WaitBake WaitKind = "BAKE"
	// WaitGate: a gate that does not pass yet.
	WaitGate WaitKind = "GATE"
	// WaitRetry: the next attempt after a failure.
	WaitRetry WaitKind = "RETRY"
	// WaitTarget: the target, which is in a status that the library does not know.
	WaitTarget WaitKind = "TARGET"
)

// Run drives the target to the end, and returns the state it ended in: DONE. It
// first reads what is stored and the state of the target, and goes on from there.
//
// When the rollout stops for a reason, the error is a [StoppedError]; a paused
// one goes on after [Runner.Resume], by another Run. When the context ends, a change
// that was begun is finished and stored, and the error is a [PendingError]. Failures
// of the target are retried until the deadline of the spec if they are transient; others
// are returned, and a later Run goes on. [LeasedError]: another runner drives the
// rollout; [ErrLeaseLost]: one has taken it over meanwhile. The state is returned with an
// error too, as far as it is known.
func (r *Runner) Run(ctx context.Context) (*State, error) {
	return r.run(ctx, nil)
}

// RunPlan is [Runner.Run] by a plan that was made before, and perhaps reviewed by people.
// When the target has moved since, or the spec is another, nothing is done and the error
// matches [ErrStalePlan].
func (r *Runner) RunPlan(ctx context.Context, plan *Plan) (*State, error) {
	if plan == nil {
		return nil, fmt.Errorf("rollout %s: a plan is needed, make one by Plan; or call Run: %w", r.name, alipayplus.ErrInvalid)
	}
	return r.run(ctx, plan)
}

// run drives the rollout under one lease; by a plan, unless that is nil.
func (r *Runner) run(ctx context.Context, plan *Plan) (*State, error) {
	defer r.closeSinks(ctx)
	return r.withSession(ctx, func(s *leasedSession) error {
		if s.state != nil {
			s.record(EventStarted, Event{What: fmt.Sprintf("going on: %s at %v", s.state.Status, s.state.Ratio)})
		}
		s.startIfNew()
		if err := s.adopt(ctx, plan); err != nil {
			return err
		}
		for {
			next, err := s.step(ctx, nil)
			if err != nil {
				return err
			}
			if next.Over {
				return s.state.stopped()
			}
			r.settle(sinkTimeout)
			if err := s.wait(ctx, next.At); err != nil {
				return err
			}
		}
	})
}

// withSession drives the rollout under one lease, and returns its state, as far as that is
// known, with drive's error.
func (r *Runner) withSession(ctx context.Context, drive func(*leasedSession) error) (_ *State, err error) {
	s, err := r.openSession(ctx)
	if err != nil {
		return nil, r.sessionNotOpened(ctx, err)
	}
	defer s.close(ctx)
	defer func() { r.emit(ctx, s.replaceByFailure(err)) }()
	if err := drive(s); err != nil {
		return s.state, r.asPending(ctx, s.lastNext, err)
	}
	return s.state, nil
}

// sessionNotOpened is the error of a run that could not open a session, and emits it as an
// event, unless another runner drives the rollout: that one emits what becomes of it.
func (r *Runner) sessionNotOpened(ctx context.Context, err error) error {
	err = r.asPending(ctx, nothingDoneYet(), err)
	if !errors.Is(err, ErrLeased) {
		s := r.newSession(nil)
		r.emit(ctx, s.replaceByFailure(err))
	}
	return err
}

// emit hands events over to the sinks, and waits for none.
func (r *Runner) emit(ctx context.Context, events []Event) {
	for _, e := range events {
		for _, d := range r.deliveries {
			d.add(ctx, e)
		}
	}
}

// nothingDoneYet is what comes next for a run that was stopped before its first step.
func nothingDoneYet() Next { return Next{What: "nothing was done yet"} }

// asPending makes a [PendingError] of an error that is the end of the context.
func (r *Runner) asPending(ctx context.Context, next Next, err error) error {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if ctx.Err() == nil || !ended {
		return err
	}
	return &PendingError{Rollout: r.name, Next: next, Err: ctx.Err()}
}

// Step does what is due, if anything, and returns what comes next and when: for
// programs that are started at intervals, as by cron. It returns as soon as it would
// have to wait. The errors are those of [Runner.Run].
func (r *Runner) Step(ctx context.Context) (*Next, error) {
	defer r.closeSinks(ctx)
	_, next, err := r.stepOnce(ctx, nil, nil)
	return next, err
}

// stepOnce is Step with an observation that was just made and a limiter of calls; nil for
// none. The state is returned with an error too, as far as it is known.
func (r *Runner) stepOnce(ctx context.Context, seen *BatchResult, limiter *rate.Limiter) (*State, *Next, error) {
	var next *Next
	state, err := r.withSession(ctx, func(s *leasedSession) (err error) {
		s.limiter = limiter
		if err = s.begin(); err == nil {
			next, err = s.step(ctx, seen)
		}
		if err == nil && next.Over { // a paused rollout whose abort is still to be repeated is not over
			err = s.state.stopped()
		}
		return err
	})
	return state, next, err
}

// Status reads the state of the rollout, without the lease; nil when it has not
// begun. The error is a [CheckpointError] when the state cannot be used.
func (r *Runner) Status(ctx context.Context) (*State, error) { return ReadState(ctx, r.store, r.name) }

// ReadState reads the state of a rollout by its name alone, without the lease: its spec and
// target too. It is nil when the store has no rollout of that name. The error is a
// [CheckpointError] when the state cannot be used.
func ReadState(ctx context.Context, store Store, rollout string) (*State, error) {
	data, err := store.Read(ctx, rollout)
	if err != nil || data == nil {
		return nil, err
	}
	return decodeState(rollout, data)
}

// ReadStates ranges over the states of all rollouts of a store, as [ReadState] reads one. It ends
// after the first error, which it yields, but for a [CheckpointError], which is about one
// rollout whose state cannot be used.
func ReadStates(ctx context.Context, store Lister) iter.Seq2[*State, error] {
	return func(yield func(*State, error) bool) {
		for data, err := range store.Checkpoints(ctx) {
			var state *State
			if err == nil {
				state, err = decodeState("", data)
			}
			if !yield(state, err) {
				return
			}
		}
	}
}

// Plan reads the target and what is stored, and says what a run would do. It changes
// nothing.
func (r *Runner) Plan(ctx context.Context) (*Plan, error) {
	state, err := r.Status(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if state == nil {
		state = r.newState(now)
	}
	if err := r.checkTarget(state); err != nil {
		return nil, err
	}
	if _, err := r.checkSpec(state); err != nil {
		return nil, err
	}
	state.Spec = r.spec
	state.correctStarts(now, r.host)
	seen, err := r.target.Observe(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := planFrom(state, seen, now, r.host)
	if err != nil || seen.Ratio != 0 {
		return plan, err
	}
	for _, fault := range r.preflightErrors() {
		plan.Faults = append(plan.Faults, validation.OneLine(fault.Error()))
	}
	return plan, nil
}
