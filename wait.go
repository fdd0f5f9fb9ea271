package alipayplus

import (
	"context"
	"errors"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/polling"
)

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
	seen, err := polling.Wait(ctx, polling.Options[T](opts), polling.Thing[T]{
		Poll:       func(ctx context.Context) (*T, error) { return w.poll(ctx, id) },
		State:      w.state,
		Done:       w.done,
		Passing:    IsRetryable,
		RetryAfter: retryAfter,
	})
	if err == nil {
		return seen.Last, nil
	}
	return seen.Last, &WaitError{Operation: operation, ID: id, LastState: seen.State, Polls: seen.Polls, Err: err}
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
