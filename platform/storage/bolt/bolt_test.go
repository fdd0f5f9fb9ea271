package bolt

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.TestStore(t, func() storage.Store { return opened(t, t.TempDir()) })
}

// opened opens a store until the end of the test.
func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func putting(key, value string) func(storage.Tx) error {
	return func(tx storage.Tx) error { return tx.Put(key, []byte(value)) }
}
