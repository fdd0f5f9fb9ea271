package report

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Step is the review, or one ratio of the spec, in a [Report].
type Step struct {
	// Name is "review", or the ratio: "10%".
	Name string `json:"name"`
	// Ratio is the ratio, in percent; 0 for the review.
	Ratio alipayplus.Ratio `json:"ratio,omitempty"`
	// State is how it stands.
	State StepState `json:"state"`
	// Why says more; may be empty.
	Why string `json:"why,omitempty"`
	// LiveAt is when the ratio went live; zero before that.
	LiveAt time.Time `json:"liveAt,omitzero"`
	// Seconds is how long the ratio was live before the next one, or from the last
	// application to the first ratio or the end of the review; 0 until then.
	Seconds float64 `json:"seconds,omitempty"`
	// Gates are the gates of the ratio.
	Gates []Gate `json:"gates,omitempty"`
}

// Gate is a gate of a ratio, in a [Report].
type Gate struct {
	// Name is the gate's name in the spec.
	Name string `json:"name"`
	// State is how it stands: done when it passed.
	State StepState `json:"state"`
	// Why is what it said last; may be empty.
	Why string `json:"why,omitempty"`
}

// StepState says how a step or a gate stands.
type StepState string

// The states of steps and gates.
const (
	// StepDone: it is behind.
	StepDone StepState = "done"
	// StepLive: the ratio is live.
	StepLive StepState = "live"
	// StepFailed: the rollout stopped here, because of this.
	StepFailed StepState = "failed"
	// StepTodo: it is still to come.
	StepTodo StepState = "todo"
	// StepSkipped: somebody else took the release past it.
	StepSkipped StepState = "skipped"
)

// next is what a pending rollout waits for.
func (in Input) next() rollout.Next {
	if pending, ok := errors.AsType[*rollout.PendingError](in.Err); ok {
		return pending.Next
	}
	return rollout.Next{}
}

// steps says how the review and each ratio of the state stand.
func steps(in Input) []Step {
	all := []Step{review(in)}
	for i := range in.State.Spec.Steps {
		all = append(all, stepOf(in.State, i))
	}
	return all
}

func review(in Input) Step {
	r, s, seen, applied := Step{Name: "review", State: StepTodo}, in.State, in.Observation, appliedAt(in.Audit)
	switch {
	case s.Stop != nil && (s.Stop.Cause == rollout.CauseRejected || s.Stop.Cause == rollout.CauseWithdrawn):
		r.State, r.Why = StepFailed, OneLine(s.Stop.Reason)
		r.Seconds = seconds(applied, s.Stop.At)
	case s.Ratio > 0 || seen != nil && (seen.Status == alipayplus.ReleasePreparation || seen.Status == alipayplus.ReleaseFull):
		r.State = StepDone
	case s.Applied:
		r.Why = "under review"
	}
	if len(s.Changes) > 0 && !s.Changes[0].Outside {
		r.Seconds = seconds(applied, s.Changes[0].At)
	}
	return r
}

// appliedAt is when the rollout applied for review last, or adopted an application; zero
// when that is not known.
func appliedAt(log []rollout.AuditEntry) (at time.Time) {
	for _, entry := range log {
		if entry.To == 0 && (entry.Action == rollout.EventApplied || entry.Action == rollout.EventAdopted) {
			at = entry.At
		}
	}
	return at
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

// stepOf says how the ratio of a step stands.
func stepOf(s *rollout.State, i int) Step {
	step := s.Spec.Steps[i]
	r := Step{Name: step.Ratio.String(), Ratio: step.Ratio, State: StepTodo}
	to := lastChange(s.Changes, func(c rollout.RatioChange) bool { return c.To == step.Ratio })
	from := lastChange(s.Changes, func(c rollout.RatioChange) bool { return c.From == step.Ratio })
	switch {
	case to == nil && s.Ratio >= step.Ratio:
		r.State, r.Why = StepSkipped, fmt.Sprintf("%v is live", s.Ratio)
	case to == nil && step.Approval:
		r.Why = approval(s, step.Ratio)
	case to == nil:
	case s.Ratio == step.Ratio && s.Status != rollout.Done:
		r.State, r.LiveAt = StepLive, to.At
	default:
		r.State, r.LiveAt = StepDone, to.At
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
	a, why := s.Approval(ratio, time.Now())
	switch {
	case a != nil:
		return OneLine("approved by " + a.By)
	case why != "":
		return OneLine("needs approval again: " + why)
	default:
		return "needs approval"
	}
}

// gateOf says how a gate of a step stands. That a ratio was left by the rollout means
// that the gate passed.
func gateOf(s *rollout.State, name string, of Step, left *rollout.RatioChange) Gate {
	g := Gate{Name: name, State: of.State}
	switch {
	case of.State == StepDone && left != nil && left.Outside:
		g.State, g.Why = StepSkipped, "somebody else went on without it"
	case of.State != StepLive:
	case s.Stop != nil && s.Stop.Gate == name:
		g.State, g.Why = StepFailed, s.Stop.Reason
	default:
		said := s.Gates[name]
		g.State, g.Why = StepTodo, said.Verdict.Reason
		if said.Verdict.Decision == rollout.Pass {
			g.State = StepDone
		}
		if said.Error != "" {
			g.Why = said.Error
		}
	}
	g.Why = OneLine(g.Why)
	return g
}
