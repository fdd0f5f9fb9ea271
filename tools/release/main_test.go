package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// written returns a folder with the files of aRepository, which git would add.
func written(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, exec.CommandContext(t.Context(), "git", "init", "-q", root).Run())
	for name, content := range aRepository(t).files {
		name = filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, content, 0o600))
	}
	return root
}

func TestATagIsCheckedMadeAndTakenBack(t *testing.T) {
	root := written(t)
	mod := func() string {
		content, err := os.ReadFile(filepath.Join(root, "gate", "go.mod"))
		require.NoError(t, err)
		return string(content)
	}
	var out bytes.Buffer

	// given a repository for work, a check says what its tag lacks and changes nothing
	require.EqualError(t, run(root, []string{"-check", "v0.2.0"}, &out), "4 files are not as v0.2.0 needs them")
	require.Contains(t, out.String(), "gate/go.mod: -replace example.com/m => ..\n")
	require.Equal(t, gateMod, mod())

	// when it is made fit to be tagged, a check of that version has nothing to say
	out.Reset()
	require.NoError(t, run(root, []string{"v0.2.0"}, &out))
	require.Equal(t, "Commit what has changed, then:\n\ngit tag v0.2.0\ngit tag gate/v0.2.0\ngit tag cmd/tool/v0.2.0\n", out.String())
	require.Contains(t, mod(), "example.com/m v0.2.0")
	out.Reset()
	require.NoError(t, run(root, []string{"-check", "v0.2.0"}, &out))
	require.Empty(t, out.String())
	require.Error(t, run(root, []string{"-check", "v0.2.1"}, &out))

	// then it is made fit for work again
	require.NoError(t, run(root, []string{"-develop"}, &out))
	require.Equal(t, gateMod, mod())
}

func TestArgumentsThatCannotBeUsed(t *testing.T) {
	root := written(t)
	for _, args := range [][]string{
		{}, {"0.2.0"}, {"v0.2"}, {"v2.0.0"}, {"v2.0.0-rc.1"}, {""}, {"v0.2.0+x"}, {"next"}, {"v0.2.0", "v0.3.0"}, {"-check"}, {"-develop", "v0.2.0"}, {"-develop", "-check"}, {"-nope"},
	} {
		require.Error(t, run(root, args, new(bytes.Buffer)), args)
	}
	require.NoError(t, run(root, []string{"-h"}, new(bytes.Buffer)))
}
