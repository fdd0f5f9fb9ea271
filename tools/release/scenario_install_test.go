package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	xmodule "golang.org/x/mod/module"
)

// version is the one that the tests publish.
const version = "v0.999.0"

// A user who has no clone installs programs and imports packages of nested modules, as they would be tagged: from a
// module proxy in a folder.
func TestNestedModulesWorkWithoutAClone(t *testing.T) {
	repo, err := read("../..")
	require.NoError(t, err)
	require.NoError(t, repo.tag(version, repo.published()))
	env := userEnvironment(t, proxy(t, repo))

	for _, program := range []struct{ pkg, flag, prints string }{
		{"cmd/alipayplus", "--help", "releases to Alipay+ from a terminal"},
		{"rollout/temporal/cmd/alipayplus-rollouts", "--help", "say what to do: worker, start"},
	} {
		t.Run(program.pkg, func(t *testing.T) {
			bin := t.TempDir()
			require.Empty(t, goCommand(t, bin, append(slices.Clip(env), "GOBIN="+bin), "install", repo.modules[0].path+"/"+program.pkg+"@"+version))
			programs, err := filepath.Glob(filepath.Join(bin, "*"))
			require.NoError(t, err)
			require.Len(t, programs, 1)
			output, err := exec.CommandContext(t.Context(), programs[0], program.flag).CombinedOutput()
			require.NoError(t, err, string(output))
			require.Contains(t, string(output), program.prints)
		})
	}
	for _, pkg := range []string{"otel", "otel/export", "postgres", "rollout/prometheus"} {
		t.Run(pkg, func(t *testing.T) {
			folder := t.TempDir()
			source := fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", repo.modules[0].path+"/"+pkg)
			require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(source), 0o600))
			goCommand(t, folder, env, "mod", "init", "example.com/stranger")
			goCommand(t, folder, env, "get", repo.modules[0].path+"/"+pkg+"@"+version)
			require.Empty(t, goCommand(t, folder, env, "build", "."))
		})
	}
	// Who checks a tag out needs nothing that its go.sum does not hold.
	for _, m := range repo.published()[1:] {
		t.Run("checkout of "+m.path, func(t *testing.T) {
			folder := t.TempDir()
			for name, content := range repo.files {
				if name, inside := strings.CutPrefix(name, m.dir+"/"); inside {
					name = filepath.Join(folder, filepath.FromSlash(name))
					require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
					require.NoError(t, os.WriteFile(name, content, 0o600))
				}
			}
			readOnly := append(slices.Clip(env), "GOFLAGS=-modcacherw -mod=readonly")
			require.Empty(t, goCommand(t, folder, readOnly, "list", "-deps", "-test", "-f", "{{with .Error}}{{.}}{{end}}", "./..."))
		})
	}
}

// proxy returns the URL of a module proxy with the modules of repo.
func proxy(t *testing.T, repo *repository) string {
	t.Helper()
	folder := t.TempDir()
	for _, m := range repo.modules {
		escaped, err := xmodule.EscapePath(m.path)
		require.NoError(t, err)
		dir := filepath.Join(folder, filepath.FromSlash(escaped), "@v")
		require.NoError(t, os.MkdirAll(dir, 0o700))
		archive, err := repo.archive(m, version)
		require.NoError(t, err)
		for name, content := range map[string][]byte{
			"list": []byte(version + "\n"), version + ".info": []byte(`{"Version":"` + version + `"}`),
			version + ".mod": repo.files[m.in("go.mod")], version + ".zip": archive,
		} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
	}
	return fileURL(folder)
}

func fileURL(folder string) string {
	return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(folder), "/")}).String()
}

// userEnvironment is that of a user with an empty module cache. What this repository's modules require is on this
// machine already, because they are built here. With -trimpath what was compiled once can be used again, wherever it lies.
func userEnvironment(t *testing.T, proxy string) []string {
	t.Helper()
	settings := strings.Split(goCommand(t, ".", os.Environ(), "env", "GOMODCACHE", "GOPROXY"), "\n")
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "GOPRIVATE=") || strings.HasPrefix(variable, "GONOPROXY=")
	})
	return append(env,
		"GOWORK=off", "GOFLAGS=-modcacherw -trimpath", "GOSUMDB=off", "GOMODCACHE="+t.TempDir(),
		"GOPROXY="+strings.Join([]string{proxy, fileURL(filepath.Join(settings[0], "cache", "download")), settings[1]}, ","),
	)
}

// goCommand returns what the go command prints, without its notes about downloads.
func goCommand(t *testing.T, folder string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = folder, env
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), output)
	lines := slices.DeleteFunc(strings.Split(string(output), "\n"), func(line string) bool { return strings.HasPrefix(line, "go: downloading ") })
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
