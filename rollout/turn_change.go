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
func (t *turn) change(ctx context.Context, d decision, in *Intent) error {
	if err := t.queue(ctx); err != nil {
		return err
	}
	if in.Kind != KindAbort { // what was ordered since the last look began comes first
		if ordered, err := t.ordered(ctx); err != nil || ordered {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx)
	if before := t.state.Intent; before != nil && before.same(in) {
		in = before // the same change again, under the same key
	} else {
		in.RequestID, in.From, in.At = rand.Text(), t.state.Ratio, time.Now()
		if t.seen != nil {
			in.Application = t.seen.Application
		}
		t.state.Intent = in
		t.note(EventChanging, AuditEntry{}, Event{What: d.what, Change: in.Kind, From: in.From, To: in.To})
		if err := t.store(ctx); err != nil {
			return err
		}
	}
	t.reread = time.Time{} // whatever comes of it, what was seen is of the past
	aftermath, err := t.call(ctx, in)
	if err != nil {
		return t.refusedChange(ctx, in, err)
	}
	t.conflicts = 0
	t.effect(in, "", aftermath)
	return t.store(ctx)
}

func (in *Intent) same(other *Intent) bool {
	if in.Kind != other.Kind || in.To != other.To || (in.Other == nil) != (other.Other == nil) {
		return false
	}
	return in.Other == nil || in.Other.ID == other.Other.ID
}

func (t *turn) call(ctx context.Context, in *Intent) (aftermath string, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.r.config.callTime)
	defer cancel()
	c := Change{RequestID: in.RequestID, From: in.From, To: in.To, Other: in.Other}
	switch in.Kind {
	case KindApply:
		return "", t.r.target.Apply(ctx, c)
	case KindRaise:
		return "", t.r.target.Raise(ctx, c)
	case KindPublish:
		return "", t.r.target.Publish(ctx, c)
	case KindAbort:
		return t.r.target.Abort(ctx, c)
	case KindWithdraw:
		if w, ok := t.r.target.(Withdrawer); ok {
			return "", w.Withdraw(ctx, c)
		}
	}
	return "", fmt.Errorf("rollout: %s cannot do %s: %w", t.r.target.ID(), in.Kind, alipayplus.ErrInvalid)
}

// refusedChange says what becomes of a change that did not succeed.
func (t *turn) refusedChange(ctx context.Context, in *Intent, err error) error {
	if errors.Is(err, alipayplus.ErrConflict) {
		t.conflicts++
	}
	switch {
	case passes(err):
		in.unknown = true
		return err
	case in.Kind == KindAbort:
		return &refusedError{err} // the intent goes with the transition that follows from that
	case errors.Is(err, alipayplus.ErrConflict) && t.conflicts <= maxConflicts:
		// Somebody was faster, or it is done already: the next look tells. A change
		// of which something may have happened before keeps its intent until then.
		if in.unknown {
			return nil
		}
		t.state.Intent = nil
		return t.store(ctx)
	case in.unknown: // nothing happened now; what became of the earlier attempt, the next run finds out
		return fmt.Errorf("rollout %s: %w", t.r.config.name, err)
	default:
		// A refusal: nothing happened.
		t.state.Intent = nil
		if stored := t.store(ctx); stored != nil {
			return both(err, stored)
		}
		return fmt.Errorf("rollout %s: %w", t.r.config.name, err)
	}
}

// refusedError says that the target refused to give the version up.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// effect takes over a change that was made. who is who made it, as far as the target
// tells; empty for the runner.
func (t *turn) effect(in *Intent, who, aftermath string) {
	s, now := t.state, time.Now()
	s.Intent = nil
	switch in.Kind {
	case KindApply:
		// Which application it is, the next look tells.
		s.Applied, s.Application, s.Watched = true, "", now
		t.note(EventApplied, AuditEntry{By: who, Why: "applied for review"}, Event{What: "applied for review"})
	case KindWithdraw:
		s.Applied, s.Application, s.Watched = false, "", now
		what := "withdrew the application that somebody else made"
		if in.Other != nil {
			what = "withdrew the application of version " + in.Other.Version
		}
		t.note(EventWithdrawn, AuditEntry{By: who, Why: what}, Event{What: what})
	case KindRaise, KindPublish:
		from := s.Ratio
		s.went(in.To, who, false, now, t.clock())
		what := fmt.Sprintf("raised from %v to %v", from, in.To)
		t.note(EventRaised, AuditEntry{By: who, From: from, To: in.To, Why: what}, Event{What: what, From: from, To: in.To})
	case KindAbort:
		s.Status, s.Stop = Aborted, in.Stop
		s.Stop.Aftermath = aftermath
		what := s.Stop.Reason + "; " + aftermath
		t.note(EventAborted, AuditEntry{By: s.Stop.By, From: s.Ratio, To: s.Ratio, Why: what}, Event{What: what, By: s.Stop.By})
	}
}

// abort gives the version up for a reason. When the target refuses that, the rollout
// pauses: it does not climb on after somebody, or a gate, wanted it to end. Between the
// two the intent stands, so that a process that dies there leaves an abort to repeat.
func (t *turn) abort(ctx context.Context, why *Stop) error {
	err := t.change(ctx, decision{what: "give the version up: " + why.Reason}, &Intent{Kind: KindAbort, Stop: why})
	refused, ok := errors.AsType[*refusedError](err)
	if !ok {
		return err
	}
	why.Watched = t.watched()
	why.Reason += fmt.Sprintf("; giving the version up was refused: %v", refused)
	t.state.Status, t.state.Stop, t.state.Intent = Paused, why, nil
	t.note(EventPaused, AuditEntry{By: why.By, From: t.state.Ratio, To: t.state.Ratio, Why: why.Reason}, Event{What: why.Reason, By: why.By})
	return t.store(ctx)
}

// judge asks gates, side by side, and stores what they say. The context ends it:
// a verdict that was not stored is asked for again.
func (t *turn) judge(ctx context.Context, names []string) error {
	t.fresh = false // it takes a while
	at := t.state.Spec.live(t.state.Ratio)
	step := Step{Rollout: t.state.Rollout, Target: t.state.Target, Index: at, Ratio: t.state.Ratio, Since: t.state.Since}
	verdicts, errs := make([]Verdict, len(names)), make([]error, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() { verdicts[i], errs[i] = t.ask(ctx, name, step) })
	}
	asked.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	for i, name := range names {
		t.judged(name, verdicts[i], errs[i], now)
	}
	return t.store(ctx)
}

// ask asks one gate. A gate that panics is one that does not answer: the release
// must not go on because of it, and the others must not die of it.
func (t *turn) ask(ctx context.Context, name string, step Step) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.state.Spec.gate(name).Timeout.Std())
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the gate panicked: %v", p)
		}
	}()
	v, err = t.r.gates[name](ctx, step)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("the gate answered after its time: %w", ctx.Err())
	}
	if err == nil && v.Decision != Pass && v.Decision != Fail && v.Decision != Wait {
		err = fmt.Errorf("the gate decided %q, which is neither pass, fail nor wait", v.Decision)
	}
	return v, err
}

func (t *turn) judged(name string, v Verdict, err error, now time.Time) {
	if t.state.Gates == nil {
		t.state.Gates = make(map[string]GateState)
	}
	g := GateState{Verdict: v, At: now}
	e := Event{Gate: name}
	if err != nil {
		g = GateState{At: now, Errors: t.state.Gates[name].Errors + 1, Error: err.Error()}
		e.What, e.Error = fmt.Sprintf("gate %s did not answer: %v", name, err), err.Error()
	} else {
		e.What, e.Verdict = fmt.Sprintf("gate %s: %s: %s", name, v.Decision, v.Reason), &v
	}
	t.state.Gates[name] = g
	t.note(EventGate, AuditEntry{}, e)
}
