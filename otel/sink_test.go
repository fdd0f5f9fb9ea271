package otel_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestARolloutIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record(t)
		ctx, span := r.tracer.Tracer("ci").Start(t.Context(), "job")
		spec, err := rollout.ParseSpec([]byte(`
version: 1
gates: {errors: {every: 10m}}
steps:
  - {ratio: 10, bake: 1h, gates: [errors]}
  - {ratio: 50, bake: 2h}
  - {ratio: 100}
`))
		require.NoError(t, err)
		asked := 0
		gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if asked++; asked == 1 {
				return rollout.Verdict{}, errors.New("no answer")
			}
			return rollout.Verdict{Decision: rollout.Pass}, nil
		}
		runner, err := rollout.New(approved(), *spec, rollout.NewMemoryStore(),
			rollout.WithName("tea"), rollout.WithSink(r.Sink()), rollout.WithGate("errors", gate))
		require.NoError(t, err)

		_, err = runner.Run(ctx)
		span.End()

		require.NoError(t, err)
		got := r.metrics(t)
		require.InDelta(t, 100, got["alipayplus.rollout.ratio{alipayplus.rollout=tea}"], 0)
		require.InDelta(t, time.Hour.Seconds(), got["alipayplus.rollout.step.duration.sum{alipayplus.rollout.ratio=10}"], 60)
		require.InDelta(t, 2*time.Hour.Seconds(), got["alipayplus.rollout.step.duration.sum{alipayplus.rollout.ratio=50}"], 60)
		require.InDelta(t, 1, got["alipayplus.rollout.gate.verdicts{alipayplus.rollout.decision=error,alipayplus.rollout.gate=errors}"], 0)
		require.Positive(t, got["alipayplus.rollout.gate.verdicts{alipayplus.rollout.decision=pass,alipayplus.rollout.gate=errors}"])
		require.InDelta(t, 3*time.Hour.Seconds(), got["alipayplus.rollout.wait.duration{alipayplus.rollout.wait=BAKE}"], 120)
		require.InDelta(t, 0, got["alipayplus.rollout.waiting{alipayplus.rollout.wait=BAKE}"], 0)
		require.InDelta(t, 3, got["alipayplus.rollout.events{alipayplus.rollout.event=RAISED}"], 0)
		var names []string
		for _, e := range r.spans.GetSpans()[0].Events {
			names = append(names, e.Name)
		}
		require.Contains(t, names, "RAISED")
		require.NotContains(t, names, "WAITING")
	})
}

// Another process goes on where one stopped: the time at a ratio counts from when the target says that it was set.
func TestTheTimeAtARatioOutlivesAProcess(t *testing.T) {
	r := record(t)
	sink := r.Sink()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := func(kind rollout.EventKind, at time.Time, status rollout.Status, ratio alipayplus.Ratio) {
		require.NoError(t, sink(t.Context(), rollout.Event{
			Kind: kind, At: at, Rollout: "tea", Status: status, Ratio: ratio,
			Observation: &rollout.Observation{Ratio: 10, ChangedAt: noon},
		}))
	}

	event(rollout.EventStarted, noon.Add(time.Hour), rollout.Running, 10)
	event(rollout.EventAborted, noon.Add(3*time.Hour), rollout.Aborted, 10)

	require.InDelta(t, 3*time.Hour.Seconds(), r.metrics(t)["alipayplus.rollout.step.duration.sum{alipayplus.rollout.ratio=10}"], 0)
}

// approved is a target whose ratios may be set.
func approved() rollout.Target {
	fake := rollouttest.NewFake("release rel_1", alipayplus.DefaultLadder())
	fake.ApproveAfter(time.Minute)
	return fake
}
