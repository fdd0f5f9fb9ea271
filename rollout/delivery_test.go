package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// deadChats are sinks that do not answer, each in its way; end ends the last of them.
func deadChats() map[string]func(end <-chan struct{}) rollout.Sink {
	return map[string]func(end <-chan struct{}) rollout.Sink{
		"until its time is over": func(<-chan struct{}) rollout.Sink {
			return func(ctx context.Context, _ rollout.Event) error {
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"for ten seconds": func(<-chan struct{}) rollout.Sink {
			return func(context.Context, rollout.Event) error {
				time.Sleep(10 * time.Second)
				return errors.New("no route to host")
			}
		},
		"and never returns": func(end <-chan struct{}) rollout.Sink {
			return func(context.Context, rollout.Event) error {
				<-end
				return nil
			}
		},
	}
}

// besideADeadChat runs a test on a stage with each dead chat.
func besideADeadChat(t *testing.T, spec rollout.Spec, do func(t *testing.T, s *stage, chat rollout.Option)) {
	t.Helper()
	t.Parallel()
	for name, dead := range deadChats() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				defer time.Sleep(time.Minute) // until what hangs has ended
				defer close(end)
				do(t, newStage(t, spec), rollout.WithSink(dead(end)))
			})
		})
	}
}

func TestADeadChatDelaysNoAbort(t *testing.T) {
	besideADeadChat(t, hourly(), func(t *testing.T, s *stage, chat rollout.Option) {
		asked := 90 * time.Minute
		s.at(asked, func() { s.abort(rollout.WithHost("b"), chat) })
		_, err := s.runner(chat).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		effects := s.fake.Effects()
		require.Equal(t, rollout.ChangeAbort, effects[len(effects)-1].Kind)
		require.Equal(t, asked, effects[len(effects)-1].At.Sub(s.began))
	})
}

func TestADeadChatDelaysNoCommand(t *testing.T) {
	besideADeadChat(t, approved(), func(t *testing.T, s *stage, chat rollout.Option) {
		s.runUntil(70 * time.Minute)
		for _, command := range []func(r *rollout.Runner) error{
			func(r *rollout.Runner) error { return errOf(r.Approve(t.Context(), "lin", "", 50)) },
			func(r *rollout.Runner) error { return errOf(r.Pause(t.Context(), "lin", "")) },
			func(r *rollout.Runner) error { return errOf(r.Resume(t.Context(), "lin", "")) },
			func(r *rollout.Runner) error { return errOf(r.Abort(t.Context(), "lin", "")) },
		} {
			asked := time.Now()
			require.NoError(t, command(s.runner(chat)))
			require.Equal(t, asked, s.state().UpdatedAt.In(asked.Location()), "it is executed first")
			require.LessOrEqual(t, time.Since(asked), 6*time.Second)
		}
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

func TestADeadChatDelaysNoGateThatFails(t *testing.T) {
	besideADeadChat(t, aborting(), func(t *testing.T, s *stage, chat rollout.Option) {
		var failed time.Time
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if time.Since(step.Since) < 30*time.Minute {
				return rollout.Passed("fine"), nil
			}
			failed = time.Now()
			return rollout.Failed("too many errors"), nil
		}
		_, err := s.runner(chat).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		effects := s.fake.Effects()
		require.Equal(t, failed, effects[len(effects)-1].At)
	})
}

func TestADeadChatDelaysNoRaise(t *testing.T) {
	besideADeadChat(t, plain(), func(t *testing.T, s *stage, chat rollout.Option) {
		s.requireDone(s.runner(chat).Run(t.Context()))
		for ratio, live := range liveFor(s.fake) {
			if ratio > 0 {
				require.InDelta(t, time.Hour.Seconds(), live.Seconds(), 5, "%v", ratio)
			}
		}
		require.Len(t, s.all(rollout.EventRaised), 3, "other sinks get all")
		require.Equal(t, []string{"all users have the version"}, s.all(rollout.EventDone))
	})
}

func TestADeadChatIsLoggedOnceAndTheAuditLogHasAll(t *testing.T) {
	besideADeadChat(t, plain(), func(t *testing.T, s *stage, chat rollout.Option) {
		var log bytes.Buffer
		s.requireDone(s.runner(chat, rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Equal(t, 1, strings.Count(log.String(), "does not answer, and is given up for a while"), log.String())
		require.Equal(t, 1, strings.Count(log.String(), "has not got the last events of a run; the audit log has what the rollout did"), log.String())
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestADeadChatOfAFleetDelaysNobody(t *testing.T) {
	t.Parallel()
	for name, dead := range deadChats() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				defer time.Sleep(time.Minute) // until what hangs has ended
				defer close(end)
				h := newHarbor(t, 20)
				h.opts = []rollout.Option{rollout.WithSink(dead(end))}
				fleet := h.fleet(rollout.FleetOptions{Workers: 2})
				var aborted time.Time
				h.at(90*time.Minute, func() {
					runner, err := fleet.Runner("release 3")
					require.NoError(t, err)
					require.NoError(t, errOf(runner.Abort(t.Context(), "lin", "no")))
					aborted = time.Now()
				})
				_, err := fleet.Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrAborted)
				require.LessOrEqual(t, aborted.Sub(h.began), 90*time.Minute+6*time.Second)
				require.Less(t, time.Since(h.began), 4*time.Hour)
			})
		})
	}
}

func TestAChatThatAnswersAgainGetsWhatItMissed(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var got []rollout.EventKind
		var log bytes.Buffer
		calls := 0
		chat := func(ctx context.Context, e rollout.Event) error {
			if calls++; time.Since(s.began) < 100*time.Minute {
				<-ctx.Done()
				return ctx.Err()
			}
			got = append(got, e.Kind)
			return nil
		}
		s.requireDone(s.runner(rollout.WithSink(chat), rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		for _, kind := range []rollout.EventKind{rollout.EventObserved, rollout.EventRaised, rollout.EventDone} {
			require.Contains(t, got, kind)
		}
		require.Less(t, calls-len(got), 10, "it is tried less and less often")
		require.Contains(t, log.String(), "answers again")
	})
}

func TestASinkThatPanicsChangesNothing(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var log bytes.Buffer
		panics := rollout.WithSink(func(context.Context, rollout.Event) error { panic("nil map") })
		s.requireDone(s.runner(panics, rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Equal(t, 1, strings.Count(log.String(), "the sink panicked: nil map"))
	})
}
