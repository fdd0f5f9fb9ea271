package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestATargetThatIsDownForAnHourIsObservedSeldomAndTheRolloutGoesOn(t *testing.T) {
	t.Parallel()
	for _, from := range []time.Duration{time.Minute, 90 * time.Minute, 2 * time.Hour} {
		runOnStage(t, fmt.Sprint(from), hourly(), func(t *testing.T, s *stage) {
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
				s.emitted(rollout.EventRetrying))
			require.LessOrEqual(t, time.Since(s.began), 4*time.Hour+15*time.Minute, "it goes on soon after")
			require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		})
	}
}

func TestAWaitingRolloutIsReadSeldom(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(5 * 24 * time.Hour)
		s.requireDone(s.runner(rollout.WithInterval(30 * time.Minute)).Run(t.Context()))
		// Five days of 48 half hours, and a little more often at the beginnings.
		require.LessOrEqual(t, s.fake.Calls(rollouttest.OpObserve), 5*48*11/9+100)
		require.GreaterOrEqual(t, s.fake.Calls(rollouttest.OpObserve), 5*48*9/11)
	})
}

func TestAnswersThatGetLostChangeNothingOfTheEnd(t *testing.T) {
	t.Parallel()
	lost := &alipayplus.Error{Operation: "releases.grayscale", Message: "no answer", OutcomeUnknown: true}
	for _, failing := range []rollouttest.Op{rollouttest.OpApply, rollouttest.OpRaise, rollouttest.OpPublish} {
		for _, times := range []int{1, 2, 5} {
			for name, fail := range map[string]func(*rollouttest.Fake){
				"after the effect":  func(f *rollouttest.Fake) { f.LoseNext(failing, times, lost) },
				"before the effect": func(f *rollouttest.Fake) { f.FailNext(failing, times, lost) },
			} {
				runOnStage(t, fmt.Sprintf("%s, %d times, %s", failing, times, name), hourly(), func(t *testing.T, s *stage) {
					fail(s.fake)
					s.requireDone(s.runner().Run(t.Context()))
					require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
					ids := make(map[string]bool)
					for _, e := range s.fake.Effects() {
						ids[e.RequestID] = true
					}
					require.Len(t, ids, 4)
				})
			}
		}
	}
}

func TestAnAuthorizationThatIsRevokedOnTheWayIsAskedFor(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Ratio = 30
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
	t.Parallel()
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
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.fake.FailNext(tt.op, 1, tt.err)
			_, err := s.runner().Run(t.Context())
			require.ErrorIs(t, err, tt.err)
			require.EqualError(t, err, tt.line)
			require.Empty(t, s.emitted(rollout.EventRetrying))
			s.requireDone(s.runner().Run(t.Context()))
		})
	}
}

func TestWhatATargetAsksForIsNeverUndercut(t *testing.T) {
	t.Parallel()
	down := errors.New("maintenance")
	for name, tt := range map[string]struct {
		err   error
		least time.Duration
	}{
		"by the platform":          {&alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeTrafficExceedLimit, Message: "too many calls", RetryAfter: 20 * time.Minute}, 20 * time.Minute},
		"by the platform for days": {&alipayplus.Error{Operation: "releases.get", Message: "later", Retryable: true, RetryAfter: 100 * time.Hour}, time.Hour},
		"by another target":        {rollout.TransientAfter(down, 20*time.Minute), 20 * time.Minute},
		"through a target":         {rollout.Transient(&alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeTrafficExceedLimit, Message: "too many calls", RetryAfter: 20 * time.Minute}), 20 * time.Minute},
		"by less than is usual":    {rollout.TransientAfter(down, time.Millisecond), 1800 * time.Millisecond},
		"by more than an hour":     {rollout.TransientAfter(down, 100*time.Hour), time.Hour},
		"by nothing":               {rollout.TransientAfter(down, -time.Hour), 1800 * time.Millisecond},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			waits := make(map[time.Duration]bool)
			for range 50 {
				s := newStage(t, plain())
				s.fake.FailNext(rollouttest.OpObserve, 1, tt.err)
				next := s.step()
				require.Equal(t, "trying again after a failure: "+tt.err.Error(), next.What)
				wait := time.Until(next.At)
				require.GreaterOrEqual(t, wait, tt.least)
				require.LessOrEqual(t, wait, max(tt.least*11/10, 2200*time.Millisecond))
				waits[wait] = true
			}
			require.Greater(t, len(waits), 10, "not all who wait for one target ask at the same moment")
		})
	}
}

func TestAnErrorThatMayPassIsStillThatError(t *testing.T) {
	t.Parallel()
	down := errors.New("maintenance")
	require.ErrorIs(t, rollout.TransientAfter(down, time.Hour), down)
	require.EqualError(t, rollout.TransientAfter(down, time.Hour), "maintenance")
	require.NoError(t, rollout.TransientAfter(nil, time.Hour))
	require.NoError(t, rollout.Transient(nil))
}

func TestWhoIsStoppedDuringAnOutageIsPending(t *testing.T) {
	t.Parallel()
	for _, op := range []rollouttest.Op{rollouttest.OpObserve, rollouttest.OpApply} {
		for name, run := range map[string]func(context.Context, *rollout.Runner) error{
			"run":  func(ctx context.Context, r *rollout.Runner) error { _, err := r.Run(ctx); return err },
			"step": func(ctx context.Context, r *rollout.Runner) error { _, err := r.Step(ctx); return err },
		} {
			runOnStage(t, name+" "+string(op), plain(), func(t *testing.T, s *stage) {
				ctx, cancel := context.WithCancel(t.Context())
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == op {
						cancel()
						return unavailable()
					}
					return nil
				})
				err := run(ctx, s.runner())
				require.ErrorAs(t, err, new(*rollout.PendingError))
				require.ErrorIs(t, err, rollout.ErrPending)
				require.ErrorIs(t, err, context.Canceled)
				require.NotErrorIs(t, err, alipayplus.ErrConflict)
				require.Empty(t, s.emitted(rollout.EventFailed))
				s.fake.Before(nil)
				s.requireDone(s.runner().Run(t.Context()))
			})
		}
	}
}

func TestTheTargetIsReadRightBeforeEachChange(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Review = rollout.ReviewReplace
		for i := range s.spec.Steps {
			s.spec.Steps[i].Approval = true
		}
		s.other(alipayplus.ReleaseUnderReview)
		s.reads()
		for i, ratio := range []alipayplus.Ratio{10, 50, 100} {
			s.at(time.Duration(3+2*i)*time.Hour, func() {
				require.NoError(t, errOf(s.runner(rollout.WithHost("b")).Approve(t.Context(), "lin", "", ratio)))
			})
		}
		s.requireDone(s.runner(rollout.WithInterval(20 * time.Minute)).Run(t.Context()))
	})
}

func TestAFrequentGateDoesNotMakeObservationsFrequent(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Bake = rollout.Duration(10 * time.Hour)
		asked := s.countQuestions()
		reads := s.reads()
		s.requireDone(s.runner(rollout.WithInterval(time.Hour)).Run(t.Context()))
		require.GreaterOrEqual(t, *asked, 11*60)
		require.LessOrEqual(t, *reads, 150)
	})
}

func TestAReviewOfMinutesIsFollowedClosely(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(10 * time.Minute)
		s.requireDone(s.runner(rollout.WithInterval(10 * time.Hour)).Run(t.Context()))
		seen := s.fake.Effects()[1].At.Sub(s.began)
		require.GreaterOrEqual(t, seen, 10*time.Minute)
		require.Less(t, seen, 13*time.Minute, "a quarter of the time it took, and a tenth of that")
	})
}

func TestAfterEachFailureTwiceAsLongIsWaited(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 12, unavailable())
		var calls []time.Time
		s.fake.Before(func(context.Context, rollouttest.Call) error {
			calls = append(calls, time.Now())
			return nil
		})
		s.requireDone(s.runner(rollout.WithInterval(10 * time.Minute)).Run(t.Context()))
		even := true
		for i, want := range []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600} {
			waited, tenth := calls[i+1].Sub(calls[i]), time.Duration(want)*time.Second/10
			require.InDelta(t, 10*tenth, waited, float64(tenth), "after failure %d", i+1)
			even = even && waited == 10*tenth
		}
		require.False(t, even, "not all who wait for the same target ask at the same moment")
	})
}

func TestAFailureAfterASuccessIsTheFirstAgain(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		fails := func(n int) bool { return n >= 2 && n <= 7 || n >= 9 && n <= 10 }
		var calls []time.Time
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			if c.Op != rollouttest.OpObserve {
				return nil
			}
			if calls = append(calls, time.Now()); fails(len(calls)) {
				return unavailable()
			}
			return nil
		})
		s.requireDone(s.runner().Run(t.Context()))
		for n, seconds := range map[int]int{2: 2, 3: 4, 7: 64, 9: 2, 10: 4} {
			want := time.Duration(seconds) * time.Second
			require.InDelta(t, want, calls[n].Sub(calls[n-1]), float64(want/10), "after call %d", n)
		}
	})
}
