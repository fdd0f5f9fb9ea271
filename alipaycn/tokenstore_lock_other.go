//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package alipaycn

import (
	"fmt"
	"runtime"
)

// tryLock fails: without a lock that ends with its process, two processes
// could overwrite each other's tokens.
func tryLock(string) (unlock func(), err error) {
	return nil, fmt.Errorf("FileTokenStore cannot lock files on %s: use another TokenStore", runtime.GOOS)
}
