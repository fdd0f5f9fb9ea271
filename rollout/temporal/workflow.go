package temporal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// The names that are in histories: they stay.
const (
	workflowName  = "Rollout"
	activityStep  = "Advance"
	activityEmit  = "Emit"
	signalCommand = "command"
	signalRetry   = "retry"
	queryStatus   = "status"
	queryAudit    = "audit"
	errorWaiting  = "Waiting"
	maxAnswers    = 32
	maxAudit      = 4000
	// maxAuditSize limits the audit log in bytes, about: a run hands it on to the next one in a
	// payload, which Temporal's server limits to 2 MB, as it does the answer to the query.
	maxAuditSize   = 1 << 20
	emitTimeout    = 10 * time.Second
	lostWorkerTime = 30 * time.Second
	// stepTimeout limits one call of Advance, which may make several calls of the target and
	// evaluate gates. A worker that is lost is noticed earlier, by its heartbeat.
	stepTimeout = time.Hour
)

// Rollout is what is to be carried out.
type Rollout struct {
	// Name names the rollout for good; empty: Target does.
	Name string `json:"name,omitempty"`
	// Target is the id of the target. Workers make a [rollout.Target] of it, see [Options].
	Target string `json:"target"`
	// Spec is carried out.
	Spec rollout.Spec `json:"spec"`
	// SearchAttributes says that program, version, ratio and status are kept as search
	// attributes, which the namespace must have: see [Client.AddSearchAttributes].
	SearchAttributes bool `json:"searchAttributes,omitempty"`
}

// carried is all that a workflow knows, and its input: it goes from one run to the next.
type carried struct {
	Rollout    Rollout           `json:"rollout"`
	Checkpoint []byte            `json:"checkpoint,omitempty"`
	Position   position          `json:"position"`
	Next       rollout.Next      `json:"next"`
	Failure    string            `json:"failure,omitempty"`
	Commands   []rollout.Command `json:"commands,omitempty"`
	// Open are executed commands whose abort is not made yet.
	Open    []string             `json:"open,omitempty"`
	Answers []answer             `json:"answers,omitempty"`
	Audit   []rollout.AuditEntry `json:"audit,omitempty"`
	Events  []rollout.Event      `json:"events,omitempty"`
}

// position is what the workflow shows of a state, which it cannot read.
type position struct {
	Subject rollout.Subject  `json:"subject,omitzero"`
	Status  rollout.Status   `json:"status,omitempty"`
	Ratio   alipayplus.Ratio `json:"ratio,omitempty"`
}

// answer is what became of a command.
type answer struct {
	ID string `json:"id"`
	// Refused is why it could not be executed; empty when it was.
	Refused string `json:"refused,omitempty"`
}

// standing is the answer to the query for the status, and the result of the workflow.
type standing struct {
	Checkpoint []byte         `json:"checkpoint,omitempty"`
	Next       rollout.Next   `json:"next"`
	Status     rollout.Status `json:"status,omitempty"`
	Failure    string         `json:"failure,omitempty"`
	Answers    []answer       `json:"answers,omitempty"`
}

// step is the input of the activity that advances the rollout.
type step struct {
	Rollout    Rollout           `json:"rollout"`
	Checkpoint []byte            `json:"checkpoint,omitempty"`
	Commands   []rollout.Command `json:"commands,omitempty"`
}

// transition is its result: a [rollout.Transition], and what the workflow needs to know of the
// state in it.
type transition struct {
	Checkpoint []byte               `json:"checkpoint,omitempty"`
	Audit      []rollout.AuditEntry `json:"audit,omitempty"`
	Events     []rollout.Event      `json:"events,omitempty"`
	Forget     []string             `json:"forget,omitempty"`
	Next       rollout.Next         `json:"next"`
	Yielded    bool                 `json:"yielded,omitempty"`
	Position   position             `json:"position"`
	// Aborting says that what it yielded for is an abort.
	Aborting bool `json:"aborting,omitempty"`
	// Failure is an error that needs a person.
	Failure string `json:"failure,omitempty"`
}

// poll is what an activity that waits hands on to its next attempt.
type poll struct {
	Checkpoint []byte       `json:"checkpoint,omitempty"`
	Next       rollout.Next `json:"next"`
}

// run is one run of the workflow.
type run struct {
	carried

	posted, retry workflow.ReceiveChannel
}

// drive is the workflow: timers, commands and nothing else.
func drive(ctx workflow.Context, c carried) (*standing, error) {
	r := &run{carried: c, posted: workflow.GetSignalChannel(ctx, signalCommand), retry: workflow.GetSignalChannel(ctx, signalRetry)}
	err := workflow.SetQueryHandler(ctx, queryStatus, func() (*standing, error) { return r.standing(), nil })
	if err == nil {
		err = workflow.SetQueryHandler(ctx, queryAudit, func() ([]rollout.AuditEntry, error) { return r.Audit, nil })
	}
	for err == nil {
		r.receive(ctx)
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case r.Next.Over && r.Position.Status.Final():
			r.refuseTheRest()
			return r.standing(), nil
		case r.idle():
			r.awaitCommand(ctx)
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			err = workflow.NewContinueAsNewError(ctx, workflowName, r.carried)
		default:
			err = r.advance(ctx)
		}
	}
	return nil, err
}

func (r *run) standing() *standing {
	return &standing{Checkpoint: r.Checkpoint, Next: r.Next, Status: r.Position.Status, Failure: r.Failure, Answers: r.Answers}
}

// idle says that nothing happens until a person does something.
func (r *run) idle() bool { return r.Failure != "" || r.Next.Over && len(r.Commands) == 0 }

// awaitCommand waits for a command, or for the word to try again.
func (r *run) awaitCommand(ctx workflow.Context) {
	s := workflow.NewSelector(ctx)
	s.AddReceive(r.posted, func(workflow.ReceiveChannel, bool) {})
	s.AddReceive(r.retry, func(workflow.ReceiveChannel, bool) {})
	s.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	s.Select(ctx)
}

// refuseTheRest answers the commands that came too late.
func (r *run) refuseTheRest() {
	for _, c := range r.Commands {
		r.answer(c.ID, fmt.Sprintf("it is %s; nothing is left to do", r.Position.Status))
	}
	r.Commands = nil
}

// answer says what became of a command; refused is empty when it was executed.
func (r *run) answer(id, refused string) {
	r.Answers = append(r.Answers, answer{ID: id, Refused: refused})
	r.Answers = r.Answers[max(0, len(r.Answers)-maxAnswers):]
}

// receive takes in what was sent so far. After a failure it lets the rollout go on.
func (r *run) receive(ctx workflow.Context) {
	for {
		var c rollout.Command
		if !r.posted.ReceiveAsync(&c) {
			break
		}
		if c.ID == "" { // sent by hand
			c.ID = fmt.Sprintf("%s/%d", workflow.GetInfo(ctx).WorkflowExecution.RunID, workflow.GetInfo(ctx).GetCurrentHistoryLength()+len(r.Commands))
		}
		if c.At.IsZero() {
			c.At = workflow.Now(ctx)
		}
		r.Failure = ""
		if !slices.ContainsFunc(r.Commands, func(other rollout.Command) bool { return other.ID == c.ID }) {
			r.Commands = append(r.Commands, c)
		}
	}
	for r.retry.ReceiveAsync(nil) {
		r.Failure = ""
	}
}

// advance makes one step: it lasts until there is something to be stored, or a command.
func (r *run) advance(ctx workflow.Context) error {
	in := step{Rollout: r.Rollout, Checkpoint: r.Checkpoint}
	if len(r.Commands) > 0 { // one at a time, so that a refusal is known to be its own
		in.Commands = r.Commands[:1]
	}
	child, cancel := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: stepTimeout,
		HeartbeatTimeout:    lostWorkerTime,
		WaitForCancellation: true, // what it came to is never thrown away
		RetryPolicy:         &sdk.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             r.Next.What,
	}))
	defer cancel()
	f := workflow.ExecuteActivity(child, activityStep, in)
	s := workflow.NewSelector(ctx)
	s.AddFuture(f, func(workflow.Future) {})
	s.AddReceive(r.posted, func(workflow.ReceiveChannel, bool) {})
	s.Select(ctx)
	if !f.IsReady() {
		cancel()
	}
	var t transition
	if err := f.Get(ctx, &t); err != nil {
		return r.stepFailed(ctx, err)
	}
	r.apply(t)
	if err := r.show(ctx); err != nil {
		return err
	}
	return r.emit(ctx, t.Yielded)
}

// stepFailed handles an activity without a result: it was canceled while it waited, or has failed
// in a way that does not pass, which waits for a person.
func (r *run) stepFailed(ctx workflow.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed, ok := errors.AsType[*sdk.ApplicationError](err); ok && failed.Type() != errorWaiting {
		r.Failure = failed.Error()
	}
	return nil
}

// apply takes over what a step came to.
func (r *run) apply(t transition) {
	r.Checkpoint, r.Next, r.Position, r.Failure = t.Checkpoint, t.Next, t.Position, t.Failure
	r.Audit = latest(append(r.Audit, t.Audit...))
	r.Events = append(r.Events, t.Events...)
	if !t.Aborting {
		for _, id := range r.Open {
			r.answer(id, "")
		}
		r.Open = nil
	}
	refused := ""
	for _, entry := range t.Audit {
		if entry.Action == rollout.EventRefused {
			refused = entry.Why
		}
	}
	r.Commands = slices.DeleteFunc(r.Commands, func(c rollout.Command) bool {
		switch {
		case !slices.Contains(t.Forget, c.ID):
			return false
		case t.Aborting && refused == "":
			r.Open = append(r.Open, c.ID)
		default:
			r.answer(c.ID, refused)
		}
		return true
	})
	if r.Failure != "" && len(r.Commands) > 0 { // it is executed when the rollout goes on
		r.answer(r.Commands[0].ID, r.Failure)
	}
}

// latest are the last entries of an audit log, as many as are kept.
func latest(audit []rollout.AuditEntry) []rollout.AuditEntry {
	const besides = 128 // bytes of an entry but for its texts
	size, least := 0, max(0, len(audit)-maxAudit)
	for i := len(audit) - 1; i >= least; i-- {
		if size += besides + len(audit[i].By) + len(audit[i].Why); size > maxAuditSize {
			return audit[i+1:]
		}
	}
	return audit[least:]
}

// emit has the events emitted, now that their state is stored. A change that is about to be made
// does not wait for that.
func (r *run) emit(ctx workflow.Context, later bool) error {
	if later || len(r.Events) == 0 {
		return nil
	}
	events := r.Events
	r.Events = nil
	emitting := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: emitTimeout,
		RetryPolicy:         &sdk.RetryPolicy{MaximumAttempts: 1}, // events are emitted at most once
	})
	_ = workflow.ExecuteActivity(emitting, activityEmit, events).Get(ctx, nil) // they may be missing
	return ctx.Err()
}

// show puts where the rollout stands on Temporal's page, and into the search attributes.
func (r *run) show(ctx workflow.Context) error {
	text := fmt.Sprintf("%s at %v: %s", r.Position.Status, r.Position.Ratio, r.Next.What)
	if r.Failure != "" {
		text += "\n\nneeds a person: " + r.Failure
	}
	workflow.SetCurrentDetails(ctx, text)
	if !r.Rollout.SearchAttributes {
		return nil
	}
	keys, now := attributes(), workflow.GetTypedSearchAttributes(ctx)
	status, _ := now.GetKeyword(keys.status)
	ratio, _ := now.GetInt64(keys.ratio)
	program, _ := now.GetKeyword(keys.program)
	version, _ := now.GetKeyword(keys.version)
	at := r.Position
	if status == string(at.Status) && ratio == int64(at.Ratio) && program == at.Subject.Program && version == at.Subject.Version {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx,
		keys.program.ValueSet(at.Subject.Program), keys.version.ValueSet(at.Subject.Version),
		keys.status.ValueSet(string(at.Status)), keys.ratio.ValueSet(int64(at.Ratio)))
}

// searchAttributes are those of a rollout.
type searchAttributes struct {
	program, version, status sdk.SearchAttributeKeyKeyword
	ratio                    sdk.SearchAttributeKeyInt64
}

func attributes() searchAttributes {
	return searchAttributes{
		program: sdk.NewSearchAttributeKeyKeyword("RolloutProgram"), version: sdk.NewSearchAttributeKeyKeyword("RolloutVersion"),
		status: sdk.NewSearchAttributeKeyKeyword("RolloutStatus"), ratio: sdk.NewSearchAttributeKeyInt64("RolloutRatio"),
	}
}
