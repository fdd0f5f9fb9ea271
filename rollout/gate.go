package rollout

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Gate judges a ratio that is live. It is called again and again while the ratio
// is watched, and once more after that. An error is not a verdict: it is tolerated
// a few times in a row, and then the gate has failed. A Gate must be safe for
// concurrent use.
//
// A Gate must return when its context ends, which is after [GateSpec].Timeout, or when
// the run is stopped. One that does not holds the whole rollout up: until it returns, no
// order is carried out, no deadline stops anything, and Run does not return. What it says
// then is no verdict.
type Gate func(ctx context.Context, step Step) (Verdict, error)

// Step is what a gate judges.
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

// Decision is what a gate says of a step.
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

// Verdict is a decision and what it rests on, for people. A Verdict with another
// decision than the three, the zero Verdict too, counts as an error.
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
