// Package journal is a [storage.Store] that survives its process: the records live in memory, and every commit is in a
// file before anybody sees it.
//
//	store, err := journal.Open("/var/lib/release-gateway")
//	defer store.Close()
//	p, err := platform.New(platform.WithStore(store), platform.WithSigner(key))
//
// It is meant for one process on one machine whose records fit into its memory, as those of a team's gateway do.
// Something larger implements [storage.Store] over a database. The platform's signing key is not among the records: give
// it one with platform.WithSigner, or its clients refuse its answers after a restart.
//
// # What it promises
//
//   - When an Update returns nil, its writes are on the disk: written and synced.
//   - Nothing gets out before it is on the disk: no View shows it, and an Update that met it does not return.
//   - After a crash the records are those of the first so many commits, among them all whose Update returned nil. A
//     commit that was being written at that moment is there as a whole or not at all.
//   - Any other damage to the file is an error of [Open] that names the file and the offset. Nothing is repaired or left
//     out. One thing looks like a crash and is taken for one: a file that was cut behind its snapshot.
//
// # In the folder
//
// The file journal is a snapshot of the records with the commits since behind it. It is written anew when it is opened
// and when it has grown to several times its snapshot, and takes the place of the old one whole or not at all. A copy of
// it, made at any moment, is a backup. The file lock keeps other processes out. Both are for their owner's eyes only.
package journal

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// The files in the folder.
const (
	journalName = "journal"
	nextName    = "journal.new" // what is going to be the journal
	lockName    = "lock"
)

var errClosed = fmt.Errorf("journal: the store is closed: %w", os.ErrClosed)

// Store is a [storage.Store] in memory and in a file; [Open] makes one.
//
// View waits for nobody. Updates run their functions one after another, and do not wait for the disk to do so: what
// several of them commit while the disk is busy is then written and synced together.
//
// Once the file cannot be written, as on a full disk, every further Update is refused with that error, and View goes on.
// The same happens when the folder is deleted or replaced, which is noticed with the next commit. Whether the commits
// that failed are kept shows when the folder is opened again, which is the way out, after the cause is mended.
//
// A Store starts no goroutine.
type Store struct {
	path   string // of the journal, for messages
	folder folder
	lock   *lockedfile.Lock

	// turn is held by the one Update that runs its function on tip, where everything is that has been committed.
	turn chan struct{}
	tip  *storage.Memory

	mu      sync.Mutex // guards, for short moments:
	pending []byte     // commits that nobody has begun to write
	latest  moment     // after all commits
	failed  error      // why no Update is possible any more

	writing   sync.Mutex // guards, while the disk is busy:
	file      file
	info      os.FileInfo // tells file from others that may take its place
	size      int64
	compactAt int64 // the size at which the journal is written anew

	durable atomic.Pointer[moment] // after all commits that are on the disk
	closed  atomic.Bool
}

// moment is what the records were after so many commits. It never changes.
type moment struct {
	commits uint64
	records *storage.Memory
}

var _ storage.Store = (*Store)(nil)

// Open opens the store in the folder dir. A missing folder is made, if its parent is there; an empty one is an empty
// store. The store must be closed with [Store.Close].
//
// It is an error when another process, or another Store, has the folder open; when the file is damaged, which the error
// describes with path and offset; or when the folder cannot be written.
func Open(dir string) (*Store, error) {
	return open(dir, openFolder)
}

func open(dir string, openFolder func(string) (folder, error)) (*Store, error) {
	dir, err := filepath.Abs(dir) // the process may go elsewhere
	if err != nil {
		return nil, fmt.Errorf("journal: open: %w", err)
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("journal: open: %w", err)
	}
	lock, err := lockedfile.Acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", dir, err)
	}
	s := &Store{
		path: filepath.Join(dir, journalName), lock: lock,
		turn: make(chan struct{}, 1), tip: storage.NewMemory(),
	}
	if s.folder, err = openFolder(dir); err == nil {
		err = s.start()
	}
	if err != nil {
		_ = s.closeFiles() // the first error says what is wrong
		return nil, fmt.Errorf("journal: open: %w", err)
	}
	return s, nil
}

// start reads the journal and writes it anew.
func (s *Store) start() error {
	if err := load(s.folder, s.tip); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.latest.records = s.tip.Clone()
	s.durable.Store(&moment{records: s.latest.records})
	size, err := writeSnapshot(s.folder, s.latest.records)
	if err == nil {
		err = s.replace(size)
	}
	if err != nil {
		return fmt.Errorf("%s: write it anew: %w", s.path, err)
	}
	return nil
}

// View runs fn on a snapshot of what is on the disk; see [storage.Store]. It never waits. After [Store.Close] the error
// matches [os.ErrClosed].
func (s *Store) View(ctx context.Context, fn func(storage.Tx) error) error {
	if s.closed.Load() {
		return errClosed
	}
	return s.durable.Load().records.View(ctx, fn)
}

// Update runs fn in a transaction, once, and returns when what it wrote is on the disk; see [storage.Store]. It stops
// waiting for its turn when the context ends; once it has committed it does not stop.
//
// An error that is not fn's or the context's says that the journal could not be written; it is that of the first Update
// that failed. After [Store.Close] it matches [os.ErrClosed].
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) (err error) {
	var met uint64
	// An error, a panic or a look without a write tells of what fn has met as well, so they wait for the disk, too.
	defer func() { //nolint:contextcheck // what waits for the disk is not cut short
		if failed := s.flush(met); failed != nil {
			err = failed
		}
	}()
	return s.run(ctx, fn, &met)
}

// Close waits for the Updates that are running and closes the store. Closing it again does nothing.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	commits := s.latest.commits
	s.mu.Unlock()
	_ = s.flush(commits) // a failure is told to those whose commits these are
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed.Swap(true) {
		return nil
	}
	if err := s.closeFiles(); err != nil {
		return fmt.Errorf("journal: close: %w", err)
	}
	return nil
}

// closeFiles gives back what the store has opened, as far as it got.
func (s *Store) closeFiles() error {
	var fileErr, folderErr error
	if s.file != nil {
		fileErr = s.file.Close()
	}
	if s.folder != nil {
		folderErr = s.folder.close()
	}
	return cmp.Or(fileErr, folderErr, s.lock.Release())
}
