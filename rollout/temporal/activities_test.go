package temporal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestRegisterNeedsTargets(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	require.ErrorIs(t, Register(suite.NewTestWorkflowEnvironment(), Options{}), alipayplus.ErrInvalid)
}

func TestWaitsEndTogether(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	ends := make(map[time.Time]bool)
	for i := range 1000 {
		at := now.Add(5*time.Minute + time.Duration(i)*20*time.Millisecond)
		end := aligned(now, at)
		require.False(t, end.Before(at))
		require.LessOrEqual(t, end.Sub(at), at.Sub(now)/8)
		ends[end] = true
	}
	require.LessOrEqual(t, len(ends), 2)
	soon := now.Add(3 * time.Second)
	require.Equal(t, soon, aligned(now, soon))
}

func TestASpecThatNobodyCanCarryOutWaitsForAPerson(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{FailAfter: -1}
		s.after(time.Minute, func() {
			at, _ := s.standing()
			require.Contains(t, at.Failure, "failAfter")
			s.env.CancelWorkflow()
		})
		s.env.ExecuteWorkflow(workflowName, carried{Rollout: Rollout{Target: s.fake.ID(), Spec: s.spec}})
		require.ErrorContains(t, s.env.GetWorkflowError(), "canceled")
	})
}

func TestASinkThatFailsChangesNothing(t *testing.T) {
	a := &activities{options: Options{Logger: discard, Sink: func(context.Context, rollout.Event) error { return context.DeadlineExceeded }}}
	require.NoError(t, a.emit(t.Context(), []rollout.Event{{Kind: rollout.EventRaised}}))
}
