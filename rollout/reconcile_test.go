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

// The process dies when 10 % are set, before it can store that; Pat takes them back. The next one comes when the target does
// not remember the request any more: Pat's users do not get the version again.
func TestARaiseThatWasTakenBackIsNotMadeAgain(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		first := s.runnerOf(mortalTarget{new(process), s.fake}, hookedStore{Store: s.store, hook: func(_ context.Context, _ storeCall, do func() error) error {
			if len(s.fake.Ratios()) > 0 {
				return errDead
			}
			return do()
		}})
		require.ErrorIs(t, errOf(first.Run(t.Context())), errDead)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Status, o.Ratio = alipayplus.ReleasePreparation, 0 })
		time.Sleep(25 * time.Hour)

		state, err := s.runnerOf(forgetful{s.fake}, s.store).Run(t.Context())

		require.ErrorAs(t, err, new(*rollout.StoppedError))
		require.Equal(t, rollout.CauseOutside, state.Stop.Cause)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10"}, s.audit())
		s.resume()
		s.finish()
		require.Equal(t, []alipayplus.Ratio{10, 10, 50, 100}, s.fake.Ratios(), "who has seen that it was taken back may want it again")
	})
}

// forgetful is a target that has forgotten earlier requests.
type forgetful struct{ *rollouttest.Fake }

func (t forgetful) Raise(ctx context.Context, c rollout.Change) error {
	c.RequestID += " again"
	return t.Fake.Raise(ctx, c)
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

// A ratio that somebody took back and set again between two observations is watched for its whole time anew.
func TestARatioThatWasSetAgainIsLiveAnew(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(90*time.Minute, func() {
			require.NoError(t, s.fake.SetRatio("pat", 5))
			require.NoError(t, s.fake.SetRatio("pat", 10))
		})
		s.finish()
		require.Equal(t, []alipayplus.Ratio{10, 5, 10, 50, 100}, s.fake.Ratios())
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
	})
}

// Nothing from before a ratio was taken back and set again counts, and no pause after it.
func TestARatioThatWasSetAgainAroundAPauseIsLiveAnew(t *testing.T) {
	spec := plain()
	spec.Steps[0].Bake = rollout.Duration(10 * time.Hour)
	for name, meanwhile := range map[string]func(s *stage, again func()){
		"during it":      func(s *stage, again func()) { s.pause(); again() },
		"and not before": func(s *stage, again func()) { again(); s.pause() },
		"and nothing was observed before it": func(s *stage, again func()) {
			s.rewrite(func(state map[string]any) { delete(state, "liveAt") })
			s.pause()
			again()
		},
		"and it is paused twice": func(s *stage, again func()) { s.pause(); again(); s.resume(); s.pause() },
		"and an abort that is refused sees it": func(s *stage, again func()) {
			s.pause()
			again()
			s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrConflict)
			require.ErrorIs(s, errOf(s.runner().Abort(s.Context(), "lin", "no")), rollout.ErrPaused)
		},
	} {
		for _, pause := range []time.Duration{time.Hour, 20 * time.Hour} {
			runOnStageAtTen(t, name+" of "+pause.String(), spec, func(t *testing.T, s *stage) {
				s.runUntil(9 * time.Hour)
				meanwhile(s, func() {
					require.NoError(t, s.fake.SetRatio("pat", 5))
					require.NoError(t, s.fake.SetRatio("pat", 10))
				})
				time.Sleep(pause)
				s.resume()
				s.finish()
				require.Equal(t, []alipayplus.Ratio{10, 5, 10, 50, 100}, s.fake.Ratios())
				require.InDelta(t, 10*time.Hour+pause, liveFor(s.fake)[10], float64(time.Minute))
			})
		}
	}
}

// What was watched since a ratio was set again is not lost by a further pause.
func TestAPauseAfterARatioWasSetAgainLosesNothing(t *testing.T) {
	spec := plain()
	spec.Steps[0].Bake = rollout.Duration(10 * time.Hour)
	onStageAtTen(t, spec, func(t *testing.T, s *stage) {
		s.pause()
		require.NoError(t, s.fake.SetRatio("pat", 5))
		require.NoError(t, s.fake.SetRatio("pat", 10))
		s.resume()
		s.runUntil(9 * time.Hour)
		s.pause()
		time.Sleep(time.Hour)
		s.resume()
		s.finish()
		require.InDelta(t, 11*time.Hour, liveFor(s.fake)[10], float64(time.Minute))
	})
}

// What is set again after a resumption is live since then, and one event says so.
func TestARatioThatWasSetAgainAfterAPauseIsRecordedOnce(t *testing.T) {
	spec := plain()
	spec.Steps[0].Bake = rollout.Duration(10 * time.Hour)
	onStageAtTen(t, spec, func(t *testing.T, s *stage) {
		s.runUntil(5 * time.Hour)
		s.pause()
		time.Sleep(time.Hour)
		s.resume()
		s.runUntil(7 * time.Hour)
		require.NoError(t, s.fake.SetRatio("pat", 5))
		require.NoError(t, s.fake.SetRatio("pat", 10))
		s.finish()
		require.Len(t, s.all(rollout.EventClock), 1, s.all(rollout.EventClock))
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

// TestAnArchivedVersionProvesNoPublication: somebody else has published it, and taken it away again.
func TestAnArchivedVersionProvesNoPublication(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.between(rollouttest.OpPublish, func() {
			s.fake.FailNext(rollouttest.OpPublish, 1, alipayplus.ErrOutcomeUnknown)
			s.fake.Edit("", func(o *rollout.Observation) { o.Status = alipayplus.ReleaseArchived })
		})

		state, err := s.runner().Run(t.Context())

		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Equal(t, rollout.Ended, state.Status)
		require.Equal(t, alipayplus.Ratio(50), state.Ratio)
		require.NotContains(t, s.audit(), "RAISED 50-100")
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

		requireNoApproval(t, s.resume().State, 50)
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

// That the target stands where the runner wanted it does not make it the runner's doing.
func TestTheSameChangeInTheConsoleAMomentBeforeIsNotTheRollouts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		op    rollouttest.Op
		do    func(*rollouttest.Fake) error
		audit []string
	}{
		"a raise":          {rollouttest.OpRaise, func(f *rollouttest.Fake) error { return f.SetRatio("pat", 10) }, []string{"STARTED 0-0", "APPLIED 0-0", "ADOPTED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}},
		"the full release": {rollouttest.OpPublish, func(f *rollouttest.Fake) error { return f.SetRatio("pat", 100) }, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "ADOPTED 50-100", "DONE 100-100"}},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.between(tt.op, func() { require.NoError(t, tt.do(s.fake)) })
			s.requireDone(s.runner().Run(t.Context()))
			require.Equal(t, tt.audit, s.audit())
		})
	}
	runOnStage(t, "an application", plain(), func(t *testing.T, s *stage) {
		s.between(rollouttest.OpApply, func() { require.NoError(t, s.fake.ApplyAs("pat")) })
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "the version is under review already, and this rollout did not apply for it")
		require.Equal(t, []string{"STARTED 0-0"}, s.audit())
	})
}

// Whoever goes on after a change that was refused must not take what others do for it.
func TestAChangeThatWasRefusedIsNotRemembered(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{"a conflict": alipayplus.ErrConflict, "a refusal": alipayplus.ErrPermission} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
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
	}
}

func TestAChangeThatOthersMadeImpossibleIsMeantAnew(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
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
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpRaise, 60, rollout.Transient(errors.New("reset by peer")))
		s.runUntil(3 * time.Hour)
		old := s.state().Intent
		require.Equal(t, alipayplus.Ratio(10), old.To)
		s.spec.Steps[0].Ratio = 20
		for s.fake.Now().Ratio == 0 {
			s.step(rollout.WithNewSpec())
			time.Sleep(time.Minute)
		}
		s.requireDone(s.runner().Run(t.Context()))
		for _, e := range s.fake.Effects() {
			require.NotEqual(t, old.RequestID, e.RequestID)
		}
	})
}

// A process that is killed during a change leaves behind what it went by, also when that change was meant before.
func TestWhatAChangeGoesByIsStoredBeforeIt(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpRaise, 60, rollout.Transient(errors.New("reset by peer")))
		s.runUntil(3 * time.Hour)
		meant := s.state().Intent
		require.Equal(t, alipayplus.Ratio(10), meant.To)
		s.spec.Deadline = rollout.Duration(500 * time.Hour)
		raised := 0
		s.before(rollouttest.OpRaise, func() {
			raised++
			require.Equal(t, s.spec.Hash(), s.state().Spec.Hash())
			require.Contains(t, s.audit(), "REPLANNED 0-0")
			require.Equal(t, meant.RequestID, s.state().Intent.RequestID)
		})
		s.step(rollout.WithNewSpec())
		require.Equal(t, 1, raised)
	})
}

func TestAChangeThatWasBegunIsFinished(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
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
	onStage(t, plain(), func(t *testing.T, s *stage) {
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

func TestARepeatedChangeHasTheSameKey(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(*testing.T, *stage){
		"another version is in the way": func(_ *testing.T, s *stage) { s.other(alipayplus.ReleaseUnderReview) },
		"somebody else applied":         func(t *testing.T, s *stage) { require.NoError(t, s.fake.ApplyAs("pat")) },
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.spec.Review = rollout.ReviewReplace
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
	}
}

func TestConflictsWithoutEndEndTheRun(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
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

// A target may answer with a conflict and not know what became of the change: then it need
// not mean that nothing happened.
func TestAConflictOfWhichTheOutcomeIsUnknownKeepsTheIntent(t *testing.T) {
	t.Parallel()
	both := errors.Join(alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown)
	for name, tt := range map[string]struct {
		fail  func(*rollouttest.Fake)
		calls int
	}{
		"it had its effect": {func(f *rollouttest.Fake) { f.LoseNext(rollouttest.OpRaise, 1, both) }, 1},
		"it had none":       {func(f *rollouttest.Fake) { f.FailNext(rollouttest.OpRaise, 1, both) }, 2},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.spec.Steps = []rollout.StepSpec{s.spec.Steps[0], s.spec.Steps[2]} // one raise
			s.fake.ApproveAfter(0)
			keys := make(map[string]int)
			s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpRaise {
					keys[c.Change.RequestID]++
				}
				return nil
			})
			tt.fail(s.fake)
			for s.fake.Calls(rollouttest.OpRaise) == 0 {
				s.step()
				time.Sleep(3 * time.Second)
			}
			intent := s.state().Intent
			require.NotNil(t, intent)
			require.Equal(t, rollout.ChangeRaise, intent.Kind)
			s.requireDone(s.runner().Run(t.Context()))
			require.Len(t, keys, 1)
			require.Equal(t, tt.calls, s.fake.Calls(rollouttest.OpRaise))
			require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-100", "DONE 100-100"}, s.audit())
		})
	}
}

// What is tried again because its outcome is unknown counts as no conflict.
func TestConflictsOfWhichTheOutcomeIsUnknownDoNotEndARun(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpRaise, 5, errors.Join(alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown))
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrConflict)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// A change of which nothing is known may still have its effect: a conflict does not say that
// it had none, and only the same key keeps the target from making it twice.
func TestAConflictAfterAnUnknownOutcomeKeepsTheKey(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*stage) (*rollout.State, error){
		"one run": func(s *stage) (*rollout.State, error) { return s.runner().Run(s.Context()) },
		"many processes": func(s *stage) (*rollout.State, error) {
			for {
				next, err := s.runner().Step(s.Context())
				if err != nil || next.Over {
					return s.state(), err
				}
				time.Sleep(time.Minute)
			}
		},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			answers := []error{alipayplus.ErrOutcomeUnknown, alipayplus.ErrConflict, unavailable(), alipayplus.ErrConflict}
			var keys []string
			s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op != rollouttest.OpRaise || c.Change.To != 10 {
					return nil
				}
				keys = append(keys, c.Change.RequestID)
				if len(keys) <= len(answers) {
					return answers[len(keys)-1]
				}
				return nil
			})
			s.requireDone(run(s))
			require.Len(t, keys, 5)
			for _, key := range keys {
				require.Equal(t, keys[0], key)
			}
		})
	}
}

// The first attempt is on its way for long, the second one is refused, and then the first
// arrives. That is the rollout's own change, whoever runs it by then.
func TestAChangeThatArrivesAfterItsRepetitionWasRefusedIsTheRollouts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		op      rollouttest.Op
		arrives func(*rollouttest.Fake) error
	}{
		"an application": {rollouttest.OpApply, func(f *rollouttest.Fake) error { return f.ApplyAs("olga") }},
		"a raise":        {rollouttest.OpRaise, func(f *rollouttest.Fake) error { return f.SetRatio("olga", 10) }},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			answers := []error{alipayplus.ErrOutcomeUnknown, alipayplus.ErrPermission}
			var keys []string
			s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op != tt.op || len(keys) == len(answers) {
					return nil
				}
				keys = append(keys, c.Change.RequestID)
				return answers[len(keys)-1]
			})
			require.EqualError(t, errOf(s.runner().Run(t.Context())), "rollout release 1: permission denied")
			require.Equal(t, keys[0], keys[1])
			require.NoError(t, tt.arrives(s.fake))
			time.Sleep(time.Minute)

			s.requireDone(s.runner().Run(t.Context()))

			require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		})
	}
}
