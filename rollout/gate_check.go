package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// GateCheck is what a gate said when it was checked; see [Runner.CheckGates].
type GateCheck struct {
	// Gate is the gate's name.
	Gate string `json:"gate"`
	// Ratio is that of the first step that names the gate, in percent.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Verdict is its verdict; its decision is empty when the gate gave none.
	Verdict Verdict `json:"verdict"`
	// Error is why it gave none, in one line; empty after a verdict.
	Error string `json:"error,omitempty"`
	// Err is the same as an error; nil after a verdict.
	Err error `json:"-"`
}

// CheckGates evaluates every gate of the spec once, side by side: for the first step that
// names it, as if the bake time of that step were just over. It reads the target, for the
// version, and changes and stores nothing. The results are in the order of the names. A gate
// may wait or fail, for nobody may have the version yet; but one that gives no verdict now
// will hardly give one after days of review: the error names each of those.
func (r *Runner) CheckGates(ctx context.Context) ([]GateCheck, error) {
	observeCtx, cancel := context.WithTimeout(ctx, r.callTime)
	defer cancel()
	o, err := r.target.Observe(observeCtx)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = new(Observation)
	}
	checks := make([]GateCheck, 0, len(r.spec.Gates))
	for _, name := range slices.Sorted(maps.Keys(r.spec.Gates)) {
		checks = append(checks, GateCheck{Gate: name})
	}
	var evaluations sync.WaitGroup
	for i := range checks {
		evaluations.Go(func() { r.checkGate(ctx, &checks[i], o.Subject.Version) })
	}
	evaluations.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var failures []error
	for _, check := range checks {
		if check.Err != nil {
			failures = append(failures, fmt.Errorf("gate %s: %w", check.Gate, check.Err))
		}
	}
	return checks, r.unfitGates("gave no verdict", failures)
}

func (r *Runner) checkGate(ctx context.Context, check *GateCheck, version string) {
	at := slices.IndexFunc(r.spec.Steps, func(step StepSpec) bool { return slices.Contains(step.Gates, check.Gate) })
	step := r.spec.Steps[at] // a gate that no step names is not valid
	check.Ratio = step.Ratio
	check.Err = r.gateFault(check.Gate)
	if check.Err == nil {
		check.Verdict, check.Err = r.evaluateGate(ctx, check.Gate, Step{
			Rollout: r.name, Target: r.target.ID(), Version: version, Index: at, Ratio: step.Ratio,
			Since: time.Now().Add(-step.Bake.Std()),
		})
	}
	if check.Err != nil {
		check.Verdict, check.Error = Verdict{}, validation.OneLine(check.Err.Error())
	}
}

// unfitGates is an error that lists what is wrong with gates; nil when nothing is.
func (r *Runner) unfitGates(what string, faults []error) error {
	if len(faults) == 0 {
		return nil
	}
	texts := make([]string, len(faults))
	for i, err := range faults {
		texts[i] = err.Error()
	}
	return &gatesError{text: validation.OneLine(fmt.Sprintf("rollout %s: %d of %d gates %s: %s", r.name, len(faults), len(r.spec.Gates), what, strings.Join(texts, "; "))), errs: faults}
}

// gatesError is several errors in one line.
type gatesError struct {
	text string
	errs []error
}

func (e *gatesError) Error() string   { return e.text }
func (e *gatesError) Unwrap() []error { return e.errs }

// gateFault is what can be found wrong with a gate on this machine without evaluating it:
// a program or an environment variable that is missing, for example.
func (c *config) gateFault(name string) error {
	if fault := c.faults[name]; fault != nil {
		return fault()
	}
	return nil
}

// gateFaults are those of all gates, each with its name.
func (c *config) gateFaults() []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.gates)) {
		if err := c.gateFault(name); err != nil {
			faults = append(faults, fmt.Errorf("gate %s: %w", name, err))
		}
	}
	return faults
}

// checkFirst refuses a change before which nobody has the version when a gate cannot work on
// this machine: found now, it costs no review and no ratio that nothing watches.
func (s *session) checkFirst(a action) error {
	if a != actApply && a != actWithdraw && a != actRaise || s.state.Ratio != 0 || s.observation.Ratio != 0 {
		return nil
	}
	return s.runner.unfitGates("cannot work here", s.runner.gateFaults())
}
