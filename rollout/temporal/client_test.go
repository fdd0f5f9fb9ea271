package temporal

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestStartChecksWhatItIsGiven(t *testing.T) {
	c := NewClient(&mocks.Client{}, "rollouts")
	require.ErrorIs(t, c.Start(t.Context(), Rollout{Spec: ladder()}), alipayplus.ErrInvalid)
	err := c.Start(t.Context(), Rollout{Target: "release 1"})
	require.ErrorAs(t, err, new(*alipayplus.ValidationError))
}

func TestStartIsRefusedForARolloutThatWasStarted(t *testing.T) {
	temporal := &mocks.Client{}
	temporal.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.ID == "rollout tea" && o.TaskQueue == "rollouts"
	}), workflowName, mock.Anything).Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("there", "", ""))
	err := NewClient(temporal, "rollouts").Start(t.Context(), Rollout{Name: "tea", Target: "release 1", Spec: ladder()})
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "rollout tea was started already")
}

func TestACommandSaysWhoAsksForIt(t *testing.T) {
	_, err := NewClient(&mocks.Client{}, "rollouts").Pause(t.Context(), "tea", "", "")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
}

func TestACommandOfARolloutThatHasNotBegunIsRefused(t *testing.T) {
	temporal := &mocks.Client{}
	missing := serviceerror.NewNotFound("no execution")
	temporal.On("SignalWorkflow", mock.Anything, "rollout tea", "", signalCommand, mock.MatchedBy(func(c rollout.Command) bool {
		return c.Kind == rollout.CommandAbort && c.ID != "" && c.By == "lin" && time.Since(c.At) < time.Hour
	})).Return(missing)
	temporal.On("QueryWorkflow", mock.Anything, "rollout tea", "", queryStatus).Return(nil, missing)
	_, err := NewClient(temporal, "rollouts").Abort(t.Context(), "tea", "lin", "")
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "it has not begun")
	_, err = NewClient(temporal, "rollouts").Status(t.Context(), "tea")
	require.ErrorIs(t, err, alipayplus.ErrNotFound)
}

// checkpoints are the first two states of a rollout that are stored.
func checkpoints(t *testing.T) (first, second []byte) {
	t.Helper()
	gates := rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
		return func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Passed(""), nil }, nil
	})
	r, err := rollout.New(rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), ladder(), rollout.NewMemoryStore(), gates, rollout.WithName("tea"))
	require.NoError(t, err)
	one, err := r.Advance(t.Context(), nil, nil, nil)
	require.NoError(t, err)
	two, err := r.Advance(t.Context(), one.Checkpoint, nil, nil)
	require.NoError(t, err)
	return one.Checkpoint, two.Checkpoint
}

// encoded is a value as Temporal's server sends it.
func encoded(t *testing.T, value any) *common.Payloads {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(value)
	require.NoError(t, err)
	return payloads
}

// known is a server that knows the rollout tea, in a state of the number.
func known(t *testing.T, more *workflowservice.DescribeWorkflowExecutionResponse) (server *mocks.Client, seq uint64) {
	t.Helper()
	first, _ := checkpoints(t)
	state, err := decode(t.Context(), "tea", first)
	require.NoError(t, err)
	server = &mocks.Client{}
	server.On("QueryWorkflow", mock.Anything, "rollout tea", "", queryStatus).
		Return(client.NewValue(encoded(t, &standing{Checkpoint: first, Status: rollout.Running})), nil)
	server.On("DescribeWorkflow", mock.Anything, "rollout tea", "").Return(&client.WorkflowExecutionDescription{RawResponse: more}, nil)
	return server, state.Seq
}

// The clock of whoever asks may be behind that of a worker: which state was seen counts.
func TestACommandSaysWhichStateItIsFor(t *testing.T) {
	server, seq := known(t, nil)
	var got []rollout.Command
	server.On("SignalWorkflow", mock.Anything, "rollout tea", "", signalCommand, mock.Anything).
		Run(func(args mock.Arguments) { got = append(got, args.Get(4).(rollout.Command)) }).Return(errors.New("not now"))
	c := NewClient(server, "rollouts")

	_, err := c.Resume(t.Context(), "tea", "lin", "")
	require.ErrorContains(t, err, "not now")
	_, err = c.Approve(t.Context(), "tea", "lin", "", 30)
	require.ErrorContains(t, err, "not now")
	_, err = c.Approve(t.Context(), "tea", "lin", "", 50)
	require.ErrorIs(t, err, alipayplus.ErrInvalid, "as of a Runner")
	require.ErrorContains(t, err, "it asks for approval of: 30%")

	require.Len(t, got, 2)
	require.Equal(t, seq, got[0].Seen)
	require.Equal(t, seq, got[1].Seq)
}

// What an activity that waits has found is lost when a command comes: a state that can be approved
// is one in the history.
func TestAStatusIsOfAStateInTheHistory(t *testing.T) {
	_, second := checkpoints(t)
	server, seq := known(t, &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflow.PendingActivityInfo{{
		ActivityType:     &common.ActivityType{Name: activityStep},
		HeartbeatDetails: encoded(t, poll{Checkpoint: second, Next: rollout.Next{What: "a review"}}),
	}}})
	status, err := NewClient(server, "rollouts").Status(t.Context(), "tea")
	require.NoError(t, err)
	require.Equal(t, "a review", status.Next.What)
	require.True(t, status.Next.State.Applied, "what was found since")
	require.Equal(t, seq, status.Next.State.Seq)
}

func TestARolloutThatWasTerminatedSaysSo(t *testing.T) {
	server, _ := known(t, &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflow.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_TERMINATED},
	})
	server.On("SignalWorkflow", mock.Anything, "rollout tea", "", mock.Anything, mock.Anything).Return(serviceerror.NewNotFound("completed"))
	c := NewClient(server, "rollouts")
	const why = "its workflow is Terminated and does not go on; start the rollout again"

	status, err := c.Status(t.Context(), "tea")
	require.NoError(t, err)
	require.Equal(t, why, status.Failure)
	_, err = c.Pause(t.Context(), "tea", "lin", "")
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, why)
	require.ErrorContains(t, c.Retry(t.Context(), "tea"), why)
}
