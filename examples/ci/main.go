// Command ci drives one release, or one version at AlipayCN, from a pipeline: through
// its reviews, up the ladder by a spec, to all users. It may be stopped or killed at
// any moment and started again by the same command line: what it knows is in a
// folder, and what is done is not done twice.
//
// Standard output is one JSON object, progress goes to standard error, and the
// exit status says how it ended.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/examples/ci/terminal"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func main() {
	ctx, stop := untilSignal(context.Background())
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Why a run is cut short, as context.Cause tells.
var (
	errInterrupted = errors.New("interrupted")
	errTerminated  = errors.New("asked to end by SIGTERM")
	errOutOfTime   = errors.New("the time of -max-time is up")
)

// untilSignal returns a context that ends with Ctrl-C or SIGTERM; what a Ctrl-C does
// after that, finishing says. A reader of the outputs who goes away ends nothing.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		switch <-signals {
		case os.Interrupt:
			cancel(errInterrupted)
		case syscall.SIGTERM:
			cancel(errTerminated)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitDone
	}
	j := newJob(opts, stdout, stderr)
	if opts.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, opts.maxTime.Std(), errOutOfTime)
		defer cancel()
	}
	defer j.finishing(ctx)()
	resume := j.quiet()
	if err == nil {
		err = j.do(ctx)
	}
	j.conclude(ctx, err)
	resume()
	j.publish()
	return j.found.ExitStatus
}

// job is one call of the program.
type job struct {
	opts           *options
	stdout, stderr io.Writer
	// show shows progress to people.
	show *view
	// spec is nil until it is read.
	spec *rollout.Spec
	// store is where rollouts are remembered, and target what is driven; nil before
	// they are known.
	store  rollout.Store
	target rollout.Target
	// state is the state of the rollout, nil as long as that is not known.
	state *rollout.State
	// next is what the rollout waits for.
	next rollout.Next
	// seen is where the target stood when it was last read; nil before that.
	seen *rollout.Observation
	// applied is when the rollout applied for review last; zero when that is not known.
	applied time.Time
	// printed says that standard output has what was asked for already.
	printed bool
	// found is what is told at the end.
	found *result
}

func newJob(opts *options, stdout, stderr io.Writer) *job {
	file, _ := stderr.(*os.File)
	stderr = &oneAtATime{to: stderr}
	return &job{
		opts: opts, stdout: stdout, stderr: stderr,
		show:  &view{View: terminal.New(stderr, terminal.Detect(file))},
		found: &result{Schema: resultSchema, Command: opts.command},
	}
}

// do carries out the command.
func (j *job) do(ctx context.Context) (err error) {
	if j.spec, err = readSpec(j.opts.spec); err != nil {
		return err
	}
	if j.target, err = openTarget(ctx, j.opts); err != nil {
		return err
	}
	j.store = rollout.NewFileStore(j.opts.state)
	sinks, closeSinks, err := j.sinks(ctx)
	if err != nil {
		return err
	}
	defer closeSinks()
	runner, err := rollout.New(j.target, *j.spec, j.store, append(sinks, j.opts.runnerOptions()...)...)
	if err != nil {
		return err
	}
	j.found.Rollout, j.found.Target = runner.Name(), j.target.ID()
	defer j.readApplied(context.WithoutCancel(ctx))
	switch j.opts.command {
	case commandRun:
		return j.run(ctx, runner)
	case commandStep:
		return j.step(ctx, runner)
	case commandPlan:
		return j.plan(ctx, runner)
	case commandStatus:
		return j.status(ctx, runner)
	default:
		return j.order(ctx, runner)
	}
}

func readSpec(name string) (*rollout.Spec, error) {
	content, err := os.ReadFile(name) //nolint:gosec // the caller says which
	if err != nil {
		return nil, misused("spec: %w", err)
	}
	spec, err := rollout.ParseSpec(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return spec, nil
}

// run drives the rollout to its end.
func (j *job) run(ctx context.Context, runner *rollout.Runner) (err error) {
	if err := j.first(ctx, runner); err != nil {
		return err
	}
	j.state, err = runner.Run(ctx)
	if pending, ok := errors.AsType[*rollout.PendingError](err); ok {
		j.next = pending.Next
	}
	return j.known(ctx, runner, err)
}

// step does what is due.
func (j *job) step(ctx context.Context, runner *rollout.Runner) error {
	if err := j.first(ctx, runner); err != nil {
		return err
	}
	next, err := runner.Step(ctx)
	if next != nil {
		j.next, j.state = *next, next.State
	}
	if err == nil && !next.Over {
		err = &rollout.PendingError{Rollout: runner.Name(), Next: *next, Err: errStepDone}
	}
	return j.known(ctx, runner, err)
}

// errStepDone is why a single step leaves the rollout pending.
var errStepDone = errors.New("what was due is done")

// first shows what will happen before a rollout begins. What gates lack, a wrong
// address, ratios that the target does not offer, and an application that cannot be used
// come out here: later on, days of review are lost by the first, and an address where
// nobody answers is taken for an outage that passes.
func (j *job) first(ctx context.Context, runner *rollout.Runner) error {
	begun, err := j.ready(ctx, runner)
	if err != nil || begun {
		return err
	}
	plan, err := runner.Plan(ctx)
	if err != nil {
		return err
	}
	if err := j.checkApplication(ctx, plan); err != nil {
		return err
	}
	if j.opts.ndjson != toStderr {
		_, _ = fmt.Fprint(j.stderr, visible(plan.String()))
	}
	return nil
}

// known reads the state of the rollout, when the run did not tell.
func (j *job) known(ctx context.Context, runner *rollout.Runner, err error) error {
	if j.state == nil {
		j.state, _ = runner.Status(context.WithoutCancel(ctx)) // err is worth more than a second one
	}
	return err
}

// plan prints what a run would do.
func (j *job) plan(ctx context.Context, runner *rollout.Runner) error {
	begun, err := j.ready(ctx, runner)
	if err != nil {
		return err
	}
	plan, err := runner.Plan(ctx)
	if err == nil && !begun {
		err = j.checkApplication(ctx, plan)
	}
	if err != nil {
		return j.known(ctx, runner, err)
	}
	text := visible(plan.String())
	switch j.opts.format {
	case formatMarkdown:
		text = visible(plan.Markdown())
	case formatJSON:
		text = string(encode(plan)) + "\n"
	}
	j.printed = true
	if _, err := io.WriteString(j.stdout, text); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	if plan.Blocked() {
		return &rollout.ConflictError{Rollout: runner.Name(), Reason: "a run would stop before the first change, see the plan"}
	}
	return nil
}
