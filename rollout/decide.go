package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// act is what is due.
type action int

const (
	actWait action = iota
	actApply
	actWithdraw
	actEvaluateGates
	actRaise
	actPublish
	actStop
	actDone
	actConflict
	actLadderMismatch
)

// needsFresh says whether the target must have been read right before: to change it, and
// to give up because of it.
func (a action) needsFreshObservation() bool { return a != actWait && a != actEvaluateGates && a != actDone }

// decision is what is due and what it needs.
type decision struct {
	action action
	// what says it, for people.
	message string
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
func decide(state *State, o *Observation, now time.Time, clock string) decision {
	switch o.Status {
	case alipayplus.ReleaseFull:
		return decision{action: actDone, message: "all users have the version"}
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		if o.Ratio >= alipayplus.FullRatio { // whatever the target calls that
			return decision{action: actDone, message: "all users have the version"}
		}
	case alipayplus.ReleaseCanceled:
		return endFor("the release was canceled%s", by(o))
	case alipayplus.ReleaseArchived:
		return endFor("the release is archived: a later version took its place%s", by(o))
	}
	if o.Ratio < state.Ratio {
		return pauseFor(CauseOutside, "%v is live where %v was%s, and a rollout never goes on from a ratio that fell by itself", o.Ratio, state.Ratio, by(o))
	}
	if d, failed := failedGate(state, o); failed {
		return d
	}
	if late := state.Began.Add(state.Spec.deadline()); !now.Before(late) {
		return pauseFor(CauseDeadline, "the rollout took longer than %v", Duration(state.Spec.deadline()))
	}
	if state.Spec.checkLadderAbove(o.Ratio, o.Ladder) != nil { // before days of review are spent on it
		return decision{action: actLadderMismatch, message: "find out which ratios the target offers"}
	}
	switch o.Status {
	case alipayplus.ReleaseNewVersionCreated:
		return decideNew(state, o)
	case alipayplus.ReleaseUnderReview:
		return decideReview(state, o, now)
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		return decideLadder(state, o, now, clock)
	default:
		return decision{message: fmt.Sprintf("the target is in status %s, which this library does not know", o.Status)}
	}
}

func decideNew(state *State, o *Observation) decision {
	if state.Applied {
		if slices.ContainsFunc(o.Reviews, func(r alipayplus.Review) bool { return r.Status == alipayplus.ReviewRejected }) {
			return pauseFor(CauseRejected, "%s", rejection(o.Reviews))
		}
		return pauseFor(CauseWithdrawn, "the application was taken back%s", by(o))
	}
	other := o.Blocker
	switch {
	case other == nil:
		return decision{action: actApply, message: "apply for review"}
	case state.Spec.reviewPolicy() == ReviewReplace && other.Status == alipayplus.ReleaseUnderReview:
		return decision{action: actWithdraw, other: other, message: fmt.Sprintf("withdraw the application of version %s, which is in the way", other.Version)}
	default:
		return decision{action: actConflict, message: inTheWay(state, other)}
	}
}

func inTheWay(state *State, other *Blocker) string {
	wayOut := "finish, withdraw or cancel it first"
	if other.Status == alipayplus.ReleaseUnderReview && state.Spec.reviewPolicy() == ReviewFail {
		wayOut = "wait for its end, or let the spec say review: replace"
	}
	return fmt.Sprintf("version %s is %s and must be out of the way before this one can be applied for; %s", other.Version, other.Status, wayOut)
}

func decideReview(state *State, o *Observation, now time.Time) decision {
	if !state.Applied {
		switch state.Spec.reviewPolicy() {
		case ReviewReplace:
			return decision{action: actWithdraw, message: "withdraw the application that somebody else made"}
		case ReviewFail, ReviewAdopt: // one that may be adopted is, before this is asked
		}
		return decision{action: actConflict, message: "the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply anew"}
	}
	d := decision{message: "under review: " + verdicts(o.Reviews)}
	if state.Spec.ReviewDeadline == 0 {
		return d
	}
	d.until = state.WaitingSince.Add(state.Spec.ReviewDeadline.Std())
	if !now.Before(d.until) {
		return pauseFor(CauseDeadline, "the review took longer than %v", state.Spec.ReviewDeadline)
	}
	return d
}

func decideLadder(state *State, o *Observation, now time.Time, clock string) decision {
	at := state.Spec.stepAt(o.Ratio)
	if at >= 0 {
		if d, due := decideStep(state, at, now, clock); due {
			return d
		}
	}
	next := state.Spec.Steps[at+1]
	if next.Approval && !state.approved(next.Ratio) {
		return decision{message: fmt.Sprintf("waiting for approval of %v", next.Ratio), until: nextEvaluation(state, at, clock)}
	}
	d := decision{action: actRaise, to: next.Ratio, message: fmt.Sprintf("raise from %v to %v", o.Ratio, next.Ratio)}
	if next.Ratio == alipayplus.FullRatio {
		d.action, d.message = actPublish, fmt.Sprintf("release to all users, from %v", o.Ratio)
	}
	return d
}

// decideStep says what the live step still asks for, and whether it asks for
// anything.
func decideStep(state *State, at int, now time.Time, clock string) (decision, bool) {
	step := state.Spec.Steps[at]
	if late := state.WaitingSince.Add(step.Deadline.Std()); step.Deadline != 0 && !now.Before(late) {
		return pauseFor(CauseDeadline, "the step at %v took longer than %v", state.Ratio, step.Deadline), true
	}
	baked := bakedAt(state, step, clock)
	if due := dueGates(state, step, baked, now); len(due) > 0 {
		return decision{action: actEvaluateGates, gates: due, message: fmt.Sprintf("ask the gates of %v", state.Ratio)}, true
	}
	if now.Before(baked) {
		until := baked
		if asked := nextEvaluation(state, at, clock); !asked.IsZero() && asked.Before(until) {
			until = asked
		}
		return decision{message: fmt.Sprintf("watching %v until %s", state.Ratio, baked.UTC().Format(time.RFC3339)), until: until, ends: baked}, true
	}
	for _, name := range step.Gates {
		if g := state.Gates[name]; g.Verdict.Decision != Pass {
			return decision{
				message:  fmt.Sprintf("gate %s does not pass yet: %s", name, cmp.Or(g.Error, g.Verdict.Reason, "no reason given")),
				until: nextEvaluation(state, at, clock),
			}, true
		}
	}
	return decision{}, false
}

func endFor(format string, args ...any) decision {
	return decision{action: actStop, status: Ended, cause: CauseOutside, message: fmt.Sprintf(format, args...)}
}

func pauseFor(cause Cause, format string, args ...any) decision {
	return decision{action: actStop, status: Paused, cause: cause, message: fmt.Sprintf(format, args...)}
}

func by(o *Observation) string {
	if o.ChangedBy == "" {
		return ""
	}
	return " by " + o.ChangedBy
}
