package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// NDJSONSink writes each event as one JSON object in a line of its own, in a single
// Write. It is safe for concurrent use; its error is that of the writer.
func NDJSONSink(w io.Writer) Sink {
	var mu sync.Mutex
	return func(_ context.Context, e Event) error {
		mu.Lock()
		defer mu.Unlock()
		if err := json.NewEncoder(w).Encode(e); err != nil { // one Write; a kept encoder would keep an error too
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		return nil
	}
}

// SlogSink logs events: as warnings what stops or delays a rollout
// (PAUSED, ABORTED, ENDED, RETRYING, REFUSED), as debug lines WAITING, all others as
// information. The message is Event.What, the time Event.At. It is safe for
// concurrent use; its error is that of the logger's handler.
func SlogSink(logger *slog.Logger) Sink {
	return func(ctx context.Context, e Event) error {
		level := e.Kind.level()
		if !logger.Enabled(ctx, level) {
			return nil
		}
		record := slog.NewRecord(e.At, level, e.What, 0)
		record.AddAttrs(e.attrs()...)
		return logger.Handler().Handle(ctx, record)
	}
}

func (k EventKind) level() slog.Level {
	switch k {
	case EventPaused, EventAborted, EventEnded, EventRetrying, EventRefused, EventFailed:
		return slog.LevelWarn
	case EventWaiting:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// attrs are the fields of the event that are not empty, except its text and time.
func (e Event) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("event", string(e.Kind)),
		slog.String("rollout", e.Rollout),
		slog.String("target", e.Target),
		slog.String("status", string(e.Status)),
		slog.Int("ratio", int(e.Ratio)),
	}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("program", cmp.Or(e.Subject.Name, e.Subject.Program))
	text("version", e.Subject.Version)
	if e.From != 0 || e.To != 0 {
		attrs = append(attrs, slog.Int("from", int(e.From)), slog.Int("to", int(e.To)))
	}
	text("change", string(e.Change))
	text("gate", e.Gate)
	if e.Verdict != nil {
		text("decision", string(e.Verdict.Decision))
	}
	if !e.Until.IsZero() {
		attrs = append(attrs, slog.String("until", e.Until.UTC().Format(time.RFC3339)))
	}
	text("by", e.By)
	if !strings.Contains(e.What, e.Error) { // the message has it already
		text("error", e.Error)
	}
	return attrs
}

// repeatEvery is how often [LineSink] repeats a line that says nothing new.
const repeatEvery = 10 * time.Minute

// LineSink writes each event as one line of text, in a single Write: time, rollout, kind,
// and what happened. What repeats itself (WAITING, RETRYING, and a gate's decision) is
// written when it says something new, and every ten minutes as a sign of life. Text of
// others cannot steer a terminal. It is safe for concurrent use; its error is that of the
// writer.
func LineSink(w io.Writer) Sink {
	var mu sync.Mutex
	written := make(map[string]map[string]repeated)
	return func(_ context.Context, e Event) error {
		mu.Lock()
		defer mu.Unlock()
		if !isNews(written, e) {
			return nil
		}
		text := e.What
		if e.By != "" && !strings.Contains(text, " by "+e.By) {
			text += " (by " + e.By + ")"
		}
		if !e.Until.IsZero() {
			text += ", until " + e.Until.UTC().Format(time.RFC3339)
		}
		line := printable(fmt.Sprintf("%s %s: %s: %s", e.At.UTC().Format(time.RFC3339), titleOf(e.Rollout, e.Target, e.Subject), e.Kind, text))
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			delete(written, e.Rollout) // it may not have been read
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		return nil
	}
}

// repeated is a line that may come again.
type repeated struct {
	text string
	at   time.Time
}

// isNews says whether an event is to be written, and remembers it: by its rollout, then by its gate.
func isNews(written map[string]map[string]repeated, e Event) bool {
	gate, text := "", e.What // without a gate, what is waited for: the target, or another try after a failure
	switch e.Kind {
	case EventWaiting, EventRetrying:
	case EventGate:
		gate = e.Gate
		if e.Verdict != nil && e.Verdict.Decision == Pass {
			text = string(Pass) // its figures differ each time
		}
	default:
		delete(written, e.Rollout)
		return true
	}
	before, known := written[e.Rollout][gate]
	if known && before.text == text && e.At.Sub(before.at) < repeatEvery {
		return false
	}
	if written[e.Rollout] == nil {
		written[e.Rollout] = make(map[string]repeated)
	}
	written[e.Rollout][gate] = repeated{text: text, at: e.At}
	return true
}

// printable is text in one line of valid UTF-8 without what controls a terminal and what
// nobody sees.
func printable(text string) string {
	return validation.Visible(validation.OneLine(strings.ToValidUTF8(text, "?")))
}
