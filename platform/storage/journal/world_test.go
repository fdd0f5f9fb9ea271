package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// opened opens a store until the end of the test.
func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func put(t testing.TB, s storage.Store, key, value string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), putting(key, value)))
}

func putting(key, value string) func(storage.Tx) error {
	return func(tx storage.Tx) error { return tx.Put(key, []byte(value)) }
}

// recordsIn returns everything in a store, as key=value.
func recordsIn(t require.TestingT, s storage.Store) []string {
	records := []string{}
	require.NoError(t, s.View(context.Background(), func(tx storage.Tx) error {
		for e, err := range tx.Scan("", "", false) {
			require.NoError(t, err)
			records = append(records, e.Key+"="+string(e.Value))
		}
		return nil
	}))
	return records
}

// kept opens a folder anew and returns what is in it.
func kept(t require.TestingT, dir string) []string {
	s, err := newTestFolder(dir).openStore()
	require.NoError(t, err)
	records := recordsIn(t, s)
	require.NoError(t, s.Close())
	return records
}

// step is the n-th of a row of commits that change, add and delete; after returns the records then.
func step(n int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		return errors.Join(
			tx.Put("n", fmt.Append(nil, n)), tx.Put(fmt.Sprint("step ", n), []byte("\x00any\xffbytes\n\x00")), tx.Delete(fmt.Sprint("step ", n-1)),
		)
	}
}

func after(n int) []string {
	if n == 0 {
		return []string{}
	}
	return []string{fmt.Sprint("n=", n), fmt.Sprintf("step %d=\x00any\xffbytes\n\x00", n)}
}

// requireStep requires that the records are those after a step, which it returns.
func requireStep(t require.TestingT, records []string, from, to int) int {
	for n := from; n <= to; n++ {
		if slices.Equal(records, after(n)) {
			return n
		}
	}
	require.Failf(t, "not the records after a step", "of %d to %d: %q", from, to, records)
	return 0
}

var (
	errDiskFull = errors.New("no space left on device")
	errCrashed  = errors.New("crashed")
)

// testFolder is a folder in which any step can fail, and which knows what a power failure leaves. It does not trouble
// the disk with syncing.
type testFolder struct {
	folder

	path string
	// before is asked before each step, "write journal" for example. When it returns an error the step fails, and happens
	// in half, which for a write is half of it and for all else nothing.
	before func(step string) error
	full   bool             // a write that fails writes nothing
	inUse  map[string]int   // open files
	synced map[string]int64 // how much of a file is on the disk
	undo   []func()         // what undoes the renames that are not
}

func newTestFolder(path string) *testFolder {
	return &testFolder{path: path, before: func(string) error { return nil }, synced: map[string]int64{}, inUse: map[string]int{}}
}

// openStore opens a store in the folder.
func (d *testFolder) openStore() (*Store, error) {
	return open(d.path, func(path string) (folder, error) {
		on, err := openFolder(path)
		d.folder = on
		return d, err
	})
}

func (d *testFolder) open(name string) (file, error) {
	if err := d.before("open " + name); err != nil {
		return nil, err
	}
	return d.folder.open(name)
}

func (d *testFolder) create(name string) (file, error) {
	if err := d.before("create " + name); err != nil {
		return nil, err
	}
	f, err := d.folder.create(name)
	d.synced[name] = 0
	return d.using(f, name), err
}

func (d *testFolder) append(name string) (file, error) {
	if err := d.before("append " + name); err != nil {
		return nil, err
	}
	f, err := d.folder.append(name)
	return d.using(f, name), err
}

func (d *testFolder) using(f file, name string) file {
	d.inUse[name]++
	return &testFile{f, d, name}
}

func (d *testFolder) stat(name string) (fs.FileInfo, error) {
	if err := d.before("stat " + name); err != nil {
		return nil, err
	}
	return d.folder.stat(name)
}

func (d *testFolder) rename(from, to string) error {
	if err := d.before("rename " + from); err != nil {
		return err
	}
	if d.inUse[from]+d.inUse[to] > 0 {
		return errors.New("the file is in use, as Windows says")
	}
	path, synced := filepath.Join(d.path, to), d.synced[to]
	content, err := os.ReadFile(path)
	d.undo = append(d.undo, func() {
		if err != nil {
			_ = os.Remove(path)
			return
		}
		_ = os.WriteFile(path, content[:synced], 0o600)
	})
	d.synced[to] = d.synced[from]
	delete(d.synced, from)
	return d.folder.rename(from, to)
}

func (d *testFolder) remove(name string) error {
	if err := d.before("remove " + name); err != nil {
		return err
	}
	return d.folder.remove(name)
}

func (d *testFolder) sync() error {
	if err := d.before("sync folder"); err != nil {
		return err
	}
	d.undo = nil
	return nil
}

// loseMemory makes of the folder what a power failure does: what was not synced is gone, and names that were not are
// the new or the old ones.
func (d *testFolder) loseMemory(t testing.TB, newNames bool) {
	for name, size := range d.synced {
		require.NoError(t, os.Truncate(filepath.Join(d.path, name), size))
	}
	if !newNames {
		for _, undo := range slices.Backward(d.undo) {
			undo()
		}
	}
}

type testFile struct {
	file

	folder *testFolder
	name   string
}

func (f *testFile) Write(data []byte) (int, error) {
	if err := f.folder.before("write " + f.name); err != nil {
		if f.folder.full {
			return 0, err
		}
		n, _ := f.file.Write(data[:len(data)/2])
		return n, err
	}
	return f.file.Write(data)
}

func (f *testFile) Close() error {
	f.folder.inUse[f.name]--
	return f.file.Close()
}

func (f *testFile) Sync() error {
	if err := f.folder.before("sync " + f.name); err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		f.folder.synced[f.name] = info.Size()
	}
	return err
}
