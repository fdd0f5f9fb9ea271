package rollout_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestApprovalsFromBeforeARatioFellAreGivenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, approved())
		_, err := s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		s.runUntil(90 * time.Minute)
		require.Equal(t, alipayplus.Ratio(50), s.fake.Now().Ratio)
		require.NoError(t, s.fake.SetRatio("pat", 10))
		_, err = s.runner().Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)

		receipt, err := s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		require.Empty(t, receipt.State.Approvals)
		s.runUntil(12 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10, 50, 10}, s.fake.Ratios(), "what was agreed on was another 50%")
		require.Contains(t, s.told(rollout.EventWaiting), "waiting for approval of 50%")

		_, err = s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		_, err = s.runner().Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50, 10, 50, 100}, s.fake.Ratios())
	})
}

func TestApprovalsFromBeforeAPauseStillHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, approved())
		_, err := s.runner().Approve(t.Context(), "lin", "", 50)
		require.NoError(t, err)
		_, err = s.runner().Pause(t.Context(), "lin", "")
		require.NoError(t, err)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAVersionThatWasTakenBackToDevelopmentIsAppliedForAnewAfterOneResumption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		s.fake.Edit("pat", func(o *rollout.Observation) {
			o.Status, o.Ratio = alipayplus.ReleaseNewVersionCreated, 0
		})
		_, err := s.runner().Run(t.Context())
		require.ErrorContains(t, err, "release 1 is paused at 10%: 0% is live where 10% was by pat, and a rollout never goes on from a ratio that fell by itself; resume to go on from what is live now, or abort")

		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		state, err := s.runner().Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, "application 2", s.fake.Now().Application)
		require.Equal(t, []alipayplus.Ratio{10, 10, 50, 100}, s.fake.Ratios())
	})
}
