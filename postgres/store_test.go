package postgres_test

import (
	"testing"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
	"github.com/alipayplus-go/alipayplus/postgres"
)

func TestStoreKeepsThePromises(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	storagetest.TestStore(t, func() storage.Store {
		execute(t, pool, "truncate alipayplus.records")
		return postgres.NewStore(pool)
	})
}
