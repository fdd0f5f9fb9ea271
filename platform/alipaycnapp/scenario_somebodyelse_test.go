package alipaycnapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// somebodyApplies applies for a version in the console, with other content than a release has.
func (w *fixture) somebodyApplies(number string) {
	w.Helper()
	version, err := alipayplus.ParseVersion(number)
	require.NoError(w, err)
	_, err = w.console().Versions.Apply(w.Context(), alipaycn.ApplyInput{
		Version: version, Description: "Somebody else applies for this.", AppName: "蓝湖茶", AppEnglishName: "BlueLakeTea",
		AppSlogan: "Tea by somebody else", AppDescription: "Order tea from the blue lake, and drink it there.",
		Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: alipaycn.RegionChina, AppLogo: logo(w),
	})
	require.NoError(w, err)
}

func (w *fixture) somebodyCancels(number string) {
	w.Helper()
	version, err := alipayplus.ParseVersion(number)
	require.NoError(w, err)
	require.NoError(w, w.console().Versions.CancelAudit(w.Context(), alipaycn.CancelAuditInput{Version: version}))
}

// takenOver is a release that was approved, and whose version somebody else returned to development and got approved anew.
func (w *fixture) takenOver() *alipayplus.Release {
	w.Helper()
	r := w.prepared()
	require.NoError(w, w.console().Versions.ReturnToDevelopment(w.Context(), w.version()))
	w.somebodyApplies("1.0.0")
	require.NoError(w, w.g.Approve(mini, "1.0.0"))
	return r
}

// TestAVerdictOnSomebodyElsesApplicationIsNone: what the platform applied for was taken back.
func TestAVerdictOnSomebodyElsesApplicationIsNone(t *testing.T) {
	for name, decide := range map[string]func(w *fixture) error{
		"none yet": func(*fixture) error { return nil },
		"approved": func(w *fixture) error { return w.g.Approve(mini, "1.0.0") },
		"rejected": func(w *fixture) error {
			return w.g.Reject(mini, "1.0.0", alipaycntest.Verdict{Reason: "the logo is blurred"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				r := w.applied()
				w.somebodyCancels("1.0.0")
				w.somebodyApplies("1.0.0")
				require.NoError(w, decide(w))
				r = w.later(r)
				require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status)
				request, err := w.owner.Requests.Get(w.Context(), r.ReleaseRequestID)
				require.NoError(w, err)
				require.Contains(w, request.Reviews[1].Reason, "taken back at AlipayCN, and somebody else applied for the version there")

				r, err = w.apply(r)
				require.NoError(w, err)
				require.Equal(w, alipayplus.ReleaseUnderReview, r.Status)
				detail, err := w.console().Versions.Get(w.Context(), w.version())
				require.NoError(w, err)
				require.Equal(w, w.application().Description, detail.Description)
			})
		})
	}
}

// TestAnApprovedVersionIsAppliedForBySomebodyElse: it is not what was approved here, and is neither released nor kept.
func TestAnApprovedVersionIsAppliedForBySomebodyElse(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.takenOver()
		err := w.app.SetRatio(w.Context(), w.call("1.0.0"), 10)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "applied for by somebody else")
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.later(r).Status)
	})
}

// TestSomebodyElsesApplicationDoesNotGiveWay, although the platform applied for the version once.
func TestSomebodyElsesApplicationDoesNotGiveWay(t *testing.T) {
	given(t, func(w *fixture) {
		w.decided(platform.RejectAfter(time.Minute, "no"), platform.ApproveAfter(0))
		r := w.applied()
		w.later(r)
		w.somebodyCancels("1.0.0")
		w.somebodyApplies("1.0.0")
		require.NoError(w, w.g.AddVersion(mini, "1.0.1"))
		_, err := w.apply(w.created("1.0.1", w.application()))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "version 1.0.0 is AUDITING there; finish it or take it back in AlipayCN's console")
		require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"))
	})
}

// approvedThereOnly is version 1.0.0, which AlipayCN approves and Alipay+ rejects.
func (w *fixture) approvedThereOnly() {
	w.Helper()
	w.decided(platform.RejectAfter(2*time.Minute, "no"), platform.ApproveAfter(0))
	r := w.applied()
	require.NoError(w, w.g.Approve(mini, "1.0.0"))
	time.Sleep(2 * time.Minute)
	w.later(r)
}

// somebodyReleases has a tenth of the users get version 1.0.0, in the console.
func (w *fixture) somebodyReleases() {
	w.Helper()
	require.NoError(w, w.console().Versions.RaiseGray(w.Context(), alipaycn.GrayInput{Version: alipayplus.VersionNumber{Major: 1}, Strategy: "p10"}))
}

// somebodyPublishes has all users get version 1.0.0, in the console.
func (w *fixture) somebodyPublishes() {
	w.Helper()
	require.NoError(w, w.console().Versions.Publish(w.Context(), alipaycn.PublishInput{Version: alipayplus.VersionNumber{Major: 1}}))
}

// TestAVersionThatPeopleTurnToMeanwhileDoesNotGiveWay, which was the platform's when it looked what is in the way.
func TestAVersionThatPeopleTurnToMeanwhileDoesNotGiveWay(t *testing.T) {
	for name, tt := range map[string]struct {
		after   string
		happens func(w *fixture)
		is      alipaycn.VersionStatus
	}{
		"applied for": {"audited/cancel", func(w *fixture) { w.somebodyApplies("1.0.0") }, alipaycn.StatusAuditing},
		"released":    {"list/query", (*fixture).somebodyReleases, alipaycn.StatusGray},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				w.approvedThereOnly()
				require.NoError(w, w.g.AddVersion(mini, "1.0.1"))
				call, next := w.call("1.0.1"), w.created("1.0.1", w.application())
				call.Release.Configuration.AlipayCN, call.Release.ReleaseRequestID, call.File = next.Configuration.AlipayCN, "req", w.file
				err := w.meanwhile("/v3/alipay/open/mini/version/"+tt.after, func() { tt.happens(w) }).Submit(w.Context(), call)
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, "version 1.0.0 is "+string(tt.is)+" there")
				require.Equal(w, tt.is, w.g.Status(mini, "1.0.0"))
			})
		})
	}
}

// TestAVersionThatPeopleReleaseMeanwhileIsNotAppliedFor: AlipayCN had approved it when the platform looked.
func TestAVersionThatPeopleReleaseMeanwhileIsNotAppliedFor(t *testing.T) {
	given(t, func(w *fixture) {
		w.approvedThereOnly()
		call := w.call("1.0.0")
		call.Release.ReleaseRequestID, call.File = "req", w.file
		another := *w.application()
		another.Slogan = "Fresh tea, another one"
		call.Release.Configuration.AlipayCN = &another
		err := w.meanwhile(cnwire.VersionList.Path(), w.somebodyReleases).Submit(w.Context(), call)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is GRAY and cannot be applied for")
		require.Equal(w, alipaycn.StatusGray, w.g.Status(mini, "1.0.0"))
	})
}

// TestSomebodyElsesApplicationIsLive while the platform's is under review here: nobody approved that.
func TestSomebodyElsesApplicationIsLive(t *testing.T) {
	given(t, func(w *fixture) {
		w.decided(platform.LeaveOpen())
		r := w.applied()
		w.somebodyCancels("1.0.0")
		w.somebodyApplies("1.0.0")
		require.NoError(w, w.g.Approve(mini, "1.0.0"))
		w.somebodyReleases()
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.later(r).Status)
		w.somebodyPublishes()
		require.Equal(w, alipayplus.ReleaseFull, w.later(r).Status, "all users have it")
	})
}

// TestSomebodyEndsTheGrayscaleThatIsBeingRaised: what people took away from users does not go out to more of them.
func TestSomebodyEndsTheGrayscaleThatIsBeingRaised(t *testing.T) {
	for _, ratio := range []alipayplus.Ratio{50, alipayplus.FullRatio} {
		t.Run(ratio.String(), func(t *testing.T) {
			given(t, func(w *fixture) {
				r := w.live(10)
				app := w.meanwhile(cnwire.VersionGet.Path(), func() { require.NoError(w, w.console().Versions.CancelGray(w.Context(), w.version())) })
				p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(w.store), platform.WithPublicURL(address), platform.WithTargetBackends(app))
				require.NoError(w, err)
				owner, err := p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
				require.NoError(w, err)

				_, err = owner.Releases.Raise(w.Context(), r.GrayscaleTo(ratio))

				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, "version 1.0.0 at AlipayCN is live at 0%, and not at 10% any more")
				require.Equal(w, alipaycn.StatusWaitRelease, w.g.Status(mini, "1.0.0"))
				r = w.later(r)
				require.Equal(w, alipayplus.ReleasePreparation, r.Status)
				r, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(ratio))
				require.NoError(w, err)
				require.Equal(w, ratio, r.Grayscale.Ratio)
			})
		})
	}
}

// TestSomebodyPublishesWhatIsBeingTakenBack, when its grayscale release has been ended: neither nothing nor all was done.
func TestSomebodyPublishesWhatIsBeingTakenBack(t *testing.T) {
	given(t, func(w *fixture) {
		w.live(30)
		app := w.meanwhile(cnwire.VersionCancelGray.Path(), w.somebodyPublishes)
		err := app.Cancel(w.Context(), w.call("1.0.0"))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(w, err, "version 1.0.0 at AlipayCN is RELEASE and cannot be taken back; a part of it is done")
		require.NotErrorIs(w, app.Cancel(w.Context(), w.call("1.0.0")), alipayplus.ErrOutcomeUnknown)
	})
}

// TestWhatUsersHaveIsToldWhoeverAppliedForIt, and whatever was applied for.
func TestWhatUsersHaveIsToldWhoeverAppliedForIt(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.takenOver()
		w.somebodyPublishes()
		require.Equal(w, alipayplus.ReleaseFull, w.later(r).Status)
	})
}
