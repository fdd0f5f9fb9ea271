package atomicfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/atomicfile"
)

func TestAFileIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, content := range []string{"first and long", "second", ""} {
		require.NoError(t, atomicfile.Write(path, []byte(content)))
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

	err := atomicfile.Write(path, []byte("new"))

	require.ErrorContains(t, err, path)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestWhatAProcessLeftHalfWrittenIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(path+".new", []byte("half of what a killed process wrote, longer than the new"), 0o600))
	require.NoError(t, atomicfile.Write(path, []byte("whole")))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "whole", string(got))
}

func TestAMissingFolderIsAnError(t *testing.T) {
	require.ErrorIs(t, atomicfile.Write(filepath.Join(t.TempDir(), "no", "state"), nil), os.ErrNotExist)
	require.ErrorIs(t, atomicfile.SyncFolder(filepath.Join(t.TempDir(), "no")), os.ErrNotExist)
}
