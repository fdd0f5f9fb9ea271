package alipaycn

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func goodOptions() []Option {
	return []Option{WithAppID(stubAppID), WithSigner(testkey.FastClient()), WithAlipayPublicKey(testkey.FastKey().PublicPEM())}
}

func ed25519PEM(t *testing.T) []byte {
	t.Helper()
	key, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestWithoutOptionsEverythingMissingIsNamed(t *testing.T) {
	_, err := New()
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.Len(t, broken(err), 3)
	for _, option := range []string{"WithAppID", "WithPrivateKey", "WithAlipayPublicKey"} {
		require.ErrorContains(t, err, option)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	app, _ := certificatePEM(t, testkey.FastClient(), 1)
	alipay, _ := certificatePEM(t, testkey.FastKey(), 2)
	for _, tt := range []struct {
		name   string
		option Option
		says   string
	}{
		{"app id empty", WithAppID(""), "app id"},
		{"app id with a comma", WithAppID("1,2"), "app id"},
		{"signer", WithSigner(nil), "signer"},
		{"private key", WithPrivateKey([]byte("x")), "private key"},
		{"public key", WithAlipayPublicKey([]byte("x")), "Alipay public key"},
		{"public key of another kind", WithAlipayPublicKey(ed25519PEM(t)), "Alipay public key"},
		{"certificates", WithCertificates([]byte("x"), nil, nil), "certificates"},
		{"both modes", WithCertificates(app, alipay, alipay), "both given"},
		{"token", WithAppAuthToken("a\nb"), "app auth token"},
		{"endpoint", WithEndpoint("openapi.alipay.com"), "endpoint"},
		{"endpoint unreadable", WithEndpoint("https://[::"), "endpoint"},
		{"endpoint with a path", WithEndpoint("https://openapi.alipay.com/gateway.do"), "older protocol"},
		{"endpoint with a query", WithEndpoint("https://openapi.alipay.com?a=b"), "query"},
		{"AES key", WithAESKey([]byte("x")), "AES key"},
		{"expired seconds", WithExpiredSeconds(time.Millisecond), "whole seconds"},
		{"clock skew", WithMaxClockSkew(0), "clock skew"},
		{"HTTP client", WithHTTPClient(nil), "HTTP client"},
		{"retry", WithRetry(0, 0, 0), "retry"},
		{"rate", WithRateLimit(math.NaN(), 1), "rate limit"},
		{"attempt timeout", WithAttemptTimeout(0), "attempt timeout"},
		{"observer", WithObserver(nil), "observer"},
		{"operation observer", WithOperationObserver(nil), "operation observer"},
		{"round tripper", WithRoundTripper(nil), "round tripper"},
		{"user agent", WithUserAgent("a\nb"), "user agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(append(goodOptions(), tt.option)...)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestOptionsReachTheWire(t *testing.T) {
	var seen *http.Request
	c, err := New(append(goodOptions(), WithEndpoint("http://gateway.example/"), WithUserAgent("releaser/1"), WithExpiredSeconds(2*time.Minute),
		WithRateLimit(1000, 10), WithAttemptTimeout(time.Minute), WithLogger(nil), WithRetry(1, 0, 0),
		WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			seen = r
			return nil, io.ErrUnexpectedEOF
		})}))...)
	require.NoError(t, err)
	_, err = c.BaseInfo.Get(t.Context())
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "http://gateway.example/v3/alipay/open/mini/baseinfo/query", seen.URL.String())
	require.Equal(t, "releaser/1", seen.Header.Get("User-Agent"))
	require.Contains(t, seen.Header.Get("Authorization"), ",expired_seconds=120,sign=")
	require.Empty(t, seen.Header.Get("Alipay-App-Auth-Token"))
}

func TestNewFromEnv(t *testing.T) {
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	t.Run("everything", func(t *testing.T) {
		t.Setenv("ALIPAYCN_ENDPOINT", "http://127.0.0.1:8481")
		t.Setenv("ALIPAYCN_APP_ID", stubAppID)
		t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", file("key", testkey.ClientPEM()))
		t.Setenv("ALIPAYCN_PUBLIC_KEY", string(testkey.FastKey().PublicPEM()))
		t.Setenv("ALIPAYCN_APP_AUTH_TOKEN_FILE", file("token", []byte(stubToken+"\n")))
		t.Setenv("ALIPAYCN_AES_KEY", "c2hhcmVkLWFlcy1rZXktMQ==")
		c, err := NewFromEnv()
		require.NoError(t, err)
		require.Equal(t, stubToken, *c.token)
		require.Equal(t, "http://127.0.0.1:8481", c.origin)
		require.NotNil(t, c.aes)
	})
	t.Run("certificates", func(t *testing.T) {
		app, appSN := certificatePEM(t, testkey.Client(), 1)
		alipay, alipaySN := certificatePEM(t, testkey.FastKey(), 2)
		t.Setenv("ALIPAYCN_APP_ID", stubAppID)
		t.Setenv("ALIPAYCN_PRIVATE_KEY", string(testkey.ClientPEM()))
		t.Setenv("ALIPAYCN_APP_CERT_FILE", file("app", app))
		t.Setenv("ALIPAYCN_ALIPAY_CERT_FILE", file("alipay", alipay))
		t.Setenv("ALIPAYCN_ROOT_CERT_FILE", file("root", alipay))
		c, err := NewFromEnv()
		require.NoError(t, err)
		require.Equal(t, appSN, c.trust.appCertSN)
		require.Equal(t, alipaySN, c.trust.keys.Certificates[0].SN)
	})
	t.Run("everything wrong at once", func(t *testing.T) {
		t.Setenv("ALIPAYCN_APP_ID", "a,b")
		t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", string(testkey.ClientPEM()))
		t.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", filepath.Join(folder, "none"))
		t.Setenv("ALIPAYCN_APP_CERT_FILE", filepath.Join(folder, "none"))
		_, err := NewFromEnv()
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		for _, variable := range []string{"ALIPAYCN_APP_ID", "ALIPAYCN_PRIVATE_KEY", "ALIPAYCN_PUBLIC_KEY_FILE", "ALIPAYCN_ALIPAY_CERT_FILE is not set", "ALIPAYCN_ROOT_CERT_FILE is not set"} {
			require.ErrorContains(t, err, variable)
		}
		require.NotContains(t, err.Error(), "PRIVATE KEY--")
	})
}

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
	certificate, _ := certificatePEM(t, testkey.FastClient(), 1)
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

// A write with what it takes to learn what became of it is one operation, and the read is one within it.
func TestAWriteIsOneOperationWithTheReadThatProvesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var log []string
		within := func(ctx context.Context) string { name, _ := ctx.Value(key{}).(string); return name }
		_, c := newStub(t, func(n int, r *http.Request, _ []byte) stubAnswer {
			log = append(log, "send in "+within(r.Context()))
			if n == 1 {
				return stubAnswer{status: 502, body: "<html>", bare: true}
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"OFFLINE"}`}
		}, WithOperationObserver(func(ctx context.Context, op Operation) (context.Context, func(error)) {
			name := strings.TrimPrefix(within(ctx)+"/"+op.Name, "/")
			log = append(log, "begin "+name+" "+op.API)
			return context.WithValue(ctx, key{}, name), func(err error) { log = append(log, fmt.Sprintf("end %s %v", name, err)) }
		}), WithObserver(func(ctx context.Context, a Attempt) {
			log = append(log, fmt.Sprint("attempt ", a.Number, " in ", within(ctx)))
		}))

		_ = c.Versions.TakeOffline(t.Context(), VersionInput{Version: versionOne()})

		require.Equal(t, []string{
			"begin versions.takeOffline alipay.open.mini.version.offline",
			"send in versions.takeOffline", "attempt 1 in versions.takeOffline",
			"begin versions.takeOffline/versions.get alipay.open.mini.version.detail.query",
			"send in versions.takeOffline/versions.get", "attempt 1 in versions.takeOffline/versions.get",
			"end versions.takeOffline/versions.get <nil>",
		}, log[:7])
		require.Contains(t, log[len(log)-1], "end versions.takeOffline ")
	})
}

// What an attempt is of has begun, also where the call is not signed.
func TestThePictureOfAQRCodeIsAnOperation(t *testing.T) {
	var log []string
	answers := roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody}, nil
	})
	_, c := newStub(t, nil, WithRoundTripper(func(http.RoundTripper) http.RoundTripper { return answers }),
		WithOperationObserver(func(ctx context.Context, op Operation) (context.Context, func(error)) {
			log = append(log, "begin "+op.Name)
			return ctx, func(err error) { log = append(log, fmt.Sprint("end ", err != nil)) }
		}), WithObserver(func(_ context.Context, a Attempt) { log = append(log, "attempt of "+a.Operation) }))

	_, err := c.QRCodes.Picture(t.Context(), "https://pictures.example/1.png")

	require.Error(t, err)
	require.Equal(t, []string{"begin qrcodes.picture", "attempt of qrcodes.picture", "end true"}, log)
}
