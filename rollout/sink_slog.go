package rollout

import (
	"context"
	"log/slog"
	"time"
)

// SlogSink gives events to a logger: as warnings what stops or delays a rollout
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

// attrs are the fields of the event that say something; its text and time apart.
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
	text("error", e.Error)
	return attrs
}
