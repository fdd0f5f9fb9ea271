package alipaycn

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// Tokens and AES keys are as short as file names.
func TestASecretInPlaceOfItsFileIsNotQuoted(t *testing.T) {
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN_FILE", "202109BB1234567890abcdef")
	t.Setenv("ALIPAYCN_AES_KEY_FILE", "c2hhcmVkLWFlcy1rZXktMQ==")
	t.Setenv("ALIPAYCN_APP_CERT_FILE", "-----BEGIN CERTIFICATE-----")
	t.Setenv("ALIPAYCN_ALIPAY_CERT_FILE", "none")
	t.Setenv("ALIPAYCN_ROOT_CERT_FILE", "none")

	_, err := NewFromEnv()

	require.ErrorContains(t, err, "the content itself goes into ALIPAYCN_APP_AUTH_TOKEN (from ALIPAYCN_APP_AUTH_TOKEN_FILE)")
	require.ErrorContains(t, err, "the content itself goes into ALIPAYCN_AES_KEY (from ALIPAYCN_AES_KEY_FILE)")
	for _, variable := range []string{"ALIPAYCN_APP_CERT_FILE", "ALIPAYCN_ALIPAY_CERT_FILE", "ALIPAYCN_ROOT_CERT_FILE"} {
		require.ErrorContains(t, err, "give the name of a file, not what is in it (from "+variable+")")
	}
	for _, secret := range []string{"202109BB", "c2hhcmVk", "BEGIN"} {
		require.NotContains(t, err.Error(), secret)
	}
}

// One certificate variable asks for all three.
func TestCertificatesAreTakenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cert")
	certificate, _ := certificatePEM(t, testkey.FastClientSigner(), 1)
	require.NoError(t, os.WriteFile(path, certificate, 0o600))
	all := []string{"ALIPAYCN_APP_CERT_FILE", "ALIPAYCN_ALIPAY_CERT_FILE", "ALIPAYCN_ROOT_CERT_FILE"}
	for _, variable := range all {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, path)

			_, err := NewFromEnv()

			for _, other := range all {
				if other != variable {
					require.ErrorContains(t, err, other+" is not set")
				}
			}
			require.NotContains(t, err.Error(), variable+" is not set")
		})
	}
}
