package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// faultless are records as they should be.
func faultless() records {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	r := records{
		release: &alipayplus.Release{Status: alipayplus.ReleaseFull},
		state:   &rollout.State{Status: rollout.Done, Ratio: 100},
		audit: []rollout.AuditEntry{
			{Seq: 1, Action: rollout.EventStarted}, {Seq: 2, Action: rollout.EventApplied},
		},
	}
	note := func(to string) {
		at = at.Add(bakeTime)
		r.platform = append(r.platform, platform.AuditEntry{At: at, To: to})
	}
	note("NEW_VERSION_CREATED")
	note("UNDER_REVIEW")
	note("RELEASE_PREPARATION")
	var before alipayplus.Ratio
	for i, ratio := range alipayplus.DefaultLadder().Ratios() {
		note(live(ratio))
		r.state.Changes = append(r.state.Changes, rollout.RatioChange{From: before, To: ratio})
		r.audit = append(r.audit, rollout.AuditEntry{Seq: uint64(3 + i), Action: rollout.EventRaised, From: before, To: ratio})
		before = ratio
	}
	r.audit = append(r.audit, rollout.AuditEntry{Seq: 20, Action: rollout.EventDone, From: 100, To: 100})
	return r
}

func TestWhateverIsWrongIsFound(t *testing.T) {
	require.NoError(t, faultless().check())
	for name, tt := range map[string]struct {
		spoil func(r *records)
		want  string
	}{
		"a ratio was set twice": {func(r *records) { r.platform = slices.Insert(r.platform, 4, r.platform[3]) }, "the platform's record is "},
		"a ratio is missing":    {func(r *records) { r.platform = slices.Delete(r.platform, 5, 6) }, "the platform's record is "},
		"a ratio fell":          {func(r *records) { r.platform[4], r.platform[5] = r.platform[5], r.platform[4] }, "the platform's record is "},
		"applied for twice":     {func(r *records) { r.platform = slices.Insert(r.platform, 1, r.platform[1]) }, "the platform's record is "},
		"not at the end":        {func(r *records) { r.release.Status = alipayplus.ReleaseGrayscale }, "the release is GRAYSCALE_RELEASE"},
		"raised too soon":       {func(r *records) { r.platform[4].At = r.platform[4].At.Add(-1) }, "GRAYSCALE_RELEASE 1% was live for "},
		"no checkpoint":         {func(r *records) { r.state = nil }, "there is no checkpoint"},
		"a checkpoint behind":   {func(r *records) { r.state.Ratio = 50 }, "the checkpoint does not fit"},
		"still running":         {func(r *records) { r.state.Status = rollout.Running }, "the checkpoint does not fit"},
		"a change half done":    {func(r *records) { r.state.Intent = new(rollout.Intent) }, "the checkpoint does not fit"},
		"a change forgotten":    {func(r *records) { r.state.Changes = r.state.Changes[1:] }, "the checkpoint has 6 ratios"},
		"taken for another's":   {func(r *records) { r.state.Changes[2].Outside = true }, "by the rollout"},
		"another ratio":         {func(r *records) { r.state.Changes[2].To = 7 }, "by the rollout"},
		"audited twice":         {func(r *records) { r.audit = slices.Insert(r.audit, 3, r.audit[3]) }, "the audit log has this twice"},
		"audited again": {func(r *records) {
			r.audit = append(r.audit, rollout.AuditEntry{Seq: 21, Action: rollout.EventDone, To: 100})
		}, "the audit log is "},
		"audited not at all":   {func(r *records) { r.audit = slices.Delete(r.audit, 1, 2) }, "the audit log is "},
		"audited out of order": {func(r *records) { r.audit[3].Seq = 2 }, "the audit log goes back"},
	} {
		r := faultless()
		tt.spoil(&r)
		require.ErrorContains(t, r.check(), tt.want, name)
	}
}
