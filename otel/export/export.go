// Package export sends the spans, metrics and logs of a program to where the standard OTEL_*
// variables say, so that each program of this library has them alike:
//
//	sent, err := export.FromEnv(ctx, export.Service{Name: "releases", Version: "1.2.0"})
//	client, err := alipayplus.NewFromEnv(sent.Client()...)
//	...
//	sent.Shutdown(ctx)
//
// A library or a program with telemetry of its own has no use for it: package otel needs
// OpenTelemetry's API alone.
package export

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	nometric "go.opentelemetry.io/otel/metric/noop"
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
)

// flushTimeout is how long a program waits at its end for what receives spans, metrics and logs.
const flushTimeout = 5 * time.Second

// Service is the program that sends. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over it.
type Service struct {
	// Name and Version are those of the program.
	Name, Version string
	// Instance says that others of its name run at the same time: what each counts is its own.
	Instance bool
}

// Export sends spans, metrics and logs. Nil sends none: all of its methods can be called.
type Export struct {
	telemetry *otel.Telemetry
	tracers   trace.TracerProvider
	// logger gets what is logged; nil: logs are not sent.
	logger *slog.Logger
	// ends send what is left.
	ends []func(context.Context) error
}

// FromEnv begins to send to where the variables say: OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_TRACES_EXPORTER, for example. It returns nil when none says where to, or OTEL_SDK_DISABLED
// is true. The error matches [alipayplus.ErrInvalid], and says which variable is to be given how.
func FromEnv(ctx context.Context, s Service) (*Export, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || !sends("TRACES") && !sends("METRICS") && !sends("LOGS") {
		return nil, nil //nolint:nilnil // which sends nothing
	}
	of, err := s.resource(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w: %w", err, alipayplus.ErrInvalid)
	}
	e := &Export{tracers: notrace.NewTracerProvider()}
	var meters metric.MeterProvider = nometric.NewMeterProvider()
	if sends("TRACES") {
		exporter, err := create("TRACES", func() (sdktrace.SpanExporter, error) { return autoexport.NewSpanExporter(ctx) })
		if err != nil {
			return nil, err
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
		e.tracers, e.ends = provider, append(e.ends, provider.Shutdown)
	}
	if sends("METRICS") {
		reader, err := create("METRICS", func() (sdkmetric.Reader, error) { return autoexport.NewMetricReader(ctx) })
		if err != nil {
			return nil, err
		}
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(of))
		meters, e.ends = provider, append(e.ends, provider.Shutdown)
	}
	if sends("LOGS") {
		exporter, err := create("LOGS", func() (sdklog.Exporter, error) { return autoexport.NewLogExporter(ctx) })
		if err != nil {
			return nil, err
		}
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(of))
		e.logger, e.ends = slog.New(otelslog.NewHandler(s.Name, otelslog.WithLoggerProvider(provider))), append(e.ends, provider.Shutdown)
	}
	e.telemetry, err = otel.New(otel.Options{TracerProvider: e.tracers, MeterProvider: meters})
	return e, err
}

func (s Service) resource(ctx context.Context) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{semconv.ServiceName(s.Name), semconv.ServiceVersion(s.Version)}
	if s.Instance {
		attributes = append(attributes, semconv.ServiceInstanceID(rand.Text()))
	}
	return resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attributes...), resource.WithFromEnv())
}

// sends says whether a variable says where a signal goes: TRACES, METRICS or LOGS. OTLP's
// default address is no reason to send: nobody may be there.
func sends(signal string) bool {
	switch os.Getenv("OTEL_" + signal + "_EXPORTER") {
	case "":
		return endpoint(signal) != ""
	case "none":
		return false
	default:
		return true
	}
}

// endpoint is the address that OTLP sends a signal to, as it is given.
func endpoint(signal string) string {
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
}

// create makes what sends a signal. An address that cannot be used would be logged, and the default
// one used instead.
func create[T any](signal string, exporter func() (T, error)) (made T, err error) {
	name := "OTEL_" + signal + "_EXPORTER"
	to := os.Getenv(name)
	if at := endpoint(signal); at != "" && (to == "" || to == "otlp") {
		if u, err := url.Parse(at); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return made, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT, or that of %s alone, is %q; give a URL such as http://collector.example:4318: %w", signal, at, alipayplus.ErrInvalid)
		}
	}
	if made, err = exporter(); err == nil {
		return made, nil
	}
	all := "otlp, console or none"
	if signal == "METRICS" {
		all = "otlp, prometheus, console or none"
	}
	return made, fmt.Errorf("%s is %q; give %s, and grpc or http/protobuf as OTEL_EXPORTER_OTLP_PROTOCOL: %w: %w", name, to, all, err, alipayplus.ErrInvalid)
}

// Shutdown sends what is left, and waits up to 5 seconds for that, though the context has ended.
// What cannot be sent goes to OpenTelemetry's error handler, see [Warnings].
func (e *Export) Shutdown(ctx context.Context) {
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	var sending sync.WaitGroup // together: one that hangs leaves no time for the others
	defer sending.Wait()
	for _, end := range e.ends {
		sending.Go(func() {
			if err := end(ctx); err != nil {
				global.Handle(err)
			}
		})
	}
}

// Tracer makes spans of the program's own, under the name.
func (e *Export) Tracer(name string) trace.Tracer {
	if e == nil {
		return notrace.NewTracerProvider().Tracer(name)
	}
	return e.tracers.Tracer(name)
}

// Client are the options of a client of the platform, whose calls are seen and logged.
func (e *Export) Client() []alipayplus.Option {
	if e == nil {
		return nil
	}
	if e.logger != nil {
		return append(e.telemetry.Client(), alipayplus.WithLogger(e.logger))
	}
	return e.telemetry.Client()
}

// AlipayCN are the options of a client of AlipayCN, whose calls are seen and logged.
func (e *Export) AlipayCN() []alipaycn.Option {
	if e == nil {
		return nil
	}
	if e.logger != nil {
		return append(e.telemetry.AlipayCN(), alipaycn.WithLogger(e.logger))
	}
	return e.telemetry.AlipayCN()
}

// Sinks get the events of rollouts.
func (e *Export) Sinks() []rollout.Sink {
	if e == nil {
		return nil
	}
	if e.logger != nil {
		return []rollout.Sink{e.telemetry.Sink(), rollout.SlogSink(e.logger)}
	}
	return []rollout.Sink{e.telemetry.Sink()}
}

// Handler is a handler whose answers are seen.
func (e *Export) Handler(next http.Handler) http.Handler {
	if e == nil {
		return next
	}
	return e.telemetry.Handler(next)
}

// Logs is a handler that logs to where the other one does, and to where logs are sent.
func (e *Export) Logs(to slog.Handler) slog.Handler {
	if e == nil || e.logger == nil {
		return to
	}
	return slog.NewMultiHandler(to, e.logger.Handler())
}

// Warnings handles what OpenTelemetry could not send, for its SetErrorHandler: it says so, once
// while it stays the same.
type Warnings struct {
	// Say says it.
	Say func(error)

	mu   sync.Mutex
	last string
}

// Handle implements OpenTelemetry's handler of errors.
func (w *Warnings) Handle(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last != err.Error() {
		w.last = err.Error()
		w.Say(err)
	}
}
