package cnwire_test

import (
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

type requestVectors struct {
	Keys struct {
		Private string `json:"TEST_ONLY_app_private_key_pkcs8_pem"`
		Public  string `json:"app_public_key_pem"`
		AES     string `json:"aes_key_base64"`
	} `json:"keys"`
	Cases []struct {
		Name  string `json:"name"`
		Input struct {
			AppID          string `json:"app_id"`
			AppCertSN      string `json:"app_cert_sn"`
			Nonce          string `json:"nonce"`
			Timestamp      int64  `json:"timestamp_ms,string"`
			ExpiredSeconds string `json:"expired_seconds"`
			Method         string `json:"method"`
			PathAndQuery   string `json:"path_and_query"`
			SignedBody     string `json:"signed_body"`
			AppAuthToken   string `json:"app_auth_token"`
			AES            *struct {
				Plaintext string `json:"plaintext"`
			} `json:"aes"`
		} `json:"input"`
		Expected struct {
			AuthString    string `json:"auth_string"`
			StringToSign  string `json:"string_to_sign"`
			Authorization string `json:"authorization"`
		} `json:"expected"`
		Wire struct {
			Method  string            `json:"method"`
			Target  string            `json:"target"`
			Headers map[string]string `json:"headers"`
		} `json:"official_wire"`
	} `json:"cases"`
}

type responseVectors struct {
	Keys struct {
		Public  string `json:"alipay_public_key_pem"`
		Private string `json:"TEST_ONLY_alipay_private_key_pkcs8_pem"`
		CertPEM string `json:"alipay_cert_pem"`
		AES     string `json:"aes_key_base64"`
	} `json:"keys"`
	Cases []responseCase `json:"cases"`
}

type responseCase struct {
	Name      string            `json:"name"`
	Status    int               `json:"http_status"`
	Headers   map[string]string `json:"headers"`
	Body      []byte            `json:"body_base64"`
	CertMode  bool              `json:"cert_mode"`
	Encrypted bool              `json:"encrypted"`
	Expected  struct {
		Signature cnwire.SignatureStatus `json:"signature"`
		Client    string                 `json:"client"`
	} `json:"expected"`
}

type notifyVectors struct {
	Keys struct {
		Public  string `json:"alipay_public_key_pem"`
		Private string `json:"TEST_ONLY_alipay_private_key_pkcs8_pem"`
	} `json:"keys"`
	Cases         []notifyCase `json:"cases"`
	Informational []notifyCase `json:"informational_cases"`
}

type notifyCase struct {
	Name     string            `json:"name"`
	Fields   map[string]string `json:"fields"`
	FormBody string            `json:"form_body"`
	Sender   struct {
		SignType bool `json:"sign_type_in_signed_string"`
	} `json:"sender"`
	Expected struct {
		Valid bool `json:"valid"`
	} `json:"expected"`
}

type certVectors struct {
	Certificates []certCase `json:"certificates"`
	Edge         []certCase `json:"edge_certificates"`
	Roots        []struct {
		Name     string `json:"name"`
		PEM      string `json:"pem"`
		Expected string `json:"expected_root_cert_sn"`
	} `json:"root_bundles"`
}

type certCase struct {
	Name      string `json:"name"`
	PEM       string `json:"pem"`
	SN        string `json:"expected_sn"`
	PublicKey []byte `json:"expected_public_key_spki_base64"`
}

type aesVectors struct {
	Cases []struct {
		Name       string `json:"name"`
		Key        string `json:"key_base64"`
		Plaintext  []byte `json:"plaintext_base64"`
		Ciphertext string `json:"ciphertext_base64"`
	} `json:"cases"`
	Invalid []struct {
		Name       string `json:"name"`
		Key        string `json:"key_base64"`
		Ciphertext string `json:"ciphertext_base64"`
	} `json:"invalid_cases"`
}

// The copies here must not drift from the project's shared vectors, which are
// not part of a release.
func TestVectorsAreTheSharedOnes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		shared, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vectors", filepath.Base(file)))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		ours, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(shared), string(ours), "copy shared/vectors/%s to testdata again", filepath.Base(file))
	}
}

func load[T any](tb testing.TB, file string) T {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(tb, err)
	var v T
	require.NoError(tb, json.Unmarshal(data, &v))
	return v
}

func private(tb testing.TB, pem string) *rsa.PrivateKey {
	tb.Helper()
	key, err := signing.ParsePrivateKey([]byte(pem))
	require.NoError(tb, err)
	return key
}

func public(tb testing.TB, pem string) *rsa.PublicKey {
	tb.Helper()
	key, err := signing.ParsePublicKey([]byte(pem))
	require.NoError(tb, err)
	return key
}

// requireOneLine holds an error to one line, whatever the input was.
func requireOneLine(tb testing.TB, err error) {
	tb.Helper()
	for _, r := range err.Error() {
		require.False(tb, r < ' ' || r == 0x7f, "control character in %q", err)
	}
}

// brokenSigner is a remote key store that is down.
type brokenSigner struct{ *rsa.PrivateKey }

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errStore }

var errStore = errors.New("key store is down")
