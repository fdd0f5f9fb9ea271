package sim

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// rolloutRules are those of a rollout: what its plan and its people want is done, in order, and no more.
type rolloutRules struct {
	*rules

	of map[string]*progress
}

// progress is what is known of a rollout.
type progress struct {
	*deployment

	last *checkpoint
	// ratio is live, live is when each went live last, by the target's clock, unless the rollout cannot know that it was
	// not live meanwhile; lived are all that ever were.
	ratio int
	live  map[int]time.Time
	lived map[int]bool
	// plans are those of its checkpoints, by their text.
	plans map[string]*rollout.Spec
	// approvals are all that were posted, and revoked is when that was posted last, by ratio; void is the stored state
	// with which approvals were voided last.
	approvals []given
	revoked   map[int]time.Time
	void      uint64
	// judged are the last verdicts of the gates, by their names; said is all that they said of what is live, as far as it
	// is stored, and unstored what is not, by the process.
	judged   map[string]*judged
	said     map[string][]*judged
	unstored map[string][]*judged
	// saidMore says that a disk had lied, and so what was stored may have been said before.
	saidMore bool
	// began is when it was begun or resumed last, and earliest the same unless a disk had lied; since is when that, or its
	// ratio or its plan, were stored.
	began, earliest, since time.Time
	// effects counts the successful calls under an intent.
	effects map[string]int
	// abort is when somebody asked to give the version up, and stopped it not since.
	abort time.Time
	// over is when it ended.
	over time.Time
	// aborted says that the version was given up at the target, and resumed when somebody let the rollout go on last.
	aborted bool
	resumed time.Time
	// stopped is when it was paused last, news when it got a reason to, and pauses are those that have ended.
	stopped time.Time
	news    time.Time
	pauses  []pause
}

// clocks is by how much two of them may differ, and one before and after it is set.
const clocks = 5 * time.Minute

// pause is one of a rollout.
type pause struct{ from, to time.Time }

func newRolloutRules(r *rules) rolloutRules { return rolloutRules{r, map[string]*progress{}} }

// begin learns of the deployments.
func (r *rolloutRules) begin() {
	for _, d := range r.w.deployments {
		r.of[d.name] = &progress{
			deployment: d, plans: map[string]*rollout.Spec{}, revoked: map[int]time.Time{}, effects: map[string]int{}, live: map[int]time.Time{}, lived: map[int]bool{},
			judged: map[string]*judged{}, said: map[string][]*judged{}, unstored: map[string][]*judged{},
		}
	}
}

// plan is what the rollout goes by.
func (p *progress) plan() *rollout.Spec { return p.plans[string(p.last.Spec)] }

// by is the rollout of a process; nil for another process.
func (r *rolloutRules) by(process string) *progress {
	_, name, _ := strings.Cut(process, " of ")
	name, _, _ = strings.Cut(name, " on ")
	return r.of[name]
}

// posted learns of a command.
func (r *rolloutRules) posted(at time.Time, c *posted) {
	p := r.of[c.rollout]
	switch c.command.Kind {
	case rollout.CommandApprove:
		p.approvals = append(p.approvals, given{at, c.command.At, int(c.command.Ratio), c.command.Seq})
	case rollout.CommandRevoke:
		p.revoked[int(c.command.Ratio)] = at
	case rollout.CommandResume:
		p.resumed = at
	case rollout.CommandAbort:
		if p.last != nil && !p.last.final() {
			p.abort = at
		}
	default:
	}
}

// saved judges a checkpoint.
func (r *rolloutRules) saved(at time.Time, s *saved) {
	now, err := decodeCheckpoint(s.checkpoint)
	r.must("a checkpoint can be read", err == nil, "%s: %v", s.rollout, err)
	if err != nil {
		return
	}
	p := r.of[s.rollout]
	before := p.last
	p.last = now
	r.planOf(p, now)
	replanned := before != nil && !bytes.Equal(before.Spec, now.Spec)
	stopped := now.Stop != nil && (before == nil || before.Stop == nil)
	if replanned || stopped && now.Stop.Cause != "PERSON" {
		p.void = now.Seq
	}
	r.givenThen(p, before)
	r.counted(p, s, before)
	resumed := before != nil && before.Status == "PAUSED" && now.Status == "RUNNING"
	if before == nil || resumed {
		p.began, p.earliest = at, at
	}
	if before == nil || resumed || replanned || before.Ratio != now.Ratio {
		p.since = at
	}
	began := now.aborting() && (before == nil || !before.aborting())
	switch {
	case began && now.Intent.Stop.is("GATE"):
		r.failed(p)
	case !stopped, before != nil && before.aborting(): // decided before, perhaps by another plan
	case now.Stop.Cause == "GATE":
		r.failed(p)
	case now.Stop.Cause == "DEADLINE":
		r.tooLate(at, p)
	}
	if stopped || now.Stop != nil && now.Stop.Seq != before.Stop.Seq {
		p.news = at
	}
	switch {
	case now.Status == "PAUSED" && (before == nil || before.Status != "PAUSED"):
		p.stopped, p.abort = at, time.Time{}
	case now.Status == "PAUSED" && before.aborting() && !now.aborting(): // the target refused it
		p.abort = time.Time{}
	case resumed:
		r.must("what is paused goes on when somebody says so", !p.resumed.Before(p.news), "%s stopped, and goes on by what was asked before", p.name)
		p.goOn(at)
		p.aborted = false // an abort that the target refused ends in a pause, which a person may end
	}
	if before != nil && before.aborting() {
		made := now.aborting() || now.final() || now.Status == "PAUSED"
		r.must("an abort that was begun is made, or refused", made, "%s was about to give up, and is %s", p.name, now.Status)
	}
	if before != nil && before.final() {
		r.must("what has ended stays so", before.Status == now.Status, "%s went from %s to %s", s.rollout, before.Status, now.Status)
	} else if now.final() {
		p.over = at
	}
	if in := now.Intent; in != nil && (in.Kind == "RAISE" || in.Kind == "PUBLISH") && (before == nil || before.Intent == nil || before.Intent.RequestID != in.RequestID) {
		r.intended(at, p, s)
	}
}

// goOn learns that a pause has ended: when somebody said so, for whoever does it may be stopped before it is stored.
func (p *progress) goOn(at time.Time) {
	if p.resumed.After(p.stopped) {
		at = p.resumed
	}
	p.pauses = append(p.pauses, pause{p.stopped, at})
}

// paused is how long it was paused since a moment, and how often.
func (p *progress) paused(since time.Time) (d time.Duration, n int) {
	for _, pause := range p.pauses {
		if pause.to.After(since) {
			n++
			d += min(pause.to.Sub(pause.from), pause.to.Sub(since))
		}
	}
	return d, n
}

// lost learns that rollouts are where they were: their disk had lied.
func (r *rolloutRules) lost(at time.Time, left lost) {
	for name, data := range left {
		p := r.of[name]
		now, err := decodeCheckpoint(data)
		if err != nil {
			now = nil
		}
		if p.last != nil && p.last.Status == "PAUSED" && (now == nil || now.Status != "PAUSED") {
			p.goOn(at)
		}
		p.last, p.abort = now, time.Time{}
		p.began, p.since, p.earliest = at, at, time.Time{}
		clear(p.said)
		p.saidMore = true
		if now == nil || now.Seq < p.void {
			p.void = 0
		}
		if now != nil {
			r.planOf(p, now)
		}
	}
}

func (c *checkpoint) aborting() bool { return c.Intent != nil && c.Intent.Kind == "ABORT" }

func (c *checkpoint) final() bool {
	return c.Status == "DONE" || c.Status == "ABORTED" || c.Status == "ENDED"
}

// intended judges that a ratio is about to be set.
func (r *rolloutRules) intended(at time.Time, p *progress, s *saved) {
	in, steps := p.last.Intent, p.plan().Steps
	from, to := in.From, in.To
	i := stepOf(p.plan(), to)
	next := slices.IndexFunc(steps, func(s rollout.StepSpec) bool { return int(s.Ratio) > from })
	r.must("a rollout sets what its plan says next", i >= 0 && i == next, "%s is about to go from %d%% to %d%%", p.name, from, to)
	r.must("who is paused raises nothing", p.last.Status == "RUNNING", "%s is %s and about to set %d%%", p.name, p.last.Status, to)
	const race = 10 * time.Minute // until it is noticed
	r.must("who is to give up raises nothing", p.abort.IsZero() || at.Sub(p.abort) < race, "%s is about to set %d%%, and was aborted %v ago", p.name, to, at.Sub(p.abort))
	if i < 0 {
		return
	}
	decided := in.At.Add(-s.offset)
	if windows := p.plan().Freeze; len(windows) > 0 {
		r.must("no raise is decided in a freeze", !frozen(windows, decided, s.minutes), "%s is about to set %d%%, which it decided at %v by a clock that is %v ahead", p.name, to, decided, s.minutes)
	}
	r.inTime(p, in, decided)
	if steps[i].Approval {
		r.approved(at, p, in)
	}
	live := stepOf(p.plan(), from)
	if live < 0 {
		return
	}
	began := p.live[from]
	paused, pauses := p.paused(began)
	mistaken := clocks * time.Duration(1+pauses) // one may be set each time that it is watched without a pause
	baked := began.Add(paused + steps[live].Bake.Std() - mistaken)
	r.passed(p, from, to, baked)
	if bad := p.badSince(at); p.deployment.plan != nil {
		r.must("no more users get a version that makes trouble", bad.IsZero() || at.Sub(bad) < p.deployment.plan.Unnoticed, "%s is about to set %d%% after %v of trouble at %d%%", p.name, to, at.Sub(bad).Round(time.Minute), from)
	}
	if p.ratio == from {
		r.must("a ratio is watched for its time", !at.Before(baked), "%s is about to set %d%% %v after %d%%, of which it was paused %v", p.name, to, at.Sub(began), from, paused)
	}
}

// wentLive learns that a ratio went live at a target, and judges it when the rollout did that.
func (r *rolloutRules) wentLive(at time.Time, p *progress, process string, to int) {
	if p == nil {
		return
	}
	// AlipayCN does not say since when a version is in grayscale: who did not see that it was not cannot know.
	if unseen := p.direct && p.last != nil && p.last.Ratio == to; !unseen || p.live[to].IsZero() {
		p.live[to] = at
	}
	p.ratio, p.lived[to] = to, true
	if r.by(process) == p {
		r.effect(p, "raise")
		r.must("an abort is followed by no raise", !p.aborted, "%s was aborted, and set %d%%", p.name, to)
	}
}

// effect judges that a rollout changed its target.
func (r *rolloutRules) effect(p *progress, what string) {
	intended := p.last != nil && p.last.Intent != nil
	r.must("a change is intended", intended, "%s did %s without an intent", p.name, what)
	if !intended {
		return
	}
	under := what + p.last.Intent.RequestID
	p.effects[under]++
	r.must("an intent has its effect once", p.effects[under] == 1, "%s did %s %d times by one intent", p.name, what, p.effects[under])
}

// atRest judges where rollouts have come to.
func (r *rolloutRules) atRest() {
	for _, p := range r.of {
		if p.last == nil {
			continue
		}
		status := ""
		if is := r.platform.releases[p.release]; is != nil {
			if is.UpdatedAt.After(p.over) { // by people
				continue
			}
			status = is.Status
		}
		switch p.last.Status {
		case "DONE":
			r.must("at rest, the target is where the rollout says", p.direct && p.ratio == 100 || status == fullRelease || status == archived, "%s is done, its target %s at %d%%", p.name, status, p.ratio)
		case "ABORTED":
			r.must("at rest, the target is where the rollout says", p.direct || status == canceled || status == created, "%s is aborted, its target %s", p.name, status)
		}
	}
}
