package rollout

import (
	"cmp"
	"fmt"
	"time"
)

// bakedAt is when the live step has been watched long enough. The clock of another
// machine than the one that saw the ratio go live is trusted less.
func bakedAt(state *State, step StepSpec, clock string) time.Time {
	at := state.Since.Add(step.Bake.Std())
	if step.Bake > 0 && state.Clock != clock {
		at = at.Add(state.Spec.clockTolerance())
	}
	return at
}

// failedGate says whether a gate of the live step stops the rollout.
func failedGate(state *State, o *Observation) (_ decision, failed bool) {
	at := state.Spec.stepAt(o.Ratio)
	if at < 0 {
		return decision{}, false
	}
	stop := func(name, format string, args ...any) (decision, bool) {
		return decision{action: actStop, status: Paused, cause: CauseGate, gates: []string{name}, message: fmt.Sprintf(format, args...)}, true
	}
	for _, name := range state.Spec.Steps[at].Gates {
		g := state.Gates[name]
		if g.Verdict.Decision == Fail {
			return stop(name, "gate %s failed: %s", name, cmp.Or(g.Verdict.Reason, "no reason given"))
		}
		if most := state.Spec.gate(name).Tolerate; g.Errors > most {
			return stop(name, "gate %s did not answer %d times in a row, which counts as failed: %s", name, g.Errors, g.Error)
		}
	}
	return decision{}, false
}

// dueGates are the gates to be asked now. During the bake time each is asked at its
// own interval. Afterwards all are asked together, so that the verdicts on which a
// ratio rises are of one moment; they are asked anew when one has become too old.
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

// passHolds is how long at least a verdict holds on which a ratio may rise: it is stored
// between the two, which takes a while. (How long the target is read is not counted.)
const passValidFor = time.Minute

// askAt is when a gate is to be asked next.
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

// nextAsked is when the first gate of the live step is asked again; zero when it
// has none.
func nextEvaluation(state *State, at int, clock string) time.Time {
	if at < 0 {
		return time.Time{}
	}
	var first time.Time
	step := state.Spec.Steps[at]
	baked := bakedAt(state, step, clock)
	for _, name := range step.Gates {
		if t := evaluateAt(state, step, name, baked); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}
