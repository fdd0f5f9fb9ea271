package rollout_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAPlanAfterARatioFellIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		require.NoError(t, s.fake.SetRatio("pat", 5))
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.True(t, plan.Blocked())
		require.Equal(t, []string{approvals, "blocked go on (5% is live where 10% was by pat, and a rollout never goes on from a ratio that fell by itself)"}, inReview(plan))
	})
}

func TestAPlanByAnotherSpecIsRefusedAsARunIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		s.spec = hourly()
		_, run := s.runner().Run(t.Context())
		plan, err := s.runner().Plan(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.EqualError(t, err, run.Error())
		require.Nil(t, plan)

		plan, err = s.runner(rollout.WithNewSpec()).Plan(t.Context())
		require.NoError(t, err)
		require.Equal(t, s.spec.Hash(), plan.Spec)
		require.Contains(t, plan.String(), "todo     watch 10% for 1h, until these pass: errors")
		s.requireDone(s.runner(rollout.WithNewSpec()).RunPlan(t.Context(), plan))
	})
}

func TestAPlanOfAnotherTargetsRolloutIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		other := rollouttest.NewFake("release 2", alipayplus.DefaultLadder())
		plan, err := s.runnerOf(other, s.store, rollout.WithName("release 1")).Plan(t.Context())
		require.EqualError(t, err, "rollout release 1: the stored state is of release 1, not of release 2; give the rollout another name (WithName)")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Nil(t, plan)
		require.Zero(t, other.Calls(rollouttest.OpAny))
	})
}

func TestAPlanKnowsTheTimeThatWasWatched(t *testing.T) {
	const whole, tolerance = 2 * time.Hour, 5 * time.Minute
	for name, tt := range map[string]struct {
		watched time.Duration
		host    string
		left    time.Duration
	}{
		"a part":                         {20 * time.Minute, "a", whole - 20*time.Minute},
		"a part, on another machine":     {20 * time.Minute, "b", whole - 20*time.Minute + tolerance},
		"little, on another machine":     {2 * time.Minute, "b", whole},
		"all of the live step's":         {time.Hour, "a", whole - time.Hour},
		"more than the live step's":      {10 * time.Hour, "a", whole - time.Hour},
		"all, and it is another machine": {10 * time.Hour, "b", whole - time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				time.Sleep(time.Until(s.raisedAt().Add(tt.watched)))
				plan, err := s.runner(rollout.WithHost(tt.host)).Plan(t.Context())
				require.NoError(t, err)
				require.Equal(t, rollout.Duration(tt.left), plan.AtLeast)
			})
		})
	}
}

// What somebody else set was not watched by this rollout.
func TestAPlanCountsNothingOfARatioThatSomebodyElseJustSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		time.Sleep(20 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 20))
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Duration(2*time.Hour), plan.AtLeast)
	})
}

func TestAPlanStaysTrueWhileOnlyTimePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		first, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		time.Sleep(20 * time.Minute)
		second, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Less(t, second.AtLeast, first.AtLeast)
		require.Equal(t, first.Hash, second.Hash)
		s.requireDone(s.runner().RunPlan(t.Context(), first))
	})
}

// A plan that was made without the store does not say what is stored.
func TestAPlanByAnotherSpecThanTheStoredOneIsNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored := s.state()
		s.spec = hourly()
		plan, err := s.runner(rollout.WithNewSpec()).Plan(t.Context())
		require.NoError(t, err)

		_, err = s.runner().RunPlan(t.Context(), plan)

		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.NotErrorIs(t, err, rollout.ErrStalePlan)
		require.ErrorContains(t, err, "the spec is another than the stored one")
		require.Equal(t, stored, s.state())
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// Somebody set a ratio below the first step: it belongs to none, and is watched for none.
func TestAPlanFromARatioBelowTheFirstStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Steps[0].Approval = true
		s := newStage(t, spec)
		s.fake.ApproveAfter(0)
		s.runUntil(time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 5))
		s.runUntil(20 * time.Minute)
		require.Equal(t, alipayplus.Ratio(5), s.state().Ratio)
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Duration(2*time.Hour), plan.AtLeast)
		require.Equal(t, []string{approvals}, inReview(plan), "nothing is in the way")
	})
}
