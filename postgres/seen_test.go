package postgres_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/postgres"
)

func requireSeen(t testing.TB, s *postgres.SeenStore, id string, want bool) {
	t.Helper()
	seen, err := s.Seen(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, want, seen)
}

func requireAdded(t testing.TB, s *postgres.SeenStore, id string, until time.Time, want bool) {
	t.Helper()
	added, err := s.Add(t.Context(), id, until)
	require.NoError(t, err)
	require.Equal(t, want, added)
}

func TestASeenIDIsKeptUntilItsTime(t *testing.T) {
	t.Parallel()
	store := postgres.NewSeenStore(migrated(t))
	hour := time.Now().Add(time.Hour)
	requireSeen(t, store, "a", false)
	requireAdded(t, store, "a", hour, true)
	requireAdded(t, store, "a", hour, false)
	requireSeen(t, store, "a", true)
	requireSeen(t, store, "b", false)

	requireAdded(t, store, "b", time.Now().Add(-time.Hour), true)
	requireSeen(t, store, "b", false)
	requireAdded(t, store, "b", hour, true)
	requireSeen(t, store, "b", true)
}

func TestSeenIDsWhoseTimeHasComeAreRemoved(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	store := postgres.NewSeenStore(pool)
	execute(t, pool, "insert into alipayplus.seen select convert_to(n::text, 'UTF8'), '', now() - interval '1 hour' from generate_series(1, 100) n")
	for n := range 20 {
		requireAdded(t, store, "new "+strconv.Itoa(n), time.Now().Add(time.Hour), true)
	}
	var left int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from alipayplus.seen").Scan(&left))
	require.Equal(t, 20, left)
}

func TestOfManyWhoAddASeenIDOneDoes(t *testing.T) {
	t.Parallel()
	at := address(t)
	require.NoError(t, postgres.Migrate(t.Context(), connect(t, at)))
	var added atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		store := postgres.NewSeenStore(connect(t, at))
		all.Go(func() {
			for n := range 10 {
				one, err := store.Add(t.Context(), strconv.Itoa(n), time.Now().Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				if one {
					added.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(10), added.Load())
}
