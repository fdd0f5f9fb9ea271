package alipaycntarget_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

// change is one of its own each time.
func change() rollout.Change { return rollout.Change{RequestID: time.Now().String()} }

func TestWhatToApplyWithIsCheckedBeforeAnythingIsDone(t *testing.T) {
	unreadable := errors.New("logo.png: no such file")
	for name, tt := range map[string]struct {
		opt   alipaycntarget.Option
		class error
		says  string
	}{
		"nothing": {
			alipaycntarget.WithApplication(nil), alipayplus.ErrInvalid,
			"invalid input: AlipayCN app 2021000000000002 version 1.2.0 cannot be applied for without what to apply with; give WithApplication",
		},
		"what cannot be made": {
			with(func(*alipaycn.ApplyInput) error { return unreadable }), unreadable,
			"make the application of AlipayCN app 2021000000000002 version 1.2.0: logo.png: no such file",
		},
		"what AlipayCN would refuse": {
			with(func(in *alipaycn.ApplyInput) error { in.Description = "short"; return nil }), alipayplus.ErrInvalid,
			"version_desc",
		},
		"what would publish by itself": {
			with(func(in *alipaycn.ApplyInput) error { in.AutoOnline = true; return nil }), alipayplus.ErrInvalid,
			"auto_online must not be set: AlipayCN would release to all users as soon as the review passes, whatever the spec says",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *world) {
				w.bring(version, alipaycn.StatusAuditReject)
				before := w.g.Effects(mini)

				err := w.target(tt.opt).Apply(t.Context(), change())

				require.ErrorIs(t, err, tt.class)
				require.ErrorContains(t, err, tt.says)
				require.Equal(t, before, w.g.Effects(mini))
				w.requireStatus(alipaycn.StatusAuditReject)
			})
		})
	}
}

// with changes a good application.
func with(change func(*alipaycn.ApplyInput) error) alipaycntarget.Option {
	return alipaycntarget.WithApplication(func(ctx context.Context) (alipaycn.ApplyInput, error) {
		in, err := new(world).application(ctx)
		return in, errors.Join(err, change(&in))
	})
}

func TestTheVersionAndClientOfTheTargetAreAppliedFor(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		target := w.target(with(func(in *alipaycn.ApplyInput) error {
			in.Version, in.BundleID = parse("9.9.9"), alipaycn.BundleIoT
			return nil
		}))
		require.NoError(t, target.Apply(t.Context(), change()))
		w.requireStatus(alipaycn.StatusAuditing)
	})
}

func TestAScanThatRunsIsWaitedOut(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanRunning))
		w.at(30*time.Minute, func() { require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanPassed)) })

		state, err := w.runner(atOnce()).Run(t.Context())

		requireClimbed(w, state, err)
		require.Equal(t, aClimb(), w.g.Effects(mini))
		require.Less(t, w.applications, 30, "it is not asked for again and again")
		require.Contains(t, w.told(rollout.EventRetrying)[0], "CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS")
	}, alipaycntest.WithAutoReview(0))
}

func TestAScanThatFoundSomethingEndsTheRun(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanFailed))
		_, err := w.runner(atOnce()).Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "AlipayCN app 2021000000000002 version 1.2.0 did not pass the security scan; correct it in a new version")
		require.Empty(t, w.g.Effects(mini))
	})
}

func TestAVersionThatIsNotThereIsNotFound(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		target := alipaycntarget.New(w.console, mini, parse("7.0.0"))
		_, err := target.Observe(t.Context())
		require.Error(t, err)
		require.False(t, alipayplus.IsRetryable(err))
	})
}

func TestPublishingTakesItsOptions(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		const young = "2021000000000007"
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: young, PublicKey: publicPEM(t), NoFiling: true}))
		require.NoError(t, w.g.AddVersion(young, version))
		client := w.newClient(young)
		publish := func(opts ...alipaycntarget.Option) error {
			return alipaycntarget.New(client, young, parse(version), opts...).Publish(t.Context(), change())
		}
		require.NoError(t, alipaycntarget.New(client, young, parse(version), alipaycntarget.WithApplication(w.application)).Apply(t.Context(), change()))
		require.NoError(t, w.g.Approve(young, version))

		require.ErrorIs(t, publish(), alipayplus.ErrConflict)
		require.NoError(t, publish(alipaycntarget.WithPublishing(alipaycn.PublishInput{PermitRegistrationLimitRelease: true})))
		require.Equal(t, alipaycn.StatusRelease, w.g.Status(young, version))
	})
}

func TestAnotherClientsVersionIsAnotherTarget(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
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

func TestAChangeOfAVersionThatIsElsewhereSaysWhereItIs(t *testing.T) {
	for status, says := range map[alipaycn.VersionStatus]string{
		alipaycn.StatusAuditing: "AlipayCN app 2021000000000002 version 1.2.0 is AUDITING, where its ratio cannot be changed",
		alipaycn.StatusRelease:  "AlipayCN app 2021000000000002 version 1.2.0 is RELEASE, where its ratio cannot be changed",
		alipaycn.StatusGray:     "AlipayCN app 2021000000000002 version 1.2.0 is GRAY at 30%, and not at 0% as was believed",
	} {
		t.Run(string(status), func(t *testing.T) {
			given(t, func(t *testing.T, w *world) {
				w.bring(version, status)
				c := change()
				c.To = 50
				require.EqualError(t, w.target().Raise(t.Context(), c), "conflicting state: "+says)
				require.EqualError(t, w.target().Publish(t.Context(), c), "conflicting state: "+says)
			})
		})
	}
}

func TestAVersionThatIsAppliedForMeanwhileIsNotInItsOwnWay(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		w.wire.before("list/query", func() { w.bring(version, alipaycn.StatusAuditing) })
		seen, err := w.target().Observe(t.Context())
		require.NoError(t, err)
		require.Nil(t, seen.Blocker)
	})
}

func TestARatioThatIsNoRaiseIsRefusedWithoutACall(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		for _, c := range []rollout.Change{{From: 30, To: 10}, {From: 30, To: 30}, {From: 10, To: 20}, {From: 50, To: 100}} {
			require.ErrorIs(t, w.target().Raise(t.Context(), c), alipayplus.ErrInvalid)
		}
		require.Zero(t, w.wire.calls)
	})
}
