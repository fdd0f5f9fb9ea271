package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"iter"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// processEnv holds the folder of a process that is to be the example instead of its tests.
const processEnv = "ROLLOUT_TEST_DATA"

func TestMain(m *testing.M) {
	if data, ok := os.LookupEnv(processEnv); ok {
		os.Exit(run(context.Background(), options{spec: quick(), data: data}, nil, os.Stdout, log.New(os.Stderr, "", 0)))
	}
	os.Exit(m.Run())
}

// quick is the sample with shorter waits.
func quick() string {
	return strings.ReplaceAll(strings.ReplaceAll(sample, "bake: 2s", "bake: 100ms"), "every: 1s", "every: 50ms")
}

// Killed wherever it is, and started again, it comes to the same end, and no ratio is set twice.
func TestKilledAnywhereAndStartedAgainItEndsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	data := filepath.Join(t.TempDir(), "data")
	marks := []string{
		"everything is kept", "version 1.0.0: release rel_", "CHANGING   apply", "UNDER_REVIEW", "CHANGING   raise from 0%", "raised from 1% to 5%",
		"PAUSED", "the operator finds", "RESUMED", "going on: RUNNING at 10%", "watching 20%", "CHANGING   raise from 30%", "release to all users, from 50%",
	}
	if testing.Short() {
		marks = []string{"CHANGING   apply", "PAUSED", "CHANGING   raise from 30%"}
	}
	kills := 0
	for ; ; kills++ {
		require.LessOrEqual(t, kills, len(marks), "it does not come to an end")
		stdout, killed := life(t, data, marks[min(kills, len(marks)):]...)
		if !killed {
			require.Regexp(t, `^rolled out rel_\w+ 100%\n$`, stdout)
			break
		}
		require.Empty(t, stdout)
	}
	require.Greater(t, kills, len(marks)/2)
	requireClimbed(t, data)

	// Killed after the end was printed and before that was recorded, it is printed again.
	require.NoError(t, os.Remove(filepath.Join(data, "rolled-out-1.0.0")))
	stdout, _ := life(t, data)
	require.Regexp(t, `^rolled out rel_\w+ 100%\n$`, stdout)
	requireClimbed(t, data)

	// And then the next version is due.
	_, begun := life(t, data, "version 1.0.1: release rel_")
	require.True(t, begun)
}

// life runs the example as a process, and kills it at the first line that holds one of the marks.
func life(t *testing.T, data string, marks ...string) (stdout string, killed bool) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), processEnv+"="+data)
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		for _, mark := range marks {
			if !killed && strings.Contains(lines.Text(), mark) {
				killed = true
				require.NoError(t, cmd.Process.Kill())
			}
		}
	}
	err = cmd.Wait()
	if killed {
		require.Error(t, err)
	} else {
		require.NoError(t, err, said.String())
	}
	return out.String(), killed
}

// requireClimbed checks the rollout's own log, and what the platform says was done.
func requireClimbed(t *testing.T, data string) {
	t.Helper()
	store, err := bolt.Open(filepath.Join(data, "platform"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.Key()))
	require.NoError(t, err)
	client, workspace, err := enter(t.Context(), p, data)
	require.NoError(t, err)
	page, err := client.Releases.List(t.Context(), alipayplus.ListReleasesInput{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)

	done := make(map[rollout.EventKind]int)
	var raised []alipayplus.Ratio
	for entry, err := range rollout.NewFileStore(filepath.Join(data, "rollout")).Audit(t.Context(), "release "+page.Items[0].ID) {
		require.NoError(t, err)
		done[entry.Action]++
		if entry.Action == rollout.EventRaised {
			raised = append(raised, entry.To)
		}
	}
	require.Equal(t, []alipayplus.Ratio{1, 5, 10, 20, 30, 50, 100}, raised)
	for _, once := range []rollout.EventKind{rollout.EventStarted, rollout.EventApplied, rollout.EventPaused, rollout.EventResumed, rollout.EventDone} {
		require.Equal(t, 1, done[once], once)
	}

	var set []string
	for e, err := range p.Audit(t.Context(), workspace) {
		require.NoError(t, err)
		if e.Kind == "release" && (strings.HasPrefix(e.To, "GRAYSCALE_RELEASE") || e.To == "FULL_RELEASE") {
			set = append(set, e.To)
		}
	}
	require.Equal(t, []string{
		"GRAYSCALE_RELEASE 1%", "GRAYSCALE_RELEASE 5%", "GRAYSCALE_RELEASE 10%", "GRAYSCALE_RELEASE 20%",
		"GRAYSCALE_RELEASE 30%", "GRAYSCALE_RELEASE 50%", "FULL_RELEASE",
	}, set)
}

func TestInterruptedItSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	status := run(ctx, options{spec: sample, data: t.TempDir()}, nil, &stdout, log.New(&stderr, "", 0))
	require.Equal(t, 130, status)
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "Run the same command again")
}

func TestWhatIsWrongIsOneLineThatSaysWhatToDo(t *testing.T) {
	data := t.TempDir()
	held, err := bolt.Open(filepath.Join(data, "platform"))
	require.NoError(t, err)
	defer func() { require.NoError(t, held.Close()) }()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, tt := range []struct {
		name   string
		opts   options
		args   []string
		status int
		want   string
	}{
		{"a word too many", options{spec: sample, data: data}, []string{"now"}, 2, "there are flags only"},
		{"no folder", options{spec: sample}, nil, 2, "-data must name a folder"},
		{"wrong spec", options{spec: "version: 1\nsteps: [{ratio: 50}]\n", data: data}, nil, 1, "steps[0].ratio must be 100"},
		{"a file for a folder", options{spec: sample, data: file}, nil, 1, file},
		{"another one runs", options{spec: sample, data: data}, nil, 1, "wait until another one with this folder has ended, or give another folder by -data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), tt.opts, tt.args, &stdout, log.New(&stderr, "", 0)))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tt.want)
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
		})
	}
}

// forgetful is a store whose audit log is empty, so that nobody ever resumed.
type forgetful struct{ rollout.Store }

// Audit implements [rollout.Store].
func (forgetful) Audit(context.Context, string) iter.Seq2[rollout.AuditEntry, error] {
	return func(func(rollout.AuditEntry, error) bool) {}
}

// atWork is a release in memory that is approved at once, and a function that drives it and says what was shown.
func atWork(t *testing.T, store rollout.Store) (fake *rollouttest.Fake, drives func(context.Context) (shown string, err error)) {
	t.Helper()
	spec, err := rollout.ParseSpec([]byte(sample))
	require.NoError(t, err)
	fake = rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	fake.ApproveAfter(0)
	return fake, func(ctx context.Context) (string, error) {
		var shown strings.Builder
		err := drive(ctx, fake, *spec, store, log.New(&shown, "", 0))
		return shown.String(), err
	}
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
		fake, drives := atWork(t, rollout.NewMemoryStore())
		shown, err := drives(t.Context())
		require.NoError(t, err)
		require.Equal(t, alipayplus.FullRatio, fake.Now().Ratio)
		require.Equal(t, 1, strings.Count(shown, "RESUMED  "), shown)
		require.Contains(t, shown, "the server of the new page was restarted")

		// When it is run once more, it is done already
		_, err = drives(t.Context())
		require.NoError(t, err)
	})
}

func TestAGateThatKeepsFailingEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, drives := atWork(t, forgetful{rollout.NewMemoryStore()})
		shown, err := drives(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		require.ErrorContains(t, err, `see "What an operator can do" in the README`)
		require.Equal(t, alipayplus.Ratio(10), fake.Now().Ratio)
		require.Equal(t, 1, strings.Count(shown, "RESUMED  "), shown)
	})
}

func TestARatioThatSomebodyLoweredIsNoDeadEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, drives := atWork(t, rollout.NewMemoryStore())
		when(fake, 5, func() { _ = fake.SetRatio("pat", 1) })
		shown, err := drives(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(shown, "RESUMED  "), shown)
		require.Equal(t, []alipayplus.Ratio{1, 5, 1, 5, 10, 20, 30, 50, 100}, fake.Ratios())
	})
}

func TestWhatAPersonHasPausedStaysPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := rollout.NewMemoryStore()
		fake, drives := atWork(t, store)
		when(fake, 1, func() {
			spec, err := rollout.ParseSpec([]byte(sample))
			if err == nil {
				var runner *rollout.Runner
				runner, err = rollout.New(fake, *spec, store, rollout.WithGate("errors", func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Verdict{}, nil }))
				if err == nil {
					_, err = runner.Pause(t.Context(), "lin", "wait for the shop")
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
		shown, err := drives(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorContains(t, err, `see "What an operator can do" in the README`)
		require.NotContains(t, shown, "RESUMED")
	})
}

func TestWhatIsOverBeginsAnewInAnotherFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, drives := atWork(t, rollout.NewMemoryStore())
		when(fake, 1, func() { _ = fake.Cancel("pat") })
		for range 2 { // at each start
			_, err := drives(t.Context())
			require.ErrorContains(t, err, "give another folder by -data")
		}
	})
}

// It is not the gate that does not answer.
func TestADamagedAuditLogIsSaidToBeOne(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		fake, drives := atWork(t, rollout.NewFileStore(folder))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := drives(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		logs, err := filepath.Glob(filepath.Join(folder, "*", "audit.ndjson"))
		require.NoError(t, err)
		require.Len(t, logs, 1)
		text, err := os.ReadFile(logs[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(logs[0], append([]byte("damaged\n"), text...), 0o600))
		before := fake.Now().Ratio

		shown, err := drives(t.Context())

		require.ErrorContains(t, err, "the audit log cannot be read: ")
		require.ErrorContains(t, err, logs[0])
		require.NotErrorIs(t, err, rollout.ErrGateFailed)
		require.NotContains(t, shown, "did not answer")
		require.Equal(t, before, fake.Now().Ratio)
	})
}
