package filelock

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// Of LockFileEx: its flags, and the error when the lock is held.
const (
	exclusive     = 2
	failAtOnce    = 1
	lockViolation = syscall.Errno(33)
)

// lockFile locks the first byte of an open file, which need not exist, or fails with ErrLocked.
func lockFile(file *os.File) error {
	lockFileEx := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	var from syscall.Overlapped
	done, _, err := lockFileEx.Call(file.Fd(), exclusive|failAtOnce, 0, 1, 0, uintptr(unsafe.Pointer(&from)))
	switch {
	case done != 0:
		return nil
	case errors.Is(err, lockViolation):
		return ErrLocked
	}
	return err
}
