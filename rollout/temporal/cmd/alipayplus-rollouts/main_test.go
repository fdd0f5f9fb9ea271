package main

import (
	"bytes"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// What is wrong with the command line is said without a server, which need not be there.
func TestWrongUseIsSaidBeforeTemporalIsAsked(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	for name, args := range map[string][]string{"nothing": nil, "help": {"help"}, "-h": {"-h"}, "--help": {"--help"}} {
		var stderr bytes.Buffer
		require.ErrorIs(t, run(t.Context(), args, io.Discard, &stderr), flag.ErrHelp, name)
		require.Contains(t, stderr.String(), "say what to do: worker, start, status", name)
	}
	require.ErrorContains(t, run(t.Context(), []string{"fly"}, io.Discard, io.Discard), "there is no command fly")
	require.ErrorContains(t, run(t.Context(), []string{"status"}, io.Discard, io.Discard), "status needs the id of one release")
}

// A pipeline that waits goes on only when all users have the version.
func TestWaitFailsUnlessTheRolloutIsDone(t *testing.T) {
	require.NoError(t, ended(&rollout.State{Status: rollout.Done}))
	err := ended(&rollout.State{Status: rollout.Aborted, Stop: &rollout.Stop{Reason: "it crashes"}})
	require.ErrorContains(t, err, "is aborted at 0%: it crashes")
}
