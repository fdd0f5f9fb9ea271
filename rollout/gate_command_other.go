//go:build !unix

package rollout

import "os/exec"

// setProcessGroup does nothing: this system has no process groups that can be killed as a
// whole.
func setProcessGroup(*exec.Cmd) {}

// killProcessGroup kills the program.
func killProcessGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
