package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// applicant is a target that says whether there is what to apply for review with. It is
// asked before a rollout begins that will apply; later on, when it applies again.
type applicant interface {
	checkApplication(ctx context.Context) error
}

// checkApplication says whether a rollout that begins has what to apply for review with.
func (j *job) checkApplication(ctx context.Context, plan *rollout.Plan) error {
	target, ok := j.target.(applicant)
	if !ok || plan.Observation.Status != alipayplus.ReleaseNewVersionCreated {
		return nil
	}
	return target.checkApplication(ctx)
}

// faultyGates says which gates cannot work here, for the variables or programs that they
// need. They are evaluated after the reviews, which may be days from now.
func faultyGates(plan *rollout.Plan) error {
	if len(plan.Faults) == 0 {
		return nil
	}
	return misused("gates cannot work here: %s", strings.Join(plan.Faults, "; "))
}

// checkSpecGates evaluates every gate of the spec once, and prints what each said.
func (j *job) checkSpecGates(ctx context.Context, runner *rollout.Runner) error {
	checks, err := runner.CheckGates(ctx)
	if checks == nil && err != nil {
		return err
	}
	list := gateChecks{Schema: report.Schema, Gates: checks}
	text := list.text()
	switch j.opts.output {
	case formatMarkdown:
		text = list.markdown()
	case formatJSON:
		text = string(report.Encode(list)) + "\n"
	}
	if printed := j.print("what the gates said", text); printed != nil {
		return printed
	}
	if err != nil {
		return fmt.Errorf("%w: %w", rollout.ErrGateFailed, err)
	}
	return nil
}

// gateChecks are what the gates of a spec said.
type gateChecks struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Gates are the gates, by name.
	Gates []rollout.GateCheck `json:"gates"`
}

func (l gateChecks) text() string {
	if len(l.Gates) == 0 {
		return "the spec has no gates\n"
	}
	var b strings.Builder
	for _, g := range l.Gates {
		b.WriteString(report.Wrap(fmt.Sprintf("%-7s %-12s ", gateVerdict(g), report.OneLine(g.Gate)), report.OneLine(gateReason(g)), helpWidth))
	}
	return b.String()
}

func (l gateChecks) markdown() string {
	var b strings.Builder
	b.WriteString("| gate | at | says | why |\n|---|---|---|---|\n")
	for _, g := range l.Gates {
		fmt.Fprintf(&b, "| %s | %v | %s | %s |\n", rollout.MarkdownCode(g.Gate), g.Ratio, gateVerdict(g), rollout.MarkdownCode(gateReason(g)))
	}
	return b.String()
}

// gateVerdict is what a gate said: pass, wait, fail, or nothing.
func gateVerdict(g rollout.GateCheck) string {
	if g.Err != nil {
		return "nothing"
	}
	return string(g.Verdict.Decision)
}

func gateReason(g rollout.GateCheck) string {
	if g.Err != nil {
		return g.Error
	}
	return g.Verdict.Reason
}
