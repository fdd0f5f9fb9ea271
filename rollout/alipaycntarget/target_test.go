package alipaycntarget_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
	"github.com/stretchr/testify/require"
)

func TestAVersionOfAlipayCNIsATarget(t *testing.T) {
	rollouttest.TestTarget(t, func(t *testing.T) rollouttest.TargetHarness {
		w := newHarness(t)
		return rollouttest.TargetHarness{
			Target:  w.target(),
			Approve: w.approve,
			Reject:  w.reject,
			Raise: func(to alipayplus.Ratio) {
				strategy, err := alipaycn.GrayStrategyOf(to)
				require.NoError(t, err)
				w.gray(version, strategy)
			},
			Lose: func() { w.g.Inject(alipaycntest.Fault{Operation: "versions.gray", CutAfter: true}) },
			// As often as the client asks before it gives up.
			Break: func() { w.g.Inject(alipaycntest.Fault{Status: http.StatusServiceUnavailable, Times: attempts}) },
		}
	}, rollouttest.InVirtualTime())
}

func TestAnotherClientsVersionIsAnotherTarget(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		_, err := w.console.Versions.Upload(t.Context(), alipaycn.UploadInput{TemplateID: "2021000000000009", Version: parse(version), BundleID: alipaycn.BundleIoT})
		require.NoError(t, err)
		const inTheWallet = "1.1.0"
		w.swap(inTheWallet)
		w.bring(inTheWallet, alipaycn.StatusAuditing)
		wallet, devices := w.target(alipaycntarget.WithBundle(alipaycn.BundleAlipay)), w.target(alipaycntarget.WithBundle(alipaycn.BundleIoT))
		require.Equal(t, "AlipayCN app 2021000000000002 version 1.2.0", wallet.ID())
		require.Equal(t, "AlipayCN app 2021000000000002 version 1.2.0 for com.alipay.iot.xpaas", devices.ID())

		runner, err := rollout.New(devices, atOnce(), w.store)
		require.NoError(t, err)
		w.at(time.Minute, w.approve)
		state, err := runner.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)

		require.Equal(t, alipaycn.StatusAuditing, w.g.Status(mini, inTheWallet))
		seen, err := wallet.Observe(t.Context())
		require.NoError(t, err)
		require.Equal(t, "INIT", seen.Detail)
	}, alipaycntest.WithAnyTemplate())
}

func TestWithoutATokenTheMerchantMustAuthorize(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		require.NoError(t, w.tokens.Delete(t.Context(), mini))
		_, err := w.runner(atOnce()).Run(t.Context())
		require.EqualError(t, err, `client for app "2021000000000002": alipaycn: get token of app "2021000000000002": no token is stored for the app; ask its merchant to authorize (AuthorizationURL): authorization required`)
		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
	})
}

// What AlipayCN answers about a version that is not there is not documented: whatever is
// not about this version is not believed.
func TestAnAnswerAboutAnotherVersionIsNotBelieved(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.wire.to = always(`{"app_version":"1.1.0","status":"WAIT_RELEASE"}`)
		target := alipaycntarget.New(w.client, mini, parse(version))
		_, err := target.Observe(t.Context())
		require.ErrorContains(t, err, `it is about something else than was asked for: app_version "1.1.0" came, not "1.2.0"`)
		require.False(t, alipayplus.IsRetryable(err))
		require.ErrorContains(t, target.Publish(t.Context(), change()), "it is about something else")
	})
}

func TestAnAnswerThatNamesNoVersionIsNotBelieved(t *testing.T) {
	for _, body := range []always{`{}`, `{"status":"WAIT_RELEASE"}`} {
		given(t, func(t *testing.T, w *harness) {
			w.wire.to = body
			target := alipaycntarget.New(w.client, mini, parse(version))
			_, err := target.Observe(t.Context())
			require.EqualError(t, err, "AlipayCN app 2021000000000002 version 1.2.0: not found at AlipayCN: wait until it is built (versions.build)")
			require.ErrorIs(t, err, alipayplus.ErrNotFound)
			require.ErrorIs(t, target.Publish(t.Context(), change()), alipayplus.ErrNotFound)
		})
	}
}

func TestAVersionThatIsNotThereIsNotFound(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		target := alipaycntarget.New(w.console, mini, parse("7.0.0"))
		_, err := target.Observe(t.Context())
		require.Error(t, err)
		require.False(t, alipayplus.IsRetryable(err))
	})
}

func TestAVersionThatIsAppliedForMeanwhileIsNotInItsOwnWay(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.wire.before("list/query", func() { w.bring(version, alipaycn.StatusAuditing) })
		seen, err := w.target().Observe(t.Context())
		require.NoError(t, err)
		require.Nil(t, seen.Blocker)
	})
}
