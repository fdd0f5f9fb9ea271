package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/prometheus"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// job is one call of a rollout command.
type job struct {
	opts           *options
	stdout, stderr io.Writer
	// show shows progress to people.
	show *view
	// spec is nil until it is read.
	spec *rollout.Spec
	// store is where rollouts are remembered, and target what is driven; nil before
	// they are known.
	store rollout.Store
	// closeStore closes it.
	closeStore func()
	target     rollout.Target
	// name is the rollout's; empty before it is known.
	name string
	// state is the state of the rollout, nil as long as that is not known.
	state *rollout.State
	// next is what the rollout waits for.
	next rollout.Next
	// seen is where the target stood when it was last read; nil before that.
	seen *rollout.Observation
	// redraw says that standard error is a terminal that can be painted on.
	redraw bool
	// width is that of the terminal that standard error is; 0 for none.
	width int
	// leave ends the run, with the reason why.
	leave context.CancelCauseFunc
	// message says how it ended, in place of what the state or the error say.
	message string
	// waitingFor says what is waited for, in place of next.
	waitingFor string
	// printed says that standard output has what was asked for already.
	printed bool
	// result is what is told at the end.
	result *report.Report
	// opened is what a signal that ends the program at once reports by.
	opened atomic.Pointer[opened]
	// concluding is held by whoever reports the end.
	concluding sync.Mutex
}

// runJob carries out a rollout command, unless err says that it cannot be, and reports how
// it ended.
func (a *app) runJob(ctx context.Context, opts *options, err error) {
	j := newJob(opts, a.stdout, a.stderr)
	if opts.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, opts.maxTime.Std(), errOutOfTime)
		defer cancel()
	}
	ctx, j.leave = context.WithCancelCause(ctx)
	defer j.leave(nil)
	defer j.finishing(ctx)()
	resume := j.quiet()
	defer func() { j.closeStore() }()
	if err == nil {
		err = j.do(ctx)
	}
	j.concluding.Lock()
	defer j.concluding.Unlock()
	j.conclude(ctx, err)
	resume()
	j.publish()
	a.status = j.result.ExitStatus
}

func newJob(opts *options, stdout, stderr io.Writer) *job {
	file, _ := stderr.(*os.File)
	width, shown := widthOf(stderr), terminal.Detect(file)
	shown.Hint = opts.hint
	shown.Pause = opts.pauseCommand
	shown.Redraw = shown.Redraw && !isVerbose(opts.cmd) // its lines would spoil what is painted over
	stderr = &oneAtATime{to: stderr}
	return &job{
		width: width, redraw: shown.Redraw,
		opts: opts, stdout: stdout, stderr: stderr, closeStore: func() {},
		show: &view{View: terminal.New(stderr, shown)},
	}
}

// do carries out the command.
func (j *job) do(ctx context.Context) (err error) {
	if err := j.specify(ctx); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	switch j.opts.command {
	case commandStatus:
		return j.status(ctx)
	case commandHistory:
		return j.history(ctx)
	}
	sinks, closeSinks, err := j.sinks(ctx)
	if err != nil {
		return err
	}
	closeSinks = sync.OnceFunc(closeSinks)
	defer closeSinks()
	runner, err := j.runner(ctx, sinks)
	if err != nil {
		return err
	}
	switch j.opts.command {
	case commandRun:
		return j.run(ctx, runner)
	case commandShip:
		if err := j.run(ctx, runner); err != nil {
			return err
		}
		closeSinks() // the block is complete
		return j.opts.ship.finish(ctx)
	case commandStep:
		return j.step(ctx, runner)
	case commandPlan:
		return j.plan(ctx, runner)
	case commandGatesCheck:
		return j.checkSpecGates(ctx, runner)
	default:
		return j.sendCommand(ctx, runner)
	}
}

// specify finds out by which spec the rollout goes, as far as this call says it.
func (j *job) specify(ctx context.Context) (err error) {
	if j.opts.ship != nil {
		return j.opts.ship.prepare(ctx, j)
	}
	if j.opts.spec != "" {
		j.spec, err = readSpec(j.opts.spec)
	}
	return err
}

// open opens the store, and finds out what is driven.
func (j *job) open(ctx context.Context) (err error) {
	store, closeStore, err := openState(ctx, j.opts.state)
	if err != nil {
		return err
	}
	j.store, j.closeStore = store, closeStore
	if j.opts.state == "" { // for commands that store nothing
		j.store = rollout.NewMemoryStore()
	}
	j.name = j.opts.name
	defer func() {
		j.opened.Store(&opened{store: j.store, target: j.target, name: j.name})
	}()
	if j.opts.release == "" && j.opts.version == "" && j.opts.alipayCNVersion == "" && !j.opts.needsTarget() {
		return nil
	}
	if j.target, err = openTarget(ctx, j.opts); err != nil {
		return err
	}
	if j.name == "" {
		j.name = j.target.ID()
	}
	return nil
}

// runner makes the runner of the target: by the spec that is given or, without one, by that
// which is stored.
func (j *job) runner(ctx context.Context, sinks []rollout.Option) (*rollout.Runner, error) {
	spec := j.spec
	if spec == nil {
		state, err := rollout.ReadState(ctx, j.store, j.name)
		switch {
		case err != nil:
			return nil, err
		case state != nil:
			spec = &state.Spec
		case j.opts.command == commandAbort: // a version can be given up before its rollout begins
			spec = &rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: alipayplus.FullRatio}}}
		case j.opts.sends():
			return nil, j.noRollout()
		default:
			return nil, misused("give --spec: the rollout has not begun, so %s holds none", withoutPassword(j.opts.state))
		}
	}
	options := append(sinks, j.opts.runnerOptions()...)
	if j.opts.ship != nil {
		options = append(options, j.opts.ship.gates...)
	}
	options = append(options, rollout.WithGates(prometheus.Maker(prometheus.Options{})))
	if j.opts.sends() {
		options = append(options, rollout.WithGates(noGate))
	}
	return rollout.New(j.target, *spec, j.store, options...)
}

// noRollout says that nothing is stored under the name.
func (j *job) noRollout() error {
	return fmt.Errorf("there is no rollout %q in %s; check --state and --name, or begin it by run: %w", j.name, withoutPassword(j.opts.state), alipayplus.ErrNotFound)
}

// noGate makes gates for commands that evaluate none.
func noGate(string, rollout.GateSpec) (rollout.Gate, error) {
	return func(context.Context, rollout.Step) (rollout.Verdict, error) {
		return rollout.Verdict{}, errors.New("this program does not evaluate the gate")
	}, nil
}

func readSpec(name string) (*rollout.Spec, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, misused("--spec: %w", err)
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
	return j.known(ctx, err)
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
	return j.known(ctx, err)
}

// errStepDone is why a single step leaves the rollout pending.
var errStepDone = errors.New("what was due is done")

// first shows what will happen before a rollout begins. What gates lack, a wrong
// address, ratios that the target does not offer, and an application that cannot be used
// come out here: later on, days of review are lost by the first, and an address where
// nobody answers is taken for an outage that passes.
func (j *job) first(ctx context.Context, runner *rollout.Runner) error {
	state, err := rollout.ReadState(ctx, j.store, j.name)
	if err != nil || state != nil && (j.spec == nil || !j.opts.newSpec || state.Spec.Hash() == j.spec.Hash()) {
		return err
	}
	plan, err := runner.Plan(ctx)
	if err != nil {
		return err
	}
	if err := cmp.Or(faultyGates(plan), j.checkApplication(ctx, plan)); err != nil {
		return err
	}
	if j.opts.ndjson != toStderr {
		_, _ = fmt.Fprint(j.stderr, wrapped(report.Visible(plan.String()), j.width))
	}
	return nil
}

// known reads the state of the rollout, when the run did not tell.
func (j *job) known(ctx context.Context, err error) error {
	if j.state == nil {
		j.state, _ = rollout.ReadState(context.WithoutCancel(ctx), j.store, j.name) // err is worth more than a second one
	}
	return err
}

// plan prints what a run would do.
func (j *job) plan(ctx context.Context, runner *rollout.Runner) error {
	state, err := rollout.ReadState(ctx, j.store, j.name)
	if err != nil {
		return err
	}
	plan, err := runner.Plan(ctx)
	if err == nil && state == nil {
		err = j.checkApplication(ctx, plan)
	}
	if err != nil {
		return j.known(ctx, err)
	}
	text := wrapped(report.Visible(plan.String()), widthOf(j.stdout))
	switch j.opts.output {
	case formatMarkdown:
		text = report.Visible(plan.Markdown())
	case formatJSON:
		text = string(report.Encode(plan)) + "\n"
	}
	if err := j.print("the plan", text); err != nil {
		return err
	}
	if err := faultyGates(plan); err != nil {
		return err
	}
	if plan.Blocked() {
		return &rollout.ConflictError{Rollout: runner.Name(), Reason: "a run would stop before the first change, see the plan"}
	}
	return nil
}

// print prints what was asked for, in place of the result.
func (j *job) print(what, text string) error {
	j.printed = true
	if _, err := io.Copy(j.stdout, strings.NewReader(text)); err != nil {
		return fmt.Errorf("print %s: %w", what, err)
	}
	return nil
}
