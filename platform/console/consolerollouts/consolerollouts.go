// Package consolerollouts shows the rollouts of package rollout in the platform's console. It
// alone joins the two.
package consolerollouts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// mostFinal is how many rollouts are shown that are over, the newest of them.
const mostFinal = 20

// New returns what [console.WithRollouts] takes: the rollouts in a store that drive releases of
// the platform, whoever runs them, and wherever. They are shown as they were stored last; a
// command is executed at once where nobody drives the rollout, and left to who does otherwise.
// A state that cannot be used is left out.
func New(store rollout.Lister) console.Rollouts { return rollouts{store} }

type rollouts struct{ store rollout.Lister }

// List shows the rollouts of releases that the client can read: those that go on first, and
// of those that are over the newest 20.
func (r rollouts) List(ctx context.Context, client *alipayplus.Client) ([]*console.Rollout, error) {
	states, err := r.states(ctx)
	if err != nil {
		return nil, err
	}
	var all []*console.Rollout
	for final := 0; len(states) > 0 && final < mostFinal; states = states[1:] {
		state := states[0]
		_, err := client.Releases.Get(ctx, rollout.ReleaseID(state.Target))
		if errors.Is(err, alipayplus.ErrNotFound) || errors.Is(err, alipayplus.ErrPermission) {
			continue // it is of others, or of a merchant for whom colleagues work
		}
		if err != nil {
			return nil, err
		}
		all = append(all, shown(state))
		if state.Status.Final() {
			final++
		}
	}
	return all, nil
}

// states are those of all releases in the store, those that go on first, and then by age.
func (r rollouts) states(ctx context.Context) (all []*rollout.State, err error) {
	for state, err := range rollout.ReadStates(ctx, r.store) {
		switch {
		case errors.As(err, new(*rollout.CheckpointError)):
		case err != nil:
			return nil, err
		case rollout.ReleaseID(state.Target) != "":
			all = append(all, state)
		}
	}
	slices.SortFunc(all, func(a, b *rollout.State) int {
		if a.Status.Final() != b.Status.Final() {
			if a.Status.Final() {
				return 1
			}
			return -1
		}
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), strings.Compare(a.Rollout, b.Rollout))
	})
	return all, nil
}

func shown(s *rollout.State) *console.Rollout {
	out := &console.Rollout{
		Name: s.Rollout, ReleaseID: rollout.ReleaseID(s.Target), Status: string(s.Status), Ratio: s.Ratio, Seq: s.Seq, UpdatedAt: s.UpdatedAt,
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

// Command executes it, or leaves it to the runner that drives the rollout.
func (r rollouts) Command(ctx context.Context, client *alipayplus.Client, c console.RolloutCommand) error {
	state, err := rollout.ReadState(ctx, r.store, c.Rollout)
	if err != nil {
		return err
	}
	if state == nil || rollout.ReleaseID(state.Target) == "" {
		return fmt.Errorf("rollout %q: %w", c.Rollout, alipayplus.ErrNotFound)
	}
	if _, err := client.Releases.Get(ctx, rollout.ReleaseID(state.Target)); err != nil {
		return err
	}
	runner, err := rollout.New(rollout.ForRelease(client, rollout.ReleaseID(state.Target)), state.Spec, r.store, rollout.WithName(c.Rollout), rollout.WithGates(notHere))
	if err != nil {
		return err
	}
	receipt, err := send(ctx, runner, c)
	if err == nil && !receipt.Handled {
		r.await(ctx, state)
	}
	return err
}

func send(ctx context.Context, runner *rollout.Runner, c console.RolloutCommand) (*rollout.Receipt, error) {
	switch c.Action {
	case console.RolloutApprove:
		return runner.Approve(ctx, c.By, c.Reason, c.Ratio, rollout.ApprovedState(c.Seq))
	case console.RolloutPause:
		return runner.Pause(ctx, c.By, c.Reason)
	case console.RolloutResume:
		return runner.Resume(ctx, c.By, c.Reason)
	case console.RolloutAbort:
		return runner.Abort(ctx, c.By, c.Reason)
	default:
		return nil, fmt.Errorf("rollout %q: action %q: %w", c.Rollout, c.Action, alipayplus.ErrInvalid)
	}
}

// How long, and how often, it is looked for what another runner made of a command.
const (
	awaitFor   = 5 * time.Second
	awaitEvery = 200 * time.Millisecond
)

// await waits a moment until the runner that drives the rollout has stored another state, so
// that the page shows what became of the command.
func (r rollouts) await(ctx context.Context, before *rollout.State) {
	ctx, cancel := context.WithTimeout(ctx, awaitFor)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(awaitEvery):
		}
		if now, err := rollout.ReadState(ctx, r.store, before.Rollout); err != nil || now == nil || now.Seq != before.Seq {
			return
		}
	}
}

// notHere makes a gate that whoever drives the rollout evaluates: it may ask what cannot be
// asked from here.
func notHere(string, rollout.GateSpec) (rollout.Gate, error) {
	return func(context.Context, rollout.Step) (rollout.Verdict, error) {
		return rollout.Verdict{}, errors.New("it is evaluated where the rollout is driven")
	}, nil
}
