package storage

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/tidwall/btree"
)

// Memory is a [Store] in memory. View runs on a snapshot and never waits; Update runs its functions one at a time, each
// once.
//
// Memory starts no goroutine and needs no closing.
type Memory struct {
	// writeLock is full while an Update runs. It is a channel so that waiting for it ends with the context.
	writeLock chan struct{}
	committed *memoryTree // only used with the write lock
	// snapshot is a copy of committed for View. Nobody changes or copies it: copying a tree writes to it.
	snapshot atomic.Pointer[memoryTree]
}

type memoryTree = btree.Map[string, []byte]

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{writeLock: make(chan struct{}, 1), committed: new(memoryTree)}
	m.snapshot.Store(new(memoryTree))
	return m
}

// View runs fn on a snapshot; see [Store]. It never waits for anybody.
func (m *Memory) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("storage: view: %w", err)
	}
	return runMemoryTx(&memoryTx{records: m.snapshot.Load(), readOnly: true}, fn)
}

// Update runs fn in a transaction; see [Store]. It runs fn once, after the updates that came before it; waiting for them
// ends with the context.
func (m *Memory) Update(ctx context.Context, fn func(Tx) error) error {
	select {
	case m.writeLock <- struct{}{}:
		defer func() { <-m.writeLock }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil { // also when both were possible
		return fmt.Errorf("storage: update: %w", err)
	}
	tx := &memoryTx{records: m.committed.Copy()}
	if err := runMemoryTx(tx, fn); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("storage: update: %w", err)
	}
	m.committed = tx.records
	m.snapshot.Store(tx.records.Copy())
	return nil
}

func runMemoryTx(tx *memoryTx, fn func(Tx) error) error {
	defer func() { tx.done = true }()
	return fn(tx)
}

// memoryTx is a transaction on a tree, which is its own unless it is read-only.
type memoryTx struct {
	records  *memoryTree
	readOnly bool
	done     bool
}

// Get implements [Tx].
func (tx *memoryTx) Get(key string) (value []byte, found bool, err error) {
	if tx.done {
		return nil, false, ErrTxDone
	}
	value, found = tx.records.Get(key)
	return value, found, nil
}

// Put implements [Tx].
func (tx *memoryTx) Put(key string, value []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if key == "" {
		return ErrEmptyKey
	}
	tx.records.Set(key, bytes.Clone(value))
	return nil
}

// Delete implements [Tx].
func (tx *memoryTx) Delete(key string) error {
	if err := tx.writable(); err != nil {
		return err
	}
	tx.records.Delete(key)
	return nil
}

func (tx *memoryTx) writable() error {
	switch {
	case tx.done:
		return ErrTxDone
	case tx.readOnly:
		return ErrReadOnly
	}
	return nil
}

// Scan implements [Tx]. The loop does not meet what is written during it.
func (tx *memoryTx) Scan(from, to string, descending bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if tx.done {
			yield(Entry{}, ErrTxDone)
			return
		}
		records := tx.records
		if !tx.readOnly {
			records = records.Copy()
		}
		visit := func(key string, value []byte) bool {
			if tx.done {
				yield(Entry{}, ErrTxDone)
				return false
			}
			return yield(Entry{Key: key, Value: value}, nil)
		}
		if descending {
			scanDown(records, from, to, visit)
		} else {
			scanUp(records, from, to, visit)
		}
	}
}

func scanUp(records *memoryTree, from, to string, visit func(string, []byte) bool) {
	records.Ascend(from, func(key string, value []byte) bool {
		return (to == "" || key < to) && visit(key, value)
	})
}

func scanDown(records *memoryTree, from, to string, visit func(string, []byte) bool) {
	down := func(key string, value []byte) bool {
		return key == to || key >= from && visit(key, value) // Descend begins with to, which is no part of the range.
	}
	if to == "" {
		records.Reverse(down)
	} else {
		records.Descend(to, down)
	}
}
