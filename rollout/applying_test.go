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

func TestAPlanIsNeededToBeFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		state, err := s.runner().RunPlan(t.Context(), nil)
		require.EqualError(t, err, "rollout release 1: a plan is needed, make one by Plan; or call Run: invalid input")
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.Nil(t, state)
		require.Zero(t, s.fake.Calls(rollouttest.OpAny))
	})
}

func TestAPlanThatIsOutOfDateStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		s.spec = hourly()
		plan, err := s.runner(rollout.WithNewSpec()).Plan(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.fake.SetRatio("pat", 30))

		_, err = s.runner(rollout.WithNewSpec()).RunPlan(t.Context(), plan)

		require.ErrorIs(t, err, rollout.ErrStalePlan)
		now, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		require.Equal(t, string(stored), string(now), "neither the new spec nor what Pat did")
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10"}, s.audit())
	})
}

// What is read to check the plan is what its first change goes by. A second reading would
// see what others did meanwhile, and go on by another plan.
func TestAPlanIsFollowedByWhatWasReadToCheckIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		var ops []rollouttest.Op
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			ops = append(ops, c.Op)
			return nil
		})
		s.requireDone(s.runner().RunPlan(t.Context(), plan))
		require.Equal(t, []rollouttest.Op{rollouttest.OpObserve, rollouttest.OpRaise}, ops[:2])
	})
}

// The version had been applied for before; the name of that application vanishes while it
// is applied for anew, and the call fails. That is no sign of a new application.
func TestAnApplicationThatVanishedIsNoneThatWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
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
	for _, set := range []alipayplus.Ratio{30, 50, 100} {
		t.Run(set.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
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
		})
	}
}

// A reading that is nothing must neither be acted on nor end the process.
func TestATargetThatIsReadAsNothingIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		r := s.runnerOf(unseen{s.fake}, s.store)
		for name, do := range map[string]func() error{
			"run":   func() error { _, err := r.Run(t.Context()); return err },
			"step":  func() error { _, err := r.Step(t.Context()); return err },
			"apply": func() error { _, err := r.RunPlan(t.Context(), new(rollout.Plan)); return err },
		} {
			require.EqualError(t, do(), "rollout release 1: release 1 was read as nothing, without an error: mend the target", name)
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
