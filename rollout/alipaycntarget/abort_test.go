package alipaycntarget_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
)

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
			given(t, func(t *testing.T, w *world) {
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

func TestAnAbortWhileARatioIsLive(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		runner := w.runner(watchingAt(30))
		w.at(30*time.Minute, func() {
			_, err := w.runner(watchingAt(30)).Abort(t.Context(), "lin", "it crashes")
			require.NoError(t, err)
		})

		_, err := runner.Run(t.Context())

		require.EqualError(t, err, "rollout tea of AlipayCN app 2021000000000002 version 1.2.0 is aborted at 30%: it crashes (by lin); the grayscale release is ended and nobody has the version any more; it is in development and can be applied for again; it is over; the next attempt is a rollout under another name")
		require.ErrorIs(t, err, rollout.ErrAborted)
		w.requireStatus(alipaycn.StatusInit)
	}, alipaycntest.WithAutoReview(0))
}

// Reviewers may decide between the reading and the withdrawal.
func TestAVerdictInTheMomentOfAnAbortDoesNotSaveTheVersion(t *testing.T) {
	for name, verdict := range map[string]func(w *world){
		"approved": (*world).approve,
		"rejected": func(w *world) { w.reject("no") },
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(t *testing.T, w *world) {
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
	given(t, func(t *testing.T, w *world) {
		w.bring(version, alipaycn.StatusGray)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.cancelGray", Code: alipaycn.CodeCanNotCancelGrayWithDiffDW, Times: 100})
		_, err := w.target().Abort(t.Context(), change())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW")
		w.requireStatus(alipaycn.StatusGray)
	})
}

// Somebody at the console raises in the moment in which the runner wants to.
func TestARaiseByOthersInTheMomentOfARaiseIsAdopted(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		w.wire.before("gray/online", func() { w.gray(version, alipaycn.GrayP30) })

		state, err := w.runner(atOnce()).Run(t.Context())

		requireClimbed(w, state, err)
		require.Equal(t, []alipayplus.Ratio{30, 50, 100}, ratios(state))
		require.Len(t, w.told(rollout.EventAdopted), 1)
	}, alipaycntest.WithAutoReview(0))
}

func TestChangesWaitForEachOther(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
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
