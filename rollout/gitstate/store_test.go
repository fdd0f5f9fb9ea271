package gitstate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/gitstate"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestTheStoreKeepsTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("starts thousands of processes")
	}
	rollouttest.TestStore(t, func(t *testing.T) rollouttest.StoreHarness {
		t.Helper()
		const leaseTime = 30 * time.Second
		origin, clock := remote(t), newClock()
		open := func() rollout.Store {
			s := opened(t, cloned(t, origin), gitstate.WithLeaseTime(leaseTime))
			gitstate.SetClock(s, clock.now)
			return s
		}
		return rollouttest.StoreHarness{
			Store: open(), Reopen: open, Elapse: clock.advance, Slow: true,
			Die: func(rollout.Lease) { clock.advance(leaseTime) },
		}
	})
}

func saved(t *testing.T, s *gitstate.Store, name, holder, checkpoint string) rollout.Lease {
	t.Helper()
	lease, err := s.Acquire(t.Context(), name, holder)
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), []byte(checkpoint), []rollout.AuditEntry{{Seq: 1, By: holder, Action: rollout.EventApplied}}))
	return lease
}

// What CI systems check out: a shallow clone with a detached HEAD, where nobody has a name. Of
// the clone nothing is touched.
func TestACloneAsACISystemMakesIt(t *testing.T) {
	t.Parallel()
	origin := remote(t)
	dir := cloned(t, "file://"+origin, "--depth=1", "--no-tags")
	git(t, dir, "checkout", "--quiet", "--detach")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "build.zip"), []byte("zip"), 0o600))
	before := git(t, dir, "status", "--porcelain", "--branch") + git(t, dir, "rev-parse", "HEAD") + git(t, dir, "branch", "--all")

	lease := saved(t, opened(t, dir), "release rel_1", "job 1", `{"seq":1}`)
	require.NoError(t, lease.Release(t.Context()))

	require.Equal(t, before, git(t, dir, "status", "--porcelain", "--branch")+git(t, dir, "rev-parse", "HEAD")+git(t, dir, "branch", "--all"))
	got, err := opened(t, cloned(t, "file://"+origin, "--depth=1")).Read(t.Context(), "release rel_1")
	require.NoError(t, err)
	require.JSONEq(t, `{"seq":1}`, string(got))
	files := git(t, origin, "ls-tree", "-r", "--name-only", "refs/heads/"+branch)
	require.Equal(t, "README.md\n"+gitstate.Folder("release rel_1")+"/audit.ndjson\n"+gitstate.Folder("release rel_1")+"/checkpoint.json", files, "the source is not in it")
	require.Contains(t, git(t, origin, "log", "--format=%an %ae %s%n%b", "refs/heads/"+branch), "[skip ci]")
}

// The remote accepts one of two holders, whatever their clocks say: the second one's is an hour
// ahead.
func TestARefusedPushIsALostLease(t *testing.T) {
	t.Parallel()
	origin, early := remote(t), newClock()
	first := saved(t, opened(t, cloned(t, origin)), "r", "first", `{"n":1}`)
	other := opened(t, cloned(t, origin))
	early.advance(time.Hour)
	gitstate.SetClock(other, early.now)
	second := saved(t, other, "r", "second", `{"n":2}`)

	err := first.Save(t.Context(), []byte(`{"n":3}`), nil)

	require.ErrorIs(t, err, rollout.ErrLeaseLost)
	got, err := other.Read(t.Context(), "r")
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(got))
	require.NoError(t, second.Save(t.Context(), []byte(`{"n":4}`), nil))
	require.NoError(t, first.Release(t.Context()))
	_, err = other.Acquire(t.Context(), "r", "third")
	require.ErrorIs(t, err, rollout.ErrLeased, "the first one has ended nobody's lease")
}

// Others push to the branch while a run saves: commands, and other rollouts.
func TestPushesOfOthersLoseNoLease(t *testing.T) {
	t.Parallel()
	origin := remote(t)
	lease := saved(t, opened(t, cloned(t, origin)), "r", "first", `{"n":1}`)
	person := opened(t, cloned(t, origin))
	require.NoError(t, person.Post(t.Context(), "r", rollout.Command{ID: "c1", Kind: rollout.CommandPause, By: "mei"}))
	other := saved(t, person, "another", "second", `{"n":9}`)

	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":2}`), nil))

	commands, err := lease.Commands(t.Context())
	require.NoError(t, err)
	require.Len(t, commands, 1)
	require.NoError(t, other.Save(t.Context(), []byte(`{"n":10}`), nil))
	got, err := person.Read(t.Context(), "r")
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(got))
}

// A waiting run looks by Renew, and is told.
func TestRenewAnnouncesCommands(t *testing.T) {
	t.Parallel()
	origin := remote(t)
	lease := saved(t, opened(t, cloned(t, origin)), "r", "first", `{"n":1}`)
	require.NoError(t, lease.Renew(t.Context()))
	posted := lease.(rollout.Listener).Posted()
	require.Empty(t, posted)
	commits := git(t, origin, "rev-list", "--count", "refs/heads/"+branch)
	require.NoError(t, lease.Renew(t.Context()), "a lease that was just renewed is no commit")
	require.Equal(t, commits, git(t, origin, "rev-list", "--count", "refs/heads/"+branch))
	require.NoError(t, opened(t, cloned(t, origin)).Post(t.Context(), "r", rollout.Command{ID: "c1", Kind: rollout.CommandPause, By: "mei"}))

	require.NoError(t, lease.Renew(t.Context()))

	require.Len(t, posted, 1)
}

// The answer to a push that the remote has carried out gets lost: it is not done again, and no
// error.
func TestALostAnswerIsFoundOut(t *testing.T) {
	t.Parallel()
	origin := remote(t)
	dir := cloned(t, origin)
	lease := saved(t, opened(t, dir), "r", "first", `{"n":1}`)
	bin := t.TempDir()
	found, err := exec.LookPath("git")
	require.NoError(t, err)
	// A remote helper's failure, as far as git tells: the push is done, and git fails.
	script := "#!/bin/sh\n\"" + found + "\" \"$@\"\ns=$?\nfor a in \"$@\"; do [ \"$a\" = push ] && exit 128; done\nexit $s\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o700))
	commits := git(t, origin, "rev-list", "--count", "refs/heads/"+branch)
	gitstate.SetPath(lease, filepath.Join(bin, "git"))

	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":2}`), nil))

	require.NotEqual(t, commits, git(t, origin, "rev-list", "--count", "refs/heads/"+branch))
	got, err := opened(t, dir).Read(t.Context(), "r")
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(got))
}

func TestWhatIsInTheWayIsNamed(t *testing.T) {
	t.Parallel()
	origin := remote(t)
	dir := cloned(t, origin)
	open := func(dir, name string, opts ...gitstate.Option) error {
		s, err := gitstate.New(dir, name, opts...)
		require.NoError(t, err)
		_, err = s.Acquire(t.Context(), "r", "me")
		return err
	}
	require.ErrorContains(t, open(dir, "main"), "the branch has something else in it; give a branch of its own")
	require.ErrorContains(t, open(t.TempDir(), "state"), "run it in a clone of the repository")
	err := open(dir, "state", gitstate.WithRemote("https://mei:secret@127.0.0.1:1/tea.git"))
	require.ErrorContains(t, err, "git ls-remote: ")
	require.NotContains(t, err.Error(), "secret")
	require.NotContains(t, err.Error(), "\n")
	git(t, dir, "remote", "add", "other", "https://mei:secret@127.0.0.1:1/tea.git")
	require.NotContains(t, open(dir, "state", gitstate.WithRemote("other")).Error(), "secret")
	hook := filepath.Join(origin, "hooks", "pre-receive")
	require.NoError(t, os.WriteFile(hook, []byte("#!/bin/sh\necho GH006: Protected branch update failed for 240310 >&2\nexit 1\n"), 0o700))
	require.ErrorContains(t, open(dir, "state"), "give a branch that no rule protects")
	require.Equal(t, "main", git(t, origin, "branch", "--format=%(refname:short)"))
}

func TestNamesOfBranchesAndOptions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "-f", "a b", "a:b", "+a:b", "a..b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a~1", "a^", "*", "@", "a@{1}", "a\n", "a\\b", "a."} {
		_, err := gitstate.New(".", name)
		require.Error(t, err, name)
		err = exec.CommandContext(t.Context(), "git", "check-ref-format", "refs/heads/"+name).Run()
		require.True(t, err != nil || name == "-f" || name == "@", "git takes %q", name)
	}
	for _, opt := range []gitstate.Option{gitstate.WithRemote(""), gitstate.WithRemote("--upload-pack=x"), gitstate.WithLeaseTime(time.Second)} {
		_, err := gitstate.New(".", "state", opt)
		require.Error(t, err)
	}
	s, err := gitstate.New(".", "team/state", gitstate.WithLeaseTime(time.Minute), gitstate.WithRemote("upstream"))
	require.NoError(t, err)
	require.Equal(t, "branch team/state of upstream", s.String())
}
