//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// watched is an output for whose texts can be waited.
type watched struct {
	mu      sync.Mutex
	written bytes.Buffer
	want    string
	found   chan struct{}
}

func watch(want string) *watched { return &watched{want: want, found: make(chan struct{})} }

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.written.String(), w.want)
	_, _ = w.written.Write(p)
	if !before && strings.Contains(w.written.String(), w.want) {
		close(w.found)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written.String()
}

// whileRaising does something while the platform sets a ratio for the first time.
func (s *place) whileRaising(do func()) {
	var once sync.Once
	before := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "release/grayscale") {
			once.Do(do)
		}
	}
	s.before.Store(&before)
}

// The time of --max-time, or a signal, that comes while a ratio is being set is answered
// by a line that says why the program is still there.
func TestThatAChangeIsBeingFinishedIsSaid(t *testing.T) {
	for _, args := range [][]string{nil, {"--ndjson", "-"}} {
		s := newPlace(t, patient, approving)
		ctx, cut := context.WithCancelCause(t.Context())
		var stdout bytes.Buffer
		stderr := watch(finishingText)
		s.whileRaising(func() {
			cut(errOutOfTime)
			<-stderr.found
		})
		require.Equal(t, report.ExitPending, call(ctx, args, &stdout, stderr))
		require.Equal(t, 1, strings.Count(stderr.String(), finishingText))
		require.Equal(t, climbed(1), s.changes())
	}
}

func TestNothingIsSaidOfAChangeWhereThereIsNone(t *testing.T) {
	s := newPlace(t, patient, approving)
	_, _ = s.run("step")
	got, stderr := s.run("--max-time", "1ns")
	require.Equal(t, report.ExitPending, got.ExitStatus)
	require.NotContains(t, stderr, finishingText)
}

// How long a change may take is how long the end of --max-time may be overrun.
func TestAChangeTakesNoLongerThanTheCallTimeout(t *testing.T) {
	s := newPlace(t, patient, approving)
	silence := make(chan struct{})
	s.whileRaising(func() { <-silence })
	got, stderr := s.run("step", "--call-timeout", "100ms")
	close(silence)
	require.Equal(t, report.ExitPending, got.ExitStatus, stderr)
	require.Contains(t, got.WaitingFor, "trying again after a failure: ")
}

// A Ctrl-C after another signal ends the program at once, though Ctrl-C was ignored when it
// started, as for the background jobs of a shell; and nothing is lost.
func TestCtrlCAfterASignalEndsAtOnce(t *testing.T) {
	for _, first := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(first) {
			t.Logf("%v is ignored here, as under nohup, and so by the program", first)
			continue
		}
		s := newPlace(t, patient, approving)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "" INT; exec "$0" rollout run`, os.Args[0])
		cmd.Env = append(os.Environ(), processEnv+"=1")
		var stdout bytes.Buffer
		stderr := watch(finishingText)
		cmd.Stdout, cmd.Stderr = &stdout, stderr
		started, ended := make(chan struct{}), make(chan struct{})
		s.whileRaising(func() {
			<-started
			_ = cmd.Process.Signal(first)
			<-stderr.found
			_ = cmd.Process.Signal(os.Interrupt)
			<-ended
		})
		require.NoError(t, cmd.Start())
		close(started)
		_ = cmd.Wait()
		close(ended)
		require.Equal(t, report.ExitInterrupted, report.Exit(cmd.ProcessState.ExitCode()), stderr.String())
		require.Contains(t, stderr.String(), "interrupted: ended at once; the next run finds out")
		var told report.Report
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &told))
		require.Equal(t, report.ExitInterrupted, told.ExitStatus)
		require.Equal(t, rollout.Running, told.Status)

		got, _ := s.run("step")
		require.Equal(t, rollout.Running, got.Status)
		require.EqualValues(t, 1, got.Ratio)
		require.Equal(t, climbed(1), s.changes())
	}
}

// Who reads the result and has gone is no reason to end without a word.
func TestAReaderWhoHasGoneIsTold(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, read.Close())
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0], command(nil)...)}
	p.Env = append(os.Environ(), processEnv+"=1")
	p.Stdout, p.Stderr = write, &p.stderr
	require.Error(t, p.Run())
	require.NoError(t, write.Close())
	require.Equal(t, int(report.ExitInternal), p.ProcessState.ExitCode(), p.stderr.String())
	require.Contains(t, p.stderr.String(), "error: print the result: ")
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())

	var got report.Report
	again := s.start("status")
	_ = again.Wait()
	require.NoError(t, json.Unmarshal(again.stdout.Bytes(), &got))
	require.Equal(t, rollout.Done, got.Status)
}
