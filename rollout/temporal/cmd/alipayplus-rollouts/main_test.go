package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// What is wrong with the command line is said without a server, which need not be there.
func TestWrongUseIsSaidBeforeTemporalIsAsked(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	for _, help := range []string{"help", "-h", "--help"} {
		var stderr bytes.Buffer
		require.ErrorIs(t, run(t.Context(), []string{help}, io.Discard, &stderr), flag.ErrHelp, help)
		require.Contains(t, stderr.String(), "say what to do: worker, start, status", help)
	}
	require.ErrorContains(t, run(t.Context(), nil, io.Discard, io.Discard), "say what to do: worker, start, status")
	require.ErrorContains(t, run(t.Context(), []string{"fly"}, io.Discard, io.Discard), "there is no command fly")
	require.ErrorContains(t, run(t.Context(), []string{"status"}, io.Discard, io.Discard), "status needs the id of one release")
}

// A variable that cannot be used is said with what to give, before anything is driven without being seen.
func TestAWorkerSaysHowAVariableOfOpenTelemetryIsGiven(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	err := run(t.Context(), []string{"worker"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, `OTEL_TRACES_EXPORTER is "pigeon"; give otlp, console or none`)
	require.NotContains(t, err.Error(), "\n")
}

func TestTheErrorOfASinkKeepsNoEventFromTheOthers(t *testing.T) {
	seen := 0
	sink := func(context.Context, rollout.Event) error { seen++; return io.ErrShortWrite }
	require.ErrorIs(t, all([]rollout.Sink{sink, sink})(t.Context(), rollout.Event{}), io.ErrShortWrite)
	require.Equal(t, 2, seen)
}

// A pipeline that waits goes on only when all users have the version.
func TestWaitFailsUnlessTheRolloutIsDone(t *testing.T) {
	require.NoError(t, ended(&rollout.State{Status: rollout.Done}))
	err := ended(&rollout.State{Status: rollout.Aborted, Stop: &rollout.Stop{Reason: "it crashes"}})
	require.ErrorContains(t, err, "is aborted at 0%: it crashes")
}
