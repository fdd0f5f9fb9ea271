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
func (s *session) record(kind EventKind, a AuditEntry, e Event) {
	now := time.Now()
	if a.Why != "" {
		a.At, a.Action, a.By, a.Why = now, kind, cmp.Or(a.By, s.runner.config.holder), validation.OneLine(a.Why)
		s.audit = append(s.audit, a)
	}
	e.Schema, e.At, e.Kind = EventSchema, now, kind
	e.What, e.Error = validation.OneLine(cmp.Or(e.What, a.Why)), validation.OneLine(e.Error)
	s.events = append(s.events, e)
}

// store stores the state with its audit entries, and then lets the events out.
func (s *session) save(ctx context.Context) error {
	state := s.state
	state.Seq++
	state.UpdatedAt, state.UpdatedBy = time.Now(), s.runner.config.holder
	for i := range s.audit {
		s.audit[i].Seq = state.Seq
	}
	data, err := state.encode()
	if err != nil {
		return err
	}
	if err := s.lease.Save(context.WithoutCancel(ctx), data, s.audit); err != nil {
		return &saveError{err}
	}
	s.audit = nil
	s.emit(ctx)
	return nil
}

// send lets the events out.
func (s *session) emit(ctx context.Context) {
	events := s.events
	s.events = nil
	for _, e := range events {
		e.Rollout, e.Target, e.Status, e.Ratio = s.state.Rollout, s.state.Target, s.state.Status, s.state.Ratio
		e.Observation, e.Steps = s.observation, s.state.Spec.ratios()
		for _, sink := range s.runner.config.sinks {
			if err := sink(ctx, e); err != nil {
				s.runner.config.logger.LogAttrs(ctx, slog.LevelWarn, "a sink of rollout events failed",
					slog.String("rollout", e.Rollout), slog.String("event", string(e.Kind)), slog.Any("error", err))
			}
		}
	}
}

// unstoredError says that a state was not stored. Whatever the store's error is, the
// run does not go on with what nobody would remember.
type saveError struct{ err error }

func (e *saveError) Error() string { return e.err.Error() }
func (e *saveError) Unwrap() error { return e.err }

const firstInterval = 2 * time.Second

// pollIn is when to read the target again: a quarter of the time since the last
// change, so that a review of minutes is followed closely and one of days seldom.
func (r *Runner) observeIn(waited time.Duration) time.Duration {
	return jittered(min(max(waited/4, firstInterval), r.config.interval))
}

// backOff is when to try again after n failures in a row, and not before the target
// asks for it.
func (r *Runner) retryIn(n int64, err error) time.Duration {
	d := jittered(min(firstInterval<<min(n-1, 20), r.config.interval))
	asked := min(retryAfter(err), time.Hour)
	spread := time.Duration(float64(asked) * 0.1 * rand.Float64()) //nolint:gosec // it spreads calls, nothing secret hangs on it
	return max(d, asked+spread)
}

// askedFor is how long the target asked to wait; 0 when it did not.
func retryAfter(err error) time.Duration {
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
