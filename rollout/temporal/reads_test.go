package temporal

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestTargetsThatAreDueTogetherAreReadTogether(t *testing.T) {
	for _, n := range []int{1, 2, 100, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				group := rollouttest.NewFakes()
				results := make([]*rollout.BatchResult, n)
				var r reads
				var all sync.WaitGroup
				for i := range results {
					fake := group.New(fmt.Sprintf("release %d", i), alipayplus.DefaultLadder())
					all.Go(func() { results[i] = r.observe(t.Context(), fake) })
				}
				all.Wait()
				require.Empty(t, r.waiting)
				if n == 1 {
					require.Nil(t, results[0], "the runner reads it by itself")
					return
				}
				for _, result := range results {
					require.NotNil(t, result)
					require.NoError(t, result.Err)
					require.Equal(t, alipayplus.ReleaseNewVersionCreated, result.Observation.Status)
				}
			})
		})
	}
}
