package postgres_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/postgres"
)

func encryptionKey(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

func TestTokensAreKeptByApp(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	store, err := postgres.NewTokenStore(pool, encryptionKey(1))
	require.NoError(t, err)
	_, err = store.Get(t.Context(), "2021001")
	require.ErrorIs(t, err, alipaycn.ErrNoToken)
	require.NoError(t, store.Delete(t.Context(), "2021001"), "there is none")

	first := alipaycn.Token{AuthAppID: "2021001", AppAuthToken: "token-1", AppRefreshToken: "refresh-1", UserID: "2088"}
	second := alipaycn.Token{AuthAppID: "2021002", AppAuthToken: "token-2"}
	for _, token := range []alipaycn.Token{second, {AuthAppID: "2021001", AppAuthToken: "earlier"}, first} {
		require.NoError(t, store.Put(t.Context(), token))
	}

	other, err := postgres.NewTokenStore(pool, encryptionKey(1)) // as another process has it
	require.NoError(t, err)
	got, err := other.Get(t.Context(), "2021001")
	require.NoError(t, err)
	require.Equal(t, first, got)
	apps, err := other.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"2021001", "2021002"}, apps)

	require.NoError(t, other.Delete(t.Context(), "2021001"))
	_, err = store.Get(t.Context(), "2021001")
	require.ErrorIs(t, err, alipaycn.ErrNoToken)
	require.ErrorContains(t, err, "AuthorizationURL")
}

func TestTokensAreNotReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	store, err := postgres.NewTokenStore(pool, encryptionKey(1))
	require.NoError(t, err)
	require.NoError(t, store.Put(t.Context(), alipaycn.Token{AuthAppID: "a", AppAuthToken: "secret"}))
	require.NoError(t, store.Put(t.Context(), alipaycn.Token{AuthAppID: "b", AppAuthToken: "other"}))

	var stored []byte
	require.NoError(t, pool.QueryRow(t.Context(), "select token from alipayplus.tokens where app = 'a'").Scan(&stored))
	require.NotContains(t, string(stored), "secret")

	otherKey, err := postgres.NewTokenStore(pool, encryptionKey(2))
	require.NoError(t, err)
	_, err = otherKey.Get(t.Context(), "a")
	require.ErrorIs(t, err, postgres.ErrEncryptionKey)

	execute(t, pool, "update alipayplus.tokens set token = (select token from alipayplus.tokens where app = 'a') where app = 'b'")
	_, err = store.Get(t.Context(), "b")
	require.ErrorIs(t, err, postgres.ErrEncryptionKey, "the token of one app is none of another")
}

func TestTokensThatCannotBeStored(t *testing.T) {
	t.Parallel()
	_, err := postgres.NewTokenStore(nil, []byte("short"))
	require.EqualError(t, err, "postgres: token store: key: has 5 bytes, needs 32; make one with: openssl rand -out FILE 32")
	store, err := postgres.NewTokenStore(nil, encryptionKey(1))
	require.NoError(t, err)
	require.ErrorContains(t, store.Put(t.Context(), alipaycn.Token{AppAuthToken: "t"}), "AuthAppID is empty")
	require.ErrorContains(t, store.Put(t.Context(), alipaycn.Token{AuthAppID: "a"}), "AppAuthToken is empty")
}
