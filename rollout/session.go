package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// session is what a runner does under one lease.
type session struct {
	runner *Runner
	lease  Lease
	state  *State
	// limiter limits calls of the target; nil for none.
	limiter *rate.Limiter
	// observation is the last one, nil before the first; fresh says that nothing was
	// waited for since, and observeAt is when the next one is due.
	observation *Observation
	fresh       bool
	observeAt   time.Time
	// lastNext is what the session waited for last.
	lastNext Next
	// audit and events are those of the current transition: the entries are stored with
	// it, and the events are emitted afterwards.
	audit  []AuditEntry
	events []Event
	// commandID is the command that this session was opened for; empty for none.
	commandID string
	// refusals are the errors of commands that could not be executed, by ID.
	refusals map[string]error
	// conflicts counts changes in a row that the target refused.
	conflicts int
	// leaseLost gets why the lease could not be renewed.
	leaseLost    chan error
	stopRenewing context.CancelFunc
	renewing     sync.WaitGroup
}

// commandInterval is how often a waiting run checks for commands of other processes, in a
// store that does not announce them.
const commandInterval = 3 * time.Second

// step executes commands, observes the target and does what is due, until something has to
// be waited for. given is an observation that was just made; nil for none.
func (s *session) step(ctx context.Context, given *BatchResult) (*Next, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.correctClock(ctx); err != nil {
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
		s.lastNext.What = "the next observation of the target, after: " + d.message
	}
}

// decide says what is due after an observation that began at the given time. Verdicts that
// were recent enough when it began still are, however long it lasted; every other deadline
// counts to its end.
func (s *session) decide(began time.Time) decision {
	d := decide(s.state, s.observation, time.Now(), s.runner.clock)
	if d.action != actEvaluateGates {
		return d
	}
	if _, _, frozen := s.state.Spec.frozen(time.Now()); frozen {
		return d
	}
	if held := decide(s.state, s.observation, began, s.runner.clock); held.action == actRaise || held.action == actPublish {
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

// retryLater says when to try again after a transient failure; other errors it returns.
func (s *session) retryLater(ctx context.Context, err error) (*Next, error) {
	_, unsaved := errors.AsType[*saveError](err)
	switch {
	case unsaved || !s.mayPass(err):
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err() // it may pass, and a later run tries again
	}
	if s.state.Seq == 0 { // so that a later process counts the deadline from here too
		if err := s.save(ctx); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	late := s.state.Began.Add(s.state.Spec.deadline())
	if !now.Before(late) && s.state.Status == Running && !s.abortPending(ctx) { // a pending abort matters more than the deadline
		d := pauseFor(CauseDeadline, "the rollout took longer than %v, and the target does not answer: %v", Duration(s.state.Spec.deadline()), err)
		return s.stopRollout(ctx, d)
	}
	n := s.runner.failures.Add(1)
	next := &Next{State: s.state, What: fmt.Sprintf("trying again after a failure: %v", err), Wait: WaitRetry, At: now.Add(s.runner.retryIn(n, err))}
	s.record(EventRetrying, Event{What: next.What, Wait: next.Wait, Until: next.At, Error: err.Error()})
	s.emit(ctx)
	s.lastNext = *next
	return next, nil
}

// act does what was decided. It returns what is waited for, or nil to decide again.
func (s *session) act(ctx context.Context, d decision) (*Next, error) {
	if err := s.checkFirst(d.action); err != nil {
		return nil, err
	}
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
		s.recordAudited(EventDone, Event{What: d.message})
		return s.finished(), s.save(ctx)
	case actConflict:
		return nil, s.runner.conflict("%s", d.message)
	case actLadderMismatch:
		return nil, fmt.Errorf("rollout %s: %w", s.runner.name, s.state.Spec.checkLadderAbove(s.observation.Ratio, s.observation.Ladder))
	default:
		return s.waitingFor(ctx, d)
	}
}

// waitingFor emits what is waited for, and until when.
func (s *session) waitingFor(ctx context.Context, d decision) (*Next, error) {
	at := s.observeAt
	if !d.until.IsZero() && d.until.Before(at) {
		at = d.until
	}
	next := &Next{State: s.state, What: d.message, Wait: d.wait, At: at}
	e := Event{What: d.message, Wait: d.wait, Until: d.ends}
	switch d.wait {
	case WaitApproval:
		next.Ratio, e.To = d.to, d.to
	case WaitGate:
		next.Gate, e.Gate = d.gates[0], d.gates[0]
	case WaitReview, WaitBake, WaitRetry, WaitTarget:
	}
	s.record(EventWaiting, e)
	s.emit(ctx)
	return next, nil
}

// stopRollout pauses or ends the rollout.
func (s *session) stopRollout(ctx context.Context, d decision) (*Next, error) {
	s.stop(d.status, s.stopOf(d))
	return s.finished(), s.save(ctx)
}

// stop records that the rollout is paused or has ended, and why.
func (s *session) stop(status Status, why *Stop) {
	kind := EventPaused
	if status == Ended {
		kind = EventEnded
	}
	why.Seq = s.state.Seq + 1
	s.state.Status, s.state.Stop = status, why
	if why.Cause != CausePerson {
		s.state.voidApprovals(why.Reason)
	}
	s.recordAudited(kind, Event{What: why.Reason, By: why.By})
}

// correctClock replaces stored times that cannot be right, once and durably.
func (s *session) correctClock(ctx context.Context) error {
	if !s.recordCorrections() {
		return nil
	}
	return s.save(ctx)
}

// recordCorrections replaces stored times that cannot be right, and says whether there were any.
func (s *session) recordCorrections() bool {
	corrected := s.state.correctStarts(time.Now(), s.runner.clock)
	for _, what := range corrected {
		s.recordAudited(EventClock, Event{What: what})
	}
	return len(corrected) > 0
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

// wait sleeps until something is due, a command is posted, the lease is lost or the context
// ends.
func (s *session) wait(ctx context.Context, until time.Time) error {
	s.fresh = false
	listener, listens := s.lease.(Listener)
	var posted <-chan struct{}
	if listens {
		posted = listener.Posted()
	}
	for {
		pause := time.Until(until)
		if pause <= 0 {
			return nil
		}
		if !listens {
			pause = min(pause, commandInterval)
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
		case <-time.After(pause):
		}
		if found, err := s.hasCommands(ctx); err != nil || found {
			return err
		}
	}
}

func (r *Runner) conflict(format string, args ...any) error {
	return &ConflictError{Rollout: r.name, Reason: fmt.Sprintf(format, args...)}
}

// openSession acquires the lease, keeps it renewed until close, and loads the state.
func (r *Runner) openSession(ctx context.Context) (*session, error) {
	lease, err := r.store.Acquire(ctx, r.name, r.holder)
	if err != nil {
		return nil, err
	}
	s := &session{runner: r, lease: lease, refusals: make(map[string]error), lastNext: nothingDoneYet(), leaseLost: make(chan error, 1)}
	s.renewLease(ctx)
	if err := s.loadState(ctx); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// renewLease renews the lease in the background until close, however long a call, a gate
// or a wait takes.
func (s *session) renewLease(ctx context.Context) {
	ctx, s.stopRenewing = context.WithCancel(context.WithoutCancel(ctx))
	every := s.lease.RenewEvery()
	if every <= 0 {
		return
	}
	s.renewing.Go(func() {
		due := time.NewTicker(every)
		defer due.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-due.C:
			}
			if err := s.lease.Renew(ctx); err != nil {
				s.leaseLost <- err // ends a wait; anything else fails when it saves
				return
			}
		}
	})
}

// close releases the lease. One that cannot be released expires.
func (s *session) close(ctx context.Context) {
	s.stopRenewing()
	s.renewing.Wait()
	ctx = context.WithoutCancel(ctx)
	if err := s.lease.Release(ctx); err != nil {
		s.runner.logger.LogAttrs(ctx, slog.LevelWarn, "the lease of a rollout could not be released",
			slog.String("rollout", s.runner.name), slog.Any("error", err))
	}
}

// loadState loads the state, which stays nil when the rollout has not begun.
func (s *session) loadState(ctx context.Context) error {
	data, err := s.lease.Load(ctx)
	if err != nil || data == nil {
		return err
	}
	if s.state, err = decodeState(s.runner.name, data); err != nil {
		return err
	}
	return s.runner.checkTarget(s.state)
}

// startIfNew begins the rollout, unless it has begun.
func (s *session) startIfNew() {
	if s.state == nil {
		s.state = s.runner.newState(time.Now())
		s.recordAudited(EventStarted, Event{What: "the rollout begins"})
	}
}

// newState is the state of a rollout before its first step.
func (r *Runner) newState(now time.Time) *State {
	return &State{
		Rollout: r.name, Target: r.target.ID(), Spec: r.spec,
		Status: Running, Began: now, WaitingSince: now, Clock: r.clock,
	}
}

func (r *Runner) checkTarget(state *State) error {
	if state.Target == r.target.ID() {
		return nil
	}
	return r.conflict("the stored state is of %s, not of %s; give the rollout another name (WithName)", state.Target, r.target.ID())
}

// checkSpec says whether the stored spec is the runner's. Another one is an error without
// [WithNewSpec].
func (r *Runner) checkSpec(state *State) (same bool, err error) {
	stored, own := state.Spec.Hash(), r.specHash
	if stored == own || r.newSpec {
		return stored == own, nil
	}
	return false, r.conflict("the spec is another than the stored one (%s, stored %s); take the stored one, or go on by the new one (WithNewSpec)", own, stored)
}

// adoptSpec makes the runner's spec the rollout's, where they differ.
func (s *session) adoptSpec(ctx context.Context) error {
	if same, err := s.runner.checkSpec(s.state); err != nil || same {
		return err
	}
	s.state.Spec, s.state.Gates, s.state.WaitingSince = s.runner.spec, nil, time.Now()
	s.state.voidApprovals("the spec is another since")
	s.recordAudited(EventReplanned, Event{What: "the rollout goes on by a new spec"})
	return s.save(ctx)
}

// record adds an event to the current transition.
func (s *session) record(kind EventKind, e Event) {
	e.Schema, e.At, e.Kind = EventSchema, time.Now(), kind
	e.What, e.Error = validation.OneLine(e.What), validation.OneLine(e.Error)
	s.events = append(s.events, e)
}

// recordAudited adds an event to the current transition and to the audit log.
func (s *session) recordAudited(kind EventKind, e Event) {
	s.record(kind, e)
	from, to := s.state.Ratio, cmp.Or(e.To, s.state.Ratio)
	if kind == EventRaised || kind == EventAdopted { // the state has the new ratio already
		from, to = e.From, e.To
	}
	recorded := s.events[len(s.events)-1]
	s.audit = append(s.audit, AuditEntry{
		At: recorded.At, By: cmp.Or(e.By, s.runner.holder), Action: kind, From: from, To: to, Why: recorded.What,
	})
}

// save stores the state with its audit entries, and then emits the events.
func (s *session) save(ctx context.Context) error {
	state := s.state
	state.Seq++
	state.UpdatedAt, state.UpdatedBy = time.Now(), s.runner.holder
	for i := range s.audit {
		s.audit[i].Seq = state.Seq
	}
	data, err := state.encode()
	if err != nil {
		return err
	}
	if err := s.lease.Save(context.WithoutCancel(ctx), data, s.audit); err != nil {
		return &saveError{err}
	}
	s.audit = nil
	s.emit(ctx)
	return nil
}

// emit hands the recorded events over to the sinks, and waits for none.
func (s *session) emit(ctx context.Context) {
	events := s.events
	s.events = nil
	for _, e := range events {
		e.Rollout, e.Target, e.Subject, e.Status, e.Ratio = s.state.Rollout, s.state.Target, s.state.Subject, s.state.Status, s.state.Ratio
		e.Observation, e.Steps = s.observation, s.state.Spec.ratios()
		for _, d := range s.runner.deliveries {
			d.add(ctx, e)
		}
	}
}

// saveError says that a state was not stored. Whatever the store's error is, the run ends:
// it must not act on a state that no later run would know.
type saveError struct{ error }

func (e *saveError) Unwrap() error { return e.error }

// emitFailure emits that a run ends with an error that needs a person.
func (s *session) emitFailure(ctx context.Context, err error) {
	_, stopped := errors.AsType[*StoppedError](err)
	if err == nil || stopped || errors.Is(err, ErrPending) {
		return
	}
	s.events = nil // those of a transition that was not stored
	s.record(EventFailed, Event{What: fmt.Sprintf("the run ended: %v", err), Error: err.Error()})
	s.emit(context.WithoutCancel(ctx))
}
