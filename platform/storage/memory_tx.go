package storage

import (
	"bytes"
	"iter"
)

// memoryTx is a transaction of a [Memory]. It writes to a tree of its own, which is the snapshot until it writes.
type memoryTx struct {
	base     *state
	tree     tree
	readOnly bool
	done     bool
	writes   map[string]write
	reads    footprint
}

// write is the last thing that happened to a key in a transaction.
type write struct {
	value   []byte
	deleted bool
}

func newMemoryTx(base *state, readOnly bool) *memoryTx {
	return &memoryTx{base: base, tree: base.tree, readOnly: readOnly}
}

func (tx *memoryTx) run(fn func(Tx) error) error {
	defer func() { tx.done = true }()
	return fn(tx)
}

// Get implements [Tx].
func (tx *memoryTx) Get(key string) (value []byte, found bool, err error) {
	if tx.done {
		return nil, false, ErrTxDone
	}
	if _, own := tx.writes[key]; !own && !tx.readOnly {
		tx.reads.addKey(key)
	}
	value, found = tx.tree.get(key)
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
	value = bytes.Clone(value)
	tx.note(key, write{value: value})
	tx.tree.put(key, value)
	return nil
}

// Delete implements [Tx].
func (tx *memoryTx) Delete(key string) error {
	if err := tx.writable(); err != nil {
		return err
	}
	tx.note(key, write{deleted: true})
	tx.tree.delete(key)
	return nil
}

// Scan implements [Tx]. The loop does not meet what is written during it.
func (tx *memoryTx) Scan(from, to string, descending bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if tx.done {
			yield(Entry{}, ErrTxDone)
			return
		}
		snapshot := tx.tree.frozen()
		saw := tx.reads.addSpan()
		if descending {
			visit := tx.visit(yield, func(key string) { saw(span{from: key, to: to}) })
			if snapshot.descend(from, to, visit) {
				saw(span{from: from, to: to})
			}
			return
		}
		visit := tx.visit(yield, func(key string) { saw(span{from: from, to: key, closed: true}) })
		if snapshot.ascend(from, to, visit) {
			saw(span{from: from, to: to})
		}
	}
}

// visit returns yield for a tree. Each entry is noted as seen before the loop sees it: the loop may stop at any.
func (tx *memoryTx) visit(yield func(Entry, error) bool, saw func(key string)) func(Entry) bool {
	return func(entry Entry) bool {
		if tx.done {
			yield(Entry{}, ErrTxDone)
			return false
		}
		saw(entry.Key)
		return yield(entry, nil)
	}
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

func (tx *memoryTx) note(key string, w write) {
	if tx.writes == nil {
		tx.writes = make(map[string]write)
	}
	tx.writes[key] = w
}

// replayOn returns base with the writes of the transaction.
func (tx *memoryTx) replayOn(base tree) tree {
	after := base
	for key, w := range tx.writes {
		if w.deleted {
			after.delete(key)
		} else {
			after.put(key, w.value)
		}
	}
	return after
}
