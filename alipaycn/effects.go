package alipaycn

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/polling"
)

// safeWrite is a write that is never sent twice blindly.
type safeWrite struct {
	op cnwire.Operation
	in any
	// got takes the answer; nil where nothing is answered.
	got any
	// prove reads the state and says what it proves, and what it saw, in words.
	// Nil: no state proves anything.
	prove func(context.Context) (seen effect, observed string, err error)
}

// write makes a write. After an unknown outcome the state decides: a write that
// took effect is a success, one that did not is sent again, as often as calls
// are sent at all, and anything else is an error that matches
// [alipayplus.ErrOutcomeUnknown].
func (c *Client) write(ctx context.Context, w safeWrite) error {
	if err := check(w.op, w.in); err != nil {
		return err
	}
	return c.writeChecked(ctx, w)
}

// writeChecked is write for an input that was checked already, before the state was
// read that prove compares with.
func (c *Client) writeChecked(ctx context.Context, w safeWrite) error {
	out, err := c.encode(w.op, w.in)
	if err != nil {
		return notSent(w.op, err)
	}
	sent, unknown := 0, false
	for attempt := 1; ; attempt++ {
		err := c.exchangeOf(ctx, c.attempts-sent, w.op, out, w.got)
		e, failed := errors.AsType[*Error](err)
		if !failed {
			return err
		}
		sent += e.Attempts
		e.Attempts = sent
		unknown = unknown || e.OutcomeUnknown
		if !unknown || w.prove == nil {
			return e
		}
		again, err := c.reconcile(ctx, w, e, attempt)
		if !again {
			return err
		}
	}
}

// reconcile reads the state after an unknown outcome. e is what the last attempt
// came to; it may be a refusal, when an earlier attempt's outcome was unknown.
func (c *Client) reconcile(ctx context.Context, w safeWrite, e *Error, attempt int) (again bool, err error) {
	lost, retryable := e.OutcomeUnknown, e.Retryable
	e.OutcomeUnknown, e.Retryable = true, false
	late := !c.between.pause(ctx, attempt, e.RetryAfter)
	seen, observed, err := w.prove(ctx)
	switch {
	case err != nil:
		e.Message += "; what became of it could not be read: " + err.Error()
		e.cause = errors.Join(e.cause, ctx.Err())
		if missing, ok := errors.AsType[*AuthorizationError](err); ok {
			e.cause = errors.Join(e.cause, missing)
		}
		return false, e
	case seen == effectDone:
		return false, nil
	case seen == effectNotDone && lost && !late && e.Attempts < c.attempts:
		return true, nil
	case seen == effectNotDone && !lost && e.isFinalRefusal() && !mayBeDone(w.op, e.Code):
		e.OutcomeUnknown, e.Retryable = false, retryable // refused, and the state agrees
	case !lost:
		e.Hint = unknownOutcomeHint(w.op, e.Code, e.Hint)
	}
	e.Message += "; afterwards " + observed
	return false, e
}

// isFinalRefusal says whether AlipayCN looked at the call before it refused it, so
// that the refusal tells something about an earlier attempt.
func (e *Error) isFinalRefusal() bool {
	return e.Code != "" && !errors.Is(e, alipayplus.ErrRateLimited) && !errors.Is(e, ErrRetryLater)
}

// unknownOutcomeHint is the hint about a write whose outcome is not known: what the hint
// said before, and where to look.
func unknownOutcomeHint(op cnwire.Operation, code Code, hint string) string {
	saysSo := errors.Is(code.Class(), alipayplus.ErrOutcomeUnknown)
	look, silent := whereToCheck(op)
	switch {
	case hint == "", silent && saysSo:
		return look
	case saysSo:
		return hint
	default:
		return hint + "; " + look
	}
}

// backoff is the wait before the state is read, so that a write that is still
// being worked on can end.
type backoff struct{ shortest, longest time.Duration }

// pause waits longer with each attempt, and at least as long as AlipayCN asked,
// up to the longest wait. A pause that would pass the deadline is not begun, and
// the answer is false: what is left is for reading.
func (b backoff) pause(ctx context.Context, attempt int, asked time.Duration) bool {
	wait := b.shortest
	for n := 1; n < attempt && wait < b.longest; n++ {
		wait *= 2
	}
	wait = min(max(wait, asked), b.longest)
	wait += time.Duration(rand.Float64() * float64(b.shortest)) //nolint:gosec // jitter needs no secrecy
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) <= wait {
		return false
	}
	polling.Sleep(ctx, wait)
	return ctx.Err() == nil
}
