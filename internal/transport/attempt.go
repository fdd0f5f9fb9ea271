package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Attempt describes one attempt of a call after it ended.
type Attempt struct {
	// Operation and RequestID are those of the Call.
	Operation, RequestID string
	// Number counts from 1.
	Number int
	// Duration runs from sending the attempt until its answer was read and classified; 0 when it ended before
	// (the context, the rate limiter, signing or opening the body stopped it).
	Duration time.Duration
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// ResultCode, ResultStatus and TraceID are those of the Classification.
	ResultCode, ResultStatus, TraceID string
	// Detail is that of the Classification.
	Detail any
	// RetryIn is the wait that follows; 0 when no attempt follows.
	RetryIn time.Duration
	// Err is nil for a success. It holds no header value, no query and no body.
	Err error
}

// prepare makes the next attempt ready to be sent.
func (e *execution) prepare(req *http.Request) error {
	e.attempt++
	e.waiting = false
	e.sent = time.Time{}
	if err := e.ready(req); err != nil {
		e.stop(err)
		e.report(req.Context(), Classification{Err: err}, 0, false)
		return err
	}
	e.sent = time.Now()
	e.roundTrip = newRoundTrip(req.Context(), e.options.AttemptTimeout)
	return nil
}

// ready waits for the rate limiter, signs the attempt and opens its body; the body comes last, so that nothing is left open.
func (e *execution) ready(req *http.Request) error {
	ctx := req.Context()
	if err := e.waitForLimiter(ctx); err != nil {
		return err
	}
	req.Header = e.header()
	if e.call.Sign != nil {
		if err := e.call.Sign(ctx, req.Header); err != nil {
			return fmt.Errorf("sign the request: %w", err)
		}
	}
	if err := checkHeader(req.Header); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if err := e.body(req); err != nil {
		return fmt.Errorf("open the request's body: %w", err)
	}
	return nil
}

// waitForLimiter waits until the rate limiter lets the attempt through. A wait beyond the deadline is not begun.
func (e *execution) waitForLimiter(ctx context.Context) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	limiter := e.options.Limiter
	if limiter == nil {
		return nil
	}
	err := limiter.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the rate limiter: %w", contextError(ctx))
	case limiter.Burst() < 1:
		return fmt.Errorf("wait for the rate limiter: its burst must be at least 1: %w", err)
	}
	return fmt.Errorf("the rate limiter's next turn would come too late: %w", context.DeadlineExceeded)
}

// header makes the headers of one attempt. net/http may still read those of the attempt before, so they are never shared. Accept-Encoding is set because net/http would otherwise decompress, and signatures cover the bytes sent.
func (e *execution) header() http.Header {
	h := http.Header{"Accept-Encoding": {"identity"}}
	if e.call.ContentType != "" {
		h.Set("Content-Type", e.call.ContentType)
	}
	if e.options.UserAgent != "" {
		h.Set("User-Agent", e.options.UserAgent)
	}
	return h
}

// body gives the attempt a body that starts at its beginning, and net/http the means to start again when a connection of
// the pool turns out to be closed before anything was written.
func (e *execution) body(req *http.Request) error {
	open, size := e.call.Open, e.call.Size
	if open == nil {
		size = int64(len(e.call.Body))
	}
	if size == 0 {
		return nil
	}
	if open == nil {
		open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(e.call.Body)), nil }
	}
	body, err := open()
	if err != nil {
		return err
	}
	req.Body, req.GetBody, req.ContentLength = body, open, size
	return nil
}

// RoundTrip sends one attempt. As a method of the execution it also hides the pool's CloseIdleConnections, which
// go-retryablehttp calls after each failed call.
func (e *execution) RoundTrip(req *http.Request) (*http.Response, error) {
	e.headers = req.Header
	resp, err := e.pool.RoundTrip(req.WithContext(e.roundTrip.ctx))
	if err != nil {
		return nil, err
	}
	if location := resp.Header.Get("Location"); location != "" {
		if _, err := req.URL.Parse(location); err != nil {
			resp.Header.Del("Location") // net/http would quote it in an error, and lose the answer
		}
	}
	return resp, nil
}

// roundTrip is one attempt on the network. Each attempt has its own, because net/http may use the trace of an attempt that
// is over, from a goroutine that still dials.
type roundTrip struct {
	ctx    context.Context
	cancel context.CancelFunc
	trace  httptrace.ClientTrace
	// requested says that the pool was asked for a connection; connected that it gave one, so that from here on bytes may
	// have been sent.
	requested, connected atomic.Bool
}

// newRoundTrip starts the time limit of an attempt; 0 is none. It must be cancelled once the answer was read.
func newRoundTrip(ctx context.Context, limit time.Duration) *roundTrip {
	rt := &roundTrip{}
	if limit > 0 {
		ctx, rt.cancel = context.WithTimeout(ctx, limit)
	} else {
		ctx, rt.cancel = context.WithCancel(ctx)
	}
	rt.trace.GetConn = func(string) { rt.requested.Store(true) }
	rt.trace.GotConn = func(httptrace.GotConnInfo) { rt.connected.Store(true) }
	rt.ctx = httptrace.WithClientTrace(ctx, &rt.trace)
	return rt
}

// timedOut says that the attempt's own limit of time ended it, if the caller's context did not.
func (rt *roundTrip) timedOut() bool { return rt.ctx.Err() != nil }

// neverSent says that an attempt that failed with err certainly sent nothing: there was no connection to send it on (no such
// host, refused, TLS handshake). A RoundTripper of the caller's that reports no connections is trusted with its dial errors.
func (rt *roundTrip) neverSent(err error) bool {
	return !rt.connected.Load() && (rt.requested.Load() || dialing(err))
}

func dialing(err error) bool {
	op, isOp := errors.AsType[*net.OpError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	return isDNS || isOp && op.Op == "dial"
}

// permanent says that another attempt would fail alike: the certificate is not valid for the address, or the server does not
// speak TLS.
func permanent(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || noTLS || errors.Is(err, http.ErrSchemeMismatch)
}

// tooLargeError is the limit that an answer exceeded, in bytes.
type tooLargeError int64

func (e tooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than the limit of %d bytes (MaxAnswerBytes)", int64(e))
}

// readBody reads an answer's body to its end and closes it. Reading all of it, whatever the status, is what lets the
// connection go back to the pool.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	body := resp.Body
	defer func() { _ = body.Close() }()
	resp.Body = http.NoBody // nothing is left for go-retryablehttp to drain
	if resp.ContentLength > limit {
		return nil, tooLargeError(limit)
	}
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case int64(len(content)) > limit:
		return nil, tooLargeError(limit)
	case err != nil:
		return nil, fmt.Errorf("the answer broke off after %d bytes: %w", len(content), err)
	}
	return content, nil
}

// report passes an attempt that ended to the observer and the log.
func (e *execution) report(ctx context.Context, c Classification, status int, again bool) {
	a := Attempt{
		Operation:    e.call.Operation,
		RequestID:    e.call.RequestID,
		Number:       e.attempt,
		HTTPStatus:   status,
		ResultCode:   c.ResultCode,
		ResultStatus: c.ResultStatus,
		TraceID:      c.TraceID,
		Detail:       c.Detail,
		Err:          c.Err,
	}
	if !e.sent.IsZero() {
		a.Duration = time.Since(e.sent)
	}
	if again {
		a.RetryIn = e.wait
	}
	if e.options.Observe != nil {
		e.options.Observe(ctx, a)
	}
	e.log(ctx, a, again)
}

// log writes the lines of one attempt. The error stays out: its text comes from Classify and the network.
func (e *execution) log(ctx context.Context, a Attempt, again bool) {
	logger := e.options.Logger
	if !logger.Enabled(ctx, slog.LevelDebug) && (!again || !logger.Enabled(ctx, slog.LevelWarn)) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", a.Operation),
		slog.Int("attempt", a.Number),
		slog.Int("status", a.HTTPStatus),
		slog.Duration("duration", a.Duration),
		slog.String("request_id", a.RequestID),
		slog.String("trace_id", a.TraceID),
		slog.Duration("retry_in", a.RetryIn),
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "attempt", attrs...)
	if again {
		logger.LogAttrs(ctx, slog.LevelWarn, "retry", attrs...)
	}
}
