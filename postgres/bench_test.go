package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/postgres"
)

// BenchmarkPage reads a page of 20 records by an index, as lists of the platform do: it costs the same however many records
// there are, at the beginning, in the middle and from the end.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		pool := migrated(b)
		value := []byte(`{"title":"` + strings.Repeat("x", 700) + `"}`)
		_, err := pool.CopyFrom(b.Context(), pgx.Identifier{"alipayplus", "records"}, []string{"key", "value"}, pgx.CopyFromSlice(2*n, func(i int) ([]any, error) {
			if i < n {
				return []any{indexKey(i), recordKey(i)}, nil
			}
			return []any{recordKey(i - n), value}, nil
		}))
		require.NoError(b, err)
		store := postgres.NewStore(pool)
		for _, bc := range []struct {
			name       string
			from       int
			descending bool
		}{{"first", 0, false}, {"middle", n / 2, false}, {"last", 0, true}} {
			b.Run(fmt.Sprintf("%s/%d", bc.name, n), func(b *testing.B) {
				var times []time.Duration
				for b.Loop() {
					began := time.Now()
					require.NoError(b, store.View(b.Context(), func(tx storage.Tx) error { return page(tx, bc.from, n, bc.descending) }))
					times = append(times, time.Since(began))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
			})
		}
	}
}

func indexKey(i int) []byte  { return fmt.Appendf(nil, "i/request/ws/all/%020d", i) }
func recordKey(i int) []byte { return fmt.Appendf(nil, "request/ws/%012d", i) }

// page reads 20 records.
func page(tx storage.Tx, from, to int, descending bool) error {
	left := 20
	for entry, err := range tx.Scan(string(indexKey(from)), string(indexKey(to)), descending) {
		if err != nil {
			return err
		}
		if _, found, err := tx.Get(string(entry.Value)); err != nil || !found {
			return fmt.Errorf("record %s: found %t: %w", entry.Value, found, err)
		}
		if left--; left == 0 {
			break
		}
	}
	return nil
}
