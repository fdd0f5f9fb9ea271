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

func TestWhatATargetAsksForIsNeverUndercut(t *testing.T) {
	down := errors.New("maintenance")
	for name, tt := range map[string]struct {
		err   error
		least time.Duration
	}{
		"by the platform":       {&alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeTrafficExceedLimit, Message: "too many calls", RetryAfter: 20 * time.Minute}, 20 * time.Minute},
		"by another target":     {rollout.TransientAfter(down, 20*time.Minute), 20 * time.Minute},
		"through a target":      {rollout.Transient(&alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeTrafficExceedLimit, Message: "too many calls", RetryAfter: 20 * time.Minute}), 20 * time.Minute},
		"by less than is usual": {rollout.TransientAfter(down, time.Millisecond), 1800 * time.Millisecond},
		"by more than an hour":  {rollout.TransientAfter(down, 100*time.Hour), time.Hour},
		"by nothing":            {rollout.TransientAfter(down, -time.Hour), 1800 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				waits := make(map[time.Duration]bool)
				for range 50 {
					s := newStage(t, plain())
					s.fake.FailNext(rollouttest.OpObserve, 1, tt.err)
					next, err := s.runner().Step(t.Context())
					require.NoError(t, err)
					wait := time.Until(next.At)
					require.GreaterOrEqual(t, wait, tt.least)
					require.LessOrEqual(t, wait, max(tt.least*11/10, 2200*time.Millisecond))
					waits[wait] = true
				}
				require.Greater(t, len(waits), 10, "not all who wait for one target ask at the same moment")
			})
		})
	}
}

func TestAnErrorThatMayPassIsStillThatError(t *testing.T) {
	down := errors.New("maintenance")
	require.ErrorIs(t, rollout.TransientAfter(down, time.Hour), down)
	require.EqualError(t, rollout.TransientAfter(down, time.Hour), "maintenance")
	require.NoError(t, rollout.TransientAfter(nil, time.Hour))
	require.NoError(t, rollout.Transient(nil))
}

func TestWhoIsStoppedDuringAnOutageIsPending(t *testing.T) {
	for _, op := range []rollouttest.Op{rollouttest.OpObserve, rollouttest.OpApply} {
		for name, run := range map[string]func(context.Context, *rollout.Runner) error{
			"run":  func(ctx context.Context, r *rollout.Runner) error { _, err := r.Run(ctx); return err },
			"step": func(ctx context.Context, r *rollout.Runner) error { _, err := r.Step(ctx); return err },
		} {
			t.Run(name+" "+string(op), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, plain())
					ctx, cancel := context.WithCancel(t.Context())
					s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
						if c.Op == op {
							cancel()
							return unavailable()
						}
						return nil
					})
					err := run(ctx, s.runner())
					require.ErrorAs(t, err, new(*rollout.PendingError))
					require.ErrorIs(t, err, rollout.ErrPending)
					require.ErrorIs(t, err, context.Canceled)
					require.NotErrorIs(t, err, alipayplus.ErrConflict)
					require.Empty(t, s.told(rollout.EventFailed))
					s.fake.Before(nil)
					s.requireDone(s.runner().Run(t.Context()))
				})
			})
		}
	}
}

// A target may answer with a conflict and not know what became of the change: then it need
// not mean that nothing happened.
func TestAConflictOfWhichTheOutcomeIsUnknownKeepsTheIntent(t *testing.T) {
	both := errors.Join(alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown)
	for name, tt := range map[string]struct {
		fail  func(*rollouttest.Fake)
		calls int
	}{
		"it had its effect": {func(f *rollouttest.Fake) { f.LoseNext(rollouttest.OpRaise, 1, both) }, 1},
		"it had none":       {func(f *rollouttest.Fake) { f.FailNext(rollouttest.OpRaise, 1, both) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := plain()
				spec.Steps = []rollout.StepSpec{spec.Steps[0], spec.Steps[2]} // one raise
				s := newStage(t, spec)
				s.fake.ApproveAfter(0)
				keys := make(map[string]int)
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op == rollouttest.OpRaise {
						keys[c.Change.RequestID]++
					}
					return nil
				})
				tt.fail(s.fake)
				for s.fake.Calls(rollouttest.OpRaise) == 0 {
					_, err := s.runner().Step(t.Context())
					require.NoError(t, err)
					time.Sleep(3 * time.Second)
				}
				intent := s.state().Intent
				require.NotNil(t, intent)
				require.Equal(t, rollout.ChangeRaise, intent.Kind)
				s.requireDone(s.runner().Run(t.Context()))
				require.Len(t, keys, 1)
				require.Equal(t, tt.calls, s.fake.Calls(rollouttest.OpRaise))
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-100", "DONE 100-100"}, s.audit())
			})
		})
	}
}

// A change of which nothing is known may still have its effect: a conflict does not say that
// it had none, and only the same key keeps the target from making it twice.
func TestAConflictAfterAnUnknownOutcomeKeepsTheKey(t *testing.T) {
	for name, run := range map[string]func(*stage) (*rollout.State, error){
		"one run": func(s *stage) (*rollout.State, error) { return s.runner().Run(s.Context()) },
		"many processes": func(s *stage) (*rollout.State, error) {
			for {
				next, err := s.runner().Step(s.Context())
				if err != nil || next.Over {
					return s.state(), err
				}
				time.Sleep(time.Minute)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				answers := []error{alipayplus.ErrOutcomeUnknown, alipayplus.ErrConflict, unavailable(), alipayplus.ErrConflict}
				var keys []string
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op != rollouttest.OpRaise || c.Change.To != 10 {
						return nil
					}
					keys = append(keys, c.Change.RequestID)
					if len(keys) <= len(answers) {
						return answers[len(keys)-1]
					}
					return nil
				})
				s.requireDone(run(s))
				require.Len(t, keys, 5)
				for _, key := range keys {
					require.Equal(t, keys[0], key)
				}
			})
		})
	}
}
