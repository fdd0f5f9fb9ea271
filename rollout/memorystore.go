package rollout

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// MemoryStore keeps rollouts in memory, for tests and for programs that need the events
// only. A lease that is not renewed for 30 seconds ends. It is safe for concurrent use.
type MemoryStore struct {
	mu       sync.Mutex
	rollouts map[string]*memoryRollout
}

// leaseTime is how long a lease of a [MemoryStore] lives without being renewed.
const leaseTime = 30 * time.Second

type memoryRollout struct {
	checkpoint []byte
	audit      []AuditEntry
	commands   []Command
	// term counts the leases, which tells a former one from the present one.
	term   uint64
	holder string
	until  time.Time
	// posted announces a new command to the holder.
	posted chan struct{}
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore { return new(MemoryStore) }

// rollout returns the rollout of a name. The caller holds the lock.
func (m *MemoryStore) rollout(name string) *memoryRollout {
	if m.rollouts == nil {
		m.rollouts = make(map[string]*memoryRollout)
	}
	r := m.rollouts[name]
	if r == nil {
		r = new(memoryRollout)
		m.rollouts[name] = r
	}
	return r
}

// Acquire implements [Store].
func (m *MemoryStore) Acquire(ctx context.Context, rollout, holder string) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, now := m.rollout(rollout), time.Now()
	if now.Before(r.until) {
		return nil, &LeasedError{Rollout: rollout, Holder: r.holder}
	}
	r.term++
	r.holder, r.until, r.posted = holder, now.Add(leaseTime), make(chan struct{}, 1)
	return &memoryLease{store: m, rollout: rollout, term: r.term, posted: r.posted}, nil
}

// Read implements [Store].
func (m *MemoryStore) Read(_ context.Context, rollout string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.rollout(rollout).checkpoint), nil
}

// Post implements [Store].
func (m *MemoryStore) Post(_ context.Context, rollout string, c Command) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rollout(rollout)
	if !slices.ContainsFunc(r.commands, func(other Command) bool { return other.ID == c.ID }) {
		r.commands = append(r.commands, c)
	}
	select {
	case r.posted <- struct{}{}:
	default: // announced already, or nobody has the lease
	}
	return nil
}

// Audit implements [Store].
func (m *MemoryStore) Audit(_ context.Context, rollout string) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		m.mu.Lock()
		audit := m.rollout(rollout).audit // only ever appended to
		m.mu.Unlock()
		for _, entry := range audit {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// memoryLease is a lease of a [MemoryStore].
type memoryLease struct {
	store   *MemoryStore
	rollout string
	term    uint64
	posted  chan struct{}
}

// withRollout calls fn with the rollout under the lock of the store.
func (l *memoryLease) withRollout(fn func(*memoryRollout)) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	r := l.store.rollout(l.rollout)
	if r.term != l.term || r.until.IsZero() {
		return fmt.Errorf("rollout %s: %w", l.rollout, ErrLeaseLost)
	}
	r.until = time.Now().Add(leaseTime)
	fn(r)
	return nil
}

// Posted implements [Listener].
func (l *memoryLease) Posted() <-chan struct{} { return l.posted }

func (l *memoryLease) Load(context.Context) (checkpoint []byte, err error) {
	err = l.withRollout(func(r *memoryRollout) { checkpoint = bytes.Clone(r.checkpoint) })
	return checkpoint, err
}

func (l *memoryLease) Save(_ context.Context, checkpoint []byte, audit []AuditEntry) error {
	return l.withRollout(func(r *memoryRollout) {
		r.checkpoint = bytes.Clone(checkpoint)
		r.audit = append(r.audit, audit...)
	})
}

func (l *memoryLease) Commands(context.Context) (commands []Command, err error) {
	err = l.withRollout(func(r *memoryRollout) { commands = slices.Clone(r.commands) })
	return commands, err
}

func (l *memoryLease) Forget(_ context.Context, ids []string) error {
	return l.withRollout(func(r *memoryRollout) {
		r.commands = slices.DeleteFunc(r.commands, func(c Command) bool { return slices.Contains(ids, c.ID) })
	})
}

func (l *memoryLease) RenewEvery() time.Duration { return leaseTime / 3 }

func (l *memoryLease) Renew(context.Context) error { return l.withRollout(func(*memoryRollout) {}) }

func (l *memoryLease) Release(context.Context) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if r := l.store.rollout(l.rollout); r.term == l.term {
		r.holder, r.until = "", time.Time{}
	}
	return nil
}
