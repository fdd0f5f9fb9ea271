package alipaycn

import (
	"context"
	"sync"
)

// turns lets one delivery of each id in at a time.
type keyedLock struct {
	mu   sync.Mutex
	byID map[string]*heldLock
}

type heldLock struct {
	held chan struct{} // holds one element while a delivery is in
	users int           // those in or waiting; the last one removes the turn
}

func (k *keyedLock) enter(ctx context.Context, id string) (leave func(), err error) {
	k.mu.Lock()
	lock := k.byID[id]
	if lock == nil {
		lock = &heldLock{held: make(chan struct{}, 1)}
		k.byID[id] = lock
	}
	lock.users++
	k.mu.Unlock()
	select {
	case lock.held <- struct{}{}:
		return func() { <-lock.held; k.drop(id, lock) }, nil
	case <-ctx.Done():
		k.drop(id, lock)
		return nil, context.Cause(ctx)
	}
}

func (k *keyedLock) drop(id string, used *heldLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if used.users--; used.users == 0 {
		delete(k.byID, id)
	}
}
