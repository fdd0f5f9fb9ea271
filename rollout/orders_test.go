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

// approved is hourly with an approval before 50 %.
func approved() rollout.Spec {
	spec := hourly()
	spec.Steps[1].Approval = true
	return spec
}

func TestAnApprovalIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, approved())
		s.at(8*time.Hour, func() {
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			receipt, err := s.runner(rollout.WithHost("b")).Approve(t.Context(), "lin", "", 50)
			require.NoError(t, err)
			require.False(t, receipt.Handled, "the runner that has the lease does it")
			require.Regexp(t, `^a process \d+ run \w{6}$`, receipt.Holder)
			require.Nil(t, receipt.State)
		})
		state, err := s.runner().Run(t.Context())
		s.requireDone(state, err)
		require.Contains(t, s.told(rollout.EventWaiting), "waiting for approval of 50%")
		require.Equal(t, []string{"50% is approved"}, s.told(rollout.EventApproved))
		require.Equal(t, []rollout.Approval{{Ratio: 50, By: "lin", At: state.Approvals[0].At}}, state.Approvals)
		raised := s.fake.Effects()[2].At.Sub(s.began)
		require.GreaterOrEqual(t, raised, 8*time.Hour)
		require.Less(t, raised, 8*time.Hour+10*time.Second, "a run that waits looks for orders often")
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "APPROVED 10-50", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestAnApprovalMayComeBeforehand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, approved())
		receipt, err := s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		require.Equal(t, &rollout.Receipt{}, receipt, "it is left for the first run")
		state, err := s.runner().Status(t.Context())
		require.NoError(t, err)
		require.Nil(t, state, "an approval begins nothing")
		time.Sleep(40 * day) // nor does it start a deadline
		s.requireDone(s.runner().Run(t.Context()))
		require.NotContains(t, s.told(rollout.EventWaiting), "waiting for approval of 50%")
	})
}

func TestAnApprovalIsOfOneRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := approved()
		spec.Steps[2].Approval = true
		s := newStage(t, spec)
		_, err := s.runner().Approve(t.Context(), "lin", "", 100)
		require.NoError(t, err)
		s.runUntil(day)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		for _, ratio := range []alipayplus.Ratio{10, 20} {
			_, err = s.runner().Approve(t.Context(), "lin", "", ratio)
			require.EqualError(t, err, "rollout release 1: no step asks for approval of "+ratio.String()+": invalid input")
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		}
	})
}

func TestWhoAsksMustBeSaid(t *testing.T) {
	s := newStage(t, approved())
	_, err := s.runner().Pause(t.Context(), "", "because")
	require.EqualError(t, err, "rollout release 1: say who asks for it: invalid input")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	_, err = s.runner().Approve(t.Context(), "", "", 50)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
}

func TestAnotherRunnerPausesResumesAndAbortsOneThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		other := s.runner(rollout.WithHost("b"))
		s.at(90*time.Minute, func() {
			receipt, err := other.Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
			require.False(t, receipt.Handled)
		})

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 10%: lunch (by lin); resume or abort")
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, rollout.Paused, state.Status)
		require.Less(t, time.Since(s.began), 91*time.Minute)

		// Nothing happens for a day, and nobody needs to run for it to be resumed.
		time.Sleep(day)
		receipt, err := other.Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Running, receipt.State.Status)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())

		s.at(time.Since(s.began)+time.Minute, func() {
			_, err := other.Abort(t.Context(), "lin", "a broken icon")
			require.NoError(t, err)
		})
		state, err = s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is aborted at 10%: a broken icon (by lin); the version is canceled; 10% of the users have it; it is over; the next attempt is a rollout under another name")
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, rollout.Aborted, state.Status)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "RESUMED 10-10", "ABORTED 10-10",
		}, s.audit())
	})
}

// By the runner itself whatever the store is, and by others where the store tells.
func TestAnOrderIsHeardAtOnce(t *testing.T) {
	for name, by := range map[string]func(*stage, *rollout.Runner) *rollout.Runner{
		"of the runner":  func(_ *stage, r *rollout.Runner) *rollout.Runner { return r },
		"of another one": func(s *stage, _ *rollout.Runner) *rollout.Runner { return s.runner(rollout.WithHost("b")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				r := s.runner()
				var asked time.Time
				s.at(90*time.Minute, func() {
					asked = time.Now()
					_, err := by(s, r).Pause(t.Context(), "lin", "")
					require.NoError(t, err)
				})
				_, err := r.Run(t.Context())
				require.ErrorContains(t, err, ": paused by hand (by lin); ")
				require.Zero(t, time.Since(asked))
			})
		})
	}
}

func TestOrdersWhileNobodyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.runUntil(90 * time.Minute)
		r := s.runner(rollout.WithHost("b"))
		calls := s.fake.Calls(rollouttest.OpAny)

		receipt, err := r.Pause(t.Context(), "lin", "lunch")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Paused, receipt.State.Status)
		require.Equal(t, rollout.Stop{Cause: rollout.CausePerson, Reason: "lunch", By: "lin", At: receipt.State.Stop.At, Ratio: 10, Baked: receipt.State.Stop.Baked}, *receipt.State.Stop)
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		require.InDelta(t, 20*time.Minute, receipt.State.Stop.Baked.Std(), float64(10*time.Minute), "on another machine a part is not certain")

		_, err = r.Pause(t.Context(), "mei", "")
		require.EqualError(t, err, "rollout release 1: it is paused already")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		_, err = r.Resume(t.Context(), "mei", "")
		require.NoError(t, err)
		_, err = r.Resume(t.Context(), "mei", "")
		require.EqualError(t, err, "rollout release 1: it is running; only a paused rollout can be resumed")

		receipt, err = r.Abort(t.Context(), "lin", "")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, "the version is canceled; 10% of the users have it", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		for order, do := range map[string]func(context.Context, string, string) (*rollout.Receipt, error){"abort": r.Abort, "pause": r.Pause, "resume": r.Resume} {
			_, err = do(t.Context(), "mei", "")
			require.EqualError(t, err, "rollout release 1: it is ABORTED; nothing is left to "+order)
		}
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "REFUSED 10-10", "RESUMED 10-10", "REFUSED 10-10", "ABORTED 10-10",
			"REFUSED 10-10", "REFUSED 10-10", "REFUSED 10-10",
		}, s.audit())
	})
}

func TestAnOrderThatNobodyKnowsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "1", Kind: "REWIND", By: "lin"}))
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{`the order "REWIND" is not known`}, s.told(rollout.EventRefused))

		// When all is over, nothing is left to do.
		for id, order := range map[string]rollout.CommandKind{"2": rollout.CommandApprove, "3": "REWIND"} {
			require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: id, Kind: order, By: "lin"}))
			_, err := s.runner().Run(t.Context())
			require.NoError(t, err)
		}
		require.ElementsMatch(t, []string{
			`the order "REWIND" is not known`, "it is DONE; nothing is left to approve", "it is DONE; nothing is left to do",
		}, s.told(rollout.EventRefused))
	})
}

func TestAbortingGivesUpWhereverTheVersionStands(t *testing.T) {
	for name, tt := range map[string]struct {
		at     time.Duration
		status alipayplus.ReleaseStatus
		after  string
	}{
		"before it began": {0, alipayplus.ReleaseNewVersionCreated, "nobody has the version"},
		"under review":    {30 * time.Minute, alipayplus.ReleaseNewVersionCreated, "nobody has the version; its application is withdrawn"},
		"live":            {90 * time.Minute, alipayplus.ReleaseCanceled, "the version is canceled; 10% of the users have it"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				if tt.at > 0 {
					s.runUntil(tt.at)
				}
				receipt, err := s.runner().Abort(t.Context(), "lin", "no")
				require.NoError(t, err)
				require.Equal(t, rollout.Aborted, receipt.State.Status)
				require.Equal(t, tt.after, receipt.State.Stop.Aftermath)
				require.Equal(t, tt.status, s.fake.Now().Status)
				_, err = s.runner().Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrAborted)
			})
		})
	}
}

func TestAPausedRolloutCanBeAborted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.gate = failing(10, new(bool))
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		receipt, err := s.runner().Abort(t.Context(), "lin", "no")
		require.NoError(t, err)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, rollout.CausePerson, receipt.State.Stop.Cause)
	})
}

func TestAFullReleaseCannotBeAborted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 100))
		receipt, err := s.runner().Abort(t.Context(), "lin", "no")
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorContains(t, err, "giving the version up was refused: ")
		require.Equal(t, rollout.Paused, receipt.State.Status)
		// It is all users' already: resuming says so.
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		state, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
	})
}

func TestAnAbortIsRepeatedUntilItIsKnown(t *testing.T) {
	for name, fail := range map[string]func(*rollouttest.Fake, error){
		"before its effect": func(f *rollouttest.Fake, err error) { f.FailNext(rollouttest.OpAbort, 5, err) },
		"after its effect":  func(f *rollouttest.Fake, err error) { f.LoseNext(rollouttest.OpAbort, 5, err) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				fail(s.fake, rollout.Transient(errors.New("reset by peer")))
				s.at(90*time.Minute, func() {
					_, err := s.runner(rollout.WithHost("b")).Abort(t.Context(), "lin", "no")
					require.NoError(t, err)
				})
				state, err := s.runner().Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrAborted)
				require.Equal(t, "the version is canceled; 10% of the users have it", state.Stop.Aftermath)
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
				require.Equal(t, 6, s.fake.Calls(rollouttest.OpAbort))
			})
		})
	}
}

func TestAnAbortSettlesFirstWhatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		// The answer to the raise gets lost, and the process dies of it.
		p := new(process)
		s.between(rollouttest.OpRaise, func() {})
		s.fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpRaise {
				p.dead = true
			}
			return nil
		})
		_, err := s.runnerOf(mortalTarget{p, s.fake}, mortalStore(p, s.store)).Run(t.Context())
		require.ErrorIs(t, err, errDead)
		s.fake.After(nil)
		require.Equal(t, alipayplus.Ratio(0), s.state().Ratio)
		time.Sleep(time.Minute)

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, alipayplus.Ratio(10), receipt.State.Ratio)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
	})
}

func TestACrashWhileAbortingAborts(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n, happened := 1, true; happened; n++ {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				s.runUntil(90 * time.Minute)
				p := &process{diesAt: n, after: after}
				_, err := s.runnerOf(mortalTarget{p, s.fake}, mortalStore(p, s.store)).Abort(t.Context(), "lin", "no")
				happened = p.dead
				if !happened {
					require.NoError(t, err)
				}
				time.Sleep(time.Minute)
				state, err := s.runner().Run(t.Context())
				if n < 3 || n == 3 && !after { // it died before anybody heard of it
					s.requireDone(state, err)
					return
				}
				require.ErrorIs(t, err, rollout.ErrAborted)
				require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
				require.Equal(t, "the version is canceled; 10% of the users have it", state.Stop.Aftermath)
			})
			if t.Failed() {
				t.Fatalf("after a crash at access %d, after its effect: %v", n, after)
			}
		}
	}
}

func TestOrdersThatWereLeftAreAllCarriedOutInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		for _, c := range []rollout.Command{
			{ID: "1", Kind: rollout.CommandPause, By: "lin", Reason: "lunch"},
			{ID: "2", Kind: rollout.CommandResume, By: "mei"},
		} {
			require.NoError(t, s.store.Post(t.Context(), "release 1", c))
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"STARTED 0-0", "PAUSED 0-0", "RESUMED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestAnOrderWhoseEffectWasNotStoredIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90 * time.Minute)
		full := errors.New("disk full")
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 1, full)).Pause(t.Context(), "lin", "lunch")
		require.ErrorIs(t, err, full)
		require.Equal(t, rollout.Running, s.state().Status)
		_, err = s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}
