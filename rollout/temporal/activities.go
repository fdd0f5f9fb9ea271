package temporal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Options say how a worker drives rollouts.
type Options struct {
	// Target makes the target of an id, for example by [rollout.ForRelease]. It is called for
	// each step, and does no I/O. A worker may go on with the one that it made first for a
	// rollout. It is needed.
	Target func(ctx context.Context, id string) (rollout.Target, error)
	// Runner are the options of its runners, such as gates ([rollout.WithGates]).
	// [rollout.WithSink] and [rollout.WithName] have no effect. [rollout.WithInterval] sets
	// the longest time between two observations of a target.
	Runner []rollout.Option
	// Sink gets the events; nil: none. It is called with one transition's events after another,
	// and has 10 seconds for those of one. WAITING, RETRYING and GATE that change nothing may
	// overtake the others. The workers of a task queue should all have one, or none.
	Sink rollout.Sink
	// Logger gets errors of the sink; nil: nothing is logged.
	Logger *slog.Logger
}

// Register gives a worker the workflows and activities, under the names "Rollout", "RolloutFleet",
// "Advance" and "Emit". The worker's TaskQueueActivitiesPerSecond limits the steps of all workers
// of the task queue together, and so the calls of the targets. The error matches
// [alipayplus.ErrInvalid]: Options.Target is missing.
func Register(w worker.Registry, o Options) error {
	if o.Target == nil {
		return fmt.Errorf("temporal: Options.Target is needed: %w", alipayplus.ErrInvalid)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &activities{options: o, runners: make(map[string]*rollout.Runner)}
	w.RegisterWorkflowWithOptions(drive, workflow.RegisterOptions{Name: workflowName})
	w.RegisterWorkflowWithOptions(driveFleet, workflow.RegisterOptions{Name: fleetName})
	w.RegisterActivityWithOptions(a.advance, activity.RegisterOptions{Name: activityStep})
	w.RegisterActivityWithOptions(a.emit, activity.RegisterOptions{Name: activityEmit})
	return nil
}

// activities are those of one worker.
type activities struct {
	options Options
	reads   reads

	mu sync.Mutex
	// runners count failures in a row, by the name of the rollout, its target and the hash of its
	// spec. Who is forgotten counts from 0 again.
	runners map[string]*rollout.Runner
}

// maxRunners is how many runners a worker remembers.
const maxRunners = 10_000

// advance takes a rollout on as far as it gets without waiting. When that changes nothing, it
// fails with an error after which Temporal calls it again when something is due: a wait adds
// nothing to the history.
func (a *activities) advance(ctx context.Context, in step) (*transition, error) {
	from := poll{Checkpoint: in.Checkpoint}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &from); err != nil {
			return nil, fmt.Errorf("temporal: read what the last attempt left: %w", err)
		}
	}
	target, err := a.options.Target(ctx, in.Rollout.Target)
	if err != nil {
		return nil, final(fmt.Errorf("temporal: make the target %s: %w", in.Rollout.Target, err))
	}
	r, err := a.runner(target, in.Rollout)
	if err != nil {
		return nil, final(err)
	}
	t, err := a.advanceOnce(ctx, r, target, from, in.Commands)
	if err != nil || isNews(t) { // with an error too, there is something to be stored
		return a.result(t, err), nil
	}
	next := t.Next
	next.State, next.At = nil, aligned(time.Now(), next.At)
	from = poll{Checkpoint: t.Checkpoint, Next: next}
	activity.RecordHeartbeat(ctx, from)
	_ = a.emit(ctx, t.Events)
	return nil, sdk.NewApplicationErrorWithOptions(next.What, errorWaiting, sdk.ApplicationErrorOptions{
		NextRetryDelay: max(time.Until(next.At), time.Second),
		Category:       sdk.ApplicationErrorCategoryBenign,
	})
}

// advanceOnce advances the rollout, and tells Temporal meanwhile that the worker lives.
func (a *activities) advanceOnce(ctx context.Context, r *rollout.Runner, target rollout.Target, from poll, commands []rollout.Command) (*rollout.Transition, error) {
	defer keepAlive(ctx, from)() // a target may panic
	return r.Advance(ctx, from.Checkpoint, commands, a.reads.observe(ctx, target))
}

// final is an error that another try does not mend.
func final(err error) error {
	return sdk.NewApplicationErrorWithOptions(err.Error(), "Failed", sdk.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}

// isNews says whether a transition is to be in the history: whenever it did anything but
// wait, and got no verdicts but those that let the release go on or wait.
func isNews(t *rollout.Transition) bool {
	if t.Yielded || t.Next.Over || len(t.Audit) > 0 || len(t.Forget) > 0 {
		return true
	}
	for _, e := range t.Events {
		switch e.Kind {
		case rollout.EventWaiting, rollout.EventRetrying:
		case rollout.EventGate:
			if e.Verdict == nil || e.Verdict.Decision == rollout.Fail {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// result is what the workflow gets. The end of the context is no failure: it has a command, or the
// worker stops.
func (a *activities) result(t *rollout.Transition, err error) *transition {
	all := &transition{Checkpoint: t.Checkpoint, Audit: t.Audit, Forget: t.Forget, Next: t.Next, Yielded: t.Yielded}
	if s := t.Next.State; s != nil {
		all.Position = position{Subject: s.Subject, Status: s.Status, Ratio: s.Ratio}
		all.Aborting = t.Yielded && s.Intent != nil && s.Intent.Kind == rollout.ChangeAbort
	}
	all.Next.State = nil // it is the checkpoint
	if a.options.Sink != nil {
		all.Events = t.Events
	}
	if err != nil && !errors.Is(err, rollout.ErrPending) {
		all.Failure = err.Error()
	}
	return all
}

// keepAlive tells Temporal that the worker lives, until it is stopped.
func keepAlive(ctx context.Context, details poll) (stop func()) {
	done := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		due := time.NewTicker(lostWorkerTime / 3)
		defer due.Stop()
		for {
			select {
			case <-done:
				return
			case <-due.C:
				activity.RecordHeartbeat(ctx, details)
			}
		}
	})
	return func() { close(done); beating.Wait() }
}

// runner returns the runner of a rollout.
func (a *activities) runner(target rollout.Target, of Rollout) (*rollout.Runner, error) {
	key := of.name() + "\n" + of.Target + "\n" + of.Spec.Hash()
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.runners[key]; r != nil {
		return r, nil
	}
	options := append(a.options.Runner[:len(a.options.Runner):len(a.options.Runner)], rollout.WithName(of.name()))
	r, err := rollout.New(target, of.Spec, rollout.NewMemoryStore(), options...)
	if err != nil {
		return nil, err
	}
	if len(a.runners) >= maxRunners {
		clear(a.runners)
	}
	a.runners[key] = r
	return r, nil
}

// emit hands events to the sink. They are emitted at most once: an error is logged, and loses one.
func (a *activities) emit(ctx context.Context, events []rollout.Event) error {
	if a.options.Sink == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, emitTimeout)
	defer cancel()
	for _, e := range events {
		if err := a.options.Sink(ctx, e); err != nil {
			a.options.Logger.LogAttrs(ctx, slog.LevelWarn, "an event of a rollout did not reach the sink",
				slog.String("rollout", e.Rollout), slog.String("event", string(e.Kind)), slog.Any("error", err))
		}
	}
	return nil
}

// aligned lengthens a wait by up to an eighth, to a moment that other waits are moved to as well,
// so that targets that wait long are observed together.
func aligned(now, at time.Time) time.Time {
	wait := at.Sub(now)
	if wait < time.Minute {
		return at
	}
	grain := time.Duration(1) << (bits.Len64(uint64(wait/8)) - 1) // the power of two below
	return time.Unix(0, (at.UnixNano()+int64(grain)-1)/int64(grain)*int64(grain))
}
