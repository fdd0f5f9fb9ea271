package alipaycnapp_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
)

// replaceToken is another program of the same third-party app, which gets a new token: the one that the platform has ends.
func (w *fixture) replaceToken() {
	w.Helper()
	token, err := w.app.Tokens().Get(w.Context(), mini)
	require.NoError(w, err)
	_, err = w.client(isv).Authorization.Refresh(w.Context(), token.AppRefreshToken)
	require.NoError(w, err)
}

// TestAReleaseGoesOnWithATokenThatWasReplaced before its very first call.
func TestAReleaseGoesOnWithATokenThatWasReplaced(t *testing.T) {
	given(t, func(w *fixture) {
		status, page := w.authorize(w.program, mini)
		require.Equal(w, http.StatusOK, status, page)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		r := w.created("1.0.0", w.application())
		w.replaceToken()
		_, err := w.apply(r)
		require.NoError(w, err)
		require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(w.program).Status)
		require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"))
	})
}

// TestEachCallRefreshesAToken that AlipayCN does not accept any more, and keeps the new one.
func TestEachCallRefreshesAToken(t *testing.T) {
	given(t, func(w *fixture) {
		w.full("1.0.0")
		require.NoError(w, w.g.AddVersion(mini, "1.0.1"))
		r := w.created("1.0.1", w.application())
		ctx, call := w.Context(), w.call("1.0.1")
		call.Release.Configuration.AlipayCN, call.Release.ReleaseRequestID, call.File = r.Configuration.AlipayCN, "req", w.file
		back := call
		back.GoesBackTo = alipayplus.VersionNumber{Major: 1}
		for _, step := range []struct {
			what string
			do   func() error
		}{
			{"submit", func() error { return w.app.Submit(ctx, call) }},
			{"withdraw", func() error { return w.app.Withdraw(ctx, call) }},
			{"submit again", func() error { return w.app.Submit(ctx, call) }},
			{"observe", func() error {
				require.NoError(w, w.g.Approve(mini, "1.0.1"))
				state, err := w.app.Observe(ctx, call)
				require.Equal(w, alipayplus.ReleasePreparation, state.Status)
				return err
			}},
			{"set ratio", func() error { return w.app.SetRatio(ctx, call, 10) }},
			{"publish", func() error { return w.app.Publish(ctx, call) }},
			{"make a QR code", func() error {
				_, err := w.app.CreateQRCode(ctx, w.workspace, call.Program, alipayplus.CreateQRCodeInput{Page: "pages/index/index", Description: "Tea"})
				return err
			}},
			{"roll back", func() error { return w.app.RollBack(ctx, back) }},
			{"take offline", func() error { return w.app.TakeOffline(ctx, w.call("1.0.0")) }},
			{"check", func() error { return w.app.CheckAuthorization(ctx, w.workspace, w.program) }},
		} {
			before, err := w.app.Tokens().Get(ctx, mini)
			require.NoError(w, err)
			w.replaceToken()
			require.NoError(w, step.do(), step.what)
			after, err := w.app.Tokens().Get(ctx, mini)
			require.NoError(w, err)
			require.NotEqual(w, before.AppAuthToken, after.AppAuthToken, step.what)
			_, err = w.client(isv).For(after.AppAuthToken).Versions.Get(ctx, w.version())
			require.NoError(w, err, "%s: what is kept is valid", step.what)
		}
		require.NoError(w, w.g.RevokeAuthorization(mini))
		require.ErrorIs(w, w.app.SetRatio(ctx, call, 10), alipayplus.ErrAuthorizationRequired)
	})
}

// TestManyCallsAtOnceRefreshATokenOnce: each refresh ends the token before, and who is refused by a token of yesterday is
// not to end that of today.
func TestManyCallsAtOnceRefreshATokenOnce(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		call := w.call("1.0.0")
		w.replaceToken()
		refreshes := new(atomic.Int32)
		app := w.over(slowly{w.g.HTTPClient().Transport, refreshes})
		errs := make([]error, 20)
		var done sync.WaitGroup
		for i := range errs {
			done.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				_, errs[i] = app.Observe(w.Context(), call)
			})
		}
		done.Wait()
		require.NoError(w, errors.Join(errs...))
		require.EqualValues(w, 1, refreshes.Load())
	})
}

// slowly is the way to AlipayCN and back, which takes a while. It counts refreshes.
type slowly struct {
	http.RoundTripper
	refreshes *atomic.Int32
}

func (t slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	const way = 100 * time.Millisecond
	if strings.HasSuffix(r.URL.Path, "/auth/token/app") {
		t.refreshes.Add(1)
	}
	time.Sleep(way)
	resp, err := t.RoundTripper.RoundTrip(r)
	time.Sleep(way)
	return resp, err
}

// TestATokenThatIsReplacedAllTheTimeIsNoRevocation: another program of the operator replaces each one before it is used.
func TestATokenThatIsReplacedAllTheTimeIsNoRevocation(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		w.replaceToken()
		app := w.over(replacing{w.g.HTTPClient().Transport, w})
		_, err := app.Observe(w.Context(), w.call("1.0.0"))
		require.ErrorContains(w, err, "replaced")
		require.NotErrorIs(w, err, alipayplus.ErrAuthorizationRequired)

		_, err = w.app.Observe(w.Context(), w.call("1.0.0"))
		require.NoError(w, err, "once it is not any more")
	})
}

// replacing is the way to AlipayCN where the token is replaced before each call about a version.
type replacing struct {
	http.RoundTripper
	w *fixture
}

func (t replacing) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/mini/version/") {
		t.w.replaceToken()
	}
	return t.RoundTripper.RoundTrip(r)
}

// TestATokenThatCannotBeQueried is not said to be replaced, nor taken back.
func TestATokenThatCannotBeQueried(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		w.replaceToken()
		app := w.over(unqueried{replacing{w.g.HTTPClient().Transport, w}})
		_, err := app.Observe(w.Context(), w.call("1.0.0"))
		require.ErrorContains(w, err, "reset by peer")
		require.NotErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
	})
}

// unqueried is the way to AlipayCN, on which no question about a token arrives.
type unqueried struct{ http.RoundTripper }

func (t unqueried) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/auth/token/app/query") {
		return nil, errors.New("reset by peer")
	}
	return t.RoundTripper.RoundTrip(r)
}

// TestANewAuthorizationIsKept while the token of the one before is being refreshed.
func TestANewAuthorizationIsKept(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		w.replaceToken()
		authorized := alipaycn.Token{}
		app := w.meanwhile("/v3/alipay/open/auth/token/app", func() {
			w.authorized(w.program)
			var err error
			authorized, err = w.app.Tokens().Get(w.Context(), mini)
			require.NoError(w, err)
		})
		_, err := app.Observe(w.Context(), w.call("1.0.0"))
		require.NoError(w, err)
		token, err := w.app.Tokens().Get(w.Context(), mini)
		require.NoError(w, err)
		require.Equal(w, authorized, token)
	})
}

// authorized has the merchant authorize the platform once more.
func (w *fixture) authorized(program string) {
	w.Helper()
	require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, alipayplus.TargetAlipayCN))
	status, page := w.authorize(program, mini)
	require.Equal(w, http.StatusOK, status, page)
}

// meanwhile is an app during whose first call of a path something else happens, once AlipayCN has answered.
func (w *fixture) meanwhile(path string, happens func()) *alipaycnapp.App {
	w.Helper()
	return w.over(afterwards{w.g.HTTPClient().Transport, path, &happens})
}

// afterwards is the way to AlipayCN, on which something happens after the first answer of a path.
type afterwards struct {
	http.RoundTripper
	path    string
	happens *func()
}

func (t afterwards) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if happens := *t.happens; happens != nil && r.URL.Path == t.path {
		*t.happens = nil
		happens()
	}
	return resp, err
}
