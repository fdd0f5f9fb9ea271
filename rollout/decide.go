package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// action is what is due.
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

// needsFreshObservation says whether the target must have been read right before: to change
// it, and to stop because of it.
func (a action) needsFreshObservation() bool {
	return a != actWait && a != actEvaluateGates && a != actDone
}

// decision is what is due and what it needs.
type decision struct {
	action action
	// message says it, for people.
	message string
	// until is when to decide again at the latest; zero when that depends on others.
	until time.Time
	// ends is when the wait itself is over; zero when that depends on others.
	ends time.Time
	// wait is what is waited for, for actWait.
	wait WaitKind
	// to is the ratio to set, or to approve.
	to alipayplus.Ratio
	// gates are those to be evaluated, or that do not pass.
	gates []string
	// other is the version in the way.
	other *Blocker
	// status and cause are those of a stop.
	status Status
	cause  Cause
}

// decide says what is due, from the stored state and the last observation. It holds all
// rules of a rollout and is pure: a run, a single step and a plan share it.
func decide(state *State, o *Observation, now time.Time, host string) decision {
	switch o.Status {
	case alipayplus.ReleaseFull:
		return decision{action: actDone, message: "all users have the version"}
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		if o.Ratio >= alipayplus.FullRatio { // even if the status does not say so
			return decision{action: actDone, message: "all users have the version"}
		}
	case alipayplus.ReleaseDeleted:
		return endFor("the selection of the version for the target app was deleted%s", by(o))
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
	if deadline := state.Began.Add(state.Spec.deadline()); !now.Before(deadline) {
		return pauseFor(CauseDeadline, "the rollout took longer than %v", Duration(state.Spec.deadline()))
	}
	if state.Spec.checkLadderAbove(o.Ratio, o.Ladder) != nil { // found out before days of review
		return decision{action: actLadderMismatch, message: "find out which ratios the target offers"}
	}
	switch o.Status {
	case alipayplus.ReleaseNewVersionCreated:
		return decideNew(state, o)
	case alipayplus.ReleaseUnderReview:
		return decideReview(state, o, now)
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		return decideLadder(state, o, now, host)
	default:
		return decision{wait: WaitTarget, message: fmt.Sprintf("the target is in status %s, which this library does not know", o.Status)}
	}
}

func decideNew(state *State, o *Observation) decision {
	if state.Applied {
		if slices.ContainsFunc(o.Reviews, func(r alipayplus.Review) bool { return r.Status == alipayplus.ReviewRejected }) {
			return pauseFor(CauseRejected, "%s", rejection(o.Reviews))
		}
		return pauseFor(CauseWithdrawn, "the application was withdrawn%s", by(o))
	}
	if d, held := decideCompatibility(&state.Spec, o); held {
		return d
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
		if state.Spec.reviewPolicy() == ReviewReplace { // reconcile has adopted what may be adopted
			return decision{action: actWithdraw, message: "withdraw the application that somebody else made"}
		}
		return decision{action: actConflict, message: "the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply again"}
	}
	d := decision{wait: WaitReview, message: "under review: " + verdicts(o.Reviews)}
	if state.Spec.ReviewDeadline == 0 {
		return d
	}
	d.until = state.WaitingSince.Add(state.Spec.ReviewDeadline.Std())
	if !now.Before(d.until) {
		return pauseFor(CauseDeadline, "the review took longer than %v", state.Spec.ReviewDeadline)
	}
	return d
}

func decideLadder(state *State, o *Observation, now time.Time, host string) decision {
	at := state.Spec.stepAt(o.Ratio)
	if at >= 0 {
		if d, due := decideStep(state, at, now, host); due {
			return d
		}
	}
	next := state.Spec.Steps[at+1]
	if next.Approval {
		if valid, why := state.Approval(next.Ratio, now); valid == nil {
			return waitForApproval(next.Ratio, why, nextEvaluation(state, at, host))
		}
	}
	if why, until, frozen := state.Spec.frozen(now); frozen {
		d := decision{message: fmt.Sprintf("%v is not set yet, %s", next.Ratio, why), until: until, ends: until}
		if again := nextEvaluation(state, at, host); !again.IsZero() && (until.IsZero() || again.Before(until)) {
			d.until = again
		}
		return d
	}
	d := decision{action: actRaise, to: next.Ratio, message: fmt.Sprintf("raise from %v to %v", o.Ratio, next.Ratio)}
	if next.Ratio == alipayplus.FullRatio {
		d.action, d.message = actPublish, fmt.Sprintf("release to all users, from %v", o.Ratio)
	}
	return d
}

// mayBeSet says whether a ratio may be set now, as far as that ends with time: nothing is frozen, and an approval
// that the ratio needs is valid.
func (state *State) mayBeSet(ratio alipayplus.Ratio, now time.Time) bool {
	if _, _, frozen := state.Spec.frozen(now); frozen {
		return false
	}
	valid, _ := state.Approval(ratio, now)
	return valid != nil || !state.Spec.needsApproval(ratio)
}

// waitForApproval waits for a person. why is what became of an approval that was given;
// empty for none.
func waitForApproval(ratio alipayplus.Ratio, why string, until time.Time) decision {
	d := decision{wait: WaitApproval, to: ratio, message: fmt.Sprintf("waiting for approval of %v", ratio), until: until}
	if why != "" {
		d.message += "; " + why
	}
	return d
}

// decideStep says what the live step still requires; ok is false when that is nothing.
func decideStep(state *State, at int, now time.Time, host string) (_ decision, ok bool) {
	step := state.Spec.Steps[at]
	if deadline := state.WaitingSince.Add(step.Deadline.Std()); step.Deadline != 0 && !now.Before(deadline) {
		return pauseFor(CauseDeadline, "the step at %v took longer than %v", state.Ratio, step.Deadline), true
	}
	baked := bakedAt(state, step, host)
	if due := dueGates(state, step, baked, now); len(due) > 0 {
		return decision{action: actEvaluateGates, gates: due, message: fmt.Sprintf("evaluate the gates of %v", state.Ratio)}, true
	}
	if now.Before(baked) {
		until := baked
		if next := nextEvaluation(state, at, host); !next.IsZero() && next.Before(until) {
			until = next
		}
		return decision{wait: WaitBake, message: fmt.Sprintf("watching %v until %s", state.Ratio, baked.UTC().Format(time.RFC3339)), until: until, ends: baked}, true
	}
	for _, name := range step.Gates {
		if g := state.Gates[name]; g.Verdict.Decision != Pass {
			return decision{
				wait: WaitGate, gates: []string{name},
				message: fmt.Sprintf("gate %s does not pass yet: %s", name, cmp.Or(g.Error, g.Verdict.Reason, "no reason given")),
				until:   nextEvaluation(state, at, host),
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

// bakedAt is the end of the live step's bake time. It is later by the clock tolerance on
// another machine than the one that saw the ratio go live.
func bakedAt(state *State, step StepSpec, host string) time.Time {
	at := state.Since.Add(step.Bake.Std())
	if step.Bake > 0 && state.Clock != host {
		at = at.Add(state.Spec.clockTolerance())
	}
	return at
}

// dueGates are the gates to be evaluated now. During the bake time each has its own
// interval. Afterwards all are evaluated together, so that the verdicts on which a ratio
// rises are of one moment, and again when one has become too old.
func dueGates(state *State, step StepSpec, baked, now time.Time) []string {
	var due []string
	for _, name := range step.Gates {
		if !now.Before(evaluateAt(state, step, name, baked)) {
			due = append(due, name)
		}
	}
	if len(due) > 0 && !now.Before(baked) {
		return step.Gates
	}
	return due
}

// passValidFor is how long a verdict to pass is valid at least: it is stored before the
// ratio is raised, which takes a while. Observing the target does not count.
const passValidFor = time.Minute

// evaluateAt is when a gate is to be evaluated next.
func evaluateAt(state *State, step StepSpec, name string, baked time.Time) time.Time {
	every := state.Spec.gate(name).Every.Std()
	last := state.Gates[name].At
	if last.IsZero() {
		return state.Since.Add(min(every, step.Bake.Std()))
	}
	if !last.Before(baked) && state.Gates[name].Verdict.Decision == Pass {
		every = max(every, passValidFor)
	}
	next := last.Add(every)
	if last.Before(baked) && baked.Before(next) {
		return baked
	}
	return next
}

// nextEvaluation is when the first gate of the live step is evaluated again; zero when it
// has none.
func nextEvaluation(state *State, at int, host string) time.Time {
	if at < 0 {
		return time.Time{}
	}
	var first time.Time
	step := state.Spec.Steps[at]
	baked := bakedAt(state, step, host)
	for _, name := range step.Gates {
		if t := evaluateAt(state, step, name, baked); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// verdicts says how each party's review stands.
func verdicts(reviews []alipayplus.Review) string { return string(appendVerdicts(nil, reviews)) }

func appendVerdicts(text []byte, reviews []alipayplus.Review) []byte {
	if len(reviews) == 0 {
		return append(text, "no verdict yet"...)
	}
	for i, r := range reviews {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(append(text, r.Party...), ' ')
		for _, c := range []byte(r.Status) {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			text = append(text, c)
		}
	}
	return text
}

// rejection gives the reasons of those who rejected.
func rejection(reviews []alipayplus.Review) string {
	var parts []string
	for _, r := range reviews {
		if r.Status == alipayplus.ReviewRejected {
			parts = append(parts, fmt.Sprintf("%s rejected it: %s", r.Party, cmp.Or(r.Reason, "no reason given")))
		}
	}
	return strings.Join(parts, "; ")
}
