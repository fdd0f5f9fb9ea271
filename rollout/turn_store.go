package rollout

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// note adds to the transition at hand: to the audit log where a says why, and to the
// events.
func (t *turn) note(kind EventKind, a AuditEntry, e Event) {
	now := time.Now()
	if a.Why != "" {
		a.At, a.Action, a.By, a.Why = now, kind, cmp.Or(a.By, t.r.config.holder), validation.OneLine(a.Why)
		t.audit = append(t.audit, a)
	}
	e.Schema, e.At, e.Kind = EventSchema, now, kind
	e.What, e.Error = validation.OneLine(cmp.Or(e.What, a.Why)), validation.OneLine(e.Error)
	t.events = append(t.events, e)
}

// store stores the state with its audit entries, and then lets the events out.
func (t *turn) store(ctx context.Context) error {
	s := t.state
	s.Seq++
	s.UpdatedAt, s.UpdatedBy = time.Now(), t.r.config.holder
	for i := range t.audit {
		t.audit[i].Seq = s.Seq
	}
	data, err := s.encode()
	if err != nil {
		return err
	}
	if err := t.lease.Save(context.WithoutCancel(ctx), data, t.audit); err != nil {
		return &unstoredError{err}
	}
	t.audit = nil
	t.send(ctx)
	return nil
}

// send lets the events out.
func (t *turn) send(ctx context.Context) {
	events := t.events
	t.events = nil
	for _, e := range events {
		e.Rollout, e.Target, e.Status, e.Ratio = t.state.Rollout, t.state.Target, t.state.Status, t.state.Ratio
		e.Seen, e.Steps = t.seen, t.state.Spec.ratios()
		for _, sink := range t.r.config.sinks {
			if err := sink(ctx, e); err != nil {
				t.r.config.logger.LogAttrs(ctx, slog.LevelWarn, "a sink of rollout events failed",
					slog.String("rollout", e.Rollout), slog.String("event", string(e.Kind)), slog.Any("error", err))
			}
		}
	}
}

// unstoredError says that a state was not stored. Whatever the store's error is, the
// run does not go on with what nobody would remember.
type unstoredError struct{ err error }

func (e *unstoredError) Error() string { return e.err.Error() }
func (e *unstoredError) Unwrap() error { return e.err }

const firstInterval = 2 * time.Second

// pollIn is when to read the target again: a quarter of the time since the last
// change, so that a review of minutes is followed closely and one of days seldom.
func (r *Runner) pollIn(waited time.Duration) time.Duration {
	return jittered(min(max(waited/4, firstInterval), r.config.interval))
}

// backOff is when to try again after n failures in a row, and not before the target
// asks for it.
func (r *Runner) backOff(n int64, err error) time.Duration {
	d := jittered(min(firstInterval<<min(n-1, 20), r.config.interval))
	asked := min(askedFor(err), time.Hour)
	spread := time.Duration(float64(asked) * 0.1 * rand.Float64()) //nolint:gosec // it spreads calls, nothing secret hangs on it
	return max(d, asked+spread)
}

// askedFor is how long the target asked to wait; 0 when it did not.
func askedFor(err error) time.Duration {
	if e, ok := errors.AsType[*transientError](err); ok && e.after > 0 {
		return e.after
	}
	if e, ok := errors.AsType[*alipayplus.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// jittered spreads a wait by a tenth to either side.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // it spreads calls, nothing secret hangs on it
}
