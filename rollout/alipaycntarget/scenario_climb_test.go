package alipaycntarget_test

import (
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/stretchr/testify/require"
)

func TestAClimbOfDaysOverAlipayCN(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		const bake = 8 * time.Hour
		begun := time.Now()

		state, err := w.runner(watching(bake), rollout.WithInterval(2*time.Hour)).Run(t.Context())

		requireClimbed(w, state, err)
		require.Equal(t, aClimb(), w.g.Effects(mini))
		require.Equal(t, []alipayplus.Ratio{10, 30, 50, 100}, ratios(state))
		require.GreaterOrEqual(t, time.Since(begun), 12*time.Hour+3*bake)
		require.Equal(t, []string{
			"NEW_VERSION_CREATED at 0%: no verdict yet",
			"UNDER_REVIEW at 0%: ALIPAY_CN pending",
			"RELEASE_PREPARATION at 0%: ALIPAY_CN approved",
			"GRAYSCALE_RELEASE at 10%: ALIPAY_CN approved",
			"FULL_RELEASE at 100%: ALIPAY_CN approved",
		}, w.eventTexts(rollout.EventObserved))
		require.Empty(t, w.eventTexts(rollout.EventRetrying))
	}, alipaycntest.WithAutoReview(12*time.Hour))
}

func TestARatioThatAlipayCNDoesNotOfferIsRefusedBeforeAnythingIsDone(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 20}, {Ratio: 100}}}
		_, err := w.runner(spec).Plan(t.Context())
		require.EqualError(t, err, "rollout spec: 1 field not valid: steps[0].ratio is 20%, which the target does not offer; it offers 10%, 30%, 50%, 100%")
		require.Empty(t, w.g.Effects(mini))
	})
}

func TestARejectionIsReportedWithItsReasonAndAppliedForAnewAfterResumption(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.at(20*time.Minute, func() { w.reject("the icon is too small") })
		w.at(time.Hour, w.approve)

		_, err := w.runner(atOnce()).Run(t.Context())

		require.EqualError(t, err, "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 (BlueLakeTea) is paused at 0%: ALIPAY_CN rejected it: the icon is too small; correct what the reviewers found, then resume, which applies again")
		require.ErrorIs(t, err, rollout.ErrRejected)
		w.requireStatus(alipaycn.StatusAuditReject) // the reasons stay to be read in the console

		_, err = w.runner(atOnce()).Resume(t.Context(), "lin", "icon redrawn")
		require.NoError(t, err)
		state, err := w.runner(atOnce()).Run(t.Context())
		requireClimbed(w, state, err)
		require.Equal(t, 2, w.applications, "what to apply with is made anew")
		require.Equal(t, map[string]int{
			"versions.apply": 2, "versions.returnToDevelopment": 1, "versions.gray": 3, "versions.publish": 1,
		}, w.g.Effects(mini))
	})
}

func TestAnAuthorizationThatIsRevokedIsReportedAndTheClimbGoesOnAfterANewOne(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.at(30*time.Minute, func() { require.NoError(t, w.g.RevokeAuthorization(mini)) }) // 30 % is live
		runner := w.runner(watchingAt(30))

		_, err := runner.Run(t.Context())

		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
		require.ErrorContains(t, err, "use the newest app_auth_token of this mini program, or let the merchant authorize again")
		require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 2}, w.g.Effects(mini))
		_, again := runner.Run(t.Context())
		require.ErrorIs(t, again, alipayplus.ErrAuthorizationRequired)

		w.grant()
		state, err := runner.Run(t.Context()) // the same process: it takes the new token
		requireClimbed(w, state, err)
		require.Equal(t, aClimb(), w.g.Effects(mini))
		require.Equal(t, []alipayplus.Ratio{10, 30, 50, 100}, ratios(state))
	}, alipaycntest.WithAutoReview(0))
}

func TestWhatTheConsoleDoesIsAdoptedOrStopsTheClimb(t *testing.T) {
	for name, tt := range map[string]struct {
		do  func(w *harness)
		set []alipayplus.Ratio
		err string // empty: all users have it in the end
	}{
		"a raise is adopted": {
			do:  func(w *harness) { w.gray(version, alipaycn.GrayP50) },
			set: []alipayplus.Ratio{10, 50, 100},
		},
		"publishing is adopted": {
			do: func(w *harness) {
				require.NoError(w, w.console.Versions.Publish(w.Context(), alipaycn.PublishInput{Version: parse(version)}))
			},
			set: []alipayplus.Ratio{10, 100},
		},
		"an end of grayscale pauses": {
			do: func(w *harness) {
				require.NoError(w, w.console.Versions.CancelGray(w.Context(), alipaycn.VersionInput{Version: parse(version)}))
			},
			set: []alipayplus.Ratio{10},
			err: "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 (BlueLakeTea) is paused at 10%: 0% is live where 10% was, and a rollout never goes on from a ratio that fell by itself; resume to go on from what is live now, or abort",
		},
		"a version that is taken down ends it": {
			do:  func(w *harness) { require.NoError(w, w.g.TakeDown(mini, version)) },
			set: []alipayplus.Ratio{10},
			err: "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 (BlueLakeTea) is ended at 10%: the release was canceled; it is over; release a later version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.at(30*time.Minute, func() { tt.do(w) })

				state, err := w.runner(watchingAt(10)).Run(t.Context())

				require.Equal(t, tt.set, ratios(state))
				if tt.err == "" {
					requireClimbed(w, state, err)
					return
				}
				require.EqualError(t, err, tt.err)
				require.ErrorIs(t, err, alipayplus.ErrConflict)
			}, alipaycntest.WithAutoReview(0))
		})
	}
}

func TestAVersionInTheWayIsNamedAndAnApplicationReplaced(t *testing.T) {
	const other = "1.1.0"
	for status, tt := range map[alipaycn.VersionStatus]struct {
		seen     alipayplus.ReleaseStatus
		replaced bool
	}{
		alipaycn.StatusAuditing:      {seen: alipayplus.ReleaseUnderReview, replaced: true},
		alipaycn.StatusAuditReject:   {seen: "AUDIT_REJECT"},
		alipaycn.StatusWaitRelease:   {seen: alipayplus.ReleasePreparation},
		alipaycn.StatusBaseAuditPass: {seen: alipayplus.ReleasePreparation},
		alipaycn.StatusGray:          {seen: alipayplus.ReleaseGrayscale},
	} {
		t.Run(string(status), func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.swap(other)
				w.bring(other, status)
				target := w.target()
				seen, err := target.Observe(t.Context())
				require.NoError(t, err)
				require.Equal(t, &rollout.Blocker{ID: other, Version: other, Status: tt.seen}, seen.Blocker)

				_, err = w.runner(atOnce()).Step(t.Context())
				require.ErrorIs(t, err, alipayplus.ErrConflict)
				require.ErrorContains(t, err, "version 1.1.0 is "+string(tt.seen)+" and must be out of the way")

				spec := atOnce()
				spec.Review = rollout.ReviewReplace
				_, err = w.runner(spec, rollout.WithNewSpec()).Step(t.Context())
				if !tt.replaced {
					require.ErrorIs(t, err, alipayplus.ErrConflict)
					require.Equal(t, status, w.g.Status(mini, other), "what users have, or could get, is not taken back")
					return
				}
				require.NoError(t, err)
				require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, other))
				w.requireStatus(alipaycn.StatusAuditing)
			})
		})
	}
	for _, status := range []alipaycn.VersionStatus{alipaycn.StatusInit, alipaycn.StatusRelease, alipaycn.StatusOffline, alipaycn.StatusAuditOffline} {
		t.Run(string(status)+" is not in the way", func(t *testing.T) {
			given(t, func(t *testing.T, w *harness) {
				w.swap(other)
				w.bring(other, status)
				seen, err := w.target().Observe(t.Context())
				require.NoError(t, err)
				require.Nil(t, seen.Blocker)
			})
		})
	}
}

func TestAnAbortWhileARatioIsLive(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		runner := w.runner(watchingAt(30))
		w.at(30*time.Minute, func() {
			_, err := w.runner(watchingAt(30)).Abort(t.Context(), "lin", "it crashes")
			require.NoError(t, err)
		})

		_, err := runner.Run(t.Context())

		require.EqualError(t, err, "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 (BlueLakeTea) is aborted at 30%: it crashes (by lin); the grayscale release is ended and nobody has the version any more; it is in development and can be applied for again; it is over; the next attempt is a rollout under another name")
		require.ErrorIs(t, err, rollout.ErrAborted)
		w.requireStatus(alipaycn.StatusInit)
	}, alipaycntest.WithAutoReview(0))
}

// Somebody at the console raises in the moment in which the runner wants to.
func TestARaiseByOthersInTheMomentOfARaiseIsAdopted(t *testing.T) {
	given(t, func(t *testing.T, w *harness) {
		w.wire.before("gray/online", func() { w.gray(version, alipaycn.GrayP30) })

		state, err := w.runner(atOnce()).Run(t.Context())

		requireClimbed(w, state, err)
		require.Equal(t, []alipayplus.Ratio{30, 50, 100}, ratios(state))
		require.Len(t, w.eventTexts(rollout.EventAdopted), 1)
	}, alipaycntest.WithAutoReview(0))
}
