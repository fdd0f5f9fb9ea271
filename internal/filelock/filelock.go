// Package filelock lets one process at a time work in a place, by a lock on a file that the operating system gives free
// when the process ends, however it ends.
//
// The lock is advisory: it keeps out who asks for it too. On network file systems it is worth what the file system
// makes of it.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked is what [Acquire] returns when the lock is held, by another process or by another [Lock] of this one.
var ErrLocked = errors.New("the lock is held by another process, or elsewhere in this one")

// fileMode lets nobody else take the lock.
const fileMode = 0o600

// Lock is a lock that is held. Its methods must not be called by several goroutines at a time, but for Held.
type Lock struct {
	path string
	file *os.File
	info os.FileInfo
}

// Acquire takes the lock on the file at path, which it makes if need be, or fails at once. The error names the path, and
// matches [ErrLocked] when somebody else holds the lock. It works on Linux, macOS, the BSDs and Windows; elsewhere it is
// always an error, because a lock that outlives its process would be worse than none.
//
// The file stays after [Lock.Release]: if it were removed, two processes could lock two files of one name.
func Acquire(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // the caller says where
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	l := &Lock{path: path, file: file}
	if err := l.take(); err != nil {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

// take locks the open file, and makes sure that it still is the one at the path.
func (l *Lock) take() error {
	if err := lockFile(l.file); err != nil {
		return err
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	l.info = info
	return l.Held()
}

// Held says whether the lock still keeps others out: it is an error when the file at the path is gone or another one,
// because then another process can lock that. This is what becomes of a lock when somebody deletes or replaces the
// folder that it is in.
func (l *Lock) Held() error {
	now, err := os.Stat(l.path)
	if err != nil {
		return fmt.Errorf("the lock is lost, its file was deleted or moved: %w", err)
	}
	if !os.SameFile(l.info, now) {
		return fmt.Errorf("the lock is lost, another file has taken the place of %s", l.path)
	}
	return nil
}

// Release gives the lock free. It must be called once.
func (l *Lock) Release() error {
	return l.file.Close() // closing unlocks
}
