package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Transition is what [Runner.Advance] came to: what is to be stored, and what comes next.
type Transition struct {
	// Checkpoint is the state to be stored before anything else is done; where nothing
	// changed, it is the one that was given.
	Checkpoint []byte
	// Audit are entries of the audit log that are to be stored together with Checkpoint.
	Audit []AuditEntry
	// Events happened. They are to be emitted after Checkpoint is stored.
	Events []Event
	// Forget are the ids of commands that were executed. They are to be removed after
	// Checkpoint is stored, and must not be given any more then.
	Forget []string
	// Next is what comes next, and when.
	Next Next
	// Yielded says that Checkpoint holds a change that is about to be made: once it is
	// stored, Advance is to be called again at once, which makes the change.
	Yielded bool
}

// Advance takes the rollout on from a stored state, as far as it gets without waiting, for an
// engine that has timers, commands and durable states of its own, such as Temporal.
// [Runner.Run], [Runner.Step] and a [Fleet] are the same over a [Store]. Advance uses neither
// the runner's store nor its sinks. One call at a time may advance a rollout; the same Runner
// for all of them counts failures in a row, between which it waits longer each time.
//
// checkpoint is the one that was stored last, nil before the first; commands are those that
// were posted and not forgotten, oldest first; observed is where the target stood right
// before, nil to let the runner read it.
//
// It yields before each change: a [Change] is only made by a call that was given its [Intent]
// in the checkpoint, so that it is durable. A call whose outcome got lost is made again with
// what is stored; whatever it did is then found out, and not done again. Events of it may be
// lost.
//
// The errors are those of [Runner.Run], but for [StoppedError]: Next.Over and the state in it
// say that. With an error too, there is a transition to be stored.
func (r *Runner) Advance(ctx context.Context, checkpoint []byte, commands []Command, observed *BatchResult) (*Transition, error) {
	s := r.newSession(givenCommands(commands))
	var next *Next
	err := s.load(checkpoint)
	if err == nil {
		err = s.begin()
	}
	if err == nil {
		next, err = s.advance(ctx, observed)
	}
	t, unstorable := s.transition(err)
	if err = joinErrors(err, unstorable); err != nil {
		err = r.asPending(ctx, s.lastNext, err)
		t.Events = append(t.Events, s.replaceByFailure(err)...)
	}
	if next == nil {
		next = &s.lastNext
	}
	t.Next, t.Yielded = *next, s.yielded
	if t.Next.State == nil { // it yielded before anything was decided
		t.Next.State = s.state
	}
	if t.Checkpoint == nil {
		t.Checkpoint = checkpoint
	}
	return &t, err
}

// session is one rollout while it advances: from a stored state, in memory, to the next state that
// is to be stored. It knows no store.
type session struct {
	runner *Runner
	state  *State
	// posted are the commands that were posted and are not forgotten yet, oldest first.
	posted commandList
	// limiter limits calls of the target; nil for none.
	limiter *rate.Limiter
	// observation is the last one, nil before the first; fresh says that nothing was
	// waited for since, and observeAt is when the next one is due.
	observation *Observation
	fresh       bool
	observeAt   time.Time
	// lastNext is what the session waited for last.
	lastNext Next
	// changed says that the state is to be stored, with the audit entries, before the events are
	// emitted; yielded that this must be before anything else. The events from
	// completed on belong to what is still being done.
	changed, yielded bool
	// replanned says that the state has a spec that is not stored yet.
	replanned bool
	audit     []AuditEntry
	events    []Event
	completed int // events[:completed] carry the state as it is now
	// unheard says that nobody gets the events, so none are kept.
	unheard bool
	// commandID is the command that this session was opened for, empty for none, and refusal
	// why it could not be executed.
	commandID string
	refusal   error
	// conflicts counts changes in a row that the target refused.
	conflicts int
}

// commandList gives commands as [Lease].Commands does.
type commandList interface {
	Commands(ctx context.Context) ([]Command, error)
}

// givenCommands are commands that are in no store.
type givenCommands []Command

func (c givenCommands) Commands(context.Context) ([]Command, error) { return c, nil }

func (r *Runner) newSession(posted commandList) session {
	return session{runner: r, posted: posted, lastNext: nothingDoneYet()}
}

// load reads the state from a checkpoint. It stays nil when the rollout has not begun, and the
// checkpoint is nil.
func (s *session) load(checkpoint []byte) error {
	if checkpoint == nil {
		return nil
	}
	sum := maphash.Bytes(s.runner.seed, checkpoint)
	if known := s.runner.decoded.Load(); known != nil && known.sum == sum {
		s.state = new(known.state.clone())
		return nil
	}
	state, err := decodeState(s.runner.name, checkpoint)
	if err == nil {
		err = s.runner.checkTarget(state)
	}
	if err != nil {
		return err
	}
	if state.specHash == s.runner.specHash {
		state.Spec = s.runner.spec // which says the same, and is in memory already
	}
	s.state = state
	s.runner.decoded.Store(&decoded{sum, state.clone()})
	return nil
}

// decoded is what a checkpoint says, by its checksum. It is never changed.
type decoded struct {
	sum   uint64
	state State
}

// begin begins the rollout, unless it has begun, and makes the runner's spec its own.
func (s *session) begin() error {
	s.startIfNew()
	return s.adoptSpec()
}

// advance executes commands, observes the target and does what is due, until something has
// to be waited for, or has to be stored before anything else: then it yields, and both
// results are nil. observed is an observation that was just made; nil for none.
func (s *session) advance(ctx context.Context, observed *BatchResult) (*Next, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.correctClock()
		if err := s.executeCommands(ctx); err != nil {
			return s.retryLater(ctx, err)
		}
		if s.yielded {
			return nil, nil //nolint:nilnil // see above
		}
		if s.state.Status != Running {
			return s.finished(), nil
		}
		began := time.Now()
		if s.observation == nil || observed != nil || !began.Before(s.observeAt) {
			if err := s.observe(ctx, observed); err != nil {
				return s.retryLater(ctx, err)
			}
			observed = nil
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
		if s.yielded {
			return nil, nil //nolint:nilnil // see above
		}
		s.lastNext.What = "the next observation of the target, after: " + d.message
	}
}

// decide says what is due after an observation that began at the given time. Verdicts that
// were recent enough when it began still are, however long it lasted; every other deadline
// counts to its end.
func (s *session) decide(began time.Time) decision {
	now := time.Now()
	d := decide(s.state, s.observation, now, s.runner.host)
	if d.action != actEvaluateGates {
		return d
	}
	held := decide(s.state, s.observation, began, s.runner.host)
	if (held.action == actRaise || held.action == actPublish) && s.state.mayBeSet(held.to, now) {
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
	switch {
	case !s.mayPass(err):
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err() // it may pass, and a later run tries again
	}
	if s.state.Seq == 0 { // so that a later process counts the deadline from here too
		s.markChanged()
	}
	now := time.Now()
	deadline := s.state.Began.Add(s.state.Spec.deadline())
	if !now.Before(deadline) && s.state.Status == Running && !s.abortPending(ctx) { // a pending abort matters more than the deadline
		d := pauseFor(CauseDeadline, "the rollout took longer than %v, and the target does not answer: %v", Duration(s.state.Spec.deadline()), err)
		return s.stopRollout(d), nil
	}
	n := s.runner.failures.Add(1)
	next := &Next{State: s.state, What: fmt.Sprintf("trying again after a failure: %v", err), Wait: WaitRetry, At: now.Add(s.runner.retryIn(n, err))}
	s.record(EventRetrying, Event{What: next.What, Wait: next.Wait, Until: next.At, Error: err.Error()})
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
		return s.stopRollout(d), nil
	case actDone:
		s.state.Status, s.state.Stop = Done, nil
		s.recordAudited(EventDone, Event{What: d.message})
		s.markChanged()
		return s.finished(), nil
	case actConflict:
		return nil, s.runner.conflict("%s", d.message)
	case actLadderMismatch:
		return nil, fmt.Errorf("rollout %s: %w", s.runner.name, s.state.Spec.checkLadderAbove(s.observation.Ratio, s.observation.Ladder))
	default:
		return s.waitingFor(d), nil
	}
}

// waitingFor emits what is waited for, and until when.
func (s *session) waitingFor(d decision) *Next {
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
	return next
}

// stopRollout pauses or ends the rollout.
func (s *session) stopRollout(d decision) *Next {
	s.stop(d.status, s.stopOf(d))
	return s.finished()
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
	s.markChanged()
}

// correctClock replaces stored times that cannot be right, once and durably.
func (s *session) correctClock() {
	corrected := s.state.correctStarts(time.Now(), s.runner.host)
	for _, what := range corrected {
		s.recordAudited(EventClock, Event{What: what})
	}
	if len(corrected) > 0 {
		s.markChanged()
	}
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
		Status: Running, Began: now, WaitingSince: now, Clock: r.host, specHash: r.specHash,
	}
}

func (r *Runner) conflict(format string, args ...any) error {
	return &ConflictError{Rollout: r.name, Reason: fmt.Sprintf(format, args...)}
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
	stored, own := state.specHash, r.specHash
	if stored == own || r.newSpec {
		return stored == own, nil
	}
	return false, r.conflict("the spec is another than the stored one (%s, stored %s); take the stored one, or go on by the new one (WithNewSpec)", own, stored)
}

// adoptSpec makes the runner's spec the rollout's, where they differ.
func (s *session) adoptSpec() error {
	if same, err := s.runner.checkSpec(s.state); err != nil || same {
		return err
	}
	s.state.Spec, s.state.specHash, s.state.Gates, s.state.WaitingSince = s.runner.spec, s.runner.specHash, nil, time.Now()
	s.replanned = true
	s.state.voidApprovals("the spec is another since")
	s.recordAudited(EventReplanned, Event{What: "the rollout goes on by a new spec"})
	s.markChanged()
	return nil
}

// record adds an event of what is being done, and returns it.
func (s *session) record(kind EventKind, e Event) Event {
	e.Schema, e.At, e.Kind = EventSchema, time.Now(), kind
	e.What, e.Error = validation.OneLine(e.What), validation.OneLine(e.Error)
	if !s.unheard {
		s.events = append(s.events, e)
	}
	return e
}

// recordAudited adds an event of what is being done, and an entry of the audit log.
func (s *session) recordAudited(kind EventKind, e Event) {
	recorded := s.record(kind, e)
	from, to := s.state.Ratio, cmp.Or(e.To, s.state.Ratio)
	if kind == EventRaised || kind == EventAdopted { // the state has the new ratio already
		from, to = e.From, e.To
	}
	s.audit = append(s.audit, AuditEntry{
		At: recorded.At, By: cmp.Or(e.By, s.runner.holder), Action: kind, From: from, To: to, Why: recorded.What,
	})
}

// markChanged says that the state, as it is now, is to be stored, and that what was recorded so far
// belongs to it.
func (s *session) markChanged() {
	s.changed = true
	s.completeEvents()
}

// completeEvents gives the recorded events what the state says now.
func (s *session) completeEvents() {
	ratios := s.runner.ratios
	if s.state.specHash != s.runner.specHash {
		ratios = s.state.Spec.ratios()
	}
	for i := range s.events[s.completed:] {
		e := &s.events[s.completed+i]
		e.Rollout, e.Target, e.Subject, e.Status, e.Ratio = s.state.Rollout, s.state.Target, s.state.Subject, s.state.Status, s.state.Ratio
		e.Observation, e.Steps = s.observation, ratios
	}
	s.completed = len(s.events)
}

// transition is what became of the state since the last transition; without a checkpoint
// where nothing is to be stored. failed is the error that it ended with; nil for none.
func (s *session) transition(failed error) (t Transition, err error) {
	if s.state == nil { // it could not be read
		return t, nil
	}
	if !s.yielded {
		s.dropIntent()
	}
	if failed == nil {
		s.completeEvents()
	}
	if s.changed {
		s.state.Seq++
		s.state.UpdatedAt, s.state.UpdatedBy = time.Now(), s.runner.holder
		for i := range s.audit {
			s.audit[i].Seq = s.state.Seq
		}
		if t.Checkpoint, err = s.state.encode(); err != nil {
			return Transition{}, err
		}
		s.runner.decoded.Store(&decoded{maphash.Bytes(s.runner.seed, t.Checkpoint), s.state.clone()})
		t.Audit, s.audit, s.changed, s.replanned = s.audit, nil, false, false
	}
	t.Events, s.events, s.completed = s.events[:s.completed], s.events[s.completed:], 0
	t.Forget = slices.Clone(s.state.Handled)
	return t, nil
}

// dropIntent removes the intent of a change that was not begun: something came before it.
// An abort is to be made whatever comes.
func (s *session) dropIntent() {
	if in := s.state.Intent; in != nil && !in.unknown && in.Kind != ChangeAbort {
		s.state.Intent, s.changed = nil, true
	}
}

// replaceByFailure drops what was recorded and is of no stored state, and returns the event of a run
// that ends with an error that needs a person; none for other errors, which drop nothing.
func (s *session) replaceByFailure(err error) []Event {
	_, stopped := errors.AsType[*StoppedError](err)
	if err == nil || stopped || errors.Is(err, ErrPending) {
		return nil
	}
	if s.state == nil { // it could not be read
		s.state = &State{Rollout: s.runner.name, Target: s.runner.target.ID(), Spec: s.runner.spec}
	}
	s.events, s.completed = nil, 0
	s.record(EventFailed, Event{What: fmt.Sprintf("the run ended: %v", err), Error: err.Error()})
	s.completeEvents()
	return s.events
}
