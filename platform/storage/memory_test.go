package storage_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
)

func TestMemory(t *testing.T) {
	storagetest.TestStore(t, func() storage.Store { return storage.NewMemory() })
}

// Updates run one at a time, so none runs twice, however many there are.
func TestMemoryRunsAnUpdateOnce(t *testing.T) {
	s := storage.NewMemory()
	runs := 0
	done := make(chan error)
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		require.NoError(t, get("a")(tx))
		go func() { done <- s.Update(t.Context(), put("a")) }()
		runtime.Gosched()
		runs++
		return tx.Put("b", nil)
	}))
	require.NoError(t, <-done)
	require.Equal(t, 1, runs)
	require.Equal(t, []string{"a", "b"}, allKeys(t, s))
}

// An Update that waits for another one stops waiting when its context ends.
func TestMemoryWaitEndsWithTheContext(t *testing.T) {
	s := storage.NewMemory()
	require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		waited := make(chan error)
		go func() { waited <- s.Update(ctx, put("b")) }()
		runtime.Gosched()
		cancel()
		require.ErrorIs(t, <-waited, context.Canceled)
		return tx.Put("a", nil)
	}))
	require.Equal(t, []string{"a"}, allKeys(t, s))
}

// A View goes on beside an Update, and sees what was there when it began, however many commits come meanwhile.
func TestMemoryViewsStayWhatTheyWere(t *testing.T) {
	s := storage.NewMemory()
	const commits = 50
	var views [commits]storage.Tx
	for n := range commits {
		next, stop := iter.Pull(func(yield func(storage.Tx) bool) {
			_ = s.View(context.Background(), func(tx storage.Tx) error {
				yield(tx)
				return nil
			})
		})
		defer stop()
		views[n], _ = next()
		require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
			return errors.Join(tx.Put("n", []byte(strconv.Itoa(n))), tx.Put(fmt.Sprintf("key %03d", n), nil), tx.Delete(fmt.Sprintf("key %03d", n-10)))
		}))
	}
	for n, tx := range views {
		value, found, err := tx.Get("n")
		require.NoError(t, err)
		require.Equal(t, n > 0, found)
		if found {
			require.Equal(t, strconv.Itoa(n-1), string(value))
		}
		keys := 0
		for e, err := range tx.Scan("key ", storage.PrefixEnd("key "), false) {
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("key %03d", max(0, n-10)+keys), e.Key)
			keys++
		}
		require.Equal(t, min(n, 10), keys)
	}
}

// The loop does not meet what is written during it, in a fresh transaction as in one that has written already.
func TestMemoryScanDoesNotMeetWhatTheLoopWrites(t *testing.T) {
	for _, first := range []func(storage.Tx) error{func(storage.Tx) error { return nil }, put("a")} {
		for _, descending := range []bool{false, true} {
			s := storage.NewMemory()
			require.NoError(t, s.Update(t.Context(), inOrder(put("b"), put("d"))))
			require.NoError(t, s.Update(t.Context(), func(tx storage.Tx) error {
				require.NoError(t, first(tx))
				var met []string
				for e, err := range tx.Scan("b", "", descending) {
					require.NoError(t, err)
					met = append(met, e.Key)
					require.NoError(t, inOrder(put("c"), put("e"), remove("b"), remove("d"))(tx))
				}
				require.ElementsMatch(t, []string{"b", "d"}, met)
				return nil
			}))
		}
	}
}

// What a commit costs, alone and beside others.
func BenchmarkMemoryUpdate(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		s, value, i := numbered(b, records), make([]byte, 100), 0
		b.Run(fmt.Sprint(records, " records"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i += 7919
				require.NoError(b, s.Update(b.Context(), func(tx storage.Tx) error { return tx.Put(number(i%records), value) }))
			}
		})
	}
}

// A page of 50 records costs the same however many there are.
func BenchmarkMemoryPage(b *testing.B) {
	for _, records := range []int{1_000, 1_000_000} {
		s := numbered(b, records)
		middle := number(records / 2)
		for _, page := range []struct {
			name       string
			from, to   string
			descending bool
		}{{"up", middle, "", false}, {"down", "", middle, true}} {
			b.Run(fmt.Sprintf("%d records/%s", records, page.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, s.View(b.Context(), scan(page.from, page.to, page.descending, 50)))
				}
			})
		}
	}
}

// numbered returns a store with so many records of 100 bytes.
func numbered(b *testing.B, records int) *storage.Memory {
	const batch = 1000
	s, value := storage.NewMemory(), make([]byte, 100)
	for first := 0; first < records; first += batch {
		require.NoError(b, s.Update(b.Context(), func(tx storage.Tx) error {
			for i := first; i < first+batch; i++ {
				if err := tx.Put(number(i*7919%records), value); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return s
}

func number(i int) string { return fmt.Sprintf("release/%08d", i) }

func allKeys(t *testing.T, s storage.Store) (keys []string) {
	require.NoError(t, s.View(t.Context(), func(tx storage.Tx) error {
		for e, err := range tx.Scan("", "", false) {
			require.NoError(t, err)
			keys = append(keys, e.Key)
		}
		return nil
	}))
	return keys
}

func get(key string) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		_, _, err := tx.Get(key)
		return err
	}
}

func put(key string) func(storage.Tx) error {
	return func(tx storage.Tx) error { return tx.Put(key, []byte("new")) }
}

func remove(key string) func(storage.Tx) error {
	return func(tx storage.Tx) error { return tx.Delete(key) }
}

func inOrder(steps ...func(storage.Tx) error) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		for _, step := range steps {
			if err := step(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// scan reads so many records.
func scan(from, to string, descending bool, count int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		for _, err := range tx.Scan(from, to, descending) {
			if err != nil {
				return err
			}
			if count--; count == 0 {
				break
			}
		}
		return nil
	}
}
