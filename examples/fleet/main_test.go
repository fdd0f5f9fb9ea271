package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/examples/internal/command"
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
			require.Equal(t, "1 targets: 1 DONE\n\nfleet of 1 releases: 1 DONE\n", stdout.String())
		}
	})
}

func TestInterruptedItSaysHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var stdout, stderr bytes.Buffer
		status := run(ctx, []string{"-programs", "4", "-canaries", "0"}, &stdout, &stderr)
		require.Equal(t, command.Interrupted, status, stderr.String())
		require.Contains(t, stdout.String(), "fleet of 4 releases: ")
		require.Contains(t, stderr.String(), "interrupted: fleet: ")
		require.NotContains(t, stderr.String(), "not done twice", "it begins anew")
	})
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"unknown flag", []string{"-nope"}, command.Usage, "flag provided but not defined"},
		{"no programs", []string{"-programs", "0"}, command.Failed, "-programs, -workers and -rate must be above 0, and -canaries from 0 to 1"},
		{"no calls", []string{"-rate", "NaN"}, command.Failed, "must be above 0"},
		{"no workers", []string{"-workers", "0"}, command.Failed, "must be above 0"},
		{"too many canaries", []string{"-canaries", "2"}, command.Failed, "-canaries from 0 to 1"},
		{"too few canaries", []string{"-canaries", "-0.1"}, command.Failed, "-canaries from 0 to 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), tt.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tt.want)
		})
	}
}
