package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/postgres"
	"github.com/alipayplus-go/alipayplus/postgres/postgrestest"
)

// server starts the server that these tests share. It ends with the process.
var server = sync.OnceValues(func() (*postgrestest.Server, error) { return postgrestest.Start(context.Background()) })

// address creates an empty database and returns where it is.
func address(t testing.TB) string {
	t.Helper()
	s, err := server()
	if errors.Is(err, postgrestest.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	at, err := s.CreateDatabase(t.Context())
	require.NoError(t, err)
	return at
}

// ownServer starts a server that the test can stop, with an empty database.
func ownServer(t testing.TB) (s *postgrestest.Server, address string) {
	t.Helper()
	s, err := postgrestest.Start(t.Context())
	if errors.Is(err, postgrestest.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	address, err = s.CreateDatabase(t.Context())
	require.NoError(t, err)
	return s, address
}

// connect opens a pool, as another process has it.
func connect(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// migrated opens a pool on a new database with the schema.
func migrated(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool := connect(t, address(t))
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	return pool
}

// execute runs statements by which a test changes what time or somebody else would.
func execute(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}
