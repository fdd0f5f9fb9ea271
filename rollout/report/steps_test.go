package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestAReviewLastsFromTheLastApplication(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC) }
	log := []rollout.AuditEntry{
		{Action: rollout.EventApplied, At: at(1)},
		{Action: rollout.EventPaused, At: at(2)},
		{Action: rollout.EventApplied, At: at(3)},
		{Action: rollout.EventRaised, To: 1, At: at(5)},
		{Action: rollout.EventAdopted, From: 1, To: 5, At: at(6)},
	}
	review := func(state *rollout.State) float64 {
		return report.New(report.Input{State: state, Audit: log}).Steps[0].Seconds
	}
	state := &rollout.State{Ratio: 5, Changes: []rollout.RatioChange{{To: 1, At: at(5)}, {From: 1, To: 5, Outside: true, At: at(6)}}}
	require.InDelta(t, 7200, review(state), 0)

	// A ratio that somebody else set says nothing about the review.
	state.Changes[0].Outside = true
	require.Zero(t, review(state))

	state = &rollout.State{Status: rollout.Paused, Stop: &rollout.Stop{Cause: rollout.CauseRejected, At: at(4)}}
	require.InDelta(t, 3600, review(state), 0)
}

func TestSecondsAreWholeMilliseconds(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, ms := range []int64{1, 1001, 4097, 8203, 43_200_017} {
		left := at.Add(time.Duration(ms)*time.Millisecond + 400*time.Microsecond)
		r := report.New(report.Input{State: &rollout.State{
			Ratio: 5, Spec: rollout.Spec{Steps: []rollout.StepSpec{{Ratio: 1}}},
			Changes: []rollout.RatioChange{{To: 1, At: at}, {From: 1, To: 5, At: left}},
		}})
		require.InDelta(t, float64(ms)/1000, r.Steps[1].Seconds, 0)
		require.LessOrEqual(t, len(report.Encode(r.Steps[1].Seconds)), len("43200.017"))
	}
}
