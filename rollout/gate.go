package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	// Version is the number of the version; empty when the target does not say it.
	Version string
	// Index is the step's place in the spec, from 0.
	Index int
	// Ratio is live, in percent.
	Ratio alipayplus.Ratio
	// Since is when the ratio went live, as far as the runner knows.
	Since time.Time
	// Compatibility is that of the [Observation].
	Compatibility *Verdict
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

// ErrNoData marks an error of a gate that says that there is no data yet: an answer without
// a figure, rather than no answer. See [GateSpec].NoData.
var ErrNoData = errors.New("no data")

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
	checkVariables(path+".query", g.Query, add)
	checkVariables(path+".samples", g.Samples, add)
	if u, err := url.Parse(g.Address); err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		add(path+".address", "must have no user, query or fragment; name a variable in tokenFrom")
	}
}

// Token reads the bearer token from the environment; empty when the gate has none. The error
// never holds what stands there.
func (g *PrometheusGate) Token() (string, error) {
	if g.TokenFrom == "" {
		return "", nil
	}
	return secretFrom(g.TokenFrom, "the bearer token", "a space, a line break or what else is no visible ASCII",
		func(r rune) bool { return r <= ' ' || r > '~' })
}

// preflight returns what can be found wrong without asking.
func (g *PrometheusGate) preflight() error {
	_, err := g.Token()
	return err
}

// secretFrom reads an environment variable that must be set and hold no character that is
// not allowed. The error never holds its value.
func secretFrom(variable, purpose, badOnes string, bad func(rune) bool) (string, error) {
	value := os.Getenv(variable)
	trimmed := strings.TrimRight(value, "\r\n")
	switch {
	case value == "":
		return "", fmt.Errorf("the environment variable %s, for %s, is not set", variable, purpose)
	case trimmed != value && !strings.ContainsFunc(trimmed, bad):
		return "", fmt.Errorf("the environment variable %s, for %s, ends in a line break; set it without", variable, purpose)
	case strings.ContainsFunc(value, bad):
		return "", fmt.Errorf("the environment variable %s, for %s, holds %s", variable, purpose, badOnes)
	}
	return value, nil
}

// makeGates makes every gate of the spec.
func (c *config) makeGates() error {
	c.gates, c.preflights = make(map[string]Gate, len(c.spec.Gates)), make(map[string]func() error)
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
		if spec.kinds() > 0 {
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
			if spec.Prometheus != nil {
				c.preflights[name] = spec.Prometheus.preflight
			}
			return gate, nil
		}
	}
	switch {
	case spec.HTTP != nil:
		c.preflights[name] = spec.HTTP.preflight
		return spec.HTTP.gate(c.spec.gate(name).Every.Std()), nil
	case spec.Command != nil:
		c.preflights[name] = spec.Command.preflight
		return spec.Command.Gate(), nil
	case spec.Compatibility != nil:
		return spec.Compatibility.Gate(), nil
	case spec.Prometheus != nil:
		return nil, fmt.Errorf("rollout: gate %s asks Prometheus; give WithGates the maker of the module rollout/prometheus: %w", name, alipayplus.ErrInvalid)
	default:
		return nil, fmt.Errorf("rollout: gate %s says nothing but its name; give it by WithGate, or say http, command or compatibility in the spec: %w", name, alipayplus.ErrInvalid)
	}
}

// evaluateGates evaluates gates side by side and stores their verdicts. It ends with the
// context: a verdict that was not stored is obtained again.
func (s *session) evaluateGates(ctx context.Context, names []string) error {
	s.fresh = false // gates may take long
	at := s.state.Spec.stepAt(s.state.Ratio)
	step := Step{
		Rollout: s.state.Rollout, Target: s.state.Target, Version: s.observation.Subject.Version,
		Index: at, Ratio: s.state.Ratio, Since: s.state.Since, Compatibility: s.observation.Compatibility,
	}
	verdicts, errs := make([]Verdict, len(names)), make([]error, len(names))
	var evaluations sync.WaitGroup
	for i, name := range names {
		evaluations.Go(func() { verdicts[i], errs[i] = s.runner.evaluateGate(ctx, name, step) })
	}
	evaluations.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	for i, name := range names {
		s.recordVerdict(name, verdicts[i], errs[i], now)
	}
	s.markChanged()
	return nil
}

// evaluateGate evaluates one gate. A panic counts as an error, so that it neither lets the
// release go on nor ends the other rollouts of the process.
func (c *config) evaluateGate(ctx context.Context, name string, step Step) (v Verdict, err error) {
	spec := c.spec.gate(name)
	ctx, cancel := context.WithTimeout(ctx, spec.Timeout.Std())
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			v, err = Verdict{}, fmt.Errorf("the gate panicked: %v", p)
		}
	}()
	v, err = c.gates[name](ctx, step)
	switch {
	case err == nil && ctx.Err() != nil:
		err = fmt.Errorf("the gate answered after its time: %w", ctx.Err())
	case err == nil && v.Decision != Pass && v.Decision != Fail && v.Decision != Wait:
		err = fmt.Errorf("the gate decided %q, which is neither pass, fail nor wait", v.Decision)
	case errors.Is(err, ErrNoData) && spec.NoData == NoDataWait:
		return Waiting("%v", err), nil
	case errors.Is(err, ErrNoData) && spec.NoData == NoDataFail:
		return Failed("%v", err), nil
	}
	return v, err
}

func (s *session) recordVerdict(name string, v Verdict, err error, now time.Time) {
	if s.state.Gates == nil {
		s.state.Gates = make(map[string]GateState)
	}
	before := s.state.Gates[name]
	g := GateState{Verdict: v, At: now, Recent: before.Recent}
	e := Event{Gate: name}
	if err != nil {
		g.Verdict, g.Errors, g.Error = Verdict{}, before.Errors+1, err.Error()
		e.What, e.Error = fmt.Sprintf("gate %s did not answer: %v", name, err), err.Error()
	} else {
		spec := s.state.Spec.gate(name)
		g.remember(v.Decision, spec.OfLast)
		e.What, e.Verdict = fmt.Sprintf("gate %s: %s%s: %s", name, v.Decision, g.progress(spec), v.Reason), &v
	}
	if err == nil && v.Decision == Fail { // even one failure that the spec tolerates
		s.state.voidApprovals(fmt.Sprintf("gate %s failed: %s", name, cmp.Or(v.Reason, "no reason given")))
	}
	s.state.Gates[name] = g
	s.record(EventGate, e)
}

// remember keeps the last n verdicts to pass or to fail, where more than the last one counts.
func (g *GateState) remember(d Decision, n int) {
	if n == 1 || d == Wait {
		return
	}
	g.Recent = append(slices.Clone(g.Recent), d)
	g.Recent = g.Recent[max(0, len(g.Recent)-n):]
}

// failures is how many of the verdicts that count are to fail.
func (g *GateState) failures(spec GateSpec) (n int) {
	if spec.OfLast == 1 {
		if g.Verdict.Decision == Fail {
			n++
		}
		return n
	}
	for _, d := range g.Recent {
		if d == Fail {
			n++
		}
	}
	return n
}

// hasFailed says whether the gate stops the rollout.
func (g *GateState) hasFailed(spec GateSpec) bool {
	return g.failures(spec) >= spec.FailAfter || g.Errors > *spec.Tolerate
}

// progress says how far a gate that just failed is from stopping the rollout: " (1 of 3)";
// empty where the first failure does.
func (g *GateState) progress(spec GateSpec) string {
	if spec.FailAfter == 1 || g.Verdict.Decision != Fail {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", g.failures(spec), spec.FailAfter)
}

// failedGate says whether a gate of the live step stops the rollout.
func failedGate(state *State, o *Observation) (_ decision, failed bool) {
	at := state.Spec.stepAt(o.Ratio)
	if at < 0 {
		return decision{}, false
	}
	for _, name := range state.Spec.Steps[at].Gates {
		var d decision
		spec := state.Spec.gate(name)
		switch g := state.Gates[name]; {
		case !g.hasFailed(spec):
			continue
		case g.failures(spec) >= spec.FailAfter:
			d = pauseFor(CauseGate, "gate %s failed%s: %s", name, often(spec), cmp.Or(g.Verdict.Reason, "no reason given"))
		default:
			d = pauseFor(CauseGate, "gate %s did not answer %d times in a row, which counts as failed: %s", name, g.Errors, g.Error)
		}
		d.gates = []string{name}
		return d, true
	}
	return decision{}, false
}

// often says how often a gate has failed; empty where once is enough.
func often(spec GateSpec) string {
	switch {
	case spec.FailAfter == 1:
		return ""
	case spec.OfLast == spec.FailAfter:
		return fmt.Sprintf(" %d times in a row", spec.FailAfter)
	default:
		return fmt.Sprintf(" %d of the last %d times", spec.FailAfter, spec.OfLast)
	}
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
// NaN and the infinities, which come of a division by zero, are errors and never pass; that
// of NaN matches [ErrNoData].
func (b Bound) Evaluate(name string, figure float64) (Verdict, error) {
	switch {
	case math.IsNaN(figure):
		return Verdict{}, noDataError(name + " is NaN, which is no figure: zero divided by zero, perhaps")
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
	observeCtx, cancel := context.WithTimeout(ctx, r.callTimeout)
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
		evaluations.Go(func() { r.checkGate(ctx, &checks[i], o) })
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

func (r *Runner) checkGate(ctx context.Context, check *GateCheck, o *Observation) {
	at := slices.IndexFunc(r.spec.Steps, func(step StepSpec) bool { return slices.Contains(step.Gates, check.Gate) })
	step := r.spec.Steps[at] // a gate that no step names is not valid
	check.Ratio = step.Ratio
	check.Err = r.preflight(check.Gate)
	if check.Err == nil {
		check.Verdict, check.Err = r.evaluateGate(ctx, check.Gate, Step{
			Rollout: r.name, Target: r.target.ID(), Version: o.Subject.Version, Index: at, Ratio: step.Ratio,
			Since: time.Now().Add(-step.Bake.Std()), Compatibility: o.Compatibility,
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

// preflight returns what can be found wrong with a gate on this machine without evaluating it:
// a program or an environment variable that is missing, for example.
func (c *config) preflight(name string) error {
	if preflight := c.preflights[name]; preflight != nil {
		return preflight()
	}
	return nil
}

// preflightErrors are those of all gates, each with its name.
func (c *config) preflightErrors() []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.gates)) {
		if err := c.preflight(name); err != nil {
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
	return s.runner.unfitGates("cannot work here", s.runner.preflightErrors())
}

// variable is something of a step that a gate can name: as ${ROLLOUT_RATIO} in an address
// or a query, and as an environment variable of a program.
type variable struct {
	name  string
	value func(Step) string
}

// variables are all that there are.
func variables() []variable {
	return []variable{
		{"ROLLOUT_NAME", func(s Step) string { return s.Rollout }},
		{"ROLLOUT_TARGET", func(s Step) string { return s.Target }},
		{"ROLLOUT_VERSION", func(s Step) string { return s.Version }},
		{"ROLLOUT_STEP", func(s Step) string { return strconv.Itoa(s.Index) }},
		{"ROLLOUT_RATIO", func(s Step) string { return strconv.Itoa(int(s.Ratio)) }},
		{"ROLLOUT_SINCE", func(s Step) string { return s.Since.UTC().Format(time.RFC3339) }},
		{"ROLLOUT_LIVE_SECONDS", func(s Step) string {
			return strconv.FormatInt(int64(max(time.Since(s.Since), time.Second)/time.Second), 10)
		}},
	}
}

// environment are the variables as a program finds them.
func (s Step) environment() []string {
	var all []string
	for _, v := range variables() {
		all = append(all, v.name+"="+v.value(s))
	}
	return all
}

// expand replaces each ${ROLLOUT_RATIO} and the like in a text by what it stands for, which
// escape makes fit for where it stands: see the README of this package for their names. A
// number, ${1}, is not replaced: PromQL's label_replace has such. Another name is an error, and
// so is one whose value is not known, or that escape refuses.
func (s Step) expand(text string, escape func(value string) (string, error)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		text = after
		if closed && isNumber(name) {
			b.WriteString("${" + name + "}")
			continue
		}
		value, err := s.lookUp(name, closed)
		if err == nil {
			value, err = escape(value)
		}
		if err != nil {
			return "", fmt.Errorf("${%s} %w", name, err)
		}
		b.WriteString(value)
	}
}

func (s Step) lookUp(name string, closed bool) (string, error) {
	if !closed {
		return "", errors.New("is not closed by a brace")
	}
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
		if v.name != name {
			continue
		}
		value := v.value(s)
		if value == "" {
			return "", errors.New("is not known: the target does not say it")
		}
		return value, nil
	}
	return "", fmt.Errorf("is not known; there are %s", strings.Join(names, ", "))
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// checkVariables reports a variable that there is not.
func checkVariables(path, text string, add report) {
	all := Step{Rollout: "x", Target: "x", Version: "x"}
	if _, err := all.expand(text, func(value string) (string, error) { return value, nil }); err != nil {
		add(path, "%s", validation.OneLine(err.Error()))
	}
}

// plainValue are the values that mean nothing but themselves in a query of any language.
var plainValue = regexp.MustCompile(`^[\pL\pN ._:/+-]*$`)

// ExpandQuery is [Step.Expand] for a query in a language such as PromQL: a value that holds
// more than letters, digits, spaces and . _ : / + - is an error, for it could change what the
// query asks.
func (s Step) ExpandQuery(text string) (string, error) {
	return s.expand(text, func(value string) (string, error) {
		if !plainValue.MatchString(value) {
			return "", fmt.Errorf("is %q, which cannot stand in a query", value)
		}
		return value, nil
	})
}

// expandURL is [Step.Expand] for an address, in its path and in its query.
func (s Step) expandURL(text string) (string, error) {
	path, query, hasQuery := strings.Cut(text, "?")
	path, err := s.expand(path, func(value string) (string, error) { return url.PathEscape(value), nil })
	if err != nil || !hasQuery {
		return path, err
	}
	query, err = s.expand(query, func(value string) (string, error) { return url.QueryEscape(value), nil })
	return path + "?" + query, err
}
