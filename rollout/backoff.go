package rollout

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/polling"
)

const firstInterval = 2 * time.Second

// observeIn is how long to wait before the next observation: a quarter of the time since
// the last change, so that a review of minutes is followed closely and one of days seldom.
func (r *Runner) observeIn(waited time.Duration) time.Duration {
	return jittered(min(max(waited/4, firstInterval), r.interval))
}

// retryIn is how long to wait before the next attempt after n failures in a row. It is
// never shorter than what the target asks for, up to an hour.
func (r *Runner) retryIn(n int64, err error) time.Duration {
	backoff := jittered(min(firstInterval<<min(n-1, 20), r.interval))
	asked := min(retryAfter(err), time.Hour)
	spread := time.Duration(float64(asked) * 0.1 * polling.Jitter())
	return max(backoff, asked+spread)
}

// retryAfter is how long the target asked to wait; 0 when it did not.
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
	return time.Duration(float64(d) * (0.9 + 0.2*polling.Jitter()))
}

// Transient marks an error of a [Target] as transient: the runner tries again later. It
// returns nil for nil.
func Transient(err error) error { return TransientAfter(err, 0) }

// TransientAfter is [Transient] for an error with which the target says how long to wait.
// The runner waits that long, but at most an hour.
func TransientAfter(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &transientError{err, wait}
}

type transientError struct {
	error

	after time.Duration
}

func (e *transientError) Unwrap() error { return e.error }

// Outage marks an error of a [Target] that says nothing about the target, because something
// else answered at its address (a maintenance page, a captive portal, a redirect), or because
// it could not be asked: a store of its credentials is away. Once the
// target has been observed, this process or an earlier one of the rollout has reached it
// there: then the error is an outage that passes, and the runner tries again later. Before
// that, the address may be wrong, and the error is final. An [alipayplus.Error] with Foreign,
// and a certificate that does not fit the address, need no mark. It returns nil for nil.
func Outage(err error) error {
	if err == nil {
		return nil
	}
	return &outageError{err}
}

type outageError struct{ error }

func (e *outageError) Unwrap() error { return e.error }

// isOutage says whether an error is one that [Outage] describes. What is too large stays so.
func isOutage(err error) bool {
	_, marked := errors.AsType[*outageError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	e, ok := errors.AsType[*alipayplus.Error](err)
	foreign := ok && e.Foreign && e.HTTPStatus != http.StatusRequestEntityTooLarge
	return marked || certificate || noTLS || foreign || errors.Is(err, http.ErrSchemeMismatch)
}

// mayPass says whether the same call may succeed later.
func (s *session) mayPass(err error) bool {
	reached := s.state.Observed || len(s.state.Changes) > 0
	return isTransient(err) || reached && isOutage(err)
}

// isTransient says whether the same call may succeed later.
func isTransient(err error) bool {
	if _, ok := errors.AsType[*transientError](err); ok {
		return true
	}
	return alipayplus.IsRetryable(err) || errors.Is(err, alipayplus.ErrRateLimited) ||
		errors.Is(err, alipayplus.ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded)
}
