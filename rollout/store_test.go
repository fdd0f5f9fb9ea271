package rollout_test

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAStoreThatCannotSaveStopsBeforeTheTargetIsChanged(t *testing.T) {
	t.Parallel()
	spec := hourly()
	spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(25 * time.Minute)}
	for name, failure := range map[string]error{
		"disk full": &fs.PathError{Op: "write", Path: "/state/checkpoint.json", Err: syscall.ENOSPC},
		"read-only": &fs.PathError{Op: "open", Path: "/state/checkpoint.json", Err: syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			saves := 0 // of a climb without failure
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, spec)
				s.requireDone(s.runnerOf(s.fake, fullStore(s.store, &saves, 1<<30, nil)).Run(t.Context()))
			})
			require.Greater(t, saves, 8)
			for n := 1; n <= saves; n++ {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, spec)
					_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), n, failure)).Run(t.Context())

					require.ErrorIs(t, err, failure)
					require.Equal(t, failure.Error(), err.Error())
					stored, err := s.runner().Status(t.Context())
					require.NoError(t, err)
					for _, e := range s.fake.Effects() {
						// Whatever was changed was announced before.
						announced := stored.Intent != nil && stored.Intent.RequestID == e.RequestID
						require.True(t, announced || e.To <= stored.Ratio && (stored.Applied || e.Kind != rollout.ChangeApply), "%s to %v without an intent", e.Kind, e.To)
					}

					// The disk has room again.
					s.requireDone(s.runner().Run(t.Context()))
					require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
				})
			}
		})
	}
}

// The deadline counts from the first attempt, which is remembered though nothing came of it.
func TestAFirstAttemptThatCannotBeStoredIsTheStoresFailure(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		full := errors.New("disk full")
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, fullStore(s.store, new(int), 1, full)).Run(t.Context())), full)
		require.Zero(t, time.Since(s.began))
	})
}

func TestAnObservationWithoutNewsIsNotStored(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(day)
		s.runUntil(time.Hour)
		stored, observations := s.state().Seq, s.fake.Calls(rollouttest.OpObserve)
		s.runUntil(10 * time.Hour)
		require.Equal(t, stored, s.state().Seq)
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), observations+100)
	})
}

func TestAFailureThatTheNextRunNeedNotKnowIsNotStored(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 1000, unavailable())
		s.runUntil(time.Hour)
		require.Equal(t, uint64(1), s.state().Seq, "that it began, once")
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), 10)
	})
}

// What cannot be read is not taken for a rollout that has not begun.
func TestAStateThatCannotBeReadIsNoFreshStart(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		stored, calls := s.state(), s.fake.Calls(rollouttest.OpAny)
		worn := errors.New("input/output error")
		r := s.runnerOf(s.fake, storeFailing(s.store, "Load", worn))
		_, err := r.Run(t.Context())
		require.ErrorIs(t, err, worn)
		_, err = r.Step(t.Context())
		require.ErrorIs(t, err, worn)
		for _, command := range []func(context.Context, string, string) (*rollout.Receipt, error){r.Pause, r.Resume, r.Abort} {
			receipt, err := command(t.Context(), "lin", "")
			require.ErrorIs(t, err, worn)
			require.Nil(t, receipt)
		}
		require.Equal(t, stored, s.state())
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		s.requireNoCommands()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// storeFailingOnce is a store whose n-th saving fails, and no other.
func storeFailingOnce(store rollout.Store, saves *int, n int, err error) hookedStore {
	return storeHooked(store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
		if *saves++; *saves == n {
			return err
		}
		return do()
	})
}

// A process that was killed then would not have remembered it.
func TestNothingIsDoneAfterWhatWasNotStored(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	var total int
	for n := 1; n == 1 || n <= total; n++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, hourly())
			s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(25 * time.Minute)}
			s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
			var saves, wholeSaves int
			store := storeFailingOnce(s.store, &saves, n, full)
			var failed int // how many calls there were
			s.fake.Before(func(context.Context, rollouttest.Call) error {
				if saves >= n {
					failed++
				}
				return nil
			})
			require.ErrorIs(t, errOf(s.runnerOf(s.fake, store).Run(t.Context())), full)
			require.Zero(t, failed)
			s.fake.Before(nil)
			whole := storeFailingOnce(s.store, &wholeSaves, 0, nil)
			s.requireDone(s.runnerOf(s.fake, whole).Run(t.Context()))
			if n == 1 {
				total = wholeSaves
			}
		})
	}
	require.Greater(t, total, 8)
}

func TestNothingIsChangedAfterAnIntentThatWasNotStored(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		// The first saving is the beginning, the second the intent to apply.
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 2, context.DeadlineExceeded)).Run(deadline(t, time.Hour))
		require.Error(t, err)
		require.Empty(t, s.fake.Effects(), "a store that times out is a store that did not store")
	})
}
