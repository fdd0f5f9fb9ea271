package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	if testing.Short() {
		t.Skip("takes long")
	}
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

// The files of a rollout.
const checkpointFile, auditFile = "checkpoint.json", "audit.ndjson"

// weeklyStore is a file store with a checkpoint and four audit entries of the rollout "weekly".
type weeklyStore struct {
	*testing.T
	store *rollout.FileStore
	dir   string // of the rollout
}

func newWeeklyStore(t *testing.T) *weeklyStore {
	t.Helper()
	dir := t.TempDir()
	w := &weeklyStore{T: t, store: rollout.NewFileStore(dir), dir: filepath.Join(dir, "weekly")}
	lease := w.lease("first")
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":1}`), []rollout.AuditEntry{entry(1, "begun"), entry(1, "applied")}))
	require.NoError(t, lease.Save(t.Context(), []byte(`{"n":2}`), []rollout.AuditEntry{entry(2, "raised"), entry(2, "watched")}))
	require.NoError(t, lease.Release(t.Context()))
	return w
}

func entry(seq uint64, why string) rollout.AuditEntry {
	return rollout.AuditEntry{Seq: seq, At: time.Unix(1_800_000_000, 0).UTC(), By: "olga", Action: rollout.EventRaised, Why: why}
}

func (w *weeklyStore) lease(holder string) rollout.Lease {
	w.Helper()
	lease, err := w.store.Acquire(w.Context(), "weekly", holder)
	require.NoError(w, err)
	return lease
}

// mend is what the next lease does, if it does nothing else.
func (w *weeklyStore) mend() {
	w.Helper()
	require.NoError(w, w.lease("next").Release(w.Context()))
}

// save stores a state with one audit entry, by a lease of its own.
func (w *weeklyStore) save(seq uint64, why string) {
	w.Helper()
	lease := w.lease("next")
	require.NoError(w, lease.Save(w.Context(), fmt.Appendf(nil, `{"n":%d}`, seq), []rollout.AuditEntry{entry(seq, why)}))
	require.NoError(w, lease.Release(w.Context()))
}

func (w *weeklyStore) path(name string) string { return filepath.Join(w.dir, name) }

func (w *weeklyStore) read(name string) string {
	w.Helper()
	data, err := os.ReadFile(w.path(name))
	require.NoError(w, err)
	return string(data)
}

func (w *weeklyStore) write(name, content string) {
	w.Helper()
	require.NoError(w, os.WriteFile(w.path(name), []byte(content), 0o600))
}

// requireAudit checks what the audit log holds after its first four entries.
func (w *weeklyStore) requireAudit(more ...string) {
	w.Helper()
	var all []string
	for e, err := range w.store.Audit(w.Context(), "weekly") {
		require.NoError(w, err)
		all = append(all, e.Why)
	}
	require.Equal(w, append([]string{"begun", "applied", "raised", "watched"}, more...), all)
}

// lastSaved is where the entries begin that were stored last.
func lastSaved(log string) int { return len(log)/2 + strings.IndexByte(log[len(log)/2-1:], '\n') }

// Whatever part of the last entries a crash let onto the disk, the next lease has them
// whole and once.
func TestACrashWhileTheAuditLogWasWrittenIsMended(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	w := newWeeklyStore(t)
	w.requireAudit()
	whole := w.read(auditFile)
	for kept := lastSaved(whole); kept <= len(whole); kept++ {
		w.write(auditFile, whole[:kept])
		w.mend()
		require.Equal(t, whole, w.read(auditFile), "%d bytes were written", kept)
	}
}

func TestADamagedCheckpointFileIsAClearErrorAndStays(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"cut": `{"checkpoint":{"n":`, "empty": ``, "without content": `{}`, "foreign": `[1]`, "partly foreign": `{"checkpoint":{"n":2},"audit":7}`} {
		t.Run(name, func(t *testing.T) {
			w := newWeeklyStore(t)
			w.write(checkpointFile, content)
			lease := w.lease("second")
			defer func() { require.NoError(t, lease.Release(t.Context())) }()

			_, err := lease.Load(t.Context())

			require.ErrorAs(t, err, new(*rollout.CheckpointError))
			require.ErrorContains(t, err, w.path(checkpointFile))
			require.ErrorAs(t, errOf(w.store.Read(t.Context(), "weekly")), new(*rollout.CheckpointError))
			require.Equal(t, content, w.read(checkpointFile), "nothing is begun anew")
		})
	}
}

func TestAFolderThatIsReplacedIsALostLease(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	lease := w.lease("second")
	require.NoError(t, os.Rename(w.dir, w.dir+".gone"))

	require.ErrorIs(t, lease.Save(t.Context(), []byte(`{"n":3}`), nil), rollout.ErrLeaseLost)
	require.ErrorIs(t, errOf(lease.Load(t.Context())), rollout.ErrLeaseLost)
	require.ErrorIs(t, lease.Renew(t.Context()), rollout.ErrLeaseLost)
}

// A disk that is full shows itself as a file that cannot be made.
func TestAStateThatCannotBeWrittenIsAnErrorAndTheFormerStays(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	lease := w.lease("second")
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	inTheWay(t, w.path(checkpointFile+".new"))

	err := lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "never")})

	require.ErrorContains(t, err, "rollout weekly: the store failed")
	now, err := lease.Load(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"n":2}`, string(now))
	w.requireAudit()
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
	w := newWeeklyStore(t)
	whole, checkpoint := w.read(auditFile), w.read(checkpointFile)
	w.write(auditFile, whole[:len(whole)-20])
	away := inTheWay(t, w.path(checkpointFile)) // a file that cannot be read
	lease := w.lease("second")
	away()
	w.write(checkpointFile, checkpoint)

	err := lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "paused")})

	require.ErrorContains(t, err, "rollout weekly: the store failed: ")
	require.NoError(t, lease.Release(t.Context()))
	w.save(3, "resumed")
	w.requireAudit("resumed")
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
	w := newWeeklyStore(t)
	whole := w.read(auditFile)
	for from := lastSaved(whole); from < len(whole); from += 7 {
		w.write(auditFile, whole[:from]+strings.Repeat("\x00", len(whole)-from))
		w.mend()
		require.Equal(t, whole, w.read(auditFile), "zeros from byte %d on", from)
		w.requireAudit()
	}
}

// Not every Save syncs the log: when power fails, the entries of several may be missing. The checkpoint
// has those.
func TestEntriesOfSeveralSavesThatWereNotSyncedAreMended(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	for n := range uint64(30) {
		w.save(n+3, fmt.Sprint("entry ", n))
		whole := w.read(auditFile)
		var record struct{ Audit []rollout.AuditEntry }
		require.NoError(t, json.Unmarshal([]byte(w.read(checkpointFile)), &record))
		require.NotEmpty(t, record.Audit)
		require.LessOrEqual(t, len(record.Audit), 16)
		lines := strings.SplitAfter(whole, "\n")
		synced := strings.Join(lines[:len(lines)-1-len(record.Audit)], "")
		w.write(auditFile, synced)
		w.mend()
		require.Equal(t, whole, w.read(auditFile))
	}
}

func TestEntriesAfterATornOneAreReadable(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	whole := w.read(auditFile)
	w.write(auditFile, whole[:len(whole)-20]+strings.Repeat("\x00", 20))
	w.save(3, "paused")
	w.requireAudit("paused")
}

// A log that is read while its last line is being written ends before that line.
func TestALineThatIsBeingWrittenIsNotReadYet(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	whole := w.read(auditFile)
	for _, rest := range []string{`{"seq":3,"at"`, "\x00\x00\x00"} {
		w.write(auditFile, whole+rest)
		w.requireAudit()
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
		w := newWeeklyStore(t)
		away := inTheWay(t, w.path(name))
		for range 2 {
			lease, err := w.store.Acquire(t.Context(), "weekly", "second")
			requireStoreFailed(t, err)
			require.Nil(t, lease)
		}
		away()
		lease := w.lease("second")
		require.EqualError(t, errOf(w.store.Acquire(t.Context(), "weekly", "third")), "rollout weekly is driven by second; let it end or stop it first")
		require.NoError(t, lease.Release(t.Context()))
	}
}

func TestACheckpointThatTheDiskDoesNotGiveIsNotADamagedOne(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	inTheWay(t, w.path(checkpointFile))
	requireStoreFailed(t, errOf(w.store.Read(t.Context(), "weekly")))
	lease := w.lease("second")
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	data, err := lease.Load(t.Context())
	requireStoreFailed(t, err)
	require.Nil(t, data)
}

// The state was stored and its entries were not: nothing more is stored by this lease, or
// they would be missing for ever. The next one adds them first.
func TestAnAuditLogThatCannotBeWrittenIsMendedByTheNextLease(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	whole := w.read(auditFile)
	lease := w.lease("second")
	away := inTheWay(t, w.path(auditFile))

	failed := lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "published")})

	requireStoreFailed(t, failed)
	away()
	w.write(auditFile, whole)
	require.Equal(t, failed, lease.Save(t.Context(), []byte(`{"n":4}`), []rollout.AuditEntry{entry(4, "never")}))
	require.Equal(t, failed, lease.Save(t.Context(), []byte(`{"n":4}`), nil))
	now, err := lease.Load(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"n":3}`, string(now))
	require.NoError(t, lease.Release(t.Context()))

	away = inTheWay(t, w.path(auditFile))
	requireStoreFailed(t, errOf(w.store.Acquire(t.Context(), "weekly", "third")))
	away()
	w.write(auditFile, whole)
	lease = w.lease("third")
	w.requireAudit("published")
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
	w := newWeeklyStore(t)
	path := w.path(auditFile)
	lease := w.lease("second")
	require.NoError(t, os.Rename(path, path+".aside"))
	require.NoError(t, os.Symlink(full, path))
	requireStoreFailed(t, lease.Save(t.Context(), []byte(`{"n":3}`), []rollout.AuditEntry{entry(3, "published")}))
	require.NoError(t, lease.Release(t.Context()))
	requireStoreFailed(t, errOf(w.store.Acquire(t.Context(), "weekly", "third")))

	require.NoError(t, os.Rename(path+".aside", path))
	w.mend()
	w.requireAudit("published")
}

func TestADamagedLineOfTheAuditLogIsNotPassedOver(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	lines := strings.SplitAfter(w.read(auditFile), "\n")
	lines[1] = "\x00\x00\x00\n"
	w.write(auditFile, strings.Join(lines, ""))
	var read []string
	var last error
	for e, err := range w.store.Audit(t.Context(), "weekly") {
		read, last = append(read, e.Why), err
	}
	require.Equal(t, []string{"begun", ""}, read, "what is before it, and then the failure")
	requireStoreFailed(t, last)
	require.ErrorContains(t, last, w.path(auditFile))
}

func TestAnAuditLogIsReadAsLongAsSomebodyWantsIt(t *testing.T) {
	t.Parallel()
	store := newWeeklyStore(t).store
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
	require.ErrorIs(t, errOf(store.Acquire(ctx, "weekly", "first")), context.Canceled)
	require.ErrorIs(t, errOf(store.Read(ctx, "weekly")), context.Canceled)
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
			require.NoError(t, os.WriteFile(filepath.Join(commands, "00000000000000000001-x.json"), []byte(`{"id":`), 0o600))
		}, "00000000000000000001-x.json cannot be read; remove it: "},
		"a folder":       {func(commands string) { inTheWay(t, filepath.Join(commands, "00000000000000000001-x.json")) }, "00000000000000000001-x.json"},
		"not the folder": {func(commands string) { require.NoError(t, os.RemoveAll(commands)) }, "commands"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeeklyStore(t)
			lease := w.lease("second")
			defer func() { require.NoError(t, lease.Release(t.Context())) }()
			tt.given(w.path("commands"))

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
	w := newWeeklyStore(t)
	w.write(filepath.Join("commands", "00000000000000000001-x.json.new"), `{"id":`)
	lease := w.lease("second")
	defer func() { require.NoError(t, lease.Release(t.Context())) }()
	commands, err := lease.Commands(t.Context())
	require.NoError(t, err)
	require.Empty(t, commands)
}

// A crash may cut a long entry off anywhere, and nothing of those before is lost by that.
func TestALongEntryThatACrashCutOffIsMended(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	before := w.read(auditFile)
	w.save(3, strings.Repeat("long", 3000))
	whole := w.read(auditFile)
	const part = 4 << 10 // as much of the end as is read at once
	for _, written := range []int{1, part - 2, part - 1, part, part + 1, 2*part - 1, 2 * part, 2*part + 1, len(whole) - len(before) - 1} {
		for name, torn := range map[string]string{"cut": whole[:len(before)+written], "zeros": before + strings.Repeat("\x00", written)} {
			w.write(auditFile, torn)
			w.mend()
			require.Equal(t, whole, w.read(auditFile), "%s after %d bytes", name, written)
		}
	}
}

// Who may read what is stored is for the owner to say: reasons and names stand in it.
func TestWhatIsStoredIsForItsOwner(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // which has other rights
	}
	w := newWeeklyStore(t)
	require.NoError(t, w.store.Post(t.Context(), "weekly", rollout.Command{ID: "1"}))
	require.NoError(t, filepath.WalkDir(filepath.Dir(w.dir), func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if path != filepath.Dir(w.dir) { // that one is the test's
			require.Equal(t, want, info.Mode().Perm(), path)
		}
		return nil
	}))
}

// A command that Post reported as stored must not be lost.
func TestACommandThatCannotBePostedIsAnError(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	require.NoError(t, os.RemoveAll(w.path("commands")))
	w.write("commands", "")
	requireStoreFailed(t, w.store.Post(t.Context(), "weekly", rollout.Command{ID: "1"}))
}

// The folders are made by whoever comes first, and the others go on in them.
func TestCommandsThatArePostedAtOnceAreAllStored(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
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

// People and tools leave files where they can; none of them is a command, and none is removed.
func TestForeignFilesInAStateFolderAreLeftAlone(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		dir := t.TempDir()
		s.store = rollout.NewFileStore(dir)
		s.runUntil(2 * time.Minute)
		folder := filepath.Join(dir, "release%201")
		require.DirExists(t, folder)
		foreign := []string{
			".DS_Store", "Thumbs.db", "README.md", "notes.json", "._00000000000000000001-ABC.json", "00000000000000000001-ABC.json~",
			"00000000000000000001-ABC (conflicted copy).json", "copy-of-00000000000000000001-ABC.json", ".00000000000000000001-ABC.json.swp",
			"1-ABC.json", "00000000000000000001.json", "-ABC.json",
		}
		var all []string
		for _, where := range []string{dir, folder, filepath.Join(folder, "commands")} {
			for _, name := range foreign {
				all = append(all, filepath.Join(where, name))
				require.NoError(t, os.WriteFile(filepath.Join(where, name), []byte("{not ours"), 0o600))
			}
			all = append(all, filepath.Join(where, "lost+found"))
			require.NoError(t, os.Mkdir(filepath.Join(where, "lost+found"), 0o700))
		}
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "ABC", Kind: rollout.CommandPause, By: "lin", At: time.Now()}))
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrPaused)
		s.requireNoCommands()
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
		for _, path := range all {
			_, err := os.Stat(path)
			require.NoError(t, err)
		}
	})
}

// A checkpoint holds the audit entries that were stored with it, for when a crash keeps them
// from the log: what is wrong with them is found as what is wrong with the state is.
func TestTheChecksumCoversTheAuditEntriesOfTheCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWeeklyStore(t)
	w.save(3, "raised by lin")
	whole := w.read("checkpoint.json")
	require.Contains(t, whole, "raised by lin")
	for name, changed := range map[string]string{
		"another person":   strings.Replace(whole, "raised by lin", "raised by pat", 1),
		"no audit entries": whole[:strings.Index(whole, `,"audit"`)] + "}",
		"no checksum":      strings.Replace(whole, `"sha256":"`, `"sha257":"`, 1),
		"another name":     strings.Replace(whole, `"audit":`, `"audio":`, 1),
		"another number":   strings.Replace(whole, `"seq":3`, `"seq":4`, 1),
	} {
		require.NotEqual(t, whole, changed, name)
		w.write("checkpoint.json", changed)
		_, err := w.store.Read(t.Context(), "weekly")
		var damaged *rollout.CheckpointError
		require.ErrorAs(t, err, &damaged, name)
		require.ErrorContains(t, err, "its checksum does not fit", name)
	}
	w.write("checkpoint.json", whole)
	data, err := w.store.Read(t.Context(), "weekly")
	require.NoError(t, err)
	require.NotEmpty(t, data)
}
