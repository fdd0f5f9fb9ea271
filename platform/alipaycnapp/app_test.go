package alipaycnapp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestAnAuthorizationThatIsNoGood(t *testing.T) {
	given(t, func(w *world) {
		status, page := w.authorize(w.program, mini, "alipay.open.mini.version.online")
		require.Equal(w, http.StatusForbidden, status)
		require.Contains(w, page, "alipay.open.mini.version.gray.online")
		a := w.authorization(w.program)
		require.Contains(w, a.MissingMethods, "alipay.open.mini.version.gray.online")
		require.NotContains(w, a.MissingMethods, "alipay.open.mini.version.online")
		kept, err := w.app.Tokens().List(w.Context())
		require.NoError(w, err)
		require.Empty(w, kept, "a token that is no good for a release is not kept")

		status, _ = w.callback(url.Values{"app_id": {isv}, "app_auth_code": {"guessed"}, "state": {a.State}})
		require.Equal(w, http.StatusForbidden, status)
		status, page = w.callback(url.Values{"app_id": {other}, "app_auth_code": {"1"}, "state": {a.State}})
		require.Equal(w, http.StatusForbidden, status)
		require.Contains(w, page, "is for the third-party app")
		status, _ = w.callback(url.Values{"app_id": {isv}, "state": {a.State}})
		require.Equal(w, http.StatusForbidden, status, "without a code")
		_, page = w.callback(url.Values{"app_id": {isv, other}, "app_auth_code": {"1"}, "state": {a.State}})
		require.Contains(w, page, "app_id comes 2 times")

		status, page = w.authorize(w.program, mini)
		require.Equal(w, http.StatusOK, status, page)
		second := w.newProgram("红湖茶")
		status, page = w.authorize(second, mini)
		require.Equal(w, http.StatusForbidden, status)
		require.Contains(w, page, "is another mini program of this platform already")
		require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, w.program, alipayplus.TargetAlipayCN))
		status, page = w.authorize(w.program, other)
		require.Equal(w, http.StatusForbidden, status)
		require.Contains(w, page, "choose "+mini)
	})
}

func TestTokensAreNeverKeptInClear(t *testing.T) {
	given(t, func(w *world) {
		w.authorize(w.program, mini)
		token, err := w.app.Tokens().Get(w.Context(), mini)
		require.NoError(w, err)
		require.NotEmpty(w, token.AppAuthToken)
		require.NoError(w, w.store.View(w.Context(), func(tx storage.Tx) error {
			for entry, err := range tx.Scan("", "", false) {
				require.NoError(w, err)
				require.NotContains(w, string(entry.Value), token.AppAuthToken, entry.Key)
				require.NotContains(w, string(entry.Value), token.AppRefreshToken, entry.Key)
			}
			return nil
		}))
	})
}

// TestTheEncryptionKeyIsLost: the error says how to go on, and that leads on.
func TestTheEncryptionKeyIsLost(t *testing.T) {
	given(t, func(w *world) {
		w.applied()
		again := w.newApp(key(2))
		_, err := again.Tokens().Get(w.Context(), mini)
		require.ErrorIs(w, err, alipaycnapp.ErrEncryptionKey)
		require.NotErrorIs(w, err, alipaycn.ErrNoToken)
		err = again.Tokens().Put(w.Context(), alipaycn.Token{AuthAppID: other, AppAuthToken: "1"})
		require.ErrorIs(w, err, alipaycnapp.ErrEncryptionKey, "tokens under two keys could not be read by one")
		require.NoError(w, again.ForgetTokens(w.Context()))
		require.NoError(w, again.Tokens().Put(w.Context(), alipaycn.Token{AuthAppID: other, AppAuthToken: "1"}))
		listed, err := again.Tokens().List(w.Context())
		require.NoError(w, err)
		require.Equal(w, []string{other}, listed)
		require.NoError(w, again.Tokens().Delete(w.Context(), other))
		_, err = again.Tokens().Get(w.Context(), other)
		require.ErrorIs(w, err, alipaycn.ErrNoToken)
	})
}

// TestTheMerchantDeclines: the stand-in's page leads back with an error.
func TestTheMerchantDeclines(t *testing.T) {
	given(t, func(w *world) {
		a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: w.program, TargetApp: alipayplus.TargetAlipayCN})
		require.NoError(w, err)
		elsewhere := w.newApp(key(1), alipaycnapp.WithAuthorizationEndpoint("https://alipay.example")).AuthorizationPage(address, a.State, nil)
		require.Equal(w, strings.Replace(a.URL, "b.alipay.com", "alipay.example", 1), elsewhere)
		status, page := w.callback(url.Values{"app_id": {isv}, "error": {"access_denied"}, "state": {a.State}, "source": {"alipay_app_auth"}})
		require.Equal(w, http.StatusOK, status)
		require.Contains(w, page, "The authorization was declined.")
		require.Equal(w, alipayplus.AuthorizationDeclined, w.authorization(w.program).Status)
	})
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	given(t, func(w *world) {
		_, err := alipaycnapp.New(nil, nil)
		require.ErrorContains(w, err, "the store of the platform and a client")
		_, err = alipaycnapp.New(w.store, w.client(isv))
		require.ErrorContains(w, err, "give WithEncryptionKey")
		_, err = alipaycnapp.New(w.store, w.client(isv), alipaycnapp.WithEncryptionKey([]byte(strings.Repeat("k", 31))))
		require.ErrorContains(w, err, "must have 32 bytes, has 31")
		_, err = alipaycnapp.New(w.store, w.client(isv), alipaycnapp.WithEncryptionKey(key(1)), alipaycnapp.WithAuthorizationEndpoint("127.0.0.1:8481"))
		require.ErrorContains(w, err, "endpoint is not an address")
	})
}
