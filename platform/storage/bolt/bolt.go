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
//   - When an Update returns nil, its writes are on the disk: written and synced. A View shows a commit already while it
//     is being synced, which makes a difference only when the power fails.
//   - After a crash the records are those of the first so many commits, among them all whose Update returned nil. A
//     commit that was being written at that moment is there as a whole or not at all.
//   - A file that was cut, or is no file of this package, is an error of [Open]. Other damage is an error of whoever
//     reads it: every record has a checksum, so that no wrong value is returned. The pages of bbolt, which say where
//     records are, have none; where they make no sense to a reader, that is an error too, but where they make none to a
//     commit, bbolt panics and the process ends. The command bbolt check finds such pages. Nothing is repaired.
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

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// ErrLocked is what [Open] returns when another process, or another [Store] of this one, has the folder open.
var ErrLocked = errors.New("it is open in another process, or elsewhere in this one: wait until it is closed, or give another folder")

var errClosed = fmt.Errorf("bolt: the store is closed: %w", os.ErrClosed)

// Store is a [storage.Store] in a file; [Open] makes one.
//
// View waits for nobody. Updates that come within two milliseconds share a commit and its syncs. Their functions run one
// at a time, on a goroutine of bbolt's that ends with them; when one of them fails, the others run again.
type Store struct {
	path string // of the file, for messages
	db   *bbolt.DB
	info os.FileInfo // tells the open file from others that may take its place
}

var _ storage.Store = (*Store)(nil)

// View runs fn on a snapshot; see [storage.Store]. It should not take long: what others replace or delete meanwhile takes
// up room in the file until it ends. After [Store.Close] the error matches [os.ErrClosed].
func (s *Store) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.transact(ctx, "view", s.db.View, func(in *bbolt.Tx) error { return s.run(in, fn) })
}

// Update runs fn in a transaction, as often as it takes, and returns when what it wrote is on the disk; see
// [storage.Store]. Waiting for other updates does not end with the context, nor does a commit. When fn ends its goroutine,
// as FailNow of a test does, Update never returns.
//
// A key of more than 32 KiB is refused. An error that is not fn's or the context's says that the file could not be
// written, or that it was deleted or replaced under the store. After [Store.Close] it matches [os.ErrClosed].
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.transact(ctx, "update", s.db.Batch, func(in *bbolt.Tx) error { return s.run(in, fn) })
	if err != nil {
		return err
	}
	return s.checkFile()
}

// Backup writes a copy of the file as it is at this moment, which can be opened in a folder of its own under the name
// records.db. Others may write meanwhile.
func (s *Store) Backup(ctx context.Context, to io.Writer) error {
	return s.transact(ctx, "backup", s.db.View, func(in *bbolt.Tx) error {
		if _, err := in.WriteTo(to); err != nil {
			return fmt.Errorf("bolt: backup: %w", err)
		}
		return s.checkFile() // bbolt reads it by its name
	})
}

// transact runs fn by a method of bbolt, which may do it several times.
func (s *Store) transact(ctx context.Context, what string, by func(func(*bbolt.Tx) error) error, fn func(*bbolt.Tx) error) error {
	var failed error // in the last run
	err := by(func(in *bbolt.Tx) error {
		if failed = ended(ctx, what); failed == nil {
			failed = fn(in)
		}
		if failed == nil && in.Writable() {
			failed = ended(ctx, what)
		}
		return failed
	})
	switch {
	case failed != nil:
		return failed
	case errors.Is(err, bbolterrors.ErrDatabaseNotOpen):
		return errClosed
	case err != nil:
		return fmt.Errorf("bolt: %s: write: %w; all of it is kept or nothing, as reading shows", s.path, err)
	}
	return nil
}

func ended(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bolt: %s: %w", what, err)
	}
	return nil
}

// run runs fn once.
func (s *Store) run(in *bbolt.Tx, fn func(storage.Tx) error) error {
	tx := &transaction{path: s.path}
	defer func() { tx.records = nil }()
	damage := guard(func() {
		if tx.records = in.Bucket(bucketName()); tx.records == nil {
			panic("its records are missing")
		}
	})
	if damage != nil {
		return tx.damaged(damage)
	}
	if err := fn(tx); err != nil {
		return err
	}
	if in.Writable() {
		return tx.damage // Nobody knows what was written.
	}
	return nil
}

// checkFile makes sure that the file is the one that the next process will open.
func (s *Store) checkFile() error {
	now, err := os.Stat(s.path)
	if err == nil && !os.SameFile(s.info, now) {
		err = errors.New("another file has taken its place")
	}
	if err != nil {
		return fmt.Errorf("bolt: the file %s is lost, it was deleted, moved or replaced: %w; open the store again", s.path, err)
	}
	return nil
}

// Close waits for the transactions that are running and closes the store. Closing it again does nothing.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("bolt: close: %w", err)
	}
	return nil
}
