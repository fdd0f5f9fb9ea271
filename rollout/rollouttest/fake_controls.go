package rollouttest

import (
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Approve gives the approval of the parties to the application under review; of all
// who have not decided when none is named. When all have approved, the version is in
// RELEASE_PREPARATION. The error matches [alipayplus.ErrConflict] when nothing is
// under review.
func (f *Fake) Approve(parties ...alipayplus.Party) error {
	return f.control("nothing is under review", func() { f.approve(time.Now(), parties...) }, alipayplus.ReleaseUnderReview)
}

// ApproveAfter lets both parties approve every application that long after it was
// made, the one that is under review included.
func (f *Fake) ApproveAfter(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.approving, f.approveIn = true, d
}

// Reject rejects the application under review: the version is in NEW_VERSION_CREATED
// again, and the reason stays readable. The error matches [alipayplus.ErrConflict]
// when nothing is under review.
func (f *Fake) Reject(party alipayplus.Party, reason string) error {
	return f.control("nothing is under review", func() {
		now := time.Now()
		for i := range f.seen.Reviews {
			if r := &f.seen.Reviews[i]; r.Party == party {
				r.Status, r.Reason, r.DecidedAt = alipayplus.ReviewRejected, reason, now
			}
		}
		f.closeReviews()
		f.seen.Status = alipayplus.ReleaseNewVersionCreated
		f.touched(string(party), now)
	}, alipayplus.ReleaseUnderReview)
}

// ApplyAs applies for the version as somebody else does, in the console. The error
// matches [alipayplus.ErrConflict] outside of NEW_VERSION_CREATED.
func (f *Fake) ApplyAs(who string) error {
	return f.control("only a new version can be applied for", func() { f.apply(who, "") }, alipayplus.ReleaseNewVersionCreated)
}

// WithdrawAs takes the application back as somebody else does, in the console. The
// error matches [alipayplus.ErrConflict] when nothing is under review.
func (f *Fake) WithdrawAs(who string) error {
	return f.control("nothing is under review", func() { f.withdraw(who, "") }, alipayplus.ReleaseUnderReview)
}

// SetRatio sets the ratio as somebody else does, in the console; 100 is the full
// release. It goes where no rule allows: off the ladder, and down. The error matches
// [alipayplus.ErrConflict] outside of RELEASE_PREPARATION and GRAYSCALE_RELEASE.
func (f *Fake) SetRatio(who string, ratio alipayplus.Ratio) error {
	return f.control("its ratio cannot be set", func() { f.setRatio(who, ratio, "") }, alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale)
}

// Cancel gives the version up as somebody else does, in the console. The error
// matches [alipayplus.ErrConflict] outside of RELEASE_PREPARATION and
// GRAYSCALE_RELEASE.
func (f *Fake) Cancel(who string) error {
	return f.control("it cannot be canceled", func() { f.cancel(who, "") }, alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale)
}

// Edit changes the state of the fake, to whatever it is made: another version in the
// way, an unknown status, a ladder that shrank. It is no [Effect].
func (f *Fake) Edit(who string, edit func(o *rollout.Observation)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	edit(&f.seen)
	f.touched(who, time.Now())
}

// Revoke takes the authorization away: changes are refused with an error that matches
// [alipayplus.ErrAuthorizationRequired] until [Fake.Grant].
func (f *Fake) Revoke() { f.setRevoked(true) }

// Grant gives the authorization back.
func (f *Fake) Grant() { f.setRevoked(false) }

func (f *Fake) setRevoked(revoked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revoked = revoked
}

// Now returns the state of the fake. It is no call: no fault and no hook sees it.
func (f *Fake) Now() *rollout.Observation {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	return f.observation()
}

// Effects returns what was done to the fake so far, oldest first.
func (f *Fake) Effects() []Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.effects)
}

// Ratios returns the ratios that went live so far, oldest first, whoever set them.
func (f *Fake) Ratios() []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, e := range f.Effects() {
		if e.Kind == rollout.ChangeRaise || e.Kind == rollout.ChangePublish {
			all = append(all, e.To)
		}
	}
	return all
}

// control does what somebody else does, when the fake is in one of the statuses.
func (f *Fake) control(refusal string, do func(), in ...alipayplus.ReleaseStatus) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	if !slices.Contains(in, f.seen.Status) {
		return f.conflict("%s", refusal)
	}
	do()
	return nil
}
