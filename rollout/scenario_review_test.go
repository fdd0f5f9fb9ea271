package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

const day = 24 * time.Hour

func TestARejectionOnDayTwoStopsWithTheReasonsOfEachParty(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(3 * day)
		s.at(day, func() { require.NoError(t, s.fake.Approve(alipayplus.PartyAlipayPlus)) })
		s.at(2*day, func() { require.NoError(t, s.fake.Reject(alipayplus.PartyAlipayCN, "the icon is\ntoo small")) })

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 0%: ALIPAY_CN rejected it: the icon is too small; correct what the reviewers found, then resume, which applies again")
		require.ErrorIs(t, err, rollout.ErrRejected)
		var stopped *rollout.StoppedError
		require.ErrorAs(t, err, &stopped)
		require.Equal(t, rollout.CauseRejected, stopped.Stop.Cause)
		var review *alipayplus.ReviewError
		require.ErrorAs(t, err, &review)
		require.Equal(t, alipayplus.RequestRejected, review.Outcome)
		require.Equal(t, s.fake.Now().Reviews, review.Reviews)
		require.Equal(t, rollout.Paused, state.Status)
		require.Less(t, time.Since(s.began), 2*day+10*time.Minute, "it is emitted soon")
		require.Equal(t, []string{
			"NEW_VERSION_CREATED at 0%: no verdict yet",
			"UNDER_REVIEW at 0%: ALIPAY_PLUS pending, ALIPAY_CN pending",
			"UNDER_REVIEW at 0%: ALIPAY_PLUS approved, ALIPAY_CN pending",
			"NEW_VERSION_CREATED at 0%: ALIPAY_PLUS approved, ALIPAY_CN rejected",
		}, s.emitted(rollout.EventObserved))

		// It does not apply again by itself; a person lets it.
		_, again := s.runner().Run(t.Context())
		require.EqualError(t, again, err.Error())
		require.Equal(t, 1, s.fake.Calls(rollouttest.OpApply))
		_, err = s.runner().Resume(t.Context(), "lin", "icon redrawn")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, 2, s.fake.Calls(rollouttest.OpApply))
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "PAUSED 0-0", "RESUMED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100",
		}, s.audit())
	})
}

func TestBothWhoRejectedAreNamed(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(time.Minute, func() {
			require.NoError(t, s.fake.Reject(alipayplus.PartyAlipayPlus, ""))
			s.fake.Edit("", func(o *rollout.Observation) {
				o.Reviews[1].Status, o.Reviews[1].Reason = alipayplus.ReviewRejected, "no"
			})
		})
		require.ErrorContains(t, errOf(s.runner().Run(t.Context())), ": ALIPAY_PLUS rejected it: no reason given; ALIPAY_CN rejected it: no; ")
	})
}

func TestAnApplicationThatWasWithdrawnPauses(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(time.Minute, func() { require.NoError(t, s.fake.WithdrawAs("pat")) })
		_, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is paused at 0%: the application was withdrawn by pat; resume, which applies again, or abort")
		require.ErrorIs(t, err, rollout.ErrRejected)
		var review *alipayplus.ReviewError
		require.ErrorAs(t, err, &review)
		require.Equal(t, alipayplus.RequestWithdrawn, review.Outcome)
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAnApplicationThatSomebodyRenewedIsWaitedFor(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(30*time.Minute, func() {
			require.NoError(t, s.fake.WithdrawAs("pat"))
			require.NoError(t, s.fake.ApplyAs("pat"))
		})
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"somebody applied again by pat; waiting for that verdict"}, s.emitted(rollout.EventAdopted))
		require.Equal(t, 1, s.fake.Calls(rollouttest.OpApply))
	})
}

func TestAReviewThatRunsAlready(t *testing.T) {
	t.Parallel()
	own := func(t *testing.T, s *stage) { require.NoError(t, s.fake.ApplyAs("pat")) }
	other := func(status alipayplus.ReleaseStatus) func(*testing.T, *stage) {
		return func(_ *testing.T, s *stage) { s.other(status) }
	}
	const inTheWay = "rollout release 1: version 0.9.0 is UNDER_REVIEW and must be out of the way before this one can be applied for; "
	for _, tt := range []struct {
		name   string
		given  func(*testing.T, *stage)
		policy rollout.ReviewPolicy
		// err is the end; empty: it is done, with these lines in the audit log.
		err   string
		audit []string
	}{
		{
			"its own, unsaid", own, "",
			"rollout release 1: the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply again", nil,
		},
		{
			"its own, fail", own, rollout.ReviewFail,
			"rollout release 1: the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply again", nil,
		},
		{"its own, adopt", own, rollout.ReviewAdopt, "", []string{"STARTED 0-0", "ADOPTED 0-0"}},
		{"its own, replace", own, rollout.ReviewReplace, "", []string{"STARTED 0-0", "WITHDRAWN 0-0", "APPLIED 0-0"}},
		{"another, unsaid", other(alipayplus.ReleaseUnderReview), "", inTheWay + "wait for its end, or let the spec say review: replace", nil},
		{"another, fail", other(alipayplus.ReleaseUnderReview), rollout.ReviewFail, inTheWay + "wait for its end, or let the spec say review: replace", nil},
		{"another, adopt", other(alipayplus.ReleaseUnderReview), rollout.ReviewAdopt, inTheWay + "finish, withdraw or cancel it first", nil},
		{"another, replace", other(alipayplus.ReleaseUnderReview), rollout.ReviewReplace, "", []string{"STARTED 0-0", "WITHDRAWN 0-0", "APPLIED 0-0"}},
		{
			"another that users have, replace", other(alipayplus.ReleaseGrayscale), rollout.ReviewReplace,
			"rollout release 1: version 0.9.0 is GRAYSCALE_RELEASE and must be out of the way before this one can be applied for; finish, withdraw or cancel it first", nil,
		},
		{
			"another in preparation, fail", other(alipayplus.ReleasePreparation), rollout.ReviewFail,
			"rollout release 1: version 0.9.0 is RELEASE_PREPARATION and must be out of the way before this one can be applied for; finish, withdraw or cancel it first", nil,
		},
	} {
		runOnStage(t, tt.name, hourly(), func(t *testing.T, s *stage) {
			s.spec.Review = tt.policy
			tt.given(t, s)
			effects := len(s.fake.Effects())

			state, err := s.runner().Run(t.Context())

			if tt.err == "" {
				s.requireDone(state, err)
				require.Equal(t, append(tt.audit, "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"), s.audit())
				return
			}
			require.EqualError(t, err, tt.err)
			var conflict *rollout.ConflictError
			require.ErrorAs(t, err, &conflict)
			require.ErrorIs(t, err, alipayplus.ErrConflict)
			require.Len(t, s.fake.Effects(), effects)
			require.Equal(t, rollout.Running, state.Status, "the next run observes again")

			// When it is out of the way, the next run goes on.
			s.fake.Edit("pat", func(o *rollout.Observation) { o.Blocker = nil })
			if s.fake.Now().Status == alipayplus.ReleaseUnderReview {
				require.NoError(t, s.fake.WithdrawAs("pat"))
			}
			s.requireDone(s.runner().Run(t.Context()))
		})
	}
}

func TestReplacingEmitsWhatItDoes(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Review = rollout.ReviewReplace
		s.other(alipayplus.ReleaseUnderReview)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{
			"withdraw the application of version 0.9.0, which is in the way", "withdrew the application of version 0.9.0", "apply for review", "applied for review",
		}, s.emitted(rollout.EventChanging, rollout.EventWithdrawn, rollout.EventApplied)[:4])
	})
}

// An answer that got lost leaves the same in the audit log as one that came.
func TestAWithdrawalOfWhichTheAnswerGotLostIsOne(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(*testing.T, *stage){
		"of the version itself": func(t *testing.T, s *stage) { require.NoError(t, s.fake.ApplyAs("pat")) },
		"of another":            func(_ *testing.T, s *stage) { s.other(alipayplus.ReleaseUnderReview) },
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.spec.Review = rollout.ReviewReplace
			given(t, s)
			s.fake.LoseNext(rollouttest.OpWithdraw, 1, alipayplus.ErrOutcomeUnknown)
			s.requireDone(s.runner().Run(t.Context()))
			require.Equal(t, 1, s.fake.Calls(rollouttest.OpWithdraw))
			require.Equal(t, []string{
				"STARTED 0-0", "WITHDRAWN 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100",
			}, s.audit())
		})
	}
}

// cannotWithdraw is a target without that method.
type cannotWithdraw struct{ rollout.Target }

func TestWhoCannotWithdrawCannotReplace(t *testing.T) {
	t.Parallel()
	spec := plain()
	spec.Review = rollout.ReviewReplace
	_, err := rollout.New(cannotWithdraw{rollouttest.NewFake("release 1", alipayplus.DefaultLadder())}, spec, rollout.NewMemoryStore())
	require.EqualError(t, err, "rollout: release 1 cannot withdraw an application, so the spec must not say review: replace: invalid input")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
}

// The platform lets one version of a mini program at a time go its way.
func TestAnotherVersionOnItsWayAtThePlatformIsReplacedOnlyIfTheSpecSaysSo(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t)
		program := given.program()
		other, release := given.release(program, "1.0.0"), given.release(program, "1.1.0")
		info := company()
		info.ContactName = "Olga Lake"
		store := rollout.NewMemoryStore()
		run := func(release *alipayplus.Release, spec rollout.Spec) (*rollout.Next, error) {
			r, err := rollout.New(rollout.ForRelease(given.owner, release.ID, rollout.WithBasicInfo(info)), spec, store, rollout.WithNewSpec())
			require.NoError(t, err)
			return r.Step(t.Context())
		}
		_, err := run(other, plain())
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleaseUnderReview, given.read(other.ID).Status)
		require.Equal(t, &info, given.read(other.ID).BasicInfo, "and not the company's own")

		_, err = run(release, plain())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "version 1.0.0 is UNDER_REVIEW and must be out of the way before this one can be applied for")
		require.Equal(t, alipayplus.ReleaseNewVersionCreated, given.read(release.ID).Status)

		replacing := plain()
		replacing.Review = rollout.ReviewReplace
		next, err := run(release, replacing)
		require.NoError(t, err)
		require.Equal(t, "under review: ALIPAY_PLUS pending, ALIPAY_CN pending", next.What)
		require.Equal(t, alipayplus.ReleaseNewVersionCreated, given.read(other.ID).Status)
		require.Equal(t, alipayplus.ReleaseUnderReview, given.read(release.ID).Status)
	})
}
