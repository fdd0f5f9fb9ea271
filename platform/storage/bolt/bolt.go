// Package bolt is a [storage.Store] that survives its process: it keeps the records in a file, by bbolt.
//
//	store, err := bolt.Open("/var/lib/release-gateway")
//	defer store.Close()
//	p, err := platform.New(platform.WithStore(store), platform.WithSigner(key))
//
// It is meant for one process on one machine. The records need not fit into its memory: they are read from the file,
// which the operating system caches. The platform's signing key is not among them: give it one with
// platform.WithSigner, or its clients refuse its answers after a restart.
//
// # What it promises
//
//   - When an Update returns nil, its writes are on the disk: written and synced.
//   - Nothing gets out before it is on the disk: no View shows it, and an Update that met it does not return.
//   - After a crash the records are those of the first so many commits, among them all whose Update returned nil. A
//     commit that was being written at that moment is there as a whole or not at all.
//   - A file that was cut, or is no file of this package, is an error of [Open]. Other damage is an error of whoever
//     meets it: every record has a checksum, so that no wrong value is returned. The pages of bbolt, which say where
//     records are, have none; where they make no sense, that is an error too, and the command bbolt check finds the rest.
//     Nothing is repaired.
//   - On a full disk the store can be opened and read. An Update fails and leaves nothing half done; once there is room
//     again, the next one succeeds.
//
// # In the folder
//
// All is in the file records.db, for its owner's eyes only. While it is open it is locked, and a copy of it is of no
// use: [Store.Backup] writes one. The file never shrinks; the room of deleted records is used again.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// ErrLocked is what [Open] returns when another process, or another [Store] of this one, has the folder open.
var ErrLocked = errors.New("it is open in another process, or elsewhere in this one: wait until it is closed, or give another folder")

var errClosed = fmt.Errorf("bolt: the store is closed: %w", os.ErrClosed)

// Store is a [storage.Store] in a file; [Open] makes one.
//
// View waits for nobody, but for the sync of what it shows. Updates run their functions one at a time, each once, and
// those that come while the disk is busy are written and synced together.
//
// When the outcome of a write is unknown, as when a sync fails, or when the file is deleted or replaced under the store,
// every further Update is refused with that error. The way out is to open the folder again, after the cause is mended.
//
// A Store starts no goroutine.
type Store struct {
	path string // of the file, for messages
	db   *bbolt.DB
	info os.FileInfo // tells the open file from others that may take its place

	// writeLock is full while somebody uses the fields below it. It is a channel so that waiting for it ends with the
	// context, and first come is first served: a batch is committed after those that were waiting have joined it.
	writeLock chan struct{}
	batch     *batch // the open write transaction, nil if there is none
	failed    error  // why no Update is possible any more
	stuck     bool   // bbolt cannot end a transaction, nor therefore be closed
	closed    bool

	committing sync.RWMutex  // locked from the first byte of a commit to the end of its sync
	durable    atomic.Uint64 // the last transaction that is synced
}

// batch is a write transaction that Updates share.
type batch struct {
	tx      *bbolt.Tx
	id      uint64 // of tx
	written bool   // there is something to commit
	deletes int    // see cursor
	damage  error  // why it cannot be committed

	done chan struct{} // closed when err is set and the transaction is over
	err  error
}

var _ storage.Store = (*Store)(nil)

// View runs fn on a snapshot of what is on the disk; see [storage.Store]. It should not take long: what others replace or
// delete meanwhile takes up room in the file until it ends. After [Store.Close] the error matches [os.ErrClosed].
func (s *Store) View(ctx context.Context, fn func(storage.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: view: %w", err)
	}
	return s.read(func(read *bbolt.Tx) error {
		tx := &transaction{store: s}
		if err := tx.begin(read); err != nil {
			return err
		}
		defer func() { tx.done = true }()
		return fn(tx)
	})
}

// Backup writes a copy of the file as it is at this moment, which can be opened in a folder of its own under the name
// records.db. Others may write meanwhile.
func (s *Store) Backup(ctx context.Context, to io.Writer) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: backup: %w", err)
	}
	return s.read(func(read *bbolt.Tx) error {
		if _, err := read.WriteTo(to); err != nil {
			return fmt.Errorf("bolt: backup: %w", err)
		}
		return nil
	})
}

// read runs fn in a read transaction that shows nothing that is not synced.
func (s *Store) read(fn func(*bbolt.Tx) error) error {
	tx, err := s.db.Begin(false)
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return errClosed
	}
	if err != nil {
		return fmt.Errorf("bolt: %s: %w", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // which only ends it
	if s.isDurable(tx) {
		return fn(tx)
	}
	s.committing.RLock() // bbolt shows a commit while it is being synced.
	durable := s.isDurable(tx)
	s.committing.RUnlock()
	if !durable {
		return fmt.Errorf("bolt: %s: the outcome of the last commit is unknown, as the error of its Update says; open the store again", s.path)
	}
	return fn(tx)
}

func (s *Store) isDurable(tx *bbolt.Tx) bool {
	return uint64(tx.ID()) <= s.durable.Load()
}

// Update runs fn in a transaction, once, and returns when what it wrote is on the disk; see [storage.Store]. Waiting for
// the updates before it ends with the context; once it has committed it does not stop.
//
// A key of more than 32 KiB is refused. An error that is not fn's or the context's says that the file could not be
// written. After [Store.Close] it matches [os.ErrClosed].
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) (err error) {
	b, err := s.join(ctx)
	if err != nil {
		return err
	}
	// An error, a panic or a read without a write may tell of what others in the batch wrote, so they wait for it too.
	defer func() {
		if failed := s.settle(b); failed != nil {
			err = failed
		}
	}()
	return s.run(ctx, b, fn)
}

// join waits for the write lock, which it keeps when there is no error, and opens a batch if there is none.
func (s *Store) join(ctx context.Context) (*batch, error) {
	select {
	case s.writeLock <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("bolt: update: wait for the updates before it: %w", ctx.Err())
	}
	err := s.ready(ctx)
	if err != nil {
		s.unlock()
		return nil, err
	}
	return s.batch, nil
}

func (s *Store) unlock() { <-s.writeLock }

func (s *Store) ready(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("bolt: update: %w", ctx.Err())
	case s.closed:
		return errClosed
	case s.failed != nil:
		return s.failed
	case s.batch != nil:
		return nil
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return fmt.Errorf("bolt: %s: %w", s.path, err)
	}
	s.batch = &batch{tx: tx, id: uint64(tx.ID()), done: make(chan struct{})}
	return nil
}

// run runs fn in the batch and unlocks the write lock. What fn wrote is taken back unless it succeeds, so that it does
// not spoil the batch for others.
func (s *Store) run(ctx context.Context, b *batch, fn func(storage.Tx) error) error {
	tx := &transaction{store: s, batch: b}
	succeeded := false
	defer func() { // also after a panic
		tx.done = true
		if !succeeded {
			tx.undo()
		}
		s.unlock()
	}()
	if err := tx.begin(b.tx); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: update: %w", err)
	}
	succeeded = true
	b.written = b.written || len(tx.changes) > 0
	return nil
}

// settle returns when the batch is on the disk. Whoever first gets the write lock again commits it for all.
func (s *Store) settle(b *batch) error {
	select {
	case <-b.done:
	case s.writeLock <- struct{}{}:
		if s.batch == b {
			s.commit()
		}
		s.unlock()
	}
	return b.err
}

// commit ends the open batch. The caller holds the write lock.
func (s *Store) commit() {
	b := s.batch
	s.batch = nil
	switch {
	case b.damage != nil:
		b.err = b.damage
		s.rollback(b)
	case b.written:
		b.err = s.write(b)
	default:
		s.rollback(b)
	}
	close(b.done)
}

// write commits a batch to the disk. When it cannot know the outcome, it lets no more Updates be.
func (s *Store) write(b *batch) error {
	s.committing.Lock()
	defer s.committing.Unlock()
	var failed error
	damage := guard(func() { failed = b.tx.Commit() }) // which rolls back by itself
	switch {
	case damage != nil:
		s.failed = s.damaged(damage)
		s.rollback(b)
	case failed != nil && !s.shows(b.id):
		return fmt.Errorf("bolt: %s: write: %w; nothing of it is kept", s.path, failed)
	case failed != nil:
		s.failed = fmt.Errorf("bolt: %s: write: %w; whether it is kept shows when the store is opened again, and nothing more is written until then",
			s.path, failed)
	default:
		s.failed = s.checkFile()
	}
	if s.failed == nil {
		s.durable.Store(b.id)
	}
	return s.failed
}

// rollback ends the transaction of a batch without writing.
func (s *Store) rollback(b *batch) {
	damage := guard(func() { _ = b.tx.Rollback() }) // whose error says only that it is over already
	if damage != nil {
		s.failed, s.stuck = s.damaged(damage), true
	}
}

// shows says whether a transaction, or a later one, is what a reader sees.
func (s *Store) shows(id uint64) bool {
	tx, err := s.db.Begin(false)
	if err != nil {
		return true // as far as anybody knows
	}
	defer func() { _ = tx.Rollback() }()
	return uint64(tx.ID()) >= id
}

// checkFile makes sure that the file is the one that the next process will open.
func (s *Store) checkFile() error {
	now, err := os.Stat(s.path)
	if err == nil && !os.SameFile(s.info, now) {
		err = errors.New("another file has taken its place")
	}
	if err != nil {
		return fmt.Errorf("bolt: the file %s is lost, it was deleted, moved or replaced: %w; nothing more is written until the store is opened again",
			s.path, err)
	}
	return nil
}

// Close waits for the transactions that are running and closes the store. Closing it again does nothing.
func (s *Store) Close() error {
	s.writeLock <- struct{}{}
	defer s.unlock()
	if s.closed {
		return nil
	}
	if s.batch != nil {
		s.commit() // an error goes to those who wrote
	}
	s.closed = true
	if s.stuck {
		return s.failed
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("bolt: close: %w", err)
	}
	return nil
}
