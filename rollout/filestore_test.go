package rollout_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestFileStore(t *testing.T) {
	t.Parallel() // one of the longest of the package
	rollouttest.TestStore(t, func(t *testing.T) rollouttest.StoreHarness {
		dir := t.TempDir()
		return rollouttest.StoreHarness{
			Store: rollout.NewFileStore(dir),
			// The lock is the process's: closing its file is all that an end of the
			// process does to it.
			Die:    func(l rollout.Lease) { require.NoError(t, l.Release(t.Context())) },
			Reopen: func() rollout.Store { return rollout.NewFileStore(dir) },
		}
	})
}

// fileStore gives a store with one checkpoint and two audit entries, and the folder of
// its rollout.
func fileStore(t *testing.T) (*rollout.FileStore, string) {
	t.Helper()
	dir := t.TempDir()
	store := rollout.NewFileStore(dir)
	lease, err := store.Acquire(t.Context(), "weekly", "first")
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":1}`), []rollout.AuditEntry{entry(1, "begun"), entry(1, "applied")}))
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":2}`), []rollout.AuditEntry{entry(2, "raised"), entry(2, "watched")}))
	require.NoError(t, lease.Release(t.Context()))
	return store, filepath.Join(dir, "weekly")
}

func entry(seq uint64, why string) rollout.AuditEntry {
	return rollout.AuditEntry{Seq: seq, At: time.Unix(1_800_000_000, 0).UTC(), By: "olga", Action: rollout.EventRaised, Why: why}
}

func audit(t *testing.T, store rollout.Store) []string {
	t.Helper()
	var all []string
	for e, err := range store.Audit(t.Context(), "weekly") {
		require.NoError(t, err)
		all = append(all, e.Why)
	}
	return all
}

// Whatever part of the last entries a crash let onto the disk, the next lease has them
// whole and once.
func TestACrashWhileTheAuditLogWasWrittenIsMended(t *testing.T) {
	t.Parallel() // one of the longest of the package
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{"begun", "applied", "raised", "watched"}, audit(t, store))
	before := len(whole) / 2
	for whole[before-1] != '\n' {
		before++
	}
	for kept := before; kept <= len(whole); kept++ {
		require.NoError(t, os.WriteFile(path, whole[:kept], 0o600))
		lease, err := store.Acquire(t.Context(), "weekly", "second")
		require.NoError(t, err)
		require.NoError(t, lease.Release(t.Context()))
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(whole), string(now), "%d bytes were written", kept)
	}
}

func TestADamagedCheckpointFileIsAClearErrorAndStays(t *testing.T) {
	for name, content := range map[string]string{"cut": `{"checkpoint":{"n":`, "empty": ``, "without content": `{}`, "foreign": `[1]`, "partly foreign": `{"checkpoint":{"n":2},"audit":7}`} {
		t.Run(name, func(t *testing.T) {
			store, dir := fileStore(t)
			path := filepath.Join(dir, "checkpoint.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			lease, err := store.Acquire(t.Context(), "weekly", "second")
			require.NoError(t, err)
			defer func() { require.NoError(t, lease.Release(t.Context())) }()

			_, err = lease.Load(t.Context())

			require.ErrorAs(t, err, new(*rollout.CheckpointError))
			require.ErrorContains(t, err, path)
			_, err = store.Read(t.Context(), "weekly")
			require.ErrorAs(t, err, new(*rollout.CheckpointError))
			now, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, string(now), "nothing is begun anew")
		})
	}
}

func TestAFolderThatIsReplacedIsALostLease(t *testing.T) {
	store, dir := fileStore(t)
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	require.NoError(t, os.Rename(dir, dir+".gone"))

	require.ErrorIs(t, lease.Save(t.Context(), []byte(`{"n":3}`), nil), rollout.ErrLeaseLost)
	_, err = lease.Load(t.Context())
	require.ErrorIs(t, err, rollout.ErrLeaseLost)
	require.ErrorIs(t, lease.Renew(t.Context()), rollout.ErrLeaseLost)
}

// A disk that is full shows itself as a file that cannot be made.
func TestAStateThatCannotBeWrittenIsAnErrorAndTheFormerStays(t *testing.T) {
	store, dir := fileStore(t)
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "checkpoint.json.new", "full"), 0o700), "in the way of the new state")

	err = lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "never")})

	require.ErrorContains(t, err, "rollout weekly: the store failed")
	now, err := lease.Load(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(now))
	require.NotContains(t, audit(t, store), "never")
}

func TestAFolderThatMayOnlyBeReadStopsBeforeTheTargetIsChanged(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write where nobody may")
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		dir := t.TempDir()
		s.store = rollout.NewFileStore(dir)
		s.runUntil(90 * time.Minute)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		mayWrite := func(mode os.FileMode) {
			require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
				if err != nil || !entry.IsDir() {
					return err
				}
				return os.Chmod(path, mode)
			}))
		}
		mayWrite(0o500)

		_, err := s.runner().Run(t.Context())

		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, "rollout release 1: the store failed: ")
		require.NotContains(t, err.Error(), "\n")
		_, err = s.runner().Pause(t.Context(), "lin", "")
		require.ErrorIs(t, err, fs.ErrPermission)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios(), "nothing that nobody would remember")
		require.Equal(t, alipayplus.Ratio(10), s.state().Ratio, "it can still be read")

		mayWrite(0o700)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}
