// Package storage is where the platform keeps its records: an ordered key-value store with serializable transactions.
//
// It knows bytes and keys and no rule of the platform. [Store] is small on purpose, so that it can be implemented over
// an SQL database or an embedded engine in a module of its own; package storagetest checks such an implementation.
// [Memory] is the implementation that needs nothing; package bolt keeps its records in a file.
package storage

import (
	"context"
	"errors"
	"iter"
)

var (
	// ErrReadOnly is what Put and Delete return inside [Store.View]. The way out is [Store.Update].
	ErrReadOnly = errors.New("storage: the transaction is read-only; write inside Update")
	// ErrEmptyKey is what Put returns for the key "", which no store keeps.
	ErrEmptyKey = errors.New("storage: the key is empty")
	// ErrDamaged says that a record is not what was written, or not there although another one says so. Trying again
	// does not help; other records may be right.
	ErrDamaged = errors.New("the records are damaged")
	// ErrTxDone is what a [Tx] returns once the function that it was given to is over.
	ErrTxDone = errors.New("storage: the transaction is over; use a Tx only inside the function that received it")
)

// Store keeps ordered records. Its methods may be called by many goroutines at a time.
//
// A Store offers serializable transactions: what all the functions read and write together is what they would have read
// and written one after another, in an order in which a call that began after another one ended comes after it.
//
// Both methods check the context before they run fn, and Update also before it commits. An error for that reason wraps
// ctx.Err(), and nothing has been written. A store may notice the end of the context in between, too.
type Store interface {
	// View runs fn on a consistent snapshot: nothing that others commit meanwhile shows up in it. A write in it is
	// [ErrReadOnly]. View returns the error of fn as it is.
	//
	// A store that can lose its snapshot, with a connection, runs fn again from the start on a fresh one. So fn must set
	// what it hands out through variables anew on each run.
	//
	// fn must not call the store, which may have it wait for itself.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn in a transaction and commits what it wrote, all of it or nothing.
	//
	// When others got in the way, fn runs again from the start on a fresh snapshot. So it must have no effect but
	// through its Tx, and set what it hands out through variables anew on each run. An error from fn discards its writes
	// and is returned as it is; so does a panic, which goes on to the caller. An error from a Tx method may be the
	// store's way to say that others got in the way: fn must return it, wrapped or not, and the store runs fn again.
	//
	// fn must not call the store, which may have it wait for itself. It may run on another goroutine than the caller's,
	// which it must not end.
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction. It is valid inside the function that received it, for one goroutine at a time; afterwards its
// methods return [ErrTxDone].
type Tx interface {
	// Get returns the value of key, or found == false when there is none. The caller must not change the value, but may
	// keep it. It sees what the transaction itself has written.
	Get(key string) (value []byte, found bool, err error)

	// Put sets the value of key. The store takes a copy: value still belongs to the caller. An empty value is a value.
	// The empty key is [ErrEmptyKey].
	Put(key string, value []byte) error

	// Delete removes key. A key that is not there is no error.
	Delete(key string) error

	// Scan goes through the records whose key is in [from, to), ordered bytewise by key, upwards or downwards. An empty
	// to means no upper end; see also [PrefixEnd]. It fetches lazily, so stopping after a page costs no more than the
	// page. It sees what the transaction itself has written before the loop began. The loop may write; whether it meets
	// what was written during the loop is up to the store.
	//
	// An error ends the sequence, with an [Entry] of no meaning. The sequence can be ranged over again and then
	// starts anew. The caller must not change the values, but may keep them.
	Scan(from, to string, descending bool) iter.Seq2[Entry, error]
}

// Entry is one record.
type Entry struct {
	// Key is where the record is.
	Key string
	// Value is the record; the caller must not change it, but may keep it.
	Value []byte
}

// PrefixEnd returns the end of the keys that begin with prefix, so that Scan(prefix, PrefixEnd(prefix), …) goes through
// exactly them. It is "", no upper end, for an empty prefix and for one of 0xff bytes only.
func PrefixEnd(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
