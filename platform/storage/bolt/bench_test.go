package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A commit costs two syncs of the disk, and many at a time share them. The last one is bbolt by itself.
func BenchmarkCommit(b *testing.B) {
	value := strings.Repeat("x", 300)
	var n atomic.Int64
	key := func() string { return fmt.Sprint("release/", n.Add(1)%10_000) }
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(writers, " writers"), func(b *testing.B) {
			s := opened(b, b.TempDir())
			b.SetParallelism((writers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := s.Update(b.Context(), putting(key(), value)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
	b.Run("one by one", func(b *testing.B) {
		s := opened(b, b.TempDir())
		for b.Loop() {
			require.NoError(b, s.db.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket(bucketName()).Put([]byte(key()), []byte(value))
			}))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	})
}

// BenchmarkMillion fills a file with 10^6 records of 1.9 kB, each with three keys that index it; the last 20,000 by 64
// writers, one record at a time, while others read. Then it opens the file and reads pages. Run it with -benchtime 1x.
// The metric sync is how long the disk takes for one write of another file meanwhile: no update can be faster than that.
func BenchmarkMillion(b *testing.B) {
	for _, records := range []int{30_000, 1_000_000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			const atOnce, last = 10_000, 20_000
			dir := b.TempDir()
			s, err := Open(dir)
			require.NoError(b, err)
			for first := 0; first < records-last; first += atOnce {
				require.NoError(b, s.Update(b.Context(), putReleases(first, first+atOnce)))
			}
			updates, syncs := updateWhileReading(b, s, records-last, records)
			reportQuantiles(b, "update", updates)
			reportQuantiles(b, "sync", syncs)
			info, err := os.Stat(filepath.Join(dir, fileName))
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/float64(records), "file-B/record")
			b.ReportMetric(anonymousMiB(b), "anonymous-MiB")
			require.NoError(b, s.Close())

			began := time.Now()
			s, err = Open(dir)
			b.ReportMetric(time.Since(began).Seconds()*1e3, "open-ms")
			require.NoError(b, err)
			reportQuantiles(b, "page", readPages(b, s, records))
			b.ReportMetric(anonymousMiB(b), "anonymous-MiB-opened")
			require.NoError(b, s.Close())
		})
	}
}

// putReleases puts records with random keys, and indexes in the order of time.
func putReleases(first, end int) func(storage.Tx) error {
	value := []byte(strings.Repeat("release ", 1900/8))
	return func(tx storage.Tx) error {
		for i := first; i < end; i++ {
			key := fmt.Sprintf("release/w/%012d", i*7919%1_000_003)
			for _, index := range []string{"all", "program=1", "status=LIVE"} {
				if err := tx.Put(fmt.Sprintf("i/%s/%012d", index, i), []byte(key)); err != nil {
					return err
				}
			}
			if err := tx.Put(key, value); err != nil {
				return err
			}
		}
		return nil
	}
}

// updateWhileReading returns how long each update took, and each sync of another file.
func updateWhileReading(b *testing.B, s *Store, first, end int) (updates, syncs []time.Duration) {
	const writers = 64
	var beside, all sync.WaitGroup
	done := make(chan struct{})
	beside.Go(func() {
		for running(done) {
			_ = readPage(s, "i/all/")
		}
	})
	beside.Go(func() {
		file, err := os.Create(filepath.Join(b.TempDir(), "other"))
		for err == nil && running(done) {
			began := time.Now()
			if _, err = file.Write(make([]byte, 4096)); err == nil {
				err = file.Sync()
			}
			syncs = append(syncs, time.Since(began))
		}
	})
	var next atomic.Int64
	next.Store(int64(first))
	durations := make([]time.Duration, end)
	for range writers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < end; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := s.Update(context.Background(), putReleases(i, i+1)); err != nil {
					b.Error(err)
				}
				durations[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	close(done)
	beside.Wait()
	return durations[first:], syncs
}

// running waits a moment, unless it is done.
func running(done chan struct{}) bool {
	select {
	case <-done:
		return false
	case <-time.After(5 * time.Millisecond):
		return true
	}
}

// readPages reads pages at places all over the list.
func readPages(b *testing.B, s *Store, records int) (durations []time.Duration) {
	for n := range 5000 {
		began := time.Now()
		require.NoError(b, readPage(s, fmt.Sprintf("i/all/%012d", n*104729%records)))
		durations = append(durations, time.Since(began))
	}
	return durations
}

// readPage reads 20 records as a list of the platform does.
func readPage(s *Store, from string) error {
	return s.View(context.Background(), func(tx storage.Tx) error {
		left := 20
		for e, err := range tx.Scan(from, "i/all0", false) {
			if err != nil {
				return err
			}
			if _, _, err := tx.Get(string(e.Value)); err != nil {
				return err
			}
			if left--; left == 0 {
				break
			}
		}
		return nil
	})
}

func reportQuantiles(b *testing.B, what string, durations []time.Duration) {
	slices.Sort(durations)
	at := func(q float64) float64 { return durations[int(q*float64(len(durations)-1))].Seconds() * 1e3 }
	b.ReportMetric(at(0.5), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
	b.ReportMetric(at(1), what+"-max-ms")
}

// anonymousMiB is what the process takes without the pages of files, where the operating system tells.
func anonymousMiB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	var kB float64
	_, err = fmt.Sscan(rest, &kB)
	require.NoError(b, err)
	return kB / 1024
}
