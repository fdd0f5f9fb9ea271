package temporal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Client starts rollouts, gives them commands, and reads where they stand. It is safe for
// concurrent use.
type Client struct {
	sdk       client.Client
	taskQueue string
}

// NewClient makes a client of rollouts whose workers listen to the task queue. Where the payloads are
// not those of Temporal's default converter, Status does not know what was found since a wait began.
func NewClient(c client.Client, taskQueue string) *Client {
	return &Client{sdk: c, taskQueue: taskQueue}
}

// name is the rollout's name.
func (r *Rollout) name() string { return cmp.Or(r.Name, r.Target) }

// WorkflowID is the id of the workflow of a rollout, for Temporal's page and tools.
func WorkflowID(rollout string) string { return "rollout " + rollout }

// Start starts a rollout. Whether a worker lives does not matter. The error says what is wrong
// with the spec ([alipayplus.ValidationError]), or matches [alipayplus.ErrConflict] when a rollout
// of the name was started already; one that was terminated may be started again.
func (c *Client) Start(ctx context.Context, r Rollout) error {
	if r.Target == "" {
		return fmt.Errorf("temporal: Rollout.Target is needed: %w", alipayplus.ErrInvalid)
	}
	if err := r.Spec.Validate(); err != nil {
		return err
	}
	_, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       WorkflowID(r.name()),
		TaskQueue:                                c.taskQueue,
		StaticSummary:                            r.Target,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflowName, carried{Rollout: r})
	if isStarted(err) {
		return fmt.Errorf("temporal: rollout %s was started already; follow it, or start one of another name: %w", r.name(), alipayplus.ErrConflict)
	}
	return c.asError("start", r.name(), err)
}

// Pause, Resume, Abort, Approve and RevokeApproval are those of a [rollout.Runner], which documents
// them and the errors to expect, but that Temporal keeps the command: it is executed though no
// worker lives, once one does. They wait up to 10 seconds for that; a receipt that is not handled
// says that it did not happen yet.

// Pause stops the rollout where it is, until [Client.Resume]; see [rollout.Runner.Pause].
func (c *Client) Pause(ctx context.Context, name, by, reason string) (*rollout.Receipt, error) {
	return c.send(ctx, name, rollout.Command{Kind: rollout.CommandPause, By: by, Reason: reason})
}

// Resume lets a paused rollout go on; see [rollout.Runner.Resume].
func (c *Client) Resume(ctx context.Context, name, by, reason string) (*rollout.Receipt, error) {
	return c.send(ctx, name, rollout.Command{Kind: rollout.CommandResume, By: by, Reason: reason})
}

// Abort gives the version up at the target; see [rollout.Runner.Abort].
func (c *Client) Abort(ctx context.Context, name, by, reason string) (*rollout.Receipt, error) {
	return c.send(ctx, name, rollout.Command{Kind: rollout.CommandAbort, By: by, Reason: reason})
}

// Approve approves that the ratio, in percent, is set; see [rollout.Runner.Approve].
func (c *Client) Approve(ctx context.Context, name, by, reason string, ratio alipayplus.Ratio, opts ...rollout.ApproveOption) (*rollout.Receipt, error) {
	command := rollout.Command{Kind: rollout.CommandApprove, By: by, Reason: reason, Ratio: ratio}
	for _, set := range opts {
		set(&command)
	}
	return c.send(ctx, name, command)
}

// RevokeApproval revokes all approvals of a ratio, in percent; see [rollout.Runner.RevokeApproval].
func (c *Client) RevokeApproval(ctx context.Context, name, by, reason string, ratio alipayplus.Ratio) (*rollout.Receipt, error) {
	return c.send(ctx, name, rollout.Command{Kind: rollout.CommandRevoke, By: by, Reason: reason, Ratio: ratio})
}

// Retry lets a rollout go on that ended with an error that needed a person: see [Status].Failure.
// For others it does nothing. A command does the same.
func (c *Client) Retry(ctx context.Context, name string) error {
	err := c.sdk.SignalWorkflow(ctx, WorkflowID(name), "", signalRetry, nil)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return c.notRunning(ctx, name)
	}
	return c.asError("retry", name, err)
}

const (
	// answerTime is how long a command is waited for, and answerInterval how often its rollout is
	// asked meanwhile.
	answerTime     = 10 * time.Second
	answerInterval = 100 * time.Millisecond
)

// send sends a command, and waits for what becomes of it.
func (c *Client) send(ctx context.Context, name string, command rollout.Command) (*rollout.Receipt, error) {
	if command.By == "" {
		return nil, fmt.Errorf("temporal: rollout %s: say who asks for it: %w", name, alipayplus.ErrInvalid)
	}
	waiting, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := c.addState(waiting, name, &command); err != nil {
		return nil, err
	}
	command.ID, command.At = rand.Text(), time.Now()
	err := c.sdk.SignalWorkflow(ctx, WorkflowID(name), "", signalCommand, command)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return nil, c.notRunning(ctx, name)
	}
	if err != nil {
		return nil, c.asError("send a command to", name, err)
	}
	for {
		s, err := c.standing(waiting, name)
		if err == nil {
			if at := slices.IndexFunc(s.Answers, func(a answer) bool { return a.ID == command.ID }); at >= 0 {
				return c.receipt(ctx, name, s, s.Answers[at], command.Kind)
			}
		}
		select {
		case <-waiting.Done():
			return &rollout.Receipt{Holder: "a worker of the task queue " + c.taskQueue}, nil
		case <-time.After(answerInterval):
		}
	}
}

// addState says which state of the rollout the command is for, as far as a worker tells: the times
// that two machines give are no measure. It refuses an approval that the spec does not ask for.
func (c *Client) addState(ctx context.Context, name string, command *rollout.Command) error {
	if command.Kind == rollout.CommandPause || command.Kind == rollout.CommandAbort {
		return nil // which hold for whatever the state is
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime/2)
	defer cancel()
	s, err := c.standing(ctx, name)
	if err != nil {
		return nil // the command is kept all the same
	}
	state, err := decode(ctx, name, s.Checkpoint)
	if err != nil || state == nil {
		return err
	}
	if command.Kind == rollout.CommandResume {
		command.Seen = state.Seq
		return nil
	}
	var wanted []alipayplus.Ratio
	for _, step := range state.Spec.Steps {
		if step.Approval {
			wanted = append(wanted, step.Ratio)
		}
	}
	if !slices.Contains(wanted, command.Ratio) {
		return fmt.Errorf("temporal: rollout %s: its spec does not ask for approval of %v; it asks for approval of: %s: %w",
			name, command.Ratio, cmp.Or(strings.Trim(fmt.Sprint(wanted), "[]"), "no ratio"), alipayplus.ErrInvalid)
	}
	command.Seq = cmp.Or(command.Seq, state.Seq)
	return nil
}

// notRunning is why no command reaches a rollout.
func (c *Client) notRunning(ctx context.Context, name string) error {
	s, err := c.Status(ctx, name)
	switch {
	case err != nil:
		return &rollout.ConflictError{Rollout: name, Reason: "it has not begun: no workflow of this name is there; check the name and the namespace"}
	case s.Next.State == nil || !s.Next.State.Status.Final():
		return &rollout.ConflictError{Rollout: name, Reason: cmp.Or(s.Failure, "its workflow does not run")}
	}
	return &rollout.ConflictError{Rollout: name, Reason: fmt.Sprintf("it is %s; nothing is left to do", s.Next.State.Status)}
}

func (c *Client) receipt(ctx context.Context, name string, s *standing, a answer, kind rollout.CommandKind) (*rollout.Receipt, error) {
	state, err := decode(ctx, name, s.Checkpoint)
	if err != nil {
		return nil, err
	}
	receipt := &rollout.Receipt{Handled: true, State: state}
	switch {
	case a.Refused != "":
		return receipt, &rollout.ConflictError{Rollout: name, Reason: a.Refused}
	case kind == rollout.CommandAbort && state.Status != rollout.Aborted && state.Stop != nil:
		return receipt, &rollout.StoppedError{Rollout: name, Target: state.Target, Subject: state.Subject, Status: state.Status, Stop: *state.Stop}
	default:
		return receipt, nil
	}
}

// Status is where a rollout stands.
type Status struct {
	// Next is what it waits for, with its state; Next.State is nil before the first step.
	Next rollout.Next
	// Failure is an error that needs a person, after which [Client.Retry] or a command lets the
	// rollout go on; or that its workflow was terminated or canceled, after which [Client.Start]
	// begins anew; empty otherwise.
	Failure string
}

// Status reads where a rollout stands. A worker has to live, unless Temporal's server answers for
// it. The error matches [alipayplus.ErrNotFound] when there is no rollout of the name.
func (c *Client) Status(ctx context.Context, name string) (*Status, error) {
	s, err := c.standing(ctx, name)
	if err != nil {
		return nil, c.asError("read", name, err)
	}
	state, err := decode(ctx, name, s.Checkpoint)
	if err != nil {
		return nil, err
	}
	described, err := c.sdk.DescribeWorkflow(ctx, WorkflowID(name), "")
	if err != nil {
		return nil, c.asError("read", name, err)
	}
	if why := stuck(described.RawResponse.GetWorkflowExecutionInfo().GetStatus()); why != "" {
		s.Failure = why
	} else if p := polled(described.RawResponse.GetPendingActivities()); p != nil {
		found, err := decode(ctx, name, p.Checkpoint)
		if err != nil {
			return nil, err
		}
		if state != nil { // what is in no history has no number of its own
			found.Seq = state.Seq
		}
		state, s.Next = found, p.Next
	}
	s.Next.State = state
	return &Status{Next: s.Next, Failure: s.Failure}, nil
}

// Audit reads the audit log of a rollout, oldest entry first: the last 4,000, or as many as fill
// 1 MB. The errors are those of Status.
func (c *Client) Audit(ctx context.Context, name string) (audit []rollout.AuditEntry, err error) {
	answer, err := c.sdk.QueryWorkflow(ctx, WorkflowID(name), "", queryAudit)
	if err == nil {
		err = answer.Get(&audit)
	}
	return audit, c.asError("read", name, err)
}

// Wait waits until the rollout is over, and returns the state it ended in. A paused one is not over.
// When the context ends before, the error is the context's.
func (c *Client) Wait(ctx context.Context, name string) (*rollout.State, error) {
	var s standing
	if err := c.sdk.GetWorkflow(ctx, WorkflowID(name), "").Get(ctx, &s); err != nil {
		return nil, c.asError("wait for", name, err)
	}
	return decode(ctx, name, s.Checkpoint)
}

// AddSearchAttributes adds the search attributes RolloutProgram, RolloutVersion, RolloutStatus and
// RolloutRatio to a namespace, for rollouts with [Rollout].SearchAttributes. Those that are there
// stay.
func (c *Client) AddSearchAttributes(ctx context.Context, namespace string) error {
	keys := attributes()
	_, err := c.sdk.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace,
		SearchAttributes: map[string]enums.IndexedValueType{
			keys.program.GetName(): keys.program.GetValueType(), keys.version.GetName(): keys.version.GetValueType(),
			keys.status.GetName(): keys.status.GetValueType(), keys.ratio.GetName(): keys.ratio.GetValueType(),
		},
	})
	if _, there := errors.AsType[*serviceerror.AlreadyExists](err); there {
		return nil
	}
	if err != nil {
		return fmt.Errorf("temporal: add the search attributes to %s: %w", namespace, err)
	}
	return nil
}

// standing asks the workflow where it stands.
func (c *Client) standing(ctx context.Context, name string) (*standing, error) {
	answer, err := c.sdk.QueryWorkflow(ctx, WorkflowID(name), "", queryStatus)
	if err != nil {
		return nil, err
	}
	s := new(standing)
	return s, answer.Get(s)
}

// stuck is why a workflow that was not over does not go on; empty for others.
func stuck(status enums.WorkflowExecutionStatus) string {
	switch status {
	case enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, enums.WORKFLOW_EXECUTION_STATUS_CANCELED,
		enums.WORKFLOW_EXECUTION_STATUS_FAILED, enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return fmt.Sprintf("its workflow is %v and does not go on; start the rollout again", status)
	default:
		return ""
	}
}

// polled is what the activity that waits has found since; nil when none waits.
func polled(activities []*workflow.PendingActivityInfo) *poll {
	for _, a := range activities {
		var p poll
		if a.GetActivityType().GetName() != activityStep || a.GetHeartbeatDetails() == nil {
			continue
		}
		if converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &p) == nil && p.Checkpoint != nil && p.Next.What != "" {
			return &p
		}
	}
	return nil
}

// decode reads a checkpoint; nil for none.
func decode(ctx context.Context, name string, checkpoint []byte) (*rollout.State, error) {
	if checkpoint == nil {
		return nil, nil //nolint:nilnil // it has not begun
	}
	store := rollout.NewMemoryStore()
	lease, err := store.Acquire(ctx, name, "reader")
	if err != nil {
		return nil, err
	}
	if err := lease.Save(ctx, checkpoint, nil); err != nil {
		return nil, err
	}
	return rollout.ReadState(ctx, store, name)
}

// asError says which rollout an error of Temporal is about.
func (*Client) asError(what, name string, err error) error {
	if err == nil {
		return nil
	}
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return fmt.Errorf("temporal: %s rollout %s: no workflow of this name is there; check the name and the namespace: %w", what, name, alipayplus.ErrNotFound)
	}
	return fmt.Errorf("temporal: %s rollout %s: %w", what, name, err)
}
