package transport

import (
	"context"
	"log/slog"
	"time"
)

// Attempt describes one attempt of a call after it ended.
type Attempt struct {
	// Operation and RequestID are those of the Call.
	Operation, RequestID string
	// Number counts from 1.
	Number int
	// Duration runs from handing the attempt to the network until its answer was read and judged; 0 when it ended before
	// (the context, the rate limiter, signing or opening the body stopped it).
	Duration time.Duration
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// ResultCode, ResultStatus and TraceID are those of the Verdict.
	ResultCode, ResultStatus, TraceID string
	// RetryIn is the wait that follows; 0 when no attempt follows.
	RetryIn time.Duration
	// Err is nil for a success. It holds no header value, no query and no body.
	Err error
}

// report tells the observer and the log about an attempt that ended.
func (r *run) report(ctx context.Context, v Verdict, status int, again bool) {
	e := Attempt{
		Operation:    r.call.Operation,
		RequestID:    r.call.RequestID,
		Number:       r.attempt,
		HTTPStatus:   status,
		ResultCode:   v.ResultCode,
		ResultStatus: v.ResultStatus,
		TraceID:      v.TraceID,
		Err:          v.Err,
	}
	if !r.sent.IsZero() {
		e.Duration = time.Since(r.sent)
	}
	if again {
		e.RetryIn = r.wait
	}
	if r.options.Observe != nil {
		r.options.Observe(ctx, e)
	}
	r.log(ctx, e, again)
}

// log writes the lines of one attempt. The error stays out: its words are the Judge's and the network's.
func (r *run) log(ctx context.Context, e Attempt, again bool) {
	logger := r.options.Logger
	if !logger.Enabled(ctx, slog.LevelDebug) && (!again || !logger.Enabled(ctx, slog.LevelWarn)) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", e.Operation),
		slog.Int("attempt", e.Number),
		slog.Int("status", e.HTTPStatus),
		slog.Duration("duration", e.Duration),
		slog.String("request_id", e.RequestID),
		slog.String("trace_id", e.TraceID),
		slog.Duration("retry_in", e.RetryIn),
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "attempt", attrs...)
	if again {
		logger.LogAttrs(ctx, slog.LevelWarn, "retry", attrs...)
	}
}
