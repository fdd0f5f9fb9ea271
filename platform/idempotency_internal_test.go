package platform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// interrupted is a store in which something happens once, just before the next
// transaction is committed. It counts how often that one would have to run in a
// store whose transactions do not wait for each other.
type interrupted struct {
	storage.Store
	meanwhile func()
	runs      int
	written   []string
}

func (s *interrupted) Update(ctx context.Context, fn func(storage.Tx) error) error {
	meanwhile := s.meanwhile
	if meanwhile == nil {
		return s.Store.Update(ctx, func(tx storage.Tx) error { return fn(&observedTx{Tx: tx, written: &s.written}) })
	}
	s.meanwhile = nil
	tx := &observedTx{written: new([]string)}
	discarded := errors.New("discarded")
	err := s.Store.Update(ctx, func(inner storage.Tx) error {
		tx.Tx = inner
		return errors.Join(fn(tx), discarded)
	})
	if !errors.Is(err, discarded) {
		return err
	}
	s.runs++
	s.written = nil
	meanwhile()
	if slices.ContainsFunc(s.written, tx.hasRead) {
		s.runs++
	}
	return s.Store.Update(ctx, fn)
}

// observedTx notes what is read and written.
type observedTx struct {
	storage.Tx
	read    []func(key string) bool
	written *[]string
}

func (tx *observedTx) hasRead(key string) bool {
	return slices.ContainsFunc(tx.read, func(holds func(string) bool) bool { return holds(key) })
}

func (tx *observedTx) Get(key string) ([]byte, bool, error) {
	tx.read = append(tx.read, func(k string) bool { return k == key })
	return tx.Tx.Get(key)
}

func (tx *observedTx) Put(key string, value []byte) error {
	*tx.written = append(*tx.written, key)
	return tx.Tx.Put(key, value)
}

func (tx *observedTx) Delete(key string) error {
	*tx.written = append(*tx.written, key)
	return tx.Tx.Delete(key)
}

// Scan reads as far as the loop comes.
func (tx *observedTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		low, high := from, to // and high itself, when the loop stops there
		stopped := false
		tx.read = append(tx.read, func(k string) bool {
			return k >= low && (high == "" || k < high || stopped && !descending && k == high)
		})
		for e, err := range tx.Tx.Scan(from, to, descending) {
			if !yield(e, err) {
				if stopped = true; descending {
					low = e.Key
				} else {
					high = e.Key
				}
				return
			}
		}
	}
}

// TestWritesToDifferentProgramsDoNotConflict: not even when there is much to forget,
// as there is on every day after the first.
func TestWritesToDifferentProgramsDoNotConflict(t *testing.T) {
	store := &interrupted{Store: storage.NewMemory()}
	p, owner := ownedPlatform(t, WithStore(store))
	require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
		for i := range 100 {
			past := &outcomeRecord{At: fmt.Sprintf("outcome/%d", i), Expires: now().Add(-time.Hour - time.Duration(i))}
			if err := save(tx, nil, past); err != nil {
				return err
			}
		}
		return nil
	}))
	by := memberCaller(t, p, owner)
	create := func(id string) {
		body := fmt.Appendf(nil, `{"languages":[{"language":"zh-CN","name":"Tea"}],"requestId":%q}`, id)
		out := executeAs(t.Context(), p, by, contract.ProgramCreate, "", body)
		require.Equal(t, http.StatusOK, out.status, "%s", out.body)
	}
	store.meanwhile = func() { create("second") }
	create("first")
	require.Equal(t, 1, store.runs, "the first need not run again because of the second")
	store.meanwhile = func() { create("third") }
	create("third")
	require.Equal(t, 1+2, store.runs, "the same call does")
}
