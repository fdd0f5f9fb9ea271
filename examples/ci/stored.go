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
)

// status says the state of the rollout: by what was stored last or, before it begins,
// by the target.
func (j *job) status(ctx context.Context, runner *rollout.Runner) (err error) {
	if j.state, err = runner.Status(ctx); err != nil {
		return err
	}
	if j.state == nil {
		if j.seen, err = j.target.Observe(ctx); err != nil {
			return err
		}
		j.found.Ratio = j.seen.Ratio
		j.found.Message = oneLine(fmt.Sprintf("the rollout has not begun; %s is %s at %v", j.target.ID(), j.seen.Status, j.seen.Ratio))
		return nil
	}
	if j.state.Target != j.target.ID() {
		return &rollout.ConflictError{Rollout: runner.Name(), Reason: fmt.Sprintf(
			"the stored state is of %s, not of %s; give another -name", j.state.Target, j.target.ID())}
	}
	j.found.WaitingFor = oneLine(waitsFor(j.state, time.Now()))
	j.found.Message = fmt.Sprintf("as stored at %s: %s", j.state.UpdatedAt.UTC().Format(time.RFC3339), j.standing())
	if j.found.WaitingFor != "" {
		j.found.Message += "; waiting: " + j.found.WaitingFor
	}
	return nil
}

// waitsFor says what a rollout waits for, as far as its state alone tells; empty where
// that depends on the target.
func waitsFor(s *rollout.State, now time.Time) string {
	if s.Status != rollout.Running {
		return ""
	}
	if s.Intent != nil {
		return "finding out what became of a change that was begun: " + string(s.Intent.Kind)
	}
	for i, step := range slices.Backward(s.Spec.Steps) {
		if step.Ratio <= s.Ratio {
			return cmp.Or(watching(s, step, now), approvalOf(s, i+1))
		}
	}
	status, verdicts, _ := strings.Cut(s.LastEmitted, ", ")
	switch alipayplus.ReleaseStatus(status) {
	case alipayplus.ReleaseUnderReview:
		return "under review: " + verdicts
	case alipayplus.ReleasePreparation:
		return approvalOf(s, 0)
	default:
		return ""
	}
}

// watching says what the live step still needs before the next.
func watching(s *rollout.State, step rollout.StepSpec, now time.Time) string {
	if baked := s.Since.Add(step.Bake.Std()); now.Before(baked) {
		return fmt.Sprintf("watching %v until %s", s.Ratio, baked.UTC().Format(time.RFC3339))
	}
	for _, name := range step.Gates {
		if g := s.Gates[name]; g.Verdict.Decision != rollout.Pass {
			return fmt.Sprintf("gate %s does not pass yet: %s", name, cmp.Or(g.Error, g.Verdict.Reason, "it was not asked yet"))
		}
	}
	return ""
}

// approvalOf says whether the approval of a step of the spec is missing.
func approvalOf(s *rollout.State, i int) string {
	if i >= len(s.Spec.Steps) || !s.Spec.Steps[i].Approval {
		return ""
	}
	ratio := s.Spec.Steps[i].Ratio
	if slices.ContainsFunc(s.Approvals, func(a rollout.Approval) bool { return a.Ratio == ratio }) {
		return ""
	}
	return fmt.Sprintf("waiting for approval of %v", ratio)
}
