package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// alipaycnRules are those of AlipayCN, as ../shared/facts has them, and of what may be asked of it.
type alipaycnRules struct {
	*rules

	apps     map[string]string // by the token of their merchant
	versions map[[2]string]*atCN
	// applied counts the applications, by the platform's release.
	applied map[string]int
	// sent are the writes of processes since they have read anything, by what they are, and how they were signed.
	sent map[string]map[string]string
}

// atCN is a version of a mini program at AlipayCN.
type atCN struct {
	auditing, approved bool
	ratio              int
	// stood are the shares of the users that it had, and whether it was approved, since when.
	stood []standing
	// slogan is what was applied for last, as far as it differs, and rejected when that was rejected; zero when it was not.
	slogan   string
	rejected time.Time
	// formerly is the slogan that people replaced when they applied for it themselves, and replaced when they did.
	formerly string
	replaced time.Time
	// under is the request id by which a platform was asked for that last, and release the one that it was for; empty when
	// no platform applied for it.
	under, release string
	// changed is when a process changed it last, and by which one.
	changed time.Time
	by      string
	// seen is when a process read it last; zero before the first time.
	seen time.Time
	// takenBack is how often people took back how far it had come.
	takenBack int
	// touched says that people have changed it there, own that they applied for it themselves, and unheard that a platform
	// gave it up without an authorization.
	touched, own, unheard bool
	// passed are the slogans that were approved since a process applied for it, also when people took it back afterwards.
	passed []string
}

func newAlipayCNRules(r *rules) alipaycnRules {
	return alipaycnRules{r, map[string]string{}, map[[2]string]*atCN{}, map[string]int{}, map[string]map[string]string{}}
}

func (r *alipaycnRules) version(app, number string) *atCN {
	at := [2]string{app, number}
	if r.versions[at] == nil {
		r.versions[at] = &atCN{}
	}
	return r.versions[at]
}

// begin learns what is live before anything happens.
func (r *alipaycnRules) begin() {
	for id, is := range r.platform.releases {
		if is.Status == fullRelease {
			r.applied[id], r.platform.applied[id] = 1, map[string]bool{"": true}
			if app := r.w.apps[is.ProgramID]; r.platform.toAlipayCN(is) {
				v := r.version(app, is.Version)
				v.approved, v.ratio = true, 100
				v.note(r.w.began)
			}
		}
	}
}

// decided learns what people did at the console.
func (r *alipaycnRules) decided(at time.Time, d *decided, outcome string) {
	v := r.version(d.app, d.version)
	if outcome != "done" {
		return
	}
	defer v.note(at)
	r.merchants.acted(at, d)
	v.touched = v.touched || d.what != approves && d.what != rejects
	switch d.what {
	case approves:
		v.auditing, v.approved, v.passed = false, true, append(v.passed, v.slogan)
	case applies:
		v.formerly, v.replaced = v.slogan, at
		v.auditing, v.approved, v.own, v.slogan, v.rejected = true, false, true, d.slogan, time.Time{}
	case cancels, returns: // what people took back may be asked for once more by who does not know whether it was done
		if id := r.releaseOf(d.app, d.version); id != "" {
			r.applied[id] = min(r.applied[id], len(r.platform.applied[id])-1)
		}
		r.undone(d.app, "apply")
		v.takenBack++
		v.auditing, v.approved, v.own = false, false, false
	case rejects:
		v.auditing, v.approved, v.rejected = false, false, at
	case endsGray, takeOffline:
		r.undone(d.app, "raise")
		v.takenBack++
		v.ratio = 0
	default:
		r.live(at, d.app, "console", d.version, d.to)
	}
}

// undone learns that people took back what a rollout that does not know whether it did that may do again.
func (r *alipaycnRules) undone(app, what string) {
	if p := r.direct(app); p != nil && p.last != nil && p.last.Intent != nil {
		delete(p.effects, what+p.last.Intent.RequestID)
	}
}

// live learns that a version went live for a share of the users.
func (r *alipaycnRules) live(at time.Time, app, process, version string, to int) {
	r.version(app, version).ratio = to
	for _, p := range r.rollouts.of {
		if !p.direct && p.release == r.releaseOf(app, version) { // it may be over before the platform stores it
			p.lived[to] = true
		}
	}
	r.rollouts.wentLive(at, r.direct(app), process, to)
}

// direct is the rollout that releases a mini program without a platform; nil for others.
func (r *alipaycnRules) direct(app string) *progress {
	for _, p := range r.rollouts.of {
		if p.direct && p.app == app {
			return p
		}
	}
	return nil
}

// exchange judges a call.
func (r *alipaycnRules) exchange(at time.Time, e *exchange) {
	if e.begun {
		r.begun(e)
	}
	operation := strings.TrimPrefix(e.path, "/v3/alipay/open/")
	if operation == "auth/token/app" && !e.begun {
		r.tokens.exchange(at, e)
	}
	if e.begun || e.status != 200 || operation == "auth/token/app" {
		return
	}
	in := read(e)
	app := r.apps[e.header.Get("Alipay-App-Auth-Token")]
	v := r.version(app, in.Version)
	by := r.rollouts.by(e.from)
	if !strings.HasSuffix(operation, "/query") {
		v.changed, v.by = at, e.from
		defer v.note(at)
	}
	if operation == "mini/version/detail/query" {
		r.merchants.showed(e, app)
	}
	switch operation {
	case "mini/version/audit/apply":
		v.auditing, v.approved, v.own, v.passed, v.slogan, v.rejected = true, false, false, nil, in.Slogan, time.Time{}
		if by != nil {
			r.rollouts.effect(by, "apply")
		} else if id := r.releaseOf(app, in.Version); id != "" {
			asked := len(r.platform.applied[id])
			v.under, v.release = r.platform.lastApplied[id], id
			r.applied[id]++
			r.must("an application is made once for each that was asked for", r.applied[id] <= asked, "release %s was applied for %d times, and asked for %d times", id, r.applied[id], asked)
		}
	case "mini/version/audit/cancel", "mini/version/audited/cancel":
		r.merchants.takenBack(at, by, app, in.Version)
		v.auditing, v.approved, v.own = false, false, false
		r.platform.takenBack[r.releaseOf(app, in.Version)]++
		r.given(by)
	case "mini/version/gray/online":
		to := shareOf(in.Strategy)
		r.must("AlipayCN's share is on its ladder", to > 0, "%s %s went to %s", app, in.Version, in.Strategy)
		r.raised(at, e, app, in.Version, to)
	case "mini/version/online":
		r.raised(at, e, app, in.Version, 100)
	case "mini/version/gray/cancel", "mini/version/offline", "mini/version/rollback":
		v.ratio = 0
		r.given(by)
	}
}

// change is what the rules read of a change of a version.
type change struct {
	Version  string `json:"app_version"`
	Strategy string `json:"gray_strategy"`
	Slogan   string `json:"app_slogan"`
}

func read(e *exchange) (in change) {
	body := e.request
	if i := strings.Index(string(body), `{"`); strings.HasSuffix(e.path, "/audit/apply") && i >= 0 {
		body = body[i : i+strings.IndexByte(string(body[i:]), '\n')]
	}
	_ = json.Unmarshal([]byte(strings.TrimSpace(string(body))), &in)
	return in
}

// shareOf is the share of the users that a strategy of AlipayCN stands for, in percent; 0 for another.
func shareOf(strategy string) int {
	return map[string]int{"p10": 10, "p30": 30, "p50": 50}[strategy]
}

// changesVersion says whether AlipayCN is asked to change a version.
func (e *exchange) changesVersion() bool {
	return strings.Contains(e.path, "/mini/version/") && !strings.HasSuffix(e.path, "/query")
}

// about is the version that a call is about, and whether it has changed that; zero: none, or it is not done.
func (r *alipaycnRules) about(e *exchange) (v versionAtCN, changed bool) {
	if e.host != cnHost || e.begun || e.status != 200 || !strings.Contains(e.path, "/mini/version/") {
		return v, false
	}
	in, app := read(e), r.apps[e.header.Get("Alipay-App-Auth-Token")]
	if strings.HasSuffix(e.path, "/detail/query") {
		_ = json.Unmarshal(e.answer, &in)
	}
	for _, v := range r.w.versions {
		if v.app == app && v.number == in.Version {
			return v, e.changesVersion()
		}
	}
	return v, false
}

// begun judges that a write is not sent again before its state was read: the former may have had its effect.
func (r *alipaycnRules) begun(e *exchange) {
	if !strings.Contains(e.path, "/mini/version/") {
		return
	}
	if strings.HasSuffix(e.path, "/query") {
		delete(r.sent, e.from)
		return
	}
	if r.sent[e.from] == nil {
		r.sent[e.from] = map[string]string{}
	}
	what := e.path + " " + e.header.Get("Alipay-App-Auth-Token")
	signed := e.header.Get("Authorization")
	before := r.sent[e.from][what]
	r.must("a write is not sent again without reading", before == "" || before == signed, "%s sent %s again", e.from, e.path)
	r.sent[e.from][what] = signed
	r.merchants.sent(e)
	r.tokens.sent(e)
}

// given learns that a rollout gave its version up.
func (r *alipaycnRules) given(by *progress) {
	if by != nil && by.last != nil && by.last.Intent != nil && by.last.Intent.Kind == "ABORT" {
		by.aborted = true
	}
}

// raised judges that a version went live for more users.
func (r *alipaycnRules) raised(at time.Time, e *exchange, app, version string, to int) {
	v := r.version(app, version)
	r.must("AlipayCN's share only grows", to > v.ratio, "%s %s went from %d%% to %d%%", app, version, v.ratio, to)
	r.must("nobody gets what AlipayCN has not approved", v.approved, "%s %s went to %d%%", app, version, to)
	if id := r.releaseOf(app, version); id != "" {
		is := r.platform.releases[id]
		r.must("nobody gets what Alipay+ has not approved", r.platform.approved[[2]string{is.RequestID, "ALIPAY_PLUS"}], "%s %s went to %d%%", app, version, to)
		r.must("AlipayCN's share was asked for", slices.Contains(r.platform.asked[id], to), "%s %s went to %d%%", app, version, to)
	}
	if p := r.rollouts.by(e.from); p != nil && p.direct {
		r.merchants.raised(e, p)
	}
	r.live(at, app, e.from, version, to)
}

// atRest judges that the platform knows what all users have.
func (r *alipaycnRules) atRest() {
	for _, v := range r.w.versions {
		id, at := r.releaseOf(v.app, v.number), r.w.gateway.Status(v.app, v.number)
		if id == "" || at != "RELEASE" && at != "OFFLINE" || r.platform.applied[id] == nil {
			continue
		}
		release, is := r.platform.releases[id], r.version(v.app, v.number)
		if release.Unresolved != "" || r.tokens.of[release.ProgramID].Status != "AUTHORIZED" { // until somebody repeats the call, or authorizes again
			continue
		}
		if time.Since(r.tokens.given[v.app]) < longest*visits { // nobody need have looked since it was authorized again
			continue
		}
		status := release.Status
		// What was given up here, or was never brought there for this release, people may release themselves. AlipayCN does not
		// hear that it was given up while there was no authorization, and then it may be anything there.
		others := is.own || is.release != "" && is.release != id
		unbrought := status == created || !is.seen.After(release.CreatedAt) // and seen otherwise for a release of another version
		if is.unheard && status == canceled || others && (status == canceled || unbrought) {
			continue
		}
		r.must("at rest, the platform knows what all users have", (status == fullRelease) == (at == "RELEASE"), "release %s is %s, and the version %s at AlipayCN", id, status, at)
	}
}

// reviewed judges that what is under review here was applied for there: now, or before and not rejected.
func (r *alipaycnRules) reviewed(at time.Time, is *releaseLine) {
	v := r.version(r.w.apps[is.ProgramID], is.Version)
	const race = 2 * time.Hour // a process that was halted may store it late
	late := !v.rejected.IsZero() && at.Sub(v.rejected) >= race
	again := v.under != "" && v.under == r.platform.lastApplied[is.ID] // a call that did not learn of its application, and is repeated
	slogan := is.Configuration.AlipayCN.Slogan
	applied := v.slogan == slogan && (!late || again) || v.own && v.formerly == slogan && at.Sub(v.replaced) < race
	r.must("what is under review was applied for at AlipayCN", applied, "release %s says %q, and AlipayCN has %q, which it rejected %v ago", is.ID, is.Configuration.AlipayCN.Slogan, v.slogan, at.Sub(v.rejected))
}

// unknown judges that a platform notes what AlipayCN did for it, when it says that it does not know what came of a call, unless
// somebody has looked at that meanwhile: another process, or another call of the same one.
func (r *alipaycnRules) unknown(e *exchange, is *releaseLine) {
	v := r.version(r.w.apps[is.ProgramID], is.Version)
	if !r.platform.toAlipayCN(is) || v.by != e.to || v.changed.Before(e.arrived) {
		return
	}
	r.must("what AlipayCN did for a call without an answer is noted", is.deleted || is.Unresolved != "" || is.AppliedFor || v.seen.After(v.changed) || !is.UpdatedAt.Before(e.arrived), "%s: release %s is %s, and changed at AlipayCN", e.path, is.ID, is.Status)
}

// releaseOf is the platform's release of a version at AlipayCN; empty when no platform releases it.
func (r *alipaycnRules) releaseOf(app, version string) string {
	for id, is := range r.platform.releases {
		if !is.deleted && is.Version == version && r.w.apps[is.ProgramID] == app && r.platform.toAlipayCN(is) {
			return id
		}
	}
	return ""
}
