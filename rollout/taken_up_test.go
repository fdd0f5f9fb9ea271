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

// Who watches the events must see that nobody drives the rollout any more.
func TestARunThatCannotTakeTheRolloutUpTellsSo(t *testing.T) {
	unplugged := errors.New("unplugged")
	for name, tt := range map[string]struct {
		given func(*stage) *rollout.Runner
		is    error
	}{
		"the stored state is damaged": {func(s *stage) *rollout.Runner {
			s.replace(func(b []byte) []byte { return b[:10] })
			return s.runner()
		}, nil},
		"the stored state is another target's": {func(s *stage) *rollout.Runner {
			other := rollouttest.NewFake("release 2", alipayplus.DefaultLadder())
			return s.runnerOf(other, s.store, rollout.WithName("release 1"))
		}, alipayplus.ErrConflict},
		"the store is not there": {func(s *stage) *rollout.Runner {
			return s.runnerOf(s.fake, storeFailing(s.store, "Acquire", unplugged))
		}, unplugged},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				r := tt.given(s)
				for name, do := range map[string]func() error{
					"run":  func() error { _, err := r.Run(t.Context()); return err },
					"step": func() error { _, err := r.Step(t.Context()); return err },
				} {
					s.events = nil
					err := do()
					require.Error(t, err)
					if tt.is != nil {
						require.ErrorIs(t, err, tt.is)
					} else {
						require.ErrorAs(t, err, new(*rollout.CheckpointError))
					}
					require.Len(t, s.events, 1, name)
					told := s.events[0]
					require.Equal(t, rollout.EventFailed, told.Kind)
					require.Equal(t, "the run ended: "+err.Error(), told.What)
					require.Equal(t, err.Error(), told.Error)
					require.Equal(t, "release 1", told.Rollout)
					require.Empty(t, told.Status, "it is not known")
					require.Equal(t, ratiosOf(s.spec), told.Steps)
				}
			})
		})
	}
}

func TestWhoFindsAnotherRunnerAtWorkOrIsStoppedTellsOfNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		lease, err := s.store.Acquire(t.Context(), "release 1", "another")
		require.NoError(t, err)
		s.events = nil
		_, err = s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrLeased)
		_, err = s.runner().Step(t.Context())
		require.ErrorIs(t, err, rollout.ErrLeased)
		require.NoError(t, lease.Release(t.Context()))
		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Minute)
		_, err = s.runner().Run(over)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Empty(t, s.events)
	})
}
