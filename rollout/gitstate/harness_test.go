package gitstate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// made is a repository with one commit on main and a clone of it, of which tests have copies:
// to make them takes a dozen processes.
var made = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp(os.Getenv("HOME"), "made-"); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", "remote.git"},
		{"clone", "--quiet", "remote.git", "clone"},
		{"-C", "clone", "-c", "user.name=Mei", "-c", "user.email=mei@bluelake.example", "commit", "--quiet", "--allow-empty", "-m", "Begin"},
		{"-C", "clone", "push", "--quiet", "origin", "HEAD:main"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %v: %w\n%s", args, err, out)
		}
	}
	return dir, nil
})

// remote is a repository with one commit on main.
func remote(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "remote.git")
	from, err := made()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(from, "remote.git"))))
	return dir
}

// cloned is a clone, as a job has one.
func cloned(t testing.TB, remote string, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	if len(flags) > 0 {
		git(t, "", append(append([]string{"clone", "--quiet"}, flags...), remote, dir)...)
		return dir
	}
	from, err := made()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(from, "clone"))))
	config := filepath.Join(dir, ".git", "config")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	ours := strings.ReplaceAll(string(text), filepath.Join(from, "remote.git"), remote)
	require.NotEqual(t, string(text), ours)
	require.NoError(t, os.WriteFile(config, []byte(ours), 0o600))
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
