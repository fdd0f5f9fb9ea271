package temporal

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/mocks"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// starting counts rollouts that a fleet starts while others are not started yet.
type starting struct {
	interceptor.WorkerInterceptorBase

	begun []workflow.ChildWorkflowFuture
	most  int
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (s *starting) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &startingInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, s}
}

type startingInbound struct {
	interceptor.WorkflowInboundInterceptorBase

	of *starting
}

// Init implements [interceptor.WorkflowInboundInterceptor].
func (s *startingInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return s.Next.Init(&startingOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, s.of})
}

type startingOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase

	of *starting
}

// ExecuteChildWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (s *startingOutbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	begun := s.Next.ExecuteChildWorkflow(ctx, name, args...)
	s.of.begun = append(s.of.begun, begun)
	open := 0
	for _, child := range s.of.begun {
		if !child.GetChildWorkflowExecution().IsReady() {
			open++
		}
	}
	s.of.most = max(s.of.most, open)
	return begun
}

// Each rollout is started with its spec, of up to some 100 KB, and all that a workflow task starts is one message,
// which Temporal's server takes up to 4 MB.
func TestAFleetStartsFewRolloutsAtATime(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Fleet{"canaries": fleet(100, 100), "others": fleet(100, 0)} {
		t.Run(name, func(t *testing.T) {
			count := new(starting)
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(sdklog.NewStructuredLogger(discard))
			env := suite.NewTestWorkflowEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{count}})
			env.RegisterWorkflowWithOptions(driveFleet, workflow.RegisterOptions{Name: fleetName})
			env.RegisterWorkflowWithOptions(drive, workflow.RegisterOptions{Name: workflowName})
			env.OnWorkflow(workflowName, mock.Anything, mock.Anything).Return(&standing{Status: rollout.Done}, nil)
			env.ExecuteWorkflow(fleetName, carriedFleet{Fleet: f})
			require.NoError(t, env.GetWorkflowError())
			require.Len(t, count.begun, 100)
			require.LessOrEqual(t, count.most, 20)
		})
	}
}

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

// A fleet is over when its last rollout is, and says which ones did not reach all users.
func TestAFleetIsWaitedForToItsEnd(t *testing.T) {
	server := &mocks.Client{}
	ends := func(id string, result any, err error) {
		r := &mocks.WorkflowRun{}
		r.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
			if result != nil {
				require.NoError(t, fromPayloads(encoded(t, result), args.Get(1)))
			}
		}).Return(err)
		server.On("GetWorkflow", mock.Anything, id, "").Return(r)
	}
	ends("rollout fleet spring", fleetStarted{FleetResult{Started: 3, Skipped: 1, Why: "a canary was aborted"}, []string{"release 1", "release 2", "release 3"}}, nil)
	ends("rollout release 1", standing{Status: rollout.Aborted}, nil)
	ends("rollout release 2", nil, new(sdk.WorkflowExecutionError))
	ends("rollout release 3", standing{Status: rollout.Done}, nil)

	result, err := NewClient(server, "rollouts").WaitFleet(t.Context(), "spring")

	require.NoError(t, err)
	require.Equal(t, &FleetResult{Started: 3, Skipped: 1, Why: "a canary was aborted", Stopped: []string{"release 1", "release 2"}}, result)

	server = &mocks.Client{}
	ends("rollout fleet spring", fleetStarted{FleetResult{Started: 1}, []string{"release 1"}}, nil)
	ends("rollout release 1", nil, context.Canceled)
	_, err = NewClient(server, "rollouts").WaitFleet(t.Context(), "spring")
	require.ErrorIs(t, err, context.Canceled)
}
