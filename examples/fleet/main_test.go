package main

import (
	"bytes"
	"context"
	"log"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// execute runs the example with as many mini programs, and options changed.
func execute(ctx context.Context, programs int, change ...func(*options)) (status int, stdout, stderr string) {
	var out, progress bytes.Buffer
	opts := options{programs: programs, workers: 3, rate: 1000}
	for _, change := range change {
		change(&opts)
	}
	status = run(ctx, opts, nil, &out, log.New(&progress, "", 0))
	return status, out.String(), progress.String()
}

func canaries(share float64) func(*options) { return func(opts *options) { opts.canaries = share } }

func TestTheFleetIsReleasedButForTwo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	synctest.Test(t, func(t *testing.T) {
		status, stdout, stderr := execute(t.Context(), 12, canaries(0.1))

		require.Equal(t, 0, status, stderr)
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		require.Len(t, lines, 8)
		require.Equal(t, "12 targets: 10 DONE, 2 PAUSED", lines[0])
		require.Regexp(t, "^\\| `release rel_\\w+ \\(Blue Lake Tea \\d+ 1\\.0\\.0\\)` \\| PAUSED \\| 10% \\| `gate errors failed: error rate is 0.031, above 0.01` \\|$", lines[4])
		require.Regexp(t, "^\\| `release rel_\\w+ \\(Blue Lake Tea \\d+ 1\\.0\\.0\\)` \\| PAUSED \\| 0% \\| `ALIPAY_CN rejected it: the privacy page is missing` \\|$", lines[5])
		require.Equal(t, "fleet of 12 releases: 10 DONE, 2 PAUSED", lines[7])
		// Two go ahead, and then the others begin.
		require.Contains(t, stderr, "releasing map[QUEUED:10 RUNNING:2]\n")
		require.Regexp(t, `(?m)^releasing map\[DONE:2 .*RUNNING:\d+\]$`, stderr)
	})
}

// Where all are canaries, or there is but one, nothing is made to fail.
func TestCanariesDoNotFail(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	synctest.Test(t, func(t *testing.T) {
		for _, share := range []float64{1, 0.1} {
			status, stdout, stderr := execute(t.Context(), 1, canaries(share))
			require.Equal(t, 0, status, stderr)
			require.Contains(t, stdout, "\nfleet of 1 releases: 1 DONE\n")
		}
	})
}

// Hundreds of rows of what was not begun would hide what matters.
func TestInterruptedItSaysHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // the reviews take a second
		defer cancel()
		status, stdout, stderr := execute(ctx, 4)
		require.Equal(t, 130, status, stderr)
		require.Equal(t, "fleet of 4 releases: 4 RUNNING\n", stdout)
		require.Regexp(t, `(?m)^interrupted: fleet: 4 RUNNING; nothing is kept, so the next start begins anew$`, stderr)
		require.NotContains(t, stderr, "run it again to go on")
	})
}

func TestInterruptedBeforeTheFleetItSaysSoToo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, stdout, stderr := execute(ctx, 4)
	require.Equal(t, 130, status, stderr)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "context canceled; nothing is kept, so the next start begins anew\n")
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*options)
		want   string
	}{
		{"no programs", func(opts *options) { opts.programs = 0 }, "-programs, -workers and -rate must be above 0, and -canaries from 0 to 1"},
		{"no calls", func(opts *options) { opts.rate = math.NaN() }, "must be above 0"},
		{"no workers", func(opts *options) { opts.workers = 0 }, "must be above 0"},
		{"too many canaries", canaries(2), "-canaries from 0 to 1"},
		{"too few canaries", canaries(-0.1), "-canaries from 0 to 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := execute(t.Context(), 3, tt.change)
			require.Equal(t, 2, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, tt.want)
			require.Equal(t, 1, strings.Count(stderr, "\n"))
		})
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, 2, run(t.Context(), options{}, []string{"now"}, &stdout, log.New(&stderr, "", 0)))
	require.Equal(t, "error: there are flags only, and \"now\" is none\n", stderr.String())
}
