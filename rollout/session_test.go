package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestTheErrorOfASecondRunnerNamesTheFirst(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
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
	t.Parallel()
	for name, when := range map[string]struct {
		saving  int
		applied bool
	}{
		"before an intent is stored": {saving: 1},
		"before an effect is stored": {saving: 2, applied: true},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
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
	}
}

func TestALeaseIsKeptHoweverLongAGateOrACallTakes(t *testing.T) {
	t.Parallel()
	const long = 100 * time.Second // the lease would end after 30 seconds
	for name, slow := range map[string]func(*stage, func()){
		"a gate": func(s *stage, during func()) {
			s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
				during()
				return rollout.Passed("fine"), nil
			}
		},
		"a reading": func(s *stage, during func()) { s.between(rollouttest.OpObserve, during) },
		"a change":  func(s *stage, during func()) { s.between(rollouttest.OpRaise, during) },
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(30 * time.Minute), Timeout: rollout.Duration(2 * long)}
			tried := 0
			slow(s, func() {
				for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(10 * time.Second) {
					tried++
					_, err := s.store.Acquire(t.Context(), "release 1", "another")
					require.ErrorIs(t, err, rollout.ErrLeased)
				}
			})
			s.requireDone(s.runner().Run(t.Context()))
			require.GreaterOrEqual(t, tried, 10)
		})
	}
}

func TestALeaseThatIsLostWhileWaitingEndsTheRun(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		lost := s.began.Add(90 * time.Minute)
		_, err := s.runnerOf(s.fake, storeFailingFrom(s.store, "Renew", lost, rollout.ErrLeaseLost)).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrLeaseLost)
		require.NotErrorIs(t, err, rollout.ErrPending)
		require.LessOrEqual(t, time.Since(lost), 10*time.Second, "it is renewed so often")
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

func TestARunWhoseLeaseIsGivenBackLogsNothing(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		var log bytes.Buffer
		s.requireDone(s.runner(rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Empty(t, log.String())
	})
}

func TestALeaseThatCannotBeGivenBackIsLoggedAndNoFailure(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*stage, *rollout.Runner) error{
		"a run": func(s *stage, r *rollout.Runner) error { return errOf(r.Run(s.Context())) },
		"a step": func(s *stage, r *rollout.Runner) error {
			next, err := r.Step(s.Context())
			require.NotNil(s, next)
			return err
		},
		"a command": func(s *stage, r *rollout.Runner) error {
			receipt, err := r.Pause(s.Context(), "lin", "")
			require.True(s, receipt.Handled)
			return err
		},
	} {
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
			var log bytes.Buffer
			r := s.runnerOf(s.fake, storeFailing(s.store, "Release", errors.New("unplugged")), rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			require.NoError(t, do(s, r))
			require.Contains(t, log.String(), `level=WARN msg="the lease of a rollout could not be released" rollout="release 1" error=unplugged`)
			time.Sleep(time.Minute)
			s.lease("another") // it ended as if its holder had died
		})
	}
}

func TestARunnerIsNamedAfterItsMachineByDefault(t *testing.T) {
	t.Parallel()
	machine, err := os.Hostname()
	require.NoError(t, err)
	for want, opts := range map[string][]rollout.Option{machine: nil, "ci 7": {rollout.WithHost("ci 7")}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, plain())
			r, err := rollout.New(s.fake, s.spec, s.store, opts...)
			require.NoError(t, err)
			next, err := r.Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, next.State.Clock)
			require.Regexp(t, "^"+regexp.QuoteMeta(want)+` process \d+ run [A-Z2-7]{6}$`, next.State.UpdatedBy)
		})
	}
}

// By the number an entry is found that belongs to a state, over many processes.
func TestEachStoredStateHasTheNextNumberAndItsEntriesHaveTheSame(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		var last uint64
		s.store = storeHooked(s.store, "Save", func(_ context.Context, c storeCall, do func() error) error {
			var stored struct {
				State rollout.State `json:"state"`
			}
			require.NoError(t, json.Unmarshal(c.data, &stored))
			last++
			require.Equal(t, last, stored.State.Seq)
			require.Equal(t, time.Now().UTC(), stored.State.UpdatedAt.UTC())
			for _, e := range c.audit {
				require.Equal(t, stored.State.Seq, e.Seq, e.Why)
			}
			return do()
		})
		s.runUntil(90 * time.Minute)
		s.pause()
		s.resume()
		state, err := s.runner().Run(t.Context())
		s.requireDone(state, err)
		require.Greater(t, state.Seq, uint64(10))
	})
}

func TestALeaseIsGivenBackInOrderWhenARunIsStopped(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]rollouttest.Op{"in a reading": rollouttest.OpObserve, "in a change": rollouttest.OpRaise} {
		for _, after := range []time.Duration{9 * time.Second, 12 * time.Second} { // it is renewed every 10
			runOnStage(t, name+" of "+after.String(), plain(), func(t *testing.T, s *stage) {
				s.fake.ApproveAfter(0)
				ctx, cancel := context.WithCancel(t.Context())
				s.between(op, func() {
					time.Sleep(after)
					cancel()
				})
				// A store over a network that is slow to renew a lease, and does nothing
				// for a context that has ended.
				var renewing, released int
				store := hookedStore{Store: s.store, hook: func(ctx context.Context, c storeCall, do func() error) error {
					switch c.method {
					case "Save":
						require.NoError(t, ctx.Err())
					case "Renew":
						renewing++
						time.Sleep(5 * time.Second)
						renewing--
					case "Release":
						require.NoError(t, ctx.Err())
						require.Zero(t, renewing, "it is being renewed")
						released++
					}
					return do()
				}}
				require.ErrorIs(t, errOf(s.runnerOf(s.fake, store).Run(ctx)), rollout.ErrPending)
				require.Equal(t, 1, released)
				s.lease("another")
			})
		}
	}
}

func TestAStoreInMemoryNeedsNoMaking(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		s.store = new(rollout.MemoryStore)
		require.Empty(t, s.audit())
		data, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		require.Nil(t, data)
		s.store = new(rollout.MemoryStore)
		s.lease("another")
		s.store = new(rollout.MemoryStore)
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "1", Kind: rollout.CommandApprove, Ratio: 50, By: "lin", At: time.Now()}))
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestCommandsAreListedEveryThreeSecondsAndNotMore(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var renewed, listed int
		store := lasting(s.store, &renewed, &listed)
		s.requireDone(s.runnerOf(s.fake, store).Run(t.Context()))
		seconds := int(time.Since(s.began) / time.Second)
		require.Zero(t, renewed, "what lasts needs no renewal")
		require.GreaterOrEqual(t, listed, seconds/3)
		require.LessOrEqual(t, listed, seconds/3+500)
	})
}

func TestCommandsOfAListenerAreNotListedAgainAndAgain(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var listed int
		store := hookedStore{Store: s.store, listens: true, hook: func(_ context.Context, c storeCall, do func() error) error {
			switch {
			case c.method == "Commands":
				listed++
			case c.method == "Forget" && len(c.ids) == 0:
				return errors.New("there is nothing to remove")
			}
			return do()
		}}
		s.requireDone(s.runnerOf(s.fake, store).Run(t.Context()))
		observations := s.fake.Calls(rollouttest.OpAny)
		require.LessOrEqual(t, listed, 3*observations, "once or so for each observation")
		require.Less(t, listed, int(time.Since(s.began)/(30*time.Second)))
	})
}

// endsAfterReading is a target whose observation arrives just before the context ends.
type endsAfterReading struct {
	*rollouttest.Fake
	end func()
}

func (t endsAfterReading) Observe(ctx context.Context) (*rollout.Observation, error) {
	defer t.end()
	return t.Fake.Observe(ctx)
}

// A store over a network does nothing for a context that has ended.
func TestAnObservationIsStoredThoughTheContextEndedMeanwhile(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		saves := 0
		store := storeHooked(s.store, "Save", func(ctx context.Context, _ storeCall, do func() error) error {
			saves++
			require.NoError(t, ctx.Err())
			return do()
		})
		require.ErrorIs(t, errOf(s.runnerOf(endsAfterReading{s.fake, cancel}, store).Run(ctx)), rollout.ErrPending)
		require.Positive(t, saves)
		require.True(t, s.state().Observed)
	})
}
