package bolt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestLongKeys(t *testing.T) {
	s := opened(t, t.TempDir())
	longest := strings.Repeat("k", bbolt.MaxKeySize)
	put(t, s, longest, "1")
	require.ErrorContains(t, s.Update(t.Context(), putting(longest+"k", "2")), "bolt: put a key of 32769 bytes: key too large")
	require.Equal(t, []string{longest + "=1"}, recordsIn(t, s))
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		_, found, err := tx.Get(longest + "k")
		require.False(t, found)
		require.NoError(t, err)
		return tx.Delete(longest + "k")
	}))
}

// numberedRecords are enough for a tree of several levels, with one larger than a page.
func numberedRecords(t *testing.T, dir string) []string {
	s, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		for i := range 60 {
			if err := tx.Put(fmt.Sprintf("key/%03d", i), []byte(strings.Repeat(fmt.Sprint(i%10), 200))); err != nil {
				return err
			}
		}
		return tx.Put("large", []byte(strings.Repeat("x", 9000)))
	}))
	records := recordsIn(t, s)
	require.NoError(t, s.Close())
	path := filepath.Join(dir, fileName) // bbolt makes it larger than it needs to be
	require.NoError(t, os.Truncate(path, int64(40*os.Getpagesize())))
	return records
}

// Whatever byte is not what it was, no wrong value is returned, and who reads everything is told that the file is damaged
// unless everything is there.
func TestDamagedBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	dir := t.TempDir()
	want := numberedRecords(t, dir)
	path := filepath.Join(dir, fileName)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	const pages, step = 10, 131
	damaged := 0
	for at := range pages * os.Getpagesize() {
		if inPage := at % os.Getpagesize(); inPage > 80 && at%step > 0 {
			continue // every byte where a page has what is about it
		}
		flip(t, path, content[at]^0xff, at)
		got, err := readAll(t, dir)
		flip(t, path, content[at], at)
		if err == nil {
			require.Equal(t, want, got, "byte %d", at)
			continue
		}
		damaged++
		require.ErrorContains(t, err, "is damaged", "byte %d", at)
		require.ErrorContains(t, err, dir, "byte %d", at)
		require.Less(t, len(err.Error()), 1000, "byte %d", at)
	}
	require.Greater(t, damaged, 500)
	got, err := readAll(t, dir)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func flip(t *testing.T, path string, value byte, at int) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{value}, int64(at))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// readAll opens the store and reads its records in each way.
func readAll(t *testing.T, dir string) (records []string, err error) {
	s, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, s.Close()) }()
	return records, s.View(t.Context(), func(tx storage.Tx) error {
		var keys []string
		for e, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			keys = append(keys, e.Key)
			records = append(records, e.Key+"="+string(e.Value))
		}
		left := len(records)
		for e, err := range tx.Scan("", "", true) {
			if err != nil {
				return err
			}
			left--
			require.Equal(t, records[left], e.Key+"="+string(e.Value))
		}
		require.Zero(t, left)
		for i, key := range keys {
			value, found, err := tx.Get(key)
			if err != nil {
				return err
			}
			require.True(t, found)
			require.Equal(t, records[i], key+"="+string(value))
		}
		return nil
	})
}

// An Update that met damage while it wrote does not commit, whatever it makes of the error, and no others with it.
func TestDamagedPageIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	numberedRecords(t, dir)
	path := filepath.Join(dir, fileName)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	leaf := bytes.Index(content, []byte("key/030")) / os.Getpagesize() * os.Getpagesize()
	flip(t, path, 0xee, leaf+8) // what kind of page it is

	s := opened(t, dir)
	var damage error
	err = s.Update(t.Context(), func(tx storage.Tx) error {
		damage = tx.Put("key/030", []byte("new"))
		return tx.Put("large", []byte("new"))
	})
	require.ErrorContains(t, damage, "records.db is damaged: ")
	require.Equal(t, damage, err)
	put(t, s, "large", "newer")
	require.NoError(t, s.View(t.Context(), func(tx storage.Tx) error {
		value, _, err := tx.Get("large")
		require.Equal(t, "newer", string(value))
		return err
	}))
}

// A file that is cut while it is open is an error for whoever needs what is missing, not the end of the process.
func TestFileCutWhileItIsOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be cut")
	}
	dir := t.TempDir()
	numberedRecords(t, dir)
	s, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filepath.Join(dir, fileName), int64(3*os.Getpagesize())))
	read := func(tx storage.Tx) error {
		for _, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	const says = "records.db is damaged: "
	require.ErrorContains(t, s.View(t.Context(), read), says)
	require.ErrorContains(t, s.Update(t.Context(), read), says)
	require.ErrorContains(t, s.Update(t.Context(), putting("key/030", "new")), says)
	require.ErrorContains(t, s.Update(t.Context(), func(tx storage.Tx) error {
		_ = tx.Put("key/030", []byte("new")) // an error that is not returned
		return nil
	}), says)
	require.NoError(t, s.Close())
	_, err = Open(dir)
	require.ErrorContains(t, err, "so it was cut")
}

// Lists read hundreds of records: what is found is copied out of the file, and nothing else is allocated for it.
func TestAGetAllocatesTheValueAlone(t *testing.T) {
	s := opened(t, t.TempDir())
	put(t, s, "a key that is longer than what fits on a stack", "value")
	require.NoError(t, s.View(t.Context(), func(tx storage.Tx) error {
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
			_, found, err := tx.Get("a key that is longer than what fits on a stack")
			require.True(t, found && err == nil)
		}), 1.0)
		return nil
	}))
}
