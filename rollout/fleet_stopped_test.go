package rollout_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// endsWhileAsked is a context that ends right after it said that it has not, and lets
// everybody who waits for its end act before it answers.
type endsWhileAsked struct {
	context.Context
	end   context.CancelFunc
	ready chan struct{}
	ended *atomic.Bool
}

func (c endsWhileAsked) Err() error {
	err := c.Context.Err()
	select {
	case <-c.ready:
		if !c.ended.Swap(true) {
			c.end()
			time.Sleep(time.Second)
		}
	default:
	}
	return err
}

// What comes of the last step and the end of the context are there at the same moment;
// which of the two is taken is chance. Whichever it is, nothing was released.
func TestAFleetThatIsStoppedInItsLastStepIsPending(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			h := newHarbor(t, 1)
			inner, cancel := context.WithCancel(t.Context())
			defer cancel()
			ctx := endsWhileAsked{inner, cancel, make(chan struct{}), new(atomic.Bool)}
			h.fakes[0].Before(func(reading context.Context, _ rollouttest.Call) error {
				close(ctx.ready)
				<-reading.Done()
				return reading.Err()
			})
			h.opts = []rollout.Option{rollout.WithCallTimeout(day)}

			summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)

			require.ErrorIs(t, err, rollout.ErrPending)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, "1 RUNNING", summary.String())
		})
	}
}

// In one step a target is applied for and raised, and then goes wrong, or is stopped. What
// it came to until then is what the summary tells, and so is what an earlier run came to.
func TestASummaryTellsWhatIsLiveHoweverAStepEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		end    func(cancel context.CancelFunc) error
		status rollout.FleetStatus
		is     error
	}{
		"it failed": {func(context.CancelFunc) error { return alipayplus.ErrNotFound }, rollout.FleetFailed, alipayplus.ErrNotFound},
		"it was ended": {func(cancel context.CancelFunc) error {
			cancel()
			return context.Canceled
		}, rollout.FleetStatus(rollout.Running), rollout.ErrPending},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarbor(t, 1)
				h.fakes[0].ApproveAfter(0)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				fails := func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpObserve && h.fakes[0].Now().Ratio > 0 {
						return tt.end(cancel)
					}
					return nil
				}
				h.fakes[0].Before(fails)
				for range 2 {
					summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)
					require.ErrorIs(t, err, tt.is)
					require.Equal(t, "1 "+fmt.Sprint(tt.status), summary.String())
					require.Equal(t, alipayplus.Ratio(10), summary.Members[0].Ratio)
					ctx, cancel = context.WithCancel(t.Context())
					defer cancel()
				}
			})
		})
	}
}
