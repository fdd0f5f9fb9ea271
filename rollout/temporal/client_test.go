package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
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
