//go:build unix

package rollout_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestWhatACommandStartedIsKilledWithIt(t *testing.T) {
	t.Parallel()
	address, accept := acceptChild(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := gateProgram("parent", "stays", address).Gate()(ctx, rollout.Step{})
		ended <- err
	}()
	child := accept()

	cancel()

	rest, _ := io.ReadAll(child)
	require.Empty(t, rest, "the child did not live on")
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestWhatACommandLeftBehindDoesNotHoldTheVerdictUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	address, accept := acceptChild(t)
	verdict := make(chan rollout.Verdict, 1)
	go func() {
		v, err := gateProgram("parent", "goes", address).Gate()(t.Context(), rollout.Step{})
		if err == nil {
			verdict <- v
		}
		close(verdict)
	}()
	child := accept()

	require.Equal(t, rollout.Passed("the parent went"), <-verdict)
	rest, _ := io.ReadAll(child)
	require.Empty(t, rest, "what it left behind did not live on")
}

func TestACommandThatIsKilledByOthersGivesNoVerdict(t *testing.T) {
	t.Parallel()
	gate := &rollout.CommandGate{Args: []string{"sh", "-c", "kill -9 $$"}}

	verdict, err := gate.Gate()(t.Context(), rollout.Step{})

	require.ErrorContains(t, err, "command sh: it did not end by itself: signal: killed")
	require.Zero(t, verdict)
}

// A child that wrote its output elsewhere ends with its gate too, and is asked to before.
func TestWhatACommandLeftBehindEndsWhereverItWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gate := &rollout.CommandGate{Args: []string{"sh", "-c", `
		(trap 'echo asked >"$0/asked"; exit 0' TERM; echo born >"$0/born"; while :; do sleep 0.01; done) >/dev/null 2>&1 </dev/null &
		while [ ! -e "$0/born" ]; do sleep 0.01; done
		echo the parent went`, dir}}

	verdict, err := gate.Gate()(t.Context(), rollout.Step{})

	require.NoError(t, err)
	require.Equal(t, rollout.Passed("the parent went"), verdict)
	require.FileExists(t, filepath.Join(dir, "asked"))
}

func TestACommandIsAskedToEndBeforeItIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	gate := &rollout.CommandGate{Args: []string{"sh", "-c", `trap 'echo asked >"$0/asked"; exit 0' TERM; echo born >"$0/born"; while :; do sleep 0.01; done`, dir}}
	go func() {
		defer cancel()
		for {
			if _, err := os.Stat(filepath.Join(dir, "born")); err == nil || t.Context().Err() != nil {
				return
			}
			runtime.Gosched()
		}
	}()

	verdict, err := gate.Gate()(ctx, rollout.Step{})

	require.ErrorIs(t, err, context.Canceled, "a status 0 after its time is no verdict")
	require.Zero(t, verdict)
	require.FileExists(t, filepath.Join(dir, "asked"))
}
