package rollout

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
)

// observe reads the target and reconciles the state with what it finds. given is a reading
// that was made before, after which somebody may have acted already; nil for none.
func (s *session) observe(ctx context.Context, given *BatchResult) error {
	if err := s.readTarget(ctx, given); err != nil {
		return err
	}
	return s.reconcile(ctx, given == nil)
}

// readTarget reads the target. It ends with the context, because nothing is lost by that.
func (s *session) readTarget(ctx context.Context, given *BatchResult) error {
	if given == nil {
		if err := waitForLimiter(ctx, s.limiter); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, s.runner.callTime)
		defer cancel()
		given = new(BatchResult)
		given.Observation, given.Err = s.runner.target.Observe(ctx)
	}
	if given.Err != nil {
		return given.Err
	}
	if given.Observation == nil {
		return fmt.Errorf("rollout %s: %s returned neither an observation nor an error; correct the target", s.runner.name, s.runner.target.ID())
	}
	s.observation = given.Observation
	return nil
}

// waitForLimiter waits until the limiter, which may be nil, lets a call through, or the
// context ends.
func waitForLimiter(ctx context.Context, limiter *rate.Limiter) error {
	if limiter == nil || limiter.Wait(ctx) == nil {
		return nil
	}
	<-ctx.Done() // a limiter fails at once when the context will end before the call
	return ctx.Err()
}

// reconcile brings the state up to date with the observation: first the outcome of a change
// that was begun, then what others did, which is recorded and never reversed.
func (s *session) reconcile(ctx context.Context, fresh bool) error {
	s.state.Subject = s.state.Subject.with(s.observation.Subject)
	s.resolveIntent()
	s.adoptApplication()
	s.adoptRatio()
	if s.state.LiveAt.IsZero() && s.state.Ratio > 0 && s.observation.Ratio == s.state.Ratio {
		s.state.LiveAt = s.observation.ChangedAt
	}
	s.recordCorrections()
	changed := s.recordObserved()
	s.state.Observed = true
	if changed || s.audit != nil {
		if err := s.save(ctx); err != nil {
			return err
		}
	}
	s.emit(ctx)
	now := time.Now()
	s.fresh, s.observeAt = fresh, now.Add(s.runner.observeIn(now.Sub(s.state.WaitingSince)))
	return nil
}

// resolveIntent finds out what became of a change whose outcome is unknown.
func (s *session) resolveIntent() {
	in, o := s.state.Intent, s.observation
	if in == nil || in.Kind == ChangeAbort {
		return
	}
	switch {
	case in.visibleIn(o):
		s.recordChange(in, o.ChangedBy, "")
	case !in.stillPossible(o):
		s.state.Intent = nil
	}
}

// visibleIn says whether the observation shows the effect of the change.
func (in *Intent) visibleIn(o *Observation) bool {
	switch in.Kind {
	case ChangeApply:
		return o.Application != "" && o.Application != in.Application || o.Status == alipayplus.ReleaseUnderReview
	case ChangeWithdraw:
		if in.Other != nil {
			return o.Blocker == nil || o.Blocker.ID != in.Other.ID
		}
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case ChangeRaise:
		return o.Ratio == in.To // a higher one was set by somebody else
	case ChangePublish:
		return o.Status == alipayplus.ReleaseFull || o.Status == alipayplus.ReleaseArchived
	default:
		return false
	}
}

// stillPossible says whether the change can still be made as it was intended.
func (in *Intent) stillPossible(o *Observation) bool {
	switch in.Kind {
	case ChangeApply:
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case ChangeWithdraw:
		return in.Other != nil || o.Status == alipayplus.ReleaseUnderReview
	default:
		return o.Ratio == in.From && (o.Status == alipayplus.ReleasePreparation || o.Status == alipayplus.ReleaseGrayscale)
	}
}

// adoptApplication records which application is under review.
func (s *session) adoptApplication() {
	state, o := s.state, s.observation
	switch {
	case state.Applied && state.Application == o.Application:
		return
	case state.Applied && state.Application == "":
		state.Application = o.Application // the one that was just made
		return
	case o.Status != alipayplus.ReleaseUnderReview:
		return
	case state.Applied:
		s.recordAdopted(state.Ratio, "somebody applied again"+by(o)+"; waiting for that verdict")
		state.voidApprovals("somebody applied again" + by(o))
	case state.Spec.reviewPolicy() == ReviewAdopt:
		s.recordAdopted(state.Ratio, "the version is under review already; waiting for the verdict")
	default:
		return
	}
	state.Applied, state.Application, state.WaitingSince = true, o.Application, time.Now()
}

// adoptRatio records which ratio is live. decide stops at a lower one.
func (s *session) adoptRatio() {
	state, o := s.state, s.observation
	from := state.Ratio
	if o.Ratio <= from {
		return
	}
	what := fmt.Sprintf("%v was live already%s", o.Ratio, by(o))
	if state.Observed {
		what = fmt.Sprintf("somebody else raised it from %v to %v%s; going on from there", from, o.Ratio, by(o))
	}
	s.recordRatio(o.Ratio, o.ChangedBy, true)
	s.recordAdopted(from, what)
}

// recordObserved records a new status or verdict, and says whether there was one.
func (s *session) recordObserved() bool {
	now := string(s.observation.Status) + ", " + verdicts(s.observation.Reviews)
	if s.state.LastEmitted == now {
		return false
	}
	s.state.LastEmitted = now
	s.record(EventObserved, Event{What: fmt.Sprintf("%s at %v: %s", s.observation.Status, s.observation.Ratio, verdicts(s.observation.Reviews))})
	return true
}

func (s *session) recordAdopted(from alipayplus.Ratio, what string) {
	s.recordAudited(EventAdopted, Event{What: what, By: s.observation.ChangedBy, From: from, To: s.observation.Ratio})
}
