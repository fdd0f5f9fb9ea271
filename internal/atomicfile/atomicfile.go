// Package atomicfile replaces files so that a crash at any moment leaves the former
// content or the new one, whole.
package atomicfile

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

// Write replaces the file at path. When it returns nil, the content is on the disk,
// and so is the name. Two writers of one path must not write at the same time.
func Write(path string, content []byte) error {
	temporary := path + ".new"
	if err := writeDurably(temporary, content); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), removeIfThere(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), removeIfThere(temporary))
	}
	return SyncFolder(filepath.Dir(path))
}

func writeDurably(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return cmp.Or(err, f.Sync(), f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

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
