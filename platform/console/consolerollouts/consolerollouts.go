// Package consolerollouts shows the rollouts of package rollout in the platform's console. It
// alone joins the two.
package consolerollouts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Runners returns the runners of a workspace's rollouts, which it need not run: they show the
// stored states, and give the commands. Each runner's target must be a release of that
// workspace. It must be safe for concurrent use.
type Runners func(ctx context.Context, workspaceID string) ([]*rollout.Runner, error)

// New returns what [console.WithRollouts] takes.
func New(runners Runners) console.Rollouts { return rollouts{runners} }

type rollouts struct{ runners Runners }

// List shows the rollouts that have begun.
func (r rollouts) List(ctx context.Context, workspaceID string) ([]*console.Rollout, error) {
	runners, err := r.runners(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	var all []*console.Rollout
	for _, runner := range runners {
		state, err := runner.Status(ctx)
		if err != nil {
			return nil, err
		}
		if state != nil {
			all = append(all, shown(state))
		}
	}
	return all, nil
}

func shown(s *rollout.State) *console.Rollout {
	out := &console.Rollout{
		Name: s.Rollout, ReleaseID: strings.TrimPrefix(s.Target, "release "), Status: string(s.Status), Ratio: s.Ratio, Seq: s.Seq, UpdatedAt: s.UpdatedAt,
	}
	if s.Stop != nil {
		out.Stopped = s.Stop.Reason
	}
	for _, name := range slices.Sorted(maps.Keys(s.Gates)) {
		gate := s.Gates[name]
		out.Gates = append(out.Gates, console.RolloutGate{
			Name: name, Decision: string(gate.Verdict.Decision), Reason: cmp.Or(gate.Error, gate.Verdict.Reason), At: gate.At,
		})
	}
	for _, step := range s.Spec.Steps {
		if !step.Approval || step.Ratio <= s.Ratio || s.Status.Final() {
			continue
		}
		approval := console.RolloutApproval{Ratio: step.Ratio}
		valid, why := s.Approval(step.Ratio, time.Now())
		if valid != nil {
			approval.By = valid.By
		} else {
			approval.Void = why
		}
		out.Approvals = append(out.Approvals, approval)
	}
	return out
}

// Command has the rollout's runner do it, or leaves it to the one that drives the rollout.
func (r rollouts) Command(ctx context.Context, workspaceID string, c console.RolloutCommand) error {
	runners, err := r.runners(ctx, workspaceID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(runners, func(runner *rollout.Runner) bool { return runner.Name() == c.Rollout })
	if i < 0 {
		return fmt.Errorf("rollout %q: %w", c.Rollout, alipayplus.ErrNotFound)
	}
	switch runner := runners[i]; c.Action {
	case console.RolloutApprove:
		_, err = runner.Approve(ctx, c.By, c.Reason, c.Ratio, rollout.ApprovedState(c.Seq))
	case console.RolloutPause:
		_, err = runner.Pause(ctx, c.By, c.Reason)
	case console.RolloutResume:
		_, err = runner.Resume(ctx, c.By, c.Reason)
	case console.RolloutAbort:
		_, err = runner.Abort(ctx, c.By, c.Reason)
	default:
		err = fmt.Errorf("rollout %q: action %q: %w", c.Rollout, c.Action, alipayplus.ErrInvalid)
	}
	return err
}
