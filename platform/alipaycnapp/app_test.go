package alipaycnapp_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestAnAuthorizationThatIsNoGood(t *testing.T) {
	given(t, func(w *fixture) {
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
	given(t, func(w *fixture) {
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
	given(t, func(w *fixture) {
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
	given(t, func(w *fixture) {
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
	given(t, func(w *fixture) {
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

// TestAnAppFromItsEnvironment: everything that is missing is named at once, and a stand-in serves its page itself.
func TestAnAppFromItsEnvironment(t *testing.T) {
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	require.NoError(t, err)
	store, folder := storage.NewMemory(), t.TempDir()
	for name, content := range map[string][]byte{"private.pem": testkey.ClientPEM(), "alipay.pem": g.AlipayPublicKey(), "key": key(1), "short": []byte("k")} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	t.Setenv("ALIPAYCN_ENCRYPTION_KEY_FILE", "")
	_, err = alipaycnapp.NewFromEnv(store)
	require.ErrorContains(t, err, "ALIPAYCN_APP_ID")
	require.ErrorContains(t, err, "set ALIPAYCN_ENCRYPTION_KEY_FILE to a file of 32 bytes; make one with: openssl rand -out FILE 32")
	require.NotContains(t, err.Error(), "\n")

	t.Setenv("ALIPAYCN_APP_ID", isv)
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", filepath.Join(folder, "private.pem"))
	t.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", filepath.Join(folder, "alipay.pem"))
	page := func(keyFile, endpoint, authorization string) string {
		t.Setenv("ALIPAYCN_ENCRYPTION_KEY_FILE", filepath.Join(folder, keyFile))
		t.Setenv("ALIPAYCN_ENDPOINT", endpoint)
		t.Setenv("ALIPAYCN_AUTHORIZATION_ENDPOINT", authorization)
		app, err := alipaycnapp.NewFromEnv(store)
		if err != nil {
			return err.Error()
		}
		link, err := url.Parse(app.AuthorizationPage(address, "c3RhdGU+", nil))
		require.NoError(t, err)
		return link.Scheme + "://" + link.Host
	}
	require.Equal(t, "https://b.alipay.com", page("key", "", ""))
	require.Equal(t, "https://b.alipay.com", page("key", "https://openapi.example", ""))
	require.Equal(t, "http://127.0.0.1:8481", page("key", "http://127.0.0.1:8481", ""))
	require.Equal(t, "https://page.example", page("key", "http://127.0.0.1:8481", "https://page.example"))
	require.Contains(t, page("key", "", "nowhere"), "endpoint must be an https or http address with a host")
	require.Contains(t, page("short", "", ""), "encryption key: must have 32 bytes, has 1")
	require.Contains(t, page("none", "", ""), "encryption key (from ALIPAYCN_ENCRYPTION_KEY_FILE): open")

	_, err = alipaycnapp.New(store, nil, alipaycnapp.WithEncryptionKey(key(1)))
	require.Error(t, err)
	t.Setenv("ALIPAYCN_ENCRYPTION_KEY_FILE", filepath.Join(folder, "key"))
	t.Setenv("ALIPAYCN_AUTHORIZATION_ENDPOINT", "")
	_, err = alipaycnapp.NewFromEnv(store, alipaycnapp.WithLogger(nil))
	require.ErrorContains(t, err, "logger: must not be nil")
}
