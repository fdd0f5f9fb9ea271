package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// The last look before a raise takes a while. Who pauses meanwhile is obeyed before the
// raise, and not after it; who approves does not stop it.
func TestAnOrderThatComesDuringTheLookBeforeAChangeComesFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		order func(context.Context, *rollout.Runner) error
		is    error
	}{
		"a pause": {func(ctx context.Context, r *rollout.Runner) error {
			_, err := r.Pause(ctx, "lin", "the icon is wrong")
			return err
		}, rollout.ErrPaused},
		"an abort": {func(ctx context.Context, r *rollout.Runner) error {
			_, err := r.Abort(ctx, "lin", "the icon is wrong")
			return err
		}, rollout.ErrAborted},
		"an approval": {func(ctx context.Context, r *rollout.Runner) error {
			_, err := r.Approve(ctx, "lin", "", 100)
			return err
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				spec.Steps[2].Approval = true
				s := newStage(t, spec)
				s.fake.ApproveAfter(0)
				ordered := false
				s.fake.Before(func(ctx context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpObserve && !ordered && time.Since(s.began) >= time.Hour {
						ordered = true
						require.NoError(t, tt.order(ctx, s.runner(rollout.WithHost("b"))))
						time.Sleep(time.Minute)
					}
					return nil
				})
				state, err := s.runner().Run(t.Context())
				require.True(t, ordered)
				if tt.is == nil {
					s.requireDone(state, err)
					return
				}
				require.ErrorIs(t, err, tt.is)
				require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
				require.Nil(t, s.state().Intent)
				s.requireNoOrders()
			})
		})
	}
}

// A raise waits for its turn behind the calls of others. Who pauses meanwhile is obeyed.
func TestAnOrderThatComesWhileAChangeIsQueuedComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 1)
		require.NoError(t, h.fakes[0].ApplyAs("pat"))
		require.NoError(t, h.fakes[0].Approve())
		// It looks at 0 s, and would raise at 60 s.
		fleet := h.fleet(rollout.FleetOptions{Limiter: rate.NewLimiter(rate.Every(time.Minute), 1)})
		r, err := fleet.Runner("release 0")
		require.NoError(t, err)
		h.after(30*time.Second, func() {
			receipt, err := r.Pause(t.Context(), "lin", "")
			require.NoError(t, err)
			require.False(t, receipt.Handled)
		})
		summary, err := fleet.Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, "1 PAUSED", summary.String())
		require.Empty(t, h.fakes[0].Ratios())
	})
}
