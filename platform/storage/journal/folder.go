package journal

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	folderMode = 0o700
	fileMode   = 0o600
)

// folder is what a store does to its folder, so that a test can let any step fail.
type folder interface {
	open(name string) (file, error)
	create(name string) (file, error) // new and empty, in the place of what there is
	append(name string) (file, error) // to write at the end of what there is
	stat(name string) (fs.FileInfo, error)
	rename(from, to string) error
	remove(name string) error
	sync() error // brings names to the disk
	close() error
}

// file is what a store does to a file.
type file interface {
	io.ReaderAt
	io.WriteCloser
	Sync() error
	Stat() (fs.FileInfo, error)
}

// makeFolder makes a folder, if need be, and sees to it that it is on the disk.
func makeFolder(path string) error {
	err := os.Mkdir(path, folderMode) //nolint:gosec // the caller says where
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	parent, err := openFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	return cmp.Or(parent.sync(), parent.close())
}

// openFolder opens a folder on the disk. It stays the same folder when it is moved and another one takes its name.
func openFolder(path string) (folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return diskFolder{root}, nil
}

type diskFolder struct{ root *os.Root }

func (d diskFolder) open(name string) (file, error) { return orNil(d.root.Open(name)) }

func (d diskFolder) create(name string) (file, error) {
	return orNil(d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode))
}

func (d diskFolder) append(name string) (file, error) {
	return orNil(d.root.OpenFile(name, os.O_WRONLY|os.O_APPEND, fileMode))
}

// orNil keeps a nil pointer from becoming a file that is not nil.
func orNil(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d diskFolder) stat(name string) (fs.FileInfo, error) { return d.root.Stat(name) }
func (d diskFolder) rename(from, to string) error          { return d.root.Rename(from, to) }
func (d diskFolder) remove(name string) error              { return d.root.Remove(name) }
func (d diskFolder) close() error                          { return d.root.Close() }

// sync does nothing on Windows, which has no such call.
func (d diskFolder) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
