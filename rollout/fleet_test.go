package rollout_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestAFleetOverThePlatformReadsTogetherAndReleasesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newWorld(t, approving())
		releases := rollout.NewReleases(given.owner)
		var targets []rollout.Target
		for range 5 {
			targets = append(targets, releases.Release(given.release(given.program(), "1.0.0").ID))
		}
		spec := rollout.Spec{Version: 1, Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(time.Hour)}, {Ratio: 100}}}
		fleet, err := rollout.NewFleet(targets, spec, rollout.NewFileStore(t.TempDir()), rollout.FleetOptions{Canaries: 0.2})
		require.NoError(t, err)

		summary, err := fleet.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, "5 DONE", summary.String())
		for i, target := range summary.Targets {
			require.Equal(t, i == 0, target.Canary, fmt.Sprint(i))
			require.Equal(t, alipayplus.FullRatio, target.Ratio)
		}
	})
}
