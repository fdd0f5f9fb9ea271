package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// conclude makes the result, prints it, and says on standard error how it ended.
func (j *job) conclude(ctx context.Context, err error) {
	j.result = j.report(ctx, err)
	j.tell(err)
	if j.printed {
		return
	}
	if _, err := fmt.Fprint(j.stdout, j.text()); err != nil {
		_, _ = fmt.Fprintf(j.stderr, "error: print the result: %v\n", err)
		if j.result.ExitStatus == report.ExitDone { // who reads the result does not know
			j.result.SetExit(report.ExitInternal)
		}
	}
}

// report makes the result.
func (j *job) report(ctx context.Context, err error) *report.Report {
	in := report.Input{
		Command: j.opts.command, Rollout: j.name, Observation: j.seen, State: j.state,
	}
	if j.target != nil {
		in.Target = j.target.ID()
	}
	if j.state != nil && in.Target != "" && j.state.Target != in.Target {
		in.State, j.state = nil, nil // what is stored under the name is of something else
	}
	if j.store != nil {
		in.Audit = j.audit(context.WithoutCancel(ctx))
	}
	r := report.New(in)
	if j.state == nil && j.seen != nil {
		r.Ratio = j.seen.Ratio
	}
	r.SetExit(j.exit(ctx, err))
	if r.Pending() && !j.next.At.IsZero() {
		r.WaitingFor, r.NextAt = report.OneLine(j.next.What), j.next.At
	}
	r.WaitingFor = cmp.Or(j.waitingFor, r.WaitingFor)
	r.GoOn = j.goOn(r, err)
	if j.next.Wait == rollout.WaitApproval && r.WaitingFor != "" {
		r.Approve = j.opts.approveCommand(j.next.Ratio)
	}
	r.Message = cmp.Or(j.message, j.messageOf(ctx, err))
	return r
}

// text is the result in the form that was asked for.
func (j *job) text() string {
	switch j.output() {
	case formatMarkdown:
		return j.result.Markdown()
	case formatText:
		if j.opts.ship != nil {
			return j.opts.ship.outcome(j.result)
		}
		if j.showsState() && j.state != nil {
			return j.result.Text()
		}
		if j.showsState() && j.seen != nil { // it has not begun
			return report.Wrap("", j.result.Message, widthOf(j.stdout))
		}
		return "" // standard error says it
	default:
		if j.opts.ship != nil {
			return string(report.Encode(j.opts.ship.shipReport(j.result))) + "\n"
		}
		return string(report.Encode(j.result)) + "\n"
	}
}

// output is the form in which the result is printed.
func (j *job) output() string {
	if j.opts.output == "" && !j.opts.prints() && (isTerminal(j.stdout) || j.opts.ship != nil) {
		return formatText
	}
	return j.opts.output
}

// showsState says whether the result is where a rollout stands, as text.
func (j *job) showsState() bool {
	return j.opts.command == commandStatus && j.output() == formatText
}

// isTerminal says whether what is written to w is for people.
func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// widthOf is how many columns the terminal has that w is; 0 where it is none.
func widthOf(w any) int {
	file, ok := w.(*os.File)
	if !ok || !isTerminal(file) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return helpWidth
	}
	return width
}

// exit is the exit status. The context is that which cut a run short, if one did.
func (j *job) exit(ctx context.Context, err error) report.Exit {
	_, wrong := errors.AsType[wrongUse](err)
	switch {
	case wrong:
		return report.ExitUsage
	case errors.Is(err, rollout.ErrPaused) && !j.opts.drives():
		return report.ExitConflict // what was asked is refused
	case err != nil && cutShort(ctx, err) && errors.Is(context.Cause(ctx), errInterrupted):
		return report.ExitInterrupted
	default:
		return report.ExitOf(err)
	}
}

// cutShort says whether the run ended because it had to, and not by itself.
func cutShort(ctx context.Context, err error) bool {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return errors.Is(err, rollout.ErrPending) || ctx.Err() != nil && ended
}

// goOn is the command line that continues the rollout.
func (j *job) goOn(r *report.Report, err error) string {
	var newSpec []string
	if j.opts.newSpec && !j.bySpec() { // otherwise it has had its effect
		newSpec = []string{"--new-spec"}
	}
	switch {
	case j.refusedSpec(err):
		return j.opts.commandLine(j.opts.command, "--new-spec")
	case r.Status == rollout.Paused:
		return j.opts.commandLine(commandResume)
	case r.Pending(), j.opts.command == commandResume && r.ExitStatus == report.ExitDone:
		command := commandRun
		if j.opts.command == commandStep || j.opts.command == commandShip {
			command = j.opts.command
		}
		return j.opts.commandLine(command, newSpec...)
	default:
		return ""
	}
}

// bySpec says whether the rollout goes by the spec of this call.
func (j *job) bySpec() bool {
	return j.state != nil && (j.spec == nil || j.state.Spec.Hash() == j.spec.Hash())
}

// refusedSpec says whether the error is that the rollout goes by another spec.
func (j *job) refusedSpec(err error) bool {
	_, conflict := errors.AsType[*rollout.ConflictError](err)
	return conflict && j.state != nil && !j.bySpec() && !j.opts.newSpec && j.opts.asksTarget()
}

// messageOf says how it ended, in one line.
func (j *job) messageOf(ctx context.Context, err error) string {
	switch {
	case err != nil && ctx.Err() != nil && cutShort(ctx, err):
		return fmt.Sprintf("%v; %s", context.Cause(ctx), report.Standing(j.state))
	case errors.Is(err, rollout.ErrPending):
		return j.standing()
	case err != nil:
		return flagNames(withoutClass(report.OneLine(err.Error())))
	case j.opts.command == commandPlan:
		return "planned"
	case j.opts.command == commandApprove:
		return fmt.Sprintf("%v is approved; %s", j.opts.ratio(), j.standing())
	case j.opts.command == commandRevoke:
		return fmt.Sprintf("the approval of %v is revoked; %s", j.opts.ratio(), j.standing())
	default:
		return j.standing()
	}
}

// withoutClass leaves out the class that an error of the library ends with: the exit status
// says it.
func withoutClass(text string) string {
	for _, class := range []error{alipayplus.ErrInvalid, alipayplus.ErrNotFound, alipayplus.ErrConflict} {
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	return text
}

// standing says the state of the rollout, and what a run waits for.
func (j *job) standing() string {
	text := report.Standing(j.state)
	if j.state != nil && j.opts.drives() && !j.next.At.IsZero() {
		text += "; " + waitingText(j.next.What)
	}
	return text
}

// waitingText says what is waited for, with the word once.
func waitingText(what string) string {
	what = report.OneLine(what)
	if strings.HasPrefix(what, "waiting") {
		return what
	}
	return "waiting: " + what
}

// wrapped breaks each line of a text to a width, 0 for none. What follows is indented as the
// words of the line.
func wrapped(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		words := strings.TrimLeft(line, " ")
		b.WriteString(report.Wrap(line[:len(line)-len(words)], strings.TrimRight(words, "\n"), width))
	}
	return b.String()
}

// tell says on standard error how it ended, and how to continue.
func (j *job) tell(err error) {
	word, r := "error", j.result
	switch {
	case err == nil && j.showsState():
		return // standard output says it

	case r.ExitStatus == report.ExitPending || r.ExitStatus == report.ExitInterrupted:
		word = r.Outcome
	case err == nil && j.opts.drives():
		word = "done"
	case err == nil && j.opts.prints():
		return
	case err == nil:
		word = j.opts.command
	}
	message := r.Message
	for _, mark := range []string{"; ", ": "} { // no word twice
		message = strings.TrimPrefix(message, word+mark)
	}
	j.line(word+": ", message)
	if r.Approve != "" {
		j.line("to approve: ", r.Approve)
	}
	if r.GoOn != "" {
		j.line("to continue: ", r.GoOn)
	}
}

// line writes a line to standard error; on a terminal in several, between words.
func (j *job) line(label, text string) {
	_, _ = io.WriteString(j.stderr, report.Wrap(label, text, j.width))
}
