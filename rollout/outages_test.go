package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAStoreThatCannotSaveStopsBeforeTheTargetIsChanged(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		full := errors.New("disk full")
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 1, full)).Run(t.Context())
		require.ErrorIs(t, err, full)
		require.Zero(t, time.Since(s.began))
	})
}

func TestALookThatFindsNothingNewIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(day)
		s.runUntil(time.Hour)
		stored, looks := s.state().Seq, s.fake.Calls(rollouttest.OpObserve)
		s.runUntil(10 * time.Hour)
		require.Equal(t, stored, s.state().Seq)
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), looks+100)
	})
}

func TestAFailureThatTheNextRunNeedNotKnowIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 1000, unavailable())
		s.runUntil(time.Hour)
		require.Equal(t, uint64(1), s.state().Seq, "that it began, once")
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), 10)
	})
}

// What cannot be read is not taken for a rollout that has not begun.
func TestAStateThatCannotBeReadIsNoFreshStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored, calls := s.state(), s.fake.Calls(rollouttest.OpAny)
		worn := errors.New("input/output error")
		r := s.runnerOf(s.fake, storeFailing(s.store, "Load", worn))
		_, err := r.Run(t.Context())
		require.ErrorIs(t, err, worn)
		_, err = r.Step(t.Context())
		require.ErrorIs(t, err, worn)
		for _, order := range []func(context.Context, string, string) (*rollout.Receipt, error){r.Pause, r.Resume, r.Abort} {
			receipt, err := order(t.Context(), "lin", "")
			require.ErrorIs(t, err, worn)
			require.Nil(t, receipt)
		}
		require.Equal(t, stored, s.state())
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		s.requireNoOrders()
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
			_, err := s.runnerOf(s.fake, store).Run(t.Context())
			require.ErrorIs(t, err, full)
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
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		// The first saving is the beginning, the second the intent to apply.
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 2, context.DeadlineExceeded)).Run(deadline(t, time.Hour))
		require.Error(t, err)
		require.Empty(t, s.fake.Effects(), "a store that times out is a store that did not store")
	})
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// unavailable is what the client makes of an answer 503.
func unavailable() error {
	return &alipayplus.Error{
		Operation: "releases.get", Code: alipayplus.CodeUnavailable, HTTPStatus: http.StatusServiceUnavailable,
		Message: "the platform cannot answer now", Retryable: true,
	}
}

func TestATargetThatIsDownForAnHourIsAskedSeldomAndThenGoneOnWith(t *testing.T) {
	for _, from := range []time.Duration{time.Minute, 90 * time.Minute, 2 * time.Hour} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				calls := 0
				s.fake.Before(func(context.Context, rollouttest.Call) error {
					if at := time.Since(s.began); at < from || at >= from+time.Hour {
						return nil
					}
					calls++
					return unavailable()
				})

				s.requireDone(s.runner().Run(t.Context()))

				// 2 s, 4 s, … 256 s, and then every 5 minutes, each more or less by a tenth.
				require.GreaterOrEqual(t, calls, 16)
				require.LessOrEqual(t, calls, 24)
				require.Equal(t, []string{"trying again after a failure: alipayplus: releases.get: SERVICE_UNAVAILABLE: the platform cannot answer now (HTTP 503)"},
					s.told(rollout.EventRetrying))
				require.LessOrEqual(t, time.Since(s.began), 4*time.Hour+15*time.Minute, "it goes on soon after")
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
			})
		})
	}
}

func TestATargetThatAsksForTimeIsGivenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 1, &alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeTrafficExceedLimit, Message: "too many calls", RetryAfter: 20 * time.Minute})
		next, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Until(next.At), 18*time.Minute)
		require.LessOrEqual(t, time.Until(next.At), 22*time.Minute)
	})
}

func TestAnHourIsTheMostThatATargetMayAskFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 1, &alipayplus.Error{Operation: "releases.get", Message: "later", Retryable: true, RetryAfter: 100 * time.Hour})
		next, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, time.Until(next.At), 66*time.Minute)
	})
}

func TestATargetMayAskForTimeItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		waits := make(map[time.Duration]bool)
		for range 5 {
			s.fake.FailNext(rollouttest.OpObserve, 1, rollout.TransientAfter(errors.New("busy"), 20*time.Minute))
			next, err := s.runner().Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, "trying again after a failure: busy", next.What)
			wait := time.Until(next.At)
			require.GreaterOrEqual(t, wait, 20*time.Minute, "not before")
			require.LessOrEqual(t, wait, 22*time.Minute)
			waits[wait] = true
		}
		require.Greater(t, len(waits), 1, "not all at the same moment")
	})
}

func TestAWaitingRolloutIsReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(5 * 24 * time.Hour)
		s.requireDone(s.runner(rollout.WithInterval(30 * time.Minute)).Run(t.Context()))
		// Five days of 48 half hours, and a little more often at the beginnings.
		require.LessOrEqual(t, s.fake.Calls(rollouttest.OpObserve), 5*48*11/9+100)
		require.GreaterOrEqual(t, s.fake.Calls(rollouttest.OpObserve), 5*48*9/11)
	})
}

func TestAnswersThatGetLostChangeNothingOfTheEnd(t *testing.T) {
	lost := &alipayplus.Error{Operation: "releases.grayscale", Message: "no answer", OutcomeUnknown: true}
	for _, failing := range []rollouttest.Op{rollouttest.OpApply, rollouttest.OpRaise, rollouttest.OpPublish} {
		for _, times := range []int{1, 2, 5} {
			for name, fail := range map[string]func(*rollouttest.Fake){
				"after the effect":  func(f *rollouttest.Fake) { f.LoseNext(failing, times, lost) },
				"before the effect": func(f *rollouttest.Fake) { f.FailNext(failing, times, lost) },
			} {
				t.Run(fmt.Sprintf("%s, %d times, %s", failing, times, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newStage(t, hourly())
						fail(s.fake)
						s.requireDone(s.runner().Run(t.Context()))
						require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
						ids := make(map[string]bool)
						for _, e := range s.fake.Effects() {
							ids[e.RequestID] = true
						}
						require.Len(t, ids, 4)
					})
				})
			}
		}
	}
}

func TestARepeatedChangeHasTheSameKey(t *testing.T) {
	for name, given := range map[string]func(*testing.T, *stage){
		"another version is in the way": func(_ *testing.T, s *stage) { s.other(alipayplus.ReleaseUnderReview) },
		"somebody else applied":         func(t *testing.T, s *stage) { require.NoError(t, s.fake.ApplyAs("pat")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				spec.Review = rollout.ReviewReplace
				s := newStage(t, spec)
				given(t, s)
				type change struct {
					op rollouttest.Op
					to alipayplus.Ratio
				}
				keys := make(map[change]map[string]int)
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					what := change{c.Op, c.Change.To}
					if c.Op != rollouttest.OpObserve && keys[what] == nil {
						keys[what] = make(map[string]int)
					}
					if c.Op != rollouttest.OpObserve {
						keys[what][c.Change.RequestID]++
					}
					return nil
				})
				for _, op := range []rollouttest.Op{rollouttest.OpWithdraw, rollouttest.OpApply, rollouttest.OpRaise, rollouttest.OpPublish} {
					s.fake.FailNext(op, 3, rollout.Transient(errors.New("reset by peer")))
				}
				state, err := s.runner().Run(t.Context())
				s.requireDone(state, err)
				for what, times := range map[change]int{
					{rollouttest.OpWithdraw, 0}: 4, {rollouttest.OpApply, 0}: 4, {rollouttest.OpRaise, 10}: 4, {rollouttest.OpRaise, 50}: 1, {rollouttest.OpPublish, 100}: 4,
				} {
					require.Len(t, keys[what], 1, "%v", what)
					for key, n := range keys[what] {
						require.NotEmpty(t, key)
						require.Equal(t, times, n, "%v", what)
					}
				}
				require.Equal(t, []string{
					"STARTED 0-0", "WITHDRAWN 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100",
				}, s.audit())
			})
		})
	}
}

func TestAnAuthorizationThatIsRevokedOnTheWayIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Steps[0].Ratio = 30
		s := newStage(t, spec)
		s.at(90*time.Minute, s.fake.Revoke)

		state, err := s.runner().Run(t.Context())

		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
		require.EqualError(t, err, "rollout release 1: mini program release 1 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns")
		require.Equal(t, rollout.Running, state.Status)
		require.Equal(t, alipayplus.Ratio(30), s.fake.Now().Ratio)
		require.Nil(t, s.state().Intent, "nothing happened, so nothing is left open")

		// As long as it is missing, each run says so, and does nothing.
		_, again := s.runner().Run(t.Context())
		require.EqualError(t, again, err.Error())
		require.Equal(t, []alipayplus.Ratio{30}, s.fake.Ratios())

		time.Sleep(48 * time.Hour)
		s.fake.Grant()
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []alipayplus.Ratio{30, 50, 100}, s.fake.Ratios())
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-30", "RAISED 30-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestAFailureThatDoesNotPassIsReturnedAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		op   rollouttest.Op
		err  error
		line string
	}{
		"reading": {
			rollouttest.OpObserve, fmt.Errorf("no such release: %w", alipayplus.ErrNotFound),
			"no such release: not found",
		},
		"changing": {
			rollouttest.OpRaise, fmt.Errorf("pat may not release: %w", alipayplus.ErrPermission),
			"rollout release 1: pat may not release: permission denied",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.fake.FailNext(tt.op, 1, tt.err)
				_, err := s.runner().Run(t.Context())
				require.ErrorIs(t, err, tt.err)
				require.EqualError(t, err, tt.line)
				require.Empty(t, s.told(rollout.EventRetrying))
				s.requireDone(s.runner().Run(t.Context()))
			})
		})
	}
}

func TestConflictsWithoutEndEndTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		conflict := fmt.Errorf("busy with something else: %w", alipayplus.ErrConflict)
		s.fake.FailNext(rollouttest.OpApply, 4, conflict)
		_, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1: busy with something else: conflicting state")
		require.ErrorIs(t, err, conflict)
		require.Equal(t, 4, s.fake.Calls(rollouttest.OpApply))
		require.Nil(t, s.state().Intent)

		// Three in a row are taken for what others do in between.
		s.fake.FailNext(rollouttest.OpApply, 3, conflict)
		s.fake.FailNext(rollouttest.OpRaise, 3, conflict)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAFailureHasOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		// Nothing can be written: neither the state nor the end of the lease.
		readOnly := hookedStore{Store: s.store, hook: func(_ context.Context, c storeCall, do func() error) error {
			if c.method == "Save" || c.method == "Release" {
				return fmt.Errorf("%s: %w", strings.ToLower(c.method), syscall.EROFS)
			}
			return do()
		}}
		_, err := s.runnerOf(s.fake, readOnly).Run(t.Context())
		require.ErrorIs(t, err, syscall.EROFS)
		require.NotContains(t, err.Error(), "\n")
	})
}
