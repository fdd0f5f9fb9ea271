package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// turn is the time during which a runner has the lease.
type session struct {
	runner     *Runner
	lease Lease
	state *State
	// limiter limits calls of the target; nil for none.
	limiter *rate.Limiter
	// seen is the last observation, nil before the first; fresh says that nothing
	// was waited for since, and reread is when the next one is due.
	observation   *Observation
	fresh  bool
	observeAt time.Time
	// last is what was waited for last.
	lastNext Next
	// audit and events are those of the transition at hand; both go out when it
	// is stored.
	audit  []AuditEntry
	events []Event
	// own is the command that was given under this very lease: it knows what it is about.
	commandID string
	// refused says which commands could not be obeyed, and why.
	refusals map[string]error
	// conflicts counts refused changes in a row.
	conflicts int
	// stored says that there was a state before this turn.
	resumed bool
	// lost gets why the lease could not be renewed; release ends the renewing.
	leaseLost    chan error
	stopRenewing context.CancelFunc
	renewing sync.WaitGroup
}

// commandInterval is how often a waiting run looks for commands of other processes.
const commandInterval = 3 * time.Second

// step obeys the commands, reads the target and does what is due until something has
// to be waited for. given is an observation that was just made; nil for none.
func (s *session) step(ctx context.Context, given *BatchResult) (*Next, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.executeCommands(ctx); err != nil {
			return s.retryLater(ctx, err)
		}
		if s.state.Status != Running {
			return s.finished(), nil
		}
		began := time.Now()
		if s.observation == nil || given != nil || !began.Before(s.observeAt) {
			if err := s.observe(ctx, given); err != nil {
				return s.retryLater(ctx, err)
			}
			given = nil
		}
		d := s.decide(began)
		if d.action.needsFreshObservation() && !s.fresh {
			s.observeAt = time.Time{}
			continue
		}
		s.lastNext = Next{State: s.state, What: d.message}
		next, err := s.act(ctx, d)
		if err != nil {
			return s.retryLater(ctx, err)
		}
		s.runner.failures.Store(0)
		if next != nil {
			s.lastNext = *next
			return next, nil
		}
		s.lastNext.What = "a look at the target, after: " + d.message
	}
}

// due says what is due after a look that began then. Verdicts that let a ratio rise as it
// began are not too old by its end, however long it took; all else counts by the end.
func (s *session) decide(began time.Time) decision {
	d := decide(s.state, s.observation, time.Now(), s.clock())
	if d.action != actEvaluateGates {
		return d
	}
	if held := decide(s.state, s.observation, began, s.clock()); held.action == actRaise || held.action == actPublish {
		return held
	}
	return d
}

func (s *session) finished() *Next {
	what := "all users have the version"
	if s.state.Stop != nil {
		what = s.state.Stop.Reason
	}
	return &Next{State: s.state, Over: true, What: what}
}

// look reads the target and takes over what it finds.
func (s *session) observe(ctx context.Context, given *BatchResult) error {
	if err := s.readTarget(ctx, given); err != nil {
		return err
	}
	return s.reconcile(ctx, given == nil) // somebody may have acted since one that was handed in
}

// absorb takes over what was read.
func (s *session) reconcile(ctx context.Context, fresh bool) error {
	if err := s.reconcileObservation(ctx); err != nil {
		return err
	}
	now := time.Now()
	s.fresh, s.observeAt = fresh, now.Add(s.runner.observeIn(now.Sub(s.state.WaitingSince)))
	return nil
}

// observe reads the target. The context ends it: nothing is lost by that.
func (s *session) readTarget(ctx context.Context, given *BatchResult) error {
	if given == nil {
		if err := s.waitForLimiter(ctx); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, s.runner.config.callTime)
		defer cancel()
		given = new(BatchResult)
		given.Observation, given.Err = s.runner.target.Observe(ctx)
	}
	if given.Err != nil {
		return given.Err
	}
	if given.Observation == nil {
		return fmt.Errorf("rollout %s: %s was read as nothing, without an error: mend the target", s.runner.config.name, s.runner.target.ID())
	}
	s.observation = given.Observation
	return nil
}

// queue waits until the limiter lets a call through, or the context ends.
func (s *session) waitForLimiter(ctx context.Context) error { return waitFor(ctx, s.limiter) }

func waitFor(ctx context.Context, limiter *rate.Limiter) error {
	if limiter == nil || limiter.Wait(ctx) == nil {
		return nil
	}
	<-ctx.Done() // a limiter says at once that the context will end before
	return ctx.Err()
}

// failed says when to try again after a failure that may pass.
func (s *session) retryLater(ctx context.Context, err error) (*Next, error) {
	_, unstored := errors.AsType[*saveError](err)
	switch {
	case unstored || !isTransient(err):
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err() // it may pass, and a later run tries again
	}
	if s.state.Seq == 0 { // the deadline counts from here, for a later process too
		if err := s.save(ctx); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	late := s.state.Began.Add(s.state.Spec.deadline())
	if !now.Before(late) && s.state.Status == Running && !s.abortPending(ctx) { // what is to be given up does not stay live for that
		d := pauseFor(CauseDeadline, "the rollout took longer than %v, and the target does not answer: %v", Duration(s.state.Spec.deadline()), err)
		return s.stopRollout(ctx, d)
	}
	n := s.runner.failures.Add(1)
	next := &Next{State: s.state, What: fmt.Sprintf("trying again after a failure: %v", err), At: now.Add(s.runner.retryIn(n, err))}
	s.record(EventRetrying, AuditEntry{}, Event{What: next.What, Until: next.At, Error: err.Error()})
	s.emit(ctx)
	s.lastNext = *next
	return next, nil
}

// act does what was decided. It returns what is waited for, or nil to look again.
func (s *session) act(ctx context.Context, d decision) (*Next, error) {
	switch d.action {
	case actApply:
		return nil, s.makeChange(ctx, d, &Intent{Kind: ChangeApply})
	case actWithdraw:
		return nil, s.makeChange(ctx, d, &Intent{Kind: ChangeWithdraw, Other: d.other})
	case actRaise:
		return nil, s.makeChange(ctx, d, &Intent{Kind: ChangeRaise, To: d.to})
	case actPublish:
		return nil, s.makeChange(ctx, d, &Intent{Kind: ChangePublish, To: d.to})
	case actEvaluateGates:
		return nil, s.evaluateGates(ctx, d.gates)
	case actStop:
		if d.cause == CauseGate && s.state.Spec.failurePolicy() == FailureAbort {
			return nil, s.abort(ctx, s.stopOf(d))
		}
		return s.stopRollout(ctx, d)
	case actDone:
		s.state.Status, s.state.Stop = Done, nil
		s.record(EventDone, AuditEntry{From: s.state.Ratio, To: s.state.Ratio, Why: d.message}, Event{What: d.message})
		return s.finished(), s.save(ctx)
	case actConflict:
		return nil, s.conflict("%s", d.message)
	case actLadderMismatch:
		return nil, fmt.Errorf("rollout %s: %w", s.runner.config.name, s.state.Spec.checkLadderAbove(s.observation.Ratio, s.observation.Ladder))
	default:
		return s.waitingFor(ctx, d)
	}
}

// waiting tells what is waited for, and until when.
func (s *session) waitingFor(ctx context.Context, d decision) (*Next, error) {
	at := s.observeAt
	if !d.until.IsZero() && d.until.Before(at) {
		at = d.until
	}
	s.record(EventWaiting, AuditEntry{}, Event{What: d.message, Until: d.ends})
	s.emit(ctx)
	return &Next{State: s.state, What: d.message, At: at}, nil
}

// stop pauses or ends the rollout.
func (s *session) stopRollout(ctx context.Context, d decision) (*Next, error) {
	s.state.Status, s.state.Stop = d.status, s.stopOf(d)
	kind := EventPaused
	if d.status == Ended {
		kind = EventEnded
	}
	s.record(kind, AuditEntry{From: s.state.Ratio, To: s.state.Ratio, Why: d.message}, Event{What: d.message})
	return s.finished(), s.save(ctx)
}

func (s *session) stopOf(d decision) *Stop {
	stop := &Stop{Cause: d.cause, Reason: d.message, At: time.Now(), Ratio: s.state.Ratio, Baked: s.bakedSoFar()}
	if d.cause == CauseGate && len(d.gates) > 0 {
		stop.Gate = d.gates[0]
	}
	if d.cause == CauseRejected || d.cause == CauseWithdrawn {
		stop.Reviews = s.observation.Reviews
	}
	return stop
}

// wait sleeps until something is due, a command was left, the lease is lost or the
// context ends.
func (s *session) wait(ctx context.Context, until time.Time) error {
	s.fresh = false
	listener, hears := s.lease.(Listener)
	var posted <-chan struct{}
	if hears {
		posted = listener.Posted()
	}
	for {
		nap := time.Until(until)
		if nap <= 0 {
			return nil
		}
		if !hears {
			nap = min(nap, commandInterval)
		}
		select {
		case err := <-s.leaseLost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-s.runner.posted:
			return nil
		case <-posted:
			return nil
		case <-time.After(nap):
		}
		if ordered, err := s.hasCommands(ctx); err != nil || ordered {
			return err
		}
	}
}

func (s *session) conflict(format string, args ...any) error { return s.runner.conflict(format, args...) }

func (r *Runner) conflict(format string, args ...any) error {
	return &ConflictError{Rollout: r.config.name, Reason: fmt.Sprintf(format, args...)}
}

// follow checks that a plan is still that of the target, and takes over what it read for
// that. Nothing is stored when it is not.
func (s *session) adoptPlan(ctx context.Context, plan *Plan) error {
	if err := s.readTarget(ctx, nil); err != nil {
		return err
	}
	state := *s.state
	state.Spec = s.runner.spec
	now, err := planFrom(&state, s.observation, time.Now(), s.clock())
	if err != nil {
		return err
	}
	if now.Hash != plan.Hash {
		return fmt.Errorf("rollout %s: %w: it was made when the target was %s at %v, which is now %s at %v, or by another spec; make a new plan",
			s.runner.config.name, ErrStalePlan, plan.Observation.Status, plan.Observation.Ratio, s.observation.Status, s.observation.Ratio)
	}
	if err := s.adoptSpec(ctx); err != nil {
		return err
	}
	return s.reconcile(ctx, true)
}

// clock is the machine whose clock is read.
func (s *session) clock() string { return s.runner.config.clock }
