package bolt

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

func TestOneStoreAtATime(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	put(t, s, "a", "1")
	for range 2 {
		_, err := Open(dir)
		require.ErrorIs(t, err, ErrLocked)
		require.EqualError(t, err, "bolt: open "+dir+": it is open in another process, or elsewhere in this one: wait until it is closed, or give another folder")
	}
	put(t, s, "b", "2")
	require.Equal(t, []string{"a=1", "b=2"}, recordsIn(t, s), "the refused ones did no harm")
}

func TestFolderIsMadeForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	opened(t, dir)
	_, err := Open(filepath.Join(dir, "missing", "folder"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(filepath.Join(dir, fileName))
	require.Error(t, err, "a file is no folder")
	if runtime.GOOS == "windows" {
		return // it has no such rights
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, fileName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
}

// A relative path stays what it was when the process goes elsewhere.
func TestRelativeFolder(t *testing.T) {
	parent := t.TempDir()
	t.Chdir(parent)
	s, err := Open("data")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=1"}, kept(t, filepath.Join(parent, "data")))
}

// The records of an earlier version are not taken for none. A folder of that name is no journal.
func TestJournalIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	require.NoError(t, os.WriteFile(path, []byte("alipayplus journal 1\n"), 0o600))
	_, err := Open(dir)
	require.ErrorContains(t, err, "bolt: open "+dir+": the folder holds the file journal, the records of an earlier version of this library")
	_, err = os.Stat(filepath.Join(dir, fileName))
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	opened(t, dir)
}

// What a crash left of a new file is no part of the next one.
func TestLeftoverOfACrash(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "records.db.new123")
	require.NoError(t, os.WriteFile(left, []byte(strings.Repeat("left", 1000)), 0o600))
	s := opened(t, dir)
	put(t, s, "a", "1")
	require.Equal(t, []string{"a=1"}, recordsIn(t, s))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, fileName), left}, files)
}

// A file that is not as a store left it is an error, which says what is wrong, and is left as it is.
func TestDamagedFile(t *testing.T) {
	page := os.Getpagesize()
	for name, c := range map[string]struct {
		damage func(content []byte) []byte
		says   string
	}{
		"empty":               {func(b []byte) []byte { return b[:0] }, "records.db is empty, which no file of a store is: it was cut"},
		"a few bytes":         {func(b []byte) []byte { return b[:100] }, "records.db is damaged, or of another program: "},
		"one page":            {func(b []byte) []byte { return b[:page] }, "records.db is damaged, or of another program: "},
		"cut":                 {func(b []byte) []byte { return b[:4*page] }, fmt.Sprintf("records.db is damaged: it has %d bytes and should have ", 4*page)},
		"zeros":               {func(b []byte) []byte { return make([]byte, len(b)) }, "records.db is damaged, or of another program: "},
		"text":                {func([]byte) []byte { return []byte(strings.Repeat("text ", 10_000)) }, "records.db is damaged, or of another program: "},
		"one meta page":       {zeroed(0, 1), "records.db is damaged: meta page 0 does not fit its checksum"},
		"the other meta page": {zeroed(1, 2), "records.db is damaged: meta page 1 does not fit its checksum"},
		"both meta pages":     {zeroed(0, 2), "records.db is damaged, or of another program: "},
		"all other pages":     {zeroed(2, 4000), "records.db is damaged: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			numberedRecords(t, dir)
			path := filepath.Join(dir, fileName)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			content = c.damage(content)
			require.NoError(t, os.WriteFile(path, content, 0o600))
			for range 2 {
				_, err = Open(dir)
				require.ErrorContains(t, err, "bolt: open "+dir+": "+c.says)
				require.NotContains(t, err.Error(), "\n")
			}
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, content, left, "it is left as it is")
		})
	}
}

func zeroed(firstPage, endPage int) func([]byte) []byte {
	return func(content []byte) []byte {
		page := os.Getpagesize()
		clear(content[firstPage*page : min(endPage*page, len(content))])
		return content
	}
}

// bbolt panics when it cannot read what pages are free.
func TestDamagedFreelist(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	put(t, s, "a", "1")
	require.NoError(t, s.Close())
	path := filepath.Join(dir, fileName)
	for page := 2; page < 6; page++ {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		const flags, freelist = 8, 0x10
		if content[page*os.Getpagesize()+flags] == freelist {
			clear(content[page*os.Getpagesize():][:16])
		}
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	_, err = Open(dir)
	require.ErrorContains(t, err, "bolt: open "+dir+": records.db is damaged: ")
}

// Several that begin at the same time get one store, or an error that says why not.
func TestOpenAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	stores := make([]*Store, 8)
	for i := range stores {
		all.Go(func() {
			var err error
			if stores[i], err = Open(dir); err != nil {
				require.ErrorIs(t, err, ErrLocked)
			}
		})
	}
	all.Wait()
	written := []string{}
	for i, s := range stores {
		if s == nil {
			continue
		}
		if err := s.Update(t.Context(), putting(fmt.Sprint(i), "1")); err == nil {
			written = append(written, fmt.Sprint(i, "=1"))
		} else {
			require.ErrorContains(t, err, "is lost")
		}
		require.NoError(t, s.Close())
	}
	require.Equal(t, written, kept(t, dir), "what was acknowledged is there")
}

func TestFileOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	db, err := bbolt.Open(filepath.Join(dir, fileName), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = Open(dir)
	require.EqualError(t, err, "bolt: open "+dir+": records.db is a bbolt file of another program")
}

// Who may not write is told so, and nothing is made.
func TestReadOnlyFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("whoever runs this may write everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	_, err := Open(dir)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NoError(t, os.Chmod(dir, 0o700))
	s, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, os.Chmod(filepath.Join(dir, fileName), 0o400))
	_, err = Open(dir)
	require.ErrorIs(t, err, fs.ErrPermission)
}
