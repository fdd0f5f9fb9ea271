// Package transport sends the calls of the library over HTTP: it retries what may be retried, signs every attempt afresh,
// keeps to the caller's deadline and never loses the last answer. It knows no protocol: the call
// brings functions that sign an attempt and classify an answer.
package transport

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/internal/polling"
)

// defaultMaxAnswerBytes limits an answer when Options.MaxAnswerBytes is 0: 16 MiB.
const defaultMaxAnswerBytes = 16 << 20

// Options are the settings of a Transport. The zero value sends each call once, without a limit of time.
type Options struct {
	// HTTPClient is copied, never changed. Its redirect policy is not used, because a redirect is an answer; its Timeout
	// limits one attempt, as AttemptTimeout does. Nil: a client of its own that respects the proxy settings of the
	// environment.
	HTTPClient *http.Client
	// UserAgent is the User-Agent header; empty: that of net/http.
	UserAgent string
	// Attempts is the most often that one call is sent; less than 1 means 1.
	Attempts int
	// MinWait and MaxWait are the bounds of the back-off between two attempts. A Retry-After is honored up to MaxWait, and
	// spread over a further MinWait so that callers do not come back all at once. A MinWait below a millisecond means a
	// millisecond, a MaxWait below MinWait means MinWait.
	MinWait, MaxWait time.Duration
	// AttemptTimeout limits one attempt, from sending it until its answer is read. 0: only the context
	// limits it.
	AttemptTimeout time.Duration
	// Limiter is waited for before every attempt; the wait counts against the context's deadline. Nil: no limit.
	Limiter *rate.Limiter
	// MaxAnswerBytes is the largest body of an answer that is read; 0 means defaultMaxAnswerBytes.
	MaxAnswerBytes int64
	// Logger gets a debug line per attempt and a warning per retry. Nil: nothing is logged.
	Logger *slog.Logger
	// Observe is called once per attempt, after it, in the goroutine of the call. Nil: it is not called.
	Observe func(context.Context, Attempt)
	// Wrap are applied to the HTTP client's transport, the last one outermost. What they make sends each attempt, with the
	// context of the call.
	Wrap []func(http.RoundTripper) http.RoundTripper
}

// Transport sends calls. It is safe for concurrent use; a client makes one and keeps it.
type Transport struct {
	options Options
	// client is copied for each call: its Transport becomes the execution of the call.
	client http.Client
	pool   http.RoundTripper
	random func() float64
}

// New makes a Transport. It does no I/O and starts nothing.
func New(o Options) *Transport {
	o.MinWait = max(o.MinWait, time.Millisecond)
	o.MaxWait = max(o.MaxWait, o.MinWait)
	if o.MaxAnswerBytes <= 0 {
		o.MaxAnswerBytes = defaultMaxAnswerBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Transport{client: ownClient(o.HTTPClient), random: polling.Jitter}
	o.AttemptTimeout = shorter(o.AttemptTimeout, t.client.Timeout)
	t.client.Timeout = 0
	t.options, t.pool = o, t.client.Transport
	for _, wrap := range o.Wrap {
		t.pool = wrap(t.pool)
	}
	return t
}

// Do sends the call until an answer is final, the attempts are used up, or the context ends, and returns the answer that
// was classified as a success. Any other end is a *Failure.
func (t *Transport) Do(ctx context.Context, c *Call) (*Answer, error) {
	e, err := t.begin(ctx, c)
	if err != nil {
		return nil, &Failure{Operation: c.Operation, Err: err}
	}
	e.send(ctx)
	return e.result()
}

// ownClient copies the caller's client and makes it return redirects as answers. Without one it clones the standard transport, and
// lets it keep as many idle connections to one host as in total, because all calls go to one host.
func ownClient(given *http.Client) http.Client {
	var c http.Client
	if given != nil {
		c = *given
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.Transport != nil {
		return c
	}
	c.Transport = http.DefaultTransport
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && given == nil {
		own := standard.Clone()
		own.MaxIdleConnsPerHost = own.MaxIdleConns
		c.Transport = own
	}
	return c
}

// shorter gives the shorter of two limits, where 0 or less means none.
func shorter(a, b time.Duration) time.Duration {
	if a <= 0 || b <= 0 {
		return max(a, b, 0)
	}
	return min(a, b)
}
