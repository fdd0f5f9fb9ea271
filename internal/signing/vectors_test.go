package signing_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

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
