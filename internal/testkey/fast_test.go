package testkey_test

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestAFastKeySignsAsAnyKey(t *testing.T) {
	for i := range 100 {
		digest := sha256.Sum256([]byte{byte(i)})
		for _, key := range []*testkey.Signer{testkey.FastKey(), testkey.FastClient()} {
			public, err := signing.CheckSigner(key)
			require.NoError(t, err)
			parsed, err := signing.ParsePublicKey(key.PublicPEM())
			require.NoError(t, err)
			require.Equal(t, public, parsed)
			signature, err := signing.Sign(key, digest[:])
			require.NoError(t, err)
			require.NoError(t, signing.Verify(public, digest[:], signature))
		}
	}
	require.NotEqual(t, testkey.FastKey().N, testkey.FastClient().N)
}

func BenchmarkSign(b *testing.B) {
	digest := sha256.Sum256(nil)
	b.Run("fast", func(b *testing.B) {
		for b.Loop() {
			_, _ = signing.Sign(testkey.FastKey(), digest[:])
		}
	})
	b.Run("ordinary", func(b *testing.B) {
		for b.Loop() {
			_, _ = signing.Sign(testkey.Key(), digest[:])
		}
	})
}
