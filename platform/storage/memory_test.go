package storage_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
)

func TestMemory(t *testing.T) {
	storagetest.TestStore(t, func() storage.Store { return storage.NewMemory() })
}

// An update runs again exactly when somebody committed in between what it read: a key, found or not, or a place in a
// range, as far as the loop came. It is not disturbed by anything else.
//
// While Memory tries optimistically, fn may call the store, against the rule for all stores. That puts the other commit
// where it matters, without goroutines.
func TestMemoryRunsAgainWhenWhatItReadHasChanged(t *testing.T) {
	for _, c := range []struct {
		name  string
		read  func(storage.Tx) error
		other func(storage.Tx) error
		runs  int
	}{
		{"key changed", get("d"), put("d"), 2},
		{"key deleted", get("d"), remove("d"), 2},
		{"missing key put", get("x"), put("x"), 2},
		{"another key changed", get("d"), put("c"), 1},
		{"nothing read", nothing, put("d"), 1},
		{"own key changed, not read", put("d"), put("d"), 1},
		{"own key read after writing", inOrder(put("d"), get("d")), put("d"), 1},
		{"own key read before writing", inOrder(get("d"), put("d")), put("d"), 2},
		{"other wrote nothing", get("d"), get("d"), 1},

		{"put in range", scan("b", "f", false, -1), put("cc"), 2},
		{"changed in range", scan("b", "f", false, -1), put("c"), 2},
		{"deleted in range", scan("b", "f", false, -1), remove("c"), 2},
		{"put at the lower end", scan("bb", "f", false, -1), put("bb"), 2},
		{"put just below the lower end", scan("bb", "f", false, -1), put("ba"), 1},
		{"put at the upper end", scan("b", "ff", false, -1), put("ff"), 1},
		{"put just below the upper end", scan("b", "ff", false, -1), put("fe"), 2},
		{"put into an empty range", scan("x", "y", false, -1), put("xx"), 2},
		{"put into an empty range, downwards", scan("x", "y", true, -1), put("xx"), 2},
		{"put beside an empty range", scan("x", "y", false, -1), put("y"), 1},
		{"put after all, no upper end", scan("b", "", false, -1), put("z"), 2},
		{"put after all, no upper end, downwards", scan("b", "", true, -1), put("z"), 2},

		{"stopped, put before", scan("b", "f", false, 2), put("bb"), 2},
		{"stopped, changed where it stopped", scan("b", "f", false, 2), put("c"), 2},
		{"stopped, put after", scan("b", "f", false, 2), put("c\x00"), 1},
		{"stopped, downwards, put above", scan("b", "f", true, 2), put("dd"), 2},
		{"stopped, downwards, put at the end", scan("b", "ff", true, 1), put("fa"), 2},
		{"stopped, downwards, changed where it stopped", scan("b", "f", true, 2), put("d"), 2},
		{"stopped, downwards, put below", scan("b", "f", true, 2), put("cc"), 1},
		{"pulled, put before", pull(t, "b", "f", 2), put("bb"), 2},
		{"pulled, put after", pull(t, "b", "f", 2), put("cc"), 1},
		{"sequence never ranged over", func(tx storage.Tx) error { tx.Scan("b", "f", false); return nil }, put("c"), 1},
		{"second range", inOrder(scan("a", "b", false, -1), scan("e", "f", true, -1)), put("ee"), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, s := t.Context(), filled(t, "a", "b", "c", "d", "e", "f")
			runs := 0
			require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
				runs++
				require.NoError(t, c.read(tx))
				if runs == 1 {
					require.NoError(t, s.Update(ctx, c.other))
				}
				return tx.Put("outcome", nil)
			}))
			require.Equal(t, c.runs, runs)
		})
	}
}

// Writes of others stay when a transaction that was not disturbed commits after them.
func TestMemoryKeepsBothWrites(t *testing.T) {
	ctx, s := t.Context(), filled(t, "a", "b", "c")
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		require.NoError(t, s.Update(ctx, inOrder(put("others"), remove("c"))))
		require.NoError(t, tx.Delete("a"))
		return tx.Put("own", nil)
	}))
	require.Equal(t, []string{"b", "others", "own"}, allKeys(t, s))
}

// What only reads needs no second run: it was true at one moment.
func TestMemoryReadOnlyUpdateIsNeverDisturbed(t *testing.T) {
	ctx, s := t.Context(), filled(t, "a")
	runs := 0
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		runs++
		require.NoError(t, get("a")(tx))
		return s.Update(ctx, put("a"))
	}))
	require.Equal(t, 1, runs)
}

// Two stores that share what they had show each other nothing of what comes.
func TestMemoryClone(t *testing.T) {
	ctx, s := t.Context(), filled(t, "a", "b")
	c := s.Clone()
	require.NoError(t, s.Update(ctx, inOrder(get("a"), put("c"), remove("a"))))
	require.NoError(t, c.Update(ctx, inOrder(get("a"), put("d"), remove("b"))))
	require.Equal(t, []string{"b", "c"}, allKeys(t, s))
	require.Equal(t, []string{"a", "d"}, allKeys(t, c))
	require.Empty(t, allKeys(t, storage.NewMemory().Clone()))
}

// The last run, under the lock, ends like any other.
func TestMemoryLastRun(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		name string
		last func(tx storage.Tx, cancel func()) error
		want error
	}{
		{"refuses", func(storage.Tx, func()) error { return refused }, refused},
		{"panics", func(storage.Tx, func()) error { panic("boom") }, nil},
		{"outlives its context", func(_ storage.Tx, cancel func()) error { cancel(); return nil }, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := filled(t, "a")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			runs := 0
			update := func() error {
				return s.Update(ctx, func(tx storage.Tx) error {
					runs++
					require.NoError(t, inOrder(get("a"), put("outcome"))(tx))
					if runs == 4 {
						return c.last(tx, cancel)
					}
					return s.Update(ctx, put("a"))
				})
			}
			if c.want == nil {
				require.PanicsWithValue(t, "boom", func() { _ = update() })
			} else {
				require.ErrorIs(t, update(), c.want)
			}
			require.Equal(t, 4, runs)
			require.Equal(t, []string{"a"}, allKeys(t, s))
			require.NoError(t, s.Update(t.Context(), put("free")), "the lock is free")
		})
	}
}

// Between two runs the context is looked at.
func TestMemoryStopsRunningWhenTheContextEnds(t *testing.T) {
	s := filled(t, "a")
	for _, endIn := range []int{1, 3} {
		t.Run(fmt.Sprint("in run ", endIn), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			runs := 0
			err := s.Update(ctx, func(tx storage.Tx) error {
				runs++
				require.NoError(t, get("a")(tx))
				if err := s.Update(t.Context(), put("a")); err != nil {
					return err
				}
				if runs == endIn {
					cancel()
				}
				return tx.Put("outcome", nil)
			})
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, "storage: update: ")
			require.Equal(t, endIn, runs)
			require.Equal(t, []string{"a"}, allKeys(t, s))
		})
	}
}

// A transaction that has lasted longer than the store remembers runs again, to be safe.
func TestMemoryRunsAgainWhenItCannotTell(t *testing.T) {
	for _, c := range []struct{ others, runs int }{{4096, 1}, {4097, 2}} {
		t.Run(fmt.Sprint(c.others, " keys written meanwhile"), func(t *testing.T) {
			ctx, s := t.Context(), storage.NewMemory()
			runs := 0
			require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
				if runs++; runs == 1 {
					require.NoError(t, get("a")(tx))
					require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
						for i := range c.others {
							if err := tx.Put("b"+strconv.Itoa(i), nil); err != nil {
								return err
							}
						}
						return nil
					}))
				}
				return tx.Put("outcome", nil)
			}))
			require.Equal(t, c.runs, runs)
		})
	}
}

// The loop does not meet what is written during it, in a fresh transaction as in one that has written already.
func TestMemoryScanDoesNotMeetWhatTheLoopWrites(t *testing.T) {
	for _, first := range []func(storage.Tx) error{nothing, put("a")} {
		for _, descending := range []bool{false, true} {
			s := filled(t, "b", "d")
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

// A sequence that is pulled on after the end of its transaction says so.
func TestMemoryScanEndsWithItsTransaction(t *testing.T) {
	s := filled(t, "a", "b")
	var next func() (storage.Entry, error, bool)
	require.NoError(t, s.View(t.Context(), func(tx storage.Tx) error {
		pulled, stop := iter.Pull2(tx.Scan("", "", false))
		t.Cleanup(stop)
		next = pulled
		e, err, _ := next()
		require.Equal(t, "a", e.Key)
		return err
	}))
	_, err, more := next()
	require.True(t, more)
	require.ErrorIs(t, err, storage.ErrTxDone)
	_, _, more = next()
	require.False(t, more)
}

// Money moves between accounts while others add it up: the sum is always the same.
func TestMemoryUnderStress(t *testing.T) {
	const accounts, each, movers, moves = 40, 100, 6, 300
	ctx, s := t.Context(), storage.NewMemory()
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		for i := range accounts {
			if err := tx.Put(fmt.Sprintf("account/%02d", i), []byte(strconv.Itoa(each))); err != nil {
				return err
			}
		}
		return nil
	}))

	errs := make(chan error, 2*movers)
	var all sync.WaitGroup
	for who := range movers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(who), 0))
			for range moves {
				if err := s.Update(ctx, move(random.IntN(accounts), random.IntN(accounts), random.IntN(10))); err != nil {
					errs <- err
					return
				}
			}
		})
		all.Go(func() {
			look := []func(context.Context, func(storage.Tx) error) error{s.View, s.Update}[who%2]
			for range moves / 10 {
				if err := look(ctx, requireSum(accounts*each)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, s.View(ctx, requireSum(accounts*each)))
	require.Len(t, allKeys(t, s), accounts+movers*moves, "accounts and one receipt for each move")
}

// move takes an account away, puts it back with less, gives to another one and adds a numbered receipt.
func move(from, to, amount int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		for account, change := range map[int]int{from: -amount, to: amount} {
			if from == to {
				change = 0
			}
			key := fmt.Sprintf("account/%02d", account)
			value, _, err := tx.Get(key)
			if err != nil {
				return err
			}
			balance, err := strconv.Atoi(string(value))
			if err != nil {
				return err
			}
			if err := errors.Join(tx.Delete(key), tx.Put(key, []byte(strconv.Itoa(balance+change)))); err != nil {
				return err
			}
		}
		number := 0
		for last, err := range tx.Scan("receipt/", storage.PrefixEnd("receipt/"), true) {
			if err != nil {
				return err
			}
			if number, err = strconv.Atoi(last.Key[len("receipt/"):]); err != nil {
				return err
			}
			break
		}
		return tx.Put(fmt.Sprintf("receipt/%06d", number+1), nil)
	}
}

func requireSum(want int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		sum := 0
		for e, err := range tx.Scan("account/", storage.PrefixEnd("account/"), false) {
			if err != nil {
				return err
			}
			balance, err := strconv.Atoi(string(e.Value))
			if err != nil {
				return err
			}
			sum += balance
		}
		if sum != want {
			return fmt.Errorf("the accounts hold %d, want %d", sum, want)
		}
		return nil
	}
}

// filled returns a store with these keys.
func filled(t *testing.T, keys ...string) *storage.Memory {
	s := storage.NewMemory()
	for _, key := range keys {
		require.NoError(t, s.Update(t.Context(), put(key)))
	}
	return s
}

func allKeys(t *testing.T, s storage.Store) (keys []string) {
	require.NoError(t, s.View(context.WithoutCancel(t.Context()), func(tx storage.Tx) error {
		for e, err := range tx.Scan("", "", false) {
			require.NoError(t, err)
			keys = append(keys, e.Key)
		}
		return nil
	}))
	return keys
}

func nothing(storage.Tx) error { return nil }

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

// scan reads so many records, or all.
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

// pull reads so many records and leaves the sequence open until the end of the test.
func pull(t *testing.T, from, to string, count int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		next, stop := iter.Pull2(tx.Scan(from, to, false))
		t.Cleanup(stop)
		for range count {
			if _, err, _ := next(); err != nil {
				return err
			}
		}
		return nil
	}
}
