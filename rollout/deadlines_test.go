package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestDeadlinesPauseAndAreNewAfterResuming(t *testing.T) {
	t.Parallel() // one of the longest of the package
	const wayOut = "; resume, which starts the deadlines anew, or abort"
	for name, tt := range map[string]struct {
		edit  func(*rollout.Spec)
		until time.Duration // reviews take
		line  string
		after time.Duration
		set   []alipayplus.Ratio
	}{
		"of the review": {
			func(s *rollout.Spec) { s.ReviewDeadline = rollout.Duration(2 * day) }, 3 * day,
			"paused at 0%: the review took longer than 2d", 2 * day, nil,
		},
		"of everything, in review": {
			func(s *rollout.Spec) { s.Deadline = rollout.Duration(36 * time.Hour) }, 2 * day,
			"paused at 0%: the rollout took longer than 1d12h", 36 * time.Hour, nil,
		},
		"of everything, live": {
			func(s *rollout.Spec) { s.Deadline = rollout.Duration(150 * time.Minute) }, time.Hour,
			"paused at 50%: the rollout took longer than 2h30m", 150 * time.Minute,
			[]alipayplus.Ratio{10, 50},
		},
		"of a step": {
			func(s *rollout.Spec) { s.Steps[0].Deadline, s.Steps[1].Approval = rollout.Duration(3*time.Hour), true }, time.Hour,
			"paused at 10%: the step at 10% took longer than 3h", 4 * time.Hour,
			[]alipayplus.Ratio{10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				tt.edit(&spec)
				s := newStage(t, spec)
				s.fake.ApproveAfter(tt.until)

				state, err := s.runner().Run(t.Context())

				require.EqualError(t, err, "rollout release 1 is "+tt.line+wayOut)
				require.ErrorIs(t, err, rollout.ErrDeadline)
				require.Equal(t, rollout.Paused, state.Status)
				require.Equal(t, rollout.CauseDeadline, state.Stop.Cause)
				require.Equal(t, tt.set, s.fake.Ratios(), "what is live stays live")
				took := time.Since(s.began)
				require.GreaterOrEqual(t, took, tt.after)
				require.Less(t, took, tt.after+12*time.Minute, "two readings later at most")

				// With as much time again, and the approval, it gets to the end.
				_, err = s.runner().Resume(t.Context(), "lin", "")
				require.NoError(t, err)
				if spec.Steps[1].Approval {
					_, err = s.runner().Approve(t.Context(), "lin", "", 50)
					require.NoError(t, err)
				}
				s.requireDone(s.runner().Run(t.Context()))
			})
		})
	}
}

// A machine that trusts the other's clock less than the step's deadline allows must not
// begin the bake time anew each time: it would never end.
func TestAStepThatTookTooLongIsNotWatchedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Steps[0].Deadline = rollout.Duration(62 * time.Minute)
		s := newStage(t, spec)
		s.runUntil(70 * time.Minute)
		_, err := s.runner(rollout.WithHost("b")).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrDeadline)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		s.requireDone(s.runner(rollout.WithHost("b")).Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
		require.Less(t, liveFor(s.fake)[10], 75*time.Minute)
	})
}

func TestTheDeadlineThatIsNotSaidIsThirtyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(40 * day)
		_, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		time.Sleep(30*day - 1)
		_, err = s.runner().Step(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		_, err = s.runner().Step(t.Context())
		require.EqualError(t, err, "rollout release 1 is paused at 0%: the rollout took longer than 30d; resume, which starts the deadlines anew, or abort")
	})
}

func TestTheDeadlineHoldsForATargetThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Deadline = rollout.Duration(day)
		s := newStage(t, spec)
		s.fake.FailNext(rollouttest.OpObserve, 10_000, unavailable())
		_, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is paused at 0%: the rollout took longer than 1d, and the target does not answer: alipayplus: releases.get: SERVICE_UNAVAILABLE: the platform cannot answer now (HTTP 503); resume, which starts the deadlines anew, or abort")
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.GreaterOrEqual(t, time.Since(s.began), day)
		require.Less(t, time.Since(s.began), day+10*time.Minute)
	})
}

func TestTheDeadlineCountsFromTheFirstAttemptThoughTheTargetWasNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Deadline = rollout.Duration(day)
		s := newStage(t, spec)
		s.fake.FailNext(rollouttest.OpObserve, 1000, unavailable())
		for range 24 { // as by cron
			_, err := s.runner().Step(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Hour)
		}
		_, err := s.runner().Step(t.Context())
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.Equal(t, []string{"STARTED 0-0", "PAUSED 0-0"}, s.audit())
	})
}

func TestWhoIsStoppedBeforeTheFirstStepIsPendingToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, run := s.runner().Run(over)
		_, step := s.runner().Step(over)
		for _, err := range []error{run, step} {
			require.ErrorIs(t, err, rollout.ErrPending)
			require.ErrorIs(t, err, context.Canceled)
			require.EqualError(t, err, "rollout release 1 is still pending: nothing was done yet; run it again to go on")
		}
		require.Zero(t, s.fake.Calls(rollouttest.OpAny))
		status, err := s.runner().Status(t.Context())
		require.NoError(t, err)
		require.Nil(t, status)
	})
}

func TestADeadlineDoesNotKeepAFullReleaseFromBeingSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 100))
		time.Sleep(60 * day)
		state, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
	})
}

func TestWhoIsStoppedIsToldWhatComesNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		state, err := s.runner().Run(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Regexp(t, `^rollout release 1 is still pending: watching 10% until 2000-01-01T02:\d\d:\d\dZ, next at 2000-01-01T01:3\d:\d\dZ; run it again to go on$`, err.Error())
		var pending *rollout.PendingError
		require.ErrorAs(t, err, &pending)
		require.False(t, pending.Next.Over)
		require.Equal(t, rollout.Running, state.Status)
		require.Equal(t, 90*time.Minute, time.Since(s.began))
		s.requireStored(state)

		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.runner().Step(over)
		require.ErrorIs(t, err, context.Canceled)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestWhoIsStoppedWhileTheTargetIsReadIsToldWhatWasWaitedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		given func(*stage)
		line  string
	}{
		"after a wait": {func(*stage) {}, `under review: ALIPAY_PLUS pending, ALIPAY_CN pending, next at 2000-01-01T00:\d\d:\d\dZ`},
		"after a failure": {
			func(s *stage) { s.fake.FailNext(rollouttest.OpObserve, 1, unavailable()) },
			`trying again after a failure: alipayplus: releases.get: .*, next at 2000-01-01T00:00:0\dZ`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				tt.given(s)
				ctx, cancel := context.WithCancel(t.Context())
				s.fake.Before(func(context.Context, rollouttest.Call) error {
					if len(s.told(rollout.EventWaiting, rollout.EventRetrying)) == 0 {
						return nil
					}
					cancel()
					return ctx.Err()
				})
				_, err := s.runner().Run(ctx)
				require.ErrorIs(t, err, rollout.ErrPending)
				require.Regexp(t, "^rollout release 1 is still pending: "+tt.line+"; run it again to go on$", err.Error())
				var pending *rollout.PendingError
				require.ErrorAs(t, err, &pending)
				require.NotNil(t, pending.Next.State)
			})
		})
	}
}

// heedless is a target that answers though nobody waits for it any more.
type heedless struct{ rollout.Target }

func (h heedless) Observe(ctx context.Context) (*rollout.Observation, error) {
	return h.Target.Observe(context.WithoutCancel(ctx))
}

func TestNothingIsBegunAfterTheEndOfTheContext(t *testing.T) {
	for name, run := range map[string]func(context.Context, *rollout.Runner) error{
		"run":  func(ctx context.Context, r *rollout.Runner) error { _, err := r.Run(ctx); return err },
		"step": func(ctx context.Context, r *rollout.Runner) error { _, err := r.Step(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				for i := range spec.Steps {
					spec.Steps[i].Bake = 0
				}
				s := newStage(t, spec)
				s.fake.ApproveAfter(0)
				ctx, cancel := context.WithCancel(t.Context())
				s.between(rollouttest.OpRaise, cancel)
				require.ErrorIs(t, run(ctx, s.runnerOf(heedless{s.fake}, s.store)), rollout.ErrPending)
				require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
				require.Equal(t, alipayplus.Ratio(10), s.state().Ratio)
			})
		})
	}
}

func TestAChangeThatWasBegunIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		ctx, cancel := context.WithCancel(t.Context())
		// The job is killed in the moment in which 10 % is being set.
		s.between(rollouttest.OpRaise, func() {
			cancel()
			time.Sleep(time.Minute)
		})
		_, err := s.runner().Run(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Equal(t, alipayplus.Ratio(10), s.state().Ratio)
		require.Nil(t, s.state().Intent)
	})
}

func TestACallThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		hung := make(map[rollouttest.Op]time.Duration)
		s.fake.Before(func(ctx context.Context, c rollouttest.Call) error {
			if hung[c.Op] > 0 {
				return nil
			}
			began := time.Now()
			<-ctx.Done()
			hung[c.Op] = time.Since(began)
			return nil
		})
		s.requireDone(s.runner(rollout.WithCallTimeout(7 * time.Second)).Run(t.Context()))
		for _, op := range []rollouttest.Op{rollouttest.OpObserve, rollouttest.OpApply, rollouttest.OpRaise, rollouttest.OpPublish} {
			require.Equal(t, 7*time.Second, hung[op], op)
		}
	})
}

func TestStepsAtIntervalsClimbAsARunDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		var last *rollout.Next
		for steps := 0; ; steps++ {
			require.Less(t, steps, 500)
			before := time.Now()
			next, err := s.runner().Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, before, time.Now(), "a step does not wait")
			if last = next; next.Over {
				break
			}
			require.True(t, next.At.After(before))
			require.NotEmpty(t, next.What)
			time.Sleep(time.Until(next.At))
		}
		require.Equal(t, "all users have the version", last.What)
		s.requireDone(last.State, nil)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		next, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		require.True(t, next.Over)
	})
}

func TestAStepThatComesTooEarlyDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		for range 4 * 60 {
			_, err := s.runner().Step(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
		require.GreaterOrEqual(t, liveFor(s.fake)[50], time.Hour)
	})
}
