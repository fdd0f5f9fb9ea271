// Package report says how a rollout stands in the forms that CI systems read: an exit
// status, a JSON object, JUnit test cases, Markdown, and the files of GitHub Actions. The
// tool cmd/alipayplus is built on it; it serves programs of one's own in the same way.
package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Schema is the version of the form of a [Report].
const Schema = 1

// Report says how a rollout stands or ended. Encoded by [Encode], it is one JSON object in
// one line.
type Report struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Command is what was asked; empty where a program has one command.
	Command string `json:"command,omitempty"`
	// Outcome is the exit status as a word.
	Outcome string `json:"outcome"`
	// ExitStatus is the program's.
	ExitStatus Exit `json:"exitStatus"`
	// Message says how it ended, in one line.
	Message string `json:"message"`
	// Rollout is the rollout's name; empty before that is known.
	Rollout string `json:"rollout,omitempty"`
	// Target is what is driven.
	Target string `json:"target,omitempty"`
	// Program is the mini program's name, or its id; empty when that is not known.
	Program string `json:"program,omitempty"`
	// Version is the version that is released; empty when that is not known.
	Version string `json:"version,omitempty"`
	// Status is the rollout's: RUNNING, PAUSED, DONE, ABORTED or ENDED; empty
	// before it began.
	Status rollout.Status `json:"status,omitempty"`
	// Ratio is live, in percent, as far as the rollout knows.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Steps are the review and the ratios of the spec, in order.
	Steps []Step `json:"steps,omitempty"`
	// WaitingFor says what is waited for; empty when nothing is.
	WaitingFor string `json:"waitingFor,omitempty"`
	// NextAt is when the release, or a gate, is observed next: often long before what is
	// waited for is over.
	NextAt time.Time `json:"nextAt,omitzero"`
	// Stop is why the rollout does not go on; nil while it does, and when it is done.
	Stop *rollout.Stop `json:"stop,omitempty"`
	// Approve is the command line by which a person approves what is waited for; empty when
	// that is not an approval.
	Approve string `json:"approve,omitempty"`
	// GoOn is the command line that continues it; empty when nothing is left to do.
	GoOn string `json:"goOn,omitempty"`

	// ladder is the bar of the ladder, for Markdown.
	ladder string
}

// Input is what a [Report] is made of. The zero value of each field is allowed.
type Input struct {
	// Command is what was asked.
	Command string
	// Rollout is the rollout's name, and Target what is driven; empty: those of the state.
	Rollout, Target string
	// State is the state of the rollout; nil before it began.
	State *rollout.State
	// Observation is where the target stood when it was last observed; nil: not known.
	Observation *rollout.Observation
	// Audit is the audit log of the rollout. How long the review lasted comes from it.
	Audit []rollout.AuditEntry
	// Err is what the run came to; nil: all is well. A [rollout.PendingError] says what is
	// waited for.
	Err error
}

// New makes a report. Exit status, outcome and message are those of the error, and
// without one those of the state.
func New(in Input) *Report {
	r := &Report{
		Schema: Schema, Command: in.Command, Rollout: in.Rollout, Target: in.Target,
	}
	if s := in.subject(); s != (rollout.Subject{}) {
		r.Program, r.Version = OneLine(cmp.Or(s.Name, s.Program)), OneLine(s.Version)
	}
	r.SetExit(ExitOf(in.Err))
	if s := in.State; s != nil {
		r.Rollout, r.Target = cmp.Or(r.Rollout, s.Rollout), cmp.Or(r.Target, s.Target)
		r.Status, r.Ratio, r.Stop = s.Status, s.Ratio, s.Stop
		r.Steps, r.ladder = steps(in), ladder(in)
	}
	if next := in.next(); !next.At.IsZero() && r.Pending() {
		r.WaitingFor, r.NextAt = OneLine(next.What), next.At
	}
	if in.Err != nil {
		r.Message = OneLine(in.Err.Error())
	} else {
		r.Message = Standing(in.State)
	}
	return r
}

// subject is the mini program and its version, as far as they are known.
func (in Input) subject() (s rollout.Subject) {
	if in.State != nil {
		s = in.State.Subject
	}
	if in.Observation != nil && in.Observation.Subject != (rollout.Subject{}) {
		s = in.Observation.Subject
	}
	return s
}

// SetExit sets the exit status, and the outcome that belongs to it.
func (r *Report) SetExit(exit Exit) { r.ExitStatus, r.Outcome = exit, exit.String() }

// Pending says whether the same command continues the rollout.
func (r *Report) Pending() bool {
	return (r.ExitStatus == ExitPending || r.ExitStatus == ExitInterrupted) && r.Status != rollout.Paused
}

// title is what people call the rollout: the mini program and its version where they are
// known.
func (r *Report) title() string {
	if r.Program == "" && r.Version == "" {
		return cmp.Or(r.Rollout, "not begun")
	}
	return strings.TrimSpace(r.Program + " " + r.Version)
}

// Standing says in one line how a rollout stands; the state may be nil.
func Standing(s *rollout.State) string {
	if s == nil {
		return "the rollout has not begun"
	}
	text := fmt.Sprintf("%s is %s at %v", s.Target, strings.ToLower(string(s.Status)), s.Ratio)
	if s.Stop != nil {
		text += ": " + s.Stop.Reason
		if s.Stop.Aftermath != "" {
			text += "; " + s.Stop.Aftermath
		}
	}
	return OneLine(text)
}
