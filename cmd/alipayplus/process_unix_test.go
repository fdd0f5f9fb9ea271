//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// self is the path of the test binary, which is the program too.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// processEnvironment is the environment in which the test binary is the program.
func processEnvironment() []string { return append(os.Environ(), processEnv+"=1") }

// process is the program as a process of its own.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

func (s *place) start(args ...string) *process {
	s.Helper()
	p := &process{Cmd: exec.CommandContext(s.Context(), os.Args[0], command(args)...)}
	p.Env = append(os.Environ(), processEnv+"=1")
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	require.NoError(s, p.Start())
	return p
}

// end waits for the end of the process, and returns its result.
func (p *process) end(t *testing.T) (got report.Report) {
	t.Helper()
	_ = p.Wait()
	require.True(t, p.ProcessState.Exited(), "%v: %s", p.ProcessState, p.stderr.String())
	require.NoError(t, json.Unmarshal(p.stdout.Bytes(), &got), p.stderr.String())
	require.Equal(t, got.ExitStatus, report.Exit(p.ProcessState.ExitCode()))
	return got
}

// A signal that comes while a ratio is being set lets that call finish: the ratio is
// set once, the checkpoint knows it, and nothing comes after it.
func TestASignalLetsTheCallInFlightFinish(t *testing.T) {
	for _, tt := range []struct {
		signal  os.Signal
		status  report.Exit
		message string
	}{
		{syscall.SIGTERM, report.ExitPending, "asked to end by SIGTERM; release "},
		{syscall.SIGHUP, report.ExitPending, "asked to end by SIGHUP; release "},
		{syscall.SIGQUIT, report.ExitPending, "asked to end by SIGQUIT; release "},
		{os.Interrupt, report.ExitInterrupted, "interrupted; release "},
	} {
		s := newPlace(t, patient, approving)
		starting := make(chan *process, 1)
		before := func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "release/grayscale") {
				_ = (<-starting).Process.Signal(tt.signal)
			}
		}
		s.before.Store(&before)
		p := s.start()
		starting <- p
		got := p.end(t)
		require.Equal(t, tt.status, got.ExitStatus, p.stderr.String())
		require.Contains(t, got.Message, tt.message)
		require.Contains(t, got.Message, " is running at 1%")
		require.NotEmpty(t, got.GoOn)
		require.Equal(t, climbed(1), s.changes())

		got, _ = s.run("status")
		require.Equal(t, rollout.Running, got.Status)
		require.EqualValues(t, 1, got.Ratio)
	}
}

func TestExitStatusesOfAProcess(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	require.Equal(t, report.ExitUsage, s.start("--state", "").end(t).ExitStatus)
	require.Equal(t, report.ExitPending, s.start("--max-time", "1ns").end(t).ExitStatus)
	require.Equal(t, report.ExitNotFound, s.start("--release", "rel_none").end(t).ExitStatus)
	got := s.start().end(t)
	require.Equal(t, report.ExitDone, got.ExitStatus)
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())
}

// Killed in any of its calls, and started again, it comes to the same end.
func TestKilledAnywhereAndStartedAgainNothingIsDoneTwice(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	calls := 0
	counting := func(*http.Request) { calls++ }
	s.before.Store(&counting)
	require.Equal(t, report.ExitDone, s.start().end(t).ExitStatus)
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())

	step := 1
	if testing.Short() {
		step = calls
	}
	for kill := 1; kill <= calls; kill += step {
		s := newPlace(t, stepwise, approving)
		starting := make(chan *process, 1)
		n := 0
		killing := func(*http.Request) {
			if n++; n == kill {
				_ = (<-starting).Process.Kill()
			}
		}
		s.before.Store(&killing)
		p := s.start()
		starting <- p
		_ = p.Wait()

		got := s.start().end(t)
		require.Equal(t, report.ExitDone, got.ExitStatus, "killed at call %d: %s", kill, got.Message)
		require.Equal(t, climbedToTheEnd(1, 10), s.changes(), "killed at call %d", kill)
		require.Equal(t, "review done, 1% done, 10% done, 100% done", stepsOf(got))
	}
}

// Killed in any of its changes at AlipayCN, and started again, it comes to the same end.
func TestKilledInAChangeAtAlipayCNNothingIsDoneTwice(t *testing.T) {
	changes := 3
	if testing.Short() {
		changes = 1
	}
	for kill := 1; kill <= changes; kill++ {
		s, g := newCNPlace(t, "version: 1\nsteps: [{ratio: 10}, {ratio: 100}]\n", alipaycntest.WithAutoReview(0))
		starting := make(chan *process, 1)
		n := 0
		killing := func(r *http.Request) {
			if r.Method != http.MethodPost {
				return
			}
			if n++; n == kill {
				_ = (<-starting).Process.Kill()
			}
		}
		s.before.Store(&killing)
		p := s.start()
		starting <- p
		_ = p.Wait()
		require.False(t, p.ProcessState.Exited(), "it was killed")

		got := s.start().end(t)
		require.Equal(t, report.ExitDone, got.ExitStatus, "killed at change %d: %s", kill, got.Message)
		once := map[string]int{"versions.apply": 1, "versions.gray": 1, "versions.publish": 1}
		require.Equal(t, once, g.Effects(cnProgram), "killed at change %d", kill)
	}
}
