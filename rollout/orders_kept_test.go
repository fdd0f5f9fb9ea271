package rollout_test

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

		receipt, err := s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		require.Equal(t, &rollout.Receipt{}, receipt)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"50% is approved"}, s.told(rollout.EventApproved))
	})
}

func TestAnAbortIsObeyedThoughARaiseIsStillToBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(0)
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrOutcomeUnknown)
		s.runUntil(time.Second)
		require.Equal(t, rollout.ChangeRaise, s.state().Intent.Kind)

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Nil(t, receipt.State.Intent)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Empty(t, s.fake.Ratios())
		s.requireNoOrders()
	})
}

// What is not live yet is not watched: a pause during the review is none of a bake time.
func TestAPauseDuringTheReviewCountsNothingAsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(30 * time.Minute)
		for _, order := range []func(context.Context, string, string) (*rollout.Receipt, error){s.runner().Pause, s.runner().Resume} {
			_, err := order(t.Context(), "lin", "")
			require.NoError(t, err)
			require.Zero(t, s.state().Since)
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, s.fake.Effects()[2].At.Sub(s.fake.Effects()[1].At), time.Hour)
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

// A store whose leases tell of no order is looked at every three seconds; what is asked
// through the runner itself need not wait for that.
func TestAnOrderThroughTheRunnerThatRunsIsHeardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		store := lasting(s.store, new(int), new(int))
		r := s.runnerOf(s.fake, store)
		var asked time.Time
		s.at(90*time.Minute+500*time.Millisecond, func() {
			asked = time.Now()
			receipt, err := r.Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
			require.False(t, receipt.Handled)
		})
		state, err := r.Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, asked, state.UpdatedAt)
	})
}

func TestAnOrderFromElsewhereIsHeardWithinThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		var asked time.Time
		s.at(90*time.Minute+500*time.Millisecond, func() {
			asked = time.Now()
			_, err := s.runner(rollout.WithHost("b")).Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
		})
		state, err := s.runnerOf(s.fake, lasting(s.store, new(int), new(int)), rollout.WithInterval(day)).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.LessOrEqual(t, state.UpdatedAt.Sub(asked), 3*time.Second)
	})
}

// Somebody may want it to stop.
func TestWhoCannotSeeTheOrdersDoesNotAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		time.Sleep(2 * time.Hour) // 50 % are due
		calls, gone := s.fake.Calls(rollouttest.OpAny), errors.New("stale file handle")
		_, err := s.runnerOf(s.fake, storeFailingFrom(s.store, "Commands", s.began, gone)).Step(t.Context())
		require.ErrorIs(t, err, gone)
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
	})
}

func TestARunThatCannotSeeItsOrdersAnyMoreEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		gone := errors.New("stale file handle")
		from := s.began.Add(90*time.Minute + 500*time.Millisecond)
		_, err := s.runnerOf(s.fake, storeFailingFrom(s.store, "Commands", from, gone), rollout.WithInterval(day)).Run(t.Context())
		require.ErrorIs(t, err, gone)
		require.LessOrEqual(t, time.Since(from), 3*time.Second)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// It would be obeyed again by who does not know that it was.
func TestAnOrderThatCannotBeRemovedEndsTheRunAndIsObeyedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, approved())
		order := rollout.Command{ID: "1", Kind: rollout.CommandApprove, Ratio: 50, By: "lin", At: time.Now()}
		require.NoError(t, s.store.Post(t.Context(), "release 1", order))
		full := errors.New("read-only")
		for range 3 {
			_, err := s.runnerOf(s.fake, storeFailing(s.store, "Forget", full)).Run(t.Context())
			require.ErrorIs(t, err, full)
			require.Equal(t, []string{"1"}, s.state().Handled)
		}
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireDone(s.runner().Run(t.Context()))
		require.Len(t, s.told(rollout.EventApproved), 1)
		require.Empty(t, s.state().Handled, "what is removed need not be remembered")
		s.requireNoOrders()
	})
}

func TestAnOrderThatTheStoreDoesNotTakeIsNotCarriedOut(t *testing.T) {
	full := errors.New("disk full")
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, approved())
		approve := func() {
			receipt, err := s.runnerOf(s.fake, storeFailing(s.store, "Post", full)).Approve(t.Context(), "lin", "", 50)
			require.ErrorIs(t, err, full)
			require.Nil(t, receipt)
		}
		approve() // what has not begun
		_, err := s.store.Acquire(t.Context(), "release 1", "another")
		require.NoError(t, err)
		approve() // what another runner drives
	})
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored := s.state()
		receipt, err := s.runnerOf(s.fake, storeFailing(s.store, "Post", full)).Abort(t.Context(), "lin", "")
		require.ErrorIs(t, err, full)
		require.Nil(t, receipt)
		require.Equal(t, stored, s.state())
		require.Zero(t, s.fake.Calls(rollouttest.OpAbort))
	})
}
