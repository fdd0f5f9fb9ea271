package sim

import (
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// judgedBy learns what a gate said. It counts once the process has stored that.
func (r *rolloutRules) judgedBy(at time.Time, j *judged) {
	j.at = at
	p := r.of[j.rollout]
	if j.verdict != "" {
		p.judged[j.gate] = j
	}
	p.unstored[j.process] = append(p.unstored[j.process], j)
}

// loaded learns that a process knows no more than what is stored.
func (r *rolloutRules) loaded(l *loaded) { delete(r.of[l.rollout].unstored, l.process) }

// counted learns which of what gates said is stored now. Before a rollout that stands elsewhere, was resumed or has another
// plan, nothing counts.
func (r *rolloutRules) counted(p *progress, s *saved, before *checkpoint) {
	resumed := slices.ContainsFunc(s.audit, func(e rollout.AuditEntry) bool { return e.Action == rollout.EventResumed }) // it may have stopped since
	if resumed || before == nil || before.Ratio != p.last.Ratio || string(before.Spec) != string(p.last.Spec) {
		clear(p.said)
		p.saidMore = false
	}
	failed := slices.ContainsFunc(p.gates(), p.hasFailed)
	for _, j := range p.unstored[s.process] {
		now := p.last.Gates[j.gate].At
		if now.IsZero() || before != nil && now.Equal(before.Gates[j.gate].At) || j.ratio != p.last.Ratio {
			continue
		}
		r.must("a gate that has failed stops its rollout", !failed, "%s asked gate %s again at %d%%", p.name, j.gate, j.ratio)
		known := []rollout.Decision{rollout.Pass, rollout.Fail, rollout.Wait}
		if j.noAnswer = !slices.Contains(known, j.verdict) && !j.noData; j.noData {
			switch p.plan().Gates[j.gate].NoData {
			case rollout.NoDataWait:
				j.verdict = rollout.Wait
			case rollout.NoDataFail:
				j.verdict = rollout.Fail
			default:
				j.noAnswer = true
			}
		}
		if p.said[j.gate] = append(p.said[j.gate], j); j.verdict == rollout.Fail {
			p.void = p.last.Seq
		}
	}
	delete(p.unstored, s.process)
}

// hasFailed says whether a gate has failed or not answered as often as its plan takes for failed.
func (p *progress) hasFailed(gate string) bool {
	g := p.plan().Gates[gate]
	tolerated, failures, of := 3, max(g.FailAfter, 1), max(g.OfLast, g.FailAfter, 1)
	if g.Tolerate != nil {
		tolerated = *g.Tolerate
	}
	silent, failed, seen := 0, 0, 0
	all, answered := p.said[gate], false
	for _, j := range slices.Backward(all) {
		answered = answered || !j.noAnswer
		switch {
		case !answered:
			silent++
		case j.verdict == rollout.Wait || j.noAnswer || seen == of:
		default:
			if seen++; j.verdict == rollout.Fail {
				failed++
			}
		}
	}
	return silent > tolerated || failed >= failures
}

// passed judges that all gates of what is live pass when a ratio is about to be set.
func (r *rolloutRules) passed(p *progress, from, to int, baked time.Time) {
	for _, gate := range p.plan().Steps[stepOf(p.plan(), from)].Gates {
		last := p.judged[gate]
		if last == nil {
			last = &judged{}
		}
		r.must("a gate passes before a raise", last.ratio == from && last.verdict == rollout.Pass, "%s is about to set %d%%, and gate %s said %q at %d%%", p.name, to, gate, clip(string(last.verdict)), last.ratio)
		r.must("a verdict on which a ratio rises is of the end of its time", p.ratio != from || !last.at.Before(baked), "%s is about to set %d%%, and gate %s spoke before %d%% was watched", p.name, to, gate, from)
		said := p.said[gate]
		r.must("the last answer of a gate before a raise is that it passes", p.saidMore && len(said) == 0 || len(said) > 0 && said[len(said)-1].verdict == rollout.Pass, "%s is about to set %d%%, which is not the last answer of gate %s", p.name, to, gate)
		r.must("who has a gate that failed raises nothing", !p.hasFailed(gate), "%s is about to set %d%%, and gate %s has failed", p.name, to, gate)
	}
}

// failed judges that a rollout which stops because of a gate has one that failed as often as the plan says.
func (r *rolloutRules) failed(p *progress) {
	if p.saidMore {
		return
	}
	r.must("no gate fails before its plan says so", slices.ContainsFunc(p.gates(), p.hasFailed), "%s has stopped at %d%%", p.name, p.last.Ratio)
}

// gates are those of what is live.
func (p *progress) gates() (names []string) {
	for _, step := range p.plan().Steps {
		if int(step.Ratio) <= p.last.Ratio {
			names = step.Gates
		}
	}
	return names
}
