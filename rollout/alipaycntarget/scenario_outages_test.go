package alipaycntarget_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
	"github.com/stretchr/testify/require"
)

// The answer is lost and nothing can be read for ten minutes: neither the client nor the
// target can know what became of the change. The runner finds out.
func TestAnOutageThatBeginsWithTheAnswerMakesNothingTwice(t *testing.T) {
	for name, tt := range map[string]struct {
		path string
		nth  int
	}{
		"of the application":       {"audit/apply", 1},
		"of the first ratio":       {"gray/online", 1},
		"of the second ratio":      {"gray/online", 2},
		"of the last ratio":        {"gray/online", 3},
		"of publishing":            {"version/online", 1},
		"of the first reading":     {"detail/query", 1},
		"of a reading before all":  {"detail/query", 4},
		"of a reading in between":  {"detail/query", 7},
		"of a list of what blocks": {"list/query", 1},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.wire.dropAfter(tt.path, tt.nth)

				state, err := w.runner(atOnce()).Run(t.Context())

				requireClimbed(w, state, err)
				require.Equal(t, aClimb(), w.g.Effects(mini))
				require.Equal(t, []alipayplus.Ratio{10, 30, 50, 100}, ratios(state))
				require.NotEmpty(t, w.eventTexts(rollout.EventRetrying))
				require.Empty(t, w.eventTexts(rollout.EventAdopted), "the runner knows its own changes")
				require.Less(t, w.wire.calls, 70)
			}, alipaycntest.WithAutoReview(0))
		})
	}
}

func TestAnOutageWithinAnApplicationAfterARejectionMakesNothingTwice(t *testing.T) {
	for _, path := range []string{"audited/cancel", "audit/apply"} {
		t.Run(path, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.at(20*time.Minute, func() { w.reject("the icon is too small") })
				_, err := w.runner(atOnce()).Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrRejected)
				_, err = w.runner(atOnce()).Resume(t.Context(), "lin", "")
				require.NoError(t, err)
				w.wire.dropAfter(path, 1)
				w.at(time.Hour, w.approve)

				state, err := w.runner(atOnce()).Run(t.Context())

				requireClimbed(w, state, err)
				require.Equal(t, map[string]int{
					"versions.apply": 2, "versions.returnToDevelopment": 1, "versions.gray": 3, "versions.publish": 1,
				}, w.g.Effects(mini))
			})
		})
	}
}

func TestAnOutageThatBeginsWithAnAbortMakesNothingTwice(t *testing.T) {
	for name, tt := range map[string]struct {
		from    alipaycn.VersionStatus
		path    string
		effects map[string]int
	}{
		"of a review":                 {alipaycn.StatusAuditing, "audit/cancel", map[string]int{"versions.cancelAudit": 1}},
		"of a preparation":            {alipaycn.StatusWaitRelease, "audited/cancel", map[string]int{"versions.returnToDevelopment": 1}},
		"of grayscale, its end":       {alipaycn.StatusGray, "gray/cancel", map[string]int{"versions.cancelGray": 1, "versions.returnToDevelopment": 1}},
		"of grayscale, what is after": {alipaycn.StatusGray, "audited/cancel", map[string]int{"versions.cancelGray": 1, "versions.returnToDevelopment": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.bring(version, tt.from)
				before := w.g.Effects(mini)
				runner := w.runner(atOnce())
				w.wire.dropAfter(tt.path, 1)

				_, err := runner.Abort(t.Context(), "lin", "it crashes")
				require.Error(t, err)
				_, err = runner.Run(t.Context()) // goes on aborting

				require.ErrorIs(t, err, rollout.ErrAborted)
				require.ErrorContains(t, err, "it crashes (by lin); nobody has the version; it is in development")
				w.requireStatus(alipaycn.StatusInit)
				effects := w.g.Effects(mini)
				for op, n := range before {
					if effects[op] -= n; effects[op] == 0 {
						delete(effects, op)
					}
				}
				require.Equal(t, tt.effects, effects)
			})
		})
	}
}

// lockedKey is a signer that gives no signature while it is locked, as one of a key store that is away.
type lockedKey struct {
	crypto.Signer
	locked atomic.Bool
}

func (k *lockedKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.locked.Load() {
		return nil, errors.New("the key store is away")
	}
	return k.Signer.Sign(random, digest, opts)
}

// Whoever cannot sign has been refused nothing.
func TestAnAbortThatCannotBeSignedIsRepeated(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.bring(version, alipaycn.StatusGray)
		key := &lockedKey{Signer: testkey.FastClient()}
		key.locked.Store(true)
		client, err := alipaycn.New(alipaycn.WithAppID(mini), alipaycn.WithSigner(key), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
			alipaycn.WithHTTPClient(&http.Client{Transport: w.wire}))
		require.NoError(t, err)
		runner, err := rollout.New(alipaycntarget.New(client, mini, parse(version)), atOnce(), w.store)
		require.NoError(t, err)
		_, err = runner.Abort(t.Context(), "lin", "it crashes")
		require.ErrorContains(t, err, "the key store is away")
		require.NotErrorIs(t, err, rollout.ErrPaused)
		w.at(10*time.Minute, func() { key.locked.Store(false) })

		_, err = runner.Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		w.requireStatus(alipaycn.StatusInit)
	})
}

// lockedTokens is a store of tokens whose database is away for a while.
type lockedTokens struct {
	alipaycn.TokenStore
	locked atomic.Bool
}

func (s *lockedTokens) Get(ctx context.Context, app string) (alipaycn.Token, error) {
	if s.locked.Load() {
		return alipaycn.Token{}, errors.New("the database is away")
	}
	return s.TokenStore.Get(ctx, app)
}

// Without the token nothing is asked of AlipayCN, so it has refused nothing. Before the version was read, the store may
// be the wrong one, and the run ends.
func TestAStoreOfTokensThatIsAwayIsAnOutage(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		tokens := &lockedTokens{TokenStore: w.tokens}
		tokens.locked.Store(true)
		w.tokens = tokens
		_, err := w.runner(atOnce()).Run(t.Context())
		require.ErrorContains(t, err, "the database is away")
		require.NotErrorIs(t, err, rollout.ErrPending)
		_, err = w.runner(atOnce()).Abort(t.Context(), "lin", "no")
		require.ErrorContains(t, err, "the database is away; the command is stored, and the next run executes it")
		tokens.locked.Store(false)

		_, err = w.runner(atOnce()).Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Empty(t, w.g.Effects(mini))
	})
	given(t, func(t *testing.T, w *harness) {
		tokens := &lockedTokens{TokenStore: w.tokens}
		w.tokens = tokens
		w.at(time.Minute, func() { tokens.locked.Store(true) })
		w.at(time.Hour, func() { tokens.locked.Store(false); w.approve() })

		state, err := w.runner(atOnce()).Run(t.Context())

		requireClimbed(w, state, err)
		require.Contains(t, w.eventTexts(rollout.EventRetrying)[0], "the database is away")
	})
}

// AlipayCN is there, but says of one call that it knows nothing.
func TestAnAnswerThatSaysNothingMakesNothingTwice(t *testing.T) {
	for _, op := range []string{"versions.apply", "versions.gray", "versions.publish"} {
		for name, fault := range map[string]alipaycntest.Fault{
			"cut":           {CutAfter: true},
			"SYSTEM_ERROR":  {CodeAfter: alipaycn.CodeSystemError},
			"not done, cut": {CutBefore: true},
			"bad gateway":   {StatusAfter: 502},
			"unsigned":      {Unsigned: true},
			"forged":        {WrongSignature: true},
		} {
			t.Run(op+" "+name, func(t *testing.T) {
				given(t, func(t *testing.T, w *harness) {
					fault.Operation = op
					w.g.Inject(fault)
					spec := atOnce()
					spec.Steps = spec.Steps[2:]
					state, err := w.runner(spec).Run(t.Context())
					requireClimbed(w, state, err)
					require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 1, "versions.publish": 1}, w.g.Effects(mini))
				}, alipaycntest.WithAutoReview(0))
			})
		}
	}
}

// maintenance is what answers in AlipayCN's place for a while.
type maintenance struct {
	http.RoundTripper
	from, to time.Time
	answer   func() (*http.Response, error)
}

func (m *maintenance) RoundTrip(r *http.Request) (*http.Response, error) {
	if now := time.Now(); now.Before(m.from) || !now.Before(m.to) {
		return m.RoundTripper.RoundTrip(r)
	}
	answer, err := m.answer()
	if answer != nil {
		answer.Request = r
	}
	return answer, err
}

func maintenancePages() map[string]func() (*http.Response, error) {
	page := func(status int, location string) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			h := http.Header{"Content-Type": {"text/html"}}
			if location != "" {
				h.Set("Location", location)
			}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("<h1>Back soon</h1>"))}, nil
		}
	}
	return map[string]func() (*http.Response, error){
		"200": page(200, ""), "403": page(403, ""), "404": page(404, ""), "502": page(502, ""), "503": page(503, ""),
		"302": page(302, "https://status.example/"), "307": page(307, "https://status.example/"),
		"a certificate of another name": func() (*http.Response, error) {
			return nil, &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "openapi.alipay.com"}}
		},
	}
}

func TestAMaintenancePageInTheMiddleOfARolloutPasses(t *testing.T) {
	for name, answer := range maintenancePages() {
		for when, from := range map[string]time.Duration{"during the review": 10 * time.Minute, "during the climb": time.Hour} {
			t.Run(name+" "+when, func(t *testing.T) {
				given(t, func(t *testing.T, w *harness) {
					begin := time.Now().Add(from)
					w.wire.to = &maintenance{w.wire.to, begin, begin.Add(3 * time.Hour), answer}
					state, err := w.runner(atOnce()).Run(t.Context())
					requireClimbed(w, state, err)
					require.Equal(t, aClimb(), w.g.Effects(mini))
					require.Less(t, w.wire.calls, 300)
				}, alipaycntest.WithAutoReview(time.Hour))
			})
		}
	}
}

func TestAWrongEndpointIsAnErrorAtOnce(t *testing.T) {
	for name, answer := range maintenancePages() {
		if name == "502" || name == "503" {
			continue // a server that has trouble is one
		}
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				begin := time.Now()
				w.wire.to = &maintenance{w.wire.to, begin, begin.Add(3 * time.Hour), answer}
				_, err := w.runner(atOnce()).Run(t.Context())
				require.Error(t, err)
				require.Less(t, time.Since(begin), time.Minute)
			})
		})
	}
}
