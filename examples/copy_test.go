// Package examples checks what the examples have in common.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names are those of the examples, which are made to be copied.
func names(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	var all []string
	for _, file := range files {
		all = append(all, filepath.Dir(file))
	}
	require.Greater(t, len(all), 5)
	return all
}

func TestAnExampleIsOneFileThatCanBeReadAtOnce(t *testing.T) {
	const most = 250
	for _, name := range names(t) {
		sources, err := filepath.Glob(filepath.Join(name, "*.go"))
		require.NoError(t, err)
		sources = slices.DeleteFunc(sources, func(source string) bool { return strings.HasSuffix(source, "_test.go") })
		require.Equal(t, []string{filepath.Join(name, "main.go")}, sources)
		text, err := os.ReadFile(sources[0])
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), most, "lines of %s", sources[0])
	}
}

// Each main.go alone builds in a module of somebody else, who has no access to internal packages.
func TestAnExampleCanBeCopied(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	requirements, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	const library = "github.com/alipayplus-go/alipayplus"
	module := strings.Replace(string(requirements), "module "+library+"\n", "module example.com/copied\n", 1) +
		"\nrequire " + library + " v0.0.0\n\nreplace " + library + " => " + root + "\n"
	require.Contains(t, module, "module example.com/copied\n")

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(module), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600))
	for _, name := range names(t) {
		text, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name, "main.go"), text, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
