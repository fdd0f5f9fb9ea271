//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package filelock

import (
	"fmt"
	"os"
	"runtime"
)

// lockFile fails: there is no lock here that ends with its process.
func lockFile(*os.File) error {
	return fmt.Errorf("files cannot be locked on %s", runtime.GOOS)
}
