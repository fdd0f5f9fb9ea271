// Package storagetest checks that an implementation of [storage.Store] keeps the promises of the interface.
package storagetest

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TestStore checks a store. It calls newStore once per subtest, for a store without records; what it has to clean up
// afterwards newStore registers by itself, on the t of its caller.
//
// The cases about transactions that run side by side let them meet half-way. A store that lets one wait for the end of
// the other passes: then the case goes on after 100 ms. So these cases prove a store wrong, never right.
func TestStore(t *testing.T, newStore func() storage.Store) {
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			c.check(t.Context(), t, newStore())
		})
	}
}

func allCases() []testCase {
	return slices.Concat(recordCases, scanCases, transactionCases, isolationCases, modelCases)
}

// testCase is one promise. It takes no *testing.T, so that a test can watch it fail.
type testCase struct {
	name  string
	check func(ctx context.Context, t require.TestingT, s storage.Store)
}

// put stores entries in one update.
func put(ctx context.Context, t require.TestingT, s storage.Store, entries ...storage.Entry) {
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		for _, e := range entries {
			if err := tx.Put(e.Key, e.Value); err != nil {
				return err
			}
		}
		return nil
	}))
}

// requireRecords checks that the store holds exactly the entries, which are in order.
func requireRecords(ctx context.Context, t require.TestingT, s storage.Store, want ...storage.Entry) {
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		got, err := collect(tx.Scan("", "", false))
		require.Equal(t, texts(want), texts(got))
		return err
	}))
}

// entry makes an Entry.
func entry(key, value string) storage.Entry {
	return storage.Entry{Key: key, Value: []byte(value)}
}

// named makes entries with these keys, whose value is the key.
func named(keys ...string) []storage.Entry {
	var entries []storage.Entry
	for _, key := range keys {
		entries = append(entries, entry(key, key))
	}
	return entries
}

// texts makes entries comparable and readable; a nil value and an empty one are the same.
func texts(entries []storage.Entry) []string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, e.Key+"="+string(e.Value))
	}
	return lines
}

func keysOf(entries []storage.Entry) []string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func collect(scan iter.Seq2[storage.Entry, error]) ([]storage.Entry, error) {
	var entries []storage.Entry
	for e, err := range scan {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
