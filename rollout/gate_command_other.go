//go:build !unix

package rollout

import "os/exec"

// inGroup does nothing: this system has no process groups that can be killed as a
// whole.
func inGroup(*exec.Cmd) {}

// killGroup kills the program.
func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
