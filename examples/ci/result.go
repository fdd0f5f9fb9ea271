package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/ci/terminal"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// resultSchema is the version of the form of a result.
const resultSchema = 1

// result is the object on standard output.
type result struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Command is what was asked.
	Command string `json:"command"`
	// Outcome is the exit status in a word.
	Outcome string `json:"outcome"`
	// ExitStatus is the program's.
	ExitStatus int `json:"exitStatus"`
	// Message says how it ended, in one line.
	Message string `json:"message"`
	// Rollout is the rollout's name; empty when it came not so far.
	Rollout string `json:"rollout,omitempty"`
	// Target is what is driven.
	Target string `json:"target,omitempty"`
	// Status is the rollout's: RUNNING, PAUSED, DONE, ABORTED or ENDED; empty
	// before it began.
	Status rollout.Status `json:"status,omitempty"`
	// Ratio is live, in percent, as far as the rollout knows.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Steps are the review and the ratios of the spec, in order.
	Steps []stepResult `json:"steps,omitempty"`
	// WaitingFor says what is waited for; empty when nothing is.
	WaitingFor string `json:"waitingFor,omitempty"`
	// NextAt is when the release, or a gate, is looked at next: often long before what is
	// waited for is over.
	NextAt time.Time `json:"nextAt,omitzero"`
	// Stop is why the rollout does not go on; nil while it does, and when it is done.
	Stop *rollout.Stop `json:"stop,omitempty"`
	// GoOn is the command line that goes on; empty when there is nothing to go on with.
	GoOn string `json:"goOn,omitempty"`

	// ladder is the bar of the ladder, for the summary.
	ladder string
}

// conclude fills in the result, prints it, and says on standard error how it ended.
func (j *job) conclude(ctx context.Context, err error) {
	r := j.found
	r.ExitStatus = j.exitStatus(ctx, err)
	r.Outcome = outcome(r.ExitStatus)
	if j.state != nil && j.state.Target != r.Target {
		j.state = nil // what is stored under the name is of something else
	}
	if j.state != nil {
		r.Status, r.Ratio, r.Stop = j.state.Status, j.state.Ratio, j.state.Stop
	}
	r.Steps = j.steps()
	r.ladder = j.ladder()
	if pending(r) && !j.next.At.IsZero() {
		r.WaitingFor, r.NextAt = oneLine(j.next.What), j.next.At
	}
	r.GoOn = j.goOn(err)
	r.Message = cmp.Or(r.Message, j.message(ctx, err))
	j.tell(err)
	if j.printed {
		return
	}
	if _, err := fmt.Fprintf(j.stdout, "%s\n", encode(r)); err != nil {
		_, _ = fmt.Fprintf(j.stderr, "error: print the result: %v\n", err)
		if r.ExitStatus == exitDone { // who reads the result does not know
			r.ExitStatus, r.Outcome = exitInternal, outcome(exitInternal)
		}
	}
}

// pending says whether the same command line goes on.
func pending(r *result) bool {
	return (r.ExitStatus == exitPending || r.ExitStatus == exitInterrupted) && r.Status != rollout.Paused
}

// goOn is the command line that goes on.
func (j *job) goOn(err error) string {
	newSpec := j.opts.newSpec && !j.bySpec() // otherwise it has had its effect
	switch {
	case j.refusedSpec(err):
		return j.opts.commandLine(j.opts.command, true)
	case j.found.Status == rollout.Paused:
		return j.opts.commandLine(commandResume, newSpec)
	case pending(j.found), j.opts.command == commandResume && j.found.ExitStatus == exitDone:
		command := commandRun
		if j.opts.command == commandStep {
			command = commandStep
		}
		return j.opts.commandLine(command, newSpec)
	default:
		return ""
	}
}

// bySpec says whether the rollout goes by the spec of this call.
func (j *job) bySpec() bool {
	return j.state != nil && j.spec != nil && j.state.Spec.Hash() == j.spec.Hash()
}

// refusedSpec says whether the error is that the rollout goes by another spec.
func (j *job) refusedSpec(err error) bool {
	_, conflict := errors.AsType[*rollout.ConflictError](err)
	return conflict && j.state != nil && !j.bySpec() && !j.opts.newSpec && (j.isRun() || j.opts.command == commandPlan)
}

// message says how it ended, in one line.
func (j *job) message(ctx context.Context, err error) string {
	switch {
	case err != nil && ctx.Err() != nil && cutShort(ctx, err):
		return fmt.Sprintf("%v; %s", context.Cause(ctx), j.standing())
	case err != nil:
		return byFlags(oneLine(err.Error()))
	case j.opts.command == commandPlan:
		return "planned"
	case j.opts.command == commandApprove:
		return fmt.Sprintf("%v is approved; %s", j.opts.ratio(), j.standing())
	default:
		return j.standing()
	}
}

// byFlags says the flags of this program where the library says its options.
func byFlags(text string) string {
	return strings.NewReplacer("(WithNewSpec)", "(-new-spec)", "(WithName)", "(-name)").Replace(text)
}

// standing says the state of the rollout.
func (j *job) standing() string {
	if j.state == nil {
		return "the rollout has not begun"
	}
	text := fmt.Sprintf("%s is %s at %v", j.state.Target, strings.ToLower(string(j.state.Status)), j.state.Ratio)
	if stop := j.state.Stop; stop != nil {
		text += ": " + stop.Reason
		if stop.Aftermath != "" {
			text += "; " + stop.Aftermath
		}
	}
	if j.isRun() && !j.next.At.IsZero() {
		text += "; waiting: " + j.next.What
	}
	return oneLine(text)
}

// tell says on standard error how it ended, and how to go on.
func (j *job) tell(err error) {
	word := "error"
	switch {
	case j.found.ExitStatus == exitPending || j.found.ExitStatus == exitInterrupted:
		word = j.found.Outcome
	case err == nil && j.isRun():
		word = "done"
	case err == nil:
		word = j.opts.command
	}
	_, _ = fmt.Fprintf(j.stderr, "%s: %s\n", word, j.found.Message)
	if j.found.GoOn != "" {
		_, _ = fmt.Fprintf(j.stderr, "to go on: %s\n", j.found.GoOn)
	}
}

// ladder is the bar of the ladder; empty when nothing is known.
func (j *job) ladder() string {
	if j.spec == nil || j.state == nil {
		return ""
	}
	var ladder alipayplus.Ladder
	if j.seen != nil {
		ladder = j.seen.Ladder
	}
	ratios := make([]alipayplus.Ratio, len(j.spec.Steps))
	for i, step := range j.spec.Steps {
		ratios[i] = step.Ratio
	}
	return terminal.LadderBar(ladder, ratios, j.found.Ratio)
}

// encode writes JSON in one line, readable where it holds command lines. Characters
// that nobody sees, among them those that turn text around, are written as escapes.
func encode(v any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // nothing that is written here can fail
		_, _ = io.WriteString(&line, err.Error())
	}
	var shown bytes.Buffer
	for _, r := range strings.TrimSpace(line.String()) {
		if !unicode.Is(unicode.Cf, r) {
			shown.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			_, _ = fmt.Fprintf(&shown, `\u%04x`, half)
		}
	}
	return shown.Bytes()
}
