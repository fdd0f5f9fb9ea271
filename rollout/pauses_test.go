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

// raisedAt is when the last ratio went live.
func (s *stage) raisedAt() time.Time {
	s.Helper()
	effects := s.fake.Effects()
	require.NotEmpty(s, effects)
	return effects[len(effects)-1].At
}

func TestAPauseIsNotWatchedTime(t *testing.T) {
	const (
		bake, tolerance = time.Hour, 5 * time.Minute
		half            = 30 * time.Minute
	)
	for name, tt := range map[string]struct {
		// watched is how long 10 % had been live before the pause.
		watched time.Duration
		// The first run is on machine a.
		pauses, resumes, runs string
		// live is how long 10 % has to be live, the pause apart.
		live time.Duration
	}{
		"all on one machine":                           {half, "a", "a", "a", bake},
		"paused on another machine":                    {half, "b", "b", "b", bake + tolerance},
		"paused on the first one, resumed on another":  {half, "a", "b", "b", bake},
		"resumed on another, and run on the first":     {half, "a", "b", "a", bake + tolerance},
		"paused and resumed on another":                {half, "b", "b", "a", bake + 2*tolerance},
		"paused elsewhere before the tolerance passed": {2 * time.Minute, "b", "b", "b", bake + 2*time.Minute},
		"paused after it was watched long enough":      {bake - time.Second, "a", "a", "a", bake},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				raised := s.raisedAt()
				time.Sleep(time.Until(raised.Add(tt.watched)))
				receipt, err := s.runner(rollout.WithHost(tt.pauses)).Pause(t.Context(), "lin", "")
				require.NoError(t, err)
				require.LessOrEqual(t, receipt.State.Stop.Baked.Std(), tt.watched)
				require.GreaterOrEqual(t, receipt.State.Stop.Baked, rollout.Duration(0))

				time.Sleep(2 * day)
				_, err = s.runner(rollout.WithHost(tt.resumes)).Resume(t.Context(), "lin", "")
				require.NoError(t, err)
				s.requireDone(s.runner(rollout.WithHost(tt.runs)).Run(t.Context()))

				live := liveFor(s.fake)[10] - 2*day
				require.GreaterOrEqual(t, live, tt.live)
				require.Less(t, live, tt.live+time.Second)
			})
		})
	}
}

func TestWhateverStoppedItIsNotWatchedTime(t *testing.T) {
	for name, stop := range map[string]func(*stage) error{
		"a gate that failed": func(s *stage) error {
			s.gate = failing(10, new(bool))
			defer func() { s.gate = nil }()
			_, err := s.runner().Run(s.Context())
			return err
		},
		"an abort that was refused": func(s *stage) error {
			s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrPermission)
			_, err := s.runner().Abort(s.Context(), "lin", "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, hourly())
				require.ErrorAs(t, stop(s), new(*rollout.StoppedError))
				watched := time.Since(s.raisedAt())
				require.Equal(t, rollout.Duration(watched), s.state().Stop.Baked)
				time.Sleep(2 * day)
				_, err := s.runner().Resume(t.Context(), "lin", "")
				require.NoError(t, err)
				s.requireDone(s.runner().Run(t.Context()))
				live := liveFor(s.fake)[10] - 2*day
				require.GreaterOrEqual(t, live, time.Hour)
				require.Less(t, live, time.Hour+time.Second)
			})
		})
	}
}

// Somebody resumes what is running, because of what was shown a moment ago; then it stops.
func TestAResumptionFromBeforeTheStopIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, hourly())
		failed := false
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if failed {
				return rollout.Passed("for now"), nil
			}
			failed = true
			// Right before the rollout stops because of it, it looks once more.
			s.between(rollouttest.OpObserve, func() {
				receipt, err := s.runner(rollout.WithHost("b")).Resume(t.Context(), "pat", "")
				require.NoError(t, err)
				require.False(t, receipt.Handled)
				time.Sleep(time.Second)
			})
			return rollout.Failed("bad"), nil
		}
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)

		time.Sleep(time.Hour)
		_, again := s.runner().Run(t.Context())

		require.EqualError(t, again, err.Error())
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Equal(t, []string{"it stopped after that was asked: gate errors failed: bad; look at it, and resume it again"}, s.told(rollout.EventRefused))
		s.requireNoOrders()

		_, err = s.runner().Resume(t.Context(), "pat", "")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// The clock of the machine that paused is four minutes ahead; somebody resumes a minute later.
func TestAResumptionIsNotRefusedBecauseTwoClocksDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		_, err := s.runner(rollout.WithHost("b")).Pause(t.Context(), "lin", "")
		require.NoError(t, err)
		s.rewrite(func(state map[string]any) {
			stop := state["stop"].(map[string]any)
			stop["at"] = shifted(t, stop["at"], 4*time.Minute)
		})
		time.Sleep(time.Minute)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
	})
}
