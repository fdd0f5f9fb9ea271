package rollout_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// atNight freezes from ten to six in Shanghai, which is 14:00 to 22:00 in UTC. The stage begins
// at midnight of Saturday, 2000-01-01, in UTC.
func atNight(spec rollout.Spec) rollout.Spec {
	spec.Freeze = []rollout.FreezeWindow{{Zone: "Asia/Shanghai", Hours: "22:00-06:00", Reason: "nobody is in"}}
	return spec
}

func TestNothingIsRaisedInAFreeze(t *testing.T) {
	onStage(t, atNight(hourly()), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(13*time.Hour + 30*time.Minute) // raised to 10 % half an hour before the freeze
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, alipayplus.Ratio(50), s.fake.Effects()[2].To)
		require.WithinDuration(t, s.began.Add(22*time.Hour), s.fake.Effects()[2].At, time.Minute)
		require.Contains(t, s.emitted(rollout.EventWaiting), "50% is not set yet, frozen until 2000-01-02T06:00:00+08:00 by 22:00-06:00 (Asia/Shanghai): nobody is in")
		passed := 0
		for _, what := range s.all(rollout.EventGate) {
			if what == "gate errors: pass: no errors" {
				passed++
			}
		}
		require.Greater(t, passed, 8*60, "the gates go on, so that a failure stops the rollout at once")
	})
}

func TestTheRunSaysUntilWhenItIsFrozen(t *testing.T) {
	onStage(t, atNight(plain()), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(15 * time.Hour)
		s.runUntil(16 * time.Hour)
		next := s.step()
		require.Equal(t, "10% is not set yet, frozen until 2000-01-02T06:00:00+08:00 by 22:00-06:00 (Asia/Shanghai): nobody is in", next.What)
		plan := s.plan()
		require.Contains(t, plan.String(), "  todo     set no ratio in 22:00-06:00 (Asia/Shanghai): nobody is in\n")
		require.Contains(t, plan.String(), "frozen until 2000-01-02T06:00:00+08:00 by")
		require.Contains(t, plan.Markdown(), "frozen until 2000-01-02T06:00:00+08:00 by")
		require.False(t, plan.Blocked())
		time.Sleep(6*time.Hour + time.Second)
		later := s.plan()
		require.Empty(t, later.Frozen)
		require.Equal(t, plan.Hash, later.Hash, "the plan is the same")
		require.Equal(t, "watching 10% until 2000-01-01T23:00:01Z", s.step().What)
	})
}

func TestARolloutIsPausedAndAbortedInAFreeze(t *testing.T) {
	onStage(t, atNight(plain()), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(13 * time.Hour)
		s.runUntil(15 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.True(t, s.pause().Handled)
		require.True(t, s.resume().Handled)
		require.True(t, s.abort().Handled)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

// The clock passes the beginning of a freeze between the decision and the change, because the
// target was slow or the fleet's limiter let the call wait.
func TestAFreezeThatBeginsBeforeTheChangeHolds(t *testing.T) {
	onStage(t, atNight(hourly()), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(13*time.Hour + 59*time.Minute)
		s.fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpObserve && s.fake.Now().Status == alipayplus.ReleasePreparation {
				time.Sleep(90 * time.Second)
			}
			return nil
		})
		s.requireDone(s.runner(rollout.WithCallTimeout(time.Hour)).Run(t.Context()))
		for _, e := range s.fake.Effects() {
			if e.Kind == rollout.ChangeRaise || e.Kind == rollout.ChangePublish {
				require.False(t, e.At.Hour() >= 14 && e.At.Hour() < 22, "raised to %v at %v", e.To, e.At)
			}
		}
	})
}
