package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/postgres"
)

func TestMigrateMakesTheSchemaOnce(t *testing.T) {
	t.Parallel()
	at := address(t)
	var processes sync.WaitGroup
	for range 4 {
		pool := connect(t, at)
		processes.Go(func() {
			if err := postgres.Migrate(t.Context(), pool); err != nil {
				t.Error(err)
			}
		})
	}
	processes.Wait()
	pool := connect(t, at)
	execute(t, pool, "insert into alipayplus.records values ('a', '1')")
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	require.NoError(t, postgres.NewStore(pool).View(t.Context(), func(tx storage.Tx) error {
		value, _, err := tx.Get("a")
		require.Equal(t, "1", string(value), "what is there stays")
		return err
	}))
}

func TestMigrateNeedsNoRightWhereNothingIsToBeDone(t *testing.T) {
	t.Parallel()
	at := address(t)
	pool := connect(t, at)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	execute(t, pool, "create role gateway login")
	execute(t, pool, "grant usage on schema alipayplus to gateway")
	execute(t, pool, "grant select, insert, update, delete on all tables in schema alipayplus to gateway")

	limited := connect(t, strings.Replace(at, "user=postgres", "user=gateway", 1))
	require.NoError(t, postgres.Migrate(t.Context(), limited))
	require.NoError(t, postgres.NewStore(limited).Update(t.Context(), func(tx storage.Tx) error { return tx.Put("a", nil) }))
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	execute(t, pool, "update alipayplus.schema_version set version = 99")
	err := postgres.Migrate(t.Context(), pool)
	require.ErrorIs(t, err, postgres.ErrNewerSchema)
	require.EqualError(t, err, "postgres: migrate: a newer version made the schema: update this program (it is version 99, this one knows 1)")
}

func TestWithoutTheSchemaTheErrorSaysHowToCreateIt(t *testing.T) {
	t.Parallel()
	pool := connect(t, address(t))
	err := postgres.NewStore(pool).View(t.Context(), func(tx storage.Tx) error {
		_, _, err := tx.Get("a")
		return err
	})
	require.ErrorContains(t, err, "create it by postgres.Migrate")
}
