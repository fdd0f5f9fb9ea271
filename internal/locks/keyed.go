package locks

import (
	"context"
	"sync"
)

// Keyed are mutexes by name. The zero value has none that is locked. It is safe for concurrent use.
type Keyed struct {
	mu    sync.Mutex
	locks map[string]*keyedLock
}

type keyedLock struct {
	held  chan struct{}
	users int
}

// Lock waits until the lock is free, or until the context ends. The caller must call unlock.
func (k *Keyed) Lock(ctx context.Context, name string) (unlock func(), err error) {
	k.mu.Lock()
	l := k.join(name)
	k.mu.Unlock()
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; k.leave(name, l) }, nil
	case <-ctx.Done():
		k.leave(name, l)
		return nil, ctx.Err()
	}
}

// join counts one more user of a lock, which it makes for the first; k.mu is held.
func (k *Keyed) join(name string) *keyedLock {
	if k.locks == nil {
		k.locks = map[string]*keyedLock{}
	}
	l := k.locks[name]
	if l == nil {
		l = &keyedLock{held: make(chan struct{}, 1)}
		k.locks[name] = l
	}
	l.users++
	return l
}

func (k *Keyed) leave(name string, l *keyedLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, name)
	}
}
