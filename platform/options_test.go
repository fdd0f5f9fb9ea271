package platform_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// reviewedBy is a partner app with reviewing parties of its own.
type reviewedBy struct {
	*partnerApp
	parties []alipayplus.Party
}

func (a reviewedBy) Parties() []alipayplus.Party { return a.parties }

// called is a partner app of another name and with languages.
type called struct {
	*partnerApp
	app       alipayplus.TargetApp
	languages []string
}

func (a called) App() alipayplus.TargetApp { return a.app }
func (a called) Languages() []string       { return a.languages }

func TestAnOptionThatIsWrongIsRefusedByName(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for want, opt := range map[string]platform.Option{
		"platform: store: must not be nil":           platform.WithStore(nil),
		"platform: logger: must not be nil":          platform.WithLogger(nil),
		"platform: middleware: must not be nil":      platform.WithMiddleware(nil),
		`permission policy: "ANARCHY" is not known`:  platform.WithPermissionPolicy("ANARCHY"),
		"time window: must be above 0":               platform.WithTimeWindow(0),
		"idempotency retention: must be above 0":     platform.WithIdempotencyRetention(-time.Second),
		"retention: must be at least twice the time": platform.WithIdempotencyRetention(9 * time.Minute),
		"authorization expiry: must be above 0":      platform.WithAuthorizationExpiry(0),
		"max bytes: must be above 0":                 platform.WithMaxBytes(1, 0),
		"a body must have at least 8 KiB":            platform.WithMaxBytes(8<<10-1, 1),
		"platform: options[1]: must not be nil":      nil,
		"platform: key version has 0 characters":     platform.WithKeyVersion(""),
		"platform: ":                                 platform.WithSigner(elliptical),
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), opt)
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
	}
}

func TestAPlatformMakesItselfAKey(t *testing.T) {
	t.Parallel()
	p, err := platform.New()
	require.NoError(t, err)
	require.GreaterOrEqual(t, publicKey(t, p).N.BitLen(), 2048)
	require.False(t, publicKey(t, p).Equal(testkey.FastKey().Public()))
}

func TestTheTimeWindowIsThePlatformsOwn(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		for off, ok := range map[time.Duration]bool{-time.Second: true, time.Second: true, -2 * time.Second: false, 2 * time.Second: false} {
			h.off = off
			require.Equal(w, ok, h.call(contract.WorkspaceQuery, "{}").Result.Code == alipayplus.CodeSuccess, "%v", off)
		}
	}, platform.WithTimeWindow(time.Second))
}

func TestAnswersNameTheKeyVersion(t *testing.T) {
	withFixture(t, func(w *fixture) {
		require.Contains(w, w.rawClient("olga").call(contract.WorkspaceQuery, "{}").Header.Get("Signature"), "keyVersion=2026a,")
		_, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err, "clients in process know it")
	}, platform.WithKeyVersion("2026a"))
}

// TestAFailureOfThePlatformIsLoggedAndNotAnswered looks for what the log needs to
// find the call again.
func TestAFailureOfThePlatformIsLoggedAndNotAnswered(t *testing.T) {
	var log bytes.Buffer
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.release(w.program().ID, "1.0.0")
		require.Empty(w, log.String(), "what goes well is not logged")

		app.will(failing(1, errors.New("dial 10.0.0.7: refused")))
		got := w.rawClient("olga").call(contract.ReleaseApply, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "1"})
		require.Equal(w, alipayplus.CodeUnknownException, got.Result.Code)
		require.Equal(w, alipayplus.ResultUnknown, got.Result.Status)
		require.Equal(w, "ALIPAY_CN could not be asked, or did not say what happened; the platform's log says why, by the trace id", got.Result.Message)
		require.Contains(w, log.String(), "dial 10.0.0.7: refused")
		require.Contains(w, log.String(), got.Header.Get("Trace-Id"))
		require.Contains(w, log.String(), "/api/open/v2/release/apply")
	}, platform.WithTargetBackends(app), platform.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
}

// TestACallThatWasCanceledIsNotLogged: that a caller has gone is no failure.
func TestACallThatWasCanceledIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	withFixture(t, func(w *fixture) {
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, contract.Prefix+"workspace/query", nil)
		req.Header.Set("Client-Id", w.rawClient("olga").clientID)
		w.p.ServeHTTP(httptest.NewRecorder(), req)
		require.Empty(w, log.String())
	}, platform.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
}

func TestTargetsThatAreNotDistinctAreRefused(t *testing.T) {
	by := func(parties ...alipayplus.Party) platform.TargetBackend { return reviewedBy{newPartnerApp(), parties} }
	for want, targets := range map[string][]platform.TargetBackend{
		"targets: must have at least one":                                             {},
		"targets[0]: must not be nil":                                                 {nil},
		"targets[1]: must not be nil":                                                 {newFakeApp(), nil},
		"targets[1]: ALIPAY_CN is there already":                                      {platform.NewSimulatedAlipayCN(), newFakeApp()},
		`targets[0]: party "": must be a name of its own, without a slash`:            {by("")},
		`targets[0]: party "LAKE/2": must be a name of its own, without a slash`:      {by("LAKE", "LAKE/2")},
		`targets[0]: party "LAKE": must be a name of its own, without a slash`:        {by("LAKE", "LAKE")},
		`targets[1]: party "ALIPAY_PLUS": must be a name of its own, without a slash`: {newFakeApp(), by("LAKE", alipayplus.PartyAlipayPlus)},
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(targets...))
		require.EqualError(t, err, "platform: "+want)
	}
	for want, target := range map[string]platform.TargetBackend{
		"app must not be empty or hold a slash":                 called{newPartnerApp(), "LAKE/2", nil},
		"app must not hold the control U+202E":                  called{newPartnerApp(), "LAKE\u202e", nil},
		"party must be one line":                                by("LAKE\n"),
		`language "Chinese": must be a language tag`:            called{newPartnerApp(), "LAKE", []string{"zh-CN", "Chinese"}},
		`language "": must be a language tag such as zh-CN, or`: called{newPartnerApp(), "LAKE", []string{""}},
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(target))
		require.ErrorContains(t, err, want)
	}
	_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(newFakeApp(), by("LAKE", "RIVER")))
	require.NoError(t, err)
}

func TestTheSigningKeyAsPEM(t *testing.T) {
	p, err := platform.New(platform.WithPrivateKey(testkey.ClientPEM()))
	require.NoError(t, err)
	require.Equal(t, testkey.ClientPublicPEM(), p.PublicKeyPEM())
	_, err = platform.New(platform.WithPrivateKey([]byte("no key")))
	require.ErrorContains(t, err, "private key")
}
