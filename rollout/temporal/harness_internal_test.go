package temporal

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// stage is a release in memory, which both parties approve after an hour, and a workflow in
// Temporal's test environment, in virtual time.
type stage struct {
	*testing.T
	env  *testsuite.TestWorkflowEnvironment
	fake *rollouttest.Fake
	spec rollout.Spec
	// gate answers for every gate of the spec; nil: each passes.
	gate rollout.Gate
	// lost says which results of the first attempts of steps get lost, as if their worker were.
	lost func(n int) bool
	// starts counts activities by their type, which is what the history grows by.
	starts map[string]int
	// attempts counts calls of the activity that advances.
	attempts int

	mu       sync.Mutex
	events   []rollout.Event
	canceled map[string]bool
}

// onStage runs a test in virtual time, on a stage.
func onStage(t *testing.T, spec rollout.Spec, do func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		do(newStage(t, spec))
	})
}

func newStage(t *testing.T, spec rollout.Spec) *stage {
	t.Helper()
	s := &stage{
		T: t, fake: rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), spec: spec,
		starts: make(map[string]int), canceled: make(map[string]bool),
	}
	s.fake.ApproveAfter(time.Hour)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(discard))
	s.env = suite.NewTestWorkflowEnvironment()
	s.env.SetStartTime(time.Now())
	s.env.SetTestTimeout(10_000 * time.Hour)
	s.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&patient{}}})
	s.env.SetOnActivityCanceledListener(func(info *activity.Info) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.canceled[info.ActivityID] = true
	})
	s.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.Attempt == 1 {
			s.starts[info.ActivityType.Name]++
		}
	})
	require.NoError(t, Register(s.env, Options{
		Target: s.target,
		Runner: []rollout.Option{rollout.WithHost("a"), rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
			return s.evaluate, nil
		})},
		Sink: s.sink,
	}))
	return s
}

// target makes the target. The clock of the environment jumps from timer to timer, and that of the
// process, which is the runner's, follows.
func (s *stage) target(ctx context.Context, id string) (rollout.Target, error) {
	time.Sleep(time.Until(s.env.Now()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	if s.canceled[activity.GetInfo(ctx).ActivityID] { // which the environment, unlike a server, starts again
		return nil, fmt.Errorf("it was canceled: %w", context.Canceled)
	}
	if id != s.fake.ID() {
		return nil, fmt.Errorf("there is no %s: %w", id, alipayplus.ErrNotFound)
	}
	if s.lost == nil {
		return s.fake, nil
	}
	return &unsteady{Fake: s.fake, lost: s.lost, n: s.attempts}, nil
}

func (s *stage) evaluate(ctx context.Context, step rollout.Step) (rollout.Verdict, error) {
	if s.gate == nil {
		return rollout.Passed("no errors"), nil
	}
	return s.gate(ctx, step)
}

func (s *stage) sink(_ context.Context, e rollout.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	return nil
}

// after does something when the time since the start is over.
func (s *stage) after(d time.Duration, do func()) { s.env.RegisterDelayedCallback(do, d) }

// command sends a command when the time since the start is over.
func (s *stage) command(d time.Duration, c rollout.Command) {
	s.after(d, func() {
		c.By = "lin"
		s.env.SignalWorkflow(signalCommand, c)
	})
}

// standing is the answer to the query, and the state in it.
func (s *stage) standing() (*standing, *rollout.State) {
	s.Helper()
	answer, err := s.env.QueryWorkflow(queryStatus)
	require.NoError(s, err)
	at := new(standing)
	require.NoError(s, answer.Get(at))
	state, err := decode(s.Context(), s.fake.ID(), at.Checkpoint)
	require.NoError(s, err)
	return at, state
}

// run runs the workflow to its end, and returns the state it ended in.
func (s *stage) run() *rollout.State {
	s.Helper()
	s.env.ExecuteWorkflow(workflowName, carried{Rollout: Rollout{Target: s.fake.ID(), Spec: s.spec}})
	require.True(s, s.env.IsWorkflowCompleted())
	require.NoError(s, s.env.GetWorkflowError())
	_, state := s.standing()
	return state
}

// audit are the actions of the audit log.
func (s *stage) audit() (all []string) {
	s.Helper()
	answer, err := s.env.QueryWorkflow(queryAudit)
	require.NoError(s, err)
	var entries []rollout.AuditEntry
	require.NoError(s, answer.Get(&entries))
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s %d-%d", e.Action, e.From, e.To))
	}
	return all
}

// news are the kinds of the events, but for those that repeat what is waited for.
func (s *stage) news() (all []string) {
	for _, e := range s.events {
		if e.Kind != rollout.EventWaiting && e.Kind != rollout.EventGate && e.Kind != rollout.EventObserved {
			all = append(all, fmt.Sprintf("%s %d", e.Kind, e.Ratio))
		}
	}
	return all
}

// ladder climbs seven ratios, an hour each.
func ladder() rollout.Spec {
	const hour = rollout.Duration(time.Hour)
	spec := rollout.Spec{Version: rollout.SpecVersion, Gates: map[string]rollout.GateSpec{"errors": {}}}
	for _, ratio := range alipayplus.DefaultLadder().Ratios() {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: hour, Gates: []string{"errors"}, Approval: ratio == 30})
	}
	last := &spec.Steps[len(spec.Steps)-1]
	last.Bake, last.Gates = 0, nil
	return spec
}

// unsteady is a target whose answers get lost.
type unsteady struct {
	*rollouttest.Fake

	lost func(n int) bool
	n    int
}

// Raise implements [rollout.Target].
func (u *unsteady) Raise(ctx context.Context, c rollout.Change) error {
	err := u.Fake.Raise(ctx, c)
	if u.lost(u.n) {
		panic("the worker is lost")
	}
	return err
}

// patient takes the limits of activities away: the environment counts times over all attempts, and
// allows ten of them where a server allows any number.
type patient struct {
	interceptor.WorkerInterceptorBase
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (p *patient) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &patientInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type patientInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

// Init implements [interceptor.WorkflowInboundInterceptor].
func (p *patientInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return p.Next.Init(&patientOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}})
}

type patientOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

// ExecuteActivity implements [interceptor.WorkflowOutboundInterceptor].
func (p *patientOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	options.HeartbeatTimeout, options.StartToCloseTimeout, options.ScheduleToCloseTimeout = 0, 10_000*time.Hour, 20_000*time.Hour
	if options.RetryPolicy.MaximumAttempts == 0 {
		options.RetryPolicy.MaximumAttempts = math.MaxInt32
	}
	return p.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}

func fromPayloads(payloads *common.Payloads, to any) error {
	return converter.GetDefaultDataConverter().FromPayloads(payloads, to)
}
