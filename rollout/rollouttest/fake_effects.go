package rollouttest

import (
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// What follows changes the fake, which is locked. Whether it may be, its callers ask.

func (f *Fake) apply(by, requestID string) {
	now := time.Now()
	f.applied++
	f.appliedAt = now
	f.seen.Status = alipayplus.ReleaseUnderReview
	f.seen.Application = fmt.Sprintf("application %d", f.applied)
	f.seen.Reviews = []alipayplus.Review{
		{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending, StartedAt: now},
		{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewPending, StartedAt: now},
	}
	f.log(rollout.ChangeApply, f.seen.Ratio, by, requestID)
}

func (f *Fake) withdraw(by, requestID string) {
	f.seen.Status = alipayplus.ReleaseNewVersionCreated
	f.closeReviews()
	f.log(rollout.ChangeWithdraw, f.seen.Ratio, by, requestID)
}

func (f *Fake) cancel(by, requestID string) {
	f.seen.Status = alipayplus.ReleaseCanceled
	f.log(rollout.ChangeAbort, f.seen.Ratio, by, requestID)
}

func (f *Fake) setRatio(by string, to alipayplus.Ratio, requestID string) {
	kind := rollout.ChangeRaise
	f.seen.Status = alipayplus.ReleaseGrayscale
	if to == alipayplus.FullRatio {
		kind, f.seen.Status = rollout.ChangePublish, alipayplus.ReleaseFull
	}
	f.log(kind, to, by, requestID)
	f.seen.Ratio = to
}

// log records a change that ends at a ratio.
func (f *Fake) log(kind rollout.ChangeKind, to alipayplus.Ratio, by, requestID string) {
	now := time.Now()
	f.effects = append(f.effects, Effect{Kind: kind, From: f.seen.Ratio, To: to, At: now, By: by, RequestID: requestID})
	f.touched(by, now)
}

func (f *Fake) touched(by string, now time.Time) { f.seen.ChangedBy, f.seen.ChangedAt = by, now }

// catchUp gives the verdicts whose time has come.
func (f *Fake) catchUp() {
	due := f.appliedAt.Add(f.approveIn)
	if f.approving && f.seen.Status == alipayplus.ReleaseUnderReview && !time.Now().Before(due) {
		f.approve(due)
	}
}

// approve gives the verdict of the parties, none: of all.
func (f *Fake) approve(at time.Time, parties ...alipayplus.Party) {
	for i := range f.seen.Reviews {
		r := &f.seen.Reviews[i]
		if r.Status == alipayplus.ReviewPending && asked(parties, r.Party) {
			r.Status, r.DecidedAt = alipayplus.ReviewApproved, at
			f.touched(string(r.Party), at)
		}
	}
	if alipayplus.ReviewOutcome(f.seen.Reviews) == alipayplus.RequestApproved {
		f.seen.Status = alipayplus.ReleasePreparation
	}
}

// closeReviews ends the reviews that no verdict is needed of any more.
func (f *Fake) closeReviews() {
	for i := range f.seen.Reviews {
		if r := &f.seen.Reviews[i]; r.Status == alipayplus.ReviewPending {
			r.Status = alipayplus.ReviewClosed
		}
	}
}
