package locks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashingDisk lets so many steps succeed. The next one happens in half, if at all, and nothing happens after it, as when
// the process is killed.
type crashingDisk struct {
	system

	left   int
	within bool // the fatal step takes place, but the process does not learn it
}

var errCrashed = errors.New("crashed")

func (d *crashingDisk) step(whole, half func() error) error {
	d.left--
	switch {
	case d.left >= 0:
		return whole()
	case d.left == -1 && d.within:
		_ = half()
	}
	return errCrashed
}

func (d *crashingDisk) write(path string, content []byte) error {
	return d.step(
		func() error { return d.system.write(path, content) },
		func() error { return d.system.write(path, content[:len(content)/2]) },
	)
}

func (d *crashingDisk) rename(from, to string) error {
	rename := func() error { return d.system.rename(from, to) }
	return d.step(rename, rename)
}

func (d *crashingDisk) syncFolder(path string) error {
	syncFolder := func() error { return d.system.syncFolder(path) }
	return d.step(syncFolder, syncFolder)
}

func (d *crashingDisk) remove(path string) error {
	remove := func() error { return d.system.remove(path) }
	return d.step(remove, remove)
}

func TestACrashAtAnyStepLeavesTheFormerContentOrTheNew(t *testing.T) {
	const steps, beforeRename = 4, 2 // remove, write, rename, sync
	for left := range steps {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d steps, within %t", left, within), func(t *testing.T) {
				// Given a file
				path := filepath.Join(t.TempDir(), "state")
				require.NoError(t, WriteFile(path, []byte("former")))

				// When a write crashes
				require.ErrorIs(t, writeOn(&crashingDisk{left: left, within: within}, path, []byte("new one")), errCrashed)

				// Then the file is as before, or as it should become
				want := "former"
				if left > beforeRename || left == beforeRename && within {
					want = "new one"
				}
				requireContent(t, path, want)

				// And the next process goes on, with nothing left lying about
				require.NoError(t, WriteFile(path, []byte("next")))
				requireContent(t, path, "next")
				requireAlone(t, path)
			})
		}
	}
}

func TestEveryStepOfAWriteIsTaken(t *testing.T) {
	disk := &crashingDisk{left: 4}
	require.NoError(t, writeOn(disk, filepath.Join(t.TempDir(), "state"), nil))
	require.Zero(t, disk.left)
}

// failingDisk fails in one step, and goes on.
type failingDisk struct {
	system

	in string
}

var errDiskFull = errors.New("disk full")

func (d failingDisk) write(path string, content []byte) error {
	if err := d.system.write(path, content); err != nil || d.in != "write" {
		return err
	}
	return errDiskFull
}

func (d failingDisk) rename(from, to string) error {
	if d.in == "rename" {
		return errDiskFull
	}
	return d.system.rename(from, to)
}

func TestAFailedWriteLeavesTheFormerFileAlone(t *testing.T) {
	for _, step := range []string{"write", "rename"} {
		path := filepath.Join(t.TempDir(), "state")
		require.NoError(t, WriteFile(path, []byte("former")))
		err := writeOn(failingDisk{in: step}, path, []byte("new"))
		require.ErrorIs(t, err, errDiskFull)
		require.ErrorContains(t, err, path)
		requireContent(t, path, "former")
		requireAlone(t, path)
	}
}

func requireContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func requireAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestAFileIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, content := range []string{"first and long", "second", ""} {
		require.NoError(t, WriteFile(path, []byte(content)))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(got))
	}
	if runtime.GOOS == "windows" {
		return // it keeps no such permissions
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAFailureLeavesTheFormerContentAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state")
	require.NoError(t, os.Mkdir(path, 0o700), "a folder is in the way")
	require.NoError(t, os.WriteFile(filepath.Join(path, "inside"), nil, 0o600))

	err := WriteFile(path, []byte("new"))

	require.ErrorContains(t, err, path)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestWhatAProcessLeftHalfWrittenIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(path+".new", []byte("half of what a killed process wrote, longer than the new"), 0o600))
	require.NoError(t, WriteFile(path, []byte("whole")))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "whole", string(got))
}

func TestAMissingFolderIsAnError(t *testing.T) {
	require.ErrorIs(t, WriteFile(filepath.Join(t.TempDir(), "no", "state"), nil), os.ErrNotExist)
	require.ErrorIs(t, SyncFolder(filepath.Join(t.TempDir(), "no")), os.ErrNotExist)
}
