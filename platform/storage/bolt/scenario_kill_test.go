package bolt

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

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const (
	// writeEnv turns the test binary into a process that writes to its working folder until it is killed.
	writeEnv = "BOLT_TEST_WRITE"
	// killsEnv says how often TestKilledProcess kills.
	killsEnv = "BOLT_TEST_KILLS"
)

func TestMain(m *testing.M) {
	if os.Getenv(writeEnv) != "" {
		_, _ = fmt.Fprintln(os.Stdout, writeUntilKilled())
		os.Exit(1) //nolint:forbidigo // the process that is to be killed
	}
	os.Exit(m.Run()) //nolint:forbidigo // as every TestMain
}

// writers are as many as write in the process. Each counts, and keeps a record for each number.
const writers = 8

// writeUntilKilled writes, and prints "writer number" for each commit that was acknowledged, until something fails.
func writeUntilKilled() error {
	s, err := Open(".")
	if err != nil {
		return err
	}
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

// count adds one to the number of a writer, and replaces a record that takes several pages.
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
		if err := tx.Put(fmt.Sprint("large/", who), []byte(strings.Repeat(fmt.Sprint(n), 2000))); err != nil {
			return err
		}
		return tx.Put(fmt.Sprintf("number/%d/%06d", who, n), nil)
	})
	return n, err
}

// A process is killed again and again while it writes: each commit that was acknowledged is there, once and whole.
func TestKilledProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	kills := 5
	if text := os.Getenv(killsEnv); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	for kill := range kills {
		acknowledged := killedWriter(t, dir, 5+kill*37%200)
		s, err := Open(dir)
		require.NoError(t, err)
		records := map[string]string{}
		numbers := [writers]int{}
		for _, record := range recordsIn(t, s) {
			key, value, _ := strings.Cut(record, "=")
			records[key] = value
			var who, n int
			if _, err := fmt.Sscanf(key, "number/%d/%d", &who, &n); err == nil {
				numbers[who]++
				require.Equal(t, numbers[who], n, "no number is left out")
			}
		}
		require.NoError(t, s.Close())
		for who, n := range numbers {
			require.GreaterOrEqual(t, n, acknowledged[who])
			if n > 0 {
				require.Equal(t, fmt.Sprint(n), records[fmt.Sprint("count/", who)], "all records of a commit")
				require.Equal(t, strings.Repeat(fmt.Sprint(n), 2000), records[fmt.Sprint("large/", who)], "all records of a commit")
			}
		}
	}
}

// killedWriter starts a process, kills it after so many commits, and returns each writer's last number that was
// acknowledged.
func killedWriter(t *testing.T, dir string, commits int) (acknowledged [writers]int) {
	program, err := os.Executable()
	require.NoError(t, err)
	process := exec.CommandContext(t.Context(), program)
	process.Dir, process.Env = dir, append(os.Environ(), writeEnv+"=1")
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	lines := bufio.NewScanner(out)
	var once sync.Once
	for seen := 0; lines.Scan(); seen++ {
		once.Do(func() {
			_, err := Open(dir)
			require.ErrorIs(t, err, ErrLocked, "the process has it open")
		})
		if seen == commits {
			require.NoError(t, process.Process.Kill())
		}
		var who, n int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &who, &n); err != nil {
			require.Fail(t, "the process failed", lines.Text())
		}
		acknowledged[who] = n
	}
	_, _ = io.Copy(io.Discard, out)
	require.Error(t, process.Wait())
	return acknowledged
}
