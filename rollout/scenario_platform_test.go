package rollout_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestAFleetOverThePlatformReadsTogetherAndReleasesAll(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t, approving())
		releases := rollout.NewReleases(given.owner)
		var targets []rollout.Target
		for range 5 {
			targets = append(targets, releases.Release(given.release(given.program(), "1.0.0").ID))
		}
		spec := rollout.Spec{Version: 1, Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(time.Minute)}, {Ratio: 100}}}
		fleet, err := rollout.NewFleet(targets, spec, rollout.NewFileStore(t.TempDir()), rollout.FleetOptions{Canaries: 0.2})
		require.NoError(t, err)

		summary, err := fleet.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, "5 DONE", summary.String())
		for i, target := range summary.Members {
			require.Equal(t, i == 0, target.Canary, fmt.Sprint(i))
			require.Equal(t, alipayplus.FullRatio, target.Ratio)
		}
	})
}

func TestAFleetOverThePlatformKeepsToItsLimiter(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		_, targets, way := newFixture(t).releases(4, 1)
		var calls []time.Time
		way.onRequest = func(path string) {
			if !strings.Contains(path, "workspace") && !strings.Contains(path, "apply") {
				calls = append(calls, time.Now())
			}
		}
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		fleet, err := rollout.NewFleet(targets, plain(), rollout.NewMemoryStore(), rollout.FleetOptions{Limiter: limiter, Workers: 1})
		require.NoError(t, err)
		_, err = fleet.Run(deadline(t, 90*time.Second))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.GreaterOrEqual(t, len(calls), 8)
		for i := range calls[1:] {
			require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), 9*time.Second, "call %d", i+1)
		}
	})
}

// weekly is a ladder of days: watched for one at each ratio.
func weekly() rollout.Spec {
	spec := rollout.Spec{Version: rollout.SpecVersion, Gates: map[string]rollout.GateSpec{"errors": {}}}
	for _, ratio := range []alipayplus.Ratio{1, 5, 10, 20, 30, 50} {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: rollout.Duration(day), Gates: []string{"errors"}})
	}
	spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: 100})
	return spec
}

func TestASevenStepLadderOfDays(t *testing.T) {
	onStage(t, weekly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(10 * time.Minute)}
		s.fake.ApproveAfter(36 * time.Hour)
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, time.Since(s.began), 7*day+12*time.Hour)
		require.Less(t, time.Since(s.began), 8*day)
	})
}

// Each call of the platform is signed, so its reviews and bake times are short.
func TestASevenStepLadderOverThePlatform(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t, approving())
		release := given.release(given.program(), "1.0.0")
		spec := weekly()
		for i := range spec.Steps[:6] {
			spec.Steps[i].Bake = rollout.Duration(10 * time.Second)
		}
		gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Passed("no errors"), nil
		}
		begun := time.Now()
		runner, err := rollout.New(rollout.ForRelease(given.owner, release.ID), spec, rollout.NewMemoryStore(), rollout.WithGate("errors", gate))
		require.NoError(t, err)

		state, err := runner.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
		now := given.read(release.ID)
		require.Equal(t, alipayplus.ReleaseFull, now.Status)
		require.Equal(t, []alipayplus.Ratio{1, 5, 10, 20, 30, 50, 100}, ratios(now))
		require.GreaterOrEqual(t, time.Since(begun), 2*time.Minute)
	})
}
