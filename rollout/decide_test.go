package rollout_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestALadderThatShrankIsSaid(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
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
	onStage(t, plain(), func(t *testing.T, s *stage) {
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
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		ladder, err := alipayplus.NewLadder(50, 100)
		require.NoError(t, err)
		s.at(90*time.Minute, func() { s.fake.Edit("", func(o *rollout.Observation) { o.Ladder = ladder }) })
		s.at(100*time.Minute, func() { require.False(t, s.plan().Blocked()) })
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestDeadlinesPauseAndAreNewAfterResuming(t *testing.T) {
	t.Parallel()
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
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			tt.edit(&s.spec)
			s.fake.ApproveAfter(tt.until)

			state, err := s.runner().Run(t.Context())

			require.EqualError(t, err, "rollout release 1 is "+tt.line+wayOut)
			require.ErrorIs(t, err, rollout.ErrDeadline)
			require.Equal(t, rollout.Paused, state.Status)
			require.Equal(t, rollout.CauseDeadline, state.Stop.Cause)
			require.Equal(t, tt.set, s.fake.Ratios(), "what is live stays live")
			elapsed := time.Since(s.began)
			require.GreaterOrEqual(t, elapsed, tt.after)
			require.Less(t, elapsed, tt.after+12*time.Minute, "two readings later at most")

			// With as much time again, and the approval, it gets to the end.
			s.resume()
			if s.spec.Steps[1].Approval {
				s.approve(50)
			}
			s.requireDone(s.runner().Run(t.Context()))
		})
	}
}

// A machine that trusts the other's clock less than the step's deadline allows must not
// begin the bake time anew each time: it would never end.
func TestAStepThatTookTooLongIsNotWatchedAnew(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Deadline = rollout.Duration(62 * time.Minute)
		s.runUntil(70 * time.Minute)
		require.ErrorIs(t, errOf(s.runner(rollout.WithHost("b")).Run(t.Context())), rollout.ErrDeadline)
		s.resume()
		s.requireDone(s.runner(rollout.WithHost("b")).Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
		require.Less(t, liveFor(s.fake)[10], 75*time.Minute)
	})
}

func TestTheDeadlineThatIsNotSaidIsThirtyDays(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(40 * day)
		s.step()
		time.Sleep(30*day - 1)
		s.step()
		time.Sleep(time.Nanosecond)
		require.EqualError(t, errOf(s.runner().Step(t.Context())), "rollout release 1 is paused at 0%: the rollout took longer than 30d; resume, which starts the deadlines anew, or abort")
	})
}

func TestTheDeadlineHoldsForATargetThatIsDown(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Deadline = rollout.Duration(day)
		s.fake.FailNext(rollouttest.OpObserve, 10_000, unavailable())
		_, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is paused at 0%: the rollout took longer than 1d, and the target does not answer: alipayplus: releases.get: SERVICE_UNAVAILABLE: the platform cannot answer now (HTTP 503); resume, which starts the deadlines anew, or abort")
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.GreaterOrEqual(t, time.Since(s.began), day)
		require.Less(t, time.Since(s.began), day+10*time.Minute)
	})
}

func TestTheDeadlineCountsFromTheFirstAttemptThoughTheTargetWasNeverRead(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Deadline = rollout.Duration(day)
		s.fake.FailNext(rollouttest.OpObserve, 1000, unavailable())
		for range 24 { // as by cron
			s.step()
			time.Sleep(time.Hour)
		}
		require.ErrorIs(t, errOf(s.runner().Step(t.Context())), rollout.ErrDeadline)
		require.Equal(t, []string{"STARTED 0-0", "PAUSED 0-0"}, s.audit())
	})
}

func TestADeadlineDoesNotKeepAFullReleaseFromBeingSeen(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 100))
		time.Sleep(60 * day)
		s.finish()
	})
}

// Between a verdict and the raise that rests on it the target is read. However long that
// takes, the verdict holds: else both are repeated for ever.
func TestAVerdictIsValidForAnObservationThatTakesLonger(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{61 * time.Second, 110 * time.Second} {
		runOnStage(t, fmt.Sprint(pause), hourly(), func(t *testing.T, s *stage) {
			asked := s.countQuestions()
			s.before(rollouttest.OpObserve, func() { time.Sleep(pause) })
			s.requireDone(s.runner().Run(deadline(t, day)))
			require.Less(t, time.Since(s.began), 5*time.Hour)
			require.LessOrEqual(t, *asked, 2*(60+5))
		})
	}
}

// An approval expires however long the target is read, or the commands, between the decision and the change.
func TestAnApprovalExpiresBeforeASlowChange(t *testing.T) {
	t.Parallel()
	test := func(name string, slow func(s *stage) rollout.Store) {
		for expiry := time.Hour; expiry < time.Hour+5*time.Minute; expiry += 20 * time.Second {
			runOnStage(t, fmt.Sprint(name, expiry), approved(), func(t *testing.T, s *stage) {
				s.fake.ApproveAfter(0)
				s.spec.ApprovalExpiry = rollout.Duration(expiry)
				s.runUntil(time.Minute)
				s.approve(50)
				expires := time.Now().Add(expiry)
				runner := s.runnerOf(s.fake, slow(s))
				_, err := runner.Run(deadline(t, 3*time.Hour))
				for range 30 { // a deadline in the midst of an evaluation says that it evaluates
					if err == nil || !strings.Contains(err.Error(), "evaluate the gates") {
						break
					}
					_, err = runner.Run(deadline(t, 7*time.Minute))
				}
				if err == nil {
					require.True(t, s.fake.Effects()[2].At.Before(expires), "50%% is set at %v, approved until %v", s.fake.Effects()[2].At, expires)
					return
				}
				require.ErrorIs(t, err, rollout.ErrPending)
				require.ErrorContains(t, err, "waiting for approval of 50%; that of lin expired at")
			})
		}
	}
	test("the target is slow, ", func(s *stage) rollout.Store {
		s.before(rollouttest.OpObserve, func() { time.Sleep(110 * time.Second) })
		return s.store
	})
	test("the store is slow, ", func(s *stage) rollout.Store {
		return storeHooked(s.store, "Commands", func(_ context.Context, _ storeCall, do func() error) error {
			time.Sleep(25 * time.Second)
			return do()
		})
	})
}

func TestAFleetGoesOnThoughEachObservationIsQueuedForLongerThanAVerdictIsValid(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 30)
		h.spec = hourly()
		h.opts = []rollout.Option{rollout.WithGate("errors", func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Passed("fine"), nil
		})}
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1) // each of 8 workers waits for the others
		summary, err := h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(deadline(t, day))
		require.NoError(t, err)
		require.Equal(t, "30 DONE", summary.String())
	})
}

// A verdict is stored before anything rests on it, which may take longer than the time
// between two questions.
func TestAVerdictHoldsForAsLongAsItIsStored(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
		slow := storeHooked(s.store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
			time.Sleep(10 * time.Second)
			return do()
		})
		s.requireDone(s.runnerOf(s.fake, slow).Run(deadline(t, day)))
	})
}

// A verdict must hold for as long as the observation takes that comes between it and the raise:
// else both are repeated for ever.
func TestAGateWithAShorterIntervalThanAnObservationDoesNotSpin(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 1500 * time.Millisecond, 50 * time.Second} {
		runOnStage(t, fmt.Sprint(pause), hourly(), func(t *testing.T, s *stage) {
			s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
			s.spec.Steps[0].Bake, s.spec.Steps[1].Bake = rollout.Duration(5*time.Second), rollout.Duration(5*time.Second)
			s.fake.ApproveAfter(0)
			asked := s.countQuestions()
			s.before(rollouttest.OpObserve, func() { time.Sleep(pause) })
			s.requireDone(s.runner().Run(deadline(t, day)))
			require.Less(t, time.Since(s.began), 20*time.Minute)
			require.LessOrEqual(t, *asked, 30)
		})
	}
}

// A verdict on which a ratio rises must not be old: what is valid for an observation is not valid
// for hours.
func TestAVerdictThatIsValidForAnObservationIsNotForAnApproval(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
		s.spec.Steps[0].Bake, s.spec.Steps[1].Bake = rollout.Duration(5*time.Second), rollout.Duration(5*time.Second)
		s.fake.ApproveAfter(0)
		var last time.Time
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if step.Ratio == 10 {
				last = time.Now()
			}
			return rollout.Passed("fine"), nil
		}
		s.at(10*time.Minute+17*time.Second, func() { s.approve(50, rollout.WithHost("b")) })
		s.requireDone(s.runner().Run(t.Context()))
		require.LessOrEqual(t, s.fake.Effects()[2].At.Sub(last), time.Minute)
	})
}

func TestAPassAfterItsTimeIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]rollout.Verdict{"a pass": rollout.Passed("late"), "a failure": rollout.Failed("late"), "none": rollout.Waiting("late")} {
		runOnStageAtTen(t, name, hourly(), func(t *testing.T, s *stage) {
			s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
				time.Sleep(31 * time.Second) // it does not heed its context
				return late, nil
			}
			state, err := s.runner().Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.ErrorContains(t, err, "release 1 is paused at 10%: gate errors did not answer 4 times in a row, which counts as failed: "+
				"the gate answered after its time: context deadline exceeded; look into it, then resume, which evaluates the gates again, or abort")
			require.Equal(t, 4, state.Gates["errors"].Errors)
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		})
	}
}

// Both are true of the same moment. What the gate found is the more important.
func TestAFailedGateComesBeforeTheDeadlines(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*rollout.Spec){
		"of the step":  func(s *rollout.Spec) { s.Steps[0].Deadline = rollout.Duration(7 * time.Minute) },
		"of the whole": func(s *rollout.Spec) { s.Deadline = rollout.Duration(8 * time.Minute) },
		"of both of them": func(s *rollout.Spec) {
			s.Deadline, s.Steps[0].Deadline = rollout.Duration(6*time.Minute), rollout.Duration(6*time.Minute)
		},
	} {
		runOnStage(t, name, aborting(), func(t *testing.T, s *stage) {
			s.spec.Gates["errors"] = rollout.GateSpec{Timeout: rollout.Duration(10 * time.Minute), Every: rollout.Duration(5 * time.Minute)}
			edit(&s.spec)
			s.fake.ApproveAfter(0)
			s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
				time.Sleep(5 * time.Minute) // and meanwhile it is too late
				return rollout.Failed("bad"), nil
			}
			state, err := s.runner().Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.ErrorIs(t, err, rollout.ErrAborted)
			require.NotErrorIs(t, err, rollout.ErrDeadline)
			require.Equal(t, rollout.CauseGate, state.Stop.Cause)
			require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		})
	}
}

// Only a pass after the bake time is kept longer than the spec says.
func TestAGateIsEvaluatedAtTheIntervalOfTheSpecUntilARatioMayRise(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(10 * time.Second)}
		s.spec.Steps[0].Bake = rollout.Duration(10 * time.Minute)
		s.spec.Steps = []rollout.StepSpec{s.spec.Steps[0], s.spec.Steps[2]}
		s.fake.ApproveAfter(0)
		var asked []time.Time
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			asked = append(asked, time.Now())
			if after := time.Since(step.Since); after >= 10*time.Minute && after < 15*time.Minute {
				return rollout.Waiting("not yet"), nil
			}
			return rollout.Passed("fine"), nil
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.Len(t, asked, 15*6)
		for i := range asked[1:] {
			require.Equal(t, 10*time.Second, asked[i+1].Sub(asked[i]), "question %d", i+1)
		}
	})
}

// One gate that passes now and another that passed some time ago have not passed together.
func TestARatioRisesOnVerdictsOfOneMoment(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates = map[string]rollout.GateSpec{"errors": {Every: rollout.Duration(5 * time.Minute)}, "crashes": {Every: rollout.Duration(20 * time.Minute)}}
		s.spec.Steps = []rollout.StepSpec{s.spec.Steps[0], s.spec.Steps[2]}
		s.spec.Steps[0].Gates = []string{"crashes", "errors"}
		s.fake.ApproveAfter(0)
		last := make(map[string]time.Time)
		var mu sync.Mutex // they are asked side by side
		gate := func(name string, passes time.Duration) rollout.Option {
			return rollout.WithGate(name, func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
				mu.Lock()
				defer mu.Unlock()
				last[name] = time.Now()
				if time.Since(step.Since) < passes {
					return rollout.Waiting("not yet"), nil
				}
				return rollout.Passed("fine"), nil
			})
		}
		s.requireDone(s.runner(gate("errors", 64*time.Minute), gate("crashes", 0)).Run(t.Context()))
		live, raised := s.fake.Effects()[1].At, s.fake.Effects()[2].At
		require.Equal(t, 65*time.Minute, raised.Sub(live))
		require.Equal(t, map[string]time.Time{"errors": raised, "crashes": raised}, last)
	})
}

func TestClocksThatDisagreeNeverMakeABakeTimeShorter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		off  time.Duration
		host string
		// baked is how long 10 % is live in true time.
		baked time.Duration
	}{
		"the same machine":                         {0, "a", time.Hour},
		"another machine, clocks agree":            {0, "b", time.Hour + 5*time.Minute},
		"the first machine is five minutes behind": {-5 * time.Minute, "b", time.Hour},
		"the first machine is four minutes behind": {-4 * time.Minute, "b", time.Hour + time.Minute},
		"the first machine is four minutes ahead":  {4 * time.Minute, "b", time.Hour + 9*time.Minute},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			// It is reviewed for an hour; 10 % is live half an hour when the first machine stops.
			s.runUntil(95 * time.Minute)
			require.Equal(t, alipayplus.Ratio(10), s.fake.Now().Ratio)
			s.shiftClock(tt.off)

			s.requireDone(s.runner(rollout.WithHost(tt.host)).Run(t.Context()))

			live := liveFor(s.fake)
			require.GreaterOrEqual(t, live[10], tt.baked)
			require.Less(t, live[10], tt.baked+30*time.Second)
			require.GreaterOrEqual(t, live[50], time.Hour, "the second machine saw this one go live")
			require.Less(t, live[50], time.Hour+30*time.Second)
		})
	}
}

func TestTheClockToleranceIsThatOfTheSpec(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.ClockTolerance = new(rollout.Duration(20 * time.Minute))
		s.runUntil(95 * time.Minute)
		s.shiftClock(-20 * time.Minute)
		s.requireDone(s.runner(rollout.WithHost("b")).Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
	})
}

func TestARatioWithoutBakeTimeIsNotMadeToWaitForAnotherClock(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Bake = 0
		s.spec.ClockTolerance = new(rollout.Duration(10 * time.Hour))
		s.spec.Steps[1].Approval = true
		s.runUntil(95 * time.Minute)
		s.approve(50)
		began := time.Now()
		require.Equal(t, alipayplus.Ratio(50), s.step(rollout.WithHost("b")).State.Ratio)
		require.Zero(t, time.Since(began))
	})
}

func TestADeadlineThatPassesDuringAnObservationStopsTheRaise(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*rollout.Spec){
		"of everything": func(s *rollout.Spec) { s.Deadline = rollout.Duration(time.Hour + 30*time.Second) },
		"of the step":   func(s *rollout.Spec) { s.Steps[0].Deadline = rollout.Duration(time.Hour + 30*time.Second) },
		"with gates": func(s *rollout.Spec) {
			s.Deadline, s.Gates, s.Steps = rollout.Duration(time.Hour+30*time.Second), hourly().Gates, hourly().Steps
		},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			edit(&s.spec)
			s.fake.ApproveAfter(0)
			s.before(rollouttest.OpObserve, func() {
				if time.Since(s.began) >= time.Hour {
					time.Sleep(time.Minute)
				}
			})

			_, err := s.runner().Run(t.Context())

			require.ErrorIs(t, err, rollout.ErrDeadline)
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		})
	}
}

// A ratio that nobody has to watch is found by an observation that takes a while.
func TestAStepGoesOnFromItsObservation(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Bake = 0
		require.NoError(t, s.fake.ApplyAs("olga"))
		require.NoError(t, s.fake.Approve())
		require.NoError(t, s.fake.SetRatio("olga", 10))
		s.before(rollouttest.OpObserve, func() { time.Sleep(time.Second) })

		next, err := s.runner().Step(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50}, s.fake.Ratios())
		require.True(t, next.At.After(time.Now()))
	})
}
