package signing_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

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

func TestParseTimeReadsBothForms(t *testing.T) {
	want := time.Date(2019, 4, 4, 6, 38, 56, 253e6, time.UTC)
	for _, text := range []string{"2019-04-04T12:08:56.253+05:30", "2019-04-04T06:38:56.253Z", "1554359936253"} {
		got, err := signing.ParseTime(text)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), text)
	}
}

func TestParseTimeRefusesLessThanAWholeTime(t *testing.T) {
	for _, text := range []string{"", "2019-04-04", "2019-04-04T12:08:56", "2019-04-04T12:08:56.253", "1554359936.253", "now"} {
		_, err := signing.ParseTime(text)
		require.Error(t, err, text)
	}
}

var vectorFiles = []string{"aplus-request.json", "aplus-response.json"}

type vectors struct {
	Keys struct {
		Newest    int `json:"newest_key_version"`
		ByVersion map[string]struct {
			Public  string `json:"public_key_pem"`
			Private string `json:"TEST_ONLY_private_key_pkcs8_pem"`
		} `json:"by_version"`
	} `json:"keys"`
	SignCases []struct {
		Name  string `json:"name"`
		Input struct {
			Method       string `json:"method"`
			Path         string `json:"path"`
			ClientID     string `json:"client_id"`
			RequestTime  string `json:"request_time"`
			ResponseTime string `json:"response_time"`
			Body         string `json:"body"`
			KeyVersion   int    `json:"key_version"`
		} `json:"input"`
		Expected struct {
			Signature string `json:"signature_base64"`
			Header    string `json:"header"`
		} `json:"expected"`
	} `json:"sign_cases"`
	VerifyCases   []verifyCase `json:"verify_cases"`
	Informational []verifyCase `json:"informational_cases"`
}

type verifyCase struct {
	Name     string            `json:"name"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Expected string            `json:"expected"`
	Reason   string            `json:"reason"`
}

func TestSignVectors(t *testing.T) {
	for _, file := range vectorFiles {
		v := loadVectors(t, file)
		for _, c := range v.SignCases {
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				in := c.Input
				version := strconv.Itoa(in.KeyVersion)
				digest := signing.Digest(in.Method, in.Path, in.ClientID, in.RequestTime+in.ResponseTime, []byte(in.Body))

				signature, err := signing.Sign(v.private(t, version), digest[:])

				require.NoError(t, err)
				require.Equal(t, c.Expected.Signature, base64.StdEncoding.EncodeToString(signature))
				require.Equal(t, c.Expected.Header, signing.Header{KeyVersion: version, Signature: signature}.String())
			})
		}
		require.Greater(t, len(v.SignCases), 5)
	}
}

func TestVerifyVectors(t *testing.T) {
	for _, file := range vectorFiles {
		v := loadVectors(t, file)
		for _, c := range append(v.VerifyCases, v.Informational...) {
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				err := v.verify(t, c)
				switch c.Reason {
				case "":
					require.NoError(t, err)
				case "missing":
					require.ErrorIs(t, err, signing.ErrNoSignature)
				case "algorithm":
					require.ErrorIs(t, err, signing.ErrAlgorithm)
				default:
					require.ErrorIs(t, err, signing.ErrMismatch)
				}
				require.Equal(t, c.Expected == "valid", err == nil)
			})
		}
		require.Greater(t, len(v.VerifyCases), 15)
	}
}

// The copies here must not drift from the project's shared vectors, which are
// not part of a release.
func TestVectorsAreTheSharedOnes(t *testing.T) {
	for _, file := range vectorFiles {
		shared, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vectors", file))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		ours, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		require.Equal(t, string(shared), string(ours), "copy shared/vectors/%s to testdata again", file)
	}
}

func loadVectors(tb testing.TB, file string) vectors {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(tb, err)
	var v vectors
	require.NoError(tb, json.Unmarshal(data, &v))
	return v
}

func (v vectors) private(tb testing.TB, version string) *rsa.PrivateKey {
	tb.Helper()
	key, err := signing.ParsePrivateKey([]byte(v.Keys.ByVersion[version].Private))
	require.NoError(tb, err)
	return key
}

func (v vectors) public(tb testing.TB, version string) *rsa.PublicKey {
	tb.Helper()
	if version == "" {
		version = strconv.Itoa(v.Keys.Newest)
	}
	key, err := signing.ParsePublicKey([]byte(v.Keys.ByVersion[version].Public))
	require.NoError(tb, err)
	return key
}

func (v vectors) verify(t *testing.T, c verifyCase) error {
	t.Helper()
	header, err := signing.ParseHeader(c.header("Signature", "signature"))
	if err != nil {
		return err
	}
	clientID := c.header("Client-Id", "client-id")
	timestamp := c.header("Request-Time", "request-time", "Response-Time", "response-time")
	digest := signing.Digest(c.Method, c.Path, clientID, timestamp, []byte(c.Body))
	return signing.Verify(v.public(t, header.KeyVersion), digest[:], header.Signature)
}

func (c verifyCase) header(names ...string) string {
	for _, name := range names {
		if value, ok := c.Headers[name]; ok {
			return value
		}
	}
	return ""
}

// A large body is hashed where it lies, and never copied.
func TestDigestDoesNotCopyALargeBody(t *testing.T) {
	digest := callOf(8 << 20)
	var before, after runtime.MemStats

	runtime.ReadMemStats(&before)
	digest()
	runtime.ReadMemStats(&after)

	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func BenchmarkDigest(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "4000B": 4000, "64KiB": 64 << 10} {
		digest := callOf(size)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				digest()
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	key := loadVectors(b, vectorFiles[0]).private(b, "1")
	digest := callOf(1 << 10)()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = signing.Sign(key, digest[:])
	}
}

func BenchmarkVerify(b *testing.B) {
	key := loadVectors(b, vectorFiles[0]).private(b, "1")
	digest := callOf(1 << 10)()
	signature, err := signing.Sign(key, digest[:])
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_ = signing.Verify(&key.PublicKey, digest[:], signature)
	}
}

func callOf(size int) func() [32]byte {
	body := bytes.Repeat([]byte("x"), size)
	return func() [32]byte {
		return signing.Digest("POST", "/api/open/v2/service/create", "2021550000000001", "2026-11-21T10:11:12+08:00", body)
	}
}
