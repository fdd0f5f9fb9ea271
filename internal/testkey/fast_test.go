package testkey_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestFastKeysMakeOrdinarySignatures(t *testing.T) {
	keys := []crypto.Signer{testkey.FastKey(), testkey.FastClient()}
	for i, key := range keys {
		public, err := signing.CheckSigner(key)
		require.NoError(t, err)
		require.Equal(t, 2048, public.N.BitLen())
		for n := range 100 {
			digest := sha256.Sum256([]byte{byte(n)})
			signature, err := signing.Sign(key, digest[:])
			require.NoError(t, err)
			require.NoError(t, rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature))
			other := keys[1-i].Public().(*rsa.PublicKey)
			require.Error(t, rsa.VerifyPKCS1v15(other, crypto.SHA256, digest[:], signature))
		}
	}
}

func TestFastKeysSignSHA256Alone(t *testing.T) {
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA512} {
		_, err := testkey.FastKey().Sign(rand.Reader, make([]byte, hash.Size()), hash)
		require.ErrorContains(t, err, "SHA-256")
	}
	_, err := testkey.FastKey().Sign(rand.Reader, []byte("short"), crypto.SHA256)
	require.ErrorContains(t, err, "SHA-256")
}

func BenchmarkSign(b *testing.B) {
	for name, key := range map[string]crypto.Signer{"fast": testkey.FastKey(), "ordinary": testkey.Key()} {
		b.Run(name, func(b *testing.B) {
			digest := sha256.Sum256(nil)
			for b.Loop() {
				_, _ = signing.Sign(key, digest[:])
			}
		})
	}
}
