package alipaycn_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

// authority issues certificates under one root, as Alipay does for itself and for all apps.
type authority struct {
	t    *testing.T
	key  *testkey.Signer
	root *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, key *testkey.Signer) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{t: t, key: key}
	a.root, a.pem = a.issue(template, template, key)
	return a
}

func (a *authority) issue(template, issuer *x509.Certificate, key crypto.Signer) (*x509.Certificate, []byte) {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), a.key)
	require.NoError(a.t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return c, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (a *authority) leaf(serial int64, organization string, key crypto.Signer, ends time.Duration) []byte {
	_, text := a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: organization, Organization: []string{organization}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(ends), KeyUsage: x509.KeyUsageDigitalSignature,
	}, a.root, key)
	return text
}

const certificateApp = "2021000000000004"

// certified is a gateway in certificate mode and a client of it.
func certified(t *testing.T, a *authority, opts ...alipaycn.Option) (*alipaycntest.Gateway, *alipaycn.Client) {
	t.Helper()
	alipay, app := a.leaf(2, "Alipay", testkey.FastKey(), time.Hour*24), a.leaf(3, "Shop", testkey.FastClient(), time.Hour*24)
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()), alipaycntest.WithCertificates(alipay, a.pem))
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: certificateApp, Certificate: app}))
	client, err := alipaycn.New(append([]alipaycn.Option{
		alipaycn.WithAppID(certificateApp), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithHTTPClient(g.HTTPClient()),
		alipaycn.WithCertificates(app, alipay, a.pem), alipaycn.WithRetry(1, 0, 0),
	}, opts...)...)
	require.NoError(t, err)
	return g, client
}

func downloadsOf(g *alipaycntest.Gateway) (n int) {
	for _, c := range g.Calls() {
		if c.Operation == "certificates.download" {
			n++
		}
	}
	return n
}

func TestAClientTakesTheNextCertificateToo(t *testing.T) {
	a := newAuthority(t, testkey.FastKey())
	next := a.leaf(7, "Alipay", testkey.FastOther(), time.Hour)
	g, client := certified(t, a, alipaycn.WithAlipayCertificates(next))
	_, err := client.BaseInfo.Get(t.Context())
	require.NoError(t, err)

	require.NoError(t, g.ChangeCertificate(testkey.FastOther(), next))

	_, err = client.BaseInfo.Get(t.Context())
	require.NoError(t, err)
	require.Zero(t, downloadsOf(g))
}

func TestWithoutTheOptionNothingIsDownloaded(t *testing.T) {
	a := newAuthority(t, testkey.FastKey())
	g, client := certified(t, a)
	require.NoError(t, g.ChangeCertificate(testkey.FastOther(), a.leaf(7, "Alipay", testkey.FastOther(), time.Hour)))
	_, err := client.BaseInfo.Get(t.Context())
	untrusted := new(alipayplus.SignatureError)
	require.ErrorAs(t, err, &untrusted)
	require.ErrorContains(t, err, "WithCertificateDownload")
	require.Zero(t, downloadsOf(g))
}

func TestTheNextCertificateIsDownloadedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, testkey.FastKey())
		g, client := certified(t, a, alipaycn.WithCertificateDownload())
		require.NoError(t, g.ChangeCertificate(testkey.FastOther(), a.leaf(7, "Alipay", testkey.FastOther(), time.Hour)))
		g.Inject(alipaycntest.Fault{Operation: "certificates.download", Delay: time.Second})
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				_, err := client.For("").BaseInfo.Get(t.Context())
				require.NoError(t, err)
			})
		}
		calls.Wait()
		_, err := client.BaseInfo.Get(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, downloadsOf(g))
	})
}

func TestADownloadedCertificateThatDoesNotFitIsNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		next func(t *testing.T, a *authority) []byte
		says string
	}{
		"of other roots": {func(t *testing.T, _ *authority) []byte {
			return newAuthority(t, testkey.FastClient()).leaf(7, "Alipay", testkey.FastOther(), time.Hour)
		}, "does not lead to the root certificates"},
		"that has ended": {func(_ *testing.T, a *authority) []byte { return a.leaf(7, "Alipay", testkey.FastOther(), -time.Minute) }, "does not lead to the root certificates"},
		"of an app":      {func(_ *testing.T, a *authority) []byte { return a.leaf(7, "Shop", testkey.FastOther(), time.Hour) }, "of another organization than Alipay's"},
	} {
		t.Run(name, alipaycn.InVirtualTime(func(t *testing.T) {
			a := newAuthority(t, testkey.FastKey())
			g, client := certified(t, a, alipaycn.WithCertificateDownload())
			require.NoError(t, g.ChangeCertificate(testkey.FastOther(), c.next(t, a)))
			for range 3 {
				_, err := client.BaseInfo.Get(t.Context())
				untrusted := new(alipayplus.SignatureError)
				require.ErrorAs(t, err, &untrusted)
				require.ErrorContains(t, err, c.says)
			}
			require.Equal(t, 1, downloadsOf(g), "none for a minute")
			time.Sleep(time.Minute)
			_, err := client.BaseInfo.Get(t.Context())
			require.ErrorContains(t, err, c.says)
			require.Equal(t, 2, downloadsOf(g))
		}))
	}
}

func TestADownloadThatFailsSaysSo(t *testing.T) {
	a := newAuthority(t, testkey.FastKey())
	g, client := certified(t, a, alipaycn.WithCertificateDownload())
	require.NoError(t, g.ChangeCertificate(testkey.FastOther(), a.leaf(7, "Alipay", testkey.FastOther(), time.Hour)))
	g.Inject(alipaycntest.Fault{Operation: "certificates.download", Status: http.StatusBadGateway})
	_, err := client.BaseInfo.Get(t.Context())
	require.ErrorContains(t, err, "it cannot be downloaded")
	require.Equal(t, 1, downloadsOf(g))

	_, err = client.BaseInfo.Get(t.Context())
	require.NoError(t, err, "the network is back")
}

func TestDownloadNeedsRoots(t *testing.T) {
	_, err := alipaycn.New(
		alipaycn.WithAppID(certificateApp), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(testkey.FastKey().PublicPEM()),
		alipaycn.WithCertificateDownload(),
	)
	require.ErrorContains(t, err, "give WithCertificates too")
}
