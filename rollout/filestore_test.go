package rollout_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestFileStore(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
		require.ErrorIs(t, errOf(s.runner().Pause(t.Context(), "lin", "")), fs.ErrPermission)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios(), "nothing that nobody would remember")
		require.Equal(t, alipayplus.Ratio(10), s.state().Ratio, "it can still be read")

		mayWrite(0o700)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

// A crash cut the log; and while the next runner takes the lease, the disk fails for a
// moment. What that one would store would take the place of the missing entries.
func TestNothingIsStoredByALeaseThatCouldNotMendTheLog(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	log, checkpoint := filepath.Join(dir, "audit.ndjson"), filepath.Join(dir, "checkpoint.json")
	whole, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(log, whole[:len(whole)-20], 0o600))
	require.NoError(t, os.Rename(checkpoint, checkpoint+".aside"))
	require.NoError(t, os.Mkdir(checkpoint, 0o700)) // a file that cannot be read
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	require.NoError(t, os.Remove(checkpoint))
	require.NoError(t, os.Rename(checkpoint+".aside", checkpoint))

	err = lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "paused")})

	require.ErrorContains(t, err, "rollout weekly: the store failed: ")
	require.NoError(t, lease.Release(t.Context()))
	lease, err = store.Acquire(t.Context(), "weekly", "third")
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "resumed")}))
	require.NoError(t, lease.Release(t.Context()))
	require.Equal(t, []string{"begun", "applied", "raised", "watched", "resumed"}, audit(t, store))
}

func TestAFolderWhoseNameLooksLikeAPatternIsAFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"state[prod]", "["} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name, "rollouts")
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.fake.ApproveAfter(0)
				s.store = rollout.NewFileStore(dir)
				s.runUntil(time.Minute)
				command := rollout.Command{ID: "1", Kind: rollout.CommandPause, By: "lin", At: time.Now()}
				for range 2 { // one that is there already is left alone
					require.NoError(t, s.store.Post(t.Context(), "release 1", command))
				}
				require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrPaused)
				s.requireNoCommands()
				s.resume()
				s.requireDone(s.runner().Run(t.Context()))
				require.Equal(t, []string{
					"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "RESUMED 10-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100",
				}, s.audit(), "each command once")
			})
		})
	}
}

// When power fails, the file may have its new length and not its new content: zeros stand
// in its place. Whatever part that is of what was written last, the next lease mends it.
func TestAnAuditLogThatEndsInZerosIsMended(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	last := len(whole) / 2
	for whole[last-1] != '\n' {
		last++
	}
	for from := last; from < len(whole); from += 7 {
		torn := append([]byte(nil), whole...)
		clear(torn[from:])
		require.NoError(t, os.WriteFile(path, torn, 0o600))
		lease, err := store.Acquire(t.Context(), "weekly", "second")
		require.NoError(t, err)
		require.NoError(t, lease.Release(t.Context()))
		require.Equal(t, []string{"begun", "applied", "raised", "watched"}, audit(t, store), "zeros from byte %d on", from)
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(whole), string(now), "zeros from byte %d on", from)
	}
}

func TestEntriesAfterATornOneAreReadable(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole[:len(whole)-20], make([]byte, 20)...), 0o600))
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "paused")}))
	require.NoError(t, lease.Release(t.Context()))
	require.Equal(t, []string{"begun", "applied", "raised", "watched", "paused"}, audit(t, store))
}

// A log that is read while its last line is being written ends before that line.
func TestALineThatIsBeingWrittenIsNotReadYet(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, rest := range []string{`{"seq":3,"at"`, "\x00\x00\x00"} {
		require.NoError(t, os.WriteFile(path, append(whole[:len(whole):len(whole)], rest...), 0o600))
		require.Equal(t, []string{"begun", "applied", "raised", "watched"}, audit(t, store))
	}
}

// What one version of the library wrote the next one finds.
func TestTheNameOfARolloutGivesTheNameOfItsFolder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 80)
	for name, folder := range map[string]string{
		"azAZ09_-": "azAZ09_-",
		"`{@[/:":   "%60%7B%40%5B%2F%3A",
		".. é":     "%2E%2E%20%C3%A9",
		"":         "%",
		long:       long,
		long + "a": long + "%8c48280d57fb88f1",
		long + "b": long + "%e3edc30f1ce421d7",
	} {
		dir := t.TempDir()
		lease, err := rollout.NewFileStore(dir).Acquire(t.Context(), name, "first")
		require.NoError(t, err)
		require.NoError(t, lease.Release(t.Context()))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, folder, entries[0].Name(), "of %q", name)
	}
}

// inTheWay puts a folder that is not empty where a file belongs, and gives what removes it.
func inTheWay(t *testing.T, path string) (away func()) {
	t.Helper()
	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	return func() { require.NoError(t, os.RemoveAll(path)) }
}

// requireStoreFailed checks that an error says that the store failed, and of which rollout;
// not that somebody else drives it, nor that what is stored is damaged.
func requireStoreFailed(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "rollout weekly: the store failed: ")
	require.NotErrorIs(t, err, rollout.ErrLeased)
	require.NotErrorIs(t, err, rollout.ErrLeaseLost)
	_, damaged := errors.AsType[*rollout.CheckpointError](err)
	require.False(t, damaged, err)
}

func TestAFileWhereTheFolderBelongsFailsWhateverIsAsked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	store := rollout.NewFileStore(path)

	lease, err := store.Acquire(t.Context(), "weekly", "first")
	requireStoreFailed(t, err)
	require.ErrorContains(t, err, ": mkdir ", "the first thing that failed")
	require.Nil(t, lease)
	err = store.Post(t.Context(), "weekly", rollout.Command{ID: "1"})
	requireStoreFailed(t, err)
	require.ErrorContains(t, err, ": mkdir ")
	data, err := store.Read(t.Context(), "weekly")
	requireStoreFailed(t, err)
	require.Nil(t, data, "it is not taken for a rollout that has not begun")
	read := 0
	for _, err := range store.Audit(t.Context(), "weekly") {
		requireStoreFailed(t, err)
		read++
	}
	require.Equal(t, 1, read)
}

// A lease that could not be begun is nobody's.
func TestALeaseThatCannotBeginLeavesNoLock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lock", "holder"} {
		store, dir := fileStore(t)
		away := inTheWay(t, filepath.Join(dir, name))
		for range 2 {
			lease, err := store.Acquire(t.Context(), "weekly", "second")
			requireStoreFailed(t, err)
			require.Nil(t, lease)
		}
		away()
		lease, err := store.Acquire(t.Context(), "weekly", "second")
		require.NoError(t, err, name)
		_, err = store.Acquire(t.Context(), "weekly", "third")
		require.EqualError(t, err, "rollout weekly is driven by second; let it end or stop it first")
		require.NoError(t, lease.Release(t.Context()))
	}
}

func TestACheckpointThatTheDiskDoesNotGiveIsNotADamagedOne(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	inTheWay(t, filepath.Join(dir, "checkpoint.json"))
	_, err := store.Read(t.Context(), "weekly")
	requireStoreFailed(t, err)
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	data, err := lease.Load(t.Context())
	requireStoreFailed(t, err)
	require.Nil(t, data)
}

// The state was stored and its entries were not: nothing more is stored by this lease, or
// they would be missing for ever. The next one adds them first.
func TestAnAuditLogThatCannotBeWrittenIsMendedByTheNextLease(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	away := inTheWay(t, path)

	failed := lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "published")})

	requireStoreFailed(t, failed)
	away()
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	require.Equal(t, failed, lease.Save(t.Context(), []byte(`{"n":4}`), []rollout.AuditEntry{entry(4, "never")}))
	require.Equal(t, failed, lease.Save(t.Context(), []byte(`{"n":4}`), nil))
	now, err := lease.Load(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"n":3}`, string(now))
	require.NoError(t, lease.Release(t.Context()))

	away = inTheWay(t, path)
	_, err = store.Acquire(t.Context(), "weekly", "third")
	requireStoreFailed(t, err)
	away()
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	lease, err = store.Acquire(t.Context(), "weekly", "third")
	require.NoError(t, err)
	require.Equal(t, []string{"begun", "applied", "raised", "watched", "published"}, audit(t, store))
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":4}`), nil))
	require.NoError(t, lease.Release(t.Context()))
}

// What the disk says while the log is written is the store's failure, and not lost.
func TestAnAuditLogThatTakesNothingIsTheStoresFailure(t *testing.T) {
	t.Parallel()
	const full = "/dev/full" // the disk that is always full
	if _, err := os.Stat(full); err != nil {
		return // not every system has one
	}
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	require.NoError(t, os.Rename(path, path+".aside"))
	require.NoError(t, os.Symlink(full, path))
	requireStoreFailed(t, lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "published")}))
	require.NoError(t, lease.Release(t.Context()))
	_, err = store.Acquire(t.Context(), "weekly", "third")
	requireStoreFailed(t, err)

	require.NoError(t, os.Rename(path+".aside", path))
	lease, err = store.Acquire(t.Context(), "weekly", "third")
	require.NoError(t, err)
	require.NoError(t, lease.Release(t.Context()))
	require.Equal(t, []string{"begun", "applied", "raised", "watched", "published"}, audit(t, store))
}

func TestADamagedLineOfTheAuditLogIsNotPassedOver(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	lines[1] = "\x00\x00\x00\n"
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600))
	var read []string
	var last error
	for e, err := range store.Audit(t.Context(), "weekly") {
		read, last = append(read, e.Why), err
	}
	require.Equal(t, []string{"begun", ""}, read, "what is before it, and then the failure")
	requireStoreFailed(t, last)
	require.ErrorContains(t, last, path)
}

func TestAnAuditLogIsReadAsLongAsSomebodyWantsIt(t *testing.T) {
	t.Parallel()
	store, _ := fileStore(t)
	memory := rollout.NewMemoryStore()
	lease, err := memory.Acquire(t.Context(), "weekly", "first")
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), nil, []rollout.AuditEntry{entry(1, "begun"), entry(1, "applied")}))
	for _, store := range []rollout.Store{store, memory} {
		for e, err := range store.Audit(t.Context(), "weekly") {
			require.NoError(t, err)
			require.Equal(t, "begun", e.Why)
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	read := 0
	for _, err := range store.Audit(ctx, "weekly") {
		read, last = read+1, err
		cancel()
	}
	require.Equal(t, 2, read)
	require.ErrorIs(t, last, context.Canceled)
}

func TestAFileStoreRespectsAContextThatHasEnded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	store := rollout.NewFileStore(dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Acquire(ctx, "weekly", "first")
	require.ErrorIs(t, err, context.Canceled)
	_, err = store.Read(ctx, "weekly")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, store.Post(ctx, "weekly", rollout.Command{ID: "1"}), context.Canceled)
	require.NoDirExists(t, dir)
}

func TestCommandsThatCannotBeReadStopTheRunBeforeItActs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given func(commands string)
		line  string
	}{
		"a damaged one": {func(commands string) {
			require.NoError(t, os.WriteFile(filepath.Join(commands, "1-x.json"), []byte(`{"id":`), 0o600))
		}, "1-x.json cannot be read; remove it: "},
		"a folder":       {func(commands string) { inTheWay(t, filepath.Join(commands, "1-x.json")) }, "1-x.json"},
		"not the folder": {func(commands string) { require.NoError(t, os.RemoveAll(commands)) }, "commands"},
	} {
		t.Run(name, func(t *testing.T) {
			store, dir := fileStore(t)
			lease, err := store.Acquire(t.Context(), "weekly", "second")
			require.NoError(t, err)
			defer func() { require.NoError(t, lease.Release(t.Context())) }()
			tt.given(filepath.Join(dir, "commands"))

			commands, err := lease.Commands(t.Context())

			requireStoreFailed(t, err)
			require.ErrorContains(t, err, tt.line)
			require.Empty(t, commands)
			if name != "a damaged one" { // which can be removed
				requireStoreFailed(t, lease.Forget(t.Context(), []string{"x"}))
			}
		})
	}
}

func TestACommandThatIsBeingWrittenIsNotReadYet(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "commands", "1-x.json.new"), []byte(`{"id":`), 0o600))
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	commands, err := lease.Commands(t.Context())
	require.NoError(t, err)
	require.Empty(t, commands)
}

// A crash may cut a long entry off anywhere, and nothing of those before is lost by that.
func TestALongEntryThatACrashCutOffIsMended(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	lease, err := store.Acquire(t.Context(), "weekly", "second")
	require.NoError(t, err)
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, strings.Repeat("long", 3000))}))
	require.NoError(t, lease.Release(t.Context()))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	const part = 4 << 10 // as much of the end as is read at once
	for _, written := range []int{1, part - 2, part - 1, part, part + 1, 2*part - 1, 2 * part, 2*part + 1, len(whole) - len(before) - 1} {
		for name, torn := range map[string][]byte{
			"cut":   whole[:len(before)+written],
			"zeros": append(whole[:len(before):len(before)], make([]byte, written)...),
		} {
			require.NoError(t, os.WriteFile(path, torn, 0o600))
			lease, err := store.Acquire(t.Context(), "weekly", "third")
			require.NoError(t, err)
			require.NoError(t, lease.Release(t.Context()))
			now, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(whole), string(now), "%s after %d bytes", name, written)
		}
	}
}

// Who may read what is stored is for the owner to say: reasons and names stand in it.
func TestWhatIsStoredIsForItsOwner(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // which has other rights
	}
	store, dir := fileStore(t)
	require.NoError(t, store.Post(t.Context(), "weekly", rollout.Command{ID: "1"}))
	require.NoError(t, filepath.WalkDir(filepath.Dir(dir), func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if path != filepath.Dir(dir) { // that one is the test's
			require.Equal(t, want, info.Mode().Perm(), path)
		}
		return nil
	}))
}

// A command that Post reported as stored must not be lost.
func TestACommandThatCannotBePostedIsAnError(t *testing.T) {
	t.Parallel()
	store, dir := fileStore(t)
	commands := filepath.Join(dir, "commands")
	require.NoError(t, os.RemoveAll(commands))
	require.NoError(t, os.WriteFile(commands, nil, 0o600))
	requireStoreFailed(t, store.Post(t.Context(), "weekly", rollout.Command{ID: "1"}))
}

// The folders are made by whoever comes first, and the others go on in them.
func TestCommandsThatArePostedAtOnceAreAllStored(t *testing.T) {
	t.Parallel()
	for range 20 {
		store := rollout.NewFileStore(filepath.Join(t.TempDir(), "state", "rollouts"))
		const people = 8
		var posting sync.WaitGroup
		var failed [people]error
		begin := make(chan struct{})
		for i := range people {
			posting.Go(func() {
				<-begin
				failed[i] = store.Post(t.Context(), "weekly", rollout.Command{ID: strconv.Itoa(i), Kind: rollout.CommandPause, By: "lin"})
			})
		}
		close(begin)
		posting.Wait()
		for _, err := range failed {
			require.NoError(t, err)
		}
		lease, err := store.Acquire(t.Context(), "weekly", "first")
		require.NoError(t, err)
		commands, err := lease.Commands(t.Context())
		require.NoError(t, err)
		require.Len(t, commands, people)
		require.NoError(t, lease.Release(t.Context()))
	}
}
