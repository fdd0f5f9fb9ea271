package alipaycn

import (
	"context"
	"sync"
)

// turns lets one delivery of each id in at a time.
type turns struct {
	mu   sync.Mutex
	byID map[string]*turn
}

type turn struct {
	taken chan struct{} // holds one element while a delivery is in
	users int           // those in or waiting; the last one removes the turn
}

func (t *turns) enter(ctx context.Context, id string) (leave func(), err error) {
	t.mu.Lock()
	mine := t.byID[id]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.byID[id] = mine
	}
	mine.users++
	t.mu.Unlock()
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; t.drop(id, mine) }, nil
	case <-ctx.Done():
		t.drop(id, mine)
		return nil, context.Cause(ctx)
	}
}

func (t *turns) drop(id string, used *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if used.users--; used.users == 0 {
		delete(t.byID, id)
	}
}
