package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestWaitsFor(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	spec := rollout.Spec{Steps: []rollout.StepSpec{
		{Ratio: 1, Approval: true},
		{Ratio: 10, Bake: rollout.Duration(time.Hour), Gates: []string{"errors"}},
		{Ratio: 100, Approval: true},
	}}
	passed := map[string]rollout.GateState{"errors": {Verdict: rollout.Passed("fine")}}
	for _, tt := range []struct {
		name  string
		state rollout.State
		after time.Duration
		want  string
	}{
		{"the review", rollout.State{LastEmitted: "UNDER_REVIEW, ALIPAY_PLUS passed"}, 0, "under review: ALIPAY_PLUS passed"},
		{"not applied for", rollout.State{LastEmitted: "NEW_VERSION_CREATED, no verdicts"}, 0, ""},
		{"the first approval", rollout.State{LastEmitted: "RELEASE_PREPARATION, all passed"}, 0, "waiting for approval of 1%"},
		{"approved", rollout.State{LastEmitted: "RELEASE_PREPARATION, all passed", Approvals: []rollout.Approval{{Ratio: 1}}}, 0, ""},
		{"no approval asked for", rollout.State{Ratio: 1}, 0, ""},
		{"baking", rollout.State{Ratio: 10, Gates: passed}, time.Minute, "watching 10% until 2026-03-02T10:00:00Z"},
		{"between two ratios of the spec", rollout.State{Ratio: 20, Gates: passed}, time.Minute, "watching 20% until 2026-03-02T10:00:00Z"},
		{"a gate", rollout.State{Ratio: 10}, time.Hour, "gate errors does not pass yet: it was not evaluated yet"},
		{"the last approval", rollout.State{Ratio: 10, Gates: passed}, time.Hour, "waiting for approval of 100%"},
		{"a change", rollout.State{Intent: &rollout.Intent{Kind: rollout.ChangeRaise}}, 0, "finding out what became of a change that was begun: RAISE"},
		{"paused", rollout.State{Status: rollout.Paused, Ratio: 10}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.state.Spec, tt.state.Since = spec, at
			if tt.state.Status == "" {
				tt.state.Status = rollout.Running
			}
			text, _ := waitsFor(&tt.state, at.Add(tt.after))
			require.Equal(t, tt.want, text)
		})
	}
}

func TestStatusSaysWhatItRestsOn(t *testing.T) {
	s := newPlace(t, patient, approving)
	got, stderr := s.run("status")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, "the rollout has not begun; release "+s.release+" is NEW_VERSION_CREATED at 0%", got.Message)
	require.Contains(t, stderr, "status: the rollout has not begun")

	var stdout, rest bytes.Buffer
	require.Equal(t, report.ExitDone, call(t.Context(), []string{"status", "-o", "text"}, &stdout, &rest))
	require.Equal(t, got.Message+"\n", stdout.String())
	require.Empty(t, rest.String(), "nothing is said twice")

	got, _ = s.run("status", "--release", "rel_mistyped")
	require.Equal(t, report.ExitNotFound, got.ExitStatus)
	require.Empty(t, got.Status)

	_, _ = s.run("step")
	got, _ = s.run("status")
	require.Regexp(t, `^watching 1% until \S+Z$`, got.WaitingFor)
	require.Regexp(t, `^as stored at \S+Z: release `+s.release+` is running at 1%; waiting: watching 1% until \S+Z$`, got.Message)

	t.Setenv("ALIPAYPLUS_BASE_URL", "http://127.0.0.1:1") // what is stored can be told without the platform
	again, _ := s.run("status")
	require.Equal(t, got.Message, again.Message)
}
