package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/postgres"
)

// disconnect ends all other sessions of the database, as a restart of the server does.
func disconnect(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	require.NoError(t, err)
}

func TestALostConnectionIsNotTheCallersBusiness(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	store := postgres.NewStore(pool)
	for _, transaction := range []func(context.Context, func(storage.Tx) error) error{store.View, store.Update} {
		runs := 0
		require.NoError(t, transaction(t.Context(), func(tx storage.Tx) error {
			if _, _, err := tx.Get("a"); err != nil {
				return err
			}
			if runs++; runs == 1 {
				disconnect(t, pool)
			}
			_, _, err := tx.Get("b")
			return err
		}))
		require.Equal(t, 2, runs)
	}
}

// A function that hides the failure of a read behind an error of its own is run again: it was misled.
func TestAFunctionThatWasMisledIsRunAgain(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	runs := 0
	require.NoError(t, postgres.NewStore(pool).Update(t.Context(), func(tx storage.Tx) error {
		if runs++; runs == 1 {
			disconnect(t, pool)
		}
		if _, _, err := tx.Get("a"); err != nil {
			return errors.New("there is no a")
		}
		return nil
	}))
	require.Equal(t, 2, runs)
}

func TestWhileTheServerIsAwayCallsFailAndAfterwardsTheySucceed(t *testing.T) {
	t.Parallel()
	server, at := ownServer(t)
	pool := connect(t, at)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	store := postgres.NewStore(pool)
	var count atomic.Int64
	put := func(tx storage.Tx) error {
		count.Add(1)
		return tx.Put("a", []byte("1"))
	}
	require.NoError(t, store.Update(t.Context(), put))

	require.NoError(t, server.Stop())
	err := store.Update(t.Context(), put)
	require.ErrorContains(t, err, "postgres: update: ")
	require.Equal(t, int64(1), count.Load(), "nothing to run it in")

	require.NoError(t, server.Start(t.Context()))
	require.NoError(t, store.Update(t.Context(), put))
	require.Equal(t, int64(2), count.Load())
}
