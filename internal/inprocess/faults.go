package inprocess

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault is what goes wrong with a call besides what its server alone can do. Its
// fields add up.
type Fault struct {
	// Delay is waited for before anything else.
	Delay time.Duration
	// CutBefore and CutAfter cut the connection before and after the call is
	// processed.
	CutBefore, CutAfter bool
	// Status is answered, with a [Page], instead of processing the call, and
	// StatusAfter after it is processed; 0: neither.
	Status, StatusAfter int
	// Corrupt changes the answer after it was signed.
	Corrupt bool
	// Unsigned leaves the signature out of the answer.
	Unsigned bool
	// WrongSignature gives the answer a signature that does not fit.
	WrongSignature bool
}

// Before does what goes wrong before processing. It returns the status of the
// page to answer with instead; 0: the call is processed.
func (f Fault) Before(ctx context.Context) (status int) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			cut()
		}
	}
	if f.CutBefore {
		cut()
	}
	return f.Status
}

// After does what goes wrong after processing. It returns the status of the page
// to answer with all the same; 0: the answer is sent.
func (f Fault) After() (status int) {
	if f.CutAfter {
		cut()
	}
	return f.StatusAfter
}

// cut ends the call as net/http wants it: without an answer.
func cut() { panic(http.ErrAbortHandler) }

// Tamper changes an answer that is ready to be sent: its headers in place, its
// body by returning another. header is where the signature is, wrong is one that
// fits no answer.
func (f Fault) Tamper(h http.Header, body []byte, header, wrong string) []byte {
	if f.Unsigned {
		h.Del(header)
	}
	if f.WrongSignature {
		h.Set(header, wrong)
	}
	if f.Corrupt {
		body = append(slices.Clone(body), ' ')
	}
	return body
}

// Page is the HTML page that a proxy answers with, unsigned.
func Page(status int) []byte {
	return fmt.Appendf(nil, "<html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status))
}

// RetryAfter sets the header of that name, in whole seconds; 0: it does not.
func RetryAfter(h http.Header, wait time.Duration) {
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	}
}

// Queue holds faults of a server's own type until calls use them up. The zero
// value is empty. It is safe for concurrent use.
type Queue[F any] struct {
	mu      sync.Mutex
	waiting []waiting[F]
}

type waiting[F any] struct {
	operation string
	times     int
	fault     F
}

// Add lets the next calls of an operation, empty: of any, have the fault: that
// many of them, at least one.
func (q *Queue[F]) Add(operation string, times int, fault F) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, waiting[F]{operation, max(times, 1), fault})
}

// Take uses up the fault that was added first of those that concern the
// operation. Without one it returns the zero value.
func (q *Queue[F]) Take(operation string) F {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.waiting, func(w waiting[F]) bool { return w.operation == "" || w.operation == operation })
	if i < 0 {
		var none F
		return none
	}
	fault := q.waiting[i].fault
	if q.waiting[i].times--; q.waiting[i].times == 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return fault
}
