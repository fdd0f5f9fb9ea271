//go:build !unix && !windows

package rollout

import "os/exec"

// processGroup is a program: this system has no groups that end as a whole.
type processGroup struct{ cmd *exec.Cmd }

func startGroup(cmd *exec.Cmd) (*processGroup, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &processGroup{cmd}, nil
}

func (g *processGroup) terminate() { g.kill() }

func (g *processGroup) kill() { _ = g.cmd.Process.Kill() }

func (g *processGroup) endRest() {}

func (g *processGroup) release() {}
