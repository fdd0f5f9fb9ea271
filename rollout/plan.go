package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Plan says what a rollout will do from where its target stands. It is data that can be
// stored and shown. [Runner.RunPlan] carries it out, unless it is out of date.
type Plan struct {
	// Target is the id of the target.
	Target string `json:"target"`
	// Spec is the hash of the spec.
	Spec string `json:"spec"`
	// Observation is where the target stood.
	Observation Observation `json:"seen"`
	// Items are what is done, to do, skipped or in the way, in order.
	Items []PlanItem `json:"items"`
	// AtLeast is the sum of the bake times to come, reviews, approvals and freezes apart.
	AtLeast Duration `json:"atLeast"`
	// Frozen says that no ratio could be set when the plan was made, why, and until when;
	// empty when one could.
	Frozen string `json:"frozen,omitempty"`
	// Faults say which gates could not work on the machine that made the plan, and why: a
	// program or an environment variable is missing, for example.
	Faults []string `json:"faults,omitempty"`
	// Hash names the content of the plan.
	Hash string `json:"hash"`
}

// PlanItem is one thing of a plan.
type PlanItem struct {
	// State says whether it is still to do.
	State PlanState `json:"state"`
	// What says what it is.
	What string `json:"what"`
	// Why says why it is done, skipped or in the way; may be empty.
	Why string `json:"why,omitempty"`
	// Ratio is the ratio that it is about, in percent; 0 for none.
	Ratio alipayplus.Ratio `json:"ratio,omitempty"`
	// Bake is the bake time; 0 for none.
	Bake Duration `json:"bake,omitempty"`
	// Gates are those that must pass.
	Gates []string `json:"gates,omitempty"`
	// Approval is the valid approval of the ratio; nil when there is none.
	Approval *Approval `json:"approval,omitempty"`
}

// PlanState says how a thing of a plan stands.
type PlanState string

// The states of the things of a plan.
const (
	// PlanDone: it is done already.
	PlanDone PlanState = "DONE"
	// PlanTodo: it will be done.
	PlanTodo PlanState = "TODO"
	// PlanSkipped: it will not be done, because the target is further already.
	PlanSkipped PlanState = "SKIPPED"
	// PlanBlocked: it cannot be done; a run would stop here.
	PlanBlocked PlanState = "BLOCKED"
)

// MakePlan says what the first run by the spec would do with a target that was observed so.
// It is pure. The error says what is wrong with the spec, by itself or for the target's
// ladder: an [alipayplus.ValidationError].
func MakePlan(target string, spec Spec, seen *Observation) (*Plan, error) {
	return planFrom(&State{Target: target, Spec: spec, Status: Running}, seen, time.Time{}, "")
}

// planFrom says what a run would do that goes on from the state by the state's spec.
func planFrom(state *State, seen *Observation, now time.Time, host string) (*Plan, error) {
	if seen == nil {
		return nil, fmt.Errorf("rollout: a plan needs to know where %s stands: %w", state.Target, alipayplus.ErrInvalid)
	}
	if err := state.Spec.Validate(); err != nil {
		return nil, err
	}
	if err := state.Spec.checkLadderAbove(seen.Ratio, seen.Ladder); err != nil {
		return nil, err
	}
	p := &Plan{Target: state.Target, Spec: state.Spec.Hash(), Observation: *seen}
	p.Observation.Subject = state.Subject.with(seen.Subject)
	if state.Stop != nil {
		p.add(PlanItem{State: PlanBlocked, What: "go on", Why: state.stopped().Error()})
	}
	p.review(state, now, host)
	for i := range state.Spec.Steps {
		p.step(state, i, now)
	}
	for _, w := range state.Spec.Freeze {
		p.add(PlanItem{State: PlanTodo, What: "set no ratio in " + w.String()})
	}
	p.AtLeast -= elapsedBake(state, seen, now, host)
	if !now.IsZero() && !state.Status.Final() {
		p.Frozen, _, _ = state.Spec.frozen(now)
	}
	if err := p.seal(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Plan) add(item PlanItem) { p.Items = append(p.Items, item) }

// review says how the version gets through its reviews.
func (p *Plan) review(state *State, now time.Time, host string) {
	after := *state
	why := "the application is under review"
	if !state.Applied && state.Spec.reviewPolicy() == ReviewAdopt {
		after.Applied = p.Observation.Status == alipayplus.ReleaseUnderReview
		why = "the version is under review already, and is adopted"
	}
	d := decide(&after, &p.Observation, now, host)
	waiting := PlanItem{State: PlanTodo, What: "wait for all verdicts"}
	switch p.Observation.Status {
	case alipayplus.ReleaseNewVersionCreated:
		if d.action == actWithdraw {
			p.add(PlanItem{State: PlanTodo, What: d.message})
			d = decision{action: actApply, message: "apply for review"}
		}
		p.add(itemOf(d))
		p.add(waiting)
	case alipayplus.ReleaseUnderReview:
		if after.Applied {
			p.add(PlanItem{State: PlanDone, What: "apply for review", Why: why})
		} else {
			p.add(itemOf(d))
		}
		if d.action == actWithdraw {
			p.add(PlanItem{State: PlanTodo, What: "apply for review"})
		}
		p.add(waiting)
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull:
		p.add(PlanItem{State: PlanDone, What: "apply for review", Why: "all parties have approved"})
		if d.action == actStop && state.Stop == nil {
			p.add(PlanItem{State: PlanBlocked, What: "go on", Why: d.message})
		}
	default:
		p.add(PlanItem{State: PlanBlocked, What: "release the version", Why: d.message})
	}
}

func itemOf(d decision) PlanItem {
	if d.action == actConflict || d.action == actStop {
		return PlanItem{State: PlanBlocked, What: "apply for review", Why: d.message}
	}
	return PlanItem{State: PlanTodo, What: d.message}
}

// step says what becomes of one step of the spec.
func (p *Plan) step(state *State, i int, now time.Time) {
	spec := &state.Spec
	step, live := spec.Steps[i], p.Observation.Ratio
	raise := PlanItem{State: PlanTodo, What: fmt.Sprintf("set %v", step.Ratio), Ratio: step.Ratio}
	if step.Ratio == alipayplus.FullRatio {
		raise.What = "release to all users"
	}
	watch := PlanItem{State: PlanTodo, What: fmt.Sprintf("watch %v", step.Ratio), Ratio: step.Ratio, Bake: step.Bake, Gates: step.Gates}
	switch set := state.setAt(step.Ratio); {
	case step.Ratio == live:
		raise.State, raise.Why = PlanDone, "it is live"
	case step.Ratio < live && set != nil:
		raise.State, raise.Why = PlanDone, "it was live from "+set.At.UTC().Format(time.RFC3339)
		watch.State = PlanDone
	case step.Ratio < live:
		raise.State, raise.Why = PlanSkipped, fmt.Sprintf("%v is live", live)
		watch.State, watch.Why = PlanSkipped, raise.Why
	case step.Approval:
		raise.What += ", after approval"
		raise.Approval, _ = state.Approval(step.Ratio, now)
	}
	if step.Ratio < live && i == spec.stepAt(live) {
		watch.State, watch.Why = PlanTodo, fmt.Sprintf("%v is live, which belongs to this step", live)
	}
	p.add(raise)
	if step.Bake == 0 && len(step.Gates) == 0 {
		return
	}
	if watch.State == PlanTodo {
		p.AtLeast += step.Bake
	}
	p.add(watch)
}

// setAt is when the rollout itself set a ratio last; nil when it never did.
func (state *State) setAt(ratio alipayplus.Ratio) *RatioChange {
	for _, c := range slices.Backward(state.Changes) {
		if c.To == ratio && !c.Outside {
			return &c
		}
	}
	return nil
}

// elapsedBake is the part of the live step's bake time that is over.
func elapsedBake(state *State, seen *Observation, now time.Time, host string) Duration {
	at := state.Spec.stepAt(seen.Ratio)
	if at < 0 || state.Since.IsZero() || seen.Ratio != state.Ratio {
		return 0
	}
	step := state.Spec.Steps[at]
	return step.Bake - Duration(min(max(0, bakedAt(state, step, host).Sub(now)), step.Bake.Std()))
}

// seal gives the plan its hash. What changes nothing of what will be done is no part of it:
// what changes as time passes or on another machine, the name of the mini program, and approvals.
func (p *Plan) seal() error {
	content := *p
	content.AtLeast, content.Frozen, content.Faults, content.Observation.Subject = 0, "", nil, Subject{}
	content.Items = slices.Clone(p.Items)
	for i := range content.Items {
		content.Items[i].Approval = nil
	}
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("rollout: make a plan of %s: %w", p.Target, err)
	}
	p.Hash = digest(data)
	return nil
}

// Blocked says whether a run would stop before the first change.
func (p *Plan) Blocked() bool {
	return len(p.Faults) > 0 || slices.ContainsFunc(p.Items, func(item PlanItem) bool { return item.State == PlanBlocked })
}

// String shows the plan as text, one line a thing.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s at %v; plan %s\n", titleOf(p.Target, "", p.Observation.Subject), p.Observation.Status, p.Observation.Ratio, p.Hash)
	for _, item := range p.Items {
		fmt.Fprintf(&b, "  %-8s %s\n", strings.ToLower(string(item.State)), item.message())
	}
	for _, fault := range p.Faults {
		fmt.Fprintf(&b, "  %-8s %s\n", "blocked", fault)
	}
	if p.AtLeast > 0 {
		fmt.Fprintf(&b, "bake times to come: %v\n", p.AtLeast)
	}
	if p.Frozen != "" {
		fmt.Fprintf(&b, "%s\n", p.Frozen)
	}
	return b.String()
}

func (i PlanItem) message() string {
	text := i.What
	if i.Bake > 0 {
		text += " for " + i.Bake.String()
	}
	if len(i.Gates) > 0 {
		text += ", until these pass: " + strings.Join(i.Gates, ", ")
	}
	if a := i.Approval; a != nil {
		text += ", given by " + a.By
		if a.Reason != "" {
			text += ": " + a.Reason
		}
	}
	if i.Why != "" {
		text += " (" + i.Why + ")"
	}
	return validation.OneLine(text)
}

// Markdown shows the plan as a table, as for the summary of a CI job. Texts of others are
// nothing but text in it: see [MarkdownCode].
func (p *Plan) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s at %v; plan %s\n\n| | what | why |\n|---|---|---|\n",
		MarkdownCode(titleOf(p.Target, "", p.Observation.Subject)), MarkdownCode(string(p.Observation.Status)), p.Observation.Ratio, MarkdownCode(p.Hash))
	for _, item := range p.Items {
		why := item.Why
		item.Why = ""
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.ToLower(string(item.State)), MarkdownCode(item.message()), MarkdownCode(why))
	}
	for _, fault := range p.Faults {
		fmt.Fprintf(&b, "| blocked | %s | |\n", MarkdownCode(fault))
	}
	if p.AtLeast > 0 {
		fmt.Fprintf(&b, "\nBake times to come: %v\n", p.AtLeast)
	}
	if p.Frozen != "" {
		fmt.Fprintf(&b, "\n%s\n", MarkdownCode(p.Frozen))
	}
	return b.String()
}

// MarkdownCode shows a text that others wrote as a code span of one line, in a cell of a
// table too, so that it is nothing but text: no mention, link, image, HTML or heading, and
// no character that nobody sees. A "|" becomes "¦". It keeps the first 2,000 characters; an
// empty text stays empty.
func MarkdownCode(text string) string {
	const longest = 2000
	runes := []rune(strings.TrimSpace(printable(text)))
	if len(runes) > longest {
		runes = append(runes[:longest], []rune("...")...)
	}
	if len(runes) == 0 {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", "¦").Replace(string(runes)) + "`"
}

// adopt makes the runner's spec the rollout's. A plan is checked first, unless it is nil:
// when it is out of date, nothing is stored.
func (s *session) adopt(ctx context.Context, plan *Plan) error {
	if plan == nil {
		return s.adoptSpec()
	}
	if err := s.readTarget(ctx, nil); err != nil {
		return err
	}
	state := *s.state
	state.Spec = s.runner.spec
	now, err := planFrom(&state, s.observation, time.Now(), s.runner.host)
	if err != nil {
		return err
	}
	if now.Hash != plan.Hash {
		return fmt.Errorf("rollout %s: %w: it was made when the target was %s at %v, which is now %s at %v, or by another spec; make a new plan",
			s.runner.name, ErrStalePlan, plan.Observation.Status, plan.Observation.Ratio, s.observation.Status, s.observation.Ratio)
	}
	if err := s.adoptSpec(); err != nil {
		return err
	}
	s.reconcile(true)
	return nil
}
