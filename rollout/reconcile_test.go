package rollout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// The version had been applied for before; the name of that application vanishes while it
// is applied for anew, and the call fails. That is no sign of a new application.
func TestAnApplicationThatVanishedIsNoneThatWasMade(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Application = "application 0" })
		failed := false
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			if c.Op != rollouttest.OpApply || failed {
				return nil
			}
			failed = true
			s.fake.Edit("pat", func(o *rollout.Observation) { o.Application = "" })
			return unavailable()
		})
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, 2, s.fake.Calls(rollouttest.OpApply))
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

// The answer to the raise to 10 % gets lost, and so does its effect; meanwhile Pat sets a
// ratio beyond it.
func TestARaiseIsSettledByItsOwnRatioOnly(t *testing.T) {
	t.Parallel()
	for _, set := range []alipayplus.Ratio{30, 50, 100} {
		runOnStage(t, set.String(), plain(), func(t *testing.T, s *stage) {
			failed := false
			s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op != rollouttest.OpRaise || failed {
					return nil
				}
				failed = true
				require.NoError(t, s.fake.SetRatio("pat", set))
				return unavailable()
			})
			state, err := s.runner().Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, rollout.RatioChange{From: 0, To: set, Outside: true, By: "pat", At: state.Changes[0].At}, state.Changes[0])
			audit := s.audit()
			require.Equal(t, "ADOPTED 0-"+set.String()[:len(set.String())-1], audit[2])
			require.NotContains(t, audit, "RAISED 0-10", "10% was never live")
		})
	}
}

// A reading that is nothing must neither be acted on nor end the process.
func TestATargetWithoutObservationIsAnError(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		r := s.runnerOf(unseen{s.fake}, s.store)
		for name, do := range map[string]func() error{
			"run":   func() error { _, err := r.Run(t.Context()); return err },
			"step":  func() error { _, err := r.Step(t.Context()); return err },
			"apply": func() error { _, err := r.RunPlan(t.Context(), new(rollout.Plan)); return err },
		} {
			require.EqualError(t, do(), "rollout release 1: release 1 returned neither an observation nor an error; correct the target", name)
		}
		_, err := r.Plan(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		_, err = rollout.MakePlan("release 1", plain(), nil)
		require.EqualError(t, err, "rollout: a plan needs to know where release 1 stands: invalid input")
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		time.Sleep(time.Minute)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// unseen is a target whose readings come to nothing.
type unseen struct{ *rollouttest.Fake }

func (unseen) Observe(context.Context) (*rollout.Observation, error) { return nil, nil }

func TestAConsoleChangeBetweenObservationAndChangeIsAdopted(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		// Pat raises to 20 % in the moment in which the runner wants to set 10 %.
		s.between(rollouttest.OpRaise, func() { require.NoError(t, s.fake.SetRatio("pat", 20)) })

		state := s.finish()
		require.Equal(t, []alipayplus.Ratio{20, 50, 100}, s.fake.Ratios())
		require.Equal(t, []string{"somebody else raised it from 0% to 20% by pat; going on from there"}, s.emitted(rollout.EventAdopted))
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "ADOPTED 0-20", "RAISED 20-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		require.Equal(t, rollout.RatioChange{From: 0, To: 20, Outside: true, By: "pat", At: state.Changes[0].At}, state.Changes[0])
		require.False(t, state.Changes[1].Outside)
		require.GreaterOrEqual(t, liveFor(s.fake)[20], time.Hour, "what somebody else set is watched too")
	})
}

func TestWhatOthersRaiseIsAdoptedAndNotReversed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		to    alipayplus.Ratio
		set   []alipayplus.Ratio
		audit []string
	}{
		"to the next step":             {50, []alipayplus.Ratio{10, 50, 100}, []string{"ADOPTED 10-50", "RAISED 50-100", "DONE 100-100"}},
		"to a ratio between two steps": {30, []alipayplus.Ratio{10, 30, 50, 100}, []string{"ADOPTED 10-30", "RAISED 30-50", "RAISED 50-100", "DONE 100-100"}},
		"to all users":                 {100, []alipayplus.Ratio{10, 100}, []string{"ADOPTED 10-100", "DONE 100-100"}},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			s.at(90*time.Minute, func() { require.NoError(t, s.fake.SetRatio("pat", tt.to)) })
			state := s.finish()
			require.Equal(t, tt.set, s.fake.Ratios())
			require.Equal(t, []string{fmt.Sprintf("somebody else raised it from 10%% to %d%% by pat; going on from there", tt.to)}, s.emitted(rollout.EventAdopted))
			require.Equal(t, append([]string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10"}, tt.audit...), s.audit())
			require.Nil(t, state.Intent)
		})
	}
}

func TestWhatWasLiveBeforeIsGoneOnFrom(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		require.NoError(t, s.fake.SetRatio("pat", 20))
		state, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{20, 50, 100}, s.fake.Ratios())
		require.Equal(t, []string{"20% was live already by pat"}, s.emitted(rollout.EventAdopted))
		require.True(t, state.Changes[0].Outside)
		require.GreaterOrEqual(t, liveFor(s.fake)[20], time.Hour)
	})
}

func TestARatioThatFellStopsTheRollout(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(150*time.Minute, func() { require.NoError(t, s.fake.SetRatio("pat", 5)) })

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 50%: 5% is live where 50% was by pat, and a rollout never goes on from a ratio that fell by itself; resume to go on from what is live now, or abort")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Equal(t, rollout.Paused, state.Status)
		require.Equal(t, rollout.CauseOutside, state.Stop.Cause)
		require.Equal(t, []alipayplus.Ratio{10, 50, 5}, s.fake.Ratios(), "and changes nothing")

		// A person who knows of it lets it go on, from there.
		_, again := s.runner().Run(t.Context())
		require.EqualError(t, again, err.Error())
		receipt, err := s.runner().Resume(t.Context(), "lin", "pat and I agreed")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		s.finish()
		require.Equal(t, []alipayplus.Ratio{10, 50, 5, 10, 50, 100}, s.fake.Ratios())
	})
}

func TestACanceledOrArchivedReleaseEndsTheRollout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do    func(*testing.T, *stage)
		line  string
		ratio alipayplus.Ratio
	}{
		"canceled on the ladder": {
			func(t *testing.T, s *stage) {
				s.at(90*time.Minute, func() { require.NoError(t, s.fake.Cancel("pat")) })
			},
			"rollout release 1 is ended at 10%: the release was canceled by pat; it is over; release a later version", 10,
		},
		"canceled between reading and writing": {
			func(t *testing.T, s *stage) {
				s.between(rollouttest.OpRaise, func() { require.NoError(t, s.fake.Cancel("pat")) })
			},
			"rollout release 1 is ended at 0%: the release was canceled by pat; it is over; release a later version", 0,
		},
		"archived": {
			func(_ *testing.T, s *stage) {
				s.at(90*time.Minute, func() { s.fake.Edit("", func(o *rollout.Observation) { o.Status = alipayplus.ReleaseArchived }) })
			},
			"rollout release 1 is ended at 10%: the release is archived: a later version took its place; it is over; release a later version", 10,
		},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			tt.do(t, s)
			state, err := s.runner().Run(t.Context())
			require.EqualError(t, err, tt.line)
			require.ErrorIs(t, err, alipayplus.ErrConflict)
			require.Equal(t, rollout.Ended, state.Status)
			require.Equal(t, tt.ratio, state.Ratio)
			require.Nil(t, state.Intent)
			calls := s.fake.Calls(rollouttest.OpAny)

			// It stays so: nobody is asked anything any more.
			require.EqualError(t, errOf(s.runner().Run(t.Context())), tt.line)
			require.EqualError(t, errOf(s.runner().Resume(t.Context(), "lin", "")), "rollout release 1: it is ENDED; nothing is left to resume")
			require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		})
	}
}

func TestAStatusThatNobodyKnowsIsWaitedOut(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(90*time.Minute, func() { s.fake.Edit("", func(o *rollout.Observation) { o.Status = "FROZEN" }) })
		s.at(9*time.Hour, func() {
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			s.fake.Edit("", func(o *rollout.Observation) { o.Status = alipayplus.ReleaseGrayscale })
		})
		s.requireDone(s.runner().Run(t.Context()))
		require.Contains(t, s.emitted(rollout.EventWaiting), "the target is in status FROZEN, which this library does not know")
	})
}

func TestAGrayscaleOfAllUsersIsNoReasonToPanic(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Status, o.Ratio = alipayplus.ReleaseGrayscale, 100 })
		s.plan()
		s.finish()
	})
}

// The status and the verdicts are as they were, and yet there is something to store.
func TestWhatIsAdoptedIsStoredAtOnce(t *testing.T) {
	onStageAtTen(t, hourly(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.SetRatio("pat", 30))
		s.step()
		require.Equal(t, alipayplus.Ratio(30), s.state().Ratio)
		require.Contains(t, s.audit(), "ADOPTED 10-30")
	})
}

func TestApprovalsFromBeforeARatioFellAreGivenAnew(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		s.approve(50)
		s.runUntil(90 * time.Minute)
		require.Equal(t, alipayplus.Ratio(50), s.fake.Now().Ratio)
		require.NoError(t, s.fake.SetRatio("pat", 10))
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), alipayplus.ErrConflict)

		require.Equal(t, []alipayplus.Ratio{50}, s.resume().State.Unapproved(time.Now()))
		s.runUntil(12 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10, 50, 10}, s.fake.Ratios(), "what was agreed on was another 50%")
		require.Contains(t, s.emitted(rollout.EventWaiting), "waiting for approval of 50%; that of lin is void: 10% is live where 50% was by pat, and a rollout never goes on from a ratio that fell by itself")

		s.approve(50)
		_, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50, 10, 50, 100}, s.fake.Ratios())
	})
}

func TestApprovalsFromBeforeAPauseStillHold(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		s.approve(50)
		s.pause()
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAVersionThatWasWithdrawnToDevelopmentIsAppliedForAgainAfterOneResumption(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Status, o.Ratio = alipayplus.ReleaseNewVersionCreated, 0 })
		require.ErrorContains(t, errOf(s.runner().Run(t.Context())), "release 1 is paused at 10%: 0% is live where 10% was by pat, and a rollout never goes on from a ratio that fell by itself; resume to go on from what is live now, or abort")

		s.resume()
		s.finish()
		require.Equal(t, "application 2", s.fake.Now().Application)
		require.Equal(t, []alipayplus.Ratio{10, 10, 50, 100}, s.fake.Ratios())
	})
}
