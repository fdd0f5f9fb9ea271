package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Gate decides whether a ratio that is live may be followed by the next. It is called at
// intervals during the bake time, and again after it. An error is not a verdict: a few in a
// row are tolerated, and then the gate has failed. A Gate must be safe for concurrent use.
//
// A Gate must return when its context ends, which is after [GateSpec].Timeout, or when the
// run is stopped. One that does not return holds up the whole rollout: until it does, no
// command is executed, no deadline is checked, and Run does not return. Its result is then
// discarded.
type Gate func(ctx context.Context, step Step) (Verdict, error)

// Step is the step of a rollout that a gate evaluates.
type Step struct {
	// Rollout is the name of the rollout.
	Rollout string
	// Target is the target's id.
	Target string
	// Index is the step's place in the spec, from 0.
	Index int
	// Ratio is live, in percent.
	Ratio alipayplus.Ratio
	// Since is when the ratio went live, as far as the runner knows.
	Since time.Time
}

// Decision is the result of a gate for a step.
type Decision string

// The decisions.
const (
	// Pass: the step may be followed by the next.
	Pass Decision = "pass"
	// Fail: something is wrong; the rollout stops.
	Fail Decision = "fail"
	// Wait: it is too early to say.
	Wait Decision = "wait"
)

// Verdict is a decision and its reason, for people. A Verdict with another decision than
// the three counts as an error; so does the zero Verdict.
type Verdict struct {
	// Decision is pass, fail or wait.
	Decision Decision `json:"decision"`
	// Reason says what was found: "error rate 0.02 is above 0.01".
	Reason string `json:"reason,omitempty"`
}

// Passed returns a verdict that passes.
func Passed(format string, args ...any) Verdict { return verdict(Pass, format, args) }

// Failed returns a verdict that fails.
func Failed(format string, args ...any) Verdict { return verdict(Fail, format, args) }

// Waiting returns a verdict that waits.
func Waiting(format string, args ...any) Verdict { return verdict(Wait, format, args) }

func verdict(d Decision, format string, args []any) Verdict {
	return Verdict{Decision: d, Reason: validation.OneLine(fmt.Sprintf(format, args...))}
}

// GateMaker makes the gate that a spec describes, or returns nil for a kind that
// is not its own. It does no I/O.
type GateMaker func(name string, spec GateSpec) (Gate, error)

// PrometheusGate asks a Prometheus server for one figure, by an instant query.
// The module rollout/prometheus makes a [Gate] of it.
type PrometheusGate struct {
	// Address is the server's: "https://prometheus.example:9090".
	Address string `json:"address" yaml:"address" validate:"required,http_url"`
	// Query is the PromQL query; it must give one figure.
	Query string `json:"query" yaml:"query" validate:"required,max=10000"`
	// Samples is a query that must give at least MinSamples before Query counts; empty: none.
	Samples string `json:"samples,omitempty" yaml:"samples,omitempty" validate:"max=10000"`
	// Bound is what the figure is compared to.
	Bound `yaml:",inline"`
	// TokenFrom names the environment variable that holds a bearer token; empty: none.
	TokenFrom string `json:"tokenFrom,omitempty" yaml:"tokenFrom,omitempty" validate:"max=256"`
}

func (g *PrometheusGate) check(path string, add report) {
	g.Bound.check(path, add)
	g.checkSamples(path, g.Samples, add)
	if u, err := url.Parse(g.Address); err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		add(path+".address", "must have no user, query or fragment; name a variable in tokenFrom")
	}
}

// makeGates makes every gate of the spec.
func (c *config) makeGates() error {
	c.gates = make(map[string]Gate, len(c.spec.Gates))
	for _, name := range slices.Sorted(maps.Keys(c.spec.Gates)) {
		gate, err := c.makeGate(name, c.spec.Gates[name])
		if err != nil {
			return err
		}
		c.gates[name] = gate
	}
	for _, name := range slices.Sorted(maps.Keys(c.given)) {
		if _, ok := c.spec.Gates[name]; !ok {
			return fmt.Errorf("rollout: gate %s is given in Go, but the spec has none of that name: %w", name, alipayplus.ErrInvalid)
		}
	}
	return nil
}

func (c *config) makeGate(name string, spec GateSpec) (Gate, error) {
	if gate := c.given[name]; gate != nil {
		if spec.HTTP != nil || spec.Command != nil || spec.Prometheus != nil {
			return nil, fmt.Errorf("rollout: gate %s is given in Go, and the spec says what it asks; take one of them away: %w", name, alipayplus.ErrInvalid)
		}
		return gate, nil
	}
	for _, maker := range c.makers {
		gate, err := maker(name, spec)
		if err != nil {
			return nil, fmt.Errorf("rollout: gate %s: %w", name, err)
		}
		if gate != nil {
			return gate, nil
		}
	}
	switch {
	case spec.HTTP != nil:
		return spec.HTTP.Gate(), nil
	case spec.Command != nil:
		return spec.Command.Gate(), nil
	case spec.Prometheus != nil:
		return nil, fmt.Errorf("rollout: gate %s asks Prometheus; give WithGates the maker of the module rollout/prometheus: %w", name, alipayplus.ErrInvalid)
	default:
		return nil, fmt.Errorf("rollout: gate %s says nothing but its name; give it by WithGate, or say http or command in the spec: %w", name, alipayplus.ErrInvalid)
	}
}

// evaluateGates evaluates gates side by side and stores their verdicts. It ends with the
// context: a verdict that was not stored is obtained again.
func (s *session) evaluateGates(ctx context.Context, names []string) error {
	s.fresh = false // gates may take long
	at := s.state.Spec.stepAt(s.state.Ratio)
	step := Step{Rollout: s.state.Rollout, Target: s.state.Target, Index: at, Ratio: s.state.Ratio, Since: s.state.Since}
	verdicts, errs := make([]Verdict, len(names)), make([]error, len(names))
	var evaluations sync.WaitGroup
	for i, name := range names {
		evaluations.Go(func() { verdicts[i], errs[i] = s.evaluateGate(ctx, name, step) })
	}
	evaluations.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	for i, name := range names {
		s.recordVerdict(name, verdicts[i], errs[i], now)
	}
	return s.save(ctx)
}

// evaluateGate evaluates one gate. A panic counts as an error, so that it neither lets the
// release go on nor ends the other rollouts of the process.
func (s *session) evaluateGate(ctx context.Context, name string, step Step) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.state.Spec.gate(name).Timeout.Std())
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the gate panicked: %v", p)
		}
	}()
	v, err = s.runner.gates[name](ctx, step)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("the gate answered after its time: %w", ctx.Err())
	}
	if err == nil && v.Decision != Pass && v.Decision != Fail && v.Decision != Wait {
		err = fmt.Errorf("the gate decided %q, which is neither pass, fail nor wait", v.Decision)
	}
	return v, err
}

func (s *session) recordVerdict(name string, v Verdict, err error, now time.Time) {
	if s.state.Gates == nil {
		s.state.Gates = make(map[string]GateState)
	}
	g := GateState{Verdict: v, At: now}
	e := Event{Gate: name}
	if err != nil {
		g = GateState{At: now, Errors: s.state.Gates[name].Errors + 1, Error: err.Error()}
		e.What, e.Error = fmt.Sprintf("gate %s did not answer: %v", name, err), err.Error()
	} else {
		e.What, e.Verdict = fmt.Sprintf("gate %s: %s: %s", name, v.Decision, v.Reason), &v
	}
	if err == nil && v.Decision == Fail { // even one failure that the spec tolerates
		s.state.voidApprovals(fmt.Sprintf("gate %s failed: %s", name, cmp.Or(v.Reason, "no reason given")))
	}
	s.state.Gates[name] = g
	s.record(EventGate, e)
}

// Bound is the range that a figure must be in.
type Bound struct {
	// Min is the least figure that passes; nil: none.
	Min *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	// Max is the largest figure that passes; nil: none.
	Max *float64 `json:"max,omitempty" yaml:"max,omitempty"`
	// MinSamples is how many samples there must be before the figure counts; with
	// fewer the gate waits.
	MinSamples float64 `json:"minSamples,omitempty" yaml:"minSamples,omitempty" validate:"min=0"`
}

func (b Bound) check(path string, add report) {
	if b.Min == nil && b.Max == nil {
		add(path, "must have min, max or both")
	}
	if b.Min != nil && !finite(*b.Min) {
		add(path+".min", "must be a finite number")
	}
	if b.Max != nil && !finite(*b.Max) {
		add(path+".max", "must be a finite number")
	}
	if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
		add(path+".max", "must not be below min")
	}
	if math.IsInf(b.MinSamples, 1) { // the validate tag covers all other values
		add(path+".minSamples", "must be a finite number")
	}
}

// checkSamples checks that a minimum of samples and where they are counted are given
// together: either alone has no effect.
func (b Bound) checkSamples(path, samples string, add report) {
	switch {
	case b.MinSamples > 0 && samples == "":
		add(path+".samples", "is required where there is a minimum of samples")
	case b.MinSamples == 0 && samples != "":
		add(path+".minSamples", "is required where samples are counted")
	}
}

// Evaluate compares a figure to the bound; name is what the figure is called in the reason.
// NaN and the infinities, which come of a division by zero, are errors and never pass.
func (b Bound) Evaluate(name string, figure float64) (Verdict, error) {
	switch {
	case !finite(figure):
		return Verdict{}, fmt.Errorf("%s is %s, which is no figure", name, formatFigure(figure))
	case b.Min == nil && b.Max == nil:
		return Verdict{}, fmt.Errorf("%s has no bound to be compared to", name)
	case b.Min != nil && !(figure >= *b.Min):
		return Failed("%s is %s, below %s", name, formatFigure(figure), formatFigure(*b.Min)), nil
	case b.Max != nil && !(figure <= *b.Max):
		return Failed("%s is %s, above %s", name, formatFigure(figure), formatFigure(*b.Max)), nil
	default:
		return Passed("%s is %s", name, formatFigure(figure)), nil
	}
}

// CountsSamples says whether samples are counted. where is the path or query that counts
// them; empty for none. A minimum of samples that nothing counts is an error.
func (b Bound) CountsSamples(where string) (bool, error) {
	if b.MinSamples != 0 && where == "" {
		return false, errors.New("the gate has a minimum of samples, and does not say where they are counted; give Samples")
	}
	return where != "", nil
}

// EvaluateSamples returns nil when there are enough samples, and otherwise a verdict to
// wait. NaN, the infinities and negative numbers are errors.
func (b Bound) EvaluateSamples(samples float64) (*Verdict, error) {
	switch {
	case !finite(samples) || samples < 0:
		return nil, fmt.Errorf("the number of samples is %s, which is no number of anything", formatFigure(samples))
	case !(b.MinSamples >= 0):
		return nil, errors.New("the minimum of samples is not a number")
	case samples < b.MinSamples:
		v := Waiting("%s of %s samples", formatFigure(samples), formatFigure(b.MinSamples))
		return &v, nil
	default:
		return nil, nil //nolint:nilnil // nothing stands in the way
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// formatFigure writes "1000000" rather than "1e+06", unless that is long.
func formatFigure(x float64) string {
	if size := math.Abs(x); x == 0 || size >= 1e-6 && size < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
