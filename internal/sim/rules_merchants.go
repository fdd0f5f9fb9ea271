package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// merchantRules are those of what people do at AlipayCN's console: who did not see it does nothing against it, and who
// says what is there says what was.
type merchantRules struct {
	*rules

	// ended is when people ended the grayscale of a mini program last.
	ended map[string]time.Time
	// shown is the share that AlipayCN showed a process last, by process and mini program, and last by process alone.
	shown map[[2]string]int
	last  map[string]int
	// unsent is the write that was lost last before it arrived, by process and path, and given when a process got something
	// to do last.
	unsent map[[2]string]unsent
	given  map[string]time.Time
	// asked is when a platform was asked last to do something about a release.
	asked map[string]time.Time
}

func newMerchantRules(r *rules) merchantRules {
	return merchantRules{
		r,
		map[string]time.Time{},
		map[[2]string]int{},
		map[string]int{},
		map[[2]string]unsent{},
		map[string]time.Time{},
		map[string]time.Time{},
	}
}

// unsent is a write that was lost before it arrived, and the share that its sender had seen.
type unsent struct {
	at   time.Time
	seen int
}

// standing is how a version stood at AlipayCN from a time on.
type standing struct {
	since    time.Time
	approved bool
	ratio    int
}

// note keeps how the version stands now.
func (v *atCN) note(at time.Time) {
	now := standing{at, v.approved, v.ratio}
	if n := len(v.stood); n == 0 || v.stood[n-1].approved != now.approved || v.stood[n-1].ratio != now.ratio {
		v.stood = append(v.stood, now)
	}
}

// stoodSince says whether the version stood so at any moment since a time.
func (v *atCN) stoodSince(since time.Time, so func(standing) bool) bool {
	for i, s := range v.stood {
		if so(s) && (i == len(v.stood)-1 || v.stood[i+1].since.After(since)) {
			return true
		}
	}
	return false
}

// acted learns what people did.
func (r *merchantRules) acted(at time.Time, d *decided) {
	if d.what == endsGray {
		r.ended[d.app] = at
	}
}

// showed learns what a process has read.
func (r *merchantRules) showed(e *exchange, app string) {
	var is struct {
		Version  string `json:"app_version"`
		Status   string `json:"status"`
		Strategy string `json:"gray_strategy"`
	}
	if json.Unmarshal(e.answer, &is) != nil {
		return
	}
	share := 0
	if is.Status == "GRAY" {
		share = shareOf(is.Strategy)
	}
	r.shown[[2]string{e.from, app}], r.last[e.from] = share, share
	r.alipaycn.version(app, is.Version).seen = e.arrived
}

// gets learns that a process got something to do.
func (r *merchantRules) gets(at time.Time, process string) { r.given[process] = at }

// heard learns that a message was lost before it arrived.
func (r *merchantRules) heard(e event) {
	if method, path, is := strings.Cut(e.what, " "+cnHost); is && method == "POST" && !strings.Contains(path, " ") {
		r.unsent[[2]string{e.who, path}] = unsent{e.at, r.last[e.who]}
	}
}

// sent judges a write that arrives: who has read since that people have ended the grayscale does not repeat it.
func (r *merchantRules) sent(e *exchange) {
	if !strings.HasSuffix(e.path, "/online") {
		return
	}
	const oneCall = 40 * time.Second
	before, was := r.unsent[[2]string{e.from, e.path}]
	again := was && e.arrived.Sub(before.at) < oneCall && r.given[e.from].Before(before.at)
	app := r.alipaycn.apps[e.header.Get("Alipay-App-Auth-Token")]
	unseen := r.last[e.from] == before.seen // it was refused for certain, or they have begun it anew
	r.must("a write is not repeated over what people did meanwhile", !again || unseen || !r.ended[app].After(before.at), "%s sent %s again, and people had ended the grayscale", e.from, e.path)
}

// raised judges that a rollout raises the share that it has read and that it means to raise.
func (r *merchantRules) raised(e *exchange, p *progress) {
	read, has := r.shown[[2]string{e.from, p.app}]
	if has && p.last != nil && p.last.Intent != nil {
		r.must("a share is raised from where it is", read == p.last.Intent.From, "%s raises from %d%%, and has read %d%%", p.name, p.last.Intent.From, read)
	}
}

// about learns that a platform is asked to do something about a release; empty: about something else.
func (r *merchantRules) about(at time.Time, release string) {
	if release != "" {
		r.asked[release] = at
	}
}

// takenBack judges that an application is taken back: that of people only by who was asked about that version, or by a
// rollout without a platform, which is to give the version up or to make room. Nothing is lost with one that was rejected.
func (r *merchantRules) takenBack(at time.Time, by *progress, app, version string) {
	const race = 2 * time.Hour // a process may be halted
	v := r.alipaycn.version(app, version)
	asked, was := r.asked[r.alipaycn.releaseOf(app, version)]
	was = was && at.Sub(asked) < race
	if by != nil {
		was = by.last != nil && by.last.Intent != nil && slices.Contains([]string{"ABORT", "WITHDRAW"}, by.last.Intent.Kind)
	}
	r.must("what people applied for is not taken back unasked", !v.own || was || !v.rejected.IsZero(), "%s %s, and nobody asked for that", app, version)
}

// stored judges the ratio of a release that a platform stores.
func (r *merchantRules) stored(now *releaseLine, to int) {
	v := r.alipaycn.version(r.w.apps[now.ProgramID], now.Version)
	was := v.stoodSince(time.Time{}, func(s standing) bool { return s.ratio == to })
	r.must("a ratio that is stored was live at AlipayCN", was, "release %s is at %d%%", now.ID, to)
}

// found judges what a platform says to have found at AlipayCN, whose record had changed last before that.
func (r *merchantRules) found(before, now *releaseLine, told []auditLine) {
	by := slices.ContainsFunc(told, func(a auditLine) bool { return a.ID == now.ID && a.Who == "outside" })
	if !by || !r.platform.toAlipayCN(now) {
		return
	}
	v := r.alipaycn.version(r.w.apps[now.ProgramID], now.Version)
	so := map[string]func(standing) bool{
		preparation: func(s standing) bool { return s.approved && s.ratio == 0 },
		grayscale:   func(s standing) bool { return s.ratio == now.Grayscale.Ratio },
		fullRelease: func(s standing) bool { return s.ratio == 100 },
	}[now.Status]
	if so != nil {
		r.must("what is found at AlipayCN is newer than what is known", v.stoodSince(before.UpdatedAt, so), "release %s was %s, and is found %s at %d%%", now.ID, before.Status, now.Status, now.Grayscale.Ratio)
	}
}
