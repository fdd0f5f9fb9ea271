package rollout_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestAFolderWhoseNameLooksLikeAPatternIsAFolder(t *testing.T) {
	for _, name := range []string{"state[prod]", "["} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name, "rollouts")
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.fake.ApproveAfter(0)
				s.store = rollout.NewFileStore(dir)
				s.runUntil(time.Minute)
				order := rollout.Command{ID: "1", Order: rollout.OrderPause, By: "lin", At: time.Now()}
				for range 2 { // one that is there already is left alone
					require.NoError(t, s.store.Post(t.Context(), "release 1", order))
				}
				_, err := s.runner().Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrPaused)
				s.requireNoOrders()
				_, err = s.runner().Resume(t.Context(), "lin", "")
				require.NoError(t, err)
				s.requireDone(s.runner().Run(t.Context()))
				require.Equal(t, []string{
					"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "RESUMED 10-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100",
				}, s.audit(), "each order once")
			})
		})
	}
}

// When power fails, the file may have its new length and not its new content: zeros stand
// in its place. Whatever part that is of what was written last, the next lease mends it.
func TestAnAuditLogThatEndsInZerosIsMended(t *testing.T) {
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
	store, dir := fileStore(t)
	path := filepath.Join(dir, "audit.ndjson")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, rest := range []string{`{"seq":3,"at"`, "\x00\x00\x00"} {
		require.NoError(t, os.WriteFile(path, append(whole[:len(whole):len(whole)], rest...), 0o600))
		require.Equal(t, []string{"begun", "applied", "raised", "watched"}, audit(t, store))
	}
}
