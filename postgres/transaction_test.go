package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/postgres"
)

// A page costs no more than the page, before the database has gathered statistics too: it goes by the order of the keys,
// and does not sort all of the range.
func TestAPageReadsNoMoreThanThePage(t *testing.T) {
	t.Parallel()
	pool := connect(t, address(t)+"&pool_max_conns=1")
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	execute(t, pool, "alter table alipayplus.records set (autovacuum_enabled = off)")
	const records = 10_000
	_, err := pool.CopyFrom(t.Context(), pgx.Identifier{"alipayplus", "records"}, []string{"key", "value"}, pgx.CopyFromSlice(records, func(i int) ([]any, error) {
		return []any{indexKey(i), recordKey(i)}, nil
	}))
	require.NoError(t, err)
	read := func() (entries int64) {
		execute(t, pool, "select pg_stat_force_next_flush()")
		require.NoError(t, pool.QueryRow(t.Context(), "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'records_pkey'").Scan(&entries))
		return entries
	}
	for _, descending := range []bool{false, true} {
		before := read()
		require.NoError(t, postgres.NewStore(pool).View(t.Context(), func(tx storage.Tx) error {
			met := 0
			for _, err := range tx.Scan(string(indexKey(0)), string(indexKey(records)), descending) {
				require.NoError(t, err)
				if met++; met == 20 {
					break
				}
			}
			return nil
		}))
		count := read() - before
		require.Positive(t, count)
		require.Less(t, count, int64(100))
	}
}
