package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// initEnv turns the test binary into the first process of a container, as far as an
// unprivileged test can have one: processes whose parents end become its children.
const initEnv = "ALIPAYPLUS_TEST_INIT"

func runInit() int {
	const childSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, childSubreaper, 1, 0); errno != 0 {
		panic(errno)
	}
	return asInit("/bin/sh", []string{"sh", "-c", os.Getenv(initEnv)})
}

func container(t *testing.T, script string) (out string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self(t))
	cmd.Env = append(os.Environ(), initEnv+"="+script)
	output, err := cmd.CombinedOutput()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), string(output))
	}
	return strings.TrimSpace(string(output)), cmd.ProcessState.ExitCode()
}

// What a gate has started and left behind is reaped when it ends.
func TestTheFirstProcessOfAContainerReaps(t *testing.T) {
	left := `(true & echo $!) >pid; while kill -0 $(cat pid) 2>/dev/null; do sleep 0.01; done; echo reaped`
	t.Chdir(t.TempDir())
	out, status := container(t, left)
	require.Equal(t, "reaped", out)
	require.Zero(t, status)
}

func TestTheFirstProcessOfAContainerEndsAsTheProgramDoes(t *testing.T) {
	_, status := container(t, "exit 8")
	require.Equal(t, 8, status)
	_, status = container(t, "kill -KILL $$")
	require.Equal(t, 128+int(syscall.SIGKILL), status)
	out, status := container(t, `trap "echo ended; exit 7" TERM; kill -TERM $PPID; while :; do sleep 0.01; done`)
	require.Equal(t, "ended", out, "signals are passed on")
	require.Equal(t, 7, status)
}
