package alipaycnapp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TestARecordThatIsDamaged is neither another key's nor missing, and a record that was moved is not read.
func TestARecordThatIsDamaged(t *testing.T) {
	given(t, func(w *world) {
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
	given(t, func(w *world) {
		for _, token := range []alipaycn.Token{{AuthAppID: mini}, {AppAuthToken: "1"}} {
			err := w.app.Tokens().Put(w.Context(), token)
			require.ErrorIs(w, err, alipayplus.ErrInvalid)
			require.ErrorContains(w, err, "a token needs AuthAppID and AppAuthToken")
		}
	})
}
