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

// The target cannot be reached when the version is to be given up, and meanwhile the
// deadline passes. What was to be given up must not stay live because of that.
func TestADeadlineDoesNotEndAnAbort(t *testing.T) {
	for name, tt := range map[string]struct {
		given func(*stage)
		cause rollout.Cause
	}{
		"asked for by a gate": {func(s *stage) { s.gate = failing(10, new(bool)) }, rollout.CauseGate},
		"asked for by a person while it is paused": {func(s *stage) {
			_, err := s.runner().Pause(s.Context(), "lin", "")
			require.NoError(s, err)
			_, err = s.runner().Abort(s.Context(), "lin", "no")
			require.ErrorContains(s, err, "the order is kept")
		}, rollout.CausePerson},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := aborting()
				spec.Deadline = rollout.Duration(3 * time.Hour)
				s := liveAtTen(t, spec)
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpAbort && time.Since(s.began) < 5*time.Hour {
						return unavailable()
					}
					return nil
				})
				tt.given(s)

				state, err := s.runner().Run(t.Context())

				require.ErrorIs(t, err, rollout.ErrAborted)
				require.NotErrorIs(t, err, rollout.ErrDeadline)
				require.Equal(t, tt.cause, state.Stop.Cause)
				require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
			})
		})
	}
}

// A raise may be half done, so that an abort has to wait until the target can be read, and
// meanwhile the deadline passes.
func TestADeadlineDoesNotEndAnOrderToAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Deadline = rollout.Duration(3 * time.Hour)
		s := newStage(t, spec)
		s.fake.ApproveAfter(0)
		raising := false
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			raising = raising || c.Op == rollouttest.OpRaise && c.Change.To == 50
			if raising && time.Since(s.began) < 5*time.Hour {
				return alipayplus.ErrOutcomeUnknown
			}
			return nil
		})
		s.at(2*time.Hour, func() {
			_, err := s.runner(rollout.WithHost("b")).Abort(t.Context(), "lin", "no")
			require.NoError(t, err)
		})

		state, err := s.runner().Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, "lin", state.Stop.By)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireNoOrders()
	})
}
