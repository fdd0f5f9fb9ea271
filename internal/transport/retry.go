package transport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// execution is one call in progress. go-retryablehttp runs the loop of attempts and waits; its hooks make the decisions:
//
//	prepare     before every attempt: fresh headers, signature and body (PrepareRetry is not called for the first)
//	RoundTrip   the attempt itself
//	checkRetry  after every attempt: reads and classifies the answer, decides whether and when to try again
//	chosenWait  returns the wait that checkRetry decided on
//
// What go-retryablehttp returns is not used: after a canceled wait it is the bare context error, and the last answer is
// lost. The execution keeps both.
type execution struct {
	*Transport
	call    *Call
	http    http.Client
	loop    retryablehttp.Client
	request retryablehttp.Request

	// maxAttempts is the most often that the call is sent.
	maxAttempts int
	attempt     int
	sent        time.Time
	// headers are those of the attempt, as it was sent.
	headers   http.Header
	roundTrip *roundTrip
	wait      time.Duration
	waiting   bool

	succeeded  bool
	unknown    bool
	retry      bool
	answer     *Answer
	retryAfter time.Duration
	err        error
	stopped    error
}

// begin sets up the execution of a call. It fails for an address that can never be sent to.
func (t *Transport) begin(ctx context.Context, c *Call) (*execution, error) {
	req, err := http.NewRequestWithContext(ctx, c.Method, c.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("the call's method or address is not valid: %w", withoutURL(err))
	}
	if u := req.URL; (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the call's address %q needs http:// or https:// and a host", shown(u))
	}
	e := &execution{Transport: t, call: c, http: t.client}
	e.http.Transport = e
	e.request.Request = req
	e.loop.HTTPClient = &e.http
	e.maxAttempts = max(t.options.Attempts, 1)
	if c.Attempts > 0 {
		e.maxAttempts = min(e.maxAttempts, c.Attempts)
	}
	e.loop.RetryMax = e.maxAttempts - 1
	e.loop.CheckRetry = e.checkRetry
	e.loop.Backoff = chosenWait
	e.loop.PrepareRetry = e.prepare
	e.loop.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return e, nil
}

// send makes all attempts. Their result is in the execution.
func (e *execution) send(ctx context.Context) {
	if e.prepare(e.request.Request) != nil {
		return
	}
	_, _ = e.loop.Do(&e.request) // checkRetry has read and closed every body
	if e.waiting {
		e.stop(fmt.Errorf("wait %s for the next attempt: %w", e.wait, contextError(ctx)))
	}
}

// result is the answer of the call, or its failure.
func (e *execution) result() (*Answer, error) {
	if e.succeeded {
		return e.answer, nil
	}
	return nil, &Failure{
		Operation:      e.call.Operation,
		Err:            e.err,
		Stopped:        e.stopped,
		Answer:         e.answer,
		Attempts:       e.attempt,
		OutcomeUnknown: e.unknown,
		Retry:          e.retry,
		RetryAfter:     e.retryAfter,
	}
}

// stop ends the call for a reason that is no failure of an attempt. An earlier failure stays the one to report.
func (e *execution) stop(reason error) {
	if e.err == nil {
		e.err = reason
		return
	}
	e.stopped = reason
}

// checkRetry ends an attempt and decides whether another one follows.
func (e *execution) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	c, status := e.finishAttempt(ctx, resp, err)
	e.waiting = e.tryAgain(ctx, c)
	e.loop.RetryWaitMin = e.wait
	e.report(ctx, c, status, e.waiting)
	return e.waiting, nil
}

// chosenWait returns the wait that checkRetry has put where go-retryablehttp keeps its shortest one.
func chosenWait(set, _ time.Duration, _ int, _ *http.Response) time.Duration { return set }

// finishAttempt classifies whatever an attempt resulted in, and gives its HTTP status, 0 without an answer.
func (e *execution) finishAttempt(ctx context.Context, resp *http.Response, err error) (Classification, int) {
	defer e.roundTrip.cancel()
	if err != nil {
		return e.unanswered(ctx, err), 0
	}
	body, err := readBody(resp, e.options.MaxAnswerBytes)
	if err != nil {
		return e.unread(ctx, resp.StatusCode, err), resp.StatusCode
	}
	e.answer = &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Attempt: e.attempt, sent: e.headers}
	return e.classify(), resp.StatusCode
}

// classify adds to the call's own classification what HTTP itself says: how long to wait.
func (e *execution) classify() Classification {
	c := e.call.Classify(e.answer)
	if c.RetryAfter <= 0 {
		c.RetryAfter = retryAfter(e.answer.Header, time.Now())
	}
	e.retryAfter = c.RetryAfter
	return c
}

// unanswered classifies an attempt that got no answer.
func (e *execution) unanswered(ctx context.Context, err error) Classification {
	c := Classification{Retry: !permanent(err)}
	missing := "complete answer"
	if e.roundTrip.neverSent(err) {
		c.NoEffect, missing = true, "connection"
	}
	c.Err = e.broken(ctx, missing, withoutURL(err))
	return c
}

// unread classifies an answer whose body could not be read to its end.
func (e *execution) unread(ctx context.Context, status int, err error) Classification {
	_, tooLarge := errors.AsType[tooLargeError](err)
	err = fmt.Errorf("HTTP %d: %w", status, err)
	return Classification{Err: e.broken(ctx, "complete answer", err), Retry: !tooLarge}
}

// broken describes an exchange that broke off: its address, and the cause: the context, the attempt's limit of time, or else
// the network.
func (e *execution) broken(ctx context.Context, missing string, err error) error {
	switch {
	case ctx.Err() != nil:
		err = contextError(ctx)
	case e.roundTrip.timedOut():
		err = fmt.Errorf("no %s within %s: %w", missing, e.options.AttemptTimeout, os.ErrDeadlineExceeded)
	}
	u := e.request.URL
	return withoutQuery(fmt.Errorf("%s %s: %w", e.call.Method, shown(u), err), u.RawQuery)
}

// tryAgain records a classification and says whether another attempt follows, after e.wait.
func (e *execution) tryAgain(ctx context.Context, c Classification) bool {
	e.unknown = e.unknown || !c.NoEffect
	if e.succeeded = c.Err == nil; e.succeeded {
		return false
	}
	if err := ctx.Err(); err != nil && errors.Is(c.Err, err) {
		e.stop(c.Err)
		return false
	}
	e.err, e.retry = c.Err, c.Retry
	harmless := e.call.Repeatable || c.NoEffect
	return c.Retry && harmless && e.attempt < e.maxAttempts && e.inTime(ctx, c.RetryAfter)
}

// inTime chooses the wait for the next attempt. A wait that would pass the context's deadline is not begun: it could only
// end in a context error, later.
func (e *execution) inTime(ctx context.Context, asked time.Duration) bool {
	e.wait = e.pause(e.attempt, asked)
	deadline, limited := ctx.Deadline()
	left := time.Until(deadline)
	if !limited || e.wait < left {
		return true
	}
	e.stop(fmt.Errorf("a retry in %s would come too late, %s before the deadline: %w", e.wait, left, context.DeadlineExceeded))
	return false
}

// retryAfter reads the wait that an answer's Retry-After header asks for, in either of its forms (RFC 9110, section
// 10.2.3: seconds, or an HTTP date compared with now). It is never negative; 0 means that no wait is asked for, be it that
// the header is absent, unreadable or in the past. A number too large for a Duration gives the largest Duration.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(math.MaxInt64/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(date.Sub(now), 0)
}

// pause is the wait after the attempt of that number (from 1). The wait that the peer asked for counts, up to MaxWait and spread
// over a further MinWait; otherwise the wait is random between a value that doubles with each attempt, starting at
// MinWait, and twice that value, never above MaxWait.
func (t *Transport) pause(attempt int, asked time.Duration) time.Duration {
	low, high := t.options.MinWait, t.options.MaxWait
	if asked > 0 {
		return min(asked, high) + t.jitter(low)
	}
	for n := 1; n < attempt && low < high/2; n++ {
		low *= 2
	}
	low = min(low, max(high/2, t.options.MinWait))
	return low + t.jitter(min(2*low, high)-low)
}

// jitter is a random part of a span.
func (t *Transport) jitter(span time.Duration) time.Duration {
	return time.Duration(t.random() * float64(span))
}

// contextError gives the context's error, and its cause if there is another one.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
