package otel

import (
	"errors"
	"fmt"

	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scope names what makes the spans and metrics.
const scope = "github.com/alipayplus-go/alipayplus/otel"

// Options say where spans and metrics go. The zero value will do.
type Options struct {
	// TracerProvider makes the spans. Nil: the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Nil: the global one.
	MeterProvider metric.MeterProvider
	// Propagator takes the trace context over to the platform, and there out of the call.
	// Nil: that of W3C, by the headers traceparent and tracestate; baggage is not sent.
	Propagator propagation.TextMapPropagator
}

// Telemetry makes spans and metrics. It is safe for concurrent use, and starts nothing.
type Telemetry struct {
	tracer      trace.Tracer
	propagator  propagation.TextMapPropagator
	instruments instruments
}

// New makes a Telemetry. The error is that of the meter provider.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = global.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = global.GetMeterProvider()
	}
	if o.Propagator == nil {
		o.Propagator = propagation.TraceContext{}
	}
	made, err := newInstruments(o.MeterProvider.Meter(scope))
	if err != nil {
		return nil, fmt.Errorf("otel: make the instruments: %w", err)
	}
	return &Telemetry{tracer: o.TracerProvider.Tracer(scope), propagator: o.Propagator, instruments: made}, nil
}

// instruments are the metrics, which the package documentation lists.
type instruments struct {
	operationDuration, attemptDuration, requestDuration, stepDuration metric.Float64Histogram
	retries, outcomesUnknown, verdicts, events                        metric.Int64Counter
	ratio                                                             metric.Int64Gauge
	waiting                                                           metric.Int64UpDownCounter
	waitDuration                                                      metric.Float64Counter
}

func newInstruments(m metric.Meter) (made instruments, err error) {
	histogram := func(name, description string, bounds ...float64) metric.Float64Histogram {
		h, failed := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
		err = errors.Join(err, failed)
		return h
	}
	counter := func(name, unit, description string) metric.Int64Counter {
		c, failed := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		err = errors.Join(err, failed)
		return c
	}
	// Those of the semantic conventions, and some for calls that are repeated.
	calls := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30, 60, 120}
	const minute, hour, day = 60., 3600., 86400.
	made.operationDuration = histogram("alipayplus.client.operation.duration", "Duration of operations, with all attempts and the waits between them.", calls...)
	made.attemptDuration = histogram("alipayplus.client.attempt.duration", "Duration of the attempts of operations.", calls...)
	made.requestDuration = histogram("http.server.request.duration", "Duration of HTTP server requests.", calls...)
	made.stepDuration = histogram("alipayplus.rollout.step.duration", "How long a ratio was live.",
		minute, 5*minute, 15*minute, hour, 4*hour, 12*hour, day, 2*day, 4*day, 7*day, 14*day)
	made.retries = counter("alipayplus.client.retries", "{retry}", "Attempts that were followed by another one.")
	made.outcomesUnknown = counter("alipayplus.client.outcomes_unknown", "{operation}", "Operations of which it is not known whether they took effect.")
	made.verdicts = counter("alipayplus.rollout.gate.verdicts", "{verdict}", "Verdicts of gates.")
	made.events = counter("alipayplus.rollout.events", "{event}", "Events of rollouts.")
	var failed [3]error
	made.ratio, failed[0] = m.Int64Gauge("alipayplus.rollout.ratio", metric.WithUnit("%"), metric.WithDescription("The ratio of users who have the version."))
	made.waiting, failed[1] = m.Int64UpDownCounter("alipayplus.rollout.waiting", metric.WithUnit("{rollout}"), metric.WithDescription("Rollouts that wait."))
	made.waitDuration, failed[2] = m.Float64Counter("alipayplus.rollout.wait.duration", metric.WithUnit("s"), metric.WithDescription("The time that rollouts waited."))
	return made, errors.Join(err, failed[0], failed[1], failed[2])
}
