//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package alipaycn

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// tryLock takes the lock on the file, or fails with errLocked. The file stays:
// removing it would let two processes lock two files of one name.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, tokenFileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil // closing unlocks
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, errLocked
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
