package alipayplus

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// longestRetryAfter keeps a wrong Retry-After from putting a wait to sleep for good.
const longestRetryAfter = time.Hour

// WaitOptions say how to wait for a state. The zero value is good for reviews
// that take minutes to days. The deadline is the context's.
type WaitOptions[T any] struct {
	// Interval is the time between the first polls; 0: 2 seconds. It grows by
	// half from poll to poll, with jitter, up to MaxInterval.
	Interval time.Duration
	// MaxInterval is the longest time between polls; 0: 1 minute. After a poll
	// that failed, a longer Retry-After of the platform counts, up to 1 hour.
	MaxInterval time.Duration
	// TolerateErrors is how many transient failures of a poll in a row are
	// passed over; 0: 10; negative: none. Other failures end the wait at once.
	TolerateErrors int
	// OnChange is called, in the waiting goroutine, with the first state seen
	// and with each that differs from the one before; may be nil.
	OnChange func(*T)
	// OnError is called with each transient failure that is passed over; may be nil.
	OnError func(error)
}

// How to wait for the four things that can be waited for.
type (
	// ReleaseWait says how to wait for a release.
	ReleaseWait = WaitOptions[Release]
	// ServiceWait says how to wait for a service.
	ServiceWait = WaitOptions[Service]
	// RequestWait says how to wait for a request.
	RequestWait = WaitOptions[Request]
	// AuthorizationWait says how to wait for an authorization.
	AuthorizationWait = WaitOptions[Authorization]
)

func (o WaitOptions[T]) withDefaults() WaitOptions[T] {
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

// waiter is what waiting needs to know of a thing.
type waiter[T any] struct {
	poll func(ctx context.Context, id string) (*T, error)
	// state tells two states apart and is shown in errors.
	state func(*T) string
	// done says whether the awaited state is reached, or why it never will be.
	// A state it does not know is neither.
	done func(context.Context, *T) (bool, error)
}

// wait polls until w.done says so, the context ends, or a poll fails for good.
// It returns the last thing seen, also with an error.
func wait[T any](ctx context.Context, operation, id string, opts WaitOptions[T], w waiter[T]) (*T, error) {
	opts = opts.withDefaults()
	loop := waitLoop[T]{opts: opts, waiter: w, interval: opts.Interval}
	err := loop.run(ctx, id)
	if err == nil {
		return loop.last, nil
	}
	return loop.last, &WaitError{Operation: operation, ID: id, LastState: loop.lastState, Polls: loop.polls, Err: err}
}

type waitLoop[T any] struct {
	opts      WaitOptions[T]
	waiter    waiter[T]
	interval  time.Duration
	last      *T
	lastState string
	polls     int
	failures  int
}

func (l *waitLoop[T]) run(ctx context.Context, id string) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		pause, done, err := l.once(ctx, id)
		if done || err != nil {
			return err
		}
		sleep(ctx, pause)
	}
}

// once polls one time. It returns how long to pause before the next poll.
func (l *waitLoop[T]) once(ctx context.Context, id string) (pause time.Duration, done bool, err error) {
	l.polls++
	thing, err := l.waiter.poll(ctx, id)
	if err == nil {
		l.see(thing)
		done, err = l.waiter.done(ctx, thing)
		if done || err == nil {
			l.failures = 0
			return l.nextPause(), done, nil
		}
	}
	if !l.tolerate(ctx, err) {
		return 0, false, err
	}
	return max(l.nextPause(), min(retryAfter(err), longestRetryAfter)), false, nil
}

func (l *waitLoop[T]) see(thing *T) {
	state := l.waiter.state(thing)
	changed := l.last == nil || state != l.lastState
	l.last, l.lastState = thing, state
	if !changed {
		return
	}
	l.interval = l.opts.Interval
	if l.opts.OnChange != nil {
		l.opts.OnChange(thing)
	}
}

// tolerate says whether a failed poll is passed over.
func (l *waitLoop[T]) tolerate(ctx context.Context, err error) bool {
	if errors.Is(err, errMoved) {
		l.failures = 0
		return true
	}
	if !IsRetryable(err) || errors.Is(err, ctx.Err()) {
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
func (l *waitLoop[T]) nextPause() time.Duration {
	pause := l.interval
	l.interval = min(l.interval+l.interval/2, l.opts.MaxInterval)
	if spread := int64(pause / 5); spread > 0 {
		pause -= time.Duration(rand.Int64N(spread)) //nolint:gosec // jitter needs no secrecy
	}
	return pause
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// sleep pauses, not longer than the context lasts.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
