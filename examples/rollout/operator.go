package main

import (
	"context"
	"errors"
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
	store  *rollout.FileStore
	show   *console.Console
	out    io.Writer
}

// drive runs the rollout to its end.
func (o *operator) drive(ctx context.Context) error {
	if done, err := o.describe(ctx); done || err != nil {
		return err
	}
	for {
		err := o.run(ctx)
		stopped, ok := errors.AsType[*rollout.StoppedError](err)
		if !ok || stopped.Stop.Cause != rollout.CauseGate || stopped.Stop.Ratio != faultyRatio {
			return err
		}
		if err := o.resume(ctx, stopped); err != nil {
			return err
		}
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

// run runs the rollout until it ends or stops, and shows what it does.
func (o *operator) run(ctx context.Context) error {
	terminal := console.Terminal(o.out)
	runner, err := o.runner(rollout.WithSink(terminal.Sink()))
	if err != nil {
		return err
	}
	stop := terminal.Ticking(ctx)
	defer stop()
	_, err = runner.Run(ctx)
	return err
}

// resume says why the rollout stopped, mends that, and lets it go on. Somebody else
// could do so in another process, which has but the folder and the name of the rollout
// to know.
func (o *operator) resume(ctx context.Context, stopped *rollout.StoppedError) error {
	o.show.Step("%s", stopped.Error())
	o.show.Detail("the operator looks into it, finds what is wrong, and resumes; see the README for the other ways out")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(thinking):
	}
	runner, err := o.runner()
	if err != nil {
		return err
	}
	_, err = runner.Resume(ctx, "the operator", "the server of the new page was restarted")
	return err
}

// runner makes a runner. The interval is that of a release in seconds; the default of
// minutes suits one of days.
func (o *operator) runner(options ...rollout.Option) (*rollout.Runner, error) {
	options = append(options, rollout.WithGate(gateName, o.judge), rollout.WithInterval(500*time.Millisecond))
	return rollout.New(o.target, o.spec, o.store, options...)
}

// judge is the gate: a made-up rate of errors, which is too high at 10 % until
// somebody has resumed the rollout. That stands in the audit log, so that a start
// after a kill judges as the one before.
func (o *operator) judge(ctx context.Context, step rollout.Step) (rollout.Verdict, error) {
	const most = 0.01
	rate := 0.002
	if step.Ratio == faultyRatio {
		rate = 0.031
		for entry, err := range o.store.Audit(ctx, step.Rollout) {
			if err != nil {
				return rollout.Verdict{}, err
			}
			if entry.Action == rollout.EventResumed {
				rate = 0.004
			}
		}
	}
	return rollout.Bound{Max: new(most)}.Judge("error rate", rate)
}
