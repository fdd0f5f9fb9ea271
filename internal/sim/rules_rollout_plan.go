package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// given is an approval as a person gave it.
type given struct {
	// at is when, and byClock when by the clock where it was given.
	at, byClock time.Time
	ratio       int
	// state is the stored state that it is for.
	state uint64
}

// planOf is the plan of a checkpoint, which is one that people gave.
func (r *rolloutRules) planOf(p *progress, c *checkpoint) *rollout.Spec {
	text := string(c.Spec)
	if known := p.plans[text]; known != nil {
		return known
	}
	is := new(rollout.Spec)
	err := json.Unmarshal(c.Spec, is)
	said := func(s *rollout.Spec) string {
		text, _ := json.Marshal(s)
		return string(text)
	}
	own := err == nil && slices.ContainsFunc(p.given, func(s rollout.Spec) bool { return said(&s) == said(is) })
	r.must("a rollout goes by a plan that it was given", own, "%s has another one: %s", p.name, text)
	p.plans[text] = is
	return is
}

// approved judges that a person has approved a ratio that is about to be set: this one, after what was last in its way, and
// not too long ago.
func (r *rolloutRules) approved(at time.Time, p *progress, in *intent) {
	const race = 10 * time.Minute // until it is noticed
	expiry := p.plan().ApprovalExpiry.Std()
	var valid, current bool
	var last given
	for _, a := range p.approvals {
		if a.ratio != in.To || a.state < p.void {
			continue
		}
		valid, last = true, a
		current = current || expiry == 0 || in.At.Before(a.byClock.Add(expiry))
	}
	r.must("an approval comes before its ratio", valid, "%s is about to set %d%% without one", p.name, in.To)
	if !valid {
		return
	}
	r.must("an approval that has expired is none", current, "%s is about to set %d%%, which was approved %v ago, for %v", p.name, in.To, in.At.Sub(last.byClock), expiry)
	taken, is := p.revoked[in.To]
	r.must("a revoked approval is none", !is || taken.Before(last.at) || at.Sub(taken) < race, "%s is about to set %d%%, whose approval was revoked", p.name, in.To)
}

// givenThen judges that an approval counts from when it was given, or from when the clock of who read it showed less.
func (r *rolloutRules) givenThen(p *progress, before *checkpoint) {
	if before == nil || len(p.last.Approvals) <= len(before.Approvals) {
		return
	}
	for _, a := range p.last.Approvals {
		was := slices.ContainsFunc(p.approvals, func(g given) bool {
			return g.ratio == a.Ratio && !a.At.After(g.byClock) && g.byClock.Sub(a.At) < clocks
		})
		r.must("an approval counts from when it was given", was, "%s has one of %d%% from %v", p.name, a.Ratio, a.At)
	}
}

// inTime judges that no deadline has passed when a ratio is about to be set.
func (r *rolloutRules) inTime(p *progress, in *intent, decided time.Time) {
	plan := p.plan()
	all := plan.Deadline.Std()
	if all == 0 {
		all = 30 * day
	}
	r.must("nothing is raised after the deadline", decided.Before(p.began.Add(all+clocks)), "%s is about to set %d%% %v after it was begun or resumed, and has %v", p.name, in.To, decided.Sub(p.began), all)
	if i := stepOf(plan, in.From); i >= 0 && plan.Steps[i].Deadline != 0 {
		one, since := plan.Steps[i].Deadline.Std(), p.since
		if live := p.live[in.From]; live.After(since) { // people had taken it back
			since = live
		}
		r.must("nothing is raised after the deadline of its step", decided.Before(since.Add(one+clocks)), "%s is about to set %d%% %v after %d%%, and has %v", p.name, in.To, decided.Sub(since), in.From, one)
	}
}

// tooLate judges that a rollout which stops because of a deadline has had the time that its plan gives it.
func (r *rolloutRules) tooLate(at time.Time, p *progress) {
	if p.earliest.IsZero() { // nobody knows
		return
	}
	const race = 2 * time.Hour // it may have begun long before that could be stored
	plan := p.plan()
	had := at.Sub(p.earliest) + race
	least := plan.Deadline.Std()
	if least == 0 {
		least = 30 * day
	}
	if d := plan.ReviewDeadline.Std(); d != 0 {
		least = min(least, d)
	}
	for _, step := range plan.Steps {
		if step.Deadline != 0 {
			least = min(least, step.Deadline.Std())
		}
	}
	r.must("no deadline passes before its time", had >= least, "%s has stopped %v after it was begun or resumed", p.name, at.Sub(p.earliest))
}

// stepOf is the place of a ratio in a plan; -1 when it has none.
func stepOf(plan *rollout.Spec, ratio int) int {
	return slices.IndexFunc(plan.Steps, func(s rollout.StepSpec) bool { return int(s.Ratio) == ratio })
}

// frozen says whether a window of a freeze holds at a moment: "days of the week, hours, dates, or what they have in common",
// "by the clock on the wall of the zone", which is ahead by some minutes where it has hours.
func frozen(windows []rollout.FreezeWindow, at time.Time, minutes time.Duration) bool {
	return slices.ContainsFunc(windows, func(w rollout.FreezeWindow) bool {
		zone, err := time.LoadLocation(w.Zone)
		if err != nil {
			return true
		}
		day := at.In(zone)
		if from, to, is := strings.Cut(w.Hours, "-"); is {
			// Its clock goes with that of the zone: the minutes are those of the wall, also where the clocks are changed.
			day = time.Date(day.Year(), day.Month(), day.Day(), day.Hour(), day.Minute(), day.Second(), 0, time.UTC).Add(minutes)
			shown, overMidnight := day.Format(wall), to < from
			switch {
			case !overMidnight && (shown < from || to <= shown), overMidnight && to <= shown && shown < from:
				return false
			case overMidnight && shown < to: // it is of the day before
				day = day.AddDate(0, 0, -1)
			}
		}
		date := day.Format(time.DateOnly)
		return (len(w.Weekdays) == 0 || slices.Contains(w.Weekdays, weekday(day))) &&
			(len(w.Dates) == 0 || slices.ContainsFunc(w.Dates, func(days string) bool {
				first, last, several := strings.Cut(days, "/")
				return date == first || several && first <= date && date <= last
			}))
	})
}

// exchange judges that a rollout asks for no ratio in a freeze, but for what it had begun to ask for before.
func (r *rolloutRules) exchange(e *exchange) {
	raises := []string{"/mini/version/gray/online", "/mini/version/online", "/v2/release/grayscale", "/v2/release/finalize"}
	p := r.by(e.from)
	if !e.begun || p == nil || p.last == nil || !slices.ContainsFunc(raises, func(path string) bool { return strings.HasSuffix(e.path, path) }) {
		return
	}
	const call, step = 10 * time.Minute, time.Minute // how long a call may take, and how long a window lasts at least
	windows := p.plan().Freeze
	if len(windows) == 0 {
		return
	}
	minutes := time.Duration(0)
	for _, m := range r.w.machines {
		if strings.HasSuffix(e.from, " on "+m.name) {
			minutes = m.minutes()
		}
	}
	free := false
	for before := time.Duration(0); before <= call && !free; before += step {
		free = !frozen(windows, e.arrived.Add(-before), minutes)
	}
	r.must("no ratio is asked for in a freeze", free, "%s asks for one", p.name)
}
