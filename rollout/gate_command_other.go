//go:build !unix

package rollout

import "os/exec"

// setProcessGroup does nothing: this system has no process groups that can be killed as a
// whole.
func inGroup(*exec.Cmd) {}

// killProcessGroup kills the program.
func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
