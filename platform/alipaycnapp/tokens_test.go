package alipaycnapp_test

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TestARecordThatIsDamaged is neither another key's nor missing, and a record that was moved is not read.
func TestARecordThatIsDamaged(t *testing.T) {
	given(t, func(w *fixture) {
		tokens := w.app.Tokens()
		require.NoError(w, tokens.Put(w.Context(), alipaycn.Token{AuthAppID: mini, AppAuthToken: "1"}))
		put := func(at string, value []byte) {
			require.NoError(w, w.store.Update(w.Context(), func(tx storage.Tx) error { return tx.Put(at, value) }))
		}
		var sealed []byte
		require.NoError(w, w.store.View(w.Context(), func(tx storage.Tx) (err error) {
			sealed, _, err = tx.Get("alipaycn/token/" + mini)
			return err
		}))
		put("alipaycn/token/"+other, sealed)
		_, err := tokens.Get(w.Context(), other)
		require.Error(w, err, "it belongs to another mini program")
		put("alipaycn/token/"+mini, []byte("short"))
		_, err = tokens.Get(w.Context(), mini)
		require.ErrorIs(w, err, storage.ErrDamaged)
		require.ErrorContains(w, err, "record alipaycn/token/"+mini)
	})
}

func TestATokenIsWhole(t *testing.T) {
	given(t, func(w *fixture) {
		for _, token := range []alipaycn.Token{{AuthAppID: mini}, {AppAuthToken: "1"}} {
			err := w.app.Tokens().Put(w.Context(), token)
			require.ErrorIs(w, err, alipayplus.ErrInvalid)
			require.ErrorContains(w, err, "a token needs AuthAppID and AppAuthToken")
		}
	})
}

// TestAStoreThatFailsIsHeardOf: at each of its accesses, by each method.
func TestAStoreThatFailsIsHeardOf(t *testing.T) {
	for name, do := range map[string]func(w *fixture, app *alipaycnapp.App) error{
		"get": func(w *fixture, app *alipaycnapp.App) error {
			_, err := app.Tokens().Get(w.Context(), mini)
			return err
		},
		"list": func(w *fixture, app *alipaycnapp.App) error {
			_, err := app.Tokens().List(w.Context())
			return err
		},
		"put": func(w *fixture, app *alipaycnapp.App) error {
			return app.Tokens().Put(w.Context(), alipaycn.Token{AuthAppID: other, AppAuthToken: "2"})
		},
		"delete": func(w *fixture, app *alipaycnapp.App) error { return app.Tokens().Delete(w.Context(), mini) },
		"forget": func(w *fixture, app *alipaycnapp.App) error { return app.ForgetTokens(w.Context()) },
		"exchange": func(w *fixture, app *alipaycnapp.App) error {
			code, err := w.g.AuthorizationCode(isv, other)
			require.NoError(w, err)
			_, err = app.Exchange(w.Context(), platform.TargetVisit{
				WorkspaceID: w.workspace, ProgramID: w.program, Query: url.Values{"app_id": {isv}, "app_auth_code": {code}},
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kept := range []bool{false, true} {
				if name == "get" && !kept {
					continue
				}
				accesses := 1
				for n := 0; n <= accesses; n++ {
					given(t, func(w *fixture) {
						if kept {
							require.NoError(w, w.app.Tokens().Put(w.Context(), alipaycn.Token{AuthAppID: mini, AppAuthToken: "1"}))
						}
						store := &failing{Store: w.store, left: n}
						app, err := alipaycnapp.New(store, w.client(isv), alipaycnapp.WithEncryptionKey(key(1)))
						require.NoError(w, err)
						err = do(w, app)
						if n == store.accesses {
							require.NoError(w, err)
							return
						}
						require.ErrorIs(w, err, errStore, "access %d", n+1)
						accesses = max(accesses, store.accesses, n+1)
					})
				}
			}
		})
	}
}

// failing is a store one of whose accesses fails, or whose commit is not heard of.
type failing struct {
	storage.Store
	// left is how many accesses go well; negative: all do.
	left int
	// accesses is how many there were.
	accesses int
}

var errStore = errors.New("the store fails")

func (f *failing) fails() error {
	f.accesses++
	if f.left--; f.left == -1 {
		return errStore
	}
	return nil
}

func (f *failing) View(ctx context.Context, fn func(storage.Tx) error) error {
	return f.Store.View(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, f}) })
}

func (f *failing) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := f.Store.Update(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, f}) }); err != nil {
		return err
	}
	return f.fails() // it is committed all the same
}

type failingTx struct {
	storage.Tx
	f *failing
}

func (t failingTx) Get(key string) ([]byte, bool, error) {
	if err := t.f.fails(); err != nil {
		return nil, false, err
	}
	return t.Tx.Get(key)
}

func (t failingTx) Put(key string, value []byte) error {
	return errors.Join(t.f.fails(), t.Tx.Put(key, value))
}

func (t failingTx) Delete(key string) error { return errors.Join(t.f.fails(), t.Tx.Delete(key)) }

func (t failingTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := t.f.fails(); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		t.Tx.Scan(from, to, descending)(yield)
	}
}
