package rollout_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// Between a verdict and the raise that rests on it the target is read. However long that
// takes, the verdict holds: else both are repeated for ever.
func TestAVerdictHoldsForALookThatTakesLongerThanItMayBeOld(t *testing.T) {
	for _, look := range []time.Duration{61 * time.Second, 110 * time.Second} {
		t.Run(fmt.Sprint(look), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				asked := 0
				s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
					asked++
					return rollout.Passed("fine"), nil
				}
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpObserve {
						time.Sleep(look)
					}
					return nil
				})
				s.requireDone(s.runner().Run(deadline(t, day)))
				require.Less(t, time.Since(s.began), 5*time.Hour)
				require.LessOrEqual(t, asked, 2*(60+5))
			})
		})
	}
}

func TestAFleetClimbsThoughEachLookIsQueuedForLongerThanAVerdictMayBeOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 30)
		h.spec = hourly()
		h.opts = []rollout.Option{rollout.WithGate("errors", func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Passed("fine"), nil
		})}
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1) // each of 8 workers waits for the others
		summary, err := h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(deadline(t, day))
		require.NoError(t, err)
		require.Equal(t, "30 DONE", summary.String())
	})
}

// A verdict is stored before anything rests on it, which may take longer than the time
// between two questions.
func TestAVerdictHoldsForAsLongAsItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
		s := newStage(t, spec)
		slow := storeHooked(s.store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
			time.Sleep(10 * time.Second)
			return do()
		})
		s.requireDone(s.runnerOf(s.fake, slow).Run(deadline(t, day)))
	})
}
