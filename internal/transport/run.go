package transport

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// run is one call on its way. go-retryablehttp drives the loop; everything that it would decide or do in a way that does
// not suit us is decided here, in its hooks:
//
//	prepare     before every attempt: a fresh header map, signature and body (PrepareRetry is not called for the first)
//	RoundTrip   the attempt itself
//	checkRetry  after every attempt: reads the answer, has it judged, decides whether and when to go on
//	waitAsSet   hands over the wait that checkRetry decided on
//
// What go-retryablehttp returns is not used: it gives the bare context error after a canceled wait and loses the last
// answer. The run remembers.
type run struct {
	*Transport
	call    *Call
	http    http.Client
	retry   retryablehttp.Client
	request retryablehttp.Request
	// fixed backs the header values that are the same in every attempt.
	fixed [3]string

	attempt int
	sent    time.Time
	flight  *flight
	wait    time.Duration
	waiting bool

	succeeded bool
	unknown   bool
	passing   bool
	answer    *Answer
	asked     time.Duration
	err       error
	stopped   error
}

// begin sets up the run. It fails for an address that can never be sent to.
func (t *Transport) begin(ctx context.Context, c *Call) (*run, error) {
	req, err := http.NewRequestWithContext(ctx, c.Method, c.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("the call's method or address is not valid: %w", withoutURL(err))
	}
	if u := req.URL; (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the call's address %q needs http:// or https:// and a host", target(u))
	}
	r := &run{Transport: t, call: c, http: t.client, fixed: [3]string{c.ContentType, t.options.UserAgent, "identity"}}
	r.http.Transport = r
	r.request.Request = req
	r.retry.HTTPClient = &r.http
	r.retry.RetryMax = t.options.Attempts - 1
	r.retry.CheckRetry = r.checkRetry
	r.retry.Backoff = waitAsSet
	r.retry.PrepareRetry = r.prepare
	r.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return r, nil
}

// send runs all attempts. What came of them is in the run.
func (r *run) send(ctx context.Context) {
	if r.prepare(r.request.Request) != nil {
		return
	}
	_, _ = r.retry.Do(&r.request) // checkRetry has read and closed every body
	if r.waiting {
		r.stop(fmt.Errorf("wait %s for the next attempt: %w", r.wait, ended(ctx)))
	}
}

// end says what came of the call.
func (r *run) end() (*Answer, error) {
	if r.succeeded {
		return r.answer, nil
	}
	return nil, &Failure{
		Operation:      r.call.Operation,
		Err:            r.err,
		Stopped:        r.stopped,
		Answer:         r.answer,
		Attempts:       r.attempt,
		OutcomeUnknown: r.unknown,
		Retry:          r.passing,
		RetryAfter:     r.asked,
	}
}

// stop ends the call for a reason that is no failure of an attempt. A failure that was seen before stays the one to tell.
func (r *run) stop(reason error) {
	if r.err == nil {
		r.err = reason
		return
	}
	r.stopped = reason
}
