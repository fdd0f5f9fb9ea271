package alipaycntarget_test

import (
	"context"
	"errors"
	"sync"
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
			given(t, func(t *testing.T, w *harness) {
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

func TestTheVersionAndClientOfTheTargetAreAppliedFor(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		target := w.target(with(func(in *alipaycn.ApplyInput) error {
			in.Version, in.BundleID = parse("9.9.9"), alipaycn.BundleIoT
			return nil
		}))
		require.NoError(t, target.Apply(t.Context(), change()))
		w.requireStatus(alipaycn.StatusAuditing)
	})
}

func TestAScanThatRunsIsWaitedOut(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanRunning))
		w.at(30*time.Minute, func() { require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanPassed)) })

		state, err := w.runner(atOnce()).Run(t.Context())

		requireClimbed(w, state, err)
		require.Equal(t, aClimb(), w.g.Effects(mini))
		require.Less(t, w.applications, 30, "it is not asked for again and again")
		require.Contains(t, w.eventTexts(rollout.EventRetrying)[0], "CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS")
	}, alipaycntest.WithAutoReview(0))
}

func TestAScanThatFoundSomethingEndsTheRun(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		require.NoError(t, w.g.SetScan(mini, version, alipaycn.ScanFailed))
		_, err := w.runner(atOnce()).Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "AlipayCN app 2021000000000002 version 1.2.0 did not pass the security scan; correct it in a new version")
		require.Empty(t, w.g.Effects(mini))
	})
}

func TestPublishingTakesItsOptions(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		const young = "2021000000000007"
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: young, PublicKey: testkey.FastClient().PublicPEM(), NoFiling: true}))
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

// A change reads the version once, right before it is made.
func TestHowOftenAChangeReadsTheVersion(t *testing.T) {
	for name, tt := range map[string]struct {
		from   alipaycn.VersionStatus
		change func(*testing.T, *alipaycntarget.Target) error
		calls  []string
	}{
		"an application, before it is made and right before it is sent": {alipaycn.StatusInit, func(t *testing.T, target *alipaycntarget.Target) error {
			return target.Apply(t.Context(), change())
		}, []string{"versions.get", "versions.get", "versions.apply"}},
		"a raise": {alipaycn.StatusWaitRelease, func(t *testing.T, target *alipaycntarget.Target) error {
			return target.Raise(t.Context(), rollout.Change{RequestID: "r", To: 10})
		}, []string{"versions.get", "versions.gray"}},
		"publishing": {alipaycn.StatusWaitRelease, func(t *testing.T, target *alipaycntarget.Target) error {
			return target.Publish(t.Context(), change())
		}, []string{"versions.get", "versions.publish"}},
		"an abort, before and after each step": {alipaycn.StatusGray, func(t *testing.T, target *alipaycntarget.Target) error {
			_, err := target.Abort(t.Context(), change())
			return err
		}, []string{"versions.get", "versions.cancelGray", "versions.get", "versions.returnToDevelopment", "versions.get"}},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.bring(version, tt.from)
				before := len(w.g.Calls())
				require.NoError(t, tt.change(t, w.target()))
				var calls []string
				for _, call := range w.g.Calls()[before:] {
					calls = append(calls, call.Operation)
				}
				require.Equal(t, tt.calls, calls)
			})
		})
	}
}

func TestARatioThatIsNoRaiseIsRefusedWithoutACall(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		for _, c := range []rollout.Change{{From: 30, To: 10}, {From: 30, To: 30}, {From: 10, To: 20}, {From: 50, To: 100}} {
			require.ErrorIs(t, w.target().Raise(t.Context(), c), alipayplus.ErrInvalid)
		}
		require.Zero(t, w.wire.calls)
	})
}

func TestAChangeOfAVersionThatIsElsewhereSaysWhereItIs(t *testing.T) {
	for status, says := range map[alipaycn.VersionStatus]string{
		alipaycn.StatusAuditing: "AlipayCN app 2021000000000002 version 1.2.0 is AUDITING, where its ratio cannot be changed",
		alipaycn.StatusRelease:  "AlipayCN app 2021000000000002 version 1.2.0 is RELEASE, where its ratio cannot be changed",
		alipaycn.StatusGray:     "AlipayCN app 2021000000000002 version 1.2.0 is GRAY at 30%, and not at 0% as was believed",
	} {
		t.Run(string(status), func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.bring(version, status)
				c := change()
				c.To = 50
				require.EqualError(t, w.target().Raise(t.Context(), c), "conflicting state: "+says)
				require.EqualError(t, w.target().Publish(t.Context(), c), "conflicting state: "+says)
			})
		})
	}
}

func TestNothingIsChangedInAnUnknownStatus(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.wire.to = always(`{"app_version":"1.2.0","status":"HALF_RELEASED"}`)
		target := w.target()
		_, aborting := target.Abort(t.Context(), change())
		for _, err := range []error{
			target.Apply(t.Context(), change()), target.Publish(t.Context(), change()),
			target.Raise(t.Context(), rollout.Change{RequestID: "r", To: 10}), aborting,
		} {
			require.EqualError(t, err, `AlipayCN app 2021000000000002 version 1.2.0 is in status "HALF_RELEASED", which this library does not know; see in AlipayCN's console what it means`)
		}
		require.Equal(t, 4, w.wire.calls, "nothing but readings")
	})
}

func TestOfAnotherVersionOnlyOneUnderReviewIsWithdrawn(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		const other = "1.1.0"
		w.swap(other)
		w.bring(other, alipaycn.StatusWaitRelease)
		err := w.target().Withdraw(t.Context(), rollout.Change{RequestID: "r", Other: &rollout.Blocker{ID: other, Version: other}})
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		err = w.target().Withdraw(t.Context(), rollout.Change{RequestID: "r", Other: &rollout.Blocker{ID: "rel_7"}})
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.Equal(t, alipaycn.StatusWaitRelease, w.g.Status(mini, other))
	})
}

func TestAVersionIsGivenUpFromWhereverItStands(t *testing.T) {
	const nobody = "nobody has the version; it is in development and can be applied for again"
	for status, tt := range map[alipaycn.VersionStatus]struct {
		then      alipaycn.VersionStatus
		aftermath string
		err       string
	}{
		alipaycn.StatusInit:          {then: alipaycn.StatusInit, aftermath: nobody},
		alipaycn.StatusAuditing:      {then: alipaycn.StatusInit, aftermath: nobody},
		alipaycn.StatusAuditReject:   {then: alipaycn.StatusInit, aftermath: nobody},
		alipaycn.StatusWaitRelease:   {then: alipaycn.StatusInit, aftermath: nobody},
		alipaycn.StatusBaseAuditPass: {then: alipaycn.StatusInit, aftermath: nobody},
		alipaycn.StatusGray: {
			then:      alipaycn.StatusInit,
			aftermath: "the grayscale release is ended and nobody has the version any more; it is in development and can be applied for again",
		},
		alipaycn.StatusAuditOffline: {then: alipaycn.StatusAuditOffline, aftermath: "AlipayCN had taken the version down already"},
		alipaycn.StatusRelease: {
			then: alipaycn.StatusRelease,
			err:  "conflicting state: AlipayCN app 2021000000000002 version 1.2.0 is RELEASE: all users have it; bring the version before it back (versions.rollback) or take it away from all (versions.takeOffline)",
		},
		alipaycn.StatusOffline: {
			then: alipaycn.StatusOffline,
			err:  "conflicting state: AlipayCN app 2021000000000002 version 1.2.0 is OFFLINE: nobody has it, and nothing is left to give up",
		},
	} {
		t.Run(string(status), func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.bring(version, status)
				aftermath, err := w.target().Abort(t.Context(), change())
				w.requireStatus(tt.then)
				if tt.err != "" {
					require.EqualError(t, err, tt.err)
					require.ErrorIs(t, err, alipayplus.ErrConflict)
					return
				}
				require.NoError(t, err)
				require.Equal(t, tt.aftermath, aftermath)
				// And it is in nobody's way.
				require.NoError(t, w.g.AddVersion(mini, "1.3.0"))
				w.bring("1.3.0", alipaycn.StatusAuditing)
			})
		})
	}
}

// Reviewers may decide between the reading and the withdrawal.
func TestAVerdictInTheMomentOfAnAbortDoesNotSaveTheVersion(t *testing.T) {
	for name, verdict := range map[string]func(w *harness){
		"approved": (*harness).approve,
		"rejected": func(w *harness) { w.reject("no") },
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.bring(version, alipaycn.StatusAuditing)
				w.wire.before("audit/cancel", func() { verdict(w) })
				_, err := w.target().Abort(t.Context(), change())
				require.NoError(t, err)
				w.requireStatus(alipaycn.StatusInit)
			})
		})
	}
}

func TestAnAbortThatAlipayCNRefusesSaysWhy(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.bring(version, alipaycn.StatusGray)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.cancelGray", Code: alipaycn.CodeCanNotCancelGrayWithDiffDW, Times: 100})
		_, err := w.target().Abort(t.Context(), change())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW")
		w.requireStatus(alipaycn.StatusGray)
	})
}

// Whoever reads that giving the version up was refused must not believe that its users still have it.
func TestAnAbortThatIsRefusedAfterAPartSaysWhatIsDone(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.bring(version, alipaycn.StatusGray)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.returnToDevelopment", Code: alipaycn.CodeCanNotCancelGrayWithDiffDW, Times: 100})
		_, err := w.target().Abort(t.Context(), change())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW")
		require.ErrorContains(t, err, "its grayscale release is ended")
		w.requireStatus(alipaycn.StatusWaitRelease)
	})
}

func TestChangesWaitForEachOther(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.bring(version, alipaycn.StatusWaitRelease)
		target := w.target()
		var first, second, third error
		var done sync.WaitGroup
		done.Go(func() { first = target.Raise(t.Context(), rollout.Change{RequestID: "1", To: 10}) })
		time.Sleep(time.Second / 2) // while the first one is on its way
		done.Go(func() { second = target.Raise(t.Context(), rollout.Change{RequestID: "2", To: 30}) })
		hurried, cancel := context.WithTimeout(t.Context(), time.Second/4)
		defer cancel()
		done.Go(func() { third = target.Raise(hurried, rollout.Change{RequestID: "3", To: 50}) })
		done.Wait()

		require.NoError(t, first)
		require.ErrorIs(t, second, alipayplus.ErrConflict)
		require.ErrorIs(t, third, context.DeadlineExceeded)
		require.Equal(t, 1, w.g.Effects(mini)["versions.gray"])
	})
}
