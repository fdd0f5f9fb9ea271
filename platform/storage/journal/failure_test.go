package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// When the disk is full, or fails in another way, the store refuses to write from then on, also when the disk has
// recovered: what is behind the last good record is not known. Reading goes on. A new start helps.
func TestFailedWrite(t *testing.T) {
	for _, c := range []struct {
		fails    string
		survives int // the step after which the records are when the store is opened again
	}{
		{"write " + journalName, 1},
		{"sync " + journalName, 2}, // written, and nobody can tell
		{"stat " + journalName, 2},
	} {
		t.Run(c.fails, func(t *testing.T) {
			disk := newTestFolder(t.TempDir())
			s, err := disk.openStore()
			require.NoError(t, err)
			require.NoError(t, s.Update(t.Context(), step(1)))
			require.NoError(t, s.Close())
			s, err = disk.openStore()
			require.NoError(t, err)
			disk.before = failAt(c.fails) // the first commit since the start

			err = s.Update(t.Context(), step(2))
			require.ErrorIs(t, err, errDiskFull)
			require.ErrorContains(t, err, filepath.Join(disk.path, journalName)+": write at offset ")
			require.ErrorContains(t, err, "until the store is opened again")
			require.Equal(t, after(1), recordsIn(t, s))

			disk.before = func(string) error { return nil }
			ran := false
			again := s.Update(t.Context(), func(storage.Tx) error { ran = true; return nil })
			require.Equal(t, err, again)
			require.False(t, ran, "fn would see what is not on the disk")
			require.Equal(t, after(1), recordsIn(t, s))
			require.NoError(t, s.Close())
			require.ErrorIs(t, s.Update(t.Context(), step(2)), os.ErrClosed)
			require.Equal(t, after(c.survives), kept(t, disk.path))
		})
	}
}

func failAt(step string) func(string) error {
	return func(at string) error {
		if at == step {
			return errDiskFull
		}
		return nil
	}
}

// A store that cannot be opened says which file is in the way, and holds nothing.
func TestFailedOpen(t *testing.T) {
	for _, step := range []string{
		"open " + journalName, "create " + nextName, "write " + nextName, "sync " + nextName,
		"rename " + nextName, "sync folder", "append " + journalName,
	} {
		t.Run(step, func(t *testing.T) {
			disk := newTestFolder(t.TempDir())
			s, err := disk.openStore()
			require.NoError(t, err)
			put(t, s, "a", "1")
			require.NoError(t, s.Close())

			disk.before = failAt(step)
			_, err = disk.openStore()
			require.ErrorIs(t, err, errDiskFull)
			require.ErrorContains(t, err, "journal: open: "+filepath.Join(disk.path, journalName)+": ")
			require.Equal(t, []string{"a=1"}, kept(t, disk.path))
		})
	}
}

// However often records change, the file is not much larger than they are.
func TestJournalDoesNotGrowForever(t *testing.T) {
	disk := newTestFolder(t.TempDir())
	s, err := disk.openStore()
	require.NoError(t, err)
	big := strings.Repeat("x", 300_000)
	var largest, compacted int64
	for i := range 100 {
		before := s.size
		put(t, s, fmt.Sprint("key ", i%5), big)
		if s.size < before {
			compacted++
		}
		largest = max(largest, s.size)
		info, err := os.Stat(filepath.Join(disk.path, journalName))
		require.NoError(t, err)
		require.Equal(t, info.Size(), s.size)
	}
	const live = 5 * 300_000
	require.Less(t, largest, int64(growth*live+least+500_000))
	require.Greater(t, largest, int64(growth*live), "it is not written anew for little")
	require.Greater(t, compacted, int64(1))
	before := recordsIn(t, s)
	require.NoError(t, s.Close())
	require.Equal(t, before, kept(t, disk.path))
}

// A journal that cannot be written anew goes on as it is, and is tried again when it has grown.
func TestFailedCompactionDoesNoHarm(t *testing.T) {
	for _, step := range []string{"create " + nextName, "write " + nextName, "sync " + nextName} {
		t.Run(step, func(t *testing.T) {
			disk := newTestFolder(t.TempDir())
			s, err := disk.openStore()
			require.NoError(t, err)
			tries := 0
			disk.before = func(at string) error {
				if at == step {
					tries++
					return errDiskFull
				}
				return nil
			}
			s.compactAt = 0
			put(t, s, "a", "1")
			put(t, s, "b", "2")
			require.Equal(t, 1, tries)
			put(t, s, "c", strings.Repeat("x", 1000))
			require.Equal(t, 2, tries)
			_, err = os.Stat(filepath.Join(disk.path, nextName))
			require.ErrorIs(t, err, os.ErrNotExist)
			before := recordsIn(t, s)
			require.Len(t, before, 3)
			require.NoError(t, s.Close())
			require.Equal(t, before, kept(t, disk.path))
		})
	}
}

// When the new journal may or may not be in its place, nothing can be written to either. The commit that was the
// occasion for it is in both.
func TestFailedReplacement(t *testing.T) {
	for _, step := range []string{"rename " + nextName, "sync folder", "append " + journalName} {
		t.Run(step, func(t *testing.T) {
			disk := newTestFolder(t.TempDir())
			s, err := disk.openStore()
			require.NoError(t, err)
			s.compactAt = 0
			disk.before = failAt(step)
			put(t, s, "a", "1")
			disk.before = func(string) error { return nil }
			err = s.Update(context.Background(), putting("b", "2"))
			require.ErrorIs(t, err, errDiskFull)
			require.ErrorContains(t, err, "put a new journal in its place")
			require.Equal(t, []string{"a=1"}, recordsIn(t, s))
			require.NoError(t, s.Close())
			require.Equal(t, []string{"a=1"}, kept(t, disk.path))
		})
	}
}

// What a crash left of a new journal is no part of the next one.
func TestLeftoverOfACompaction(t *testing.T) {
	disk := newTestFolder(t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(disk.path, nextName), []byte(strings.Repeat("left", 1000)), 0o600))
	s, err := disk.openStore()
	require.NoError(t, err)
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=1"}, kept(t, disk.path))
}

// Records of more than one part of a snapshot are all there.
func TestLargeSnapshot(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	sizes := []int{0, 1, chunk - 20, chunk, chunk + 1, 3 * chunk, 5, 2*chunk - 1}
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		for i, size := range sizes {
			if err := tx.Put(fmt.Sprint("key ", i), []byte(strings.Repeat(fmt.Sprint(i), size))); err != nil {
				return err
			}
		}
		return nil
	}))
	before := recordsIn(t, s)
	require.Len(t, before, len(sizes))
	for range 3 { // from a commit, and then from a snapshot
		require.NoError(t, s.Close())
		s, err = Open(dir)
		require.NoError(t, err)
		require.Equal(t, before, recordsIn(t, s))
	}
	require.NoError(t, s.Close())
}
