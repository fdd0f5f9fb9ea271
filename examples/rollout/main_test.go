package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestItClimbsPastAGateThatStopsItOnce(t *testing.T) {
	junit := filepath.Join(t.TempDir(), "reports", "junit.xml")
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer

		exit := run(t.Context(), junit, &stdout, log.New(&stderr, "", 0))

		require.Equal(t, report.ExitDone, exit, stderr.String())
		require.Regexp(t, `^rolled out rel_\w+ 100%\n$`, stdout.String())
		require.Contains(t, stderr.String(), "PAUSED     gate errors failed")
		require.Contains(t, stderr.String(), "RESUMED    the server of the new page was restarted")
	})
	cases, err := os.ReadFile(junit)
	require.NoError(t, err)
	require.Contains(t, string(cases), `name="ratio 50"`)
	require.NotContains(t, string(cases), "<failure")
}

// driven drives a release in memory that is approved at once, after what a person does.
func driven(t *testing.T, text string, before func(*rollouttest.Fake)) (r *report.Report, fake *rollouttest.Fake) {
	t.Helper()
	fake = rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	fake.ApproveAfter(0)
	before(fake)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	return drive(ctx, fake, rollout.NewMemoryStore(), text, log.New(io.Discard, "", 0)), fake
}

func TestEachEndHasItsExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name, spec string
		before     func(*rollouttest.Fake)
		want       report.Exit
		ratio      alipayplus.Ratio
	}{
		{"done", sample, func(*rollouttest.Fake) {}, report.ExitDone, alipayplus.FullRatio},
		{"wrong spec", "version: 1\nsteps: [{ratio: 50}]\n", func(*rollouttest.Fake) {}, report.ExitUsage, 0},
		{"canceled by somebody", sample, func(f *rollouttest.Fake) {
			f.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpObserve && f.Now().Ratio == 1 {
					_ = f.Cancel("pat")
				}
				return nil
			})
		}, report.ExitConflict, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, fake := driven(t, tt.spec, tt.before)
				require.Equal(t, tt.want, r.ExitStatus, r.Message)
				require.Equal(t, tt.ratio, fake.Now().Ratio)
			})
		})
	}
}

func TestInterruptedItIsPending(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, report.ExitPending, run(ctx, "", io.Discard, log.New(io.Discard, "", 0)))
}
