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
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestSlogSinkChoosesTheLevelByKind(t *testing.T) {
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
