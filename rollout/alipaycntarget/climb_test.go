package alipaycntarget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// aClimb are the effects of a rollout in which nothing goes wrong.
func aClimb() map[string]int {
	return map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}
}

func requireClimbed(w *world, state *rollout.State, err error) {
	w.Helper()
	require.NoError(w, err)
	require.Equal(w, rollout.Done, state.Status)
	w.requireStatus(alipaycn.StatusRelease)
}

func ratios(state *rollout.State) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, c := range state.Changes {
		all = append(all, c.To)
	}
	return all
}

func TestAClimbOfDaysOverAlipayCN(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
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
		}, w.told(rollout.EventObserved))
		require.Empty(t, w.told(rollout.EventRetrying))
	}, alipaycntest.WithAutoReview(12*time.Hour))
}

func TestARatioThatAlipayCNDoesNotOfferIsRefusedBeforeAnythingIsDone(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 20}, {Ratio: 100}}}
		_, err := w.runner(spec).Plan(t.Context())
		require.EqualError(t, err, "rollout spec: 1 field not valid: steps[0].ratio is 20%, which the target does not offer; it offers 10%, 30%, 50%, 100%")
		require.Empty(t, w.g.Effects(mini))
	})
}

func TestARejectionIsToldWithItsReasonAndAppliedForAnewAfterResumption(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		w.at(20*time.Minute, func() { w.reject("the icon is too small") })
		w.at(time.Hour, w.approve)

		_, err := w.runner(atOnce()).Run(t.Context())

		require.EqualError(t, err, "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 is paused at 0%: ALIPAY_CN rejected it: the icon is too small; mend what the reviewers found, then resume, which applies anew")
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

func TestAnAuthorizationThatIsRevokedIsToldAndTheClimbGoesOnAfterANewOne(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
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

func TestWithoutATokenTheMerchantMustAuthorize(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		require.NoError(t, w.tokens.Delete(t.Context(), mini))
		_, err := w.runner(atOnce()).Run(t.Context())
		require.EqualError(t, err, `client for app "2021000000000002": alipaycn: get token of app "2021000000000002": no token is stored for the app; ask its merchant to authorize (AuthorizationURL): authorization required`)
		require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
	})
}

func TestWhatTheConsoleDoesIsAdoptedOrStopsTheClimb(t *testing.T) {
	for name, tt := range map[string]struct {
		do  func(w *world)
		set []alipayplus.Ratio
		err string // empty: all users have it in the end
	}{
		"a raise is adopted": {
			do:  func(w *world) { w.gray(version, alipaycn.GrayP50) },
			set: []alipayplus.Ratio{10, 50, 100},
		},
		"publishing is adopted": {
			do: func(w *world) {
				require.NoError(w, w.console.Versions.Publish(w.Context(), alipaycn.PublishInput{Version: parse(version)}))
			},
			set: []alipayplus.Ratio{10, 100},
		},
		"an end of grayscale pauses": {
			do: func(w *world) {
				require.NoError(w, w.console.Versions.CancelGray(w.Context(), alipaycn.VersionInput{Version: parse(version)}))
			},
			set: []alipayplus.Ratio{10},
			err: "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 is paused at 10%: 0% is live where 10% was, and a rollout never goes on from a ratio that fell by itself; resume to go on from what is live now, or abort",
		},
		"a version that is taken down ends it": {
			do:  func(w *world) { require.NoError(w, w.g.TakeDown(mini, version)) },
			set: []alipayplus.Ratio{10},
			err: "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 is ended at 10%: the release was canceled; it is over; release a later version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *world) {
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
			given(t, func(t *testing.T, w *world) {
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
			given(t, func(t *testing.T, w *world) {
				w.swap(other)
				w.bring(other, status)
				seen, err := w.target().Observe(t.Context())
				require.NoError(t, err)
				require.Nil(t, seen.Blocker)
			})
		})
	}
}

func TestOfAnotherVersionOnlyOneUnderReviewIsWithdrawn(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
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
