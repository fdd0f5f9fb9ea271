package alipaycn_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

func TestAWholeReleaseWithItsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithBuildDelay(time.Minute), alipaycntest.WithScanDelay(time.Minute), alipaycntest.WithAutoReview(time.Hour))
		ctx := t.Context()
		v := w.c.Versions
		start := time.Now()
		build, err := v.Upload(ctx, alipaycn.UploadInput{TemplateID: templateID, Version: number(1)})
		require.NoError(t, err)
		require.False(t, build.Created())
		var states []string
		built, err := v.WaitBuilt(ctx, firstVersion(), alipaycn.BuildWait{OnChange: func(p *alipaycn.BuildProgress) {
			if p.Version == nil {
				states = append(states, "building")
				return
			}
			states = append(states, string(p.Version.ScanResult))
		}})
		require.NoError(t, err)
		require.Equal(t, alipaycn.ScanPassed, built.Version.ScanResult)
		require.GreaterOrEqual(t, time.Since(start), 2*time.Minute)
		require.Equal(t, "building", states[0])
		require.Equal(t, []string{"NAN", "True"}, states[len(states)-2:])

		_, err = v.Apply(ctx, firstApplication())
		require.NoError(t, err)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Status: http.StatusBadGateway, Times: 12}) // three polls fail
		detail, err := v.WaitReviewed(ctx, firstVersion(), alipaycn.ReviewWait{})
		require.NoError(t, err)
		require.Equal(t, alipaycn.StatusWaitRelease, detail.Status)

		for i, strategy := range []alipaycn.GrayStrategy{alipaycn.GrayP10, alipaycn.GrayP30, alipaycn.GrayP50} {
			gray := alipaycn.GrayInput{Version: number(1), Strategy: strategy}
			if i == 0 {
				require.NoError(t, v.StartGray(ctx, gray))
			} else {
				require.NoError(t, v.RaiseGray(ctx, gray))
			}
		}
		err = v.RaiseGray(ctx, alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP10})
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "GRAY_STRATEGY_NOT_ALLOW_REDUCE")
		require.NoError(t, v.Publish(ctx, alipaycn.PublishInput{Version: number(1)}))
		require.Equal(t, alipaycn.StatusRelease, w.g.Status(miniID, "0.1.0"))
	})
}

func TestARejectionTellsEveryReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusAuditing)
		require.NoError(t, w.g.Reject(miniID, "0.1.0", alipaycntest.Verdict{Reason: "the logo is blurred"}))
		detail, err := w.c.Versions.WaitReviewed(t.Context(), firstVersion(), alipaycn.ReviewWait{})
		rejected, ok := errors.AsType[*alipaycn.RejectedError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, alipaycn.StatusAuditReject, rejected.Status)
		require.Equal(t, alipaycn.StatusAuditReject, detail.Status)
		require.ErrorContains(t, err, "the logo is blurred")
	})
}

func TestReasonsOfBothPartsAreInTheError(t *testing.T) {
	err := &alipaycn.RejectedError{
		Version: "0.1.0", BaseReasons: &alipaycn.AuditRecord{Memos: []alipaycn.AuditMemo{{Memo: "blurred\nlogo"}}, Images: []string{"https://picture"}},
		PromoteReasons: &alipaycn.AuditRecord{Memos: []alipaycn.AuditMemo{{Memo: "dull"}}},
	}
	require.EqualError(t, err, "the review rejected version 0.1.0 (admission: blurred logo; promotion: dull); return it to development, change it and apply again")
}

func TestWaitsEndForTheReasonsThatThereAre(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*gatewayFixture)
		target  error
		says    string
	}{
		{"not applied for", inStatus(alipaycn.StatusInit), alipayplus.ErrConflict, "in development"},
		{"taken down", func(w *gatewayFixture) {
			w.bring(alipaycn.StatusWaitRelease)
			require.NoError(w.t, w.g.TakeDown(miniID, "0.1.0"))
		}, alipayplus.ErrConflict, "took the version down"},
		{"authorization revoked", func(w *gatewayFixture) {
			w.bring(alipaycn.StatusAuditing)
			require.NoError(w.t, w.g.RevokeAuthorization(miniID))
		}, alipayplus.ErrAuthorizationRequired, "authorize"},
		{"deadline", inStatus(alipaycn.StatusAuditing), context.DeadlineExceeded, "last state AUDITING"},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t)
			tt.prepare(w)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := w.c.Versions.WaitReviewed(ctx, firstVersion(), alipaycn.ReviewWait{})
			require.ErrorIs(t, err, tt.target)
			require.ErrorContains(t, err, tt.says)
			wait, ok := errors.AsType[*alipayplus.WaitError](err)
			require.True(t, ok)
			require.Equal(t, "0.1.0", wait.ID)
		}))
	}
}

func TestPartOfAReviewMayBeEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusAuditing)
		require.NoError(t, w.g.ApproveAdmission(miniID, "0.1.0", true, alipaycntest.Verdict{Reason: "dull"}))
		detail, err := w.c.Versions.WaitReviewed(t.Context(), firstVersion(), alipaycn.ReviewWait{})
		require.NoError(t, err)
		require.Equal(t, alipaycn.StatusBaseAuditPass, detail.Status)
		require.Equal(t, alipaycn.AuditResultReject, detail.PromoteAudit)
	})
}

func TestABuildOrScanThatFailsEndsTheWait(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(*gatewayFixture)
		says string
		scan bool
	}{
		{"build", func(w *gatewayFixture) { require.NoError(w.t, w.g.AdvanceBuild(miniID, "0.1.0", alipaycn.BuildFailed)) }, "build of version 0.1.0 failed", false},
		{"time", func(w *gatewayFixture) {
			require.NoError(w.t, w.g.AdvanceBuild(miniID, "0.1.0", alipaycn.BuildTimedOut))
		}, "took too long", false},
		{"scan", func(w *gatewayFixture) {
			require.NoError(w.t, w.g.AdvanceBuild(miniID, "0.1.0", alipaycn.BuildCreated))
			require.NoError(w.t, w.g.SetScan(miniID, "0.1.0", alipaycn.ScanFailed))
		}, "scan of version 0.1.0", true},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t, alipaycntest.WithBuildDelay(time.Hour))
			_, err := w.c.Versions.Upload(t.Context(), alipaycn.UploadInput{TemplateID: templateID, Version: number(1)})
			require.NoError(t, err)
			tt.fail(w)
			progress, err := w.c.Versions.WaitBuilt(t.Context(), firstVersion(), alipaycn.BuildWait{})
			failed, ok := errors.AsType[*alipaycn.BuildError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tt.scan, failed.ScanFailed)
			require.ErrorContains(t, err, tt.says)
			require.NotNil(t, progress)
		}))
	}
}

// An upload that is still being built is known by its build, and not sent again.
func TestAnUploadIsProvenByItsBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithBuildDelay(time.Hour))
		w.g.Inject(alipaycntest.Fault{Operation: "versions.upload", CutAfter: true})
		build, err := w.c.Versions.Upload(t.Context(), alipaycn.UploadInput{TemplateID: templateID, Version: number(1)})
		require.NoError(t, err)
		require.True(t, bool(build.NeedRotation))
		require.Equal(t, 1, w.g.Effects(miniID)["versions.upload"])
	})
}

func TestTheResourcesReadWhatTheGatewayKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		ctx := t.Context()
		check, err := w.c.BaseInfo.CheckName(ctx, alipaycn.CheckNameInput{AppName: "BlueLakeTea"})
		require.NoError(t, err)
		require.True(t, check.Fine())
		categories, err := w.c.Categories.List(ctx, alipaycn.ListCategoriesInput{})
		require.NoError(t, err)
		require.NotEmpty(t, categories.Categories)
		needs, err := w.c.Categories.Requirements(ctx, alipaycn.CategoryRequirementsInput{Codes: []string{"XS1001_XS2001_XS3002"}})
		require.NoError(t, err)
		require.NotEmpty(t, needs.Requirements)
		_, err = w.c.Templates.Usages(ctx, alipaycn.TemplateUsagesInput{TemplateID: templateID})
		require.NoError(t, err)
		code, err := w.c.QRCodes.Create(ctx, alipaycn.CreateQRCodeInput{Page: "pages/index/index", Description: "a table", Query: "a=b"})
		require.NoError(t, err)
		require.NotEmpty(t, code.URL)
	})
}
