// Package polling waits for something to reach a state by reading it again and
// again: ever more rarely the longer the wait lasts, tolerating transient
// failures, and never longer than the context.
package polling

import (
	"context"
	"errors"
	"time"
)

const (
	defaultInterval       = 2 * time.Second
	defaultMaxInterval    = 15 * time.Minute
	defaultTolerateErrors = 10
	// share is the part of the time waited so far that the next pause takes: a
	// change is seen late by no more than 1/share of the wait.
	share = 20
	// longestRetryAfter keeps a wrong Retry-After from suspending a wait for good.
	longestRetryAfter = time.Hour
)

// Options say how to wait. Zero values stand for the defaults.
type Options[T any] struct {
	// Interval is the shortest time between polls; 0: 2 seconds.
	Interval time.Duration
	// MaxInterval is the longest time between polls; 0: 15 minutes.
	MaxInterval time.Duration
	// TolerateErrors is how many transient failures are tolerated in a row; 0: 10;
	// negative: none.
	TolerateErrors int
	// OnChange is called with the first state and each new one; may be nil.
	OnChange func(*T)
	// OnError is called with each failure that is tolerated; may be nil.
	OnError func(error)
}

// Condition is what is waited for.
type Condition[T any] struct {
	// Poll reads it.
	Poll func(context.Context) (*T, error)
	// State names its state; two states differ if their names do.
	State func(*T) string
	// Done says whether the awaited state is reached, or why it never will be.
	// A state it does not know is neither.
	Done func(context.Context, *T) (bool, error)
	// Transient says whether a failure may pass.
	Transient func(error) bool
	// RetryAfter is the pause that a failure asks for; 0: none.
	RetryAfter func(error) time.Duration
	// Attended is how long after a change of state somebody is taken to be
	// watching: so long the pauses stay at their shortest.
	Attended time.Duration
}

// ErrStateChanged says that the state changed between two reads: the wait goes
// on, and it is no failure.
var ErrStateChanged = errors.New("the state changed between two reads")

// Result is how far a wait came.
type Result[T any] struct {
	// Last is what was read last; nil when nothing was.
	Last *T
	// State is its state.
	State string
	// Polls is how often it was asked for.
	Polls int
}

// Wait polls until Done says so, the context ends, or a poll fails for good. The
// result holds what was read last, also with an error.
//
// Each pause is a twentieth of the time that has passed since the state last
// changed, within the bounds of the options, less some jitter. So a change in the
// first minutes is seen within seconds, and a wait of days takes a few hundred
// polls. Failures in a row lengthen the pauses, so that a short outage at the
// beginning of a wait does not use up what is tolerated.
func Wait[T any](ctx context.Context, opts Options[T], condition Condition[T]) (Result[T], error) {
	l := loop[T]{opts: opts.withDefaults(), condition: condition, changed: time.Now()}
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
	if o.MaxInterval <= 0 {
		o.MaxInterval = defaultMaxInterval
	}
	if o.Interval <= 0 {
		o.Interval = min(defaultInterval, o.MaxInterval)
	}
	o.MaxInterval = max(o.MaxInterval, o.Interval)
	if o.TolerateErrors == 0 {
		o.TolerateErrors = defaultTolerateErrors
	}
	return o
}

type loop[T any] struct {
	Result[T]

	opts      Options[T]
	condition Condition[T]
	// changed is when the state last changed.
	changed  time.Time
	failures int
}

func (l *loop[T]) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		pause, done, err := l.poll(ctx)
		if done || err != nil {
			return err
		}
		Sleep(ctx, pause)
	}
}

// poll reads once. It returns how long to pause before the next poll.
func (l *loop[T]) poll(ctx context.Context) (pause time.Duration, done bool, err error) {
	l.Polls++
	seen, err := l.condition.Poll(ctx)
	if err == nil {
		l.observe(seen)
		done, err = l.condition.Done(ctx, seen)
		if done || err == nil {
			l.failures = 0
			return l.pause(), done, nil
		}
	}
	if !l.tolerate(ctx, err) {
		return 0, false, err
	}
	return max(l.pause(), min(l.condition.RetryAfter(err), longestRetryAfter)), false, nil
}

func (l *loop[T]) observe(seen *T) {
	state := l.condition.State(seen)
	changed := l.Last == nil || state != l.State
	l.Last, l.State = seen, state
	if !changed {
		return
	}
	l.changed = time.Now()
	if l.opts.OnChange != nil {
		l.opts.OnChange(seen)
	}
}

// tolerate says whether the wait goes on after a failed poll.
func (l *loop[T]) tolerate(ctx context.Context, err error) bool {
	if errors.Is(err, ErrStateChanged) {
		l.failures = 0
		return true
	}
	if !l.condition.Transient(err) || errors.Is(err, ctx.Err()) {
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

// pause is the time until the next poll, less up to a fifth so that many waiters
// spread.
func (l *loop[T]) pause() time.Duration {
	backoff := l.opts.Interval
	for n := 0; n < l.failures && backoff < l.opts.MaxInterval; n++ {
		backoff += max(backoff/2, 1)
	}
	unattended := time.Since(l.changed) - l.condition.Attended
	pause := min(max(unattended/share, backoff), l.opts.MaxInterval)
	return pause - time.Duration(Jitter()*float64(pause/5))
}
