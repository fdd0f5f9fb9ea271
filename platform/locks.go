package platform

import (
	"context"
	"sync"
)

// keyLocks are mutexes by name.
type keyLocks struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	held  chan struct{}
	users int
}

// lock waits until the lock is free, or until the context ends. The caller must call unlock.
func (k *keyLocks) lock(ctx context.Context, name string) (unlock func(), err error) {
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

// try acquires the lock if nobody has it or waits for it.
func (k *keyLocks) try(name string) (unlock func(), free bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locks[name] != nil {
		return nil, false
	}
	l := k.join(name)
	l.held <- struct{}{}
	return func() { <-l.held; k.leave(name, l) }, true
}

// free says whether nobody has the lock or waits for it.
func (k *keyLocks) free(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.locks[name] == nil
}

// join counts one more user of a lock, which it makes for the first; k.mu is held.
func (k *keyLocks) join(name string) *keyLock {
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[name]
	if l == nil {
		l = &keyLock{held: make(chan struct{}, 1)}
		k.locks[name] = l
	}
	l.users++
	return l
}

func (k *keyLocks) leave(name string, l *keyLock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(k.locks, name)
	}
}
