package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// HTTPGate asks an HTTP address for a JSON document and compares one field of it
// to a bound.
type HTTPGate struct {
	// URL is asked with GET. It must answer 200 itself: redirects are not followed.
	// A spec holds no secrets, so there is no user in it.
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
}

// maxGateAnswer is the most that is read of an answer, in bytes.
const maxGateAnswer = 1 << 20

func (g *HTTPGate) check(path string, add report) {
	g.Bound.check(path, add)
	g.checkSamples(path, g.Samples, add)
	if u, err := url.Parse(g.URL); err == nil && u.User != nil {
		add(path+".url", "must hold no user and password; name a variable in headersFrom")
	}
	if _, err := parseFieldPath(g.Field); err != nil && g.Field != "" {
		add(path+".field", "%v", err)
	}
	if _, err := parseFieldPath(g.Samples); err != nil && g.Samples != "" {
		add(path+".samples", "%v", err)
	}
	for _, header := range sortedKeys(g.HeadersFrom) {
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
// the answer.
func (g *HTTPGate) Gate() Gate {
	spec := *g
	spec.HeadersFrom = maps.Clone(g.HeadersFrom)
	asking := transport.New(transport.Options{
		HTTPClient: closingClient(), UserAgent: "alipayplus-go", Attempts: 1, MaxAnswerBytes: maxGateAnswer,
	})
	return func(ctx context.Context, _ Step) (Verdict, error) {
		document, err := spec.fetch(ctx, asking)
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
func (g *HTTPGate) fetch(ctx context.Context, asking *transport.Transport) (any, error) {
	headers, err := g.headers()
	if err != nil {
		return nil, err
	}
	answer, err := asking.Do(ctx, &transport.Call{
		Operation: "gate", Method: http.MethodGet, URL: g.URL,
		Sign: func(_ context.Context, h http.Header) error {
			maps.Copy(h, headers)
			return nil
		},
		Judge: func(a *transport.Answer) transport.Verdict {
			return transport.Verdict{Err: g.status(a), Outcome: transport.Final}
		},
	})
	if failure, ok := errors.AsType[*transport.Failure](err); ok {
		return nil, failure.Err
	}
	if err != nil {
		return nil, err
	}
	document, err := decodeAnswer(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: the answer is not JSON (%d bytes of %q): %w", g.shown(), len(answer.Body), answer.Header.Get("Content-Type"), err)
	}
	return document, nil
}

// headers reads the environment.
func (g *HTTPGate) headers() (http.Header, error) {
	headers := http.Header{"Accept": {"application/json"}}
	for _, header := range sortedKeys(g.HeadersFrom) {
		variable := g.HeadersFrom[header]
		value := os.Getenv(variable)
		switch {
		case value == "":
			return nil, fmt.Errorf("the environment variable %s, for the header %s, is not set", variable, header)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return nil, fmt.Errorf("the environment variable %s, for the header %s, holds a line break or another control character", variable, header)
		}
		headers.Set(header, value)
	}
	return headers, nil
}

// status is the error of an answer other than 200.
func (g *HTTPGate) status(a *transport.Answer) error {
	switch {
	case a.Status == http.StatusOK:
		return nil
	case a.Status >= 300 && a.Status < 400:
		return fmt.Errorf("GET %s: HTTP %d: a gate follows no redirects; give the final address", g.shown(), a.Status)
	default:
		return fmt.Errorf("GET %s: HTTP %d where 200 is expected", g.shown(), a.Status)
	}
}

// shown is the address without user and query.
func (g *HTTPGate) shown() string {
	u, err := url.Parse(g.URL)
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
	if counted {
		samples, err := figureAt(g.Samples, document)
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
	figure, err := figureAt(g.Field, document)
	if err != nil {
		return Verdict{}, err
	}
	return g.Evaluate(g.Field, figure)
}

func figureAt(field string, document any) (float64, error) {
	path, err := parseFieldPath(field)
	if err != nil {
		return 0, fmt.Errorf("%s %w", field, err)
	}
	return path.figure(document)
}

// fieldPath says where a figure stands in a JSON document: data.result[0].value[1].
// The name of a field that holds a dot or a bracket is quoted: data["http.errors"].
type fieldPath []fieldStep

// fieldStep leads one level down: into the field of an object, or into the entry of a
// list.
type fieldStep struct {
	name string
	list bool
	at   int
}

// parseFieldPath reads a path.
func parseFieldPath(text string) (fieldPath, error) {
	var path fieldPath
	rest := text
	for first := true; rest != "" || first; first = false {
		step, after, err := parseFieldStep(rest, first)
		if err != nil {
			return nil, fmt.Errorf(`is not the path of a field, such as data.result[0].value: %w`, err)
		}
		path, rest = append(path, step), after
	}
	return path, nil
}

// parseFieldStep reads the first step of what is left of a path.
func parseFieldStep(text string, first bool) (step fieldStep, rest string, err error) {
	if strings.HasPrefix(text, "[") {
		return parseBracket(text)
	}
	if !first {
		var dotted bool
		if text, dotted = strings.CutPrefix(text, "."); !dotted {
			return step, "", fmt.Errorf("a dot or a bracket must follow before %q", text)
		}
	}
	end := strings.IndexAny(text, `.[]"`)
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return step, "", errors.New("a name is missing")
	}
	if rest = text[end:]; rest != "" && rest[0] != '.' && rest[0] != '[' {
		return step, "", fmt.Errorf("a name with %q must be quoted", rest[:1])
	}
	return fieldStep{name: text[:end]}, rest, nil
}

// parseBracket reads [0] or ["name"].
func parseBracket(text string) (step fieldStep, rest string, err error) {
	inner := text[1:]
	if strings.HasPrefix(inner, `"`) {
		quoted, err := strconv.QuotedPrefix(inner)
		if err != nil {
			return step, "", errors.New("a quoted name has no end")
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return step, "", errors.New("a quoted name cannot be read")
		}
		step, inner = fieldStep{name: name}, inner[len(quoted):]
	} else {
		digits := inner[:len(inner)-len(strings.TrimLeft(inner, "0123456789"))]
		const most = 9 // far above the entries of any answer
		at, err := strconv.Atoi(digits)
		if err != nil || len(digits) > most {
			return step, "", errors.New("a bracket must hold the number of an entry, from 0, or a quoted name")
		}
		step, inner = fieldStep{list: true, at: at}, inner[len(digits):]
	}
	rest, closed := strings.CutPrefix(inner, "]")
	if !closed {
		return step, "", errors.New("a bracket is not closed")
	}
	return step, rest, nil
}

// String writes the path so that parseFieldPath reads it.
func (p fieldPath) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.list:
			fmt.Fprintf(&b, "[%d]", step.at)
		case step.name == "" || strings.ContainsAny(step.name, `.[]"`):
			fmt.Fprintf(&b, "[%q]", step.name)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step.name)
		}
	}
	return b.String()
}

// decodeAnswer reads one JSON document and nothing else. Numbers stay as they were
// written.
func decodeAnswer(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return document, nil
}

// figure finds the number that stands at the path. Whatever else stands there, or
// nothing, is an error.
func (p fieldPath) figure(document any) (float64, error) {
	at := document
	for i, step := range p {
		var err error
		if at, err = step.descend(at); err != nil {
			return 0, fmt.Errorf("the answer has no %s: %s %w", p, p[:i].orDocument(), err)
		}
	}
	figure, err := number(at)
	if err != nil {
		return 0, fmt.Errorf("%s %w", p, err)
	}
	return figure, nil
}

// orDocument names the place of a path, which is the whole document for an empty one.
func (p fieldPath) orDocument() string {
	if len(p) == 0 {
		return "the whole"
	}
	return p.String()
}

func (s fieldStep) descend(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		if s.list {
			return nil, errors.New("is an object, not a list")
		}
		if inner, ok := v[s.name]; ok {
			return inner, nil
		}
		return nil, fmt.Errorf("has no field %q", s.name)
	case []any:
		if !s.list {
			return nil, errors.New("is a list, not an object")
		}
		if s.at < len(v) {
			return v[s.at], nil
		}
		return nil, fmt.Errorf("has %d entries", len(v))
	default:
		return nil, fmt.Errorf("is %s", kindOf(value))
	}
}

// number reads a number, or a text that is one, as Prometheus writes figures. Errors do not
// repeat any other text, which is not ours.
func number(value any) (float64, error) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, fmt.Errorf("is %s, not a number", kindOf(value))
	}
	if text == "" || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, errors.New(`is a text that is not a number; "NaN" and "Inf" are none`)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, errors.New("cannot be read as a number of 64 bits")
	}
	return x, nil
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a truth value"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
