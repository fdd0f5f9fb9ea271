package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// requireNoOrders checks that no order is left in the store.
func (s *stage) requireNoOrders() {
	s.Helper()
	lease, err := s.store.Acquire(s.Context(), s.fake.ID(), "test")
	require.NoError(s, err)
	orders, err := lease.Commands(s.Context())
	require.NoError(s, err)
	require.Empty(s, orders)
	require.NoError(s, lease.Release(s.Context()))
}

func TestAnOrderNeedsNoSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored := s.spec.Hash()
		s.spec = hourly()
		other := s.runner()
		for _, order := range []struct {
			do     func(context.Context, string, string) (*rollout.Receipt, error)
			status rollout.Status
		}{{other.Pause, rollout.Paused}, {other.Resume, rollout.Running}, {other.Abort, rollout.Aborted}} {
			receipt, err := order.do(t.Context(), "lin", "")
			require.NoError(t, err)
			require.True(t, receipt.Handled)
			require.Equal(t, order.status, receipt.State.Status)
			require.Equal(t, stored, receipt.State.Spec.Hash())
		}
	})
}

func TestAnOrderThatIsRefusedLeavesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		do func(*stage) error
		is error
	}{
		"through a runner of another target": {func(s *stage) error {
			other := rollouttest.NewFake("release 2", alipayplus.DefaultLadder())
			_, err := s.runnerOf(other, s.store, rollout.WithName("release 1")).Pause(s.Context(), "lin", "")
			return err
		}, alipayplus.ErrConflict},
		"after its context ended": {func(s *stage) error {
			over, cancel := context.WithCancel(s.Context())
			cancel()
			_, err := s.runner().Pause(over, "lin", "")
			return err
		}, context.Canceled},
		"by nobody": {func(s *stage) error {
			_, err := s.runner().Abort(s.Context(), "", "")
			return err
		}, alipayplus.ErrInvalid},
		"because it is running": {func(s *stage) error {
			_, err := s.runner().Resume(s.Context(), "lin", "")
			return err
		}, alipayplus.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				require.ErrorIs(t, tt.do(s), tt.is)
				s.requireNoOrders()
				s.requireDone(s.runner().Run(t.Context()))
			})
		})
	}
}

func TestWhatHasNotBegunCanBeApprovedAndNeitherPausedNorResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, approved())
		_, err := s.runner().Pause(t.Context(), "lin", "")
		require.EqualError(t, err, "rollout release 1: it has not begun; nothing is there to pause")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.EqualError(t, err, "rollout release 1: it has not begun; nothing is there to resume")
		state, err := s.runner().Status(t.Context())
		require.NoError(t, err)
		require.Nil(t, state)
		s.requireNoOrders()

		receipt, err := s.runner().Approve(t.Context(), 50, "lin")
		require.NoError(t, err)
		require.Equal(t, &rollout.Receipt{}, receipt)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"50% is approved"}, s.told(rollout.EventApproved))
	})
}

func TestAnOrderThatFailedIsKeptAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		s.fake.FailNext(rollouttest.OpAbort, 1, unavailable())

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.EqualError(t, err, unavailable().Error()+"; the order is kept, and the next run carries it out")
		require.True(t, alipayplus.IsRetryable(err))
		require.False(t, receipt.Handled)
		require.Equal(t, rollout.Running, receipt.State.Status)
		state, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, "lin", state.Stop.By)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireNoOrders()
	})
}
