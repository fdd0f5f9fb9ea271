package temporal

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/mocks"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// fleetOf runs the workflow of a fleet, whose rollouts end as they are given by target; the others
// are done. It returns what became of it and how many rollouts were started, over all runs.
func fleetOf(t *testing.T, c carriedFleet, ends map[string]rollout.Status) (result *FleetResult, started int) {
	t.Helper()
	for {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(sdklog.NewStructuredLogger(discard))
		env := suite.NewTestWorkflowEnvironment()
		env.RegisterWorkflowWithOptions(driveFleet, workflow.RegisterOptions{Name: fleetName})
		env.RegisterWorkflowWithOptions(drive, workflow.RegisterOptions{Name: workflowName})
		env.OnWorkflow(workflowName, mock.Anything, mock.Anything).Return(func(_ workflow.Context, c carried) (*standing, error) {
			started++
			end := ends[c.Rollout.Target]
			if end == "" {
				end = rollout.Done
			}
			return &standing{Status: end, Next: rollout.Next{What: "too many errors"}}, nil
		})
		env.ExecuteWorkflow(fleetName, c)
		next, ok := errors.AsType[*workflow.ContinueAsNewError](env.GetWorkflowError())
		if !ok {
			require.NoError(t, env.GetWorkflowError())
			require.NoError(t, env.GetWorkflowResult(&result))
			return result, started
		}
		c = carriedFleet{}
		require.NoError(t, fromPayloads(next.Input, &c))
	}
}

func fleet(targets, canaries int) Fleet {
	f := Fleet{Name: "spring", Spec: ladder(), Canaries: canaries}
	for i := range targets {
		f.Targets = append(f.Targets, fmt.Sprintf("release %d", i))
	}
	return f
}

func TestAFleetGoesOutAfterItsCanaries(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Fleet{"without canaries": fleet(3, 0), "with canaries": fleet(5, 2), "over several runs": fleet(2*fleetChunk+7, 3), "of canaries alone": fleet(2, 2)} {
		t.Run(name, func(t *testing.T) {
			result, started := fleetOf(t, carriedFleet{Fleet: f}, nil)
			require.Equal(t, &FleetResult{Started: len(f.Targets)}, result)
			require.Equal(t, len(f.Targets), started)
		})
	}
}

func TestAFleetIsSkippedWhenACanaryIsNotReleased(t *testing.T) {
	t.Parallel()
	result, started := fleetOf(t, carriedFleet{Fleet: fleet(9, 2)}, map[string]rollout.Status{"release 1": rollout.Aborted})
	require.Equal(t, &FleetResult{Started: 2, Skipped: 7, Why: "the canary release 1 is ABORTED: too many errors"}, result)
	require.Equal(t, 2, started)
}

func TestStartFleetChecksWhatItIsGiven(t *testing.T) {
	c := NewClient(&mocks.Client{}, "rollouts")
	for name, f := range map[string]Fleet{"no targets": fleet(0, 0), "more canaries than targets": fleet(3, 4), "canaries below 0": fleet(3, -1), "no name": {Targets: []string{"release 1"}, Spec: ladder()}} {
		require.ErrorIs(t, c.StartFleet(t.Context(), f), alipayplus.ErrInvalid, name)
	}
	require.ErrorAs(t, c.StartFleet(t.Context(), Fleet{Name: "spring", Targets: []string{"release 1"}}), new(*alipayplus.ValidationError))
	require.False(t, isStarted(sdk.NewApplicationError("no", "Failed")))
}
