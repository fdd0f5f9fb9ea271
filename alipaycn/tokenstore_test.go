package alipaycn

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	secretToken   = "202611BBx+/=secret-token"
	secretRefresh = "202611CBy+/=secret-refresh"
)

func merchantToken(authAppID string) Token {
	return Token{
		AppAuthToken: secretToken, AppRefreshToken: secretRefresh, AuthAppID: authAppID,
		UserID: "2088000000000001", ExpiresIn: 31536000, RefreshExpiresIn: 32140800,
	}
}

// eachTokenStore runs a test against every store.
func eachTokenStore(t *testing.T, test func(t *testing.T, store TokenStore)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, NewMemoryTokenStore()) })
	t.Run("file", func(t *testing.T) { test(t, NewFileTokenStore(filepath.Join(t.TempDir(), "tokens.json"))) })
}

func TestTokenStoreKeepsOneTokenPerApp(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		// Given an empty store
		_, err := store.Get(t.Context(), "2021009900000202")
		require.ErrorIs(t, err, ErrNoToken)
		require.ErrorContains(t, err, "2021009900000202")
		requireApps(t, store)

		// When tokens of two apps are put, one of them twice
		require.NoError(t, store.Put(t.Context(), Token{AuthAppID: "2021009900000303", AppAuthToken: "old"}))
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000303")))
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000202")))

		// Then each app has its last
		requireApps(t, store, "2021009900000202", "2021009900000303")
		got, err := store.Get(t.Context(), "2021009900000303")
		require.NoError(t, err)
		require.Equal(t, merchantToken("2021009900000303"), got)

		// When one is deleted, twice
		require.NoError(t, store.Delete(t.Context(), "2021009900000303"))
		require.NoError(t, store.Delete(t.Context(), "2021009900000303"))

		// Then the other is still there
		requireApps(t, store, "2021009900000202")
		_, err = store.Get(t.Context(), "2021009900000303")
		require.ErrorIs(t, err, ErrNoToken)
	})
}

func requireApps(t require.TestingT, store TokenStore, want ...string) {
	got, err := store.List(tokenContext(t))
	require.NoError(t, err)
	require.Equal(t, append([]string{}, want...), append([]string{}, got...))
}

func TestTokenStoreRefusesHalfATokenOnly(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		err := store.Put(t.Context(), Token{AppAuthToken: secretToken})
		require.ErrorContains(t, err, "AuthAppID is empty")
		require.NotContains(t, err.Error(), secretToken)

		err = store.Put(t.Context(), Token{AuthAppID: "2021009900000202", AppRefreshToken: secretRefresh})
		require.ErrorContains(t, err, `app "2021009900000202": AppAuthToken is empty`)
		require.NotContains(t, err.Error(), secretRefresh)
		requireApps(t, store)
	})
}

func TestTokenStoreIsSafeForConcurrentUse(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		var callers sync.WaitGroup
		failures := make(chan error, 64)
		for i := range 8 {
			callers.Go(func() {
				app := fmt.Sprintf("app-%d", i)
				_, _ = store.Get(t.Context(), app)
				failures <- store.Put(t.Context(), merchantToken(app))
				_, err := store.Get(t.Context(), app)
				failures <- err
				_, err = store.List(t.Context())
				failures <- err
				if i%2 == 1 {
					failures <- store.Delete(t.Context(), app)
				}
			})
		}
		callers.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		requireApps(t, store, "app-0", "app-2", "app-4", "app-6")
	})
}

func TestTokenStoreKeepsItsSecrets(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000202")))
		token, err := store.Get(t.Context(), "2021009900000202")
		require.NoError(t, err)
		for _, text := range append(written(store), written(token)...) {
			require.NotContains(t, text, "secret")
		}
	})
}

func TestTokenStoresAgree(t *testing.T) {
	folder := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(folder, fmt.Sprintf("tokens-%d.json", run))
		memory := NewMemoryTokenStore()
		ctx := tokenContext(t)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			file := NewFileTokenStore(path) // as if the program began anew
			app := rapid.SampledFrom([]string{"a", "b", "ключ", "<&>\u2028"}).Draw(t, "app")
			if rapid.Bool().Draw(t, "delete") {
				require.NoError(t, memory.Delete(ctx, app))
				require.NoError(t, file.Delete(ctx, app))
			} else {
				token := Token{
					AuthAppID: app, AppAuthToken: "t" + strings.ToValidUTF8(rapid.String().Draw(t, "token"), ""),
					RefreshExpiresIn: TextInt(rapid.Int64().Draw(t, "expiry")),
				}
				require.NoError(t, memory.Put(ctx, token))
				require.NoError(t, file.Put(ctx, token))
			}
			for _, app := range []string{"a", "b", "ключ", "<&>\u2028"} {
				want, wantErr := memory.Get(ctx, app)
				got, gotErr := file.Get(ctx, app)
				require.Equal(t, want, got)
				require.Equal(t, wantErr == nil, gotErr == nil)
			}
		}
		apps, err := memory.List(ctx)
		require.NoError(t, err)
		requireApps(t, NewFileTokenStore(path), apps...)
	})
}
