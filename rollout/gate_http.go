package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// HTTPGate asks an HTTP address for a JSON document and compares one field of it
// to a bound.
type HTTPGate struct {
	// URL is read with GET. It must answer 200 itself: redirects are not followed.
	// A spec holds no secrets, so there is no user in it. Its path and its query may name
	// what is known of the step: "?version=${ROLLOUT_VERSION}"; see [Step.Expand].
	URL string `json:"url" yaml:"url" validate:"required,http_url"`
	// Field is the path of the figure in the answer: "data.errorRate",
	// "results[0].value", `data["http.errors"]`. It must be there and be a number, or
	// a text that is one.
	Field string `json:"field" yaml:"field" validate:"required,max=1000"`
	// Samples is the path of the number of samples; empty: none.
	Samples string `json:"samples,omitempty" yaml:"samples,omitempty" validate:"max=1000"`
	// Bound is what the figure is compared to.
	Bound `yaml:",inline"`
	// HeadersFrom gives headers whose values stand in environment variables, such
	// as "Authorization": "METRICS_AUTH". A spec holds no secrets.
	HeadersFrom map[string]string `json:"headersFrom,omitempty" yaml:"headersFrom,omitempty" validate:"max=20"`
	// Ignore names fields of the answer that would make it incomplete and do not in this one: a
	// list of which Field takes one of several entries, "results", because their order is
	// fixed; "errors" that are no messages.
	Ignore []string `json:"ignore,omitempty" yaml:"ignore,omitempty" validate:"max=20,dive,required,max=200"`
}

// maxGateAnswer is the most that is read of an answer, in bytes.
const maxGateAnswer = 1 << 20

func (g *HTTPGate) check(path string, add report) {
	g.Bound.check(path, add)
	g.checkSamples(path, g.Samples, add)
	if u, err := url.Parse(g.URL); err == nil && u.User != nil {
		add(path+".url", "must hold no user and password; name a variable in headersFrom")
	}
	checkVariables(path+".url", g.URL, add)
	if _, err := parseFieldPath(g.Field); err != nil && g.Field != "" {
		add(path+".field", "%v", err)
	}
	if _, err := parseFieldPath(g.Samples); err != nil && g.Samples != "" {
		add(path+".samples", "%v", err)
	}
	for _, header := range slices.Sorted(maps.Keys(g.HeadersFrom)) {
		at := fmt.Sprintf("%s.headersFrom[%s]", path, header)
		switch {
		case !isHeaderName(header):
			add(at, "must be the name of a header")
		case http.CanonicalHeaderKey(header) == "Host":
			add(at, "must not be Host, which is that of the url")
		case g.HeadersFrom[header] == "":
			add(at, "must name an environment variable")
		}
	}
}

// isHeaderName says whether the name is a token by RFC 9110, section 5.6.2.
func isHeaderName(name string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, token) == ""
}

// Gate makes the gate. It keeps no connection open between two evaluations, sends one
// request for each (the runner repeats it), and reads environment variables each time. An
// answer other than 200, larger than 1 MiB, that is not JSON, or without the figure is an
// error, which shows the address without its query, and neither the value of a header nor
// the answer. So is an answer that is ambiguous or says itself that it is incomplete:
//
//   - a name on the path of the figure is there twice;
//   - the path takes one of several entries of a list;
//   - an object around the figure, such as the whole, has isPartial, is_partial, is_running,
//     partial, timed_out or terminated_early set, _shards with failed, _clusters with failed,
//     partial or skipped, a status of "error" or "partial", or messages in warnings, errors,
//     error or executionErrors, which figures are not;
//   - the headers Age, Warning or M3-Results-Limited say that it is older than a minute (in a
//     rollout: than [GateSpec].Every), stale, or cut.
func (g *HTTPGate) Gate() Gate { return g.gate(defaultGateEvery.Std()) }

// gate makes the gate that accepts answers which a cache has kept for at most that time.
func (g *HTTPGate) gate(maxAge time.Duration) Gate {
	spec := *g
	spec.HeadersFrom, spec.Ignore = maps.Clone(g.HeadersFrom), slices.Clone(g.Ignore)
	client := transport.New(transport.Options{
		HTTPClient: closingClient(), UserAgent: "alipayplus-go", Attempts: 1, MaxAnswerBytes: maxGateAnswer,
	})
	return func(ctx context.Context, step Step) (Verdict, error) {
		address, err := step.expandURL(spec.URL)
		if err != nil {
			return Verdict{}, fmt.Errorf("the url: %w", err)
		}
		document, err := spec.fetch(ctx, client, address, maxAge)
		if err != nil {
			return Verdict{}, err
		}
		return spec.evaluate(document)
	}
}

// closingClient makes an HTTP client for rare requests, which keeps no connection and no
// goroutine between two of them.
func closingClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DisableKeepAlives:   true,
		TLSHandshakeTimeout: 10 * time.Second,
	}}
}

// fetch gets the document.
func (g *HTTPGate) fetch(ctx context.Context, client *transport.Transport, address string, maxAge time.Duration) (any, error) {
	headers, err := g.headers()
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(ctx, &transport.Call{
		Operation: "gate", Method: http.MethodGet, URL: address,
		Sign: func(_ context.Context, h http.Header) error {
			maps.Copy(h, headers)
			return nil
		},
		Classify: func(a *transport.Answer) transport.Classification {
			return transport.Classification{Err: statusError(address, a), NoEffect: true}
		},
	})
	if failure, ok := errors.AsType[*transport.Failure](err); ok {
		return nil, failure.Err
	}
	if err != nil {
		return nil, err
	}
	if err := fresh(answer.Header, maxAge); err != nil {
		return nil, fmt.Errorf("GET %s: %w", shownAddress(address), err)
	}
	document, err := decodeAnswer(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: the answer is not JSON (%d bytes of %q): %w", shownAddress(address), len(answer.Body), answer.Header.Get("Content-Type"), err)
	}
	return document, nil
}

// headers reads the environment.
func (g *HTTPGate) headers() (http.Header, error) {
	headers := http.Header{"Accept": {"application/json"}}
	for _, header := range slices.Sorted(maps.Keys(g.HeadersFrom)) {
		value, err := secretFrom(g.HeadersFrom[header], "the header "+header, "a line break or another control character",
			func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if err != nil {
			return nil, err
		}
		headers.Set(header, value)
	}
	return headers, nil
}

// preflight returns what can be found wrong without asking.
func (g *HTTPGate) preflight() error {
	_, err := g.headers()
	return err
}

// statusError is the error of an answer other than 200.
func statusError(address string, a *transport.Answer) error {
	switch {
	case a.Status == http.StatusOK:
		return nil
	case a.Status >= 300 && a.Status < 400:
		return fmt.Errorf("GET %s: HTTP %d: a gate follows no redirects; give the final address", shownAddress(address), a.Status)
	default:
		return fmt.Errorf("GET %s: HTTP %d where 200 is expected", shownAddress(address), a.Status)
	}
}

// shownAddress is an address without user and query.
func shownAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// evaluate compares the figure, which may be missing while there are too few samples.
func (g *HTTPGate) evaluate(document any) (Verdict, error) {
	counted, err := g.CountsSamples(g.Samples)
	if err != nil {
		return Verdict{}, err
	}
	field, err := pathOf(g.Field)
	if err != nil {
		return Verdict{}, err
	}
	paths := []fieldPath{field}
	if counted {
		samples, err := pathOf(g.Samples)
		if err != nil {
			return Verdict{}, err
		}
		paths = append(paths, samples)
	}
	if err := complete(document, g.Ignore, paths...); err != nil {
		return Verdict{}, err
	}
	if counted {
		samples, err := paths[1].figure(document)
		if err != nil {
			return Verdict{}, err
		}
		wait, err := g.EvaluateSamples(samples)
		if err != nil {
			return Verdict{}, err
		}
		if wait != nil {
			return *wait, nil
		}
	}
	figure, err := field.figure(document)
	if err != nil {
		return Verdict{}, err
	}
	return g.Evaluate(g.Field, figure)
}

// pathOf reads a path that was not checked when it was given in Go.
func pathOf(text string) (fieldPath, error) {
	path, err := parseFieldPath(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", text, err)
	}
	return path, nil
}
