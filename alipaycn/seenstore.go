package alipaycn

import (
	"context"
	"sync"
	"time"
)

// SeenStore records ids until a time, so that a notification is not handled
// twice and a state is not accepted twice. Processes that share the work
// need one that they share, such as a database table or a cache; ids are at
// most a few hundred bytes and hold no secrets.
//
// A notification is added after it was handled. So two processes that get one
// notification at the same moment may both handle it; within a process
// deliveries wait for each other.
//
// Its methods are called concurrently.
type SeenStore interface {
	// Seen reports whether the id is recorded.
	Seen(ctx context.Context, id string) (bool, error)
	// Add records the id until the time, and reports whether it did: false
	// means that the id was recorded already. Of two concurrent calls with
	// one id, one gets true.
	Add(ctx context.Context, id string, until time.Time) (added bool, err error)
}

// defaultSeenIDs takes about ten megabytes when full.
const defaultSeenIDs = 1 << 16

// MemorySeenStore is a [SeenStore] in the memory of one process, bounded in
// size; make it with [NewMemorySeenStore]. It is empty when
// the process starts.
type MemorySeenStore struct {
	mu    sync.Mutex
	most  int
	until map[string]time.Time
	queue []seenID // in the order in which they came; an id that expired and came again is in it twice
}

type seenID struct {
	id    string
	until time.Time
}

// NewMemorySeenStore returns a store of at most so many ids; 0 or less means
// 65536. When it is full, the id that came first is dropped first, even before
// its time.
func NewMemorySeenStore(most int) *MemorySeenStore {
	if most <= 0 {
		most = defaultSeenIDs
	}
	return &MemorySeenStore{most: most, until: map[string]time.Time{}}
}

// Seen reports whether the id is recorded. The error is always nil.
func (s *MemorySeenStore) Seen(_ context.Context, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[id]), nil
}

// Add records the id until the time, and reports whether it did. The error
// is always nil.
func (s *MemorySeenStore) Add(_ context.Context, id string, until time.Time) (added bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.until[id]) {
		return false, nil
	}
	for len(s.queue) > 0 && (len(s.queue) >= s.most || !now.Before(s.queue[0].until)) {
		s.dropFirst()
	}
	s.until[id] = until
	s.queue = append(s.queue, seenID{id: id, until: until})
	return true, nil
}

func (s *MemorySeenStore) dropFirst() {
	first := s.queue[0]
	s.queue = s.queue[1:]
	if s.until[first.id].Equal(first.until) { // it did not come again
		delete(s.until, first.id)
	}
}
