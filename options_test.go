package alipayplus_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// complete are the options that a client cannot do without.
func complete() []alipayplus.Option {
	return []alipayplus.Option{
		alipayplus.WithBaseURL(gatewayURL), alipayplus.WithClientID(myClientID),
		alipayplus.WithSigner(clientKey()), alipayplus.WithPlatformKey("1", platformKeyPEM("1")),
	}
}

func problemsOf(t *testing.T, err error) []alipayplus.FieldError {
	t.Helper()
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.NotContains(t, err.Error(), "\n")
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	require.True(t, ok)
	require.Equal(t, "client options", invalid.Subject)
	return invalid.Fields
}

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	c, err := alipayplus.New()

	require.Nil(t, c)
	require.Equal(t, []alipayplus.FieldError{
		{Path: "base URL", Message: "is missing: give WithBaseURL or set ALIPAYPLUS_BASE_URL"},
		{Path: "client id", Message: "is missing: give WithClientID or set ALIPAYPLUS_CLIENT_ID"},
		{Path: "private key", Message: "is missing: give WithPrivateKey or WithSigner, or set ALIPAYPLUS_PRIVATE_KEY_FILE"},
		{Path: "platform public key", Message: "is missing: give WithPlatformKey or set ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE"},
	}, problemsOf(t, err))
}

func TestNewNeedsEachOfFourOptions(t *testing.T) {
	for i := range complete() {
		opts := complete()
		_, err := alipayplus.New(append(opts[:i:i], opts[i+1:]...)...)
		require.Len(t, problemsOf(t, err), 1, i)
	}
	_, err := alipayplus.New(complete()...)
	require.NoError(t, err)
}

// otherKinds are keys of which none will do.
func otherKinds(t *testing.T) (ec *ecdsa.PrivateKey, short *rsa.PublicKey) {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return ec, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
}

type signerOf struct{ public crypto.PublicKey }

func (s signerOf) Public() crypto.PublicKey { return s.public }

func (signerOf) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("a constructor signs nothing")
}

// Each wrong option is named, and none of them hides another or counts as missing too.
func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	ec, short := otherKinds(t)
	tests := []struct {
		option        alipayplus.Option
		path, message string
	}{
		{alipayplus.WithBaseURL("gateway.example.com"), "base URL", "must be an http or https address with a host"},
		{alipayplus.WithBaseURL(""), "base URL", "must be an http or https address with a host"},
		{alipayplus.WithBaseURL("ftp://gateway.example.com"), "base URL", "must be an http or https address with a host"},
		{alipayplus.WithBaseURL("https:///path"), "base URL", "must be an http or https address with a host"},
		{alipayplus.WithBaseURL("https://a b"), "base URL", "must be an http or https address"},
		{alipayplus.WithBaseURL("https://ann:s3cret@gateway.example.com"), "base URL", "must not have user, query or fragment"},
		{alipayplus.WithBaseURL("https://gateway.example.com/?token=s3cret"), "base URL", "must not have user, query or fragment"},
		{alipayplus.WithBaseURL("https://gateway.example.com/#s3cret"), "base URL", "must not have user, query or fragment"},
		{alipayplus.WithClientID("2021 55"), "client id", "must be printable ASCII without spaces"},
		{alipayplus.WithClientID("202155\n"), "client id", "must be printable ASCII without spaces"},
		{alipayplus.WithClientID("２０２１"), "client id", "must be printable ASCII without spaces"},
		{alipayplus.WithSigner(nil), "signer", "is nil"},
		{alipayplus.WithSigner((*rsa.PrivateKey)(nil)), "signer", "is nil"},
		{alipayplus.WithSigner(ec), "signer", "must hold an RSA key"},
		{alipayplus.WithSigner(signerOf{short}), "signer", "has 1024 bits, where 2048 to 8192 are accepted"},
		{alipayplus.WithPrivateKey(nil), "private key", "is empty: give PEM or base64"},
		{alipayplus.WithPrivateKey([]byte("s3cret")), "private key", "is neither PEM nor base64"},
		{alipayplus.WithPrivateKey(testkey.PEM()[:800]), "private key", "has no END line for its PEM block 1 (PRIVATE KEY)"},
		{alipayplus.WithKeyVersion(""), "key version", "has 0 characters, where 1 to 64 are accepted"},
		{alipayplus.WithKeyVersion("1,2"), "key version", "is a comma or not visible ASCII"},
		{alipayplus.WithPlatformKey("1", nil), "platform public key", "is empty: give PEM or base64"},
		{alipayplus.WithPlatformKey("1", keyPEM(t, ec.Public())), "platform public key", "must be an RSA public key"},
		{alipayplus.WithPlatformKey("1", keyPEM(t, short)), "platform public key", "has 1024 bits"},
		{alipayplus.WithPlatformKey("", platformKeyPEM("1")), "platform public key", "needs a version"},
		{alipayplus.WithPlatformKey("1", testkey.PEM()), "platform public key", "this is an RSA private key, which must stay with its owner"},
		{alipayplus.WithHTTPClient(nil), "HTTP client", "must not be nil"},
		{alipayplus.WithRetry(0, 0, 0), "retry", "needs at least 1 attempt"},
		{alipayplus.WithRetry(1, -1, 0), "retry", "0 <= shortest wait"},
		{alipayplus.WithRetry(1, 2, 1), "retry", "shortest wait <= longest wait"},
		{alipayplus.WithRateLimit(0, 1), "rate limit", "must be above 0"},
		{alipayplus.WithRateLimit(math.NaN(), 1), "rate limit", "must be above 0"},
		{alipayplus.WithRateLimit(1, 0), "rate limit", "burst of at least 1"},
		{alipayplus.WithAttemptTimeout(0), "attempt timeout", "must be above 0"},
		{alipayplus.WithObserver(nil), "observer", "must not be nil"},
		{alipayplus.WithOperationObserver(nil), "operation observer", "must not be nil"},
		{alipayplus.WithRoundTripper(nil), "round tripper", "must not be nil"},
		{alipayplus.WithUserAgent("bot\r\nX-Other: 1"), "user agent", "must be printable ASCII"},
		{alipayplus.WithTimeFormat(2), "time format", "must be TimeISO8601 or TimeUnixMilli"},
		{alipayplus.WithMaxClockSkew(0), "clock skew", "must be above 0"},
	}
	var all []alipayplus.Option
	for _, tt := range tests {
		_, err := alipayplus.New(append(complete(), tt.option)...)
		fields := problemsOf(t, err)
		require.Len(t, fields, 1, err)
		require.Equal(t, tt.path, fields[0].Path)
		require.Contains(t, fields[0].Message, tt.message)
		require.NotContains(t, err.Error(), "s3cret")
		require.NotContains(t, err.Error(), "private key private key")
		all = append(all, tt.option)
	}

	_, err := alipayplus.New(all...)
	require.Len(t, problemsOf(t, err), len(tests), "and nothing is missing")
}

func TestOptionsThatMeanTheirDefault(t *testing.T) {
	_, err := alipayplus.New(append(complete(), alipayplus.WithLogger(nil), alipayplus.WithUserAgent(""))...)
	require.NoError(t, err)
}

// A constructor asks nobody: not the network, and not the signer to sign.
func TestNewDoesNoIO(t *testing.T) {
	given := newGateway(t, done())

	given.client(alipayplus.WithSigner(signerOf{clientKey().Public()}), alipayplus.WithRateLimit(1, 1),
		alipayplus.WithObserver(func(context.Context, alipayplus.Attempt) { t.Error("nothing happened") }))

	require.Empty(t, given.attempts())
}

// bareBase64 is a key as consoles show it: base64 on one line, without PEM's frame.
func bareBase64(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// keyPEM is a public key of any kind as PEM.
func keyPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// setEnv sets the variables that a client cannot do without, and then changes.
// Only these are set, whatever the environment of the test is.
func setEnv(t *testing.T, changes map[string]string) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "ALIPAYPLUS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("ALIPAYPLUS_BASE_URL", gatewayURL)
	t.Setenv("ALIPAYPLUS_CLIENT_ID", myClientID)
	t.Setenv("ALIPAYPLUS_PRIVATE_KEY", string(testkey.PEM()))
	t.Setenv("ALIPAYPLUS_PLATFORM_PUBLIC_KEY", string(platformKeyPEM("1")))
	for name, value := range changes {
		t.Setenv(name, value)
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// Keys come in every form that tools and consoles give them, as a variable or in a file.
func TestNewFromEnvTakesKeysInEveryForm(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(testkey.Key())
	require.NoError(t, err)
	pkcs1 := x509.MarshalPKCS1PrivateKey(testkey.Key())
	public, err := x509.MarshalPKIXPublicKey(platformKey("1").Public())
	require.NoError(t, err)
	publicPKCS1 := x509.MarshalPKCS1PublicKey(&platformKey("1").PublicKey)

	forms := map[string]string{
		"ALIPAYPLUS_PRIVATE_KEY PKCS#8":           string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		"ALIPAYPLUS_PRIVATE_KEY PKCS#1":           string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: pkcs1})),
		"ALIPAYPLUS_PRIVATE_KEY bare PKCS#8":      bareBase64(pkcs8) + "\n",
		"ALIPAYPLUS_PRIVATE_KEY bare PKCS#1":      bareBase64(pkcs1),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY PKIX":     string(platformKeyPEM("1")),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY PKCS#1":   string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: publicPKCS1})),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY bare":     bareBase64(public),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY bare\r\n": "\ufeff" + bareBase64(public) + "\r\n",
	}
	for name, key := range forms {
		variable, _, _ := strings.Cut(name, " ")
		for how, changes := range map[string]map[string]string{
			"variable": {variable: key},
			"file":     {variable + "_FILE": file(t, key), variable: ""},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				setEnv(t, changes)
				given := newGateway(t, done())
				given.clientKey = &testkey.Key().PublicKey

				c, err := alipayplus.NewFromEnv(alipayplus.WithHTTPClient(&http.Client{Transport: given}))

				require.NoError(t, err)
				require.NoError(t, read(t.Context(), c))
			})
		}
	}
}

func TestNewFromEnvTakesEveryVariable(t *testing.T) {
	setEnv(t, map[string]string{
		"ALIPAYPLUS_BASE_URL": "https://h.example/acl", "ALIPAYPLUS_CLIENT_ID": "me", "ALIPAYPLUS_KEY_VERSION": "7",
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY": string(platformKeyPEM("2")), "ALIPAYPLUS_PLATFORM_KEY_VERSION": "9",
		"ALIPAYPLUS_ATTEMPT_TIMEOUT": "45s",
	})
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, func(got attempt) (*http.Response, error) {
			deadline, _ := got.request.Context().Deadline()
			require.Equal(t, 45*time.Second, time.Until(deadline))
			return done(func(a *answer) { a.key, a.keyVersion = platformKey("2"), "9" })(got)
		})
		given.clientKey = &testkey.Key().PublicKey

		c, err := alipayplus.NewFromEnv(alipayplus.WithHTTPClient(&http.Client{Transport: given}))
		require.NoError(t, err)
		require.NoError(t, read(t.Context(), c))

		got := given.attempts()[0]
		require.Equal(t, "https://h.example/acl/api/open/v2/release/query", got.request.URL.String())
		require.Equal(t, "me", got.header.Get("Client-Id"))
		require.Contains(t, got.header.Get("Signature"), "keyVersion=7,")
	})
}

// Options go over variables.
func TestOptionsGoOverTheEnvironment(t *testing.T) {
	setEnv(t, map[string]string{"ALIPAYPLUS_CLIENT_ID": "theirs", "ALIPAYPLUS_PRIVATE_KEY": ""})
	given := newGateway(t, done())

	c, err := alipayplus.NewFromEnv(alipayplus.WithClientID("mine"), alipayplus.WithSigner(clientKey()),
		alipayplus.WithHTTPClient(&http.Client{Transport: given}))
	require.NoError(t, err)
	require.NoError(t, read(t.Context(), c))

	require.Equal(t, "mine", given.attempts()[0].header.Get("Client-Id"))
}

// Each variable that is wrong is named, with the way out, and never with a key.
func TestNewFromEnvNamesWhatIsWrong(t *testing.T) {
	ec, _ := otherKinds(t)
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	require.NoError(t, err)
	private, public := string(testkey.PEM()), string(platformKeyPEM("1"))
	directory := t.TempDir()

	tests := map[string]struct{ name, value, want string }{
		"no such file":       {"ALIPAYPLUS_PRIVATE_KEY_FILE", "/nowhere/key.pem", "private key cannot be read: no such file or directory; give the name of a file; the content itself goes into ALIPAYPLUS_PRIVATE_KEY (from ALIPAYPLUS_PRIVATE_KEY_FILE)"},
		"a directory":        {"ALIPAYPLUS_PRIVATE_KEY_FILE", directory, `private key cannot be read from the file "` + directory + `": is a directory (from ALIPAYPLUS_PRIVATE_KEY_FILE)`},
		"empty file":         {"ALIPAYPLUS_PRIVATE_KEY_FILE", file(t, " \n"), "private key is empty: give PEM or base64"},
		"empty public file":  {"ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE", file(t, ""), "platform public key is empty: give PEM or base64"},
		"key for file name":  {"ALIPAYPLUS_PRIVATE_KEY_FILE", private, "the content itself goes into ALIPAYPLUS_PRIVATE_KEY (from ALIPAYPLUS_PRIVATE_KEY_FILE)"},
		"bare for file name": {"ALIPAYPLUS_PRIVATE_KEY_FILE", bareBase64([]byte(private)), "the content itself goes into ALIPAYPLUS_PRIVATE_KEY (from ALIPAYPLUS_PRIVATE_KEY_FILE)"},
		"file name for key":  {"ALIPAYPLUS_PRIVATE_KEY", "/etc/key.pem", "private key is neither PEM nor base64: give the contents of the key file, whole, and not its name"},
		"public for private": {"ALIPAYPLUS_PRIVATE_KEY", public, "private key must be an RSA private key, but this is an RSA public key; give the private key that belongs to it"},
		"private for public": {"ALIPAYPLUS_PLATFORM_PUBLIC_KEY", private, "platform public key expected, but this is an RSA private key, which must stay with its owner"},
		"EC key":             {"ALIPAYPLUS_PRIVATE_KEY", bareBase64(ecDER), "private key must be an RSA private key, but this is an elliptic curve (EC) private key"},
		"line breaks lost":   {"ALIPAYPLUS_PRIVATE_KEY", strings.ReplaceAll(private, "\n", `\n`), "private key has a PEM block 1 (PRIVATE KEY) whose content is no base64"},
		"cut off":            {"ALIPAYPLUS_PRIVATE_KEY", private[:1000], "private key has no END line for its PEM block 1 (PRIVATE KEY): it was cut off"},
		"base URL":           {"ALIPAYPLUS_BASE_URL", "gateway", "base URL must be an http or https address with a host, such as https://gateway.example.com (from ALIPAYPLUS_BASE_URL)"},
		"client id":          {"ALIPAYPLUS_CLIENT_ID", "a b", "client id must be printable ASCII without spaces (from ALIPAYPLUS_CLIENT_ID)"},
		"key version":        {"ALIPAYPLUS_KEY_VERSION", "1,2", "key version has a character at position 1 that is a comma"},
		"platform version":   {"ALIPAYPLUS_PLATFORM_KEY_VERSION", "1,2", "platform public key needs a version (ALIPAYPLUS_PLATFORM_KEY_VERSION)"},
		"no unit":            {"ALIPAYPLUS_ATTEMPT_TIMEOUT", "45", "attempt timeout is not a duration such as 45s (from ALIPAYPLUS_ATTEMPT_TIMEOUT)"},
		"below zero":         {"ALIPAYPLUS_ATTEMPT_TIMEOUT", "-1s", "attempt timeout must be above 0 (from ALIPAYPLUS_ATTEMPT_TIMEOUT)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			changes := map[string]string{tt.name: tt.value}
			if variable, ok := strings.CutSuffix(tt.name, "_FILE"); ok {
				changes[variable] = ""
			}
			setEnv(t, changes)

			_, err := alipayplus.NewFromEnv()

			require.Len(t, problemsOf(t, err), 1, err)
			require.Contains(t, err.Error(), tt.want)
			require.Contains(t, err.Error(), tt.name)
			requireNoKey(t, err.Error())
		})
	}
	t.Run("a file and a variable", func(t *testing.T) {
		for _, variable := range []string{"ALIPAYPLUS_PRIVATE_KEY", "ALIPAYPLUS_PLATFORM_PUBLIC_KEY"} {
			setEnv(t, map[string]string{variable + "_FILE": file(t, string(platformKeyPEM("1"))), variable: string(platformKeyPEM("1"))})

			_, err := alipayplus.NewFromEnv()

			require.ErrorContains(t, err, "is given twice: unset "+variable+" or "+variable+"_FILE")
		}
	})
	t.Run("all at once", func(t *testing.T) {
		setEnv(t, map[string]string{
			"ALIPAYPLUS_BASE_URL": "", "ALIPAYPLUS_CLIENT_ID": "a b", "ALIPAYPLUS_PRIVATE_KEY_FILE": "/nowhere/key.pem", "ALIPAYPLUS_PRIVATE_KEY": "",
			"ALIPAYPLUS_PLATFORM_PUBLIC_KEY": "", "ALIPAYPLUS_ATTEMPT_TIMEOUT": "soon",
		})

		_, err := alipayplus.NewFromEnv()

		require.Len(t, problemsOf(t, err), 5, err)
		for _, name := range []string{
			"ALIPAYPLUS_BASE_URL", "ALIPAYPLUS_CLIENT_ID", "ALIPAYPLUS_PRIVATE_KEY_FILE",
			"ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE", "ALIPAYPLUS_ATTEMPT_TIMEOUT",
		} {
			require.Contains(t, err.Error(), name)
		}
	})
}

// requireNoKey looks for any line of the private key.
func requireNoKey(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(string(testkey.PEM())) {
		if line = strings.TrimSpace(line); !strings.Contains(line, "-----") && line != "" {
			require.NotContains(t, text, line)
			require.NotContains(t, text, line[:16])
		}
	}
	require.NotContains(t, text, bareBase64(testkey.PEM())[:16])
}

func TestAnOptionThatIsNilIsNamed(t *testing.T) {
	_, err := alipayplus.New(alipayplus.WithKeyVersion("1"), nil)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.ErrorContains(t, err, "options[1] must not be nil")
}

// TestCredentialsAreReadFromAFolder: what a member was given, and every file that is wrong.
func TestCredentialsAreReadFromAFolder(t *testing.T) {
	files := map[string][]byte{
		"client-id": []byte(myClientID + "\n"), "private-key.pem": testkey.ClientPEM(), "platform-public-key.pem": platformKeyPEM("1"),
	}
	_, err := alipayplus.New(alipayplus.WithBaseURL(gatewayURL), alipayplus.WithCredentials(testkey.Folder(t, files)))
	require.NoError(t, err)

	files["private-key.pem"], files["platform-public-key.pem"] = []byte("no key"), nil
	_, err = alipayplus.New(alipayplus.WithBaseURL(gatewayURL), alipayplus.WithCredentials(testkey.Folder(t, files)))
	var paths []string
	for _, f := range problemsOf(t, err) {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"private key", "platform public key"}, paths)

	_, err = alipayplus.New(alipayplus.WithBaseURL(gatewayURL), alipayplus.WithCredentials(t.TempDir()))
	wrong := problemsOf(t, err)
	require.Len(t, wrong, 1)
	require.Equal(t, "credentials", wrong[0].Path)
	require.Contains(t, wrong[0].Message, "client-id")
}

// An operation is one, however often it is sent: what its observer puts into the context, each attempt has.
func TestAnOperationIsObservedAroundItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var log []string
		given := newGateway(t, page(502), refuses(403, "ACCESS_DENIED"))
		c := given.client(
			alipayplus.WithOperationObserver(func(ctx context.Context, op alipayplus.Operation) (context.Context, func(error)) {
				log = append(log, "begin "+op.Name+" "+op.RequestID)
				return context.WithValue(ctx, key{}, "span"), func(err error) {
					require.ErrorIs(t, err, alipayplus.ErrPermission)
					log = append(log, "end")
				}
			}),
			alipayplus.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					log = append(log, fmt.Sprint("send in ", r.Context().Value(key{})))
					r = r.Clone(r.Context())
					r.Header.Set("Traceparent", "00-1")
					return next.RoundTrip(r)
				})
			}),
			alipayplus.WithObserver(func(ctx context.Context, a alipayplus.Attempt) {
				log = append(log, fmt.Sprint("attempt ", a.Number, " in ", ctx.Value(key{})))
			}),
			alipayplus.WithObserver(func(context.Context, alipayplus.Attempt) { log = append(log, "the other observer") }),
		)

		_, err := c.Releases.Cancel(t.Context(), alipayplus.ReleaseInput{ReleaseID: "rel_1", RequestID: "request-1"})

		require.ErrorIs(t, err, alipayplus.ErrPermission)
		require.Equal(t, []string{
			"begin releases.cancel request-1",
			"send in span", "attempt 1 in span", "the other observer",
			"send in span", "attempt 2 in span", "the other observer",
			"end",
		}, log)
		for _, a := range given.attempts() { // whose signature the gateway has checked
			require.Equal(t, "00-1", a.header.Get("Traceparent"))
		}
	})
}
