package locks

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// fileMode lets nobody else read: what is kept may be nobody else's business.
const fileMode = 0o600

// WriteFile replaces the file at path. When it returns nil, the content is on the disk, and so is the name. Two writers of
// one path must not write at the same time.
func WriteFile(path string, content []byte) error { return writeOn(system{}, path, content) }

func writeOn(disk disk, path string, content []byte) error {
	temporary := path + ".new"    // one name is enough: there is one writer
	err := disk.remove(temporary) // what a killed writer left may have other permissions
	if err == nil {
		err = disk.write(temporary, content)
	}
	if err == nil {
		err = disk.rename(temporary, path)
	}
	if err != nil {
		err = fmt.Errorf("write %s: %w", path, err)
		if left := disk.remove(temporary); left != nil {
			err = fmt.Errorf("%w; besides: %w", err, left)
		}
		return err
	}
	return disk.syncFolder(filepath.Dir(path))
}

// disk is what writing does to a file system, so that a test can let any step fail.
type disk interface {
	write(path string, content []byte) error
	rename(from, to string) error
	syncFolder(path string) error
	remove(path string) error
}

type system struct{}

// write makes a new file that is on the disk when it returns.
func (system) write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return cmp.Or(err, f.Sync(), f.Close())
}

func (system) rename(from, to string) error { return os.Rename(from, to) }

func (system) remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (system) syncFolder(path string) error { return SyncFolder(path) }

// SyncFolder makes the names in a folder durable. Windows has no such call, and keeps
// names in order by itself.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
