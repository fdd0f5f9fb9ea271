package storagetest

import (
	"context"
	"errors"
	"iter"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// transactionCases are about how a transaction ends.
var transactionCases = []testCase{
	{"an error discards the writes and is returned as it is", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"), entry("b", "2"))
		refused := errors.New("refused")
		err := s.Update(ctx, func(tx storage.Tx) error {
			require.NoError(t, tx.Put("a", []byte("new")))
			require.NoError(t, tx.Put("c", []byte("new")))
			require.NoError(t, tx.Delete("b"))
			return refused
		})
		require.Equal(t, any(refused), any(err))
		require.Equal(t, any(refused), any(s.View(ctx, func(storage.Tx) error { return refused })))
		requireRecords(ctx, t, s, entry("a", "1"), entry("b", "2"))
	}},
	{"a panic discards the writes and holds nobody up", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"))
		require.PanicsWithValue(t, "boom", func() {
			_ = s.Update(ctx, func(tx storage.Tx) error {
				require.NoError(t, tx.Put("a", []byte("new")))
				panic("boom")
			})
		})
		require.PanicsWithValue(t, "boom", func() {
			_ = s.View(ctx, func(storage.Tx) error { panic("boom") })
		})
		requireRecords(ctx, t, s, entry("a", "1"))
		put(ctx, t, s, entry("a", "2"))
		requireRecords(ctx, t, s, entry("a", "2"))
	}},
	{"a view refuses to write", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"))
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
			require.ErrorIs(t, tx.Put("b", []byte("2")), storage.ErrReadOnly)
			require.ErrorIs(t, tx.Delete("a"), storage.ErrReadOnly)
			return nil
		}))
		requireRecords(ctx, t, s, entry("a", "1"))
	}},
	{"a transaction that is over refuses everything", func(ctx context.Context, t require.TestingT, s storage.Store) {
		var view, update storage.Tx
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error { view = tx; return nil }))
		require.NoError(t, s.Update(ctx, func(tx storage.Tx) error { update = tx; return tx.Put("a", []byte("1")) }))
		for _, tx := range []storage.Tx{view, update} {
			_, _, err := tx.Get("a")
			require.ErrorIs(t, err, storage.ErrTxDone)
			require.ErrorIs(t, tx.Put("a", []byte("2")), storage.ErrTxDone)
			require.ErrorIs(t, tx.Delete("a"), storage.ErrTxDone)
			_, err = collect(tx.Scan("", "", false))
			require.ErrorIs(t, err, storage.ErrTxDone)
		}
		requireRecords(ctx, t, s, entry("a", "1"))
	}},
	{"a scan that goes on after its transaction ends with an error", func(ctx context.Context, t require.TestingT, s storage.Store) {
		put(ctx, t, s, entry("a", "1"), entry("b", "2"))
		var next func() (storage.Entry, error, bool)
		stop := func() {}
		defer func() { stop() }()
		for _, run := range []func(context.Context, func(storage.Tx) error) error{s.View, s.Update} {
			require.NoError(t, run(ctx, func(tx storage.Tx) error {
				stop()
				next, stop = iter.Pull2(tx.Scan("", "", false))
				first, err, _ := next()
				require.Equal(t, "a", first.Key)
				return err
			}))
			_, err, more := next()
			require.True(t, more)
			require.ErrorIs(t, err, storage.ErrTxDone)
			_, _, more = next()
			require.False(t, more)
		}
	}},
	{"a context that is over runs nothing", func(ctx context.Context, t require.TestingT, s storage.Store) {
		over, cancel := context.WithCancel(ctx)
		cancel()
		ran := false
		run := func(storage.Tx) error { ran = true; return nil }
		require.ErrorIs(t, s.View(over, run), context.Canceled)
		require.ErrorIs(t, s.Update(over, run), context.Canceled)
		require.False(t, ran)
	}},
	{"a context that ends before the commit discards the writes", func(ctx context.Context, t require.TestingT, s storage.Store) {
		ending, cancel := context.WithCancel(ctx)
		defer cancel()
		err := s.Update(ending, func(tx storage.Tx) error {
			err := tx.Put("a", []byte("1"))
			cancel()
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		requireRecords(ctx, t, s)
	}},
}
