package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// processEnv turns the test binary into a process that writes to the folder of this name until it is killed.
const processEnv = "JOURNAL_TEST_WRITE"

func TestMain(m *testing.M) {
	dir := os.Getenv(processEnv)
	if dir == "" {
		os.Exit(m.Run()) //nolint:forbidigo // as every TestMain
	}
	_, _ = fmt.Fprintln(os.Stdout, writeOn(dir))
	os.Exit(1) //nolint:forbidigo // the process that is to be killed
}

// writers are as many as write in the process. Each counts, and keeps a record for each number.
const writers = 3

// writeOn writes, and prints "writer number" for each commit that it was told of, until something fails.
func writeOn(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	s.compactAt = 2000 // with the first commits after each start
	failed := make(chan error)
	for who := range writers {
		go func() {
			for {
				n, err := count(s, who)
				if err == nil {
					_, err = fmt.Fprintf(os.Stdout, "%d %d\n", who, n)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// count adds one to the number of a writer.
func count(s *Store, who int) (n int, err error) {
	err = s.Update(context.Background(), func(tx storage.Tx) error {
		value, _, err := tx.Get(fmt.Sprint("count/", who))
		if err != nil {
			return err
		}
		n, _ = strconv.Atoi(string(value))
		n++
		if err := tx.Put(fmt.Sprint("count/", who), fmt.Append(nil, n)); err != nil {
			return err
		}
		return tx.Put(fmt.Sprintf("number/%d/%06d", who, n), nil)
	})
	return n, err
}

// A process is killed again and again while it writes: what it was told of is there, and each commit whole.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	for round := range 8 {
		told := killedWriter(t, dir, 5+7*round)
		s, err := Open(dir)
		require.NoError(t, err)
		records := recordsIn(t, s)
		require.NoError(t, s.Close())
		for who := range writers {
			n := 0
			for _, record := range records {
				if number, ok := strings.CutPrefix(record, fmt.Sprintf("number/%d/", who)); ok {
					n++
					require.Equal(t, fmt.Sprintf("%06d=", n), number, "no number is left out")
				}
			}
			require.GreaterOrEqual(t, n, told[who])
			if n > 0 {
				require.Contains(t, records, fmt.Sprintf("count/%d=%d", who, n), "both records of a commit")
			}
		}
	}
}

// killedWriter starts a process, kills it after so many commits, and returns the last number that each writer was told.
func killedWriter(t *testing.T, dir string, commits int) (told [writers]int) {
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), processEnv+"="+dir)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	lines := bufio.NewScanner(out)
	var once sync.Once
	for seen := 0; lines.Scan(); seen++ {
		once.Do(func() {
			_, err := Open(dir)
			require.ErrorIs(t, err, lockedfile.ErrLocked, "the process has it open")
		})
		if seen == commits {
			require.NoError(t, process.Process.Kill())
		}
		var who, n int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &who, &n); err != nil {
			require.Fail(t, "the process failed", lines.Text())
		}
		told[who] = n
	}
	_, _ = io.Copy(io.Discard, out)
	require.Error(t, process.Wait())
	return told
}
