package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// obey carries out the commands that people left, oldest first. Each is part of the
// state that it leads to before it is removed, so that it is obeyed once.
func (t *turn) obey(ctx context.Context) error {
	commands, err := t.lease.Commands(ctx)
	if err != nil {
		return err
	}
	if len(commands) == 0 {
		return t.goOnAborting(ctx)
	}
	ids := make([]string, len(commands))
	for i, c := range commands {
		ids[i] = c.ID
		if slices.Contains(t.state.Handled, c.ID) {
			continue
		}
		if err := t.obeyOne(ctx, c); err != nil {
			return err
		}
	}
	if err := t.lease.Forget(ctx, ids); err != nil {
		return err
	}
	t.state.Handled = nil
	return t.goOnAborting(ctx)
}

// ordered says whether there are commands to obey.
func (t *turn) ordered(ctx context.Context) (bool, error) {
	commands, err := t.lease.Commands(ctx)
	return len(commands) > 0, err
}

func (t *turn) obeyOne(ctx context.Context, c Command) error {
	if c.Order == OrderAbort && !t.state.Status.Final() {
		return t.obeyAbort(ctx, c)
	}
	t.state.Handled = append(t.state.Handled, c.ID)
	if why := t.impossible(c); why != "" {
		t.refused[c.ID] = t.conflict("%s", why)
		t.note(EventRefused, AuditEntry{By: c.By, From: t.state.Ratio, To: t.state.Ratio, Why: why}, Event{What: why, By: c.By})
		return t.store(ctx)
	}
	switch c.Order {
	case OrderPause:
		t.pause(c)
	case OrderResume:
		t.resume(c)
	case OrderApprove:
		t.state.Approvals = append(t.state.Approvals, Approval{Ratio: c.Ratio, By: c.By, At: c.At})
		what := fmt.Sprintf("%v is approved", c.Ratio)
		t.note(EventApproved, AuditEntry{By: c.By, From: t.state.Ratio, To: c.Ratio, Why: what}, Event{What: what, By: c.By, To: c.Ratio})
	}
	return t.store(ctx)
}

// impossible says why a command cannot be obeyed; empty when it can.
func (t *turn) impossible(c Command) string {
	status := t.state.Status
	switch {
	case status.Final():
		return fmt.Sprintf("it is %s; nothing is left to %s", status, c.Order.verb())
	case c.Order == OrderResume && status != Paused:
		return "it is running; only a paused rollout can be resumed"
	case c.Order == OrderResume && c.ID != t.own && c.At.Before(t.state.Stop.At):
		return "it stopped after that was asked: " + t.state.Stop.Reason + "; look at it, and resume it again"
	case c.Order == OrderPause && status == Paused:
		return "it is paused already"
	case c.Order != OrderPause && c.Order != OrderResume && c.Order != OrderApprove:
		return fmt.Sprintf("the order %q is not known", c.Order)
	default:
		return ""
	}
}

func (o Order) verb() string {
	switch o {
	case OrderPause:
		return "pause"
	case OrderResume:
		return "resume"
	case OrderAbort:
		return "abort"
	case OrderApprove:
		return "approve"
	default:
		return "do"
	}
}

func (t *turn) pause(c Command) {
	what := cmp.Or(c.Reason, "paused by hand")
	t.state.Status = Paused
	t.state.Stop = &Stop{Cause: CausePerson, Reason: what, By: c.By, At: c.At, Ratio: t.state.Ratio, Watched: t.watched()}
	t.note(EventPaused, AuditEntry{By: c.By, From: t.state.Ratio, To: t.state.Ratio, Why: what}, Event{What: what, By: c.By})
}

// resume lets a rollout go on from whatever is live. The time of the pause is none in
// which the ratio was watched.
func (t *turn) resume(c Command) {
	s, now := t.state, time.Now()
	why := s.Stop
	s.Status, s.Stop, s.Gates = Running, nil, nil
	s.Began, s.Watched = now, now
	if s.Ratio > 0 {
		s.Since, s.Clock = now.Add(-why.Watched.Std()), t.clock()
	}
	switch why.Cause {
	case CauseRejected, CauseWithdrawn:
		s.Applied, s.Application = false, ""
	case CauseOutside: // nothing that was agreed on holds any more
		s.Observed, s.Ratio, s.Approvals = false, 0, nil
		s.Applied, s.Application = false, ""
	case CausePerson, CauseGate, CauseDeadline:
	}
	what := cmp.Or(c.Reason, "resumed by hand")
	t.note(EventResumed, AuditEntry{By: c.By, From: s.Ratio, To: s.Ratio, Why: what}, Event{What: what, By: c.By})
}

// watched is how long the live ratio has been watched, as far as that is certain.
func (t *turn) watched() Duration {
	s := t.state
	if s.Since.IsZero() {
		return 0
	}
	d := time.Since(s.Since)
	if s.Clock != t.clock() {
		d -= s.Spec.clockTolerance()
	}
	return Duration(max(0, d))
}

// obeyAbort looks first, so that the audit log tells what became of a change that was
// begun, and what others did. A target that cannot be read is given up all the same,
// unless a change may be half done.
func (t *turn) obeyAbort(ctx context.Context, c Command) error {
	if err := t.look(ctx, nil); err != nil {
		if _, unstored := errors.AsType[*unstoredError](err); unstored || t.state.Intent != nil || ctx.Err() != nil {
			return err
		}
	}
	t.state.Handled = append(t.state.Handled, c.ID)
	why := &Stop{Cause: CausePerson, Reason: cmp.Or(c.Reason, "aborted by hand"), By: c.By, At: c.At, Ratio: t.state.Ratio}
	err := t.abort(ctx, why)
	if err == nil && t.state.Status != Aborted {
		t.refused[c.ID] = t.state.stopped()
	}
	return err
}

// goOnAborting repeats an abort whose outcome is not known.
func (t *turn) goOnAborting(ctx context.Context) error {
	if t.aborting() {
		return t.abort(ctx, t.state.Intent.Stop)
	}
	return nil
}

// aborting says whether an abort was begun of which the outcome is not known.
func (t *turn) aborting() bool {
	return t.state.Intent != nil && t.state.Intent.Kind == KindAbort
}

// toAbort says whether the version is to be given up: by such an abort, or by an order that
// could not be obeyed yet.
func (t *turn) toAbort(ctx context.Context) bool {
	commands, err := t.lease.Commands(ctx)
	return t.aborting() || err == nil && slices.ContainsFunc(commands, func(c Command) bool { return c.Order == OrderAbort })
}
