package storage

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// optimisticRuns is how often Update runs a function while others may commit, before it keeps them from it.
const optimisticRuns = 3

// Memory is a [Store] in memory. It never waits in View, and Update runs its function beside others and takes a lock
// only for the short moment of the commit. Transactions that touch different keys do not disturb each other. After a few
// runs in vain Update keeps others from committing while it runs fn once more, so it always ends.
//
// Memory starts no goroutine and needs no closing.
type Memory struct {
	current atomic.Pointer[state]

	committing sync.Mutex // guards recent, and storing to current
	recent     commitLog
}

// state is what has been committed up to a version. It never changes.
type state struct {
	tree    tree
	version uint64
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := new(Memory)
	m.current.Store(new(state))
	return m
}

// Clone returns a store of its own that holds the same records: what is written to one does not show in the other. It
// takes no longer for many records than for few, because the two share them.
func (m *Memory) Clone() *Memory {
	c := new(Memory)
	c.current.Store(m.current.Load())
	return c
}

// View runs fn on a snapshot; see [Store]. It never waits for anybody.
func (m *Memory) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("storage: view: %w", err)
	}
	return newMemoryTx(m.current.Load(), true).run(fn)
}

// Update runs fn in a transaction; see [Store]. It runs fn at most four times.
func (m *Memory) Update(ctx context.Context, fn func(Tx) error) error {
	for range optimisticRuns {
		if committed, err := m.tryUpdate(ctx, fn); committed || err != nil {
			return err
		}
	}
	m.committing.Lock()
	defer m.committing.Unlock()
	tx, err := m.runUpdate(ctx, fn)
	if err != nil {
		return err
	}
	_, err = m.commit(ctx, tx)
	return err
}

// tryUpdate runs fn once. It reports committed == false without an error when others got in the way.
func (m *Memory) tryUpdate(ctx context.Context, fn func(Tx) error) (committed bool, err error) {
	tx, err := m.runUpdate(ctx, fn)
	if err != nil {
		return false, err
	}
	m.committing.Lock()
	defer m.committing.Unlock()
	return m.commit(ctx, tx)
}

// runUpdate runs fn on a fresh snapshot.
func (m *Memory) runUpdate(ctx context.Context, fn func(Tx) error) (*memoryTx, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("storage: update: %w", err)
	}
	tx := newMemoryTx(m.current.Load(), false)
	return tx, tx.run(fn)
}

// commit publishes what tx wrote, unless others have since written what it read. The caller holds m.committing.
func (m *Memory) commit(ctx context.Context, tx *memoryTx) (committed bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("storage: update: %w", err)
	}
	if len(tx.writes) == 0 {
		return true, nil // What it read was true together at the moment of its snapshot, and it leaves no trace.
	}
	now := m.current.Load()
	after := tx.tree
	if now.version != tx.base.version {
		if m.recent.touched(tx.base.version, &tx.reads) {
			return false, nil
		}
		after = tx.replayOn(now.tree)
	}
	next := &state{tree: after.frozen(), version: now.version + 1}
	for key := range tx.writes {
		m.recent.add(next.version, key)
	}
	m.current.Store(next)
	return true, nil
}
