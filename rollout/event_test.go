package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestASinkThatFailsChangesNothing(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var log bytes.Buffer
		broken := func(context.Context, rollout.Event) error { return errors.New("pipe closed") }
		s.requireDone(s.runner(rollout.WithSink(broken), rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Contains(t, log.String(), `level=WARN msg="a sink of rollout events failed; the audit log has what the rollout did" error="pipe closed" rollout="release 1" event=STARTED`)
		s = newStage(t, plain())
		s.requireDone(s.runner(rollout.WithSink(broken)).Run(t.Context()))
	})
}

func TestEventsSayAllInOneLineEach(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Verdict{Decision: rollout.Pass, Reason: "fine\x1b[31m\nred"}, nil
		}
		s.requireDone(s.runner().Run(t.Context()))
		kinds := make(map[rollout.EventKind]int)
		for _, e := range s.events {
			kinds[e.Kind]++
			require.Equal(t, rollout.EventSchema, e.Schema)
			require.Equal(t, "release 1", e.Rollout)
			require.Equal(t, "release 1", e.Target)
			require.Equal(t, []alipayplus.Ratio{10, 50, 100}, e.Steps)
			require.False(t, e.At.IsZero())
			require.False(t, strings.ContainsAny(e.What+e.Error, "\n\x1b"), "%q", e.What)
			require.NotEmpty(t, e.What, e.Kind)
			if e.Kind == rollout.EventGate {
				require.Equal(t, "errors", e.Gate)
				require.Equal(t, rollout.Pass, e.Verdict.Decision)
			}
			if e.Kind == rollout.EventRaised {
				require.Equal(t, e.To, e.Ratio)
				require.Less(t, e.From, e.To)
			}
		}
		require.Equal(t, 1, kinds[rollout.EventStarted])
		require.Equal(t, 3, kinds[rollout.EventRaised])
		require.Equal(t, 4, kinds[rollout.EventChanging])
		require.Equal(t, 1, kinds[rollout.EventDone])
		require.Equal(t, []string{"raised from 0% to 10%", "raised from 10% to 50%", "raised from 50% to 100%"}, s.emitted(rollout.EventRaised))
	})
}

func TestARunThatGoesOnSaysFromWhere(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"the rollout begins", "going on: RUNNING at 10%"}, s.emitted(rollout.EventStarted))
	})
}

// Who watches the events must see that nobody drives the rollout any more.
func TestARunThatCannotOpenASessionEmitsThat(t *testing.T) {
	t.Parallel()
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
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
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
				emitted := s.events[0]
				require.Equal(t, rollout.EventFailed, emitted.Kind)
				require.Equal(t, "the run ended: "+err.Error(), emitted.What)
				require.Equal(t, err.Error(), emitted.Error)
				require.Equal(t, "release 1", emitted.Rollout)
				require.Empty(t, emitted.Status, "it is not known")
				require.Equal(t, ratiosOf(s.spec), emitted.Steps)
			}
		})
	}
}

func TestALeaseOfAnotherRunnerAndAStopAreNoFailureEvents(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		lease := s.lease("another")
		s.events = nil
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrLeased)
		require.ErrorIs(t, errOf(s.runner().Step(t.Context())), rollout.ErrLeased)
		require.NoError(t, lease.Release(t.Context()))
		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(time.Minute)
		require.ErrorIs(t, errOf(s.runner().Run(over)), rollout.ErrPending)
		require.Empty(t, s.events)
	})
}

func TestAnObservationIsEmittedOnceHoweverManyStepsMakeIt(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(5 * time.Minute)
		for range 10 {
			s.step()
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

func TestARunThatEndsWithAnErrorEmitsThat(t *testing.T) {
	t.Parallel()
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
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
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
			require.Empty(t, s.all(rollout.EventRaised), "what was not stored is not emitted")
		})
	}
}

func TestARunThatIsStoppedEmitsNoFailure(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.pause()
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrPaused)
		require.ErrorIs(t, errOf(s.runner().Step(t.Context())), rollout.ErrPaused)
		require.Empty(t, s.all(rollout.EventFailed))
	})
}

func TestAStepByAnotherSpecIsRefusedAsARunIs(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
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

// Who watches sees what happens when it happens.
func TestEachEventIsEmittedAtItsTime(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(10*time.Minute, func() { s.fake.FailNext(rollouttest.OpObserve, 5, unavailable()) })
		s.at(20*time.Minute, func() { require.NoError(t, errOf(s.runner(rollout.WithHost("b")).Pause(t.Context(), "lin", "lunch"))) })
		seen := make(map[rollout.EventKind]int)
		s.onEvent = func(e rollout.Event) {
			seen[e.Kind]++
			require.Equal(t, time.Now(), e.At, "%s: %s", e.Kind, e.What)
		}
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrPaused)
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
		for _, kind := range []rollout.EventKind{
			rollout.EventStarted, rollout.EventChanging, rollout.EventApplied, rollout.EventObserved, rollout.EventWaiting, rollout.EventRetrying,
			rollout.EventPaused, rollout.EventResumed, rollout.EventGate, rollout.EventRaised, rollout.EventDone,
		} {
			require.Positive(t, seen[kind], kind)
		}
	})
}

func TestEventsSayWhichMiniProgramAndVersion(t *testing.T) {
	tea := rollout.Subject{Program: "2021000000000002", Name: "Blue Lake Tea", Version: "1.2.0"}
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.fake.Edit("pat", func(o *rollout.Observation) { o.Subject = tea })
		var text bytes.Buffer
		s.at(90*time.Minute, func() { // a name that cannot be read for a while is known all the same
			s.fake.Edit("pat", func(o *rollout.Observation) { o.Subject.Name = "" })
		})
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if time.Since(step.Since) > 50*time.Minute {
				return rollout.Failed("too many errors"), nil
			}
			return rollout.Passed("fine"), nil
		}
		state, err := s.runner(rollout.WithSink(rollout.LineSink(&text))).Run(t.Context())
		require.ErrorContains(t, err, "rollout release 1 (Blue Lake Tea 1.2.0) is paused at 10%: gate errors failed: too many errors")
		require.Equal(t, tea, state.Subject)
		require.Equal(t, tea, s.events[len(s.events)-1].Subject)
		require.Contains(t, text.String(), " release 1 (Blue Lake Tea 1.2.0): PAUSED: ")
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Contains(t, plan.String(), "release 1 (Blue Lake Tea 1.2.0) is GRAYSCALE_RELEASE at 10%")
	})
}
