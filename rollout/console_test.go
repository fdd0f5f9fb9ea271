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

// between calls do once, after the target was read and right before the change.
func (s *stage) between(op rollouttest.Op, do func()) {
	done := false
	s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
		if c.Op == op && !done {
			done = true
			do()
		}
		return nil
	})
}

func TestAConsoleChangeBetweenReadingAndWritingIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		// Pat raises to 20 % in the moment in which the runner wants to set 10 %.
		s.between(rollouttest.OpRaise, func() { require.NoError(t, s.fake.SetRatio("pat", 20)) })

		state, err := s.runner().Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, []alipayplus.Ratio{20, 50, 100}, s.fake.Ratios())
		require.Equal(t, []string{"somebody else raised it from 0% to 20% by pat; going on from there"}, s.told(rollout.EventAdopted))
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "ADOPTED 0-20", "RAISED 20-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		require.Equal(t, rollout.RatioChange{From: 0, To: 20, Outside: true, By: "pat", At: state.Changes[0].At}, state.Changes[0])
		require.False(t, state.Changes[1].Outside)
		require.GreaterOrEqual(t, liveFor(s.fake)[20], time.Hour, "what somebody else set is watched too")
	})
}

// That the target stands where the runner wanted it does not make it the runner's doing.
func TestTheSameChangeInTheConsoleAMomentBeforeIsTheirs(t *testing.T) {
	for name, tt := range map[string]struct {
		op    rollouttest.Op
		do    func(*rollouttest.Fake) error
		audit []string
	}{
		"a raise":          {rollouttest.OpRaise, func(f *rollouttest.Fake) error { return f.SetRatio("pat", 10) }, []string{"STARTED 0-0", "APPLIED 0-0", "ADOPTED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}},
		"the full release": {rollouttest.OpPublish, func(f *rollouttest.Fake) error { return f.SetRatio("pat", 100) }, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "ADOPTED 50-100", "DONE 100-100"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.between(tt.op, func() { require.NoError(t, tt.do(s.fake)) })
				s.requireDone(s.runner().Run(t.Context()))
				require.Equal(t, tt.audit, s.audit())
			})
		})
	}
	t.Run("an application", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, plain())
			s.between(rollouttest.OpApply, func() { require.NoError(t, s.fake.ApplyAs("pat")) })
			_, err := s.runner().Run(t.Context())
			require.ErrorIs(t, err, alipayplus.ErrConflict)
			require.ErrorContains(t, err, "the version is under review already, and this rollout did not apply for it")
			require.Equal(t, []string{"STARTED 0-0"}, s.audit())
		})
	})
}

// Whoever goes on after a change that was refused must not take what others do for it.
func TestAChangeThatWasRefusedIsNotRemembered(t *testing.T) {
	for name, refusal := range map[string]error{"a conflict": alipayplus.ErrConflict, "a refusal": alipayplus.ErrPermission} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					switch {
					case c.Op == rollouttest.OpRaise:
						return refusal
					case s.fake.Calls(rollouttest.OpRaise) > 0:
						return alipayplus.ErrNotFound
					}
					return nil
				})
				_, err := s.runner().Run(t.Context())
				require.Error(t, err)
				require.Nil(t, s.state().Intent)

				s.fake.Before(nil)
				require.NoError(t, s.fake.SetRatio("pat", 10))
				s.requireDone(s.runner().Run(t.Context()))
				require.Contains(t, s.audit(), "ADOPTED 0-10")
			})
		})
	}
}

func TestAChangeThatOthersMadeImpossibleIsMeantAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		keys := make(map[string]alipayplus.Ratio)
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			if c.Op != rollouttest.OpRaise || c.Change.To != 10 {
				return nil
			}
			keys[c.Change.RequestID] = c.Change.From
			if len(keys) > 1 {
				return nil
			}
			// What became of the call is not known; it had no effect, and Pat sets 5 %.
			require.NoError(t, s.fake.SetRatio("pat", 5))
			return rollout.Transient(errors.New("reset by peer"))
		})

		_, err := s.runner().Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{5, 10, 50, 100}, s.fake.Ratios())
		require.Len(t, keys, 2, "another change has another key")
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "ADOPTED 0-5", "RAISED 5-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestAChangeThatANewSpecMeansDifferentlyHasAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpRaise, 60, rollout.Transient(errors.New("reset by peer")))
		s.runUntil(3 * time.Hour)
		old := s.state().Intent
		require.Equal(t, alipayplus.Ratio(10), old.To)
		s.spec.Steps[0].Ratio = 20
		for s.fake.Now().Ratio == 0 {
			_, err := s.runner(rollout.WithNewSpec()).Step(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		s.requireDone(s.runner().Run(t.Context()))
		for _, e := range s.fake.Effects() {
			require.NotEqual(t, old.RequestID, e.RequestID)
		}
	})
}

func TestWhatOthersRaiseIsAdoptedAndNotReversed(t *testing.T) {
	for name, tt := range map[string]struct {
		to    alipayplus.Ratio
		set   []alipayplus.Ratio
		line  string
		audit []string
	}{
		"to the next step": {
			50,
			[]alipayplus.Ratio{10, 50, 100},
			"somebody else raised it from 10% to 50% by pat; going on from there",
			[]string{"ADOPTED 10-50", "RAISED 50-100", "DONE 100-100"},
		},
		"to a ratio between two steps": {
			30,
			[]alipayplus.Ratio{10, 30, 50, 100},
			"somebody else raised it from 10% to 30% by pat; going on from there",
			[]string{"ADOPTED 10-30", "RAISED 30-50", "RAISED 50-100", "DONE 100-100"},
		},
		"to all users": {
			100,
			[]alipayplus.Ratio{10, 100},
			"somebody else raised it from 10% to 100% by pat; going on from there",
			[]string{"ADOPTED 10-100", "DONE 100-100"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				s.at(90*time.Minute, func() { require.NoError(t, s.fake.SetRatio("pat", tt.to)) })
				state, err := s.runner().Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, rollout.Done, state.Status)
				require.Equal(t, tt.set, s.fake.Ratios())
				require.Equal(t, []string{tt.line}, s.told(rollout.EventAdopted))
				require.Equal(t, append([]string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10"}, tt.audit...), s.audit())
				require.Nil(t, state.Intent)
			})
		})
	}
}

func TestWhatWasLiveBeforeIsGoneOnFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		require.NoError(t, s.fake.SetRatio("pat", 20))
		state, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{20, 50, 100}, s.fake.Ratios())
		require.Equal(t, []string{"20% was live already by pat"}, s.told(rollout.EventAdopted))
		require.True(t, state.Changes[0].Outside)
		require.GreaterOrEqual(t, liveFor(s.fake)[20], time.Hour)
	})
}

func TestARatioThatFellStopsTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
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
		state, err = s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, []alipayplus.Ratio{10, 50, 5, 10, 50, 100}, s.fake.Ratios())
	})
}

func TestACanceledOrArchivedReleaseEndsTheRollout(t *testing.T) {
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
				s.at(90*time.Minute, func() {
					s.fake.Edit("", func(o *rollout.Observation) { o.Status = alipayplus.ReleaseArchived })
				})
			},
			"rollout release 1 is ended at 10%: the release is archived: a later version took its place; it is over; release a later version", 10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				tt.do(t, s)
				state, err := s.runner().Run(t.Context())
				require.EqualError(t, err, tt.line)
				require.ErrorIs(t, err, alipayplus.ErrConflict)
				require.Equal(t, rollout.Ended, state.Status)
				require.Equal(t, tt.ratio, state.Ratio)
				require.Nil(t, state.Intent)
				calls := s.fake.Calls(rollouttest.OpAny)

				// It stays so: nobody is asked anything any more.
				_, err = s.runner().Run(t.Context())
				require.EqualError(t, err, tt.line)
				_, err = s.runner().Resume(t.Context(), "lin", "")
				require.EqualError(t, err, "rollout release 1: it is ENDED; nothing is left to resume")
				require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
			})
		})
	}
}

func TestAStatusThatNobodyKnowsIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.at(90*time.Minute, func() {
			s.fake.Edit("", func(o *rollout.Observation) { o.Status = "FROZEN" })
		})
		s.at(9*time.Hour, func() {
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			s.fake.Edit("", func(o *rollout.Observation) { o.Status = alipayplus.ReleaseGrayscale })
		})
		s.requireDone(s.runner().Run(t.Context()))
		require.Contains(t, s.told(rollout.EventWaiting), "the target is in status FROZEN, which this library does not know")
	})
}

func TestAGrayscaleOfAllUsersIsNoReasonToPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Status, o.Ratio = alipayplus.ReleaseGrayscale, 100 })
		_, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		state, err := s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
	})
}

func TestALadderThatShrankIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		ladder, err := alipayplus.NewLadder(10, 30, 100)
		require.NoError(t, err)
		s.at(90*time.Minute, func() { s.fake.Edit("", func(o *rollout.Observation) { o.Ladder = ladder }) })
		_, err = s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1: rollout spec: 1 field not valid: steps[1].ratio is 50%, which the target does not offer; it offers 10%, 30%, 100%")
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

func TestNoReviewIsSpentOnRatiosThatTheTargetDoesNotOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.spec.Steps = []rollout.StepSpec{{Ratio: 1}, {Ratio: 3, Approval: true}, {Ratio: 100}}
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, "steps[1].ratio is 3%, which the target does not offer")
		require.Zero(t, time.Since(s.began))
		require.Empty(t, s.fake.Effects())
	})
}

// What is behind may be as it is: the target need not offer it any more.
func TestRatiosThatAreBehindNeedNotBeOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		ladder, err := alipayplus.NewLadder(50, 100)
		require.NoError(t, err)
		s.at(90*time.Minute, func() { s.fake.Edit("", func(o *rollout.Observation) { o.Ladder = ladder }) })
		s.at(100*time.Minute, func() {
			plan, err := s.runner().Plan(t.Context())
			require.NoError(t, err)
			require.False(t, plan.Blocked())
		})
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// The status and the verdicts are as they were, and yet there is something to store.
func TestWhatIsAdoptedIsStoredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, hourly())
		require.NoError(t, s.fake.SetRatio("pat", 30))
		_, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, alipayplus.Ratio(30), s.state().Ratio)
		require.Contains(t, s.audit(), "ADOPTED 10-30")
	})
}
