package cnwire_test

import (
	"crypto"
	"crypto/rsa"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// fixedSigner takes the RSA out of what is measured.
type fixedSigner struct {
	*rsa.PrivateKey
	signature []byte
}

func (s fixedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.signature, nil
}

// What these need in memory beside RSA is part of the cost of every call, so it
// is held to here and not only measured below.
func TestAllocations(t *testing.T) {
	request := grayOnline()
	var signer crypto.Signer = fixedSigner{testkey.Key(), make([]byte, 256)}
	header, err := request.Authorization(signer)
	require.NoError(t, err)
	body := []byte(strings.Repeat("x", 3000))

	for name, c := range map[string]struct {
		atMost float64
		call   func()
	}{
		"Authorization":      {2, func() { _, _ = request.Authorization(signer) }},
		"ParseAuthorization": {2, func() { _, _ = cnwire.ParseAuthorization(header) }},
		"SignResponse":       {3, func() { _, _ = cnwire.SignResponse(signer, answerTime, answerNonce, body) }},
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(100, c.call), c.atMost)
		})
	}
}

func BenchmarkAuthorization(b *testing.B) {
	request := grayOnline()
	for name, signer := range map[string]crypto.Signer{
		"RSA":         testkey.Key(),
		"without RSA": fixedSigner{testkey.Key(), make([]byte, 256)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = request.Authorization(signer)
			}
		})
	}
}

func BenchmarkParseAuthorization(b *testing.B) {
	header, err := grayOnline().Authorization(testkey.Key())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = cnwire.ParseAuthorization(header)
	}
}

func BenchmarkVerifyResponse(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "64KiB": 64 << 10} {
		body := []byte(strings.Repeat("x", size))
		signature, err := cnwire.SignResponse(testkey.Key(), answerTime, answerNonce, body)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				_ = cnwire.VerifyResponse(&testkey.Key().PublicKey, answerTime, answerNonce, body, signature)
			}
		})
	}
}

func BenchmarkVerifyNotification(b *testing.B) {
	params := notification("app_id", "1", "memo", "", "sign_type", "RSA2", "biz_content", strings.Repeat("x", 500))
	sign, err := cnwire.SignNotification(testkey.Key(), params, cnwire.Form{}) // the last that is tried
	require.NoError(b, err)
	params.Set("sign", sign)
	b.ReportAllocs()
	for b.Loop() {
		_ = cnwire.VerifyNotification(&testkey.Key().PublicKey, params)
	}
}
