package prometheus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// Options say how the server is asked. The zero value will do.
type Options struct {
	// Transport carries the requests. Nil: one that respects the proxy settings of the
	// environment and keeps no connection open between two questions.
	Transport http.RoundTripper
	// MaxAge is how old a figure may be, in whole seconds; 0: 5 minutes, which is what
	// Prometheus itself looks back. It goes to the server as lookback_delta, so that a
	// series without a newer sample is none; and an answer whose time is further than
	// this from the clock here, in either direction, is an error: it comes out of a
	// cache, or a clock is wrong.
	MaxAge time.Duration
}

const (
	defaultMaxAge = 5 * time.Minute
	// maxAnswer is the most that is read of an answer, in bytes.
	maxAnswer = 1 << 20
	// maxError is how much of an error of the server is shown, in characters.
	maxError = 500
)

// Maker returns the maker of the gates whose spec says "prometheus". Such a gate asks
// its query at the server's present time, and compares the figure to the bound. The
// answer must be a scalar or a vector of exactly one sample. None, several, NaN, an
// infinity, a figure that is too old, a warning of the server, an answer that the server
// calls partial, a redirect, and whatever else is no clear answer, are errors, which never pass. Where the spec counts samples,
// that query is asked first, by the same rules, and too few of them wait.
//
// The bearer token is read from its environment variable for each question; errors
// show neither it nor the query string of an address. Questions are asked once each:
// the runner repeats them.
func Maker(options Options) rollout.GateMaker {
	return func(name string, spec rollout.GateSpec) (rollout.Gate, error) {
		if spec.Prometheus == nil {
			return nil, nil //nolint:nilnil // a maker says so that the gate is not its own
		}
		g, err := newGate(name, *spec.Prometheus, options)
		if err != nil {
			return nil, err
		}
		return g.ask, nil
	}
}

// gate is a gate that asks one server.
type gate struct {
	name   string
	spec   rollout.PrometheusGate
	server v1.API
	maxAge time.Duration
	shown  string
}

func newGate(name string, spec rollout.PrometheusGate, o Options) (*gate, error) {
	maxAge := cmp.Or(o.MaxAge, defaultMaxAge)
	if maxAge < time.Second || maxAge%time.Second != 0 {
		return nil, errors.New("MaxAge must be whole seconds, at least one")
	}
	address, err := url.Parse(spec.Address)
	if err != nil {
		return nil, errors.New("the address of the Prometheus server cannot be read")
	}
	client := &http.Client{
		Transport:     &carrier{next: o.Transport, token: spec.Token},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.Transport == nil {
		client.Transport = &carrier{next: closing(), token: spec.Token}
	}
	server, err := api.NewClient(api.Config{Address: spec.Address, Client: client})
	if err != nil {
		return nil, errors.New("the address of the Prometheus server cannot be read")
	}
	return &gate{name: name, spec: spec, server: v1.NewAPI(server), maxAge: maxAge, shown: address.Scheme + "://" + address.Host + address.EscapedPath()}, nil
}

// ask is the gate.
func (g *gate) ask(ctx context.Context, step rollout.Step) (rollout.Verdict, error) {
	counted, err := g.spec.CountsSamples(g.spec.Samples)
	if err != nil {
		return rollout.Verdict{}, g.failed("samples", err)
	}
	if counted {
		samples, err := g.figure(ctx, "samples", g.spec.Samples, step)
		if err != nil {
			return rollout.Verdict{}, err
		}
		wait, err := g.spec.EvaluateSamples(samples)
		if err != nil {
			return rollout.Verdict{}, g.failed("samples", err)
		}
		if wait != nil {
			return *wait, nil
		}
	}
	figure, err := g.figure(ctx, "query", g.spec.Query, step)
	if err != nil {
		return rollout.Verdict{}, err
	}
	return g.spec.Evaluate(g.name, figure)
}

// figure asks one query. what is the field of the spec that holds it.
func (g *gate) figure(ctx context.Context, what, query string, step rollout.Step) (float64, error) {
	query, err := step.ExpandQuery(query)
	if err != nil {
		return 0, g.failed(what, err)
	}
	answer, warnings, _, err := g.server.Query(ctx, query, time.Time{}, v1.WithLookbackDelta(g.maxAge))
	if err != nil {
		return 0, g.failed(what, err)
	}
	if len(warnings) > 0 {
		return 0, g.failed(what, fmt.Errorf("the server warns that the answer may be wrong: %s", strings.Join(warnings, "; ")))
	}
	figure, at, err := single(answer)
	if err != nil {
		return 0, g.failed(what, err)
	}
	if math.IsNaN(figure) {
		return 0, g.failed(what, fmt.Errorf("%w: the answer is NaN, which is no figure; is zero divided by zero?", rollout.ErrNoData))
	}
	if math.IsInf(figure, 0) {
		return 0, g.failed(what, fmt.Errorf("the answer is %v, which is no figure; is something divided by zero?", figure))
	}
	if off := time.Since(at).Abs(); off > g.maxAge {
		return 0, g.failed(what, fmt.Errorf("the answer is of %s, which is %v from now; at most %v are accepted",
			at.UTC().Format(time.RFC3339), off.Round(time.Second), g.maxAge))
	}
	return figure, nil
}

// single takes the one figure out of an answer.
func single(answer model.Value) (figure float64, at time.Time, err error) {
	switch v := answer.(type) {
	case *model.Scalar:
		return float64(v.Value), v.Timestamp.Time(), nil
	case model.Vector:
		switch {
		case len(v) == 0:
			return 0, at, fmt.Errorf(`%w: the answer is empty: no series has data; where that means zero, let the query end in "or vector(0)"`, rollout.ErrNoData)
		case len(v) > 1:
			return 0, at, fmt.Errorf("the answer has %d series where one is expected; take the sum, or choose by labels", len(v))
		case v[0].Histogram != nil:
			return 0, at, errors.New("the answer is a histogram where a figure is expected; take a quantile, for example")
		}
		return float64(v[0].Value), v[0].Timestamp.Time(), nil
	case nil:
		return 0, at, errors.New("the answer holds no result")
	default:
		return 0, at, fmt.Errorf("the answer is a %s where a scalar or a vector is expected", answer.Type())
	}
}

// failed is an error of a query, in one line.
func (g *gate) failed(what string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // that one's text holds the whole address
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "?"))
	if runes := []rune(text); len(runes) > maxError {
		text = string(runes[:maxError]) + "..."
	}
	return &queryError{text: fmt.Sprintf("ask %s for %s: %s", g.shown, what, text), err: err}
}

// queryError is an error with another text.
type queryError struct {
	text string
	err  error
}

func (e *queryError) Error() string { return e.text }
func (e *queryError) Unwrap() error { return e.err }
