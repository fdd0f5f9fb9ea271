package alipayplus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// WaitOptions say how to wait for a state. The zero value is good for reviews
// that take minutes to days. The deadline is the context's.
//
// The time between two polls grows with the wait: it is a twentieth of the time
// since the state last changed, between Interval and MaxInterval, less some
// jitter. By default that is 2 seconds in the first 40 seconds, 15 seconds after 5
// minutes, and 15 minutes after 5 hours; a wait of 2 days takes some 350 polls.
type WaitOptions[T any] struct {
	// Interval is the shortest time between polls; 0: 2 seconds.
	Interval time.Duration
	// MaxInterval is the longest time between polls; 0: 15 minutes. After a poll
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

// How to wait for the things that can be waited for.
type (
	// ReleaseWait says how to wait for a release.
	ReleaseWait = WaitOptions[Release]
	// ServiceWait says how to wait for a service.
	ServiceWait = WaitOptions[Service]
	// RequestWait says how to wait for a request.
	RequestWait = WaitOptions[Request]
	// AuthorizationWait says how to wait for an authorization.
	AuthorizationWait = WaitOptions[Authorization]
	// OrderWait says how to wait for an order.
	OrderWait = WaitOptions[Order]
)

// wait polls until condition.Done says so, the context ends, or a poll fails for
// good. It returns the last state seen, also with an error.
func wait[T any](ctx context.Context, operation, id string, opts WaitOptions[T], condition polling.Condition[T]) (*T, error) {
	condition.Transient, condition.RetryAfter = IsRetryable, retryAfter
	result, err := polling.Wait(ctx, polling.Options[T](opts), condition)
	if err == nil {
		return result.Last, nil
	}
	return result.Last, &WaitError{Operation: operation, ID: id, LastState: result.State, Polls: result.Polls, Err: err}
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// WaitError says that waiting ended before the awaited state was reached.
type WaitError struct {
	// Operation is the wait, for example "releases.waitReviewed".
	Operation string
	// ID is what was waited for.
	ID string
	// LastState is the last state seen; empty when none was.
	LastState string
	// Polls is how often the state was asked for.
	Polls int
	// Err is why the wait ended: the context's error, the last failure of a
	// poll, or a [ReviewError].
	Err error
}

// Error names what was waited for, the last state and the reason.
func (e *WaitError) Error() string {
	polls := "polls"
	if e.Polls == 1 {
		polls = "poll"
	}
	return validation.OneLine(fmt.Sprintf("%s: %s: waiting ended after %d %s, last state %s: %v", e.Operation, e.ID, e.Polls, polls, cmp.Or(e.LastState, "none"), e.Err))
}

// Unwrap returns the reason.
func (e *WaitError) Unwrap() error { return e.Err }

// Timeout says whether the wait ended because the context's deadline passed.
func (e *WaitError) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }
