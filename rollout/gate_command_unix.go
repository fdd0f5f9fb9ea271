//go:build unix

package rollout

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// setProcessGroup makes the program the leader of a process group, which is killed as a
// whole.
func setProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killProcessGroup(cmd) }
}

// killProcessGroup kills the program and what it started. Its id names the group as long as
// one of them lives.
func killProcessGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
