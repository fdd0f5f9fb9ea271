package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// status says the state of the rollout: by what was stored last or, before it begins,
// by the target.
func (j *job) status(ctx context.Context) (err error) {
	if err := j.read(ctx); err != nil {
		return err
	}
	if j.state == nil {
		if j.target == nil {
			return j.noRollout()
		}
		if j.seen, err = j.target.Observe(ctx); err != nil {
			return err
		}
		j.message = report.OneLine(fmt.Sprintf("the rollout has not begun; %s is %s at %v", j.target.ID(), j.seen.Status, j.seen.Ratio))
		return nil
	}
	j.waitingFor, j.next = j.waits(time.Now())
	j.message = fmt.Sprintf("as stored at %s: %s", j.state.UpdatedAt.UTC().Format(time.RFC3339), j.standing())
	if j.waitingFor != "" {
		j.message += "; " + waitingText(j.waitingFor)
	}
	return nil
}

// waits is what the stored rollout waits for, in a line and typed.
func (j *job) waits(now time.Time) (text string, next rollout.Next) {
	text, ratio := waitsFor(j.state, now)
	if ratio > 0 {
		next.Wait, next.Ratio = rollout.WaitApproval, ratio
	}
	return report.OneLine(text), next
}

// read reads the state of the rollout, which must be of the target where that is known.
func (j *job) read(ctx context.Context) (err error) {
	if j.state, err = rollout.ReadState(ctx, j.store, j.name); err != nil || j.state == nil || j.target == nil || j.state.Target == j.target.ID() {
		return err
	}
	return &rollout.ConflictError{Rollout: j.name, Reason: fmt.Sprintf(
		"the stored state is of %s, not of %s; give another --name", j.state.Target, j.target.ID())}
}

// history prints the audit log of the rollout.
func (j *job) history(ctx context.Context) error {
	if err := j.read(ctx); err != nil {
		return err
	}
	if j.state == nil {
		return j.noRollout()
	}
	log := history{Schema: report.Schema, Rollout: j.name, Target: j.state.Target}
	for entry, err := range j.store.Audit(ctx, j.name) {
		if err != nil {
			return err
		}
		log.Entries = append(log.Entries, entry)
	}
	text := log.text(widthOf(j.stdout))
	switch j.opts.output {
	case formatMarkdown:
		text = log.markdown()
	case formatJSON:
		text = string(report.Encode(log)) + "\n"
	}
	return j.print("the history", text)
}

// history is the audit log of a rollout.
type history struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Rollout is the rollout's name, and Target what it is of.
	Rollout string `json:"rollout"`
	Target  string `json:"target"`
	// Entries are what was done, oldest first.
	Entries []rollout.AuditEntry `json:"entries"`
}

func (h history) text(width int) string {
	var b strings.Builder
	for _, e := range h.Entries {
		b.WriteString(report.Wrap(fmt.Sprintf("%s  %-9s  %4v  ", e.At.UTC().Format(time.RFC3339), e.Action, e.To), historyLine(e), width))
	}
	return b.String()
}

func (h history) markdown() string {
	var b strings.Builder
	b.WriteString("| when (UTC) | what | ratio | by | why |\n|---|---|---|---|---|\n")
	for _, e := range h.Entries {
		fmt.Fprintf(&b, "| %s | %s | %v | %s | %s |\n", e.At.UTC().Format(time.DateTime), e.Action, e.To, rollout.MarkdownCode(e.By), rollout.MarkdownCode(e.Why))
	}
	return b.String()
}

func historyLine(e rollout.AuditEntry) string {
	text := e.Why
	if e.By != "" && !strings.Contains(text, e.By) {
		text += " (by " + e.By + ")"
	}
	return report.OneLine(strings.TrimSpace(text))
}

// waitsFor says what a rollout waits for, as far as its state alone tells, and which ratio
// must be approved, if that is it; empty where that depends on the target.
func waitsFor(s *rollout.State, now time.Time) (text string, approval alipayplus.Ratio) {
	if s.Status != rollout.Running {
		return "", 0
	}
	if s.Intent != nil {
		return "finding out what became of a change that was begun: " + string(s.Intent.Kind), 0
	}
	for i, step := range slices.Backward(s.Spec.Steps) {
		if step.Ratio <= s.Ratio {
			if text := watching(s, step, now); text != "" {
				return text, 0
			}
			return approvalOf(s, i+1, now)
		}
	}
	status, verdicts, _ := strings.Cut(s.LastEmitted, ", ")
	switch alipayplus.ReleaseStatus(status) {
	case alipayplus.ReleaseUnderReview:
		return "under review: " + verdicts, 0
	case alipayplus.ReleasePreparation:
		return approvalOf(s, 0, now)
	default:
		return "", 0
	}
}

// watching says what the live step still needs before the next.
func watching(s *rollout.State, step rollout.StepSpec, now time.Time) string {
	if baked := s.Since.Add(step.Bake.Std()); now.Before(baked) {
		return fmt.Sprintf("watching %v until %s", s.Ratio, baked.UTC().Format(time.RFC3339))
	}
	for _, name := range step.Gates {
		if g := s.Gates[name]; g.Verdict.Decision != rollout.Pass {
			return fmt.Sprintf("gate %s does not pass yet: %s", name, cmp.Or(g.Error, g.Verdict.Reason, "it was not evaluated yet"))
		}
	}
	return ""
}

// approvalOf says whether the approval of a step of the spec is missing, and of which ratio.
func approvalOf(s *rollout.State, i int, now time.Time) (string, alipayplus.Ratio) {
	if i >= len(s.Spec.Steps) || !s.Spec.Steps[i].Approval {
		return "", 0
	}
	ratio := s.Spec.Steps[i].Ratio
	valid, why := s.Approval(ratio, now)
	switch {
	case valid != nil:
		return "", 0
	case why != "":
		return fmt.Sprintf("waiting for approval of %v again: %s", ratio, why), ratio
	default:
		return fmt.Sprintf("waiting for approval of %v", ratio), ratio
	}
}
