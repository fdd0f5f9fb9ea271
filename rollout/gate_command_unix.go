//go:build unix

package rollout

import (
	"os/exec"
	"syscall"
	"time"
)

// processGroup is a program and what it started. Its number names the group as long as one of
// them lives.
type processGroup struct{ leader int }

// startGroup starts the program as the leader of a process group.
func startGroup(cmd *exec.Cmd) (*processGroup, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &processGroup{leader: cmd.Process.Pid}, nil
}

func (g *processGroup) terminate() { _ = syscall.Kill(-g.leader, syscall.SIGTERM) }

func (g *processGroup) kill() { _ = syscall.Kill(-g.leader, syscall.SIGKILL) }

// endRest ends what a program that is over has left behind, as a supervisor would: it is
// asked to end, and killed when it does not.
func (g *processGroup) endRest() {
	g.terminate()
	for deadline := time.Now().Add(commandGrace); g.alive() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	g.kill()
}

func (g *processGroup) alive() bool { return syscall.Kill(-g.leader, 0) == nil }

func (g *processGroup) release() {}
