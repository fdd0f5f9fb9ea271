package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

const (
	fleetName = "RolloutFleet"
	// fleetChunk is how many rollouts one run of the workflow starts, so that its history stays small.
	fleetChunk = 500
	// fleetGroup is how many it starts in one workflow task, each with the spec: together they are one
	// message, which Temporal's server takes up to 4 MB.
	fleetGroup = 20
)

// Fleet is many releases that go out by one spec, each as a [Rollout] of its own.
type Fleet struct {
	// Name names the fleet for good.
	Name string `json:"name"`
	// Targets are the ids of the targets, each once, canaries first. Temporal's server takes 2 MB of
	// them at most: those of 50,000 releases.
	Targets []string `json:"targets"`
	// Spec is carried out for each.
	Spec rollout.Spec `json:"spec"`
	// Canaries is how many of them go ahead, up to 500. The others begin when all canaries
	// have reached all users, and are skipped when one did not. 0: all begin at once.
	Canaries int `json:"canaries,omitempty"`
	// SearchAttributes is that of their rollouts.
	SearchAttributes bool `json:"searchAttributes,omitempty"`
}

// FleetResult is what became of a fleet.
type FleetResult struct {
	// Started is how many rollouts were started, those included that were under way already.
	Started int `json:"started"`
	// Skipped is how many were not.
	Skipped int `json:"skipped,omitempty"`
	// Why is why they were not; empty when all were started.
	Why string `json:"why,omitempty"`
	// Stopped are the targets whose rollouts were started and ended before all users had the
	// version, or whose workflow was terminated; nil: none.
	Stopped []string `json:"-"`
}

// fleetStarted is the result of the workflow of a fleet: which of its rollouts are to be waited for.
type fleetStarted struct {
	FleetResult

	Targets []string `json:"targets,omitempty"`
}

// carriedFleet is all that the workflow of a fleet knows.
type carriedFleet struct {
	Fleet   Fleet `json:"fleet"`
	Started int   `json:"started,omitempty"`
}

// driveFleet starts the rollouts of a fleet, canaries first. It waits for these, and for no others.
func driveFleet(ctx workflow.Context, c carriedFleet) (*fleetStarted, error) {
	f := c.Fleet
	if c.Started < f.Canaries {
		why, err := driveCanaries(ctx, f)
		if err != nil || why != "" {
			return &fleetStarted{FleetResult{Started: f.Canaries, Skipped: len(f.Targets) - f.Canaries, Why: why}, f.Targets[:f.Canaries]}, err
		}
		c.Started = f.Canaries
	}
	end := min(c.Started+fleetChunk, len(f.Targets))
	for i, child := range f.begin(ctx, f.Targets[c.Started:end]) {
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		if err != nil && !isStarted(err) {
			return nil, fmt.Errorf("start %s: %w", f.Targets[c.Started+i], err)
		}
	}
	if c.Started = end; end < len(f.Targets) {
		return nil, workflow.NewContinueAsNewError(ctx, fleetName, c)
	}
	return &fleetStarted{FleetResult{Started: end}, f.Targets}, nil
}

// driveCanaries waits until all canaries are over, and says why the others are to be skipped; empty
// when they are not.
func driveCanaries(ctx workflow.Context, f Fleet) (why string, err error) {
	for i, canary := range f.begin(ctx, f.Targets[:f.Canaries]) {
		var end standing
		err := canary.Get(ctx, &end)
		switch target := f.Targets[i]; {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil: // started by somebody else, or terminated
			return fmt.Sprintf("the canary %s was not released by this fleet: %v", target, err), nil
		case end.Status != rollout.Done:
			return fmt.Sprintf("the canary %s is %s: %s", target, end.Status, end.Next.What), nil
		}
	}
	return "", nil
}

// begin starts the rollouts of targets, some at a time.
func (f Fleet) begin(ctx workflow.Context, targets []string) (begun []workflow.ChildWorkflowFuture) {
	for group := range slices.Chunk(targets, fleetGroup) {
		first := len(begun)
		for _, target := range group {
			begun = append(begun, f.start(ctx, target))
		}
		for _, child := range begun[first:] {
			_ = child.GetChildWorkflowExecution().Get(ctx, nil) // the caller asks for the error
		}
	}
	return begun
}

// start starts the rollout of one target, which goes on by itself.
func (f Fleet) start(ctx workflow.Context, target string) workflow.ChildWorkflowFuture {
	r := Rollout{Target: target, Spec: f.Spec, SearchAttributes: f.SearchAttributes}
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            WorkflowID(r.name()),
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         target,
	}), workflowName, carried{Rollout: r})
}

// StartFleet starts a fleet: each target is a rollout of its own, named after it, with its own
// status and commands. The error says what is wrong with the spec ([alipayplus.ValidationError]) or
// the fleet ([alipayplus.ErrInvalid]), or matches [alipayplus.ErrConflict] when one of the name was
// started already.
func (c *Client) StartFleet(ctx context.Context, f Fleet) error {
	if f.Name == "" || len(f.Targets) == 0 || f.Canaries < 0 || f.Canaries > min(len(f.Targets), fleetChunk) {
		return fmt.Errorf("temporal: a fleet needs a name, targets, and from 0 to %d canaries: %w", min(len(f.Targets), fleetChunk), alipayplus.ErrInvalid)
	}
	if err := f.Spec.Validate(); err != nil {
		return err
	}
	_, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       fleetID(f.Name),
		TaskQueue:                                c.taskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, fleetName, carriedFleet{Fleet: f})
	if isStarted(err) {
		return fmt.Errorf("temporal: fleet %s was started already: %w", f.Name, alipayplus.ErrConflict)
	}
	return c.asError("start the fleet of", f.Name, err)
}

// WaitFleet waits until all rollouts of a fleet are over, those that are skipped apart. A paused one is
// not over. When the context ends before, the error is the context's.
func (c *Client) WaitFleet(ctx context.Context, name string) (*FleetResult, error) {
	var started fleetStarted
	if err := c.sdk.GetWorkflow(ctx, fleetID(name), "").Get(ctx, &started); err != nil {
		return nil, c.asError("wait for the fleet of", name, err)
	}
	for _, target := range started.Targets {
		var end standing
		err := c.sdk.GetWorkflow(ctx, WorkflowID(target), "").Get(ctx, &end)
		if _, ended := errors.AsType[*sdk.WorkflowExecutionError](err); err != nil && !ended {
			return nil, c.asError("wait for", target, err)
		}
		if err != nil || end.Status != rollout.Done {
			started.Stopped = append(started.Stopped, target)
		}
	}
	return &started.FleetResult, nil
}

func fleetID(name string) string { return "rollout fleet " + name }

// isStarted says whether a workflow was not started because there is one of its id.
func isStarted(err error) bool { return sdk.IsWorkflowExecutionAlreadyStartedError(err) }
