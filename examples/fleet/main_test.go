package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestTheFleetIsReleasedButForTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), []string{"-programs", "12", "-canaries", "0.1", "-workers", "3"}, &stdout, &stderr)

		require.Equal(t, command.Done, status, stderr.String())
		lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
		require.Len(t, lines, 8)
		require.Equal(t, "12 targets: 10 DONE, 2 PAUSED", lines[0])
		require.Regexp(t, `^\| release rel_\w+ \| PAUSED \| 10% \| gate errors failed: error rate is 0.031, above 0.01 \|$`, lines[4])
		require.Regexp(t, `^\| release rel_\w+ \| PAUSED \| 0% \| ALIPAY_CN rejected it: the privacy page is missing \|$`, lines[5])
		require.Equal(t, "fleet of 12 releases: 10 DONE, 2 PAUSED", lines[7])
		// Two go ahead, and then the others begin.
		require.Contains(t, stderr.String(), "0%  10 QUEUED, 2 RUNNING\n")
		require.Regexp(t, `(?m)^releasing .* 2 DONE, .*RUNNING$`, stderr.String())
	})
}

// Where all are canaries, or there is but one, nothing is made to fail.
func TestCanariesDoNotFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, canaries := range []string{"1", "0.1"} {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), []string{"-programs", "1", "-canaries", canaries}, &stdout, &stderr)
			require.Equal(t, command.Done, status, stderr.String())
			require.Contains(t, stdout.String(), "\n\nfleet of 1 release: 1 DONE\n")
			require.Contains(t, stderr.String(), "100%  1 mini program\n")
		}
	})
}

func TestInterruptedItSaysHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // the reviews take a second
		defer cancel()
		var stdout, stderr bytes.Buffer
		status := run(ctx, []string{"-programs", "4", "-canaries", "0"}, &stdout, &stderr)
		require.Equal(t, command.Interrupted, status, stderr.String())
		require.Contains(t, stdout.String(), "fleet of 4 releases: 4 RUNNING\n")
		require.Regexp(t, `(?m)^interrupted: fleet: 4 RUNNING; nothing is kept, so the next start begins anew$`, stderr.String())
		require.NotContains(t, stderr.String(), "not done twice")
		require.NotContains(t, stderr.String(), "run it again to go on")
	})
}

func TestInterruptedBeforeTheFleetItSaysSoToo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.Interrupted, run(ctx, []string{"-programs", "4"}, &stdout, &stderr))
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "interrupted: context canceled; nothing is kept, so the next start begins anew\n")
}

// Hundreds that were not begun would hide what matters.
func TestTheTableOfAnInterruptedRunIsShort(t *testing.T) {
	targets := make([]rollout.FleetMember, 100)
	for i := range targets {
		targets[i] = rollout.FleetMember{Target: fmt.Sprintf("release %d", i), Status: rollout.FleetQueued}
	}
	targets[0].Status, targets[0].Ratio = rollout.FleetStatus(rollout.Done), 100
	targets[97].Status = rollout.FleetStatus(rollout.Running)
	targets[98].Status = rollout.FleetStatus(rollout.Paused)
	summary := &rollout.FleetSummary{Members: targets}

	got := strings.Split(table(summary), "\n")

	require.Contains(t, got[0], "97 QUEUED, 1 RUNNING")
	require.Contains(t, got[4], "| release 98 | PAUSED |")
	require.Contains(t, got[5], "| release 97 | RUNNING |")
	require.Contains(t, got[6], "| release 1 | QUEUED |")
	require.Contains(t, got[23], "| release 18 | QUEUED |")
	require.Equal(t, []string{"", "and 79 more", ""}, got[24:])
	require.Equal(t, "release 0", targets[0].Target, "the summary itself stays as it is")

	few := &rollout.FleetSummary{Members: targets[:21]}
	require.Equal(t, few.Markdown(), table(few), "20 are all shown")
}

// The bar comes to its end though some are not released.
func TestWhatIsOverCountsInFull(t *testing.T) {
	var out strings.Builder
	p := newProgress(console.NewBar(&out, "releasing", 300))
	show := func(target string, status rollout.Status, ratio alipayplus.Ratio) {
		p.show(rollout.FleetProgress{Member: rollout.FleetMember{Target: target, Status: rollout.FleetStatus(status), Ratio: ratio}})
	}
	show("a", rollout.Running, 10)
	require.Equal(t, 10, p.sum)
	show("a", rollout.Paused, 10)
	require.Equal(t, 100, p.sum)
	show("b", rollout.Done, 100)
	show("c", rollout.Status(rollout.FleetFailed), 0)
	require.Equal(t, 300, p.sum)
	require.Contains(t, out.String(), " 100%")
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"unknown flag", []string{"-nope"}, command.Usage, "flag provided but not defined"},
		{"a word too many", []string{"-programs", "3", "now"}, command.Usage, `error: there are flags only, and "now" is none` + "\nUsage of fleet:"},
		{"no programs", []string{"-programs", "0"}, command.Usage, "-programs, -workers and -rate must be above 0, and -canaries from 0 to 1"},
		{"no calls", []string{"-rate", "NaN"}, command.Usage, "must be above 0"},
		{"no workers", []string{"-workers", "0"}, command.Usage, "must be above 0"},
		{"too many canaries", []string{"-canaries", "2"}, command.Usage, "-canaries from 0 to 1"},
		{"too few canaries", []string{"-canaries", "-0.1"}, command.Usage, "-canaries from 0 to 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), tt.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tt.want)
		})
	}
}
