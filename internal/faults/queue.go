package faults

import (
	"slices"
	"sync"
)

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
