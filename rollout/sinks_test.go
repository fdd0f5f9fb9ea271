package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestSlogSinkChoosesTheLevelByKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[rollout.EventKind]string{
		rollout.EventPaused: "WARN", rollout.EventAborted: "WARN", rollout.EventEnded: "WARN",
		rollout.EventRetrying: "WARN", rollout.EventRefused: "WARN",
		rollout.EventWaiting: "DEBUG",
		rollout.EventStarted: "INFO", rollout.EventObserved: "INFO", rollout.EventAdopted: "INFO", rollout.EventChanging: "INFO",
		rollout.EventApplied: "INFO", rollout.EventWithdrawn: "INFO", rollout.EventRaised: "INFO", rollout.EventGate: "INFO",
		rollout.EventApproved: "INFO", rollout.EventResumed: "INFO", rollout.EventDone: "INFO", rollout.EventReplanned: "INFO",
		"OF_A_LATER_VERSION": "INFO",
	} {
		var out bytes.Buffer
		sink := rollout.SlogSink(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))

		require.NoError(t, sink(t.Context(), happened(kind, "something")))

		var line map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		require.Equal(t, want, line["level"], kind)
	}
}

func TestSlogSinkLogsAllOfAnEvent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sink := rollout.SlogSink(slog.New(slog.NewTextHandler(&out, nil)))
	e := happened(rollout.EventGate, "gate errors: fail: too many")
	e.Gate, e.Verdict, e.By, e.Error = "errors", &rollout.Verdict{Decision: rollout.Fail}, "olga", "broken"
	e.From, e.To, e.Change, e.Until = 5, 10, rollout.ChangeRaise, noon.Add(time.Hour)

	require.NoError(t, sink(t.Context(), e))
	require.Equal(t, `time=2026-03-01T12:00:00.000Z level=INFO msg="gate errors: fail: too many" event=GATE rollout=tea target="release rel_1" `+
		`status=RUNNING ratio=10 from=5 to=10 change=RAISE gate=errors decision=fail until=2026-03-01T13:00:00Z by=olga error=broken`+"\n", out.String())

	out.Reset()
	require.NoError(t, sink(t.Context(), happened(rollout.EventDone, "all users have the version")))
	require.Equal(t, `time=2026-03-01T12:00:00.000Z level=INFO msg="all users have the version" event=DONE rollout=tea target="release rel_1" `+
		"status=RUNNING ratio=10\n", out.String(), "what is empty is left out")

	out.Reset()
	require.NoError(t, sink(t.Context(), happened(rollout.EventWaiting, "waiting")))
	require.Empty(t, out.String(), "the logger's own level counts")
}

// brokenWriter is a writer that fails a number of times.
type brokenWriter struct {
	got   bytes.Buffer
	fails int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.fails--; b.fails >= 0 {
		return 0, errors.New("no space left")
	}
	return b.got.Write(p)
}

func TestASinkReturnsWhatItsWriterReturnsAndGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	for name, makeSink := range map[string]func(io.Writer) rollout.Sink{
		"slog":   func(w io.Writer) rollout.Sink { return rollout.SlogSink(slog.New(slog.NewTextHandler(w, nil))) },
		"NDJSON": rollout.NDJSONSink,
		"lines":  rollout.LineSink,
	} {
		t.Run(name, func(t *testing.T) {
			out := &brokenWriter{fails: 1}
			sink := makeSink(out)

			require.ErrorContains(t, sink(t.Context(), happened(rollout.EventRaised, "one")), "no space left")
			require.NoError(t, sink(t.Context(), happened(rollout.EventApproved, "two")))
			require.Contains(t, out.got.String(), "two")
		})
	}
}

// eachWrite keeps what each Write got.
type eachWrite []string

func (w *eachWrite) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestNDJSONSinkWritesAWholeLineAtOnce(t *testing.T) {
	t.Parallel()
	var out eachWrite
	sink := rollout.NDJSONSink(&out)
	given := happened(rollout.EventObserved, "two\nlines, <b> and é")
	given.Observation = &rollout.Observation{Status: "GRAYSCALE_RELEASE", Ratio: 10}

	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { _ = sink(context.Background(), given) })
	}
	all.Wait()

	require.Len(t, out, 50)
	for _, line := range out {
		require.Equal(t, len(line)-1, strings.IndexByte(line, '\n'), "one line")
		var got rollout.Event
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		require.Equal(t, given, got)
	}
}

// gateErrors is a verdict of the gate "errors", minutes after noon.
func gateErrors(minutes int, decision rollout.Decision, reason string) rollout.Event {
	e := happened(rollout.EventGate, "gate errors: "+string(decision)+": "+reason)
	e.At, e.Gate, e.Verdict = noon.Add(time.Duration(minutes)*time.Minute), "errors", &rollout.Verdict{Decision: decision}
	return e
}

func TestLineSinkWritesALineForEachEvent(t *testing.T) {
	t.Parallel()
	var out eachWrite
	sink := rollout.LineSink(&out)
	paused := happened(rollout.EventPaused, "paused by hand")
	paused.By = "olga"
	adopted := happened(rollout.EventAdopted, "somebody else raised it by olga")
	adopted.By = "olga"
	within := happened(rollout.EventPaused, "paused by hand")
	within.By = "ed" // which "paused" contains
	waiting := happened(rollout.EventWaiting, "watching 10%")
	waiting.Until = noon.Add(time.Hour)
	for _, e := range []rollout.Event{paused, adopted, within, waiting} {
		require.NoError(t, sink(t.Context(), e))
	}
	require.Equal(t, eachWrite{
		"2026-03-01T12:00:00Z tea of release rel_1: PAUSED: paused by hand (by olga)\n",
		"2026-03-01T12:00:00Z tea of release rel_1: ADOPTED: somebody else raised it by olga\n",
		"2026-03-01T12:00:00Z tea of release rel_1: PAUSED: paused by hand (by ed)\n",
		"2026-03-01T12:00:00Z tea of release rel_1: WAITING: watching 10%, until 2026-03-01T13:00:00Z\n",
	}, out)
}

// A line that could not be written is not one that was.
func TestLineSinkWritesAgainWhatItCouldNotWrite(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	failing := true
	sink := rollout.LineSink(writerFunc(func(p []byte) (int, error) {
		if failing {
			return 0, io.ErrClosedPipe
		}
		return out.Write(p)
	}))
	waiting := happened(rollout.EventWaiting, "watching 10%")
	require.ErrorIs(t, sink(t.Context(), waiting), io.ErrClosedPipe)
	failing = false
	require.NoError(t, sink(t.Context(), waiting))
	require.Contains(t, out.String(), "watching 10%")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLineSinkRepeatsNothingMoreThanEveryTenMinutes(t *testing.T) {
	t.Parallel()
	at := func(minutes int, kind rollout.EventKind, what string) rollout.Event {
		e := happened(kind, what)
		e.At = noon.Add(time.Duration(minutes) * time.Minute)
		return e
	}
	other := at(1, rollout.EventWaiting, "watching 10%")
	other.Rollout = "coffee"
	for _, tt := range []struct {
		name   string
		events []rollout.Event
		// want are the minutes of the lines.
		want []string
	}{
		{"waiting", []rollout.Event{at(0, rollout.EventWaiting, "a"), at(9, rollout.EventWaiting, "a"), at(10, rollout.EventWaiting, "a"), at(19, rollout.EventWaiting, "a")}, []string{"00", "10"}},
		{"waiting for something else", []rollout.Event{at(0, rollout.EventWaiting, "a"), at(1, rollout.EventWaiting, "b"), at(2, rollout.EventWaiting, "a")}, []string{"00", "01", "02"}},
		{"waiting anew", []rollout.Event{at(0, rollout.EventWaiting, "a"), at(1, rollout.EventRaised, "raised"), at(2, rollout.EventWaiting, "a")}, []string{"00", "01", "02"}},
		{"failing after waiting", []rollout.Event{at(0, rollout.EventWaiting, "a"), at(1, rollout.EventRetrying, "b"), at(2, rollout.EventRetrying, "b")}, []string{"00", "01"}},
		{"another rollout", []rollout.Event{at(0, rollout.EventWaiting, "watching 10%"), other, at(2, rollout.EventWaiting, "watching 10%")}, []string{"00", "01"}},
		{"a gate that passes", []rollout.Event{gateErrors(0, rollout.Pass, "0.1"), gateErrors(1, rollout.Pass, "0.2"), gateErrors(10, rollout.Pass, "0.3")}, []string{"00", "10"}},
		{"a gate that fails", []rollout.Event{gateErrors(0, rollout.Pass, "0.1"), gateErrors(1, rollout.Fail, "2"), gateErrors(2, rollout.Fail, "3")}, []string{"00", "01", "02"}},
		{"a gate beside waiting", []rollout.Event{at(0, rollout.EventWaiting, "a"), gateErrors(1, rollout.Pass, "0.1"), at(2, rollout.EventWaiting, "a")}, []string{"00", "01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out eachWrite
			sink := rollout.LineSink(&out)
			for _, e := range tt.events {
				require.NoError(t, sink(t.Context(), e))
			}
			var got []string
			for _, line := range out {
				got = append(got, strings.TrimPrefix(line, "2026-03-01T12:")[:2])
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// Names, reasons and verdicts are other people's text.
func FuzzLineSinkKeepsForeignTextInItsLine(f *testing.F) {
	for _, seed := range []string{"\x1b[2J\x1b]0;title\x07", "a\nb\r\x08c", "\u009b2J", "\x9b2J", "\u202etxt.exe\u2066", "\u2028\u2029\u0085", "plain"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out eachWrite
		e := happened(rollout.EventKind(text), text)
		e.Rollout, e.Target, e.By = text, text+"2", text
		require.NoError(t, rollout.LineSink(&out)(t.Context(), e))
		require.Len(t, out, 1)
		line := strings.TrimSuffix(out[0], "\n")
		require.True(t, utf8.ValidString(line))
		require.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
		}), "%q", line)
	})
}

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
				h := newFleetFixture(t, 20)
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
				synctest.Wait() // for the race detector: aborted is another goroutine's
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
