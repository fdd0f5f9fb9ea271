//go:build unix

package rollout

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// inGroup lets the program lead a process group of its own, which is killed as a
// whole.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killProcessGroup(cmd) }
}

// killGroup kills the program and what it started. Its id names the group as long as
// one of them lives.
func killProcessGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
