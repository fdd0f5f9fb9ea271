package alipaycn_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

// message is what a user sees of an error, with trace ids, which are others each
// time, as T.
func message(t *testing.T, err error) string {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\n")
	return regexp.MustCompile(`trace [A-Z2-7]{26}`).ReplaceAllString(err.Error(), "trace T")
}

func selfSigned(t *testing.T, serial int64, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "alipay"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestWhatAUserSeesOfAnAnswerThatCannotBeTrusted(t *testing.T) {
	const changed = "the answer cannot be trusted: its signature does not fit: it was changed on its way, or the key for checking it is not Alipay's for this app (HTTP 200, trace T)"
	const checkKey = "check Alipay's public key (WithAlipayPublicKey, ALIPAYCN_PUBLIC_KEY_FILE), which is not the app's own"
	for _, tt := range []struct {
		name  string
		fault alipaycntest.Fault
		want  string
	}{
		{"changed on its way", alipaycntest.Fault{Corrupt: true}, changed + "; " + checkKey},
		{"another's signature", alipaycntest.Fault{WrongSignature: true}, changed + "; " + checkKey},
		{
			"no signature",
			alipaycntest.Fault{Unsigned: true},
			`the answer cannot be trusted: it is not signed (content type "application/json;charset=UTF-8") (HTTP 200, trace T); ` +
				"check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine",
		},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t)
			w.bring(alipaycn.StatusWaitRelease)
			tt.fault.Operation = "versions.get"
			w.g.Inject(tt.fault)
			detail, err := w.c.Versions.Get(t.Context(), firstVersion())
			require.Nil(t, detail)
			require.Equal(t, "alipaycn: versions.get: "+tt.want, message(t, err))
			_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
			require.True(t, untrusted)
		}))
	}
	t.Run("of a write, and of every look at what became of it", alipaycn.InVirtualTime(func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusWaitRelease)
		w.g.Inject(alipaycntest.Fault{Corrupt: true, Times: 1000})
		err := w.c.Versions.Publish(t.Context(), alipaycn.PublishInput{Version: number(1), Known: &alipaycn.VersionDetail{Version: "0.1.0"}})
		require.Equal(t, "alipaycn: versions.publish: "+strings.TrimSuffix(changed, " (HTTP 200, trace T)")+
			"; what became of it could not be read: alipaycn: versions.get: "+changed+"; "+checkKey+
			" (HTTP 200, trace T); it is not known whether the call took effect; "+checkKey+"; look at versions.get before you call again", message(t, err))
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.Equal(t, 1, w.g.Effects(miniID)["versions.publish"])
	}))
}

func TestWhatAUserSeesOfSwappedKeys(t *testing.T) {
	own := []alipaycn.Option{alipaycn.WithAppID(isvID), alipaycn.WithSigner(testkey.FastClient())}
	app, alipay := selfSigned(t, 1, testkey.FastClient()), selfSigned(t, 2, testkey.FastKey())
	for _, tt := range []struct {
		name string
		opts []alipaycn.Option
		want string
	}{
		{
			"the app's public key for Alipay's",
			[]alipaycn.Option{alipaycn.WithAlipayPublicKey(testkey.FastClient().PublicPEM())},
			"Alipay public key is the app's own public key: give Alipay's, which the console shows after the app's was uploaded",
		},
		{
			"the app's certificate for Alipay's",
			[]alipaycn.Option{alipaycn.WithCertificates(app, app, alipay)},
			"certificates have the app's certificate in place of Alipay's: give alipayCertPublicKey_RSA2.crt",
		},
		{
			"Alipay's certificate for the app's",
			[]alipaycn.Option{alipaycn.WithCertificates(alipay, alipay, alipay)},
			"certificates have an app certificate that does not belong to the private key",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := alipaycn.New(append(own, tt.opts...)...)
			require.EqualError(t, err, "client options: 1 field not valid: "+tt.want)
		})
	}

	synctest.Test(t, func(t *testing.T) {
		other := testkey.FastOther()
		w := newGatewayFixture(t, alipaycntest.WithCertificates(alipay, alipay))

		_, err := w.client(alipaycn.WithSigner(other)).BaseInfo.Get(t.Context())
		require.Equal(t, "alipaycn: baseInfo.get: invalid-signature: signature does not match: the auth string, method, path, query, body or app auth token differ from what was signed, or another key was used (HTTP 401, trace T); "+
			"the signature does not fit; check that the private key belongs to the app's public key in AlipayCN's console, and that the endpoint (sandbox or production) is the app's", message(t, err))
		require.ErrorIs(t, err, alipayplus.ErrUnauthenticated)

		_, err = w.client(alipaycn.WithAlipayPublicKey(other.PublicPEM())).BaseInfo.Get(t.Context())
		require.Equal(t, "alipaycn: baseInfo.get: the answer cannot be trusted: its signature does not fit: it was changed on its way, or the key for checking it is not Alipay's for this app (HTTP 200, trace T); "+
			"the answer names a certificate, so the app may be in certificate mode: then give the certificates in place of Alipay's public key (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)", message(t, err))
	})
}

// AlipayCN changes its certificate, and the client still has the one before.
func TestWhatAUserSeesOfAStaleCertificate(t *testing.T) {
	stale, current := selfSigned(t, 1, testkey.FastKey()), selfSigned(t, 2, testkey.FastKey())
	app := selfSigned(t, 3, testkey.FastClient())
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithCertificates(current, stale))
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "2021000000000009", Certificate: app}))
		c, err := alipaycn.New(
			alipaycn.WithAppID("2021000000000009"), alipaycn.WithSigner(testkey.FastClient()),
			alipaycn.WithCertificates(app, stale, stale), alipaycn.WithHTTPClient(w.g.HTTPClient()),
		)
		require.NoError(t, err)

		_, err = c.BaseInfo.Get(t.Context())

		require.Regexp(t, `^alipaycn: baseInfo\.get: the answer cannot be trusted: it names the Alipay certificate "[0-9a-f]{32}", but the loaded one is "[0-9a-f]{32}" \(HTTP 200, trace T\); `+
			`get Alipay's current certificate from the console and give it \(WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE\), or let the client fetch it \(WithCertificateDownload\)$`, message(t, err))
	})
}

// dated is a gateway whose answers have a Date, as those over a network have, or
// had one at another time.
type dated struct {
	http.RoundTripper

	now func() time.Time
}

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", d.now().UTC().Format(http.TimeFormat))
	}
	return resp, err
}

func TestWhatAUserSeesOfAWrongClock(t *testing.T) {
	shifted := func(by time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(by) } }
	const refused = "alipaycn: versions.publish: illegal-timestamp: timestamp is 1h0m0s away from the gateway's time (HTTP 401, trace T); "
	const untrusted = "alipaycn: versions.get: the answer cannot be trusted: it was signed "
	publishes := func(ctx context.Context, c *alipaycn.Client) error { return publish(ctx, c) }
	reads := func(ctx context.Context, c *alipaycn.Client) error {
		_, err := c.Versions.Get(ctx, firstVersion())
		return err
	}
	for _, tt := range []struct {
		name   string
		window time.Duration // how far off the gateway allows requests to be
		clock  time.Duration // this machine's
		date   func() time.Time
		do     func(context.Context, *alipaycn.Client) error
		want   string
	}{
		{"an hour behind, by the signed time", time.Minute, -time.Hour, nil, publishes, refused + "set this machine's clock: it seems to be 60 minutes behind AlipayCN's"},
		{"an hour ahead, by the signed time", time.Minute, time.Hour, nil, publishes, refused + "set this machine's clock: it seems to be 60 minutes ahead of AlipayCN's"},
		{"an hour behind, by the Date", time.Minute, -time.Hour, shifted(time.Minute), publishes, refused + "set this machine's clock: it seems to be 61 minutes behind AlipayCN's"},
		{"an hour ahead, by the Date", time.Minute, time.Hour, shifted(-2 * time.Hour), publishes, refused + "set this machine's clock: it seems to be 3 hours ahead of AlipayCN's"},
		{
			"right, and the request came late", time.Minute, time.Hour, shifted(time.Hour), publishes,
			refused + "this machine's clock is right by AlipayCN's answer, so the request was held up on its way; check what is between this machine and AlipayCN",
		},
		{
			"an hour ahead of an answer", 24 * time.Hour, time.Hour, nil, reads,
			untrusted + "60 minutes before this machine's time (HTTP 200, trace T); set this machine's clock: it seems to be 60 minutes ahead of AlipayCN's",
		},
		{
			"an hour behind an answer, by its Date too", 24 * time.Hour, -time.Hour, shifted(0), reads,
			untrusted + "60 minutes after this machine's time (HTTP 200, trace T); set this machine's clock: it seems to be 60 minutes behind AlipayCN's",
		},
		{
			"right by the Date, so the answer is an old one", 24 * time.Hour, time.Hour, shifted(time.Hour), reads,
			untrusted + "60 minutes before this machine's time, which is right by the answer's Date (HTTP 200, trace T); " +
				"somebody may be replaying old answers: check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine",
		},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t, alipaycntest.WithTimeWindow(tt.window))
			w.bring(alipaycn.StatusWaitRelease)
			gateway := w.g.HTTPClient()
			if tt.date != nil {
				gateway = &http.Client{Transport: dated{gateway.Transport, tt.date}}
			}
			err := tt.do(t.Context(), w.client(alipaycn.WithClock(shifted(tt.clock)), alipaycn.WithHTTPClient(gateway)))
			require.Equal(t, tt.want, message(t, err))
			require.Zero(t, w.g.Effects(miniID)["versions.publish"])
		}))
	}
	t.Run("near enough", alipaycn.InVirtualTime(func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithTimeWindow(24*time.Hour))
		w.bring(alipaycn.StatusWaitRelease)
		for _, off := range []time.Duration{-30 * time.Minute, 30 * time.Minute} {
			require.NoError(t, reads(t.Context(), w.client(alipaycn.WithClock(shifted(off)))))
		}
		require.NoError(t, reads(t.Context(), w.client(alipaycn.WithClock(shifted(2*time.Hour)), alipaycn.WithMaxClockSkew(3*time.Hour))))
	}))
}

func TestWhatAUserSeesWhenTheMerchantWithdrawsInTheMiddleOfARelease(t *testing.T) {
	const notValid = "invalid-app-auth-token: the app_auth_token is not valid for this app (HTTP 401, trace T); " +
		"the app_auth_token is not valid: wrong, replaced by a newer authorization, or withdrawn; use the newest app_auth_token of this mini program, or let the merchant authorize again"
	raise := func(ctx context.Context, c *alipaycn.Client) error {
		return c.Versions.RaiseGray(ctx, alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP30})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusGray)
		require.NoError(t, w.g.RevokeAuthorization(miniID))

		err := raise(t.Context(), w.c)
		require.Equal(t, "alipaycn: versions.gray: "+notValid, message(t, err))
		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
		missing, ok := errors.AsType[*alipaycn.AuthorizationError](err)
		require.True(t, ok)
		require.Equal(t, "alipay.open.mini.version.gray.online", missing.API)

		_, err = w.c.Versions.WaitReviewed(t.Context(), firstVersion(), alipaycn.ReviewWait{})
		require.Equal(t, "versions.waitReviewed: 0.1.0: waiting ended after 1 poll, last state none: alipaycn: versions.get: "+notValid, message(t, err))
	})
	t.Run("while the answer to a write is lost", alipaycn.InVirtualTime(func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusGray)
		c, _ := w.losing(cnwire.VersionGray, false, func() { require.NoError(t, w.g.RevokeAuthorization(miniID)) })

		err := raise(t.Context(), c)

		require.Equal(t, "alipaycn: versions.gray: POST https://openapi.alipay.com/v3/alipay/open/mini/version/gray/online: the connection ended before the answer did; "+
			"what became of it could not be read: alipaycn: versions.list: "+notValid+
			"; it is not known whether the call took effect; look at versions.get before you call again", message(t, err))
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
		require.Equal(t, 2, w.g.Effects(miniID)["versions.gray"])
	}))
}

func TestWhatAUserSeesOfWhatIsBetweenThisMachineAndAlipayCN(t *testing.T) {
	for _, tt := range []struct {
		status int
		write  bool
		want   string
	}{
		{http.StatusMultipleChoices, false, `versions.get: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 300, trace T); check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine`},
		{http.StatusBadRequest, true, `versions.publish: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 400, trace T); check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine`},
		{http.StatusInternalServerError, false, `versions.get: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 500, 4 attempts, trace T); something between this machine and AlipayCN has a problem; try later`},
		{http.StatusFound, false, `versions.get: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 302, trace T); check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine`},
		{http.StatusNotFound, true, `versions.publish: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 404, trace T); check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine`},
		{http.StatusRequestEntityTooLarge, true, `versions.publish: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 413, trace T); the call with its files is too large; make the files smaller, or send fewer`},
		{http.StatusTooManyRequests, true, `versions.publish: too many calls: a proxy or gateway between this machine and AlipayCN refuses them (HTTP 429, 4 attempts, trace T); call less often (WithRateLimit), and repeat it later`},
		{http.StatusBadGateway, false, `versions.get: the answer is not AlipayCN's: no code, content type "text/html" (HTTP 502, 4 attempts, trace T); something between this machine and AlipayCN has a problem; try later`},
		{http.StatusBadGateway, true, `versions.publish: the answer is not AlipayCN's: no code, content type "text/html"; afterwards the version is in WAIT_RELEASE (HTTP 502, 4 attempts, trace T); it is not known whether the call took effect; something between this machine and AlipayCN has a problem; look at versions.get before you call again`},
		{http.StatusRequestTimeout, true, `versions.publish: the answer is not AlipayCN's: no code, content type "text/html"; afterwards the version is in WAIT_RELEASE (HTTP 408, 4 attempts, trace T); it is not known whether the call took effect; something between this machine and AlipayCN has a problem; look at versions.get before you call again`},
	} {
		t.Run(http.StatusText(tt.status), alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t)
			w.bring(alipaycn.StatusWaitRelease)
			var err error
			if tt.write {
				w.g.Inject(alipaycntest.Fault{Operation: "versions.publish", Status: tt.status, Times: 100})
				err = publish(t.Context(), w.c)
			} else {
				w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Status: tt.status, Times: 100})
				_, err = w.c.Versions.Get(t.Context(), firstVersion())
			}
			require.Equal(t, "alipaycn: "+tt.want, message(t, err))
			require.Zero(t, w.g.Effects(miniID)["versions.publish"])
		}))
	}
}
