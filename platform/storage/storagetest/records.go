package storagetest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// recordCases are about single records.
var recordCases = []testCase{
	{"a record that was put is found by a later transaction", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"))
		requireValue(ctx, t, s, "a", "1")
	}},
	{"a key without a record is not found", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"), entry("ab", "2"))
		for _, key := range []string{"", "A", "aa", "b"} {
			requireNone(ctx, t, s, key)
		}
	}},
	{"a second put replaces the value", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"))
		put(ctx, t, s, entry("a", "2"))
		requireRecords(ctx, t, s, entry("a", "2"))
	}},
	{"an empty value is a value", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("empty", ""), storage.Entry{Key: "nil"})
		requireValue(ctx, t, s, "empty", "")
		requireValue(ctx, t, s, "nil", "")
		requireRecords(ctx, t, s, entry("empty", ""), entry("nil", ""))
	}},
	{"a value may hold any bytes", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "\x00\xff'\"\\\n"))
		requireValue(ctx, t, s, "a", "\x00\xff'\"\\\n")
	}},
	{"the empty key is refused", func(ctx context.Context, t require.TestingT, s storage.Store) {
		err := s.Update(ctx, func(tx storage.Tx) error { return tx.Put("", []byte("1")) })
		require.ErrorIs(t, err, storage.ErrEmptyKey)
		requireRecords(ctx, t, s)
	}},
	{"the caller may change a value after putting it", func(ctx context.Context, t require.TestingT, s storage.Store) {
		value := []byte("1")
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
			value[0] = '1'
			err := tx.Put("a", value)
			value[0] = '2'
			return err
		}))
		requireValue(ctx, t, s, "a", "1")
	}},
	{"a deleted record is gone", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"), entry("b", "2"))
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error { return tx.Delete("a") }))
		requireNone(ctx, t, s, "a")
		requireRecords(ctx, t, s, entry("b", "2"))
	}},
	{"deleting what is not there changes nothing", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"))
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error { return tx.Delete("b") }))
		requireRecords(ctx, t, s, entry("a", "1"))
	}},
	{"the last write of a transaction counts", func(ctx context.Context, t require.TestingT, s storage.Store) {
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
			require.NoError(t, tx.Put("changed", []byte("1")))
			require.NoError(t, tx.Put("changed", []byte("2")))
			require.NoError(t, tx.Put("restored", []byte("1")))
			require.NoError(t, tx.Delete("restored"))
			require.NoError(t, tx.Put("restored", []byte("2")))
			require.NoError(t, tx.Put("deleted", []byte("1")))
			return tx.Delete("deleted")
		}))
		requireRecords(ctx, t, s, entry("changed", "2"), entry("restored", "2"))
	}},
}

func requireValue(ctx context.Context, t require.TestingT, s storage.Store, key, want string) {
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		value, found, err := tx.Get(key)
		require.True(t, found, "record %q", key)
		require.Equal(t, want, string(value), "record %q", key)
		return err
	}))
}

func requireNone(ctx context.Context, t require.TestingT, s storage.Store, key string) {
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		_, found, err := tx.Get(key)
		require.False(t, found, "record %q", key)
		return err
	}))
}
