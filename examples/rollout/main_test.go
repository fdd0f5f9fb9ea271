package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// asProgram is set for a process that is to be the example instead of its tests.
const asProgram = "ROLLOUT_EXAMPLE_ARGS"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(asProgram); ok {
		os.Exit(run(context.Background(), strings.Split(args, "\n"), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// quick is the sample with shorter waits.
func quick(t *testing.T) (file string) {
	t.Helper()
	text, err := os.ReadFile("rollout.yaml")
	require.NoError(t, err)
	text = bytes.ReplaceAll(text, []byte("bake: 2s"), []byte("bake: 100ms"))
	text = bytes.ReplaceAll(text, []byte("every: 1s"), []byte("every: 50ms"))
	file = filepath.Join(t.TempDir(), "rollout.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// Killed wherever it is, and started again, it comes to the same end, and no ratio is set twice.
func TestKilledAnywhereAndStartedAgainItEndsTheSame(t *testing.T) {
	data, spec := filepath.Join(t.TempDir(), "data"), quick(t)
	marks := []string{
		"created", "authorized, version", "CHANGING   apply", "UNDER_REVIEW", "CHANGING   raise from 0%", "raised from 1% to 5%",
		"PAUSED", "the operator looks", "RESUMED", "going on: RUNNING at 10%", "watching 20%", "CHANGING   raise from 30%", "release to all users, from 50%",
	}
	kills := 0
	for ; ; kills++ {
		require.LessOrEqual(t, kills, len(marks), "it does not come to an end")
		stdout, killed := life(t, marks[min(kills, len(marks)):], "-data", data, "-spec", spec)
		if !killed {
			require.Regexp(t, `^rolled out rel_\w+ 100%\n$`, stdout)
			break
		}
		require.Empty(t, stdout)
	}
	require.Greater(t, kills, 5)
	requireClimbed(t, data)

	// Killed between telling the end and remembering that, it tells it again.
	require.NoError(t, os.Remove(filepath.Join(data, "rolled-out-1.0.0")))
	stdout, _ := life(t, nil, "-data", data, "-spec", spec)
	require.Regexp(t, `^rolled out rel_\w+ 100%\n$`, stdout)
	requireClimbed(t, data)

	// And then the next version is due.
	_, begun := life(t, []string{"version 1.0.1 uploaded"}, "-data", data, "-spec", spec)
	require.True(t, begun)
}

// life runs the example as a process, and kills it at the first line that holds one of the marks.
func life(t *testing.T, marks []string, args ...string) (stdout string, killed bool) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), asProgram+"="+strings.Join(args, "\n"))
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var told strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&told, lines.Text())
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
		require.NoError(t, err, told.String())
	}
	return out.String(), killed
}

// requireClimbed checks the rollout's own log, and what the platform says was done.
func requireClimbed(t *testing.T, data string) {
	t.Helper()
	session, closing, err := setup.OpenKept(t.Context(), filepath.Join(data, "platform"), platform.WithSigner(testkey.Key()))
	require.NoError(t, err)
	workspace, err := session.Client.Workspace.Get(t.Context())
	require.NoError(t, err)
	page, err := session.Client.Releases.List(t.Context(), alipayplus.ListReleasesInput{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.NoError(t, closing())

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

	store, err := bolt.Open(filepath.Join(data, "platform"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.Key()))
	require.NoError(t, err)
	var set []string
	for e, err := range p.Audit(t.Context(), workspace.ID) {
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

// The example gives the gate that its own spec names, and is not in the way of another spec.
func TestASpecOfOnesOwn(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	for _, tt := range []struct {
		name, spec string
		status     int
		want       string
	}{
		{"without gates", "steps: [{ratio: 50}, {ratio: 100}]", command.Done, "all users have the version"},
		{
			"with the gate described", fmt.Sprintf("gates: {errors: {command: {args: [%q, -nope]}}}\nsteps: [{ratio: 50, gates: [errors]}, {ratio: 100}]", program),
			command.Failed, "is paused at 50%: gate errors failed: ",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := filepath.Join(t.TempDir(), "spec.yaml")
			require.NoError(t, os.WriteFile(spec, []byte("version: 1\n"+tt.spec), 0o600))
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), []string{"-data", t.TempDir(), "-spec", spec}, &stdout, &stderr), stderr.String())
			require.Contains(t, stderr.String(), tt.want)
		})
	}
}

func TestInterruptedItSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"-data", t.TempDir(), "-spec", "rollout.yaml"}, &stdout, &stderr)
	require.Equal(t, command.Interrupted, status)
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "Run the same command again")
}

func TestASecondOneOnTheSameFolderSaysWhatToDo(t *testing.T) {
	data := t.TempDir()
	_, closing, err := setup.OpenKept(t.Context(), filepath.Join(data, "platform"))
	require.NoError(t, err)
	defer func() { require.NoError(t, closing()) }()
	var stdout, stderr bytes.Buffer

	require.Equal(t, command.Failed, run(t.Context(), []string{"-data", data, "-spec", "rollout.yaml"}, &stdout, &stderr))

	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "error: another one runs with the folder "+data+": wait until it has ended, or give another folder by -data: ")
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("version: 1\nsteps: [{ratio: 50}]\n"), 0o600))
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"unknown flag", []string{"-nope"}, command.Usage, "flag provided but not defined"},
		{"a word too many", []string{"now"}, command.Usage, `there are flags only, and "now" is none` + "\nUsage of rollout:"},
		{"no folder", []string{"-data", ""}, command.Usage, "-spec must name a file, and -data a folder\nUsage of rollout:"},
		{"no file", []string{"-spec", ""}, command.Usage, "-spec must name a file"},
		{"no spec", []string{"-spec", "none.yaml"}, command.Failed, "rollout spec: open none.yaml"},
		{"wrong spec", []string{"-spec", broken}, command.Failed, "steps[0].ratio must be 100"},
		{"a file for a folder", []string{"-spec", "rollout.yaml", "-data", broken}, command.Failed, "broken.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), tt.args, &stdout, &stderr))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tt.want)
		})
	}
}
