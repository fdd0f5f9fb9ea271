package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.TestStore(t, func() storage.Store { return opened(t, t.TempDir()) })
}

func TestRecordsOutliveTheStore(t *testing.T) {
	dir := t.TempDir()
	for n := range 5 {
		s, err := Open(dir)
		require.NoError(t, err)
		require.Equal(t, after(n), recordsIn(t, s))
		require.NoError(t, s.Update(t.Context(), step(n+1)))
		require.Equal(t, after(n+1), recordsIn(t, s))
		require.NoError(t, s.Close())
	}
	require.Equal(t, after(5), kept(t, dir))
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

// Whatever is done and however often the store is opened, its records are those of a map.
func TestModel(t *testing.T) {
	parent := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(parent, "") //nolint:usetesting // rapid gives no folder of its own
		require.NoError(t, err)
		s, err := newTestFolder(dir).openStore()
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		model := map[string]string{}
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
				s, err = newTestFolder(dir).openStore()
				require.NoError(t, err)
			},
			"compact soon": func(*rapid.T) { s.compactAt = 0 },
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

func TestOneStoreAtATime(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	put(t, s, "a", "1")
	_, err := Open(dir)
	require.ErrorIs(t, err, lockedfile.ErrLocked)
	require.ErrorContains(t, err, dir)
	put(t, s, "b", "2")
	require.Equal(t, []string{"a=1", "b=2"}, recordsIn(t, s), "the refused one did no harm")
}

func TestFolderIsMadeForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	opened(t, dir)
	_, err := Open(filepath.Join(dir, "missing", "folder"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(filepath.Join(dir, journalName))
	require.Error(t, err, "a file is no folder")
	if runtime.GOOS == "windows" {
		return // it has no such rights
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, journalName: 0o600, lockName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
}

// A relative path stays what it was when the process goes elsewhere.
func TestRelativeFolder(t *testing.T) {
	parent := t.TempDir()
	t.Chdir(parent)
	s, err := Open("data")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=1"}, kept(t, filepath.Join(parent, "data")))
}

func TestClosedStoreRefuses(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing again does nothing")
	require.ErrorIs(t, s.Update(t.Context(), step(1)), os.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), func(storage.Tx) error { return nil }), os.ErrClosed)
	require.Equal(t, []string{"a=1"}, kept(t, dir))
}

// An update in the midst of its function is finished before the store closes.
func TestCloseWaitsForUpdates(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	closed := make(chan error, 1)
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		begun := make(chan struct{})
		go func() {
			close(begun)
			closed <- s.Close()
		}()
		<-begun
		return tx.Put("a", []byte("1"))
	}))
	require.NoError(t, <-closed)
	require.Equal(t, []string{"a=1"}, kept(t, dir))
}

func TestWaitingForItsTurnEndsWithTheContext(t *testing.T) {
	s := opened(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, s.Update(t.Context(), func(storage.Tx) error {
		waiting := make(chan error)
		go func() { waiting <- s.Update(ctx, step(1)) }()
		cancel()
		require.ErrorIs(t, <-waiting, context.Canceled)
		return nil
	}))
	require.Empty(t, recordsIn(t, s))
}

// Many write at the same time; what was said to be written is there afterwards, and nothing else.
func TestManyWriters(t *testing.T) {
	const writers, times = 8, 25
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	s.compactAt = 0
	var all sync.WaitGroup
	for who := range writers {
		all.Go(func() {
			for i := range times {
				err := s.Update(t.Context(), func(tx storage.Tx) error {
					value, _, err := tx.Get("count")
					return errors.Join(err, tx.Put("count", append(slices.Clone(value), '.')), tx.Put(fmt.Sprint(who, "/", i), nil))
				})
				if err != nil {
					t.Error(err)
				}
				if !slices.Contains(recordsIn(t, s), fmt.Sprint(who, "/", i, "=")) {
					t.Error("an update has returned and does not show")
				}
			}
		})
	}
	all.Wait()
	before := recordsIn(t, s)
	require.Len(t, before, writers*times+1)
	require.Equal(t, "count="+strings.Repeat(".", writers*times), before[len(before)-1])
	require.NoError(t, s.Close())
	require.Equal(t, before, kept(t, dir))
}

// heldUp opens a store whose next sync says so and then waits for what is to become of it. It counts the syncs.
func heldUp(t *testing.T) (s *Store, syncing chan struct{}, outcome chan error, syncs *int) {
	return heldUpAt(t, "sync "+journalName)
}

func heldUpAt(t *testing.T, at string) (s *Store, there chan struct{}, outcome chan error, times *int) {
	disk := newTestFolder(t.TempDir())
	s, err := disk.openStore()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	put(t, s, "a", "old")
	there, outcome, times = make(chan struct{}), make(chan error), new(int)
	disk.full = true
	disk.before = func(step string) error {
		if step != at {
			return nil
		}
		if *times++; *times > 1 {
			return nil
		}
		close(there)
		return <-outcome
	}
	return s, there, outcome, times
}

// While a commit is on its way to the disk no View shows it, and an Update that has seen it does not tell before it is
// there: not by its success, not by an error, not by a panic.
func TestNothingGetsOutBeforeItIsOnTheDisk(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome error
		want    string
	}{{"written", nil, "new"}, {"not written", errDiskFull, "old"}} {
		t.Run(c.name, func(t *testing.T) {
			s, syncing, outcome, _ := heldUp(t)
			refused := errors.New("refused")
			results := make(chan error, 4)
			look := func(then func() error) error {
				var seen string
				defer func() {
					require.Equal(t, []string{"a=" + c.want}, recordsIn(t, s), "it returns when this is settled")
				}()
				err := s.Update(t.Context(), func(tx storage.Tx) error {
					value, _, err := tx.Get("a")
					seen = string(value)
					return errors.Join(err, then())
				})
				require.Equal(t, "new", seen)
				return err
			}
			go func() { results <- s.Update(t.Context(), putting("a", "new")) }()
			<-syncing
			saw := make(chan struct{}, 3)
			for _, then := range []func() error{
				func() error { return nil },
				func() error { return refused },
				func() error { panic(refused) },
			} {
				go func() {
					defer func() {
						if recover() != nil {
							results <- refused
						}
					}()
					results <- look(func() error {
						saw <- struct{}{}
						return then()
					})
				}()
			}
			for range 3 {
				<-saw
			}
			require.Equal(t, []string{"a=old"}, recordsIn(t, s))
			require.Empty(t, results)
			outcome <- c.outcome

			var got []error
			for range 4 {
				got = append(got, <-results)
			}
			count := func(want error) (n int) {
				for _, err := range got {
					if errors.Is(err, want) {
						n++
					}
				}
				return n
			}
			if c.outcome == nil {
				require.Equal(t, 2, count(refused))
				require.Equal(t, 2, count(nil))
				return
			}
			require.Equal(t, 3, count(errDiskFull), "the one that wrote and two that saw it")
			require.Equal(t, 1, count(refused), "the panic stays a panic")
		})
	}
}

// Commits that come while the disk is busy are synced together.
func TestWaitingCommitsShareASync(t *testing.T) {
	const writers = 10
	s, syncing, outcome, syncs := heldUp(t)
	var all sync.WaitGroup
	all.Go(func() { put(t, s, "a", "1") })
	<-syncing
	for i := range writers {
		all.Go(func() { put(t, s, fmt.Sprint("b", i), "1") })
	}
	waitForCommits(s, 2+writers)
	outcome <- nil
	all.Wait()
	require.Equal(t, 2, *syncs)
	require.Len(t, recordsIn(t, s), 1+writers)
}

func waitForCommits(s *Store, commits uint64) {
	for {
		if n, err := s.committed(); err != nil || n == commits {
			return
		}
		runtime.Gosched()
	}
}

// A commit that waits behind one that fails is not written: it may rest on that.
func TestCommitBehindAFailureFails(t *testing.T) {
	s, writing, outcome, writes := heldUpAt(t, "write "+journalName)
	results := make(chan error, 2)
	go func() { results <- s.Update(t.Context(), putting("a", "new")) }()
	<-writing
	go func() { results <- s.Update(t.Context(), putting("b", "new")) }()
	waitForCommits(s, 3)
	outcome <- errDiskFull
	for range 2 {
		require.ErrorIs(t, <-results, errDiskFull)
	}
	require.Equal(t, 1, *writes)
	require.Equal(t, []string{"a=old"}, recordsIn(t, s))
}

// A look that has met nothing new does not wait for the disk.
func TestLookingDoesNotWaitForOthers(t *testing.T) {
	s := opened(t, t.TempDir())
	put(t, s, "a", "1")
	s.writing.Lock() // the disk is busy
	defer s.writing.Unlock()
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		_, found, err := tx.Get("a")
		require.True(t, found)
		return err
	}))
	require.Equal(t, []string{"a=1"}, recordsIn(t, s))
}
