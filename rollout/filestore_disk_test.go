package rollout_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// A crash cut the log; and while the next runner takes the lease, the disk fails for a
// moment. What that one would store would take the place of the missing entries.
func TestNothingIsStoredByALeaseThatCouldNotMendTheLog(t *testing.T) {
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
