package otel

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// Handler wraps a platform, mounted or not: each request is a span of kind server, in the
// trace that the caller's headers name. Who is not authenticated can name one too.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	routes := make(map[string]string)
	for _, op := range contract.Operations() {
		routes[op.Path] = contract.Prefix + op.Path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		of := []attribute.KeyValue{method(r), semconv.URLScheme(scheme(r))}
		name := of[0].Value.AsString()
		if route := routeOf(routes, r.URL.Path); route != "" {
			of, name = append(of, semconv.HTTPRoute(route)), name+" "+route
		}
		ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(of...))
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		completed := false
		defer func() {
			defer span.End()
			if !completed { // it panics: the caller sees the connection end
				answer.status = http.StatusInternalServerError
			}
			of = append(of, semconv.HTTPResponseStatusCode(answer.status))
			if answer.status >= http.StatusInternalServerError {
				of = append(of, semconv.ErrorTypeKey.String(strconv.Itoa(answer.status)))
				span.SetStatus(codes.Error, "")
			}
			span.SetAttributes(of...)
			span.SetAttributes(text(traceIDKey, w.Header().Get("Trace-Id"))...)
			t.instruments.requestDuration.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(of...))
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
		completed = true
	})
}

// answer keeps the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
	sent   bool
}

func (a *answer) WriteHeader(status int) {
	if !a.sent && status >= http.StatusOK { // what is below comes before the answer
		a.status, a.sent = status, true
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) {
	a.sent = true
	return a.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// routeOf is the path of an operation, or the beginning of that of a page, whose rest may be a
// secret; empty for others.
func routeOf(operations map[string]string, path string) string {
	if _, operation, ok := strings.Cut(path, contract.Prefix); ok {
		return operations[operation]
	}
	for _, page := range []string{platform.ConsolePath, platform.CallbackPath, "/targets/", "/alipaycn/notify", "/healthz", "/readyz"} {
		if strings.Contains(path, page) {
			return page
		}
	}
	return ""
}

func method(r *http.Request) attribute.KeyValue {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return semconv.HTTPRequestMethodKey.String(r.Method)
	}
	return semconv.HTTPRequestMethodOther
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
