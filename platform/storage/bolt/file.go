package bolt

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/alipayplus-go/alipayplus/internal/locks"
)

const (
	fileName   = "records.db"
	folderMode = 0o700
	fileMode   = 0o600

	// batchDelay is how long an Update waits for others to share its commit with. With less, many writers on a busy
	// machine make several small commits, which queue.
	batchDelay = 2 * time.Millisecond

	// journalName is the file of an earlier version of this library.
	journalName = "journal"
)

func bucketName() []byte { return []byte("records") }

// Open opens the store in the folder dir. A missing folder is made, if its parent is there; an empty one is an empty
// store. The store must be closed with [Store.Close].
//
// It is an error when another process, or another Store, has the folder open, see [ErrLocked]; when the file was cut or
// is not of this package; when the folder is one of an earlier version of this library, whose records were in a file
// journal; or when the file cannot be written.
func Open(dir string) (s *Store, err error) {
	damage := guard(func() { s, err = open(dir) })
	switch {
	case damage != nil:
		err = fmt.Errorf("%s is damaged: %v", fileName, damage)
	case errors.Is(err, bbolterrors.ErrTimeout):
		err = ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", dir, err)
	}
	return s, nil
}

func open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir) // the process may go elsewhere
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(makeFolder(dir), refuseJournal(dir)); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = create(path)
	case err == nil && info.Size() == 0:
		err = fmt.Errorf("%s is empty, which no file of a store is: it was cut", fileName)
	}
	if err != nil {
		return nil, err
	}
	if err := verify(path); err != nil {
		return nil, err
	}
	return start(path)
}

// refuseJournal keeps the records of an earlier version from being taken for none.
func refuseJournal(dir string) error {
	info, err := os.Stat(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil
	}
	return cmp.Or(err, fmt.Errorf("the folder holds the file %s, the records of an earlier version of this library, which this one cannot read: "+
		"go on with that version, give another folder, or move the file away to begin without records", journalName))
}

// create makes the file of an empty store. It gets its name when it is whole, so that a crash leaves none or all of it,
// and only if there is none of that name by now: another process may have been quicker, and have records in it.
func create(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), fileName+".new")
	if err != nil {
		return err
	}
	if err = cmp.Or(file.Close(), makeEmpty(file.Name())); err == nil {
		err = os.Link(file.Name(), path)
	}
	_ = os.Remove(file.Name()) // its other name stays; and the first error says what is wrong
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return locks.SyncFolder(filepath.Dir(path))
}

func makeEmpty(path string) error {
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{Timeout: 1})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bucketName())
		return err
	})
	return cmp.Or(err, db.Close())
}

// verify makes sure that a file can be mapped as a whole, and is one of a store. It needs no page but those that say so.
func verify(path string) (err error) {
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{ReadOnly: true, Timeout: 1})
	if err != nil {
		return describe(err)
	}
	defer func() { err = cmp.Or(err, db.Close()) }() // also after a panic
	return db.View(verifyIn)
}

func verifyIn(tx *bbolt.Tx) error {
	file, err := os.Open(tx.DB().Path())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it is only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() < tx.Size():
		return fmt.Errorf("%s is damaged: it has %d bytes and should have %d at least, so it was cut", fileName, info.Size(), tx.Size())
	case tx.Bucket(bucketName()) == nil:
		return fmt.Errorf("%s is a bbolt file of another program", fileName)
	}
	return verifyMeta(file, int64(tx.DB().Info().PageSize))
}

// verifyMeta checks the two pages of which bbolt writes one with each commit. With one damaged, bbolt would go on from
// the other, and silently lose a commit. A crash damages none: what is written of a page fits into one sector.
func verifyMeta(file io.ReaderAt, pageSize int64) error {
	const header, checked, sum = 16, 56, 8
	for _, page := range []int64{0, 1} {
		meta := make([]byte, checked+sum)
		if _, err := file.ReadAt(meta, page*pageSize+header); err != nil {
			return err
		}
		hash := fnv.New64a()
		_, _ = hash.Write(meta[:checked]) // it never fails
		if hash.Sum64() != binary.NativeEndian.Uint64(meta[checked:]) {
			return fmt.Errorf("%s is damaged: meta page %d does not fit its checksum, so that the last commit may be lost", fileName, page)
		}
	}
	return nil
}

// describe says what an error of bbolt means, unless it comes from the operating system, or the file is open elsewhere.
func describe(err error) error {
	var path *fs.PathError
	var system syscall.Errno
	if errors.Is(err, bbolterrors.ErrTimeout) || errors.As(err, &path) || errors.As(err, &system) {
		return err
	}
	return fmt.Errorf("%s is damaged, or of another program: %w", fileName, err)
}

// start opens the file to write. The list of free pages is kept in the file: without it, bbolt would read all pages to
// find them.
func start(path string) (*Store, error) {
	var file *os.File
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout:         1, // any above 0: try once
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mapped(),
		NoStatistics:    true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return file, err
		},
	})
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = batchDelay
	info, err := file.Stat()
	if err != nil {
		return nil, cmp.Or(err, db.Close())
	}
	return &Store{path: path, db: db, info: info}, nil
}

// mapped is how much of the address space the file gets. When it outgrows that, writers must wait for all readers, so it
// is more than most files ever need. Windows would make the file as large as that.
func mapped() int {
	const most = 16 << 30
	if runtime.GOOS == "windows" || strconv.IntSize < 64 {
		return 0
	}
	size := int64(most)
	return int(size)
}

// makeFolder makes a folder, if need be, and sees to it that it is on the disk.
func makeFolder(path string) error {
	err := os.Mkdir(path, folderMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return locks.SyncFolder(filepath.Dir(path))
}
