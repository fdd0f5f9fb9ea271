// Package polling waits for a thing to reach a state by asking for it again and
// again: with growing pauses, tolerating failures that pass, and never longer
// than the context lasts.
package polling

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// longestRetryAfter keeps a wrong Retry-After from putting a wait to sleep for good.
const longestRetryAfter = time.Hour

// Options say how to wait. Zero values stand for the defaults.
type Options[T any] struct {
	// Interval is the time between the first polls; 0: 2 seconds. It grows by
	// half from poll to poll, with jitter, up to MaxInterval, and starts anew
	// when the state changes.
	Interval time.Duration
	// MaxInterval is the longest time between polls; 0: 1 minute.
	MaxInterval time.Duration
	// TolerateErrors is how many failures that pass are tolerated in a row; 0:
	// 10; negative: none.
	TolerateErrors int
	// OnChange is called with the first state and each new one; may be nil.
	OnChange func(*T)
	// OnError is called with each failure that is tolerated; may be nil.
	OnError func(error)
}

// Thing is what waiting needs to know of what it waits for.
type Thing[T any] struct {
	// Poll reads it.
	Poll func(context.Context) (*T, error)
	// State tells two states apart.
	State func(*T) string
	// Done says whether the awaited state is reached, or why it never will be.
	// A state it does not know is neither.
	Done func(context.Context, *T) (bool, error)
	// Passing says whether a failure may pass.
	Passing func(error) bool
	// RetryAfter is the pause that a failure asks for; 0: none.
	RetryAfter func(error) time.Duration
}

// ErrMoved says that the thing changed between two reads: the wait goes on, and
// it is no failure.
var ErrMoved = errors.New("the state changed between two reads")

// Result is how far a wait came.
type Result[T any] struct {
	// Last is the last thing seen; nil when none was.
	Last *T
	// State is its state.
	State string
	// Polls is how often it was asked for.
	Polls int
}

// Wait polls until Done says so, the context ends, or a poll fails for good. The
// result holds the last thing seen, also with an error.
func Wait[T any](ctx context.Context, opts Options[T], thing Thing[T]) (Result[T], error) {
	opts = opts.withDefaults()
	l := loop[T]{opts: opts, thing: thing, interval: opts.Interval}
	err := l.run(ctx)
	return l.Result, err
}

// Sleep pauses, not longer than the context lasts.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (o Options[T]) withDefaults() Options[T] {
	if o.Interval <= 0 {
		o.Interval = 2 * time.Second
	}
	if o.MaxInterval <= 0 {
		o.MaxInterval = time.Minute
	}
	o.MaxInterval = max(o.MaxInterval, o.Interval)
	if o.TolerateErrors == 0 {
		o.TolerateErrors = 10
	}
	return o
}

type loop[T any] struct {
	Result[T]

	opts     Options[T]
	thing    Thing[T]
	interval time.Duration
	failures int
}

func (l *loop[T]) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		pause, done, err := l.once(ctx)
		if done || err != nil {
			return err
		}
		Sleep(ctx, pause)
	}
}

// once polls one time. It returns how long to pause before the next poll.
func (l *loop[T]) once(ctx context.Context) (pause time.Duration, done bool, err error) {
	l.Polls++
	thing, err := l.thing.Poll(ctx)
	if err == nil {
		l.see(thing)
		done, err = l.thing.Done(ctx, thing)
		if done || err == nil {
			l.failures = 0
			return l.nextPause(), done, nil
		}
	}
	if !l.tolerate(ctx, err) {
		return 0, false, err
	}
	return max(l.nextPause(), min(l.thing.RetryAfter(err), longestRetryAfter)), false, nil
}

func (l *loop[T]) see(thing *T) {
	state := l.thing.State(thing)
	changed := l.Last == nil || state != l.State
	l.Last, l.State = thing, state
	if !changed {
		return
	}
	l.interval = l.opts.Interval
	if l.opts.OnChange != nil {
		l.opts.OnChange(thing)
	}
}

// tolerate says whether a failed poll is passed over.
func (l *loop[T]) tolerate(ctx context.Context, err error) bool {
	if errors.Is(err, ErrMoved) {
		l.failures = 0
		return true
	}
	if !l.thing.Passing(err) || errors.Is(err, ctx.Err()) {
		return false
	}
	l.failures++
	if l.failures > l.opts.TolerateErrors {
		return false
	}
	if l.opts.OnError != nil {
		l.opts.OnError(err)
	}
	return true
}

// nextPause is the interval, less up to a fifth so that many waiters spread,
// and lets the interval grow.
func (l *loop[T]) nextPause() time.Duration {
	pause := l.interval
	l.interval = min(l.interval+max(l.interval/2, 1), l.opts.MaxInterval)
	if spread := int64(pause / 5); spread > 0 {
		pause -= time.Duration(rand.Int64N(spread)) //nolint:gosec // jitter needs no secrecy
	}
	return pause
}
