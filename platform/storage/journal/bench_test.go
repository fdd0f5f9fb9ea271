package journal

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A commit costs one sync of the disk, and many at a time share it.
func BenchmarkCommit(b *testing.B) {
	value := strings.Repeat("x", 300)
	var n atomic.Int64
	commit := func(b *testing.B, s *Store) {
		if err := s.Update(b.Context(), putting(fmt.Sprint("release/", n.Add(1)%10_000), value)); err != nil {
			b.Error(err)
		}
	}
	b.Run("1 writer", func(b *testing.B) {
		s := opened(b, b.TempDir())
		b.ReportAllocs()
		for b.Loop() {
			commit(b, s)
		}
	})
	for _, writers := range []int{8, 64} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			s := opened(b, b.TempDir())
			b.SetParallelism(writers / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					commit(b, s)
				}
			})
		})
	}
}

// Opening reads everything and writes it once.
func BenchmarkOpen(b *testing.B) {
	for _, records := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(records, " records"), func(b *testing.B) {
			dir, value := b.TempDir(), strings.Repeat("x", 300)
			s, err := Open(dir)
			require.NoError(b, err)
			require.NoError(b, s.Update(b.Context(), func(tx storage.Tx) error {
				for i := range records {
					if err := tx.Put(fmt.Sprint("release/", i), []byte(value)); err != nil {
						return err
					}
				}
				return nil
			}))
			require.NoError(b, s.Close())
			for b.Loop() {
				s, err := Open(dir)
				require.NoError(b, err)
				require.NoError(b, s.Close())
			}
		})
	}
}
