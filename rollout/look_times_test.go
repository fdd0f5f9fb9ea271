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

func TestADeadlineThatPassesDuringALookStopsTheRaise(t *testing.T) {
	for name, edit := range map[string]func(*rollout.Spec){
		"of everything": func(s *rollout.Spec) { s.Deadline = rollout.Duration(time.Hour + 30*time.Second) },
		"of the step":   func(s *rollout.Spec) { s.Steps[0].Deadline = rollout.Duration(time.Hour + 30*time.Second) },
		"judged by gates": func(s *rollout.Spec) {
			s.Deadline, s.Gates, s.Steps = rollout.Duration(time.Hour+30*time.Second), hourly().Gates, hourly().Steps
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				edit(&spec)
				s := newStage(t, spec)
				s.fake.ApproveAfter(0)
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpObserve && time.Since(s.began) >= time.Hour {
						time.Sleep(time.Minute)
					}
					return nil
				})

				_, err := s.runner().Run(t.Context())

				require.ErrorIs(t, err, rollout.ErrDeadline)
				require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			})
		})
	}
}

// A ratio that nobody has to watch is found by a look that takes a while.
func TestAStepGoesOnFromWhatItsLookFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Steps[0].Bake = 0
		s := newStage(t, spec)
		require.NoError(t, s.fake.ApplyAs("olga"))
		require.NoError(t, s.fake.Approve())
		require.NoError(t, s.fake.SetRatio("olga", 10))
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpObserve {
				time.Sleep(time.Second)
			}
			return nil
		})

		next, err := s.runner().Step(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50}, s.fake.Ratios())
		require.True(t, next.At.After(time.Now()))
	})
}
