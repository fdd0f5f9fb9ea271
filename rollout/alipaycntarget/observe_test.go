package alipaycntarget

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestEachStatusIsTranslated(t *testing.T) {
	applied, audited := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	review := func(status alipayplus.ReviewStatus, reason string) []alipayplus.Review {
		r := alipayplus.Review{Party: alipayplus.PartyAlipayCN, Status: status, Reason: reason, StartedAt: applied}
		if status != alipayplus.ReviewPending {
			r.DecidedAt = audited
		}
		return []alipayplus.Review{r}
	}
	approved := review(alipayplus.ReviewApproved, "")
	memos := func(texts ...string) *alipaycn.AuditRecord {
		r := new(alipaycn.AuditRecord)
		for _, text := range texts {
			r.Memos = append(r.Memos, alipaycn.AuditMemo{Memo: text})
		}
		return r
	}
	for name, tt := range map[string]struct {
		detail  alipaycn.VersionDetail
		status  alipayplus.ReleaseStatus
		ratio   alipayplus.Ratio
		reviews []alipayplus.Review
	}{
		"INIT":     {detail: alipaycn.VersionDetail{Status: "INIT"}, status: alipayplus.ReleaseNewVersionCreated},
		"AUDITING": {alipaycn.VersionDetail{Status: "AUDITING"}, alipayplus.ReleaseUnderReview, 0, review(alipayplus.ReviewPending, "")},
		"AUDIT_REJECT": {
			alipaycn.VersionDetail{Status: "AUDIT_REJECT", RejectReason: "the icon is too small"},
			alipayplus.ReleaseNewVersionCreated, 0, review(alipayplus.ReviewRejected, "the icon is too small"),
		},
		"AUDIT_REJECT of a review in two parts": {
			alipaycn.VersionDetail{
				Status: "AUDIT_REJECT", RejectReason: "no menu", BaseAuditRecord: memos("no menu", " no price ", ""), PromoteAuditRecord: memos("dull"),
			},
			alipayplus.ReleaseNewVersionCreated, 0, review(alipayplus.ReviewRejected, "no menu; no price; dull"),
		},
		"PROMOTE_AUDIT_REJECT": {
			alipaycn.VersionDetail{Status: "PROMOTE_AUDIT_REJECT", PromoteAuditRecord: memos("dull")},
			alipayplus.ReleaseNewVersionCreated, 0, review(alipayplus.ReviewRejected, "dull"),
		},
		"PROMOTE_AUDIT_REJECT that can be released": {
			alipaycn.VersionDetail{Status: "PROMOTE_AUDIT_REJECT", CanRelease: true, PromoteAuditRecord: memos("dull")},
			alipayplus.ReleasePreparation, 0, approved,
		},
		"WAIT_RELEASE":    {alipaycn.VersionDetail{Status: "WAIT_RELEASE"}, alipayplus.ReleasePreparation, 0, approved},
		"BASE_AUDIT_PASS": {alipaycn.VersionDetail{Status: "BASE_AUDIT_PASS"}, alipayplus.ReleasePreparation, 0, approved},
		"GRAY":            {alipaycn.VersionDetail{Status: "GRAY", GrayStrategy: "p30"}, alipayplus.ReleaseGrayscale, 30, approved},
		"GRAY at a ratio of the console": {
			alipaycn.VersionDetail{Status: "GRAY", GrayStrategy: "p70"}, alipayplus.ReleaseGrayscale, 70, approved,
		},
		"RELEASE":       {alipaycn.VersionDetail{Status: "RELEASE"}, alipayplus.ReleaseFull, 100, approved},
		"OFFLINE":       {alipaycn.VersionDetail{Status: "OFFLINE"}, alipayplus.ReleaseArchived, 0, approved},
		"AUDIT_OFFLINE": {detail: alipaycn.VersionDetail{Status: "AUDIT_OFFLINE"}, status: alipayplus.ReleaseCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			tt.detail.AppliedAt, tt.detail.AuditedAt = alipaycn.Time{Time: applied}, alipaycn.Time{Time: audited}
			o, err := new(Target).observation(&tt.detail)
			require.NoError(t, err)
			require.Equal(t, &rollout.Observation{
				Status: tt.status, Detail: string(tt.detail.Status), Ratio: tt.ratio, Ladder: alipaycn.GrayLadder(),
				Application: "2026-11-02T10:00:00Z", Reviews: tt.reviews,
			}, o)
		})
	}
}

func TestEveryDocumentedStatusIsKnown(t *testing.T) {
	for _, status := range alipaycn.VersionStatuses() {
		_, known := status.ReleaseStatus(false)
		require.True(t, known, status)
	}
}

func TestAnUnknownStateIsAnErrorThatNamesIt(t *testing.T) {
	target := New(nil, "2021", alipayplus.VersionNumber{Major: 1})
	for want, detail := range map[string]alipaycn.VersionDetail{
		`AlipayCN app 2021 version 1.0.0 is in status "HALF_RELEASED", which this library does not know; see in AlipayCN's console what it means`: {Status: "HALF_RELEASED"},
		`AlipayCN app 2021 version 1.0.0 is in status "", which this library does not know; see in AlipayCN's console what it means`:              {},
		`AlipayCN app 2021 version 1.0.0 is in GRAY with gray_strategy "some", which this library cannot read; see what is live in AlipayCN's console`: {
			Status: alipaycn.StatusGray, GrayStrategy: "some",
		},
	} {
		_, err := target.observation(&detail)
		require.EqualError(t, err, want)
	}
}

func TestWhatMayPassIsNoConflict(t *testing.T) {
	conflict := fmt.Errorf("apply: %w", &alipaycn.Error{Code: alipaycn.CodeCanNotSubmitWithAudit})
	unknown := fmt.Errorf("apply: %w", &alipaycn.Error{Code: alipaycn.CodeCanNotSubmitWithAudit, OutcomeUnknown: true})
	scanning := fmt.Errorf("apply: %w", &alipaycn.Error{Code: alipaycn.CodeCanNotSubmitWithoutScanPass, Retryable: true})

	require.Equal(t, conflict, classify(conflict))
	require.ErrorIs(t, classify(conflict), alipayplus.ErrConflict)
	for class, err := range map[error]error{alipayplus.ErrOutcomeUnknown: unknown, alipaycn.ErrNotReady: scanning} {
		got := classify(err)
		require.EqualError(t, got, err.Error())
		require.NotErrorIs(t, got, alipayplus.ErrConflict)
		require.ErrorIs(t, got, class)
		_, ok := errors.AsType[*alipaycn.Error](got)
		require.True(t, ok)
	}
	require.NoError(t, classify(nil))
}
