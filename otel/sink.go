package otel

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// The attributes of rollouts.
const (
	rolloutKey  = attribute.Key("alipayplus.rollout")
	ratioKey    = attribute.Key("alipayplus.rollout.ratio")
	gateKey     = attribute.Key("alipayplus.rollout.gate")
	decisionKey = attribute.Key("alipayplus.rollout.decision")
	waitKey     = attribute.Key("alipayplus.rollout.wait")
	eventKey    = attribute.Key("alipayplus.rollout.event")
)

// noVerdict is the decision of a gate that gave an error.
const noVerdict = "error"

// Sink makes metrics of the events of rollouts, and of what they change events of the span in
// the context of the run, if there is one. What a process before has seen is not counted: how
// long a ratio was live is known from there on, or from when the target says that it was set.
// The events of a rollout are to come to one Sink: where any of several workers gets the next one, as
// on Temporal, waits and the time at a ratio are not measured right.
func (t *Telemetry) Sink() rollout.Sink {
	s := &sink{t: t, rollouts: make(map[string]*progress)}
	return s.take
}

type sink struct {
	t  *Telemetry
	mu sync.Mutex
	// rollouts are those that go on, by name.
	rollouts map[string]*progress
}

// progress is where a rollout stands.
type progress struct {
	ratio alipayplus.Ratio
	// since is when the ratio went live; zero: not known.
	since time.Time
	// wait is what is waited for, and waits since when; empty: nothing.
	wait  rollout.WaitKind
	waits time.Time
}

func (s *sink) take(ctx context.Context, e rollout.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, known := s.rollouts[e.Rollout]
	if !known {
		p = &progress{ratio: e.Ratio}
		if e.Observation != nil && e.Observation.Ratio == e.Ratio {
			p.since = e.Observation.ChangedAt
		}
		s.rollouts[e.Rollout] = p
	}
	i := &s.t.instruments
	i.events.Add(ctx, 1, metric.WithAttributes(eventKey.String(string(e.Kind))))
	s.waited(ctx, p, e)
	s.stepped(ctx, p, e)
	if e.Kind == rollout.EventGate {
		decision := noVerdict
		if e.Verdict != nil {
			decision = string(e.Verdict.Decision)
		}
		for _, d := range []string{string(rollout.Pass), string(rollout.Fail), string(rollout.Wait), noVerdict} {
			i.verdicts.Add(ctx, oneIf(d == decision), metric.WithAttributes(gateKey.String(e.Gate), decisionKey.String(d)))
		}
	}
	if e.Status != "" {
		i.ratio.Record(ctx, int64(e.Ratio), metric.WithAttributes(rolloutKey.String(e.Rollout)))
	}
	if e.Status.Final() || e.Kind == rollout.EventFailed {
		delete(s.rollouts, e.Rollout)
	}
	switch e.Kind {
	case rollout.EventWaiting, rollout.EventRetrying, rollout.EventGate: // they are many
	default:
		trace.SpanFromContext(ctx).AddEvent(string(e.Kind), trace.WithTimestamp(e.At), trace.WithAttributes(
			rolloutKey.String(e.Rollout), ratioKey.Int(int(e.Ratio))))
	}
	return nil
}

// waited ends the wait that was, and begins the one that the event is about.
func (s *sink) waited(ctx context.Context, p *progress, e rollout.Event) {
	i := &s.t.instruments
	if p.wait != "" {
		of := metric.WithAttributes(waitKey.String(string(p.wait)))
		i.waiting.Add(ctx, -1, of)
		i.waitDuration.Add(ctx, max(e.At.Sub(p.waits), 0).Seconds(), of)
	}
	p.wait, p.waits = e.Wait, e.At
	if p.wait != "" {
		of := metric.WithAttributes(waitKey.String(string(p.wait)))
		i.waiting.Add(ctx, 1, of)
		i.waitDuration.Add(ctx, 0, of) // see oneIf
	}
}

// stepped notes that another ratio went live, or that the rollout ended at the one that is.
func (s *sink) stepped(ctx context.Context, p *progress, e rollout.Event) {
	ended := e.Status.Final() && e.Status != rollout.Done
	if e.Status == "" || e.Ratio == p.ratio && !ended {
		return
	}
	if p.ratio > 0 && !p.since.IsZero() {
		s.t.instruments.stepDuration.Record(ctx, max(e.At.Sub(p.since), 0).Seconds(), metric.WithAttributes(ratioKey.Int(int(p.ratio))))
	}
	p.ratio, p.since = e.Ratio, e.At
}
