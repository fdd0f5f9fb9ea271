package rollout

import (
	"context"
	"maps"
	"slices"

	"github.com/alipayplus-go/alipayplus"
)

// CompatibilityGate asks for the report of a compatibility test, which partner apps have: it
// passes when no problem was found with the version as it is, waits while a test is under way,
// and fails without a report. A spec that has such a gate is not applied for before it passes,
// whichever step names it: a version cannot be tested any more then.
type CompatibilityGate struct{}

// Gate returns the gate. It asks nobody: the target was observed.
func (*CompatibilityGate) Gate() Gate {
	return func(_ context.Context, step Step) (Verdict, error) { return compatibility(step.Compatibility), nil }
}

// compatibility is the verdict of the gate on what was observed; nil for no report.
func compatibility(observed *Verdict) Verdict {
	if observed == nil {
		return Failed("the target has no compatibility report; test the version first (Releases.TestCompatibility), or take the gate away where the target app has no such test")
	}
	return *observed
}

// compatibilityOf is what a release says about its compatibility test; nil without a report.
func compatibilityOf(r *alipayplus.Release) *Verdict {
	report, err := r.Compatibility, r.CheckCompatibility()
	v := Failed("%v", err)
	switch {
	case report == nil:
		return nil
	case err == nil:
		v = Passed("compatibility test %d passed on %d of %d devices", report.Run, len(report.Results), len(report.Results))
	case report.Status == alipayplus.CompatibilityTesting:
		v = Waiting("%v", err)
	}
	return &v
}

// decideCompatibility says what holds up the application; ok is false when nothing does.
func decideCompatibility(spec *Spec, o *Observation) (_ decision, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(spec.Gates)) {
		if spec.Gates[name].Compatibility == nil {
			continue
		}
		switch v := compatibility(o.Compatibility); v.Decision {
		case Pass:
		case Wait:
			return decision{wait: WaitGate, gates: []string{name}, message: "gate " + name + " does not pass yet: " + v.Reason}, true
		default:
			d := pauseFor(CauseGate, "gate %s failed: %s", name, v.Reason)
			d.gates = []string{name}
			return d, true
		}
	}
	return decision{}, false
}
