//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package locks

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where an open file can be deleted, its holder notices. (Windows lets nobody do that.)
func TestALostLockIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(t *testing.T, folder string)
		says string
		is   error
	}{
		"file deleted":    {func(t *testing.T, folder string) { require.NoError(t, os.Remove(filepath.Join(folder, "lock"))) }, "deleted or moved", fs.ErrNotExist},
		"folder deleted":  {func(t *testing.T, folder string) { require.NoError(t, os.RemoveAll(folder)) }, "deleted or moved", fs.ErrNotExist},
		"folder moved":    {func(t *testing.T, folder string) { require.NoError(t, os.Rename(folder, folder+"2")) }, "deleted or moved", fs.ErrNotExist},
		"folder replaced": {replace, "another file has taken the place of ", nil},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "folder")
			require.NoError(t, os.Mkdir(folder, 0o700))
			path := filepath.Join(folder, "lock")
			l, err := AcquireFile(path)
			require.NoError(t, err)
			c.lose(t, folder)
			err = l.Held()
			require.ErrorContains(t, err, "the lock is lost")
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.NoError(t, l.Release())
		})
	}
}

// replace puts a folder with a lock of its own in the place of another, which somebody else holds then.
func replace(t *testing.T, folder string) {
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.Mkdir(folder, 0o700))
	l, err := AcquireFile(filepath.Join(folder, "lock"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Release()) })
}

func TestNobodyElseCanTakeTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := AcquireFile(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Release()) }()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}
