package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// stepResult is the review, or one ratio of the spec.
type stepResult struct {
	// Name is "review", or the ratio: "10%".
	Name string `json:"name"`
	// Ratio is the ratio, in percent; 0 for the review.
	Ratio alipayplus.Ratio `json:"ratio,omitempty"`
	// State is how it stands.
	State stepState `json:"state"`
	// Why says more; may be empty.
	Why string `json:"why,omitempty"`
	// LiveAt is when the ratio went live; zero before that.
	LiveAt time.Time `json:"liveAt,omitzero"`
	// Seconds is how long the ratio was live before the next one, or from the last
	// application to the first ratio or the end of the review; 0 until then.
	Seconds float64 `json:"seconds,omitempty"`
	// Gates are the gates of the ratio.
	Gates []gateResult `json:"gates,omitempty"`
}

// gateResult is a gate of a ratio.
type gateResult struct {
	// Name is the gate's name in the spec.
	Name string `json:"name"`
	// State is how it stands: done when it passed.
	State stepState `json:"state"`
	// Why is what it said last; may be empty.
	Why string `json:"why,omitempty"`
}

type stepState string

const (
	// stateDone: it is behind.
	stateDone stepState = "done"
	// stateLive: the ratio is live.
	stateLive stepState = "live"
	// stateFailed: the rollout stopped here, because of this.
	stateFailed stepState = "failed"
	// stateTodo: it is still to come.
	stateTodo stepState = "todo"
	// stateSkipped: somebody else took the release past it.
	stateSkipped stepState = "skipped"
)

// steps says how the review and each ratio stand.
func (j *job) steps() []stepResult {
	if j.state == nil {
		return nil
	}
	steps := []stepResult{j.review()}
	for i := range j.state.Spec.Steps {
		steps = append(steps, j.ratio(i))
	}
	return steps
}

func (j *job) review() stepResult {
	r := stepResult{Name: "review", State: stateTodo}
	s := j.state
	switch {
	case s.Stop != nil && (s.Stop.Cause == rollout.CauseRejected || s.Stop.Cause == rollout.CauseWithdrawn):
		r.State, r.Why = stateFailed, oneLine(s.Stop.Reason)
		r.Seconds = seconds(j.applied, s.Stop.At)
	case s.Ratio > 0 || j.seen != nil && (j.seen.Status == alipayplus.ReleasePreparation || j.seen.Status == alipayplus.ReleaseFull):
		r.State = stateDone
	case s.Applied:
		r.Why = "under review"
	}
	if len(s.Changes) > 0 && !s.Changes[0].Outside {
		r.Seconds = seconds(j.applied, s.Changes[0].At)
	}
	return r
}

// seconds is the time between two others, in whole milliseconds; 0 when the first is
// not known, or is not the first.
func seconds(from, to time.Time) float64 {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	const second = 1000
	return float64(to.Sub(from).Round(time.Millisecond).Milliseconds()) / second
}

// ratio says how the ratio of a step stands.
func (j *job) ratio(i int) stepResult {
	s, step := j.state, j.state.Spec.Steps[i]
	r := stepResult{Name: step.Ratio.String(), Ratio: step.Ratio, State: stateTodo}
	to := lastChange(s.Changes, func(c rollout.RatioChange) bool { return c.To == step.Ratio })
	from := lastChange(s.Changes, func(c rollout.RatioChange) bool { return c.From == step.Ratio })
	switch {
	case to == nil && s.Ratio >= step.Ratio:
		r.State, r.Why = stateSkipped, fmt.Sprintf("%v is live", s.Ratio)
	case to == nil && step.Approval:
		r.Why = approval(s, step.Ratio)
	case to == nil:
	case s.Ratio == step.Ratio && s.Status != rollout.Done:
		r.State, r.LiveAt = stateLive, to.At
	default:
		r.State, r.LiveAt = stateDone, to.At
	}
	if to != nil && to.Outside {
		r.Why = "set by somebody else"
	}
	if to != nil && from != nil {
		r.Seconds = seconds(to.At, from.At)
	}
	for _, name := range step.Gates {
		r.Gates = append(r.Gates, gateOf(s, name, r, from))
	}
	return r
}

func lastChange(changes []rollout.RatioChange, fits func(rollout.RatioChange) bool) *rollout.RatioChange {
	for _, c := range slices.Backward(changes) {
		if fits(c) {
			return &c
		}
	}
	return nil
}

func approval(s *rollout.State, ratio alipayplus.Ratio) string {
	for _, a := range s.Approvals {
		if a.Ratio == ratio {
			return oneLine("approved by " + a.By)
		}
	}
	return "needs approval"
}

// gateOf says how a gate of a step stands. That a ratio was left by the rollout means
// that the gate passed.
func gateOf(s *rollout.State, name string, of stepResult, left *rollout.RatioChange) gateResult {
	g := gateResult{Name: name, State: of.State}
	switch {
	case of.State == stateDone && left != nil && left.Outside:
		g.State, g.Why = stateSkipped, "somebody else went on without it"
	case of.State != stateLive:
	case s.Stop != nil && s.Stop.Gate == name:
		g.State, g.Why = stateFailed, s.Stop.Reason
	default:
		said := s.Gates[name]
		g.State, g.Why = stateTodo, said.Verdict.Reason
		if said.Verdict.Decision == rollout.Pass {
			g.State = stateDone
		}
		if said.Error != "" {
			g.Why = said.Error
		}
	}
	g.Why = oneLine(g.Why)
	return g
}
