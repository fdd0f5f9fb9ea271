package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	nometric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/otel"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// flushTimeout is how long the program waits at its end for what receives spans, metrics and
// logs.
const flushTimeout = 5 * time.Second

// telemetry sends spans, metrics and logs to where the OTEL_* variables say. Nil sends none.
type telemetry struct {
	*otel.Telemetry

	// logger gets what is logged; nil: logs are not sent.
	logger *slog.Logger
	// span is that of the command; nil for one that serves.
	span trace.Span
	// ends send what is left.
	ends []func(context.Context) error
}

// observe begins the span of the command, within the trace that TRACEPARENT names, if an OTEL_*
// variable says where to send spans, metrics or logs.
func (a *app) observe(cmd *cobra.Command) error {
	t, tracer, err := newTelemetry(cmd.Context(), cmd.Name() == "serve")
	if err != nil {
		return misused("the OTEL_* variables: %w", err)
	}
	if t == nil {
		return nil
	}
	a.telemetry = t
	global.SetErrorHandler(&warnings{say: func(err error) { a.say("warning: OpenTelemetry: %v", err) }})
	ctx := propagation.TraceContext{}.Extract(cmd.Context(), propagation.MapCarrier{
		"traceparent": os.Getenv("TRACEPARENT"), "tracestate": os.Getenv("TRACESTATE"),
	})
	if cmd.Name() != "serve" { // whose spans are those of its calls
		ctx, t.span = tracer.Start(ctx, cmd.CommandPath())
	}
	cmd.SetContext(ctx)
	return nil
}

func newTelemetry(ctx context.Context, serves bool) (*telemetry, trace.Tracer, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || !sends("TRACES") && !sends("METRICS") && !sends("LOGS") {
		return nil, nil, nil
	}
	service := []attribute.KeyValue{semconv.ServiceName("alipayplus"), semconv.ServiceVersion(builtVersion())}
	if serves { // beside others of its name, whose counts are their own
		service = append(service, semconv.ServiceInstanceID(rand.Text()))
	}
	of, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(service...), resource.WithFromEnv())
	if err != nil {
		return nil, nil, err
	}
	t := new(telemetry)
	var tracers trace.TracerProvider = notrace.NewTracerProvider()
	var meters metric.MeterProvider = nometric.NewMeterProvider()
	if sends("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, nil, wrongExporter("TRACES", err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
		tracers, t.ends = provider, append(t.ends, provider.Shutdown)
	}
	if sends("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, nil, wrongExporter("METRICS", err)
		}
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(of))
		meters, t.ends = provider, append(t.ends, provider.Shutdown)
	}
	if sends("LOGS") {
		exporter, err := autoexport.NewLogExporter(ctx)
		if err != nil {
			return nil, nil, wrongExporter("LOGS", err)
		}
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(of))
		t.logger, t.ends = slog.New(otelslog.NewHandler("alipayplus", otelslog.WithLoggerProvider(provider))), append(t.ends, provider.Shutdown)
	}
	t.Telemetry, err = otel.New(otel.Options{TracerProvider: tracers, MeterProvider: meters})
	return t, tracers.Tracer("github.com/alipayplus-go/alipayplus/cmd/alipayplus"), err
}

func wrongExporter(signal string, err error) error {
	name := "OTEL_" + signal + "_EXPORTER"
	return fmt.Errorf("%s=%s: %w", name, os.Getenv(name), err)
}

// warnings says what could not be sent, once while it stays the same.
type warnings struct {
	say func(error)

	mu   sync.Mutex
	last string
}

// Handle implements the SDK's handler of errors.
func (w *warnings) Handle(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last != err.Error() {
		w.last = err.Error()
		w.say(err)
	}
}

// sends says whether a variable says where a signal goes: TRACES, METRICS or LOGS. OTLP's
// default address is no reason to send: nobody may be there.
func sends(signal string) bool {
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	case "none":
		return false
	default:
		return true
	}
}

// end ends the command's span, and sends what is left. What cannot be sent is a warning.
func (t *telemetry) end(ctx context.Context, exit report.Exit) {
	if t == nil {
		return
	}
	if t.span != nil {
		t.span.SetAttributes(semconv.ProcessExitCode(int(exit)))
		if exit != report.ExitDone && exit != report.ExitPending {
			t.span.SetStatus(codes.Error, exit.String())
		}
		t.span.End()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	var sending sync.WaitGroup // together: one that hangs leaves no time for the others
	defer sending.Wait()
	for _, end := range t.ends {
		sending.Go(func() {
			if err := end(ctx); err != nil {
				global.Handle(err)
			}
		})
	}
}

// platformOptions are those of a client of the platform.
func (t *telemetry) platformOptions() []alipayplus.Option {
	if t == nil {
		return nil
	}
	if t.logger != nil {
		return append(t.Client(), alipayplus.WithLogger(t.logger))
	}
	return t.Client()
}

// alipaycnOptions are those of a client of AlipayCN.
func (t *telemetry) alipaycnOptions() []alipaycn.Option {
	if t == nil {
		return nil
	}
	if t.logger != nil {
		return append(t.AlipayCN(), alipaycn.WithLogger(t.logger))
	}
	return t.AlipayCN()
}

// rolloutOptions are those of a runner.
func (t *telemetry) rolloutOptions() []rollout.Option {
	if t == nil {
		return nil
	}
	all := []rollout.Option{rollout.WithSink(t.Sink())}
	if t.logger != nil {
		all = append(all, rollout.WithSink(rollout.SlogSink(t.logger)))
	}
	return all
}

// handler is what serves a platform.
func (t *telemetry) handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return t.Handler(next)
}

// logs is a handler that logs to where the other one does, and to where logs are sent.
func (t *telemetry) logs(to slog.Handler) slog.Handler {
	if t == nil || t.logger == nil {
		return to
	}
	return slog.NewMultiHandler(to, t.logger.Handler())
}
