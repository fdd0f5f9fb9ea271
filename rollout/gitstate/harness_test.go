package gitstate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout/gitstate"
)

const branch = "state/rollouts"

// TestMain takes away what the machine has configured: no test needs an identity.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			_ = os.Unsetenv(name)
		}
	}
	home, err := os.MkdirTemp("", "gitstate-test-")
	if err != nil {
		panic(err)
	}
	config := filepath.Join(home, "config") // what nobody needs takes most of the time
	err = os.WriteFile(config, []byte("[core]\nfsync = none\n[receive]\nautogc = false\n[gc]\nauto = 0\n[maintenance]\nauto = false\n"), 0o600)
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("GIT_CONFIG_GLOBAL", config)
	_ = os.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	_ = os.Setenv("HOME", home)
	m.Run()
	_ = os.RemoveAll(home)
}

// git runs git in a folder.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %v\n%s", args, out)
	return strings.TrimSpace(string(out))
}

// remote makes a repository with one commit on main, and returns where it is.
func remote(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "remote.git")
	git(t, "", "init", "--quiet", "--bare", "--initial-branch=main", dir)
	clone := cloned(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(clone, "main.go"), []byte("package main\n"), 0o600))
	git(t, clone, "add", ".")
	git(t, clone, "-c", "user.name=Mei", "-c", "user.email=mei@bluelake.example", "commit", "--quiet", "-m", "Begin")
	git(t, clone, "push", "--quiet", "origin", "HEAD:main")
	return dir
}

// cloned makes a clone, as a job has one.
func cloned(t testing.TB, remote string, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, "", append(append([]string{"clone", "--quiet"}, flags...), remote, dir)...)
	return dir
}

// opened opens the branch in a clone.
func opened(t testing.TB, dir string, opts ...gitstate.Option) *gitstate.Store {
	t.Helper()
	s, err := gitstate.New(dir, branch, opts...)
	require.NoError(t, err)
	return s
}

// clock is a clock that stands still until a test sets it ahead.
type clock struct {
	start time.Time
	ahead atomic.Int64
}

func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() time.Time          { return c.start.Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }
