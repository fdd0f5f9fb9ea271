//go:build unix

package main

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// A program that nohup started outlives its terminal.
func TestNohupKeepsItsMeaning(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "" HUP; exec "$0" rollout run`, self(t))
	cmd.Env = processEnvironment()
	started := make(chan struct{})
	s.whileRaising(func() {
		<-started
		_ = cmd.Process.Signal(syscall.SIGHUP)
	})
	require.NoError(t, cmd.Start())
	close(started)
	require.NoError(t, cmd.Wait())
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())
}

// Terminals, and what started the program, send one signal twice. That is no second one.
func TestASignalThatComesTwiceAtOnceIsOne(t *testing.T) {
	s := newPlace(t, patient, approving)
	starting := make(chan *process, 1)
	s.whileRaising(func() {
		p := <-starting
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Process.Signal(syscall.SIGTERM)
	})
	p := s.start()
	starting <- p
	got := p.end(t)
	require.Equal(t, report.ExitPending, got.ExitStatus)
	require.Contains(t, got.Message, "asked to end by SIGTERM; release ")
	require.NotContains(t, got.Message, "ended at once")
}

func TestThatTheTerminalHasGoneIsNoReasonToFail(t *testing.T) {
	require.Equal(t, []string{"interrupted", "asked to end by SIGHUP"}, []string{causeOf(syscall.SIGINT).Error(), causeOf(syscall.SIGHUP).Error()})
	s := newPlace(t, stepwise, approving)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", `"$0" rollout run >result.json 2>&-`, self(t))
	cmd.Env, cmd.Dir = processEnvironment(), s.folder
	require.NoError(t, cmd.Run())
	require.True(t, strings.HasPrefix(s.read("result.json"), `{"schema":1,`))
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())
}
