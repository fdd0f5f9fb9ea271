package main

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// forgetful is a store whose audit log is empty, so that nobody ever resumed.
type forgetful struct{ rollout.Store }

// Audit implements [rollout.Store].
func (forgetful) Audit(context.Context, string) iter.Seq2[rollout.AuditEntry, error] {
	return func(func(rollout.AuditEntry, error) bool) {}
}

// atWork is an operator of a release in memory that is approved at once, and what is shown.
func atWork(t *testing.T, store rollout.Store) (o *operator, fake *rollouttest.Fake, shown *strings.Builder) {
	t.Helper()
	text, err := os.ReadFile("rollout.yaml")
	require.NoError(t, err)
	spec, err := rollout.ParseSpec(text)
	require.NoError(t, err)
	fake, shown = rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), new(strings.Builder)
	fake.ApproveAfter(0)
	return &operator{target: fake, spec: *spec, store: store, show: console.New(shown), out: shown}, fake, shown
}

// when does something once a ratio is live.
func when(fake *rollouttest.Fake, ratio alipayplus.Ratio, do func()) {
	go func() {
		for fake.Now().Ratio < ratio {
			time.Sleep(100 * time.Millisecond)
		}
		do()
	}()
}

func TestTheOperatorResumesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, fake, shown := atWork(t, rollout.NewMemoryStore())
		require.NoError(t, o.drive(t.Context()))
		require.Equal(t, alipayplus.FullRatio, fake.Now().Ratio)
		require.Equal(t, 1, strings.Count(shown.String(), "  RESUMED  "), shown.String())
		require.Contains(t, shown.String(), "RESUMED    the server of the new page was restarted (by the operator)")
	})
}

func TestAGateThatKeepsFailingEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, fake, shown := atWork(t, forgetful{rollout.NewMemoryStore()})
		err := o.drive(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		require.ErrorContains(t, err, "run the same command again, which resumes it once more")
		require.Equal(t, alipayplus.Ratio(faultyRatio), fake.Now().Ratio)
		require.Equal(t, 1, strings.Count(shown.String(), "  RESUMED  "), shown.String())
	})
}

func TestARatioThatSomebodyLoweredIsNoDeadEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, fake, shown := atWork(t, rollout.NewMemoryStore())
		when(fake, 5, func() { _ = fake.SetRatio("pat", 1) })
		require.NoError(t, o.drive(t.Context()))
		require.Contains(t, shown.String(), "RESUMED    it can go on from what is live (by the operator)")
		require.Equal(t, []alipayplus.Ratio{1, 5, 1, 5, 10, 20, 30, 50, 100}, fake.Ratios())
	})
}

func TestWhatAPersonHasPausedStaysPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, fake, shown := atWork(t, rollout.NewMemoryStore())
		when(fake, 1, func() {
			runner, err := o.runner()
			if err == nil {
				_, err = runner.Pause(t.Context(), "lin", "wait for the shop")
			}
			if err != nil {
				t.Error(err)
			}
		})
		err := o.drive(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorContains(t, err, `see "What an operator can do" in the README`)
		require.NotContains(t, shown.String(), "RESUMED")
	})
}

func TestWhatIsOverBeginsAnewInAnotherFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, fake, _ := atWork(t, rollout.NewMemoryStore())
		when(fake, 1, func() { _ = fake.Cancel("pat") })
		require.ErrorContains(t, o.drive(t.Context()), "give another folder by -data")
		require.ErrorContains(t, o.drive(t.Context()), "give another folder by -data", "at each start")
	})
}

// It is not the gate that does not answer.
func TestADamagedAuditLogIsSaidToBeOne(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o, fake, shown := atWork(t, rollout.NewFileStore(folder))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, o.drive(ctx), rollout.ErrPending)
		logs, err := filepath.Glob(filepath.Join(folder, "*", "audit.ndjson"))
		require.NoError(t, err)
		require.Len(t, logs, 1)
		text, err := os.ReadFile(logs[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(logs[0], append([]byte("damaged\n"), text...), 0o600))
		before := fake.Now().Ratio

		err = o.drive(t.Context())

		require.ErrorContains(t, err, "the audit log cannot be read: ")
		require.ErrorContains(t, err, logs[0])
		require.NotErrorIs(t, err, rollout.ErrGateFailed)
		require.NotContains(t, shown.String(), "did not answer")
		require.Equal(t, before, fake.Now().Ratio)
	})
}
