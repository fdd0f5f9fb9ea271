//go:build !windows

package alipaycn

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireOwnerOnly requires that nobody but its owner can use a file.
func requireOwnerOnly(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
}

func TestTokenFileThatOthersCanUseIsRefused(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o620, 0o604, 0o602, 0o610, 0o601, 0o666} {
		path := tokenPath(t)
		store := NewFileTokenStore(path)
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000202")))
		require.NoError(t, os.Chmod(path, mode))
		requireRefused(t, path, "chmod 600")
	}
}
