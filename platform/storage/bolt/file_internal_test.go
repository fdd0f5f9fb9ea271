package bolt

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestAFileThatCameMeanwhileStays(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error { return tx.Put("a", []byte("1")) }))
	// Another process had found no file before that, and continues here.
	require.NoError(t, create(filepath.Join(dir, fileName)))
	require.NoError(t, s.Close())
	s, err = Open(dir)
	require.NoError(t, err)
	require.NoError(t, s.View(t.Context(), func(tx storage.Tx) error {
		_, found, err := tx.Get("a")
		require.True(t, found, "the update that was acknowledged is lost")
		return err
	}))
}
