package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// written is a journal with a snapshot, of step 1, and some commits behind it.
type written struct {
	content []byte
	ends    []int // where the snapshot ends, and where each commit
}

func writtenJournal(t testing.TB) written {
	dir := t.TempDir()
	path := filepath.Join(dir, journalName)
	s, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), step(1)))
	require.NoError(t, s.Close())
	s, err = Open(dir)
	require.NoError(t, err)
	w := written{ends: []int{int(s.size)}}
	for n := 2; n <= 5; n++ {
		require.NoError(t, s.Update(t.Context(), step(n)))
		w.ends = append(w.ends, int(s.size))
	}
	require.NoError(t, s.Close())
	w.content, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, w.content, w.ends[4])
	return w
}

// commits returns how many of the commits end at or before the offset.
func (w written) commits(offset int) int {
	n, found := slices.BinarySearch(w.ends, offset)
	if !found {
		n--
	}
	return n
}

// replayed reads a journal without a disk.
func replayed(t require.TestingT, content []byte) ([]string, error) {
	m := storage.NewMemory()
	if err := replay(bytes.NewReader(content), int64(len(content)), m); err != nil {
		return nil, err
	}
	return recordsIn(t, m), nil
}

// Wherever a crash cuts the commits off, the whole ones are there, and the store goes on. What came before them was
// whole before it was the journal, so a cut there is damage.
func TestCutAtEveryByte(t *testing.T) {
	w := writtenJournal(t)
	for cut := range len(w.content) + 1 {
		dir := t.TempDir()
		path := filepath.Join(dir, journalName)
		require.NoError(t, os.WriteFile(path, w.content[:cut], 0o600))
		if cut < w.ends[0] {
			_, err := newTestFolder(dir).openStore()
			require.ErrorContains(t, err, path+": offset ", "cut at %d", cut)
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, w.content[:cut], left, "it is left as it is")
			continue
		}
		s, err := newTestFolder(dir).openStore()
		require.NoError(t, err, "cut at %d", cut)
		whole := 1 + w.commits(cut)
		require.Equal(t, after(whole), recordsIn(t, s), "cut at %d", cut)
		require.NoError(t, s.Update(t.Context(), step(whole+1)))
		require.NoError(t, s.Close())
		require.Equal(t, after(whole+1), kept(t, dir), "cut at %d", cut)
	}
}

// A crash of the machine can leave a file longer than what was written to it, with zeros behind that.
func TestZerosBehindACut(t *testing.T) {
	w := writtenJournal(t)
	for cut := w.ends[0]; cut <= len(w.content); cut++ {
		for _, zeros := range []int{1, headSize - 1, headSize, headSize + 1, 100, 5000} {
			records, err := replayed(t, append(slices.Clone(w.content[:cut]), make([]byte, zeros)...))
			require.NoError(t, err, "cut at %d, %d zeros", cut, zeros)
			require.Equal(t, after(1+w.commits(cut)), records, "cut at %d, %d zeros", cut, zeros)
		}
	}
}

// Any bit that is not what it was is noticed, and the error tells where the record begins that it is in.
func TestEveryBitFlip(t *testing.T) {
	w := writtenJournal(t)
	starts := recordStarts(t, w.content)
	for at := range w.content {
		n, found := slices.BinarySearch(starts, at)
		if !found {
			n--
		}
		for bit := range 8 {
			flipped := slices.Clone(w.content)
			flipped[at] ^= 1 << bit
			_, err := replayed(t, flipped)
			require.ErrorContains(t, err, fmt.Sprintf("offset %d: ", starts[n]), "byte %d, bit %d", at, bit)
		}
	}
}

// recordStarts returns where the magic and the records begin.
func recordStarts(t *testing.T, content []byte) []int {
	r := newReader(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, r.magic())
	starts := []int{0}
	for {
		if _, _, err := r.next(); err != nil {
			require.Len(t, starts, 1+2+4, "magic, snapshot and its end, commits")
			return starts
		}
		starts = append(starts, int(r.offset))
	}
}

// What a crash does not do is an error, also when each record is in order by itself.
func TestDamageIsAnError(t *testing.T) {
	w := writtenJournal(t)
	starts := recordStarts(t, w.content)
	snapshot, end, commits := w.content[starts[1]:starts[2]], w.content[starts[2]:starts[3]], w.content[starts[3]:]
	badHead := slices.Clone(commits[:headSize])
	badHead[8]++
	commit := func(payload string) []byte { return appendRecord(nil, kindCommit, []byte(payload)) }
	for name, c := range map[string]struct {
		parts [][]byte
		says  string
	}{
		"empty":                        {[][]byte{}, `offset 0: the file does not begin with "alipayplus journal 1\n"`},
		"another version":              {[][]byte{[]byte(strings.Replace(magic, "1", "2", 1)), snapshot, end}, "offset 0: the file does not begin"},
		"zeros":                        {[][]byte{make([]byte, 5000)}, "offset 0: the file does not begin"},
		"no snapshot":                  {[][]byte{[]byte(magic)}, "offset 21: the file ends within its snapshot"},
		"a commit before the end":      {[][]byte{[]byte(magic), snapshot, commits}, "makes no sense"},
		"a part of the snapshot twice": {[][]byte{[]byte(magic), snapshot, snapshot, end}, "not as many records"},
		"a part of the snapshot less":  {[][]byte{[]byte(magic), end}, "offset 21: the snapshot has not as many records"},
		"an end too long":              {[][]byte{[]byte(magic), appendRecord(nil, kindSnapshotEnd, []byte{0, 0})}, "not as many records"},
		"an end too short":             {[][]byte{[]byte(magic), appendRecord(nil, kindSnapshotEnd, nil)}, "not as many records"},
		"a second snapshot":            {[][]byte{[]byte(magic), snapshot, end, snapshot}, fmt.Sprintf("offset %d: the record fits", starts[3])},
		"a second end":                 {[][]byte{[]byte(magic), snapshot, end, end}, "makes no sense"},
		"an unknown kind":              {[][]byte{[]byte(magic), snapshot, end, appendRecord(nil, 'x', nil)}, "makes no sense"},
		"an unknown write":             {[][]byte{[]byte(magic), snapshot, end, commit("x\x01a")}, "makes no sense"},
		"a write without a key":        {[][]byte{[]byte(magic), snapshot, end, commit("p")}, "makes no sense"},
		"a key cut off":                {[][]byte{[]byte(magic), snapshot, end, commit("d\x02a")}, "makes no sense"},
		"a value cut off":              {[][]byte{[]byte(magic), snapshot, end, commit("p\x01a\x02b")}, "makes no sense"},
		"an endless length":            {[][]byte{[]byte(magic), snapshot, end, commit("p\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}, "makes no sense"},
		"an empty key":                 {[][]byte{[]byte(magic), snapshot, end, commit("p\x00\x00")}, "the key is empty"},
		"a hole":                       {[][]byte{[]byte(magic), snapshot, end, make([]byte, 512), commits}, fmt.Sprintf("offset %d: the head of the record does not fit its checksum: the file is damaged", starts[3])},
		"a head alone":                 {[][]byte{[]byte(magic), snapshot, end, badHead, make([]byte, 100)}, "the head of the record does not fit"},
		"a lost write":                 {[][]byte{[]byte(magic), snapshot, end, commits[:30], make([]byte, len(commits)-31), {'x'}}, fmt.Sprintf("offset %d: the record does not fit its checksum: the file is damaged", starts[3])},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replayed(t, slices.Concat(c.parts...))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// A process, or the machine, can end at any step of opening, committing and compacting. The commits that were
// acknowledged are there afterwards, perhaps the one that was under way, and no part of another.
func TestCrashAtEveryStep(t *testing.T) {
	crashes := map[string]func(d *testFolder){
		"of the process":                 func(*testFolder) {},
		"of the machine, with new names": func(d *testFolder) { d.loseMemory(t, true) },
		"of the machine, with old names": func(d *testFolder) { d.loseMemory(t, false) },
	}
	for name, crash := range crashes {
		t.Run(name, func(t *testing.T) {
			for steps := 0; ; steps++ {
				disk := newTestFolder(t.TempDir())
				acknowledged, crashed := runUntilCrash(t, disk, steps)
				if !crashed {
					require.Greater(t, steps, 50)
					return
				}
				crash(disk)
				s, err := newTestFolder(disk.path).openStore()
				require.NoError(t, err, "crash at step %d", steps)
				n := requireStep(t, recordsIn(t, s), acknowledged, acknowledged+1)
				require.NoError(t, s.Update(t.Context(), step(n+1)))
				require.NoError(t, s.Close())
				require.Equal(t, after(n+1), kept(t, disk.path))
			}
		})
	}
}

// runUntilCrash commits, compacts and opens anew, until so many steps have been done at the folder.
func runUntilCrash(t *testing.T, disk *testFolder, steps int) (acknowledged int, crashed bool) {
	left := steps
	disk.before = func(string) error {
		if left--; left < 0 {
			return errCrashed
		}
		return nil
	}
	for n := 1; n <= 9; {
		s, err := disk.openStore()
		if err != nil {
			require.ErrorIs(t, err, errCrashed)
			return acknowledged, true
		}
		for range 3 {
			if n%2 == 0 {
				s.compactAt = 0
			}
			err := s.Update(t.Context(), step(n))
			if err != nil {
				require.ErrorIs(t, err, errCrashed)
				_ = s.Close() // gives the lock free
				return acknowledged, true
			}
			acknowledged = n
			n++
		}
		require.NoError(t, s.Close())
	}
	return acknowledged, left < 0
}

func FuzzReplay(f *testing.F) {
	w := writtenJournal(f)
	f.Add(w.content)
	f.Add(w.content[:len(w.content)-1])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, content []byte) {
		records, err := replayed(t, content)
		if err != nil {
			require.ErrorContains(t, err, "offset ")
			return
		}
		again, err := replayed(t, append(slices.Clone(content), 0))
		if err == nil {
			require.Equal(t, records, again, "what is not written changes nothing")
		}
	})
}

// Whatever is written can be read again, and nothing but that.
func FuzzWrites(f *testing.F) {
	f.Add([]byte("p\x01a\x02bc" + "d\x01a"))
	f.Add([]byte("p\x00\x00"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var again writes
		m := storage.NewMemory()
		err := m.Update(t.Context(), func(tx storage.Tx) error {
			_, err := writes(payload).replay(&recordingTx{Tx: tx, writes: &again})
			return err
		})
		if err == nil && len(again) == len(payload) { // else a length was not in its shortest form
			require.Equal(t, string(payload), string(again))
		}
	})
}
