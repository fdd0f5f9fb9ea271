package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// maxConflicts is how many conflicts in a row are attributed to changes that others make at
// the same time; more are an error.
const maxConflicts = 3

// makeChange makes one change of the target. The intent is stored before the call, and the
// outcome after it. Neither the call nor the storing ends with the context: a change that
// was begun is finished.
func (s *session) makeChange(ctx context.Context, d decision, in *Intent) error {
	if err := waitForLimiter(ctx, s.limiter); err != nil {
		return err
	}
	if in.Kind != ChangeAbort { // commands that were posted since the observation come first
		if found, err := s.hasCommands(ctx); err != nil || found {
			return err
		}
	}
	if in.Kind == ChangeRaise || in.Kind == ChangePublish {
		if _, _, frozen := s.state.Spec.frozen(time.Now()); frozen { // since the decision
			return nil
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
		s.record(EventChanging, Event{What: d.message, Change: in.Kind, From: in.From, To: in.To})
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	s.observeAt = time.Time{} // the observation is out of date, whatever comes of the call
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
	ctx, cancel := context.WithTimeout(ctx, s.runner.callTime)
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
	return "", fmt.Errorf("%s cannot do %s: %w", s.runner.target.ID(), in.Kind, alipayplus.ErrInvalid)
}

// changeFailed handles a change that did not succeed. It returns nil when the next
// observation decides how to go on.
func (s *session) changeFailed(ctx context.Context, in *Intent, err error) error {
	if errors.Is(err, alipayplus.ErrConflict) {
		s.conflicts++
	}
	switch {
	case s.mayPass(err):
		in.unknown = true
		return err
	case in.Kind == ChangeAbort:
		return &abortFailedError{err} // abort removes the intent when it stores the pause
	case errors.Is(err, alipayplus.ErrConflict) && s.conflicts <= maxConflicts:
		// Somebody was faster, or it is done already: the next observation shows it.
		// A change whose outcome is unknown keeps its intent until then.
		if in.unknown {
			return nil
		}
		s.state.Intent = nil
		return s.save(ctx)
	case in.unknown: // this attempt had no effect; the next run finds out about the earlier one
		return fmt.Errorf("rollout %s: %w", s.runner.name, err)
	default:
		s.state.Intent = nil
		if stored := s.save(ctx); stored != nil {
			return joinErrors(err, stored)
		}
		return fmt.Errorf("rollout %s: %w", s.runner.name, err)
	}
}

// abortFailedError says that the target refused to give the version up.
type abortFailedError struct{ error }

func (e *abortFailedError) Unwrap() error { return e.error }

// recordChange records a change that was made. who is who made it, as far as the target
// reports that; empty for the runner.
func (s *session) recordChange(in *Intent, who, aftermath string) {
	state, now := s.state, time.Now()
	state.Intent = nil
	switch in.Kind {
	case ChangeApply:
		// The next observation says which application it is.
		state.Applied, state.Application, state.WaitingSince = true, "", now
		s.recordAudited(EventApplied, Event{What: "applied for review"})
	case ChangeWithdraw:
		state.Applied, state.Application, state.WaitingSince = false, "", now
		what := "withdrew the application that somebody else made"
		if in.Other != nil {
			what = "withdrew the application of version " + in.Other.Version
		}
		s.recordAudited(EventWithdrawn, Event{What: what})
	case ChangeRaise, ChangePublish:
		from := state.Ratio
		s.recordRatio(in.To, who, false)
		s.recordAudited(EventRaised, Event{What: fmt.Sprintf("raised from %v to %v", from, in.To), From: from, To: in.To})
	case ChangeAbort:
		state.Status, state.Stop = Aborted, in.Stop
		state.Stop.Aftermath = aftermath
		s.recordAudited(EventAborted, Event{What: state.Stop.Reason + "; " + aftermath, By: state.Stop.By})
	}
	if who != "" { // the event is the runner's all the same, who has intended the change
		s.audit[len(s.audit)-1].By = who
	}
}

// recordRatio records that a ratio is live from now on.
func (s *session) recordRatio(to alipayplus.Ratio, by string, outside bool) {
	state, now := s.state, time.Now()
	state.Changes = append(state.Changes, RatioChange{From: state.Ratio, To: to, Outside: outside, By: by, At: now})
	state.LiveAt = time.Time{}
	state.Ratio, state.Since, state.Clock, state.WaitingSince, state.Gates = to, now, s.runner.clock, now, nil
}

// abort gives the version up for a reason. When the target refuses that, the rollout pauses
// rather than raising the ratio of a version that a person or a gate wanted to end. The
// intent is kept until the pause is stored, so that a crash in between repeats the abort.
func (s *session) abort(ctx context.Context, why *Stop) error {
	err := s.makeChange(ctx, decision{message: "give the version up: " + why.Reason}, &Intent{Kind: ChangeAbort, Stop: why})
	refused, ok := errors.AsType[*abortFailedError](err)
	if !ok {
		return err
	}
	s.state.voidApprovals(why.Reason)
	why.Baked = s.bakedSoFar()
	why.Reason += fmt.Sprintf("; giving the version up was refused: %v", refused)
	s.state.Intent = nil
	s.stop(Paused, why)
	return s.save(ctx)
}
