package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// checkRetry ends an attempt and decides whether another one follows.
func (r *run) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	v, status := r.conclude(ctx, resp, err)
	r.waiting = r.goOn(ctx, v)
	r.retry.RetryWaitMin = r.wait
	r.report(ctx, v, status, r.waiting)
	return r.waiting, nil
}

// waitAsSet hands over the wait that checkRetry has put where go-retryablehttp keeps its shortest one.
func waitAsSet(set, _ time.Duration, _ int, _ *http.Response) time.Duration { return set }

// conclude turns whatever an attempt came to into a verdict and an HTTP status, 0 without an answer.
func (r *run) conclude(ctx context.Context, resp *http.Response, err error) (Verdict, int) {
	defer r.flight.land()
	if err != nil {
		return r.unanswered(ctx, err), 0
	}
	body, err := readBody(resp, r.options.MaxAnswerBytes)
	if err != nil {
		return r.unread(ctx, resp.StatusCode, err), resp.StatusCode
	}
	r.answer = &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Sent: r.sent, Attempt: r.attempt}
	return r.judged(), resp.StatusCode
}

// judged asks the Judge, and adds what HTTP itself says: how long to wait, and that 429 turns a request away at the door.
func (r *run) judged() Verdict {
	v := r.call.Judge(r.answer)
	if v.RetryAfter <= 0 {
		v.RetryAfter = RetryAfter(r.answer.Header, time.Now())
	}
	if r.answer.Status == http.StatusTooManyRequests && v.Outcome == Unknown {
		v.Outcome = NotProcessed
	}
	r.asked = v.RetryAfter
	return v
}

// unanswered is the verdict on an attempt that got no answer.
func (r *run) unanswered(ctx context.Context, err error) Verdict {
	v := Verdict{Retry: !hopeless(err), Outcome: Unknown}
	missing := "complete answer"
	if r.flight.neverSent(err) {
		v.Outcome, missing = NotProcessed, "connection"
	}
	v.Err = r.broken(ctx, missing, withoutURL(err))
	return v
}

// unread is the verdict on an answer whose body could not be read to its end.
func (r *run) unread(ctx context.Context, status int, err error) Verdict {
	_, tooLarge := errors.AsType[tooLargeError](err)
	err = fmt.Errorf("HTTP %d: %w", status, err)
	return Verdict{Err: r.broken(ctx, "complete answer", err), Retry: !tooLarge, Outcome: Unknown}
}

// broken describes an exchange that broke off: where it went, and whose fault it was, the context's or the attempt's
// limit of time before the network's.
func (r *run) broken(ctx context.Context, missing string, err error) error {
	switch {
	case ctx.Err() != nil:
		err = ended(ctx)
	case r.flight.timedOut():
		err = fmt.Errorf("no %s within %s: %w", missing, r.options.AttemptTimeout, os.ErrDeadlineExceeded)
	}
	u := r.request.URL
	return withoutQuery(fmt.Errorf("%s %s: %w", r.call.Method, target(u), err), u.RawQuery)
}

// goOn keeps the books and says whether another attempt follows, after r.wait.
func (r *run) goOn(ctx context.Context, v Verdict) bool {
	switch v.Outcome {
	case Final:
		r.unknown = false
	case Unknown:
		r.unknown = true
	}
	if r.succeeded = v.Err == nil; r.succeeded {
		return false
	}
	if err := ctx.Err(); err != nil && errors.Is(v.Err, err) {
		r.stop(v.Err)
		return false
	}
	r.err, r.passing = v.Err, v.Retry
	harmless := r.call.Repeatable || v.Outcome == NotProcessed
	return v.Retry && harmless && r.attempt < r.options.Attempts && r.inTime(ctx, v.RetryAfter)
}

// inTime fixes the wait for the next attempt. A wait that would pass the context's deadline is not begun: it could only
// end in a context error, later.
func (r *run) inTime(ctx context.Context, asked time.Duration) bool {
	r.wait = r.pause(r.attempt, asked)
	deadline, limited := ctx.Deadline()
	left := time.Until(deadline)
	if !limited || r.wait < left {
		return true
	}
	r.stop(fmt.Errorf("a retry in %s would come too late, %s before the deadline: %w", r.wait, left, context.DeadlineExceeded))
	return false
}
