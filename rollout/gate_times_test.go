package rollout_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// A verdict must hold for as long as the look takes that comes between it and the raise:
// else both are repeated for ever.
func TestAGateThatIsAskedMoreOftenThanALookTakesDoesNotSpin(t *testing.T) {
	for _, look := range []time.Duration{0, 1500 * time.Millisecond, 50 * time.Second} {
		t.Run(fmt.Sprint(look), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := hourly()
				spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
				spec.Steps[0].Bake, spec.Steps[1].Bake = rollout.Duration(5*time.Second), rollout.Duration(5*time.Second)
				s := newStage(t, spec)
				s.fake.ApproveAfter(0)
				asked := 0
				s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
					asked++
					return rollout.Passed("fine"), nil
				}
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpObserve {
						time.Sleep(look)
					}
					return nil
				})
				s.requireDone(s.runner().Run(deadline(t, day)))
				require.Less(t, time.Since(s.began), 20*time.Minute)
				require.LessOrEqual(t, asked, 30)
			})
		})
	}
}

// A verdict on which a ratio rises must not be old: what holds for a look does not hold
// for hours.
func TestAPassThatHoldsForALookDoesNotHoldForAnApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := approved()
		spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Second)}
		spec.Steps[0].Bake, spec.Steps[1].Bake = rollout.Duration(5*time.Second), rollout.Duration(5*time.Second)
		s := newStage(t, spec)
		s.fake.ApproveAfter(0)
		var last time.Time
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if step.Ratio == 10 {
				last = time.Now()
			}
			return rollout.Passed("fine"), nil
		}
		s.at(10*time.Minute+17*time.Second, func() {
			_, err := s.runner(rollout.WithHost("b")).Approve(t.Context(), "lin", "", 50)
			require.NoError(t, err)
		})
		s.requireDone(s.runner().Run(t.Context()))
		require.LessOrEqual(t, s.fake.Effects()[2].At.Sub(last), time.Minute)
	})
}

func TestAPassAfterItsTimeIsNoAnswer(t *testing.T) {
	for name, late := range map[string]rollout.Verdict{"a pass": rollout.Passed("late"), "a failure": rollout.Failed("late"), "none": rollout.Waiting("late")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, hourly())
				s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
					time.Sleep(31 * time.Second) // it does not heed its context
					return late, nil
				}
				state, err := s.runner().Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrGateFailed)
				require.ErrorContains(t, err, "release 1 is paused at 10%: gate errors did not answer 4 times in a row, which counts as failed: "+
					"the gate answered after its time: context deadline exceeded; look into it, then resume, which asks the gates again, or abort")
				require.Equal(t, 4, state.Gates["errors"].Errors)
				require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			})
		})
	}
}

// Both are true of the same moment. What the gate found is the more important.
func TestAFailedGateComesBeforeTheDeadlines(t *testing.T) {
	for name, edit := range map[string]func(*rollout.Spec){
		"of the step":  func(s *rollout.Spec) { s.Steps[0].Deadline = rollout.Duration(7 * time.Minute) },
		"of the whole": func(s *rollout.Spec) { s.Deadline = rollout.Duration(8 * time.Minute) },
		"of both of them": func(s *rollout.Spec) {
			s.Deadline, s.Steps[0].Deadline = rollout.Duration(6*time.Minute), rollout.Duration(6*time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := aborting()
				spec.Gates["errors"] = rollout.GateSpec{Timeout: rollout.Duration(10 * time.Minute), Every: rollout.Duration(5 * time.Minute)}
				edit(&spec)
				s := newStage(t, spec)
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
		})
	}
}

func TestAMinimumOfSamplesThatAreNotCountedNeverPasses(t *testing.T) {
	gate := figures(t, answering(http.StatusOK, "application/json", `{"data": {"rate": 0.005, "n": 50}}`))
	gate.MinSamples = 10
	verdict, err := gate.Gate()(t.Context(), rollout.Step{})
	require.EqualError(t, err, "the gate has a minimum of samples, and does not say where they are counted; give Samples")
	require.Empty(t, verdict)
	gate.Samples = "data.n"
	verdict, err = gate.Gate()(t.Context(), rollout.Step{})
	require.NoError(t, err)
	require.Equal(t, rollout.Pass, verdict.Decision)
}

// Only a pass after the bake time is kept longer than the spec says.
func TestAGateIsAskedAsOftenAsTheSpecSaysUntilARatioMayRise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(10 * time.Second)}
		spec.Steps[0].Bake = rollout.Duration(10 * time.Minute)
		spec.Steps = []rollout.StepSpec{spec.Steps[0], spec.Steps[2]}
		s := newStage(t, spec)
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
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Gates = map[string]rollout.GateSpec{"errors": {Every: rollout.Duration(5 * time.Minute)}, "crashes": {Every: rollout.Duration(20 * time.Minute)}}
		spec.Steps = []rollout.StepSpec{spec.Steps[0], spec.Steps[2]}
		spec.Steps[0].Gates = []string{"crashes", "errors"}
		s := newStage(t, spec)
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
