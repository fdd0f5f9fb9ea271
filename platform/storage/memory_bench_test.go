package storage_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A page of 50 records costs the same however many there are.
func BenchmarkMemoryPage(b *testing.B) {
	for _, records := range []int{1_000, 100_000, 1_000_000} {
		s := numbered(b, records)
		from := number(records / 2)
		for _, page := range []struct {
			name       string
			from, to   string
			descending bool
		}{{"up", from, "", false}, {"down", "", from, true}} {
			b.Run(fmt.Sprintf("%d/%s", records, page.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, s.View(b.Context(), scan(page.from, page.to, page.descending, 50)))
				}
			})
		}
	}
}

// Updates of different keys do their work side by side: parallel is faster than serial by the number of processors.
func BenchmarkMemoryUpdate(b *testing.B) {
	var next, runs, calls atomic.Int64
	update := func(ctx context.Context, s storage.Store) error {
		key := number(int(next.Add(1) * 7919 % 100_000))
		calls.Add(1)
		return s.Update(ctx, func(tx storage.Tx) error {
			runs.Add(1)
			value, _, err := tx.Get(key)
			if err != nil {
				return err
			}
			return tx.Put(key, work(value))
		})
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(runs.Swap(0))/float64(calls.Swap(0)), "runs/op")
	}
	s := numbered(b, 100_000)
	b.Run("serial", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, update(b.Context(), s))
		}
		report(b)
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				require.NoError(b, update(b.Context(), s))
			}
		})
		report(b)
	})
}

// A commit costs the copying of one path.
func BenchmarkMemoryPut(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		b.Run(strconv.Itoa(records), func(b *testing.B) {
			s, value, i := numbered(b, records), make([]byte, 100), 0
			b.ReportAllocs()
			for b.Loop() {
				i += 7919
				require.NoError(b, s.Update(b.Context(), func(tx storage.Tx) error { return tx.Put(number(i%records), value) }))
			}
		})
	}
}

// What 10^6 records of 100 bytes take, whether they came in order or not.
func BenchmarkMemorySize(b *testing.B) {
	const records = 1_000_000
	for _, c := range []struct {
		name string
		step int
	}{{"in order", 1}, {"in any order", 7919}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				s := storage.NewMemory()
				fill(b, s, records, c.step)
				b.ReportMetric(float64(heap()-before)/records, "B/record")
				runtime.KeepAlive(s)
			}
		})
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func numbered(b *testing.B, records int) *storage.Memory {
	s := storage.NewMemory()
	fill(b, s, records, 1)
	return s
}

// fill puts records with numbers for keys, a thousand at a time, going round by step.
func fill(b *testing.B, s storage.Store, records, step int) {
	const batch = 1000
	value := make([]byte, 100)
	for first := 0; first < records; first += batch {
		require.NoError(b, s.Update(b.Context(), func(tx storage.Tx) error {
			for i := first; i < first+batch; i++ {
				if err := tx.Put(number(i*step%records), value); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func number(i int) string { return fmt.Sprintf("release/%08d", i) }

// work is about 20 µs of a processor's time, as decoding and checking a record takes.
func work(value []byte) []byte {
	sum := byte(0)
	for range 200 {
		for _, b := range value {
			sum = sum*31 + b
		}
	}
	return append([]byte{sum}, value[1:]...)
}
