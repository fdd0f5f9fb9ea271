package sim

import (
	"slices"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// rolloutLogRules are those of what is told of a rollout afterwards: each change is in its audit log, under whose name it
// was, and each command once.
type rolloutLogRules struct {
	*rules

	of map[string]*told
}

// told is what is known of the audit log of a rollout.
type told struct {
	last *checkpoint
	// by are those who gave commands, posted is how many they gave, and entries how many entries there are of them.
	by              map[string]bool
	posted, entries int
	// again says that commands may be executed once more: a disk had lied.
	again bool
}

func newRolloutLogRules(r *rules) rolloutLogRules { return rolloutLogRules{r, map[string]*told{}} }

func (r *rolloutLogRules) told(name string) *told {
	if r.of[name] == nil {
		r.of[name] = &told{by: map[string]bool{}}
	}
	return r.of[name]
}

// posted learns of a command.
func (r *rolloutLogRules) posted(c *posted) {
	t := r.told(c.rollout)
	t.by[c.command.By] = true
	t.posted++
}

// lost learns that rollouts are where they were: their disk had lied.
func (r *rolloutLogRules) lost(left lost) {
	for name, data := range left {
		t := r.told(name)
		t.last, _ = decodeCheckpoint(data) // nil when there is none
		t.again = true
	}
}

// saved judges a checkpoint and the entries that were stored with it.
func (r *rolloutLogRules) saved(s *saved) {
	now, err := decodeCheckpoint(s.checkpoint)
	if err != nil {
		return // another rule says so
	}
	t := r.told(s.rollout)
	before := t.last
	t.last = now
	if before == nil {
		before = &checkpoint{Status: "RUNNING"}
	}
	if entry := entryOf(now.Status); before.Status != now.Status {
		is := slices.ContainsFunc(s.audit, func(e rollout.AuditEntry) bool { return e.Action == entry })
		r.must("every change of a rollout is in its audit log", is, "%s is %s, without an entry", s.rollout, now.Status)
	}
	if now.Ratio > before.Ratio {
		is := slices.ContainsFunc(s.audit, func(e rollout.AuditEntry) bool {
			return (e.Action == rollout.EventRaised || e.Action == rollout.EventAdopted) && int(e.To) == now.Ratio
		})
		r.must("every change of a rollout is in its audit log", is, "%s is at %d%%, without an entry", s.rollout, now.Ratio)
		own := before.Intent != nil && before.Intent.To == now.Ratio
		last := len(now.Changes) - 1
		r.must("what others set is told as theirs", own || last >= 0 && now.Changes[last].Outside, "%s says that it set %d%%, which it did not intend", s.rollout, now.Ratio)
	}
	for _, e := range s.audit {
		if t.by[e.By] {
			t.entries++
		}
		if p := r.rollouts.of[s.rollout]; e.Action == rollout.EventRaised {
			r.must("what is told as raised was live", p.lived[int(e.To)], "%s says that it raised to %v, which was never live", s.rollout, e.To)
		}
	}
	r.must("a command has one entry in the audit log", t.again || t.entries <= t.posted, "%s has %d entries of %d commands", s.rollout, t.entries, t.posted)
}

// entryOf is the entry that tells of a status.
func entryOf(status string) rollout.EventKind {
	return map[string]rollout.EventKind{
		"RUNNING": rollout.EventResumed, "PAUSED": rollout.EventPaused, "ABORTED": rollout.EventAborted, "ENDED": rollout.EventEnded, "DONE": rollout.EventDone,
	}[status]
}
