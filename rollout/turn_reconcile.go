package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// reconcile takes over what was just read: first the outcome of a change that was
// begun, then what others did. What others did is reported and never reversed.
func (s *session) reconcileObservation(ctx context.Context) error {
	s.resolveIntent()
	s.adoptApplication()
	s.adoptRatio()
	told := s.recordObserved()
	s.state.Observed = true
	if told || s.audit != nil {
		return s.save(ctx)
	}
	s.emit(ctx)
	return nil
}

// settle decides what became of a change of which that is not known.
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

// took says whether the effect of the change is there.
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
		return o.Ratio == in.To // a higher one somebody else set, whatever became of this one
	case ChangePublish:
		return o.Status == alipayplus.ReleaseFull || o.Status == alipayplus.ReleaseArchived
	default:
		return false
	}
}

// possible says whether the change can still be made as it was meant.
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

// adoptApplication takes over which application is under review.
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
		s.recordAdopted(state.Ratio, "somebody applied anew"+by(o)+"; waiting for that verdict")
	case state.Spec.reviewPolicy() == ReviewAdopt:
		s.recordAdopted(state.Ratio, "the version is under review already; waiting for the verdict")
	default:
		return
	}
	state.Applied, state.Application, state.WaitingSince = true, o.Application, time.Now()
}

// adoptRatio takes over which ratio is live.
func (s *session) adoptRatio() {
	state, o := s.state, s.observation
	if !state.Observed {
		if o.Ratio > 0 {
			from := state.Ratio
			state.recordRatio(o.Ratio, o.ChangedBy, true, time.Now(), s.clock())
			s.recordAdopted(from, fmt.Sprintf("%v was live already%s", o.Ratio, by(o)))
		}
		return
	}
	if o.Ratio <= state.Ratio {
		return // a lower one stops the rollout, see decide
	}
	from := state.Ratio
	state.recordRatio(o.Ratio, o.ChangedBy, true, time.Now(), s.clock())
	s.recordAdopted(from, fmt.Sprintf("somebody else raised it from %v to %v%s; going on from there", from, o.Ratio, by(o)))
}

// tellChange tells of a new status or verdict, and says whether there was one.
func (s *session) recordObserved() bool {
	now := string(s.observation.Status) + ", " + verdicts(s.observation.Reviews)
	if s.state.LastEmitted == now {
		return false
	}
	s.state.LastEmitted = now
	s.record(EventObserved, AuditEntry{}, Event{What: fmt.Sprintf("%s at %v: %s", s.observation.Status, s.observation.Ratio, verdicts(s.observation.Reviews))})
	return true
}

func (s *session) recordAdopted(from alipayplus.Ratio, what string) {
	who, to := s.observation.ChangedBy, s.observation.Ratio
	s.record(EventAdopted, AuditEntry{By: who, From: from, To: to, Why: what}, Event{What: what, By: who, From: from, To: to})
}
