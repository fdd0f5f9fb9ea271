//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where open files can be deleted, that is noticed before a commit counts. (Windows lets nobody do that.)
func TestSomebodyElseInTheFolder(t *testing.T) {
	for name, c := range map[string]struct {
		does func(t *testing.T, dir string)
		says string
	}{
		"deletes it": {func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir)) }, "the lock is lost"},
		"moves it":   {func(t *testing.T, dir string) { require.NoError(t, os.Rename(dir, dir+"2")) }, "the lock is lost"},
		"replaces it, and a store is in the new one": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dir, dir+"2"))
			put(t, opened(t, dir), "theirs", "1")
		}, "the lock is lost"},
		"deletes the journal": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, journalName)))
		}, "no such file"},
		"empties the journal": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, journalName), 0))
		}, "somebody else has written or replaced the file"},
		"replaces the journal": {func(t *testing.T, dir string) {
			content, err := os.ReadFile(filepath.Join(dir, journalName))
			require.NoError(t, err)
			var next writes
			next.put("b", []byte("2"))
			content = appendRecord(content, kindCommit, next) // as long as the other one becomes
			require.NoError(t, os.WriteFile(filepath.Join(dir, "copy"), content, 0o600))
			require.NoError(t, os.Rename(filepath.Join(dir, "copy"), filepath.Join(dir, journalName)))
		}, "somebody else has written or replaced the file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := opened(t, dir)
			put(t, s, "a", "1")
			s.compactAt = 0 // so it would put a new journal in its place
			c.does(t, dir)
			err := s.Update(t.Context(), putting("b", "2"))
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, dir)
			require.Equal(t, []string{"a=1"}, recordsIn(t, s))
			require.Equal(t, err, s.Update(t.Context(), putting("c", "3")))
		})
	}
}
