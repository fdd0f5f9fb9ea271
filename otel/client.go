package otel

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// The attributes of calls that are this project's own.
const (
	// apiKey is which API is called: alipayplus or alipaycn.
	apiKey = attribute.Key("alipayplus.api")
	// operationKey is the operation: releases.create.
	operationKey = attribute.Key("alipayplus.operation")
	// methodKey is the operation by AlipayCN's name.
	methodKey = attribute.Key("alipayplus.alipaycn.method")
	// requestIDKey is the idempotency key of a write, or AlipayCN's request id.
	requestIDKey = attribute.Key("alipayplus.request_id")
	// resultCodeKey is the result code of an answer.
	resultCodeKey = attribute.Key("alipayplus.result_code")
	// traceIDKey is what the platform or AlipayCN calls the attempt in its log.
	traceIDKey = attribute.Key("alipayplus.trace_id")
	// retryInKey is the wait before the next attempt, in seconds.
	retryInKey = attribute.Key("alipayplus.retry_in")
)

const (
	apiPlatform = "alipayplus"
	apiAlipayCN = "alipaycn"
)

// Client are the options of a client of the platform whose calls are to be seen. The trace
// context goes along, in headers that are not signed.
func (t *Telemetry) Client() []alipayplus.Option {
	return []alipayplus.Option{
		alipayplus.WithOperationObserver(func(ctx context.Context, o alipayplus.Operation) (context.Context, func(error)) {
			return t.begin(ctx, apiPlatform, o.Name, text(requestIDKey, o.RequestID)...)
		}),
		alipayplus.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper { return &sender{t, next, t.propagator} }),
		alipayplus.WithObserver(func(ctx context.Context, a alipayplus.Attempt) {
			t.attempted(ctx, attempt{apiPlatform, a.Operation, a.RequestID, a.ResultCode, a.TraceID, a.Number, a.HTTPStatus, a.Duration, a.RetryIn, a.Err})
		}),
	}
}

// AlipayCN are the options of a client of AlipayCN whose calls are to be seen. AlipayCN is
// sent nothing of the trace.
func (t *Telemetry) AlipayCN() []alipaycn.Option {
	return []alipaycn.Option{
		alipaycn.WithOperationObserver(func(ctx context.Context, o alipaycn.Operation) (context.Context, func(error)) {
			return t.begin(ctx, apiAlipayCN, o.Name, methodKey.String(o.API))
		}),
		alipaycn.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper { return &sender{t, next, nil} }),
		alipaycn.WithObserver(func(ctx context.Context, a alipaycn.Attempt) {
			t.attempted(ctx, attempt{apiAlipayCN, a.Operation, a.RequestID, codeOf(a.Code), a.TraceID, a.Number, a.HTTPStatus, a.Duration, a.RetryIn, a.Err})
		}),
	}
}

// call is an operation that has begun. It is in the context of its attempts, which come one
// after another.
type call struct {
	span trace.Span
	// attempt is the one that was sent last, until it has ended; nil then.
	attempt trace.Span
}

type callKey struct{}

func (t *Telemetry) begin(ctx context.Context, api, operation string, besides ...attribute.KeyValue) (context.Context, func(error)) {
	began := time.Now()
	of := []attribute.KeyValue{apiKey.String(api), operationKey.String(operation)}
	c := new(call)
	ctx, c.span = t.tracer.Start(ctx, api+" "+operation, trace.WithAttributes(append(besides, of...)...))
	ctx = context.WithValue(ctx, callKey{}, c)
	return ctx, func(err error) {
		defer c.span.End()
		if c.attempt != nil { // whoever wrapped the transport, or signs, panicked
			c.attempt.End()
		}
		t.instruments.outcomesUnknown.Add(ctx, oneIf(errors.Is(err, alipayplus.ErrOutcomeUnknown)), metric.WithAttributes(of...))
		if err != nil {
			why := semconv.ErrorTypeKey.String(operationError(err))
			of = append(of, why)
			c.span.SetAttributes(why)
			c.span.SetStatus(codes.Error, err.Error()) // errors of the library hold no secrets
		}
		t.instruments.operationDuration.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(of...))
	}
}

// sender sends attempts as spans.
type sender struct {
	t    *Telemetry
	next http.RoundTripper
	// propagator writes the trace context into the headers; nil: they are left alone.
	propagator propagation.TextMapPropagator
}

// RoundTrip implements [http.RoundTripper].
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	c, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		return s.next.RoundTrip(r)
	}
	ctx, span := s.t.tracer.Start(r.Context(), r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.HTTPRequestMethodKey.String(r.Method), semconv.ServerAddress(r.URL.Hostname()), semconv.ServerPort(port(r)),
		semconv.URLFull(r.URL.Scheme+"://"+r.URL.Host+r.URL.Path), // the query stays out: it may hold what is nobody's business
		semconv.URLTemplate(r.URL.Path),
	))
	c.attempt = span
	if s.propagator == nil {
		return s.next.RoundTrip(r.WithContext(ctx))
	}
	r = r.Clone(ctx)
	s.propagator.Inject(ctx, propagation.HeaderCarrier(r.Header))
	return s.next.RoundTrip(r)
}

func port(r *http.Request) int {
	if n, err := strconv.Atoi(r.URL.Port()); err == nil {
		return n
	}
	if r.URL.Scheme == "http" {
		return 80
	}
	return 443
}

// attempt is an attempt that has ended, as both libraries report it.
type attempt struct {
	api, operation, requestID, code, traceID string
	number, status                           int
	duration, retryIn                        time.Duration
	err                                      error
}

// attempted ends the span of an attempt.
func (t *Telemetry) attempted(ctx context.Context, a attempt) {
	of := []attribute.KeyValue{apiKey.String(a.api), operationKey.String(a.operation)}
	t.instruments.retries.Add(ctx, oneIf(a.retryIn > 0), metric.WithAttributes(of...))
	result := a.result()
	t.instruments.attemptDuration.Record(ctx, a.duration.Seconds(), metric.WithAttributes(append(of, result...)...))
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return
	}
	if c.attempt == nil {
		c.span.AddEvent("attempt not sent", trace.WithAttributes(result...))
		return
	}
	span := c.attempt
	c.attempt = nil
	defer span.End()
	span.SetAttributes(result...)
	span.SetAttributes(text(resultCodeKey, a.code)...)
	span.SetAttributes(text(traceIDKey, a.traceID)...)
	span.SetAttributes(text(requestIDKey, a.requestID)...)
	if a.number > 1 {
		span.SetAttributes(semconv.HTTPRequestResendCount(a.number - 1))
	}
	if a.retryIn > 0 {
		span.SetAttributes(retryInKey.Float64(a.retryIn.Seconds()))
	}
	if a.err != nil {
		span.SetStatus(codes.Error, "") // the text may be the network's
	}
}

// result is what came of the attempt, in few values.
func (a attempt) result() []attribute.KeyValue {
	var of []attribute.KeyValue
	if a.status != 0 {
		of = append(of, semconv.HTTPResponseStatusCode(a.status))
	}
	if a.err != nil {
		of = append(of, semconv.ErrorTypeKey.String(errorType(a.err, a.code, a.status)))
	}
	return of
}

// operationError is the type of what an operation came to.
func operationError(err error) string {
	if e, ok := errors.AsType[*alipayplus.Error](err); ok {
		return errorType(err, string(e.Code), e.HTTPStatus)
	}
	if e, ok := errors.AsType[*alipaycn.Error](err); ok {
		return errorType(err, codeOf(e.Code), e.HTTPStatus)
	}
	return errorType(err, "", 0)
}

// errorType is one of few: a result code, a status, or the kind of what went wrong.
func errorType(err error, code string, status int) string {
	_, signature := errors.AsType[*alipayplus.SignatureError](err)
	switch {
	case code != "":
		return code
	case signature:
		return "signature"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case status >= http.StatusBadRequest:
		return strconv.Itoa(status)
	default:
		return semconv.ErrorTypeOther.Value.AsString()
	}
}

// codeOf is a code of AlipayCN that the library knows; empty for others, which may be many.
func codeOf(code alipaycn.Code) string {
	if !code.Known() {
		return ""
	}
	return string(code)
}

// oneIf counts what is rare, and says too that it did not happen: the rise of a series that
// begins with 1 is seen by nobody.
func oneIf(happened bool) int64 {
	if happened {
		return 1
	}
	return 0
}

// text is an attribute whose value is not empty; none for one that is.
func text(key attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return nil
	}
	return []attribute.KeyValue{key.String(value)}
}
