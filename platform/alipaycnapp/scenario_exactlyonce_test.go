package alipaycnapp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// life is that of a process: it ends at one of its accesses to the store and to AlipayCN, and
// whatever it tries from then on fails. An access that changes something has two sides: the
// process may die before, and when it is done but not known here.
type life struct {
	endsAt   int64 // counted from 1; 0: never
	accesses atomic.Int64
}

var errKilled = errors.New("the process was killed")

func (l *life) access() error {
	if n := l.accesses.Add(1); l.endsAt > 0 && n >= l.endsAt {
		return errKilled
	}
	return nil
}

// mortalStore is the store of a process.
type mortalStore struct {
	storage.Store
	*life
}

func (s mortalStore) View(ctx context.Context, fn func(storage.Tx) error) error {
	if err := s.access(); err != nil {
		return err
	}
	return s.Store.View(ctx, fn)
}

func (s mortalStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.Store.Update(ctx, func(tx storage.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return s.access()
	})
	if err != nil {
		return err
	}
	return s.access()
}

// mortalTransport is how a process calls AlipayCN.
type mortalTransport struct {
	http.RoundTripper
	*life

	// before is called with the path of each call; may be nil.
	before func(path string)
}

func (t mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.access(); err != nil {
		return nil, err
	}
	if t.before != nil {
		t.before(r.URL.Path)
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if killed := t.access(); killed != nil && err == nil {
		_ = resp.Body.Close()
		return nil, killed
	}
	return resp, err
}

// process starts another platform over the same store and AlipayCN; review as
// [platform.WithAutoReview] takes it.
func (w *fixture) process(l *life, before func(path string), review platform.AutoReview) *fixture {
	w.Helper()
	ends := l.endsAt
	l.endsAt = 0
	next := &fixture{TB: w.TB, g: w.g, store: w.store, workspace: w.workspace, program: w.program}
	client, err := alipaycn.New(
		alipaycn.WithAppID(isv), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
		alipaycn.WithHTTPClient(&http.Client{Transport: mortalTransport{w.g.HTTPClient().Transport, l, before}}),
		alipaycn.WithRetry(1, time.Millisecond, time.Millisecond),
	)
	require.NoError(w, err)
	store := mortalStore{w.store, l}
	next.app, err = alipaycnapp.New(store, client, alipaycnapp.WithEncryptionKey(key(1)))
	require.NoError(w, err)
	next.p, err = platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithPublicURL(address),
		platform.WithTargetBackends(next.app), platform.WithAutoReview(review))
	require.NoError(w, err)
	next.owner, err = next.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
	require.NoError(w, err)
	l.endsAt = ends
	l.accesses.Store(0)
	return next
}

func approvedAtOnce(alipayplus.Party, *alipayplus.Request) platform.Decision {
	return platform.ApproveAfter(0)
}

// effect is one of the effects that a platform has at AlipayCN.
type effect struct {
	// operation is AlipayCN's, in which the faults happen.
	operation string
	// given is the release before.
	given func(w *fixture) *alipayplus.Release
	// call has the effect; it always carries the same requestId.
	call func(w *fixture, r *alipayplus.Release) error
	// want is what took effect there, and where the release stands in the end.
	want   map[string]int
	status alipayplus.ReleaseStatus
	// without says that the release is taken back here without AlipayCN, which never hears
	// of it, when the authorization is gone.
	without bool
}

func effects() map[string]effect {
	type call = func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error)
	named := func(of func(c *alipayplus.ReleasesClient) call) func(w *fixture, r *alipayplus.Release) error {
		return func(w *fixture, r *alipayplus.Release) error {
			_, err := of(&w.owner.Releases)(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "once"})
			return err
		}
	}
	ratio := func(ratio alipayplus.Ratio) func(w *fixture, r *alipayplus.Release) error {
		return func(w *fixture, r *alipayplus.Release) error {
			in := r.GrayscaleTo(ratio)
			in.RequestID = "once"
			_, err := w.owner.Releases.StartGrayscale(w.Context(), in)
			return err
		}
	}
	created := func(w *fixture) *alipayplus.Release {
		w.Helper()
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		return w.created("1.0.0", w.application())
	}
	grayscale := func(w *fixture) *alipayplus.Release {
		w.Helper()
		r := w.prepared()
		r, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)
		return r
	}
	second := func(w *fixture) *alipayplus.Release {
		w.Helper()
		w.full("0.9.0")
		return w.full("1.0.0")
	}
	apply := func(w *fixture, r *alipayplus.Release) error {
		c := company()
		_, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &c, RequestID: "once"})
		return err
	}
	return map[string]effect{
		"submit": {"versions.apply", created, apply, map[string]int{"versions.apply": 1}, alipayplus.ReleaseUnderReview, false},
		"withdraw": {
			"versions.cancelAudit", (*fixture).applied, named(func(c *alipayplus.ReleasesClient) call { return c.Withdraw }),
			map[string]int{"versions.cancelAudit": 1},
			alipayplus.ReleaseNewVersionCreated, true,
		},
		"ratio":   {"versions.gray", (*fixture).prepared, ratio(10), map[string]int{"versions.gray": 1}, alipayplus.ReleaseGrayscale, false},
		"publish": {"versions.publish", (*fixture).prepared, ratio(100), map[string]int{"versions.publish": 1}, alipayplus.ReleaseFull, false},
		"cancel": {
			"versions.cancelGray", grayscale, named(func(c *alipayplus.ReleasesClient) call { return c.Cancel }),
			map[string]int{"versions.cancelGray": 1, "versions.returnToDevelopment": 1},
			alipayplus.ReleaseCanceled, false,
		},
		"offline": {
			"versions.takeOffline", second, named(func(c *alipayplus.ReleasesClient) call { return c.TakeOffline }),
			map[string]int{"versions.takeOffline": 1},
			alipayplus.ReleaseArchived, false,
		},
		"roll back": {
			"versions.rollback", second, named(func(c *alipayplus.ReleasesClient) call { return c.RollBack }),
			map[string]int{"versions.rollback": 1},
			alipayplus.ReleaseArchived, false,
		},
	}
}

func troubles() map[string]alipaycntest.Fault {
	return map[string]alipaycntest.Fault{
		"no fault": {}, "cut before": {CutBefore: true}, "cut after": {CutAfter: true}, "503 after": {StatusAfter: 503},
		"wrong signature": {WrongSignature: true}, "slow": {Delay: 35 * time.Second}, "slow, and cut after": {Delay: 20 * time.Second, CutAfter: true},
	}
}

// repeated makes a call until it succeeds, as a person does; the authorization is given
// again when it is gone.
func (w *fixture) repeated(call func(w *fixture) error) {
	w.Helper()
	var err error
	for range 12 {
		if err = call(w); err == nil {
			return
		}
		if errors.Is(err, alipayplus.ErrAuthorizationRequired) {
			w.authorize(w.program, mini)
			continue
		}
		require.True(w, alipayplus.IsRetryable(err) || errors.Is(err, alipayplus.ErrOutcomeUnknown), "%v", err)
		time.Sleep(10 * time.Second)
	}
	require.NoError(w, err)
}

// since is what took effect at AlipayCN after a moment.
func (w *fixture) since(before map[string]int) map[string]int {
	w.Helper()
	effects := w.g.Effects(mini)
	for name, count := range before {
		if effects[name] -= count; effects[name] == 0 {
			delete(effects, name)
		}
	}
	return effects
}

// requireAgreement checks that the records and AlipayCN say the same about each release.
func (w *fixture) requireAgreement() {
	w.Helper()
	time.Sleep(time.Minute)
	for r, err := range w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{}) {
		require.NoError(w, err)
		r, err = w.owner.Releases.Get(w.Context(), r.ID)
		require.NoError(w, err)
		detail, err := w.console().Versions.Get(w.Context(), alipaycn.VersionInput{Version: r.Version})
		require.NoError(w, err)
		there, _ := detail.Status.ReleaseStatus(bool(detail.CanRelease))
		if r.Status == alipayplus.ReleaseCanceled {
			require.Contains(w, []alipaycn.VersionStatus{alipaycn.StatusInit, alipaycn.StatusAuditOffline}, detail.Status, "version %v", r.Version)
			continue
		}
		require.Equal(w, r.Status, there, "version %v is %s there", r.Version, detail.Status)
		if r.Status == alipayplus.ReleaseGrayscale {
			live, _ := detail.GrayStrategy.Ratio()
			require.Equal(w, r.Grayscale.Ratio, live, "version %v", r.Version)
		}
	}
}

// TestEachEffectHappensOnceUnderEachFault: cut before and after, 503 after, wrong signature,
// slow, and the authorization revoked between what was read and what is written.
func TestEachEffectHappensOnceUnderEachFault(t *testing.T) {
	for name, e := range effects() {
		for trouble, fault := range troubles() {
			t.Run(name+", "+trouble, func(t *testing.T) {
				given(t, func(w *fixture) {
					w.happensOnce(e, fault)
				})
			})
		}
		t.Run(name+", token revoked", func(t *testing.T) {
			given(t, func(w *fixture) {
				r := e.given(w)
				before := w.g.Effects(mini)
				revoked := false
				acting := w.process(&life{}, func(path string) {
					if !revoked && strings.HasSuffix(path, paths()[e.operation]) {
						revoked = true
						require.NoError(w, w.g.RevokeAuthorization(mini))
					}
				}, approvedAtOnce)
				acting.repeated(func(w *fixture) error { return e.call(w, r) })
				require.True(w, revoked)
				require.Equal(w, e.status, acting.read(r).Status)
				if e.without {
					require.Empty(w, w.since(before))
					return
				}
				require.Equal(w, e.want, w.since(before))
				acting.requireAgreement()
			})
		})
	}
}

func paths() map[string]string {
	return map[string]string{
		"versions.apply": "audit/apply", "versions.cancelAudit": "audit/cancel", "versions.gray": "gray/online", "versions.publish": "version/online",
		"versions.cancelGray": "gray/cancel", "versions.takeOffline": "version/offline", "versions.rollback": "version/rollback",
	}
}

func (w *fixture) read(r *alipayplus.Release) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Get(w.Context(), r.ID)
	require.NoError(w, err)
	return r
}

// happensOnce has an effect under a fault. Where the call fails, another process repeats it.
func (w *fixture) happensOnce(e effect, fault alipaycntest.Fault) {
	w.Helper()
	r := e.given(w)
	before, done := w.g.Effects(mini), w.doneHere(r)
	fault.Operation = e.operation
	w.g.Inject(fault)
	acting := w.process(&life{}, nil, approvedAtOnce)
	if err := e.call(acting, r); err != nil {
		acting = w.process(&life{}, nil, approvedAtOnce)
		acting.repeated(func(w *fixture) error { return e.call(w, r) })
	}
	require.Equal(w, e.want, w.since(before))
	require.Equal(w, e.status, acting.read(r).Status)
	acting.requireAgreement()
	require.Equal(w, done+1, acting.doneHere(r), "it is in the history once")
}

// doneHere is how often a member did something with a release; nobody may have done
// anything elsewhere.
func (w *fixture) doneHere(r *alipayplus.Release) (times int) {
	w.Helper()
	for event, err := range w.owner.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: r.ID}) {
		require.NoError(w, err)
		require.NotEqual(w, "outside", event.By)
		if event.By == "olga" {
			times++
		}
	}
	return times
}

// TestAnAuthorizationCodeIsExchangedOnce, also when the platform is killed at any of its
// accesses: in the end a token is kept here if and only if the record says so, and it is good.
func TestAnAuthorizationCodeIsExchangedOnce(t *testing.T) {
	t.Parallel()
	for trouble, fault := range troubles() {
		t.Run(trouble, func(t *testing.T) {
			accesses, stride := int64(1), int64(4)
			if fault == (alipaycntest.Fault{}) && !testing.Short() {
				stride = 1
			}
			for endsAt := int64(0); endsAt <= accesses; endsAt += stride {
				given(t, func(w *fixture) {
					if fault != (alipaycntest.Fault{}) {
						fault.Operation = "authorization.token"
						w.g.Inject(fault)
					}
					l := &life{endsAt: endsAt}
					dying := w.process(l, nil, approvedAtOnce)
					a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: w.program, TargetApp: alipayplus.TargetAlipayCN})
					require.NoError(w, err)
					code, err := w.g.AuthorizationCode(isv, mini)
					require.NoError(w, err)
					back := url.Values{"app_id": {isv}, "app_auth_code": {code}, "state": {a.State}, "source": {"alipay_app_auth"}}
					dying.callback(back)
					if endsAt == 0 {
						accesses = l.accesses.Load()
					}
					for range 2 { // the browser is reloaded
						w.callback(back)
					}
					require.LessOrEqual(w, w.g.Effects(isv)["authorization.token"], 1, "a code works once")
					if w.authorization(w.program).Status != alipayplus.AuthorizationGranted {
						status, page := w.authorize(w.program, mini)
						require.Equal(w, http.StatusOK, status, page)
					}
					require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(w.program).Status)
					token, err := w.app.Tokens().Get(w.Context(), mini)
					require.NoError(w, err)
					info, err := w.client(isv).Authorization.Query(w.Context(), token.AppAuthToken)
					require.NoError(w, err)
					require.Equal(w, alipaycn.TokenValid, info.Status, fmt.Sprint(endsAt))
				})
			}
		})
	}
}
