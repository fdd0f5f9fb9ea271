package storagetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// scanCases are about reading in order.
var scanCases = []testCase{
	{"keys are ordered by their bytes", func(ctx context.Context, t require.TestingT, s storage.Store) {
		ordered := []string{
			"\x00", "\x00\x00", " ", "A", "B", "a", "a\x00", "a-b", "a/", "a/b", "a0", "ab", "b", "z", "~", "ä", "ö", "支付宝", "\xff", "\xff\xff",
		}
		put(ctx, t, s, named("b", "支付宝", "a/b", "\xff\xff", "A", "ö", "a0", "\x00", "~", "ab", "a")...)
		put(ctx, t, s, named("a/", "\xff", "B", "a-b", "\x00\x00", "z", " ", "ä", "a\x00")...)
		requireScan(ctx, t, s, "", "", ordered)
	}},
	{"a range has its lower end and not its upper one", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, named("a", "b", "ba", "c", "d")...)
		for _, c := range []struct {
			from, to string
			want     []string
		}{
			{"b", "d", []string{"b", "ba", "c"}},
			{"b", "ba", []string{"b"}},
			{"aa", "bb", []string{"b", "ba"}},
			{"", "b", []string{"a"}},
			{"c", "", []string{"c", "d"}},
			{"c", "z", []string{"c", "d"}},
			{"", "", []string{"a", "b", "ba", "c", "d"}},
			{"bb", "c", nil},
			{"b", "b", nil},
			{"d", "b", nil},
			{"e", "", nil},
		} {
			requireScan(ctx, t, s, c.from, c.to, c.want)
		}
	}},
	{"an empty store has nothing to scan", func(ctx context.Context, t require.TestingT, s storage.Store) {
		requireScan(ctx, t, s, "", "", nil)
	}},
	{"a loop may stop at any record", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, named("a", "b", "c", "d")...)
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
			require.Equal(t, []string{"a", "b"}, firstKeys(t, tx, 2, false))
			require.Equal(t, []string{"d", "c"}, firstKeys(t, tx, 2, true))
			return nil
		}))
	}},
	{"a sequence starts anew each time", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, named("a", "b")...)
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
			scan := tx.Scan("", "", false)
			for range 2 {
				got, err := collect(scan)
				require.NoError(t, err)
				require.Equal(t, []string{"a", "b"}, keysOf(got))
			}
			return nil
		}))
	}},
	{"a scan inside a scan disturbs neither", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, named("a", "b")...)
		var pairs []string
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
			pairs = nil
			for outer, err := range tx.Scan("", "", false) {
				require.NoError(t, err)
				for inner, err := range tx.Scan("", "", true) {
					require.NoError(t, err)
					pairs = append(pairs, outer.Key+inner.Key)
				}
			}
			return nil
		}))
		require.Equal(t, []string{"ab", "aa", "bb", "ba"}, pairs)
	}},
	{"many records stay in order", func(ctx context.Context, t require.TestingT, s storage.Store) {
		var keys []string
		for i := range 1000 {
			keys = append(keys, fmt.Sprintf("k%04d", i))
		}
		put(ctx, t, s, named(keys[500:]...)...)
		put(ctx, t, s, named(keys[:500]...)...)
		requireScan(ctx, t, s, "", "", keys)
		requireScan(ctx, t, s, "k0250", "k0750", keys[250:750])
	}},
	{"a scan passes over what its transaction deleted", func(ctx context.Context, t require.TestingT, s storage.Store) {
		const count, first, last = 600, 100, 500 // enough to empty whole pages of a store that has some
		entries := make([]storage.Entry, count)
		for i := range entries {
			entries[i] = entry(fmt.Sprintf("k%04d", i), strings.Repeat("x", 100))
		}
		put(ctx, t, s, entries...)
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
			for _, e := range entries[first:last] {
				require.NoError(t, tx.Delete(e.Key))
			}
			requireScanIn(t, tx, "", "", slices.Concat(entries[:first], entries[last:]))
			requireScanIn(t, tx, "", entries[last].Key, entries[:first])
			requireScanIn(t, tx, "", entries[last-50].Key, entries[:first])
			requireScanIn(t, tx, entries[first+50].Key, "", entries[last:])
			requireScanIn(t, tx, entries[first].Key, entries[last].Key, nil)
			for _, e := range entries {
				require.NoError(t, tx.Delete(e.Key))
			}
			requireScanIn(t, tx, "", "", nil)
			requireScanIn(t, tx, "", entries[last].Key, nil)
			return tx.Put("k", nil)
		}))
		requireRecords(ctx, t, s, entry("k", ""))
	}},
	{"a transaction sees its own writes", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, named("changed", "deleted", "kept")...)
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
			require.NoError(t, tx.Put("changed", []byte("new")))
			require.NoError(t, tx.Put("added", []byte("new")))
			require.NoError(t, tx.Delete("deleted"))

			value, found, err := tx.Get("changed")
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, "new", string(value))
			_, found, err = tx.Get("deleted")
			require.NoError(t, err)
			require.False(t, found)

			want := []string{"added=new", "changed=new", "kept=kept"}
			up, err := collect(tx.Scan("", "", false))
			require.NoError(t, err)
			require.Equal(t, want, texts(up))
			down, err := collect(tx.Scan("", "", true))
			require.NoError(t, err)
			slices.Reverse(down)
			require.Equal(t, want, texts(down))
			return nil
		}))
	}},
	{"a loop may change and delete what it meets", func(ctx context.Context, t require.TestingT, s storage.Store) {
		for _, descending := range []bool{false, true} {
			put(ctx, t, s, named("a", "b", "c", "d")...)
			require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
				var met []string
				for e, err := range tx.Scan("", "", descending) {
					require.NoError(t, err)
					met = append(met, e.Key)
					if e.Key < "c" {
						require.NoError(t, tx.Delete(e.Key))
					} else {
						require.NoError(t, tx.Put(e.Key, []byte("new")))
					}
				}
				slices.Sort(met)
				require.Equal(t, []string{"a", "b", "c", "d"}, met)
				return nil
			}))
			requireRecords(ctx, t, s, entry("c", "new"), entry("d", "new"))
		}
	}},
	{"a loop may change and delete many", func(ctx context.Context, t require.TestingT, s storage.Store) {
		const count = 300
		for _, descending := range []bool{false, true} {
			entries := make([]storage.Entry, count)
			for i := range entries {
				entries[i] = entry(fmt.Sprintf("k%04d", i), strings.Repeat("x", 100))
			}
			put(ctx, t, s, entries...)
			require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
				for _, e := range entries { // what the transaction wrote may be kept apart
					require.NoError(t, tx.Put(e.Key, e.Value))
				}
				met := 0
				for e, err := range tx.Scan("", "", descending) {
					require.NoError(t, err)
					at := met
					if descending {
						at = count - 1 - met
					}
					require.Equal(t, entries[at].Key, e.Key)
					met++
					if met%3 == 0 {
						require.NoError(t, tx.Put(e.Key, []byte(strings.Repeat("y", 300))))
					} else {
						require.NoError(t, tx.Delete(e.Key))
					}
				}
				require.Equal(t, count, met)
				left, err := collect(tx.Scan("", "", false))
				require.Len(t, left, count/3)
				return err
			}))
		}
	}},
}

// requireScan checks both directions of a range in a store whose values are the keys.
func requireScan(ctx context.Context, t require.TestingT, s storage.Store, from, to string, want []string) {
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		requireScanIn(t, tx, from, to, named(want...))
		return nil
	}))
}

func requireScanIn(t require.TestingT, tx storage.Tx, from, to string, want []storage.Entry) {
	up, err := collect(tx.Scan(from, to, false))
	require.NoError(t, err)
	require.Equal(t, texts(want), texts(up), "from %q up to %q", from, to)
	down, err := collect(tx.Scan(from, to, true))
	require.NoError(t, err)
	slices.Reverse(down)
	require.Equal(t, texts(want), texts(down), "from %q up to %q, descending, turned round", from, to)
}

// firstKeys reads n keys and stops.
func firstKeys(t require.TestingT, tx storage.Tx, n int, descending bool) []string {
	var keys []string
	for e, err := range tx.Scan("", "", descending) {
		require.NoError(t, err)
		if keys = append(keys, e.Key); len(keys) == n {
			break
		}
	}
	return keys
}
