package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// weekly is a ladder of days: watched for two at each ratio.
func weekly() rollout.Spec {
	const day = rollout.Duration(24 * time.Hour)
	spec := rollout.Spec{Version: rollout.SpecVersion, Gates: map[string]rollout.GateSpec{"errors": {}}}
	for _, ratio := range []alipayplus.Ratio{1, 5, 10, 20, 30, 50} {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: day, Gates: []string{"errors"}})
	}
	spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: 100})
	return spec
}

func TestASevenStepLadderOfDaysOverThePlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		given := newWorld(t, approving())
		release := given.release(given.program(), "1.0.0")
		asked := 0
		gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
			asked++
			return rollout.Passed("no errors"), nil
		}
		begun := time.Now()
		runner, err := rollout.New(rollout.ForRelease(given.owner, release.ID), weekly(), rollout.NewMemoryStore(), rollout.WithGate("errors", gate), rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			if e.Kind != rollout.EventWaiting && e.Kind != rollout.EventGate {
				t.Log(e.At.Sub(begun), e.Kind, e.What)
			}
			return nil
		}))
		require.NoError(t, err)

		state, err := runner.Run(ctx)

		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
		now := given.read(release.ID)
		require.Equal(t, alipayplus.ReleaseFull, now.Status)
		require.Equal(t, []alipayplus.Ratio{1, 5, 10, 20, 30, 50, 100}, ratios(now))
		require.GreaterOrEqual(t, time.Since(begun), 6*24*time.Hour)
		t.Log(asked, time.Since(begun))
	})
}
