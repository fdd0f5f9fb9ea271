package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

const (
	// gateName is the gate that the spec names.
	gateName = "errors"
	// faultyRatio is where it fails, until the rollout was resumed once.
	faultyRatio = 10
	// thinking is how long the operator takes.
	thinking = time.Second
)

// operator drives one rollout, and does what a person would when it pauses.
type operator struct {
	target rollout.Target
	spec   rollout.Spec
	store  rollout.Store
	show   *console.Console
	out    io.Writer
	// mended says that what was wrong at the faulty ratio is not any more.
	mended bool
}

// drive runs the rollout to its end. It resumes it once: what pauses it again is for
// somebody to look at.
func (o *operator) drive(ctx context.Context) error {
	if done, err := o.describe(ctx); done || err != nil {
		return err
	}
	err := o.run(ctx, "")
	if stopped, ok := errors.AsType[*rollout.StoppedError](err); ok && resumable(stopped) {
		if err := o.explain(ctx, stopped); err != nil {
			return err
		}
		err = o.run(ctx, found(stopped.Stop.Cause))
	}
	return advised(err)
}

// resumable says whether the operator lets a rollout go on. What a person has paused,
// nobody else resumes.
func resumable(stopped *rollout.StoppedError) bool {
	return stopped.Status == rollout.Paused && stopped.Stop.Cause != rollout.CausePerson
}

// advised adds to why a rollout does not go on what can be done about it here.
func advised(err error) error {
	stopped, ok := errors.AsType[*rollout.StoppedError](err)
	switch {
	case !ok:
		return err
	case stopped.Status != rollout.Paused:
		return fmt.Errorf("%w; here: give another folder by -data", err)
	case resumable(stopped):
		return fmt.Errorf("%w; here: run the same command again, which resumes it once more, or see \"What an operator can do\" in the README", err)
	default:
		return fmt.Errorf("%w; here: see \"What an operator can do\" in the README", err)
	}
}

// describe shows what a run will do, and says whether all is done already.
func (o *operator) describe(ctx context.Context) (done bool, err error) {
	runner, err := o.runner()
	if err != nil {
		return false, err
	}
	state, err := runner.Status(ctx)
	if err != nil {
		return false, err
	}
	if state != nil && state.Status == rollout.Done {
		o.show.Step("%s has reached all users already", o.target.ID())
		return true, nil
	}
	plan, err := runner.Plan(ctx)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(plan.String()) {
		o.show.Detail("%s", strings.TrimRight(line, "\n"))
	}
	return false, nil
}

// found is what the operator found and mended.
func found(cause rollout.Cause) string {
	if cause == rollout.CauseGate {
		return "the server of the new page was restarted"
	}
	return "it can go on from what is live"
}

// run runs the rollout until it ends or stops, and shows what it does. Before, it lets
// one that is paused go on, if it is told why. Somebody else could do so in another
// process, which has but the folder and the name of the rollout to know.
func (o *operator) run(ctx context.Context, why string) error {
	terminal := console.Terminal(o.out)
	runner, err := o.runner(rollout.WithSink(terminal.Sink()))
	if err != nil {
		return err
	}
	stop := terminal.Ticking(ctx)
	defer stop()
	if why != "" {
		if _, err := runner.Resume(ctx, "the operator", why); err != nil {
			return err
		}
	}
	if o.mended, err = o.wasResumed(ctx, runner.Name()); err != nil {
		return err
	}
	_, err = runner.Run(ctx)
	return err
}

// wasResumed says whether anybody has resumed the rollout. That stands in the audit log,
// so that a start after a kill judges as the one before.
func (o *operator) wasResumed(ctx context.Context, name string) (bool, error) {
	for entry, err := range o.store.Audit(ctx, name) {
		if err != nil {
			return false, fmt.Errorf("the audit log cannot be read: %w", err)
		}
		if entry.Action == rollout.EventResumed {
			return true, nil
		}
	}
	return false, nil
}

// explain says why the rollout stopped, and mends that.
func (o *operator) explain(ctx context.Context, stopped *rollout.StoppedError) error {
	o.show.Step("%s", stopped.Error())
	o.show.Detail("the operator looks into it, finds what is wrong, and resumes; see the README for the other ways out")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(thinking):
		return nil
	}
}

// runner makes a runner. The interval is that of a release in seconds; the default of
// minutes suits one of days.
func (o *operator) runner(options ...rollout.Option) (*rollout.Runner, error) {
	options = append(options, rollout.WithInterval(500*time.Millisecond))
	// A spec of one's own may do without the gate, or say what it asks.
	if gate, ok := o.spec.Gates[gateName]; ok && gate.HTTP == nil && gate.Command == nil && gate.Prometheus == nil {
		options = append(options, rollout.WithGate(gateName, o.judge))
	}
	return rollout.New(o.target, o.spec, o.store, options...)
}

// judge is the gate: a made-up rate of errors, which is too high at 10 % until
// somebody has resumed the rollout.
func (o *operator) judge(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
	const most = 0.01
	rate := 0.002
	if step.Ratio == faultyRatio {
		rate = 0.031
		if o.mended {
			rate = 0.004
		}
	}
	return rollout.Bound{Max: new(most)}.Evaluate("error rate", rate)
}
