package platform_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
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

func TestAnOptionThatIsWrongIsRefusedByName(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for want, opt := range map[string]platform.Option{
		"platform: store: must not be nil":             platform.WithStore(nil),
		"platform: logger: must not be nil":            platform.WithLogger(nil),
		"platform: targets: must have at least one":    platform.WithTargetBackends(),
		"platform: targets[1]: must not be nil":        platform.WithTargetBackends(newPartnerApp(), nil),
		"targets[1]: LAKE_WALLET is there already":     platform.WithTargetBackends(newPartnerApp(), newPartnerApp()),
		`targets[0]: party "A/B": must be a name`:      platform.WithTargetBackends(reviewedBy{newPartnerApp(), []alipayplus.Party{"A/B"}}),
		`targets[0]: party "ALIPAY_PLUS": must be`:     platform.WithTargetBackends(reviewedBy{newPartnerApp(), []alipayplus.Party{alipayplus.PartyAlipayPlus}}),
		`permission policy: "ANARCHY" is not known`:    platform.WithPermissionPolicy("ANARCHY"),
		"time window: must be above 0":                 platform.WithTimeWindow(0),
		"idempotency retention: must be above 0":       platform.WithIdempotencyRetention(-time.Second),
		"retention: must be at least twice the time":   platform.WithIdempotencyRetention(9 * time.Minute),
		"authorization expiry: must be above 0":        platform.WithAuthorizationExpiry(0),
		"max bytes: must be above 0":                   platform.WithMaxBytes(1, 0),
		"public URL: must be an http or https":         platform.WithPublicURL("ftp://gateway.example"),
		"public URL: must be an http or https address": platform.WithPublicURL("https://gateway.example/?x=1"),
		"public URL: must be an http or https addr":    platform.WithPublicURL("https://user:secret@gateway.example"),
		"without user, query or escapes":               platform.WithPublicURL("https://gateway.example/a%20b"),
		"query or escapes":                             platform.WithPublicURL("https://gateway.example/#"),
		"platform: key version has 0 characters":       platform.WithKeyVersion(""),
		"platform: ":                                   platform.WithSigner(elliptical),
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), opt)
		require.ErrorContains(t, err, want)
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
	inWorld(t, func(w *world) {
		h := w.rawClient("olga")
		for off, ok := range map[time.Duration]bool{-time.Second: true, time.Second: true, -2 * time.Second: false, 2 * time.Second: false} {
			h.off = off
			require.Equal(w, ok, h.call(contract.WorkspaceQuery, "{}").Result.Code == alipayplus.CodeSuccess, "%v", off)
		}
	}, platform.WithTimeWindow(time.Second))
}

func TestAnswersNameTheKeyVersion(t *testing.T) {
	inWorld(t, func(w *world) {
		require.Contains(w, w.rawClient("olga").call(contract.WorkspaceQuery, "{}").Header.Get("Signature"), "keyVersion=2026a,")
		_, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err, "clients in process know it")
	}, platform.WithKeyVersion("2026a"))
}

// TestAFailureOfThePlatformIsLoggedAndNotAnswered looks for what the log needs to
// find the call again.
func TestAFailureOfThePlatformIsLoggedAndNotAnswered(t *testing.T) {
	var log bytes.Buffer
	app := newPartnerApp()
	inWorld(t, func(w *world) {
		program := w.program()
		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner})
		require.NoError(w, err)
		require.Empty(w, log.String(), "what goes well is not logged")

		app.fail = errors.New("dial 10.0.0.7: refused")
		got := w.rawClient("olga").call(contract.ReleaseApply, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "1"})
		require.Equal(w, alipayplus.CodeUnknownException, got.Result.Code)
		require.Equal(w, alipayplus.ResultUnknown, got.Result.Status)
		require.Equal(w, "the platform could not finish the call", got.Result.Message)
		require.Contains(w, log.String(), "dial 10.0.0.7: refused")
		require.Contains(w, log.String(), got.Header.Get("Trace-Id"))
		require.Contains(w, log.String(), "/api/open/v2/release/apply")
	}, platform.WithTargetBackends(app), platform.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
}

// TestWhatTheTargetAppRefusesIsAnswered: a refusal is no failure. The caller learns
// the reason, nothing has changed, and the requestId is free again.
func TestWhatTheTargetAppRefusesIsAnswered(t *testing.T) {
	app := newPartnerApp()
	inWorld(t, func(w *world) {
		program := w.program()
		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner})
		require.NoError(w, err)
		w.apply(r.ID)
		w.approve()
		r, before := w.read(r.ID), w.snapshot()
		for _, class := range []error{
			alipayplus.ErrInvalid, alipayplus.ErrNotFound, alipayplus.ErrPermission, alipayplus.ErrConflict,
			alipayplus.ErrLimit, alipayplus.ErrAuthorizationRequired,
		} {
			app.fail = fmt.Errorf("the wallet says no: %w", class)
			in := r.GrayscaleTo(50)
			in.RequestID = "step"
			_, err = w.owner.Releases.StartGrayscale(w.Context(), in)
			require.ErrorIs(w, err, class)
			require.ErrorContains(w, err, "the wallet says no")
			require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
			require.Equal(w, before, w.snapshot())
		}
		w.Log("A lower ratio may follow, under the same requestId, as the higher one never went live.")
		app.fail = nil
		in := r.GrayscaleTo(10)
		in.RequestID = "step"
		r, err = w.owner.Releases.StartGrayscale(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, alipayplus.Ratio(10), r.Grayscale.Ratio)
	}, platform.WithTargetBackends(app))
}

// TestAPlatformMayBeMountedBelowAPath, whether the handler that mounts it strips
// the path or not.
func TestAPlatformMayBeMountedBelowAPath(t *testing.T) {
	for name, mount := range map[string]func(p *platform.Platform) http.Handler{
		"stripped": func(p *platform.Platform) http.Handler { return http.StripPrefix("/release", p) },
		"whole":    func(p *platform.Platform) http.Handler { return p },
	} {
		t.Run(name, func(t *testing.T) {
			var inner http.Handler
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { inner.ServeHTTP(rw, r) }))
			defer server.Close()
			w := newWorld(t, platform.WithPublicURL(server.URL+"/release/"))
			mux := http.NewServeMux()
			mux.Handle("/release/", mount(w.p))
			inner = mux

			id, err := w.p.AddClient(t.Context(), w.workspace, "olga", testkey.FastClient().Public())
			require.NoError(t, err)
			remote, err := alipayplus.New(alipayplus.WithBaseURL(server.URL+"/release"), alipayplus.WithClientID(id),
				alipayplus.WithSigner(testkey.FastClient()), alipayplus.WithPlatformKey("1", w.p.PublicKeyPEM()))
			require.NoError(t, err)
			program, err := remote.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: chinese()})
			require.NoError(t, err)
			a, err := remote.Authorizations.Begin(t.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: cn})
			require.NoError(t, err)
			require.Contains(t, a.URL, server.URL+"/release/targets/ALIPAY_CN/authorize?")
			visit(t.Context(), t, server.Client(), a.URL)
			a, err = remote.Authorizations.Get(t.Context(), alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: cn})
			require.NoError(t, err)
			require.Equal(t, alipayplus.AuthorizationGranted, a.Status)
		})
	}
}

// TestAnInProcessClientIsNobodyOverTheNetwork: it signs with the platform's own
// key, and an answer looks like a request.
func TestAnInProcessClientIsNobodyOverTheNetwork(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	_, err := w.owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	outside, err := w.p.Client(t.Context(), w.workspace, "olga", alipayplus.WithBaseURL(server.URL), alipayplus.WithHTTPClient(server.Client()))
	require.NoError(t, err)
	_, err = outside.Workspace.Get(t.Context())
	require.ErrorIs(t, err, alipayplus.ErrUnauthenticated)
	_, err = w.p.AddClient(t.Context(), w.workspace, "olga", publicKey(t, w.p))
	require.ErrorContains(t, err, "the platform's own key cannot be a client's")
}

// TestACallThatWasCanceledIsNotLogged: that a caller has gone is no failure.
func TestACallThatWasCanceledIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	inWorld(t, func(w *world) {
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
		"targets[1]: must not be nil":                                                 {newRecordingApp(), nil},
		"targets[1]: ALIPAY_CN is there already":                                      {platform.NewSimulatedAlipayCN(), newRecordingApp()},
		`targets[0]: party "": must be a name of its own, without a slash`:            {by("")},
		`targets[0]: party "LAKE/2": must be a name of its own, without a slash`:      {by("LAKE", "LAKE/2")},
		`targets[0]: party "LAKE": must be a name of its own, without a slash`:        {by("LAKE", "LAKE")},
		`targets[1]: party "ALIPAY_PLUS": must be a name of its own, without a slash`: {newRecordingApp(), by("LAKE", alipayplus.PartyAlipayPlus)},
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(targets...))
		require.EqualError(t, err, "platform: "+want)
	}
	_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(newRecordingApp(), by("LAKE", "RIVER")))
	require.NoError(t, err)
}
