package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// act is what is due.
type act int

const (
	actWait act = iota
	actApply
	actWithdraw
	actJudge
	actRaise
	actPublish
	actStop
	actDone
	actConflict
	actUnfit
)

// needsFresh says whether the target must have been read right before: to change it, and
// to give up because of it.
func (a act) needsFresh() bool { return a != actWait && a != actJudge && a != actDone }

// decision is what is due and what it needs.
type decision struct {
	act act
	// what says it, for people.
	what string
	// until is when to look again at the latest; zero when that depends on others.
	until time.Time
	// ends is when the wait itself is over; zero when that depends on others.
	ends time.Time
	// to is the ratio to set.
	to alipayplus.Ratio
	// gates are those to be asked.
	gates []string
	// other is the version in the way.
	other *Blocker
	// status and cause are those of a stop.
	status Status
	cause  Cause
}

// decide says what is due, from what is remembered and what was just read. It is
// the whole of the rollout's rules, and pure: the same for a run, a single step
// and a plan.
func decide(s *State, o *Observation, now time.Time, clock string) decision {
	switch o.Status {
	case alipayplus.ReleaseFull:
		return decision{act: actDone, what: "all users have the version"}
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		if o.Ratio >= alipayplus.FullRatio { // whatever the target calls that
			return decision{act: actDone, what: "all users have the version"}
		}
	case alipayplus.ReleaseCanceled:
		return endedFor("the release was canceled%s", by(o))
	case alipayplus.ReleaseArchived:
		return endedFor("the release is archived: a later version took its place%s", by(o))
	}
	if o.Ratio < s.Ratio {
		return pauseFor(CauseOutside, "%v is live where %v was%s, and a rollout never goes on from a ratio that fell by itself", o.Ratio, s.Ratio, by(o))
	}
	if d, failed := failedGate(s, o); failed {
		return d
	}
	if late := s.Began.Add(s.Spec.deadline()); !now.Before(late) {
		return pauseFor(CauseDeadline, "the rollout took longer than %v", Duration(s.Spec.deadline()))
	}
	if s.Spec.checkLadderAbove(o.Ratio, o.Ladder) != nil { // before days of review are spent on it
		return decision{act: actUnfit, what: "find out which ratios the target offers"}
	}
	switch o.Status {
	case alipayplus.ReleaseNewVersionCreated:
		return decideNew(s, o)
	case alipayplus.ReleaseUnderReview:
		return decideReview(s, o, now)
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		return decideLadder(s, o, now, clock)
	default:
		return decision{what: fmt.Sprintf("the target is in status %s, which this library does not know", o.Status)}
	}
}

func decideNew(s *State, o *Observation) decision {
	if s.Applied {
		if slices.ContainsFunc(o.Reviews, func(r alipayplus.Review) bool { return r.Status == alipayplus.ReviewRejected }) {
			return pauseFor(CauseRejected, "%s", rejection(o.Reviews))
		}
		return pauseFor(CauseWithdrawn, "the application was taken back%s", by(o))
	}
	other := o.Blocker
	switch {
	case other == nil:
		return decision{act: actApply, what: "apply for review"}
	case s.Spec.reviewPolicy() == ReviewReplace && other.Status == alipayplus.ReleaseUnderReview:
		return decision{act: actWithdraw, other: other, what: fmt.Sprintf("withdraw the application of version %s, which is in the way", other.Version)}
	default:
		return decision{act: actConflict, what: inTheWay(s, other)}
	}
}

func inTheWay(s *State, other *Blocker) string {
	wayOut := "finish, withdraw or cancel it first"
	if other.Status == alipayplus.ReleaseUnderReview && s.Spec.reviewPolicy() == ReviewFail {
		wayOut = "wait for its end, or let the spec say review: replace"
	}
	return fmt.Sprintf("version %s is %s and must be out of the way before this one can be applied for; %s", other.Version, other.Status, wayOut)
}

func decideReview(s *State, o *Observation, now time.Time) decision {
	if !s.Applied {
		switch s.Spec.reviewPolicy() {
		case ReviewReplace:
			return decision{act: actWithdraw, what: "withdraw the application that somebody else made"}
		case ReviewFail, ReviewAdopt: // one that may be adopted is, before this is asked
		}
		return decision{act: actConflict, what: "the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply anew"}
	}
	d := decision{what: "under review: " + verdicts(o.Reviews)}
	if s.Spec.ReviewDeadline == 0 {
		return d
	}
	d.until = s.Watched.Add(s.Spec.ReviewDeadline.Std())
	if !now.Before(d.until) {
		return pauseFor(CauseDeadline, "the review took longer than %v", s.Spec.ReviewDeadline)
	}
	return d
}

func decideLadder(s *State, o *Observation, now time.Time, clock string) decision {
	at := s.Spec.live(o.Ratio)
	if at >= 0 {
		if d, due := decideStep(s, at, now, clock); due {
			return d
		}
	}
	next := s.Spec.Steps[at+1]
	if next.Approval && !s.approved(next.Ratio) {
		return decision{what: fmt.Sprintf("waiting for approval of %v", next.Ratio), until: nextAsked(s, at, clock)}
	}
	d := decision{act: actRaise, to: next.Ratio, what: fmt.Sprintf("raise from %v to %v", o.Ratio, next.Ratio)}
	if next.Ratio == alipayplus.FullRatio {
		d.act, d.what = actPublish, fmt.Sprintf("release to all users, from %v", o.Ratio)
	}
	return d
}

// decideStep says what the live step still asks for, and whether it asks for
// anything.
func decideStep(s *State, at int, now time.Time, clock string) (decision, bool) {
	step := s.Spec.Steps[at]
	if late := s.Watched.Add(step.Deadline.Std()); step.Deadline != 0 && !now.Before(late) {
		return pauseFor(CauseDeadline, "the step at %v took longer than %v", s.Ratio, step.Deadline), true
	}
	baked := bakedAt(s, step, clock)
	if due := dueGates(s, step, baked, now); len(due) > 0 {
		return decision{act: actJudge, gates: due, what: fmt.Sprintf("ask the gates of %v", s.Ratio)}, true
	}
	if now.Before(baked) {
		until := baked
		if asked := nextAsked(s, at, clock); !asked.IsZero() && asked.Before(until) {
			until = asked
		}
		return decision{what: fmt.Sprintf("watching %v until %s", s.Ratio, baked.UTC().Format(time.RFC3339)), until: until, ends: baked}, true
	}
	for _, name := range step.Gates {
		if g := s.Gates[name]; g.Verdict.Decision != Pass {
			return decision{
				what:  fmt.Sprintf("gate %s does not pass yet: %s", name, cmp.Or(g.Error, g.Verdict.Reason, "no reason given")),
				until: nextAsked(s, at, clock),
			}, true
		}
	}
	return decision{}, false
}

func endedFor(format string, args ...any) decision {
	return decision{act: actStop, status: Ended, cause: CauseOutside, what: fmt.Sprintf(format, args...)}
}

func pauseFor(cause Cause, format string, args ...any) decision {
	return decision{act: actStop, status: Paused, cause: cause, what: fmt.Sprintf(format, args...)}
}

func by(o *Observation) string {
	if o.ChangedBy == "" {
		return ""
	}
	return " by " + o.ChangedBy
}
