package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
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
	s, err := Open(dir)
	require.NoError(t, err)
	records := recordsIn(t, s)
	require.NoError(t, s.Close())
	return records
}

// lastCommit returns the number of the last commit.
func lastCommit(t require.TestingT, s *Store) (id int) {
	require.NoError(t, s.db.View(func(tx *bbolt.Tx) error {
		id = tx.ID()
		return nil
	}))
	return id
}

func TestStore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	storagetest.TestStore(t, func() storage.Store { return opened(t, t.TempDir()) })
}

// Whatever is done and however often the store is opened, its records are those of a map.
func TestRecordsOutliveTheStore(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	dir := t.TempDir()
	model := map[string]string{} // what one run of rapid leaves, the next one begins with
	rapid.Check(t, func(t *rapid.T) {
		s, err := Open(dir)
		require.NoError(t, err)
		s.db.NoSync = true // nothing crashes here
		defer func() { require.NoError(t, s.Close()) }()
		key := rapid.StringMatching("[a-c]{1,2}")
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				require.NoError(t, s.Update(context.Background(), func(tx storage.Tx) error {
					for range rapid.IntRange(0, 4).Draw(t, "writes") {
						key := key.Draw(t, "key")
						if rapid.Bool().Draw(t, "delete") {
							delete(model, key)
							require.NoError(t, tx.Delete(key))
							continue
						}
						value := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
						model[key] = string(value)
						require.NoError(t, tx.Put(key, value))
					}
					return nil
				}))
			},
			"open anew": func(t *rapid.T) {
				require.NoError(t, s.Close())
				s, err = Open(dir)
				require.NoError(t, err)
				s.db.NoSync = true
			},
			"": func(t *rapid.T) {
				want := []string{}
				for _, key := range slices.Sorted(maps.Keys(model)) {
					want = append(want, key+"="+model[key])
				}
				require.Equal(t, want, recordsIn(t, s))
			},
		})
	})
}

// What does not commit is not kept.
func TestOnlyCommitsAreKept(t *testing.T) {
	dir, refused := t.TempDir(), errors.New("refused")
	s, err := Open(dir)
	require.NoError(t, err)
	put(t, s, "a", "1")
	require.ErrorIs(t, s.Update(t.Context(), func(tx storage.Tx) error {
		return errors.Join(tx.Put("a", nil), tx.Put("b", nil), refused)
	}), refused)
	require.PanicsWithValue(t, "boom", func() {
		_ = s.Update(t.Context(), func(tx storage.Tx) error {
			_ = tx.Delete("a")
			panic("boom")
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, s.Update(ctx, func(tx storage.Tx) error {
		cancel()
		return tx.Put("c", nil)
	}), context.Canceled)
	require.ErrorIs(t, s.Update(t.Context(), putting("", "no key")), storage.ErrEmptyKey)
	require.ErrorIs(t, s.View(t.Context(), func(tx storage.Tx) error { return tx.Delete("a") }), storage.ErrReadOnly)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=1"}, kept(t, dir))
}

// Updates that come at the same time share a commit. One that fails leaves nothing of what it did to the same records,
// and nobody else notices.
func TestUpdatesShareACommit(t *testing.T) {
	refused := errors.New("refused")
	wrecking := func(end func() error) func(storage.Tx) error {
		return func(tx storage.Tx) error {
			return errors.Join(
				tx.Put("changed", []byte("wrong")), tx.Put("changed", []byte("twice")), tx.Delete("deleted"), tx.Put("added", nil),
				tx.Delete("changed"), tx.Delete("b1"), tx.Put("deleted", []byte("wrong")), end(),
			)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := opened(t, t.TempDir())
		put(t, s, "changed", "1")
		put(t, s, "deleted", "1")
		before := lastCommit(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { put(t, s, fmt.Sprint("b", i), "1") })
			all.Go(func() {
				require.ErrorIs(t, s.Update(t.Context(), wrecking(func() error { return refused })), refused)
			})
		}
		all.Go(func() {
			require.ErrorIs(t, s.Update(ctx, wrecking(func() error { cancel(); return nil })), context.Canceled)
		})
		all.Go(func() {
			require.PanicsWithValue(t, "boom", func() { _ = s.Update(t.Context(), wrecking(func() error { panic("boom") })) })
		})
		all.Wait()
		require.Equal(t, before+1, lastCommit(t, s))
		records := recordsIn(t, s)
		require.Len(t, records, 10+2)
		require.Subset(t, records, []string{"b0=1", "b1=1", "b9=1", "changed=1", "deleted=1"})
	})
}

// Many write at the same time; what was said to be written is there afterwards, and nothing else.
func TestManyWriters(t *testing.T) {
	const writers, times = 8, 25
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	var all sync.WaitGroup
	for who := range writers {
		all.Go(func() {
			for n := range times {
				put(t, s, fmt.Sprintf("%d/%02d", who, n), "1")
				require.Equal(t, n+1, strings.Count(strings.Join(recordsIn(t, s), " "), fmt.Sprintf("%d/", who)))
			}
		})
	}
	all.Wait()
	before := recordsIn(t, s)
	require.Len(t, before, writers*times)
	require.NoError(t, s.Close())
	require.Equal(t, before, kept(t, dir))
}

// A commit that did not reach the file is an error for all who are in it, and the next one is tried anew.
func TestFailedWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	s := opened(t, t.TempDir())
	put(t, s, "a", "1")
	s.db.MaxSize = 1 << 20 // as a full disk; bbolt fails when it grows
	for range 2 {
		err := s.Update(t.Context(), putting("big", strings.Repeat("x", 20<<20)))
		require.ErrorContains(t, err, "bolt: "+s.path+": write: ")
		require.ErrorContains(t, err, "all of it is kept or nothing, as reading shows")
		require.Equal(t, []string{"a=1"}, recordsIn(t, s))
	}
	put(t, s, "a", "2")
	s.db.MaxSize = 0
	put(t, s, "b", "1")
	require.Equal(t, []string{"a=2", "b=1"}, recordsIn(t, s))
}

func TestClosedStoreRefuses(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing again does nothing")
	require.ErrorIs(t, s.Update(t.Context(), putting("a", "2")), os.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), func(storage.Tx) error { return nil }), os.ErrClosed)
	require.ErrorIs(t, s.Backup(t.Context(), new(bytes.Buffer)), os.ErrClosed)
	require.Equal(t, []string{"a=1"}, kept(t, dir))
}

// Transactions in the midst of their functions are finished before the store closes.
func TestCloseWaits(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*Store, context.Context, func(storage.Tx) error) error
	}{{"for a View", (*Store).View}, {"for an Update", (*Store).Update}} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.TempDir())
			require.NoError(t, err)
			put(t, s, "a", "1")
			closed := make(chan error, 1)
			require.NoError(t, c.run(s, t.Context(), func(tx storage.Tx) error {
				go func() { closed <- s.Close() }()
				for range 1000 {
					runtime.Gosched()
				}
				require.Empty(t, closed)
				value, _, err := tx.Get("a")
				require.Equal(t, "1", string(value))
				return err
			}))
			require.NoError(t, <-closed)
		})
	}
}

// Where open files can be deleted, that is noticed before a commit counts. (Windows lets nobody do that.)
func TestLostFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced")
	}
	for name, lose := range map[string]func(t *testing.T, dir string){
		"the folder is deleted": func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir)) },
		"the folder is moved":   func(t *testing.T, dir string) { require.NoError(t, os.Rename(dir, dir+"2")) },
		"the folder is replaced, and a store is in the new one": func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dir, dir+"2"))
			put(t, opened(t, dir), "theirs", "1")
		},
		"the file is deleted": func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, fileName))) },
		"the file is replaced by a copy": func(t *testing.T, dir string) {
			path := filepath.Join(dir, fileName)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+"2", content, 0o600))
			require.NoError(t, os.Rename(path+"2", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := opened(t, dir)
			put(t, s, "a", "1")
			lose(t, dir)
			err := s.Update(t.Context(), putting("b", "2"))
			require.ErrorContains(t, err, "bolt: the file "+s.path+" is lost, it was deleted, moved or replaced: ")
			require.Equal(t, err, s.Update(t.Context(), putting("c", "3")))
		})
	}
}

// A backup is the records at one moment, while others write.
func TestBackup(t *testing.T) {
	s, dir := opened(t, t.TempDir()), t.TempDir()
	put(t, s, "a", "1")
	put(t, s, "big", strings.Repeat("x", 100_000))
	want := recordsIn(t, s)
	backup, err := os.Create(filepath.Join(dir, fileName))
	require.NoError(t, err)
	require.NoError(t, s.Backup(t.Context(), &writingMeanwhile{File: backup, write: func() { put(t, s, "a", "2") }}))
	require.NoError(t, backup.Close())
	require.Equal(t, want, kept(t, dir))
	require.Contains(t, recordsIn(t, s), "a=2")

	full := errors.New("no space left on device")
	require.ErrorContains(t, s.Backup(t.Context(), fullDisk{full}), "bolt: backup: ") // bbolt does not wrap the error
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Backup(ctx, new(bytes.Buffer)), context.Canceled)
}

type writingMeanwhile struct {
	*os.File
	write func()
}

func (w *writingMeanwhile) Write(data []byte) (int, error) {
	w.write()
	return w.File.Write(data)
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }
