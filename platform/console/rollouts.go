package console

import (
	"context"
	"strconv"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// Rollouts are releases that drive themselves, as the console shows and commands them.
// Package platform/console/consolerollouts has those of package rollout. It must be safe
// for concurrent use.
type Rollouts interface {
	// List returns the rollouts of releases that the client can read, which acts as who looks.
	List(ctx context.Context, client *alipayplus.Client) ([]*Rollout, error)
	// Command does what a person asks for, as whom the client acts. Errors:
	// [alipayplus.ErrNotFound] for a rollout that List does not return,
	// [alipayplus.ErrConflict], [alipayplus.ErrInvalid].
	Command(ctx context.Context, client *alipayplus.Client, c RolloutCommand) error
}

// Rollout is one release that drives itself.
type Rollout struct {
	// Name names it.
	Name string
	// ReleaseID is the release that it drives.
	ReleaseID string
	// Status says whether it goes on: RUNNING, PAUSED, DONE, ABORTED or ENDED.
	Status string
	// Ratio is live, in percent.
	Ratio alipayplus.Ratio
	// Stopped is why it does not go on; empty while it does.
	Stopped string
	// Gates are the gates of the live step, with what they have found.
	Gates []RolloutGate
	// Approvals are the ratios that a person has to approve, in percent.
	Approvals []RolloutApproval
	// Seq counts the states of the rollout: an approval is for the one that was shown.
	Seq uint64
	// UpdatedAt is when it last changed.
	UpdatedAt time.Time
}

// RolloutGate is what a gate has found.
type RolloutGate struct {
	// Name names the gate.
	Name string
	// Decision is pass, fail or wait; empty before the first one.
	Decision string
	// Reason says what was found, with figures.
	Reason string
	// At is when.
	At time.Time
}

// RolloutApproval is a ratio that is set only once a person has approved it.
type RolloutApproval struct {
	// Ratio is the ratio, in percent.
	Ratio alipayplus.Ratio
	// By is who approved it; empty: nobody has, or it is void.
	By string
	// Void is why a former approval does not count any more; may be empty.
	Void string
}

// The actions of a [RolloutCommand].
const (
	// RolloutApprove approves a ratio.
	RolloutApprove = "approve"
	// RolloutPause stops the rollout where it is.
	RolloutPause = "pause"
	// RolloutResume lets a paused rollout go on.
	RolloutResume = "resume"
	// RolloutAbort gives the version up.
	RolloutAbort = "abort"
)

// RolloutCommand is what a person asks of a rollout.
type RolloutCommand struct {
	// Rollout is its name.
	Rollout string
	// Action is what is asked for: one of RolloutApprove and the like.
	Action string
	// By is the member who asks.
	By string
	// Reason says why; may be empty.
	Reason string
	// Ratio is what is approved, in percent; 0 for other actions.
	Ratio alipayplus.Ratio
	// Seq is the state of the rollout that the person has looked at.
	Seq uint64
}

// WithRollouts shows rollouts; the console has no such page otherwise.
func WithRollouts(rollouts Rollouts) Option {
	return func(c *console) error {
		c.rollouts = rollouts
		return nil
	}
}

// rolloutsPage shows the rollouts of the workspace.
func (v *visit) rolloutsPage() error {
	if v.rollouts == nil {
		return v.nothing()
	}
	if err := v.session.May(v.ctx(), alipayplus.ActionView, ""); err != nil {
		return err
	}
	all, err := v.rollouts.List(v.ctx(), v.client)
	if err != nil {
		return err
	}
	return v.show("rollouts", "rollouts.title", all)
}

// commandRollout has whoever may release the rollout's mini program command it.
func (v *visit) commandRollout() error {
	if v.rollouts == nil {
		return v.nothing()
	}
	name := v.r.PathValue("name")
	err := v.mayCommand(name)
	if err == nil {
		ratio, _ := strconv.Atoi(v.posted("ratio"))          // what is no number approves nothing
		seq, _ := strconv.ParseUint(v.posted("seq"), 10, 64) // what is no number is no state
		err = v.rollouts.Command(v.ctx(), v.client, RolloutCommand{
			Rollout: name, Action: v.r.PathValue("action"), By: v.session.Member, Reason: v.posted("reason"),
			Ratio: alipayplus.Ratio(ratio), Seq: seq,
		})
	}
	return v.done(err, "rollouts", v.rolloutsPage)
}

// mayCommand refuses who may not release what the rollout drives.
func (v *visit) mayCommand(name string) error {
	all, err := v.rollouts.List(v.ctx(), v.client)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Name != name {
			continue
		}
		release, err := v.client.Releases.Get(v.ctx(), r.ReleaseID)
		if err != nil {
			return err
		}
		return v.session.May(v.ctx(), alipayplus.ActionRelease, release.ProgramID)
	}
	return v.nothing()
}
