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
type turn struct {
	r     *Runner
	lease Lease
	state *State
	// limiter limits calls of the target; nil for none.
	limiter *rate.Limiter
	// seen is the last observation, nil before the first; fresh says that nothing
	// was waited for since, and reread is when the next one is due.
	seen   *Observation
	fresh  bool
	reread time.Time
	// last is what was waited for last.
	last Next
	// audit and events are those of the transition at hand; both go out when it
	// is stored.
	audit  []AuditEntry
	events []Event
	// own is the command that was given under this very lease: it knows what it is about.
	own string
	// refused says which commands could not be obeyed, and why.
	refused map[string]error
	// conflicts counts refused changes in a row.
	conflicts int
	// stored says that there was a state before this turn.
	stored bool
	// lost gets why the lease could not be renewed; release ends the renewing.
	lost    chan error
	release context.CancelFunc
	keeping sync.WaitGroup
}

// commandInterval is how often a waiting run looks for commands of other processes.
const commandInterval = 3 * time.Second

// step obeys the commands, reads the target and does what is due until something has
// to be waited for. given is an observation that was just made; nil for none.
func (t *turn) step(ctx context.Context, given *Observed) (*Next, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.obey(ctx); err != nil {
			return t.failed(ctx, err)
		}
		if t.state.Status != Running {
			return t.over(), nil
		}
		began := time.Now()
		if t.seen == nil || given != nil || !began.Before(t.reread) {
			if err := t.look(ctx, given); err != nil {
				return t.failed(ctx, err)
			}
			given = nil
		}
		d := t.due(began)
		if d.act.needsFresh() && !t.fresh {
			t.reread = time.Time{}
			continue
		}
		t.last = Next{State: t.state, What: d.what}
		next, err := t.act(ctx, d)
		if err != nil {
			return t.failed(ctx, err)
		}
		t.r.failures.Store(0)
		if next != nil {
			t.last = *next
			return next, nil
		}
		t.last.What = "a look at the target, after: " + d.what
	}
}

// due says what is due after a look that began then. Verdicts that let a ratio rise as it
// began are not too old by its end, however long it took; all else counts by the end.
func (t *turn) due(began time.Time) decision {
	d := decide(t.state, t.seen, time.Now(), t.clock())
	if d.act != actJudge {
		return d
	}
	if held := decide(t.state, t.seen, began, t.clock()); held.act == actRaise || held.act == actPublish {
		return held
	}
	return d
}

func (t *turn) over() *Next {
	what := "all users have the version"
	if t.state.Stop != nil {
		what = t.state.Stop.Reason
	}
	return &Next{State: t.state, Over: true, What: what}
}

// look reads the target and takes over what it finds.
func (t *turn) look(ctx context.Context, given *Observed) error {
	if err := t.observe(ctx, given); err != nil {
		return err
	}
	return t.absorb(ctx, given == nil) // somebody may have acted since one that was handed in
}

// absorb takes over what was read.
func (t *turn) absorb(ctx context.Context, fresh bool) error {
	if err := t.reconcile(ctx); err != nil {
		return err
	}
	now := time.Now()
	t.fresh, t.reread = fresh, now.Add(t.r.pollIn(now.Sub(t.state.Watched)))
	return nil
}

// observe reads the target. The context ends it: nothing is lost by that.
func (t *turn) observe(ctx context.Context, given *Observed) error {
	if given == nil {
		if err := t.queue(ctx); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, t.r.config.callTime)
		defer cancel()
		given = new(Observed)
		given.Observation, given.Err = t.r.target.Observe(ctx)
	}
	if given.Err != nil {
		return given.Err
	}
	if given.Observation == nil {
		return fmt.Errorf("rollout %s: %s was read as nothing, without an error: mend the target", t.r.config.name, t.r.target.ID())
	}
	t.seen = given.Observation
	return nil
}

// queue waits until the limiter lets a call through, or the context ends.
func (t *turn) queue(ctx context.Context) error { return queued(ctx, t.limiter) }

func queued(ctx context.Context, limiter *rate.Limiter) error {
	if limiter == nil || limiter.Wait(ctx) == nil {
		return nil
	}
	<-ctx.Done() // a limiter says at once that the context will end before
	return ctx.Err()
}

// failed says when to try again after a failure that may pass.
func (t *turn) failed(ctx context.Context, err error) (*Next, error) {
	_, unstored := errors.AsType[*unstoredError](err)
	switch {
	case unstored || !passes(err):
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err() // it may pass, and a later run tries again
	}
	if t.state.Seq == 0 { // the deadline counts from here, for a later process too
		if err := t.store(ctx); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	late := t.state.Began.Add(t.state.Spec.deadline())
	if !now.Before(late) && t.state.Status == Running && !t.toAbort(ctx) { // what is to be given up does not stay live for that
		d := pauseFor(CauseDeadline, "the rollout took longer than %v, and the target does not answer: %v", Duration(t.state.Spec.deadline()), err)
		return t.stop(ctx, d)
	}
	n := t.r.failures.Add(1)
	next := &Next{State: t.state, What: fmt.Sprintf("trying again after a failure: %v", err), At: now.Add(t.r.backOff(n, err))}
	t.note(EventRetrying, AuditEntry{}, Event{What: next.What, Until: next.At, Error: err.Error()})
	t.send(ctx)
	t.last = *next
	return next, nil
}

// act does what was decided. It returns what is waited for, or nil to look again.
func (t *turn) act(ctx context.Context, d decision) (*Next, error) {
	switch d.act {
	case actApply:
		return nil, t.change(ctx, d, &Intent{Kind: KindApply})
	case actWithdraw:
		return nil, t.change(ctx, d, &Intent{Kind: KindWithdraw, Other: d.other})
	case actRaise:
		return nil, t.change(ctx, d, &Intent{Kind: KindRaise, To: d.to})
	case actPublish:
		return nil, t.change(ctx, d, &Intent{Kind: KindPublish, To: d.to})
	case actJudge:
		return nil, t.judge(ctx, d.gates)
	case actStop:
		if d.cause == CauseGate && t.state.Spec.failurePolicy() == FailureAbort {
			return nil, t.abort(ctx, t.stopOf(d))
		}
		return t.stop(ctx, d)
	case actDone:
		t.state.Status, t.state.Stop = Done, nil
		t.note(EventDone, AuditEntry{From: t.state.Ratio, To: t.state.Ratio, Why: d.what}, Event{What: d.what})
		return t.over(), t.store(ctx)
	case actConflict:
		return nil, t.conflict("%s", d.what)
	case actUnfit:
		return nil, fmt.Errorf("rollout %s: %w", t.r.config.name, t.state.Spec.checkLadderAbove(t.seen.Ratio, t.seen.Ladder))
	default:
		return t.waiting(ctx, d)
	}
}

// waiting tells what is waited for, and until when.
func (t *turn) waiting(ctx context.Context, d decision) (*Next, error) {
	at := t.reread
	if !d.until.IsZero() && d.until.Before(at) {
		at = d.until
	}
	t.note(EventWaiting, AuditEntry{}, Event{What: d.what, Until: d.ends})
	t.send(ctx)
	return &Next{State: t.state, What: d.what, At: at}, nil
}

// stop pauses or ends the rollout.
func (t *turn) stop(ctx context.Context, d decision) (*Next, error) {
	t.state.Status, t.state.Stop = d.status, t.stopOf(d)
	kind := EventPaused
	if d.status == Ended {
		kind = EventEnded
	}
	t.note(kind, AuditEntry{From: t.state.Ratio, To: t.state.Ratio, Why: d.what}, Event{What: d.what})
	return t.over(), t.store(ctx)
}

func (t *turn) stopOf(d decision) *Stop {
	s := &Stop{Cause: d.cause, Reason: d.what, At: time.Now(), Ratio: t.state.Ratio, Watched: t.watched()}
	if d.cause == CauseGate && len(d.gates) > 0 {
		s.Gate = d.gates[0]
	}
	if d.cause == CauseRejected || d.cause == CauseWithdrawn {
		s.Reviews = t.seen.Reviews
	}
	return s
}

// wait sleeps until something is due, a command was left, the lease is lost or the
// context ends.
func (t *turn) wait(ctx context.Context, until time.Time) error {
	t.fresh = false
	listener, hears := t.lease.(Listener)
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
		case err := <-t.lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-t.r.posted:
			return nil
		case <-posted:
			return nil
		case <-time.After(nap):
		}
		if ordered, err := t.ordered(ctx); err != nil || ordered {
			return err
		}
	}
}

func (t *turn) conflict(format string, args ...any) error { return t.r.conflict(format, args...) }

func (r *Runner) conflict(format string, args ...any) error {
	return &ConflictError{Rollout: r.config.name, Reason: fmt.Sprintf(format, args...)}
}

// follow checks that a plan is still that of the target, and takes over what it read for
// that. Nothing is stored when it is not.
func (t *turn) follow(ctx context.Context, plan *Plan) error {
	if err := t.observe(ctx, nil); err != nil {
		return err
	}
	state := *t.state
	state.Spec = t.r.spec
	now, err := planFrom(&state, t.seen, time.Now(), t.clock())
	if err != nil {
		return err
	}
	if now.Hash != plan.Hash {
		return fmt.Errorf("rollout %s: %w: it was made when the target was %s at %v, which is now %s at %v, or by another spec; make a new plan",
			t.r.config.name, ErrStalePlan, plan.Seen.Status, plan.Seen.Ratio, t.seen.Status, t.seen.Ratio)
	}
	if err := t.replan(ctx); err != nil {
		return err
	}
	return t.absorb(ctx, true)
}

// clock is the machine whose clock is read.
func (t *turn) clock() string { return t.r.config.clock }
