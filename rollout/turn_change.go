package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// maxConflicts is how many refused changes in a row are taken for somebody else's
// changes in between; then something else is wrong.
const maxConflicts = 3

// change makes one change of the target. What is about to happen is stored before,
// and what happened after. Neither the call nor the storing ends with the context:
// what was begun is finished.
func (s *session) makeChange(ctx context.Context, d decision, in *Intent) error {
	if err := s.waitForLimiter(ctx); err != nil {
		return err
	}
	if in.Kind != ChangeAbort { // what was ordered since the last look began comes first
		if ordered, err := s.hasCommands(ctx); err != nil || ordered {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx)
	if before := s.state.Intent; before != nil && before.same(in) {
		in = before // the same change again, under the same key
	} else {
		in.RequestID, in.From, in.At = rand.Text(), s.state.Ratio, time.Now()
		if s.observation != nil {
			in.Application = s.observation.Application
		}
		s.state.Intent = in
		s.record(EventChanging, AuditEntry{}, Event{What: d.message, Change: in.Kind, From: in.From, To: in.To})
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	s.observeAt = time.Time{} // whatever comes of it, what was seen is of the past
	aftermath, err := s.callTarget(ctx, in)
	if err != nil {
		return s.changeFailed(ctx, in, err)
	}
	s.conflicts = 0
	s.recordChange(in, "", aftermath)
	return s.save(ctx)
}

func (in *Intent) same(other *Intent) bool {
	if in.Kind != other.Kind || in.To != other.To || (in.Other == nil) != (other.Other == nil) {
		return false
	}
	return in.Other == nil || in.Other.ID == other.Other.ID
}

func (s *session) callTarget(ctx context.Context, in *Intent) (aftermath string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.runner.config.callTime)
	defer cancel()
	c := Change{RequestID: in.RequestID, From: in.From, To: in.To, Other: in.Other}
	switch in.Kind {
	case ChangeApply:
		return "", s.runner.target.Apply(ctx, c)
	case ChangeRaise:
		return "", s.runner.target.Raise(ctx, c)
	case ChangePublish:
		return "", s.runner.target.Publish(ctx, c)
	case ChangeAbort:
		return s.runner.target.Abort(ctx, c)
	case ChangeWithdraw:
		if w, ok := s.runner.target.(Withdrawer); ok {
			return "", w.Withdraw(ctx, c)
		}
	}
	return "", fmt.Errorf("rollout: %s cannot do %s: %w", s.runner.target.ID(), in.Kind, alipayplus.ErrInvalid)
}

// refusedChange says what becomes of a change that did not succeed.
func (s *session) changeFailed(ctx context.Context, in *Intent, err error) error {
	if errors.Is(err, alipayplus.ErrConflict) {
		s.conflicts++
	}
	switch {
	case isTransient(err):
		in.unknown = true
		return err
	case in.Kind == ChangeAbort:
		return &abortRefusedError{err} // the intent goes with the transition that follows from that
	case errors.Is(err, alipayplus.ErrConflict) && s.conflicts <= maxConflicts:
		// Somebody was faster, or it is done already: the next look tells. A change
		// of which something may have happened before keeps its intent until then.
		if in.unknown {
			return nil
		}
		s.state.Intent = nil
		return s.save(ctx)
	case in.unknown: // nothing happened now; what became of the earlier attempt, the next run finds out
		return fmt.Errorf("rollout %s: %w", s.runner.config.name, err)
	default:
		// A refusal: nothing happened.
		s.state.Intent = nil
		if stored := s.save(ctx); stored != nil {
			return joinErrors(err, stored)
		}
		return fmt.Errorf("rollout %s: %w", s.runner.config.name, err)
	}
}

// refusedError says that the target refused to give the version up.
type abortRefusedError struct{ err error }

func (e *abortRefusedError) Error() string { return e.err.Error() }
func (e *abortRefusedError) Unwrap() error { return e.err }

// effect takes over a change that was made. who is who made it, as far as the target
// tells; empty for the runner.
func (s *session) recordChange(in *Intent, who, aftermath string) {
	state, now := s.state, time.Now()
	state.Intent = nil
	switch in.Kind {
	case ChangeApply:
		// Which application it is, the next look tells.
		state.Applied, state.Application, state.WaitingSince = true, "", now
		s.record(EventApplied, AuditEntry{By: who, Why: "applied for review"}, Event{What: "applied for review"})
	case ChangeWithdraw:
		state.Applied, state.Application, state.WaitingSince = false, "", now
		what := "withdrew the application that somebody else made"
		if in.Other != nil {
			what = "withdrew the application of version " + in.Other.Version
		}
		s.record(EventWithdrawn, AuditEntry{By: who, Why: what}, Event{What: what})
	case ChangeRaise, ChangePublish:
		from := state.Ratio
		state.recordRatio(in.To, who, false, now, s.clock())
		what := fmt.Sprintf("raised from %v to %v", from, in.To)
		s.record(EventRaised, AuditEntry{By: who, From: from, To: in.To, Why: what}, Event{What: what, From: from, To: in.To})
	case ChangeAbort:
		state.Status, state.Stop = Aborted, in.Stop
		state.Stop.Aftermath = aftermath
		what := state.Stop.Reason + "; " + aftermath
		s.record(EventAborted, AuditEntry{By: state.Stop.By, From: state.Ratio, To: state.Ratio, Why: what}, Event{What: what, By: state.Stop.By})
	}
}

// abort gives the version up for a reason. When the target refuses that, the rollout
// pauses: it does not climb on after somebody, or a gate, wanted it to end. Between the
// two the intent stands, so that a process that dies there leaves an abort to repeat.
func (s *session) abort(ctx context.Context, why *Stop) error {
	err := s.makeChange(ctx, decision{message: "give the version up: " + why.Reason}, &Intent{Kind: ChangeAbort, Stop: why})
	refused, ok := errors.AsType[*abortRefusedError](err)
	if !ok {
		return err
	}
	why.Baked = s.bakedSoFar()
	why.Reason += fmt.Sprintf("; giving the version up was refused: %v", refused)
	s.state.Status, s.state.Stop, s.state.Intent = Paused, why, nil
	s.record(EventPaused, AuditEntry{By: why.By, From: s.state.Ratio, To: s.state.Ratio, Why: why.Reason}, Event{What: why.Reason, By: why.By})
	return s.save(ctx)
}

// judge asks gates, side by side, and stores what they say. The context ends it:
// a verdict that was not stored is asked for again.
func (s *session) evaluateGates(ctx context.Context, names []string) error {
	s.fresh = false // it takes a while
	at := s.state.Spec.stepAt(s.state.Ratio)
	step := Step{Rollout: s.state.Rollout, Target: s.state.Target, Index: at, Ratio: s.state.Ratio, Since: s.state.Since}
	verdicts, errs := make([]Verdict, len(names)), make([]error, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() { verdicts[i], errs[i] = s.evaluateGate(ctx, name, step) })
	}
	asked.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	for i, name := range names {
		s.recordVerdict(name, verdicts[i], errs[i], now)
	}
	return s.save(ctx)
}

// ask asks one gate. A gate that panics is one that does not answer: the release
// must not go on because of it, and the others must not die of it.
func (s *session) evaluateGate(ctx context.Context, name string, step Step) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.state.Spec.gate(name).Timeout.Std())
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the gate panicked: %v", p)
		}
	}()
	v, err = s.runner.gates[name](ctx, step)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("the gate answered after its time: %w", ctx.Err())
	}
	if err == nil && v.Decision != Pass && v.Decision != Fail && v.Decision != Wait {
		err = fmt.Errorf("the gate decided %q, which is neither pass, fail nor wait", v.Decision)
	}
	return v, err
}

func (s *session) recordVerdict(name string, v Verdict, err error, now time.Time) {
	if s.state.Gates == nil {
		s.state.Gates = make(map[string]GateState)
	}
	g := GateState{Verdict: v, At: now}
	e := Event{Gate: name}
	if err != nil {
		g = GateState{At: now, Errors: s.state.Gates[name].Errors + 1, Error: err.Error()}
		e.What, e.Error = fmt.Sprintf("gate %s did not answer: %v", name, err), err.Error()
	} else {
		e.What, e.Verdict = fmt.Sprintf("gate %s: %s: %s", name, v.Decision, v.Reason), &v
	}
	s.state.Gates[name] = g
	s.record(EventGate, AuditEntry{}, e)
}
