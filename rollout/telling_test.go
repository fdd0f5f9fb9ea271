package rollout_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// all are all lines of a kind, in which lines may be repeated.
func (s *stage) all(kind rollout.EventKind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range s.events {
		if e.Kind == kind {
			lines = append(lines, e.What)
		}
	}
	return lines
}

func TestWhatWasSeenIsToldOnceHoweverManyStepsSeeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(5 * time.Minute)
		for range 10 {
			_, err := s.runner().Step(t.Context()) // each in a process of its own
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		require.Equal(t, []string{
			"NEW_VERSION_CREATED at 0%: no verdict yet",
			"UNDER_REVIEW at 0%: ALIPAY_PLUS pending, ALIPAY_CN pending",
			"RELEASE_PREPARATION at 0%: ALIPAY_PLUS approved, ALIPAY_CN approved",
			"GRAYSCALE_RELEASE at 10%: ALIPAY_PLUS approved, ALIPAY_CN approved",
		}, s.all(rollout.EventObserved))
	})
}

func TestARunThatEndsWithAnErrorTellsSo(t *testing.T) {
	full := errors.New("disk full")
	for name, tt := range map[string]struct {
		given func(*stage) *rollout.Runner
		is    error
		line  string
	}{
		"the target refuses": {func(s *stage) *rollout.Runner {
			s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)
			return s.runner()
		}, alipayplus.ErrPermission, "rollout release 1: permission denied"},
		"the spec is another": {func(s *stage) *rollout.Runner {
			s.spec.Steps[1].Bake++
			return s.runner()
		}, alipayplus.ErrConflict, ""},
		"the target cannot be read": {func(s *stage) *rollout.Runner {
			s.fake.FailNext(rollouttest.OpObserve, 1, alipayplus.ErrNotFound)
			return s.runner()
		}, alipayplus.ErrNotFound, "not found"},
		"what happened cannot be stored": {func(s *stage) *rollout.Runner {
			return s.runnerOf(s.fake, fullStore(s.store, new(int), 2, full))
		}, full, "disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				time.Sleep(2 * time.Hour) // 50 % are due
				r := tt.given(s)
				s.events = nil
				_, err := r.Run(t.Context())
				require.ErrorIs(t, err, tt.is)
				if tt.line != "" {
					require.EqualError(t, err, tt.line)
				}
				require.Equal(t, []string{"the run ended: " + err.Error()}, s.all(rollout.EventFailed))
				last := s.events[len(s.events)-1]
				require.Equal(t, rollout.EventFailed, last.Kind)
				require.Equal(t, err.Error(), last.Error)
				require.Equal(t, "release 1", last.Rollout)
				require.Empty(t, s.all(rollout.EventRaised), "what was not stored is not told")
			})
		})
	}
}

func TestARunThatIsStoppedTellsOfNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain()) // a run whose time was over
		_, err := s.runner().Pause(t.Context(), "lin", "")
		require.NoError(t, err)
		_, err = s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		_, err = s.runner().Step(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Empty(t, s.all(rollout.EventFailed))
	})
}

func TestAStepByAnotherSpecIsRefusedAsARunIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		s.spec = hourly()
		_, run := s.runner().Run(t.Context())
		s.events = nil
		next, err := s.runner().Step(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.EqualError(t, err, run.Error())
		require.Nil(t, next)
		require.Equal(t, []string{"the run ended: " + err.Error()}, s.all(rollout.EventFailed))
	})
}

func TestARefusalThatCannotBeStoredTellsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		time.Sleep(2 * time.Hour)
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)
		full := errors.New("disk full")
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 2, full)).Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrPermission)
		require.ErrorIs(t, err, full)
		require.Equal(t, 2, s.fake.Calls(rollouttest.OpRaise), "to 10 %, and the refused one")
	})
}
