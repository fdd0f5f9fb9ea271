//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A process that may not make files larger meets what a full disk does: a write fails and leaves nothing behind, the
// store can be opened and read, what is deleted gives room, and with more room all goes on.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	if os.Getenv(fillEnv) != "" {
		require.NoError(t, fill("."))
		return
	}
	program, err := os.Executable()
	require.NoError(t, err)
	process := exec.CommandContext(t.Context(), program, "-test.run=^TestFullDisk$")
	process.Dir, process.Env = t.TempDir(), append(os.Environ(), fillEnv+"=1")
	out, err := process.CombinedOutput()
	require.NoError(t, err, string(out))
}

// fillEnv makes the process of TestFullDisk one that fills the disk, with a store in its working folder.
const fillEnv = "BOLT_TEST_FILL"

func fill(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	limit := before
	limit.Cur = 40 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, err := Open(dir)
	if err != nil {
		return err
	}
	full, err := fillUp(s, 0)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(dir); err != nil {
		return fmt.Errorf("a full disk cannot be read: %w", err)
	}
	if err := holds(s, full); err != nil {
		return err
	}
	if full, err = fillUp(s, full); err != nil {
		return err
	}
	for range full / 2 { // one by one: the list of free pages needs pages in a row itself
		full--
		err := s.Update(context.Background(), func(tx storage.Tx) error {
			return errors.Join(tx.Delete(largeKey(full)), tx.Put("count", fmt.Append(nil, full)))
		})
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	if err := s.Update(context.Background(), putLarge(full)); err != nil {
		return fmt.Errorf("there is room again: %w", err)
	}
	full++
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := s.Update(context.Background(), putLarge(full)); err != nil {
		return fmt.Errorf("there is more room: %w", err)
	}
	return errors.Join(holds(s, full+1), s.Close())
}

// fillUp writes records, from the one on, until that fails, and returns how many there are.
func fillUp(s *Store, from int) (count int, err error) {
	for count = from; ; count++ {
		failed := s.Update(context.Background(), putLarge(count))
		switch {
		case failed == nil:
			continue
		case !strings.Contains(failed.Error(), "all of it is kept or nothing"):
			return 0, failed
		case count == 0:
			return 0, errors.New("nothing could be written")
		}
		return count, holds(s, count)
	}
}

func largeKey(i int) string { return fmt.Sprintf("large/%03d", i) }

// putLarge puts two records, of which the second needs room.
func putLarge(i int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		return errors.Join(tx.Put("count", fmt.Append(nil, i+1)), tx.Put(largeKey(i), make([]byte, 1<<20)))
	}
}

// holds is an error unless the store holds the records of so many putLarge and no others.
func holds(s *Store, count int) error {
	return s.View(context.Background(), func(tx storage.Tx) error {
		value, _, err := tx.Get("count")
		if err != nil || string(value) != fmt.Sprint(count) {
			return fmt.Errorf("%d records are counted as %q, %w", count, value, err)
		}
		found := 0
		for e, err := range tx.Scan("large/", "", false) {
			if err != nil || e.Key != largeKey(found) {
				return fmt.Errorf("record %d is %q, %w", found, e.Key, err)
			}
			found++
		}
		if found != count {
			return fmt.Errorf("%d records are there, not %d", found, count)
		}
		return nil
	})
}
