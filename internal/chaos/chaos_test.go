package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// programEnv turns the test binary into a program that ends with this status.
const programEnv = "CHAOS_TEST_STATUS"

func TestMain(m *testing.M) {
	switch os.Getenv(programEnv) {
	case "0":
		os.Exit(0)
	case "7":
		os.Exit(7)
	}
	os.Exit(m.Run())
}

// temporary lets programs make their temporary folders in one that is returned.
func temporary(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TMP", folder) // on Windows
	return folder
}

func TestNothingComesOfAFewKills(t *testing.T) {
	folder := temporary(t)
	t.Setenv("ALIPAYPLUS_KEY_VERSION", "7") // what a developer has set changes nothing
	t.Setenv("ALIPAYPLUS_CI_MAX_TIME", "1ms")
	var out bytes.Buffer
	status := run(t.Context(), []string{"-kills", "12", "-seed", "1"}, &out)
	require.Zero(t, status, out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Regexp(t, `^12 kills \(\d+ before the first checkpoint, \d+ in a call, \d+ with a change half done\), \d+ releases to all users, each ratio set exactly once; seed 1, `, lines[len(lines)-1])
	require.Equal(t, 1, strings.Count(out.String(), "12 of 12"))
	left, err := filepath.Glob(filepath.Join(folder, "chaos-*"))
	require.NoError(t, err)
	require.Empty(t, left, "what nobody needs is removed")
}

// A program that ends in another way, or says that it is done when it is not, is found
// out; the folder stays for who looks into it.
func TestAViolationIsStatusOneAndKeepsTheFolder(t *testing.T) {
	for status, want := range map[string]string{
		"7": `the program ended with status 7, for which there is no reason; its output is in .*ci\.log`,
		"0": `the platform's record is NEW_VERSION_CREATED; it should be NEW_VERSION_CREATED, UNDER_REVIEW, `,
	} {
		temporary(t)
		t.Setenv(programEnv, status)
		var out bytes.Buffer
		require.Equal(t, 1, run(t.Context(), []string{"-kills", "0", "-seed", "5", "-program", os.Args[0]}, &out))
		require.Regexp(t, want, out.String())
		kept := regexp.MustCompile(`seed 5; what was written is kept in (\S+)\n$`).FindStringSubmatch(out.String())
		require.NotNil(t, kept, out.String())
		require.DirExists(t, kept[1])
	}
}

func TestFlagsThatCannotBeUsed(t *testing.T) {
	for _, args := range [][]string{{"-nope"}, {"-kills", "-1"}, {"-within", "0s"}, {"20"}} {
		require.Equal(t, 2, run(t.Context(), args, new(bytes.Buffer)))
	}
	require.Zero(t, run(t.Context(), []string{"-h"}, new(bytes.Buffer)))
}

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
		"a change forgotten":    {func(r *records) { r.state.Changes = r.state.Changes[1:] }, "the checkpoint tells of 6 ratios"},
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
