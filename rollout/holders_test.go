package rollout_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestASecondRunnerIsToldWhoTheFirstIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		var refused error
		s.at(90*time.Minute, func() {
			calls := s.fake.Calls(rollouttest.OpAny)
			second := s.runner(rollout.WithHost("b"))
			_, err := second.Run(t.Context())
			refused = err
			_, err = second.Step(t.Context())
			require.Equal(t, refused, err)
			require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny), "it must not touch the target")
		})

		s.requireDone(s.runner().Run(t.Context()))

		require.ErrorIs(t, refused, rollout.ErrLeased)
		require.ErrorIs(t, refused, alipayplus.ErrConflict)
		require.Regexp(t, `^rollout release 1 is driven by a process \d+ run [A-Z2-7]{6}; let it end or stop it first$`, refused.Error())
	})
}

func TestWhoLosesTheLeaseChangesNothingMore(t *testing.T) {
	for name, when := range map[string]struct {
		saving  int
		applied bool
	}{
		"before an intent is stored": {saving: 2},
		"before an effect is stored": {saving: 3, applied: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				n := 0
				var next *rollout.State
				var nextErr error
				done := make(chan struct{})
				steal := func() bool {
					if n++; n != when.saving {
						return false
					}
					go func() {
						defer close(done)
						time.Sleep(45 * time.Second)
						next, nextErr = s.runner(rollout.WithHost("b")).Run(t.Context())
					}()
					return true
				}
				var suspended atomic.Bool
				first := s.runnerOf(mortalTarget{new(process), s.fake}, hookedStore{Store: s.store, hook: func(_ context.Context, c storeCall, do func() error) error {
					switch {
					case c.method == "Renew" && suspended.Load():
						return nil
					case c.method == "Save" && steal():
						suspended.Store(true)
						time.Sleep(time.Minute) // as a machine that was suspended: the lease is not renewed
						suspended.Store(false)
					}
					return do()
				}})

				_, err := first.Run(t.Context())

				require.ErrorIs(t, err, rollout.ErrLeaseLost)
				require.EqualError(t, err, "rollout release 1: the lease was lost to another runner")
				<-done
				s.requireDone(next, nextErr)
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
			})
		})
	}
}

// shiftClock makes the stored state look as if the clock of the machine that wrote it
// were off by so much.
func (s *stage) shiftClock(off time.Duration) {
	s.Helper()
	s.rewrite(func(state map[string]any) {
		for _, key := range []string{"began", "since", "watched", "updatedAt"} {
			state[key] = shifted(s.T, state[key], off)
		}
		if gates, ok := state["gates"].(map[string]any); ok {
			for _, gate := range gates {
				g := gate.(map[string]any)
				g["at"] = shifted(s.T, g["at"], off)
			}
		}
	})
}

func shifted(t *testing.T, text any, off time.Duration) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text.(string))
	require.NoError(t, err)
	return at.Add(off).Format(time.RFC3339Nano)
}

// rewrite changes the stored state, with a checksum that fits.
func (s *stage) rewrite(edit func(state map[string]any)) {
	s.Helper()
	s.replace(func(checkpoint []byte) []byte {
		var c struct {
			Schema int             `json:"schema"`
			SHA256 string          `json:"sha256"`
			State  json.RawMessage `json:"state"`
		}
		require.NoError(s, json.Unmarshal(checkpoint, &c))
		var state map[string]any
		require.NoError(s, json.Unmarshal(c.State, &state))
		edit(state)
		var err error
		c.State, err = json.Marshal(state)
		require.NoError(s, err)
		sum := sha256.Sum256(c.State)
		c.SHA256 = hex.EncodeToString(sum[:])
		data, err := json.Marshal(c)
		require.NoError(s, err)
		return data
	})
}

// replace changes the stored checkpoint.
func (s *stage) replace(edit func(checkpoint []byte) []byte) {
	s.Helper()
	ctx := context.WithoutCancel(s.Context())
	lease, err := s.store.Acquire(ctx, s.fake.ID(), "test")
	require.NoError(s, err)
	data, err := lease.Load(ctx)
	require.NoError(s, err)
	require.NoError(s, lease.Save(ctx, edit(data), nil))
	require.NoError(s, lease.Release(ctx))
}

// runUntil runs a runner until the time of the stage, as in a job that is stopped.
func (s *stage) runUntil(d time.Duration, opts ...rollout.Option) {
	s.Helper()
	ctx, cancel := context.WithDeadline(s.Context(), s.began.Add(d))
	defer cancel()
	_, err := s.runner(opts...).Run(ctx)
	require.ErrorIs(s, err, rollout.ErrPending)
	require.ErrorIs(s, err, context.DeadlineExceeded)
}

func TestClocksThatDisagreeNeverMakeABakeTimeShorter(t *testing.T) {
	for name, tt := range map[string]struct {
		off  time.Duration
		host string
		// baked is how long 10 % is live in true time.
		baked time.Duration
	}{
		"the same machine":                         {0, "a", time.Hour},
		"another machine, clocks agree":            {0, "b", time.Hour + 5*time.Minute},
		"the first machine is five minutes behind": {-5 * time.Minute, "b", time.Hour},
		"the first machine is four minutes behind": {-4 * time.Minute, "b", time.Hour + time.Minute},
		"the first machine is four minutes ahead":  {4 * time.Minute, "b", time.Hour + 9*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, hourly())
				// It is reviewed for an hour; 10 % is live half an hour when the first machine stops.
				s.runUntil(95 * time.Minute)
				require.Equal(t, alipayplus.Ratio(10), s.fake.Now().Ratio)
				s.shiftClock(tt.off)

				s.requireDone(s.runner(rollout.WithHost(tt.host)).Run(t.Context()))

				live := liveFor(s.fake)
				require.GreaterOrEqual(t, live[10], tt.baked)
				require.Less(t, live[10], tt.baked+30*time.Second)
				require.GreaterOrEqual(t, live[50], time.Hour, "the second machine saw this one go live")
				require.Less(t, live[50], time.Hour+30*time.Second)
			})
		})
	}
}

func TestTheClockToleranceIsThatOfTheSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.ClockTolerance = rollout.Duration(20 * time.Minute)
		s := newStage(t, spec)
		s.runUntil(95 * time.Minute)
		s.shiftClock(-20 * time.Minute)
		s.requireDone(s.runner(rollout.WithHost("b")).Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
	})
}

func TestARatioWithoutBakeTimeIsNotMadeToWaitForAnotherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := plain()
		spec.Steps[0].Bake = 0
		spec.ClockTolerance = rollout.Duration(10 * time.Hour)
		spec.Steps[1].Approval = true
		s := newStage(t, spec)
		s.runUntil(95 * time.Minute)
		_, err := s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		began := time.Now()
		next, err := s.runner(rollout.WithHost("b")).Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, alipayplus.Ratio(50), next.State.Ratio)
		require.Zero(t, time.Since(began))
	})
}

// liveFor is how long each ratio was live before the next.
func liveFor(fake *rollouttest.Fake) map[alipayplus.Ratio]time.Duration {
	live := make(map[alipayplus.Ratio]time.Duration)
	var since time.Time
	for _, e := range fake.Effects() {
		if e.Kind == rollout.ChangeRaise || e.Kind == rollout.ChangePublish {
			live[e.From], since = e.At.Sub(since), e.At
		}
	}
	return live
}
