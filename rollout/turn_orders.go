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
func (s *session) executeCommands(ctx context.Context) error {
	commands, err := s.lease.Commands(ctx)
	if err != nil {
		return err
	}
	if len(commands) == 0 {
		return s.continueAbort(ctx)
	}
	ids := make([]string, len(commands))
	for i, c := range commands {
		ids[i] = c.ID
		if slices.Contains(s.state.Handled, c.ID) {
			continue
		}
		if err := s.executeCommand(ctx, c); err != nil {
			return err
		}
	}
	if err := s.lease.Forget(ctx, ids); err != nil {
		return err
	}
	s.state.Handled = nil
	return s.continueAbort(ctx)
}

// ordered says whether there are commands to obey.
func (s *session) hasCommands(ctx context.Context) (bool, error) {
	commands, err := s.lease.Commands(ctx)
	return len(commands) > 0, err
}

func (s *session) executeCommand(ctx context.Context, c Command) error {
	if c.Kind == CommandAbort && !s.state.Status.Final() {
		return s.executeAbort(ctx, c)
	}
	s.state.Handled = append(s.state.Handled, c.ID)
	if why := s.refusalOf(c); why != "" {
		s.refusals[c.ID] = s.conflict("%s", why)
		s.record(EventRefused, AuditEntry{By: c.By, From: s.state.Ratio, To: s.state.Ratio, Why: why}, Event{What: why, By: c.By})
		return s.save(ctx)
	}
	switch c.Kind {
	case CommandPause:
		s.pause(c)
	case CommandResume:
		s.resume(c)
	case CommandApprove:
		s.state.Approvals = append(s.state.Approvals, Approval{Ratio: c.Ratio, By: c.By, At: c.At})
		what := fmt.Sprintf("%v is approved", c.Ratio)
		s.record(EventApproved, AuditEntry{By: c.By, From: s.state.Ratio, To: c.Ratio, Why: what}, Event{What: what, By: c.By, To: c.Ratio})
	}
	return s.save(ctx)
}

// impossible says why a command cannot be obeyed; empty when it can.
func (s *session) refusalOf(c Command) string {
	status := s.state.Status
	switch {
	case status.Final():
		return fmt.Sprintf("it is %s; nothing is left to %s", status, c.Kind.verb())
	case c.Kind == CommandResume && status != Paused:
		return "it is running; only a paused rollout can be resumed"
	case c.Kind == CommandResume && c.ID != s.commandID && c.At.Before(s.state.Stop.At):
		return "it stopped after that was asked: " + s.state.Stop.Reason + "; look at it, and resume it again"
	case c.Kind == CommandPause && status == Paused:
		return "it is paused already"
	case c.Kind != CommandPause && c.Kind != CommandResume && c.Kind != CommandApprove:
		return fmt.Sprintf("the order %q is not known", c.Kind)
	default:
		return ""
	}
}

func (o CommandKind) verb() string {
	switch o {
	case CommandPause:
		return "pause"
	case CommandResume:
		return "resume"
	case CommandAbort:
		return "abort"
	case CommandApprove:
		return "approve"
	default:
		return "do"
	}
}

func (s *session) pause(c Command) {
	what := cmp.Or(c.Reason, "paused by hand")
	s.state.Status = Paused
	s.state.Stop = &Stop{Cause: CausePerson, Reason: what, By: c.By, At: c.At, Ratio: s.state.Ratio, Baked: s.bakedSoFar()}
	s.record(EventPaused, AuditEntry{By: c.By, From: s.state.Ratio, To: s.state.Ratio, Why: what}, Event{What: what, By: c.By})
}

// resume lets a rollout go on from whatever is live. The time of the pause is none in
// which the ratio was watched.
func (s *session) resume(c Command) {
	state, now := s.state, time.Now()
	why := state.Stop
	state.Status, state.Stop, state.Gates = Running, nil, nil
	state.Began, state.WaitingSince = now, now
	if state.Ratio > 0 {
		state.Since, state.Clock = now.Add(-why.Baked.Std()), s.clock()
	}
	switch why.Cause {
	case CauseRejected, CauseWithdrawn:
		state.Applied, state.Application = false, ""
	case CauseOutside: // nothing that was agreed on holds any more
		state.Observed, state.Ratio, state.Approvals = false, 0, nil
		state.Applied, state.Application = false, ""
	case CausePerson, CauseGate, CauseDeadline:
	}
	what := cmp.Or(c.Reason, "resumed by hand")
	s.record(EventResumed, AuditEntry{By: c.By, From: state.Ratio, To: state.Ratio, Why: what}, Event{What: what, By: c.By})
}

// watched is how long the live ratio has been watched, as far as that is certain.
func (s *session) bakedSoFar() Duration {
	state := s.state
	if state.Since.IsZero() {
		return 0
	}
	d := time.Since(state.Since)
	if state.Clock != s.clock() {
		d -= state.Spec.clockTolerance()
	}
	return Duration(max(0, d))
}

// obeyAbort looks first, so that the audit log tells what became of a change that was
// begun, and what others did. A target that cannot be read is given up all the same,
// unless a change may be half done.
func (s *session) executeAbort(ctx context.Context, c Command) error {
	if err := s.observe(ctx, nil); err != nil {
		if _, unstored := errors.AsType[*saveError](err); unstored || s.state.Intent != nil || ctx.Err() != nil {
			return err
		}
	}
	s.state.Handled = append(s.state.Handled, c.ID)
	why := &Stop{Cause: CausePerson, Reason: cmp.Or(c.Reason, "aborted by hand"), By: c.By, At: c.At, Ratio: s.state.Ratio}
	err := s.abort(ctx, why)
	if err == nil && s.state.Status != Aborted {
		s.refusals[c.ID] = s.state.stopped()
	}
	return err
}

// goOnAborting repeats an abort whose outcome is not known.
func (s *session) continueAbort(ctx context.Context) error {
	if s.abortStarted() {
		return s.abort(ctx, s.state.Intent.Stop)
	}
	return nil
}

// aborting says whether an abort was begun of which the outcome is not known.
func (s *session) abortStarted() bool {
	return s.state.Intent != nil && s.state.Intent.Kind == ChangeAbort
}

// toAbort says whether the version is to be given up: by such an abort, or by an order that
// could not be obeyed yet.
func (s *session) abortPending(ctx context.Context) bool {
	commands, err := s.lease.Commands(ctx)
	return s.abortStarted() || err == nil && slices.ContainsFunc(commands, func(c Command) bool { return c.Kind == CommandAbort })
}
