package signing_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// The lengths lie on both sides of the point where Digest begins to stream.
func TestDigestIsTheSHA256OfTheMessage(t *testing.T) {
	for _, n := range []int{0, 1, 4000, 4058, 4059, 4060, 4061, 4096, 4097, 1 << 20} {
		body := strings.Repeat("x", n)
		want := sha256.Sum256([]byte("POST /api/open/v2/a\n2021.2026-11-21T10:11:12Z." + body))

		require.Equal(t, want, signing.Digest("POST", "/api/open/v2/a", "2021", "2026-11-21T10:11:12Z", []byte(body)), "%d bytes", n)
	}
}

func TestDigestKeepsTheBodyAsItIs(t *testing.T) {
	body := []byte("\x00\xff\r\n {\"a\" : 1}\n")
	want := sha256.Sum256([]byte("POST /p\nc.t." + string(body)))

	require.Equal(t, want, signing.Digest("POST", "/p", "c", "t", body))
	require.Equal(t, "\x00\xff\r\n {\"a\" : 1}\n", string(body))
}

func TestNewDigestStreamsWhatDigestTakesWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 40, 200)
		method, path, clientID, timestamp := text.Draw(t, "method"), text.Draw(t, "path"), text.Draw(t, "client id"), text.Draw(t, "time")
		chunks := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 2000)).Draw(t, "chunks")

		h := signing.NewDigest(method, path, clientID, timestamp)
		var body []byte
		for _, chunk := range chunks {
			h.Write(chunk)
			body = append(body, chunk...)
		}

		want := signing.Digest(method, path, clientID, timestamp, body)
		require.Equal(t, want[:], h.Sum(nil))
	})
}

func TestSignRefusesWhatIsNoSHA256(t *testing.T) {
	key := loadVectors(t, vectorFiles[0]).private(t, "1")

	_, err := signing.Sign(key, []byte("short"))

	require.EqualError(t, err, "sign: digest has 5 bytes, a SHA-256 has 32")
}

func TestSignHandsOnTheSignersError(t *testing.T) {
	unreachable := errors.New("key store unreachable")

	signature, err := signing.Sign(remoteSigner{err: unreachable}, make([]byte, 32))

	require.ErrorIs(t, err, unreachable)
	require.EqualError(t, err, "sign: key store unreachable")
	require.Nil(t, signature)
}

// A remote key store sees the SHA-256 option and gets a source of randomness,
// which some insist on.
func TestSignWorksWithAnySigner(t *testing.T) {
	key := loadVectors(t, vectorFiles[0]).private(t, "1")
	digest := signing.Digest("POST", "/p", "c", "t", nil)

	signature, err := signing.Sign(remoteSigner{key: key}, digest[:])

	require.NoError(t, err)
	require.NoError(t, signing.Verify(&key.PublicKey, digest[:], signature))
}

func TestVerifyRefusesAnyChange(t *testing.T) {
	v := loadVectors(t, vectorFiles[0])
	key := v.private(t, "1")
	digest := signing.Digest("POST", "/p", "c", "t", []byte("{}"))
	signature, err := signing.Sign(key, digest[:])
	require.NoError(t, err)

	t.Run("a flipped bit", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			bad := append([]byte(nil), signature...)
			bad[rapid.IntRange(0, len(bad)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			require.ErrorIs(t, signing.Verify(&key.PublicKey, digest[:], bad), signing.ErrMismatch)
		})
	})
	t.Run("another digest", func(t *testing.T) {
		other := signing.Digest("POST", "/p", "c", "t", []byte("{} "))
		err := signing.Verify(&key.PublicKey, other[:], signature)
		require.ErrorIs(t, err, signing.ErrMismatch)
		require.ErrorContains(t, err, "method, path, client id, time or body")
	})
	t.Run("another key", func(t *testing.T) {
		require.ErrorIs(t, signing.Verify(v.public(t, "2"), digest[:], signature), signing.ErrMismatch)
	})
	t.Run("a signature of another length", func(t *testing.T) {
		err := signing.Verify(&key.PublicKey, digest[:], signature[:128])
		require.ErrorIs(t, err, signing.ErrMismatch)
		require.ErrorContains(t, err, "it has 128 bytes, where this key makes 256")
	})
	t.Run("no signature", func(t *testing.T) {
		require.ErrorIs(t, signing.Verify(&key.PublicKey, digest[:], nil), signing.ErrMismatch)
	})
}

// remoteSigner stands for a key store: it is no *rsa.PrivateKey.
type remoteSigner struct {
	key *rsa.PrivateKey
	err error
}

func (s remoteSigner) Public() crypto.PublicKey { return &s.key.PublicKey }

func (s remoteSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case random == nil:
		return nil, errors.New("no source of randomness")
	case opts != crypto.SHA256:
		return nil, errors.New("not SHA-256 with PKCS#1 v1.5")
	}
	return s.key.Sign(random, digest, opts)
}
