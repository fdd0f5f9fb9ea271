package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// reconcile takes over what was just read: first the outcome of a change that was
// begun, then what others did. What others did is reported and never reversed.
func (t *turn) reconcile(ctx context.Context) error {
	t.settle()
	t.adoptApplication()
	t.adoptRatio()
	told := t.tellChange()
	t.state.Observed = true
	if told || t.audit != nil {
		return t.store(ctx)
	}
	t.send(ctx)
	return nil
}

// settle decides what became of a change of which that is not known.
func (t *turn) settle() {
	in, o := t.state.Intent, t.seen
	if in == nil || in.Kind == KindAbort {
		return
	}
	switch {
	case in.took(o):
		t.effect(in, o.ChangedBy, "")
	case !in.possible(o):
		t.state.Intent = nil
	}
}

// took says whether the effect of the change is there.
func (in *Intent) took(o *Observation) bool {
	switch in.Kind {
	case KindApply:
		return o.Application != "" && o.Application != in.Application || o.Status == alipayplus.ReleaseUnderReview
	case KindWithdraw:
		if in.Other != nil {
			return o.Blocker == nil || o.Blocker.ID != in.Other.ID
		}
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case KindRaise:
		return o.Ratio == in.To // a higher one somebody else set, whatever became of this one
	case KindPublish:
		return o.Status == alipayplus.ReleaseFull || o.Status == alipayplus.ReleaseArchived
	default:
		return false
	}
}

// possible says whether the change can still be made as it was meant.
func (in *Intent) possible(o *Observation) bool {
	switch in.Kind {
	case KindApply:
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case KindWithdraw:
		return in.Other != nil || o.Status == alipayplus.ReleaseUnderReview
	default:
		return o.Ratio == in.From && (o.Status == alipayplus.ReleasePreparation || o.Status == alipayplus.ReleaseGrayscale)
	}
}

// adoptApplication takes over which application is under review.
func (t *turn) adoptApplication() {
	s, o := t.state, t.seen
	switch {
	case s.Applied && s.Application == o.Application:
		return
	case s.Applied && s.Application == "":
		s.Application = o.Application // the one that was just made
		return
	case o.Status != alipayplus.ReleaseUnderReview:
		return
	case s.Applied:
		t.noteAdopted(s.Ratio, "somebody applied anew"+by(o)+"; waiting for that verdict")
	case s.Spec.reviewPolicy() == ReviewAdopt:
		t.noteAdopted(s.Ratio, "the version is under review already; waiting for the verdict")
	default:
		return
	}
	s.Applied, s.Application, s.Watched = true, o.Application, time.Now()
}

// adoptRatio takes over which ratio is live.
func (t *turn) adoptRatio() {
	s, o := t.state, t.seen
	if !s.Observed {
		if o.Ratio > 0 {
			from := s.Ratio
			s.went(o.Ratio, o.ChangedBy, true, time.Now(), t.clock())
			t.noteAdopted(from, fmt.Sprintf("%v was live already%s", o.Ratio, by(o)))
		}
		return
	}
	if o.Ratio <= s.Ratio {
		return // a lower one stops the rollout, see decide
	}
	from := s.Ratio
	s.went(o.Ratio, o.ChangedBy, true, time.Now(), t.clock())
	t.noteAdopted(from, fmt.Sprintf("somebody else raised it from %v to %v%s; going on from there", from, o.Ratio, by(o)))
}

// tellChange tells of a new status or verdict, and says whether there was one.
func (t *turn) tellChange() bool {
	now := string(t.seen.Status) + ", " + verdicts(t.seen.Reviews)
	if t.state.Seen == now {
		return false
	}
	t.state.Seen = now
	t.note(EventObserved, AuditEntry{}, Event{What: fmt.Sprintf("%s at %v: %s", t.seen.Status, t.seen.Ratio, verdicts(t.seen.Reviews))})
	return true
}

func (t *turn) noteAdopted(from alipayplus.Ratio, what string) {
	who, to := t.seen.ChangedBy, t.seen.Ratio
	t.note(EventAdopted, AuditEntry{By: who, From: from, To: to, Why: what}, Event{What: what, By: who, From: from, To: to})
}
