package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
)

// Runner drives one target by a spec, from wherever it stands to all users. It
// remembers in its [Store] what it does, so that it can be killed at any moment and
// gone on with by another Runner of the same name, in another process or on another
// machine that shares the store. It is safe for concurrent use; only one of its runs,
// and of those of all runners of the same name, makes progress at a time.
type Runner struct {
	target Target
	spec   Spec
	store  Store
	config config
	gates  map[string]Gate
	// posted wakes a run of this runner when a command was posted through it.
	posted chan struct{}
	// failures counts failed calls of the target in a row.
	failures atomic.Int64
}

type config struct {
	// spec is the hash of the spec.
	spec     string
	name     string
	clock    string
	holder   string
	sinks    []Sink
	logger   *slog.Logger
	gates    map[string]Gate
	makers   []GateMaker
	interval time.Duration
	callTime time.Duration
	newSpec  bool
}

// Option changes a runner.
type Option func(*config)

// WithName names the rollout in the store; the default is the target's id. Every
// rollout of a store needs a name of its own.
func WithName(name string) Option { return func(c *config) { c.name = name } }

// WithHost names the machine whose clock the runner reads; the default is the host
// name. Bake times that another machine goes on with are made longer by
// [Spec].ClockTolerance.
func WithHost(name string) Option { return func(c *config) { c.clock = name } }

// WithSink adds a function that events are given to.
func WithSink(sink Sink) Option { return func(c *config) { c.sinks = append(c.sinks, sink) } }

// WithLogger sets where failures of sinks are logged; nothing is by default.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithGate gives the gate of a name in Go, for a gate of which the spec says no more
// than its name and its times.
func WithGate(name string, gate Gate) Option { return func(c *config) { c.gates[name] = gate } }

// WithGates adds a maker of gates that this package does not make, such as that of
// the module rollout/prometheus. Makers are asked in the order given.
func WithGates(maker GateMaker) Option { return func(c *config) { c.makers = append(c.makers, maker) } }

// WithInterval sets the longest time between two readings of the target, which is
// also the longest between two attempts after failures; the default is 5 minutes.
// Readings are more frequent soon after a change.
func WithInterval(most time.Duration) Option { return func(c *config) { c.interval = most } }

// WithCallTimeout sets how long a call of the target may take; the default is 2
// minutes. A change that was begun is finished even when the run's context ends.
func WithCallTimeout(d time.Duration) Option { return func(c *config) { c.callTime = d } }

// WithNewSpec lets the runner go on by its own spec when the stored one says
// something else. Without it that is a [ConflictError].
func WithNewSpec() Option { return func(c *config) { c.newSpec = true } }

// New makes a runner of a target. It copies the spec, and does no I/O. The error says
// what is wrong with the spec ([alipayplus.ValidationError]), or which gate nobody makes.
func New(target Target, spec Spec, store Store, opts ...Option) (*Runner, error) {
	config, gates, err := prepare(&spec, store, opts)
	if err != nil {
		return nil, err
	}
	return newRunner(target, spec, store, config, gates)
}

// prepare checks what all runners of a spec have in common.
func prepare(spec *Spec, store Store, opts []Option) (config, map[string]Gate, error) {
	c := config{interval: 5 * time.Minute, callTime: 2 * time.Minute, gates: make(map[string]Gate)}
	for _, set := range opts {
		set(&c)
	}
	if store == nil {
		return c, nil, fmt.Errorf("rollout: a store is needed: %w", alipayplus.ErrInvalid)
	}
	if c.interval <= 0 || c.callTime <= 0 {
		return c, nil, fmt.Errorf("rollout: the interval and the call timeout must be above 0: %w", alipayplus.ErrInvalid)
	}
	if err := spec.Validate(); err != nil {
		return c, nil, err
	}
	own, err := spec.clone()
	if err != nil {
		return c, nil, err
	}
	*spec, c.spec = own, own.Hash()
	if c.clock == "" {
		host, err := os.Hostname()
		if err != nil {
			return c, nil, fmt.Errorf("rollout: the host name cannot be read, give WithHost: %w", err)
		}
		c.clock = host
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.holder = fmt.Sprintf("%s process %d run %s", c.clock, os.Getpid(), rand.Text()[:6])
	gates, err := c.makeGates(spec)
	return c, gates, err
}

func newRunner(target Target, spec Spec, store Store, c config, gates map[string]Gate) (*Runner, error) {
	if target == nil {
		return nil, fmt.Errorf("rollout: a target is needed: %w", alipayplus.ErrInvalid)
	}
	if _, ok := target.(Withdrawer); !ok && spec.reviewPolicy() == ReviewReplace {
		return nil, fmt.Errorf("rollout: %s cannot withdraw an application, so the spec must not say review: replace: %w", target.ID(), alipayplus.ErrInvalid)
	}
	if c.name == "" {
		c.name = target.ID()
	}
	return &Runner{target: target, spec: spec, store: store, config: c, gates: gates, posted: make(chan struct{}, 1)}, nil
}

// Name returns the rollout's name in the store.
func (r *Runner) Name() string { return r.config.name }

// Next is what a rollout waits for.
type Next struct {
	// State is where the rollout stands.
	State *State
	// Over says that nothing comes next: the rollout is done, or stopped.
	Over bool
	// What says what it waits for, in one line.
	What string
	// At is when the next step is due. An earlier one does no harm.
	At time.Time
}

// Run drives the target to the end, and returns the state it ended in: DONE. It
// first reads what is stored and where the target stands, and goes on from there.
//
// When the rollout stops for a reason, the error is a [StoppedError]; a paused
// one goes on after [Runner.Resume], by another Run. When the context ends, a change
// that was begun is finished and stored, and the error is a [PendingError]. Failures
// of the target that may pass are passed over until the deadline of the spec; others
// are returned, and a later Run goes on. [LeasedError]: another runner drives the
// rollout. The state is returned with an error too, as far as it is known.
func (r *Runner) Run(ctx context.Context) (*State, error) {
	return r.run(ctx, nil)
}

// Apply is [Runner.Run] by a plan that was made before and perhaps looked at by
// people. When the target has moved since, or the spec is another, nothing is done
// and the error matches [ErrStalePlan].
func (r *Runner) RunPlan(ctx context.Context, plan *Plan) (*State, error) {
	if plan == nil {
		return nil, fmt.Errorf("rollout %s: a plan is needed, make one by Plan; or call Run: %w", r.config.name, alipayplus.ErrInvalid)
	}
	return r.run(ctx, plan)
}

// run drives the rollout under one lease; by a plan, unless that is nil.
func (r *Runner) run(ctx context.Context, plan *Plan) (_ *State, err error) {
	s, err := r.openSession(ctx)
	if err != nil {
		return nil, r.sessionNotOpened(ctx, err)
	}
	defer s.close(ctx)
	defer func() { s.emitFailure(ctx, err) }()
	s.recordContinued()
	s.startIfNew()
	if plan != nil {
		err = s.adoptPlan(ctx, plan)
	} else {
		err = s.adoptSpec(ctx)
	}
	if err != nil {
		return s.state, r.asPending(ctx, s.lastNext, err)
	}
	for {
		next, err := s.step(ctx, nil)
		switch {
		case err != nil:
			return s.state, r.asPending(ctx, s.lastNext, err)
		case next.Over:
			return s.state, s.state.stopped()
		}
		if err := s.wait(ctx, next.At); err != nil {
			return s.state, r.asPending(ctx, *next, err)
		}
	}
}

// notTakenUp is the end of a run that could not take the rollout up, and tells of it. That
// another runner drives it is no failure: that one tells what becomes of it.
func (r *Runner) sessionNotOpened(ctx context.Context, err error) error {
	err = r.asPending(ctx, nothingDoneYet(), err)
	if !errors.Is(err, ErrLeased) {
		unknown := &State{Rollout: r.config.name, Target: r.target.ID(), Spec: r.spec}
		(&session{runner: r, state: unknown}).emitFailure(ctx, err)
	}
	return err
}

// notBegun is what comes next for a run that was stopped before its first step.
func nothingDoneYet() Next { return Next{What: "nothing was done yet"} }

// pending makes a [PendingError] of an error that is the end of the context.
func (r *Runner) asPending(ctx context.Context, next Next, err error) error {
	if !contextEnded(ctx, err) {
		return err
	}
	return &PendingError{Rollout: r.config.name, Next: next, Err: ctx.Err()}
}

// Step does what is due, if anything, and returns what comes next and when: for
// programs that are started at intervals, as by cron. It returns as soon as it would
// have to wait. The errors are those of [Runner.Run].
func (r *Runner) Step(ctx context.Context) (*Next, error) {
	_, next, err := r.stepOnce(ctx, nil, nil)
	return next, err
}

// stepWith is Step with an observation that was just made and a limiter of calls; nil
// for none. The state is returned with an error too, as far as it is known.
func (r *Runner) stepOnce(ctx context.Context, seen *BatchResult, limiter *rate.Limiter) (_ *State, _ *Next, err error) {
	s, err := r.openSession(ctx)
	if err != nil {
		return nil, nil, r.sessionNotOpened(ctx, err)
	}
	defer s.close(ctx)
	defer func() { s.emitFailure(ctx, err) }()
	s.startIfNew()
	if err := s.adoptSpec(ctx); err != nil {
		return s.state, nil, err
	}
	s.limiter = limiter
	next, err := s.step(ctx, seen)
	if err == nil && next.Over {
		err = s.state.stopped()
	}
	return s.state, next, r.asPending(ctx, s.lastNext, err)
}

// tellFailure tells that a run ends with an error that somebody must look at.
func (s *session) emitFailure(ctx context.Context, err error) {
	_, stopped := errors.AsType[*StoppedError](err)
	if err == nil || stopped || errors.Is(err, ErrPending) {
		return
	}
	s.events = nil // those of a transition that was not stored
	s.record(EventFailed, AuditEntry{}, Event{What: fmt.Sprintf("the run ended: %v", err), Error: err.Error()})
	s.emit(context.WithoutCancel(ctx))
}

// Status reads where the rollout stands, without the lease; nil when it has not
// begun. The error is a [CheckpointError] when the state cannot be used.
func (r *Runner) Status(ctx context.Context) (*State, error) {
	data, err := r.store.Read(ctx, r.config.name)
	if err != nil || data == nil {
		return nil, err
	}
	return decodeState(r.config.name, data)
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
	seen, err := r.target.Observe(ctx)
	if err != nil {
		return nil, err
	}
	return planFrom(state, seen, now, r.config.clock)
}

// Pause stops the rollout where it is, until [Runner.Resume]. What is live stays
// live.
func (r *Runner) Pause(ctx context.Context, who, why string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandPause, By: who, Reason: why})
}

// Resume lets a paused rollout go on: from what is live, with new deadlines, and its
// gates asked anew. The time of the pause does not count as watched. After a rejection
// it applies again; after somebody lowered the ratio or took the version back, approvals
// have to be given anew.
func (r *Runner) Resume(ctx context.Context, who, why string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandResume, By: who, Reason: why})
}

// Abort gives the version up at the target, whether the rollout runs or is paused, or has
// not begun. When the target fails, the error says so, and the order is kept for the next
// run. What that means for users who have the version stands in the state's Stop.Aftermath.
func (r *Runner) Abort(ctx context.Context, who, why string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandAbort, By: who, Reason: why})
}

// Approve approves that the ratio, in percent, is set. It may be given before the
// rollout has come that far, even before it has begun, and cannot be taken back but by
// Pause.
func (r *Runner) Approve(ctx context.Context, ratio alipayplus.Ratio, who string) (*Receipt, error) {
	for _, step := range r.spec.Steps {
		if step.Ratio == ratio && step.Approval {
			return r.sendCommand(ctx, Command{Kind: CommandApprove, By: who, Ratio: ratio})
		}
	}
	return nil, fmt.Errorf("rollout %s: no step asks for approval of %v: %w", r.config.name, ratio, alipayplus.ErrInvalid)
}

// Receipt is what became of an order.
type Receipt struct {
	// Handled says that the order was carried out. Otherwise it is left in the store:
	// for Holder, or for the first run of a rollout that has not begun.
	Handled bool
	// Holder is the runner that drives the rollout now, and will carry the order out at
	// its next step; empty when there is none.
	Holder string
	// State is where the rollout stands; nil when it is not handled.
	State *State
}

// order carries out a command or, when another runner drives the rollout, leaves it for
// that one. It goes by the stored state, whatever the runner's spec is. Once the command is
// in the store it is not lost, whatever happens; before, nothing of it is left.
func (r *Runner) sendCommand(ctx context.Context, c Command) (*Receipt, error) {
	if c.By == "" {
		return nil, fmt.Errorf("rollout %s: say who asks for it: %w", r.config.name, alipayplus.ErrInvalid)
	}
	c.ID, c.At = rand.Text(), time.Now()
	s, err := r.openSession(ctx)
	if leased, ok := errors.AsType[*LeasedError](err); ok {
		return r.postCommand(ctx, c, leased.Holder)
	}
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	if s.state == nil {
		switch c.Kind {
		case CommandApprove:
			return r.postCommand(ctx, c, "")
		case CommandPause, CommandResume:
			return nil, s.conflict("it has not begun; nothing is there to %s", c.Kind.verb())
		case CommandAbort:
		}
	}
	s.startIfNew()
	s.commandID = c.ID
	if err := r.store.Post(ctx, r.config.name, c); err != nil {
		return nil, err
	}
	if err := s.executeCommands(ctx); err != nil {
		return &Receipt{State: s.state}, fmt.Errorf("%w; the order is kept, and the next run carries it out", err)
	}
	return &Receipt{Handled: true, State: s.state}, s.refusals[c.ID]
}

// leave leaves a command in the store, and wakes a run of this runner.
func (r *Runner) postCommand(ctx context.Context, c Command, holder string) (*Receipt, error) {
	if err := r.store.Post(ctx, r.config.name, c); err != nil {
		return nil, err
	}
	select {
	case r.posted <- struct{}{}:
	default: // a run is being woken already
	}
	return &Receipt{Holder: holder}, nil
}
