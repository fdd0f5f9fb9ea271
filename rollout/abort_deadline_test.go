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
