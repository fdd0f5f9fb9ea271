// Package locks keeps writers apart: files that one process at a time may change, by a lock that ends with its process,
// and names that one goroutine at a time may hold. A file that is written here is replaced whole, or not at all.
package locks

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// ErrLocked is what [AcquireFile] returns when the lock is held, by another process or by another [Lock] of this one.
var ErrLocked = errors.New("the lock is held by another process, or elsewhere in this one")

// File is a lock on a file that is held. Its methods must not be called by several goroutines at a time, but for Held.
type File struct {
	file *flock.Flock
	info os.FileInfo
}

// AcquireFile locks the file at path, which it creates if need be, or fails at once. The error names the path, and matches
// [ErrLocked] when the lock is held elsewhere. The lock is advisory, and on network file systems it is worth what the file
// system makes of it. Where the operating system has no lock that ends with its process, it is always an error.
//
// The file stays after [File.Release]: if it were removed, two processes could lock two files of one name.
func AcquireFile(path string) (*File, error) {
	l := &File{file: flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(fileMode))}
	if err := l.acquire(); err != nil {
		_ = l.file.Close() // nothing was written
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

func (l *File) acquire() error {
	locked, err := l.file.TryLock()
	if err != nil {
		return withoutPath(err)
	}
	if !locked {
		return ErrLocked
	}
	if l.info, err = l.file.Stat(); err != nil {
		return err
	}
	return l.Held() // the file may have been replaced between opening and locking it
}

// withoutPath leaves out what AcquireFile says anyway.
func withoutPath(err error) error {
	if in, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", in.Op, in.Err)
	}
	return err
}

// Held says whether the lock still keeps others out: it is an error when the file at the path is gone or another one,
// because then another process can lock that. This is what becomes of a lock when somebody deletes or replaces the
// folder that it is in.
func (l *File) Held() error {
	now, err := os.Stat(l.file.Path())
	if err != nil {
		return fmt.Errorf("the lock is lost, its file was deleted or moved: %w", err)
	}
	if !os.SameFile(l.info, now) {
		return fmt.Errorf("the lock is lost, another file has taken the place of %s", l.file.Path())
	}
	return nil
}

// Release frees the lock. It must be called once.
func (l *File) Release() error { return l.file.Close() }
