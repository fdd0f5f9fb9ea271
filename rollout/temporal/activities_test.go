package temporal

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
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

// onWorker makes one step of a rollout on a worker, as Temporal's server calls for it.
func onWorker(a *activities, in step) (*transition, error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(discard))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.advance, activity.RegisterOptions{Name: activityStep})
	result, err := env.ExecuteActivity(activityStep, in)
	if err != nil {
		return nil, err
	}
	t := new(transition)
	return t, result.Get(t)
}

func newWorker(targetOf func(id string) rollout.Target) *activities {
	return &activities{runners: map[string]*rollout.Runner{}, options: Options{
		Target: func(_ context.Context, id string) (rollout.Target, error) { return targetOf(id), nil },
		Runner: []rollout.Option{rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
			return func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Passed("no errors"), nil }, nil
		})},
	}}
}

// Who was terminated may be started again under its name, for another release.
func TestANameThatIsUsedAgainDrivesItsOwnTarget(t *testing.T) {
	a := newWorker(func(id string) rollout.Target { return rollouttest.NewFake(id, alipayplus.DefaultLadder()) })
	for _, id := range []string{"release 1", "release 2"} {
		done, err := onWorker(a, step{Rollout: Rollout{Name: "tea", Target: id, Spec: ladder()}})
		require.NoError(t, err)
		state, err := decode(t.Context(), "tea", done.Checkpoint)
		require.NoError(t, err)
		require.Equal(t, id, state.Target)
	}
}

// Temporal's server replaces a failure above 4 KB by one that does not say what is waited for.
func TestAWaitIsASmallFailureHoweverLongTheSpecIs(t *testing.T) {
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	a := newWorker(func(string) rollout.Target { return fake })
	spec := ladder()
	spec.Gates["errors"] = rollout.GateSpec{Prometheus: &rollout.PrometheusGate{Address: "http://metrics.example", Query: strings.Repeat("sum(rate(errors[5m])) + ", 200) + "0", Bound: rollout.Bound{Max: new(0.01)}}}
	in := step{Rollout: Rollout{Target: "release 1", Spec: spec}}
	for {
		done, err := onWorker(a, in)
		if err != nil {
			failure := sdk.GetDefaultFailureConverter().ErrorToFailure(err)
			require.Contains(t, failure.GetMessage()+failure.GetCause().GetMessage(), "under review")
			require.Less(t, failure.Size(), 2<<10)
			return
		}
		require.Empty(t, done.Failure)
		in.Checkpoint = done.Checkpoint
	}
}

func TestASinkThatFailsChangesNothing(t *testing.T) {
	a := &activities{options: Options{Logger: discard, Sink: func(context.Context, rollout.Event) error { return context.DeadlineExceeded }}}
	require.NoError(t, a.emit(t.Context(), []rollout.Event{{Kind: rollout.EventRaised}}))
}
