package alipaycntest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// certificate makes a self-signed certificate.
func certificate(t *testing.T, name string, key crypto.Signer) []byte {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name, Country: []string{"CN"}},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestCertificates(t *testing.T) {
	alipay, app := certificate(t, "alipay", testkey.Key()), certificate(t, "app", testkey.Client())
	w := newWorld(t, alipaycntest.WithCertificates(alipay, alipay))
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "certified", Certificate: app}))
	parsed, err := cnwire.ParseCertificate(app)
	require.NoError(t, err)
	roots, err := cnwire.ParseRoots(alipay)
	require.NoError(t, err)
	for _, tt := range []struct {
		sn, root string
		code     alipaycn.Code
	}{
		{parsed.SN, roots.SN, ""},
		{parsed.SN, "", ""}, // not every SDK sends it
		{parsed.SN, "another", "invalid-alipay-root-cert-sn"},
		{"", roots.SN, "missing-app-cert-sn"},
		{"another", roots.SN, "app-cert-not-exist"},
	} {
		r := w.prepare(cnwire.VersionList, nil, nil)
		r.sign.AppID, r.sign.AppAuthToken, r.sign.AppCertSN = "certified", "", tt.sn
		if tt.root != "" {
			r.header.Set("Alipay-Root-Cert-Sn", tt.root)
		}
		out, err := w.send(r.signed(t))
		require.NoError(t, err)
		require.Equal(t, tt.code, out.code, out.message)
		require.Equal(t, roots.SN, out.header.Get(cnwire.HeaderSN)) // here one certificate is both
	}

	params, err := w.g.Notification(&alipaycn.AuditPassed{NotificationInfo: alipaycn.NotificationInfo{AppID: isv}})
	require.NoError(t, err)
	require.Equal(t, roots.SN, params.Get("alipay_cert_sn"))
}

func TestWrongOptions(t *testing.T) {
	foreign := certificate(t, "alipay", testkey.Client())
	for want, opt := range map[string]alipaycntest.Option{
		"key: ":                     alipaycntest.WithKey(weak{}),
		"key: it is nil":            alipaycntest.WithKey(nil),
		"it is not that of the key": alipaycntest.WithCertificates(foreign, foreign),
		"certificate text":          alipaycntest.WithCertificates(nil, nil),
		"root certificates":         alipaycntest.WithCertificates(foreign, nil),
		"time window":               alipaycntest.WithTimeWindow(0),
		"build delay":               alipaycntest.WithBuildDelay(-1),
		"scan delay":                alipaycntest.WithScanDelay(0),
		"auto review":               alipaycntest.WithAutoReview(-1),
		"notification client":       alipaycntest.WithNotificationClient(nil),
	} {
		_, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()), opt)
		require.ErrorContains(t, err, want)
	}
	g, err := alipaycntest.New() // makes a key
	require.NoError(t, err)
	require.Contains(t, string(g.AlipayPublicKey()), "PUBLIC KEY")
}

// weak is a signer without an RSA key.
type weak struct{ crypto.Signer }

func (weak) Public() crypto.PublicKey { return nil }
