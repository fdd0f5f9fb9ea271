package locks

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// processEnv turns the test binary into a process that holds the lock at this path until it is killed.
const processEnv = "LOCKEDFILE_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(processEnv)
	if path == "" {
		os.Exit(m.Run()) //nolint:forbidigo // as every TestMain
	}
	if _, err := AcquireFile(path); err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1) //nolint:forbidigo // the process that is to hold the lock
	}
	_, _ = os.Stdout.WriteString("holding\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or its parent ends
}

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")

	first, err := AcquireFile(path)
	require.NoError(t, err)
	require.NoError(t, first.Held())

	_, err = AcquireFile(path)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, path)
	require.NoError(t, first.Held(), "the refused one took nothing away")

	require.NoError(t, first.Release())
	second, err := AcquireFile(path)
	require.NoError(t, err, "the file stays, the lock does not")
	require.NoError(t, second.Release())
}

func TestDifferentFilesAreDifferentLocks(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		l, err := AcquireFile(filepath.Join(folder, name))
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Release()) }()
	}
}

func TestMissingFolder(t *testing.T) {
	_, err := AcquireFile(filepath.Join(t.TempDir(), "missing", "lock"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, ErrLocked)
}

func TestAKilledProcessHoldsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := exec.CommandContext(t.Context(), os.Args[0])
	holder.Env = append(os.Environ(), processEnv+"="+path)
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holding\n", line)

	_, err = AcquireFile(path)
	require.ErrorIs(t, err, ErrLocked)

	require.NoError(t, holder.Process.Kill())
	require.Error(t, holder.Wait())
	l, err := AcquireFile(path)
	require.NoError(t, err)
	require.NoError(t, l.Release())
}
