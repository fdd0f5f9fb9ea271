package sim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// platformRules are those of the documents "Release mini programs" and "Release services", and what the platform promises
// about its calls.
type platformRules struct {
	*rules

	releases map[string]*releaseLine // by id
	requests map[string]*requestLine
	services map[string]string // their status
	// owners are the workspaces of ids.
	owners map[string]string
	// approved are the verdicts to approve that have reached a platform, by request and party; asked the ratios, by release.
	approved map[[2]string]bool
	asked    map[string][]int
	// applied are the request ids of applications that have reached a platform, by release; who asks by the same one
	// again after the application was taken back, which takenBack counts, asks for another.
	applied     map[string]map[string]bool
	takenBack   map[string]int
	lastApplied map[string]string
	// outcomes are the answers of success, by caller and request id; written what an audit log has.
	outcomes map[[2]string]string
	// begun are the calls that have arrived, by caller and request id.
	begun   map[[2]string]bool
	written map[[2]string][]string
	last    map[string]string
}

// releaseLine is what the rules read of a stored release.
type releaseLine struct {
	ID        string `json:"id"`
	Workspace string `json:"workspace"`
	ProgramID string `json:"programId"`
	TargetApp string `json:"targetApp"`
	Version   string `json:"version"`
	Status    string `json:"status"`
	RequestID string `json:"releaseRequestId"`
	// Unresolved says what AlipayCN was asked for and has not answered.
	Unresolved string `json:"unresolved"`
	// AppliedFor says that AlipayCN refused to review it, and may know it all the same.
	AppliedFor bool `json:"appliedFor"`
	Grayscale  struct {
		Ratio int `json:"ratio"`
	} `json:"grayscale"`
	Reviews []struct {
		Party  string `json:"party"`
		Status string `json:"status"`
	} `json:"reviews"`
	Configuration struct {
		AlipayCN struct {
			Slogan string `json:"slogan"`
		} `json:"alipayCn"`
	} `json:"configuration"`
	Compatibility struct {
		Run       int       `json:"run"`
		Status    string    `json:"status"`
		StartedAt time.Time `json:"startedAt"`
	} `json:"compatibility"`
	BasicInfo alipayplus.BusinessRegistration `json:"basicInfo"`
	CreatedAt time.Time                       `json:"createdAt"`
	UpdatedAt time.Time                       `json:"updatedAt"`
	deleted   bool
}

// auditLine is what the rules read of an entry of the audit log.
type auditLine struct {
	Kind      string `json:"kind"`
	ID        string `json:"id"`
	From      string `json:"from"`
	To        string `json:"to"`
	Who       string `json:"who"`
	RequestID string `json:"requestId"`
}

func newPlatformRules(r *rules) platformRules {
	return platformRules{
		rules: r, releases: map[string]*releaseLine{}, requests: map[string]*requestLine{}, services: map[string]string{}, owners: map[string]string{}, approved: map[[2]string]bool{}, asked: map[string][]int{}, applied: map[string]map[string]bool{}, takenBack: map[string]int{}, lastApplied: map[string]string{},
		outcomes: map[[2]string]string{}, begun: map[[2]string]bool{}, written: map[[2]string][]string{}, last: map[string]string{},
	}
}

const (
	created     = "NEW_VERSION_CREATED"
	underReview = "UNDER_REVIEW"
	preparation = "RELEASE_PREPARATION"
	grayscale   = "GRAYSCALE_RELEASE"
	fullRelease = "FULL_RELEASE"
	canceled    = "CANCELED"
	archived    = "ARCHIVED"
	deleted     = "DELETED"
)

// toAlipayCN says whether it goes to AlipayCN itself, by way of a platform.
func (r *platformRules) toAlipayCN(of *releaseLine) bool {
	return r.w.behind && of.TargetApp == string(alipayplus.TargetAlipayCN)
}

// mayBecome says where a release goes from where. behind says that people can change it at AlipayCN: several of their steps
// may be found at once.
func mayBecome(from, to string, behind bool) bool {
	if behind && slices.Contains([]string{preparation, grayscale}, from) {
		return to != deleted
	}
	switch from {
	case "":
		return to == created
	case created:
		return to == underReview || to == deleted || behind && to == fullRelease
	case underReview:
		return to == preparation || to == created
	case preparation:
		return to == grayscale || to == fullRelease || to == canceled
	case grayscale:
		return to == fullRelease || to == canceled
	case fullRelease:
		return to == archived
	case archived:
		return to == fullRelease
	default:
		return false
	}
}

// commit judges what was stored.
func (r *platformRules) commit(at time.Time, c *commit) {
	var moved, changed, companies []string
	var approved []*releaseLine
	var told []auditLine
	was := map[string]*releaseLine{}
	var authorizations []*authorizationLine
	for _, w := range c.writes {
		parts := strings.Split(w.key, "/")
		switch {
		case parts[0] == "workspace" && r.company.stored(parts[1], w.value):
			companies = append(companies, parts[1])
		case parts[0] == "i" || len(parts) < 3:
		case parts[0] == "audit":
			told = append(told, r.audited(at, w))
		case parts[0] == "release":
			before := r.releases[parts[2]]
			was[parts[2]] = before
			if r.released(at, parts[1], parts[2], w.value) {
				moved = append(moved, parts[2])
			}
			if is := r.releases[parts[2]]; before != nil && before.Status == underReview && is.Status == preparation {
				approved = append(approved, is)
			}
		case parts[0] == "request":
			r.owners[parts[2]] = parts[1]
			r.requested(parts[2], w.value)
		case parts[0] == "service":
			r.owners[parts[2]] = parts[1]
			if status := r.services[parts[2]]; r.offered(parts[2], w.value) && status != "" {
				changed = append(changed, parts[2])
			}
		case parts[0] == "order":
			if r.orders.stored(at, parts[2], w.value) {
				changed = append(changed, parts[2])
			}
		case parts[0] == "authorization":
			if is := r.tokens.stored(w.value); is != nil {
				authorizations = append(authorizations, is)
			}
		case parts[0] == "program":
			r.owners[parts[2]] = parts[1]
		}
	}
	for _, id := range moved {
		is := r.releases[id]
		status := is.Status
		if is.deleted {
			status = deleted
		}
		r.must("every change is in the audit log", slices.ContainsFunc(told, func(a auditLine) bool { return a.ID == id && strings.HasPrefix(a.To, status) }),
			"release %s became %s without an entry", id, status)
		if before := was[id]; before != nil {
			r.merchants.found(before, is, told)
		}
	}
	for _, id := range changed {
		entries := 0
		for _, a := range told {
			if a.ID == id {
				entries++
			}
		}
		sides := 1
		if r.orders.of[id] != nil {
			sides = 2
		}
		r.must("every change is in the audit log", entries == sides, "%s changed with %d entries", id, entries)
	}
	r.calls.committed(c.call, told)
	r.company.committed(approved, companies)
	r.tokens.logged(authorizations, told)
	if len(moved) > 0 {
		r.room.counted(at, moved)
		r.oneOnItsWay(moved)
	}
}

// requested judges the record of a request: "Once approved, the status changes from Under Review to Approved".
func (r *platformRules) requested(id string, value []byte) {
	now := &requestLine{}
	if json.Unmarshal(value, now) != nil {
		return
	}
	before := r.requests[id]
	r.requests[id] = now
	if before == nil || before.Status == now.Status {
		return
	}
	r.must("a request is decided once", before.Status == underReview, "request %s went from %s to %s", id, before.Status, now.Status)
}

// requestLine is what the rules read of a stored request, and of a stored service.
type requestLine struct {
	Status    string `json:"status"`
	ProgramID string `json:"programId"`
}

// offered judges the record of a service: "Once approved, your service is updated to Online".
func (r *platformRules) offered(id string, value []byte) (moved bool) {
	now := &requestLine{}
	if json.Unmarshal(value, now) != nil {
		return false
	}
	before := r.services[id]
	r.services[id] = now.Status
	if now.Status == "ONLINE" {
		r.orders.online[id] = true
	}
	if before == "" || before == now.Status {
		return false
	}
	next := map[string][]string{
		"DRAFT": {"PENDING_REVIEW"}, "TURNED_DOWN": {"PENDING_REVIEW"}, "WITHDRAWN": {"PENDING_REVIEW"},
		"PENDING_REVIEW": {"ONLINE", "TURNED_DOWN", "WITHDRAWN"}, "ONLINE": {"ARCHIVED"},
	}
	r.must("a service moves by the documented steps", slices.Contains(next[before], now.Status), "service %s went from %s to %s", id, before, now.Status)
	return true
}

// audited judges an entry of the audit log.
func (r *platformRules) audited(at time.Time, w write) auditLine {
	var a auditLine
	if json.Unmarshal(w.value, &a) != nil || a.Kind != "release" {
		return a
	}
	workspace := strings.Split(w.key, "/")[1]
	r.past.told(at, workspace, a.ID)
	of := [2]string{workspace + a.ID, a.RequestID}
	what := a.From + " to " + a.To
	if a.RequestID != "" && a.From != a.To {
		r.must("a request id has its effect once", !slices.Contains(r.written[of], what), "release %s went %s twice by one request id", a.ID, what)
		r.written[of] = append(r.written[of], what)
	}
	r.must("the audit log is in order", r.last[workspace+a.ID] < w.key, "an entry of release %s stands before an earlier one", a.ID)
	r.last[workspace+a.ID] = w.key
	return a
}

// released judges the record of a release, and says whether its status or ratio is new.
func (r *platformRules) released(at time.Time, workspace, id string, value []byte) bool {
	before := r.releases[id]
	now := &releaseLine{}
	if before == nil {
		before = &releaseLine{}
	}
	if value == nil {
		*now = *before
		now.deleted = true
		r.releases[id] = now
		r.must("a release moves by the documented steps", mayBecome(before.Status, deleted, r.toAlipayCN(before)), "release %s went from %s to %s", id, before.Status, deleted)
		return true
	}
	err := json.Unmarshal(value, now)
	r.must("a record can be read", err == nil, "release %s: %v", id, err)
	if err != nil {
		return false
	}
	r.owners[id] = workspace
	r.releases[id] = now
	r.tested(at, before, now)
	if before.Status == now.Status && before.Grayscale.Ratio == now.Grayscale.Ratio {
		return false
	}
	if before.Status != now.Status {
		r.must("a release moves by the documented steps", mayBecome(before.Status, now.Status, r.toAlipayCN(now)), "release %s went from %s to %s", id, before.Status, now.Status)
	}
	switch now.Status {
	case created:
		if before.Status == "" {
			r.limits(now)
		}
	case underReview:
		r.company.applied(now)
		if r.toAlipayCN(now) {
			r.alipaycn.reviewed(at, now)
		}
	case preparation:
		r.verdicts(now)
	case canceled:
		if r.toAlipayCN(now) {
			r.alipaycn.version(r.w.apps[now.ProgramID], now.Version).unheard = r.tokens.of[now.ProgramID].Status != "AUTHORIZED"
		}
	case grayscale, fullRelease:
		r.ratio(at, before, now)
	}
	return true
}

// tested: a test of compatibility says what the devices say, once all have been tested, and another one replaces it.
func (r *platformRules) tested(at time.Time, before, now *releaseLine) {
	was, is := before.Compatibility, now.Compatibility
	if was.Run == is.Run && was.Status == is.Status {
		return
	}
	switch is.Status {
	case "TESTING":
		r.must("one compatibility test runs at a time", is.Run == was.Run+1 && was.Status != "TESTING", "test %d of release %s began, and test %d is %s", is.Run, now.ID, was.Run, was.Status)
	default:
		says := "PASSED"
		if now.Version == brokenOnOne {
			says = "FAILED"
		}
		ended := was.Run == is.Run && was.Status == "TESTING" && at.Sub(is.StartedAt) >= 2*testTime
		r.must("a compatibility test says what the devices say", ended && is.Status == says, "test %d of release %s was %s, and is %s after %v", is.Run, now.ID, was.Status, is.Status, at.Sub(is.StartedAt))
	}
}

// verdicts: "After the approval of Alipay+ and AlipayCN, you can proceed to the release preparation."
func (r *platformRules) verdicts(now *releaseLine) {
	both := r.approved[[2]string{now.RequestID, "ALIPAY_PLUS"}]
	if r.toAlipayCN(now) {
		both = both && len(r.alipaycn.version(r.w.apps[now.ProgramID], now.Version).passed) > 0 // that people took it back shows when it is observed next
	} else {
		both = both && r.approved[[2]string{now.RequestID, now.TargetApp}] // whose party has its name
	}
	r.must("both parties have approved", both, "release %s is in preparation", now.ID)
	if r.toAlipayCN(now) {
		passed, asked := r.alipaycn.version(r.w.apps[now.ProgramID], now.Version).passed, now.Configuration.AlipayCN.Slogan
		r.must("what AlipayCN approved is what was applied for", slices.Contains(passed, asked), "release %s says %q, and AlipayCN approved %q", now.ID, asked, passed)
	}
}

// ratio: "Gradually increase the release ratio, from 1% to 100%", with seven options; AlipayCN itself knows 10, 30 and 50.
func (r *platformRules) ratio(at time.Time, before, now *releaseLine) {
	from, to := before.Grayscale.Ratio, now.Grayscale.Ratio
	if before.Status == archived { // it comes back
		return
	}
	ladder := []int{1, 5, 10, 20, 30, 50, 100}
	touched := false
	if r.toAlipayCN(now) {
		r.merchants.stored(now, to)
		ladder = []int{10, 30, 50, 100}
		touched = r.alipaycn.version(r.w.apps[now.ProgramID], now.Version).touched
	}
	r.must("a ratio is on the ladder", slices.Contains(ladder, to), "release %s is at %d%%", now.ID, to)
	r.must("a ratio only grows", touched || to > from, "release %s went from %d%% to %d%%", now.ID, from, to)
	r.must("a ratio was asked for", touched || slices.Contains(r.asked[now.ID], to), "release %s is at %d%%, and nobody asked for that", now.ID, to)
	if now.Status == fullRelease {
		r.must("100% is for all, and nothing else", to == 100, "release %s is fully released at %d%%", now.ID, to)
	}
	for _, p := range r.rollouts.of {
		if p.release == now.ID {
			r.rollouts.wentLive(at, p, "", to)
		}
	}
}

// unresolved says whether a request waits until somebody repeats a call about its release, of which AlipayCN gave no answer, or
// authorizes the platform again.
func (r *platformRules) unresolved(request string) bool {
	for _, is := range r.releases {
		if is.RequestID == request && (is.Unresolved != "" || r.toAlipayCN(is) && r.tokens.of[is.ProgramID].Status != "AUTHORIZED") {
			return true
		}
	}
	return false
}

// limits: "Currently, you can release up to 10 mini programs to AlipayCN. For the same mini program, you can release up to
// 20 versions to AlipayCN when no version reaches Under Review."
func (r *platformRules) limits(now *releaseLine) {
	programs, waiting, reviewed := r.used(now)
	if now.TargetApp != string(partnerApp) {
		r.must("10 mini programs go to AlipayCN", len(programs) <= mostPrograms, "%d mini programs of %s go there", len(programs), now.Workspace)
	}
	r.must("20 versions wait", waiting <= mostWaiting(now.TargetApp), "%d versions of %s wait", waiting, now.ProgramID)
	r.must("no version is selected while one is under review", !reviewed, "release %s was created while one of %s is under review", now.ID, now.ProgramID)
}

// mostPrograms is how many mini programs go to AlipayCN.
const mostPrograms = 10

// mostWaiting is how many versions of a mini program wait; the partner app has a limit of its own, and none of mini programs.
func mostWaiting(target string) int {
	if target == string(partnerApp) {
		return 2
	}
	return 20
}

// used is what is used of the limits that a release counts for.
func (r *platformRules) used(now *releaseLine) (programs map[string]bool, waiting int, reviewed bool) {
	programs = map[string]bool{}
	for _, other := range r.releases {
		if other.deleted || other.Workspace != now.Workspace || other.TargetApp != now.TargetApp {
			continue
		}
		if other.Status != canceled {
			programs[other.ProgramID] = true
		}
		if other.ProgramID == now.ProgramID {
			reviewed = reviewed || other.Status == underReview
			if other.Status == created {
				waiting++
			}
		}
	}
	return programs, waiting, reviewed
}

// oneOnItsWay: one version of a mini program is under review, in preparation or in grayscale.
func (r *platformRules) oneOnItsWay(moved []string) {
	for _, id := range moved {
		of, n := r.releases[id], 0
		for _, other := range r.releases {
			if !other.deleted && other.ProgramID == of.ProgramID && other.TargetApp == of.TargetApp &&
				(other.Status == underReview || other.Status == preparation || other.Status == grayscale) {
				n++
			}
		}
		r.must("one version is on its way", n <= 1, "%d versions of %s are", n, of.ProgramID)
	}
}

// exchange judges a call.
func (r *platformRules) exchange(e *exchange) {
	if at, is := strings.CutPrefix(e.path, platform.ConsolePath); is {
		r.page(e, at)
		return
	}
	m := r.members[e.header.Get("Client-Id")]
	operation := strings.TrimPrefix(e.path, "/api/open/v2/")
	var in struct {
		RequestID string `json:"requestId"`
		ID        string `json:"id"`
		ReleaseID string `json:"releaseId"`
		ProgramID string `json:"programId"`
		OrderID   string `json:"orderId"`
		Approve   bool   `json:"approve"`
		Ratio     int    `json:"ratio"`
	}
	if m == nil || operation == e.path || json.Unmarshal(e.request, &in) != nil {
		return
	}
	by := [2]string{m.workspace + m.name, in.RequestID}
	if e.begun {
		if p := r.rollouts.by(e.from); p != nil && in.RequestID != "" && !r.begun[by] { // its answer may come when the rollout has seen the change
			intended := p.last != nil && p.last.Intent != nil && strings.HasPrefix(in.RequestID, p.last.Intent.RequestID)
			r.must("a change is intended", intended, "%s does %s without an intent", p.name, operation)
		}
		r.begun[by] = true
		r.asksFor(e, in.ReleaseID)
		switch operation {
		case "review/decide":
			if in.Approve {
				r.approved[[2]string{in.ID, string(m.party)}] = true
			}
		case "release/apply":
			r.appliedFor(in.ReleaseID, in.RequestID)
		case "release/grayscale":
			r.asked[in.ReleaseID] = append(r.asked[in.ReleaseID], in.Ratio)
		case "release/finalize":
			r.asked[in.ReleaseID] = append(r.asked[in.ReleaseID], 100)
		}
		return
	}
	if m.party == "" {
		r.isolated(m, e)
	}
	outcome := outcomeOf(e.status, e.answer)
	if is := r.releases[in.ReleaseID]; is != nil && outcome == "UNKNOWN_EXCEPTION" {
		r.alipaycn.unknown(e, is)
	}
	if operation == "release/create" && outcome == "LIMIT_EXCEEDED" {
		r.room.refused(m, e)
	}
	if outcome != "SUCCESS" {
		return
	}
	program := in.ProgramID
	if of := r.releases[in.ReleaseID]; of != nil {
		program = of.ProgramID
	}
	r.allowed(m, e, operation, program)
	r.reached(m, e)
	r.orders.acted(m, operation, in.OrderID)
	if operation == "release/history" {
		r.past.answered(e, in.ReleaseID)
	}
	if in.RequestID != "" {
		first, known := r.outcomes[by]
		r.must("a request id has one outcome", !known || first == string(e.answer), "%s %s: first %s, then %s", operation, in.RequestID, first, e.answer)
		r.outcomes[by] = string(e.answer)
	}
	r.stored(e)
}

// asksFor learns that a platform has got something to do about a release; no id: about something else.
func (r *platformRules) asksFor(e *exchange, release string) {
	r.merchants.gets(e.arrived, e.to)
	r.merchants.about(e.arrived, release)
}

// appliedFor learns that an application was asked for.
func (r *platformRules) appliedFor(release, requestID string) {
	if r.applied[release] == nil {
		r.applied[release] = map[string]bool{}
	}
	r.lastApplied[release] = requestID
	r.applied[release][requestID+" after "+strconv.Itoa(r.takenBack[release])] = true
}

// allowed judges that somebody did what they may.
func (r *platformRules) allowed(m *member, e *exchange, operation, program string) {
	if owner := r.owners[program]; m.party == "" && owner != "" && owner != m.workspace && !strings.HasSuffix(operation, "/list") { // lists are empty then
		r.must("an order gives access, and nothing else does", r.orders.gave(m.workspace, program, e.arrived), "%s of %s did %s with %s of %s", m.name, m.workspace, operation, program, owner)
		r.must("a role does what it may for a merchant", r.orders.mayForMerchant(m, operation, program), "%s of %s did %s", m.role, m.workspace, operation)
		return
	}
	r.must("a role does what it may", r.may(m, operation, program), "%s of %s did %s", m.role, m.workspace, operation)
}

// isolated: nothing of another workspace is in an answer.
func (r *platformRules) isolated(m *member, e *exchange) {
	answer := string(e.answer)
	for begin, end := range ids(answer) {
		id := answer[begin:end]
		if strings.Contains(string(e.request), id) { // what was asked for may be named
			continue
		}
		owner, known := r.owners[id]
		r.must("a workspace sees its own", !known || owner == m.workspace || r.orders.told(m.workspace, id) || r.orders.gave(m.workspace, r.programOf(id), e.arrived), "%s of %s sees %s of %s in %s", m.name, m.workspace, id, owner, e.path)
	}
}

// reached: what a call names is of its own workspace, or an order gives access to it; a list of what is another's is empty.
func (r *platformRules) reached(m *member, e *exchange) {
	if m.party != "" || strings.HasSuffix(e.path, "/list") {
		return
	}
	asked := string(e.request)
	for begin, end := range ids(asked) {
		id := asked[begin:end]
		if owner, known := r.owners[id]; known && owner != m.workspace {
			r.must("an id gives no access", r.orders.told(m.workspace, id) || r.orders.gave(m.workspace, r.programOf(id), e.arrived), "%s of %s did %s with %s of %s", m.name, m.workspace, e.path, id, owner)
		}
	}
}

// programOf is the mini program that something is about.
func (r *platformRules) programOf(id string) string {
	if of := r.releases[id]; of != nil {
		return of.ProgramID
	}
	if of := r.requests[id]; of != nil {
		return of.ProgramID
	}
	return id
}

// may: "In a workspace, the owner, masters, and developers have permission to proceed with the release process"; where the
// platform was given one of the other two documented policies, developers release what they are assigned, or nothing.
func (r *platformRules) may(m *member, operation, program string) bool {
	if strings.HasPrefix(operation, "session/") { // whoever has a credential signs in at the console
		return true
	}
	if m.party != "" {
		return strings.HasPrefix(operation, "review/")
	}
	if strings.HasPrefix(operation, "review/") {
		return false
	}
	changes := []string{"create", "apply", "withdraw", "grayscale", "finalize", "cancel", "delete", "update", "offline", "rollback", "begin", "add", "test", "place", "accept", "reject", "confirm", "submit", "approve", "turndown", "revoke"}
	_, verb, _ := strings.Cut(operation, "/")
	if i := strings.LastIndex(verb, "/"); i >= 0 {
		verb = verb[i+1:]
	}
	if m.role != "DEVELOPER" || !slices.Contains(changes, verb) || strings.HasPrefix(operation, "service/") {
		return true
	}
	switch r.w.policy {
	case "MEMBERS_RELEASE":
		return strings.HasPrefix(operation, "order/") || strings.HasPrefix(operation, "release/") || operation == "authorization/begin" || operation == "miniprogram/language/add"
	case "ASSIGNED_DEVELOPERS_RELEASE":
		return strings.HasPrefix(operation, "release/") && slices.Contains(m.programs, program)
	default:
		return false
	}
}

// stored: what was answered is stored.
func (r *platformRules) stored(e *exchange) {
	var out struct {
		Data releaseLine `json:"data"`
	}
	if !strings.HasPrefix(e.path, "/api/open/v2/release/") || strings.HasSuffix(e.path, "/list") || strings.HasSuffix(e.path, "/history") || json.Unmarshal(e.answer, &out) != nil || out.Data.ID == "" || out.Data.Status == "" {
		return
	}
	is := r.releases[out.Data.ID]
	r.must("what was answered is stored", is != nil && (is.deleted || !is.UpdatedAt.Before(out.Data.UpdatedAt)),
		"%s answered that release %s is %s, and it is not stored", e.path, out.Data.ID, out.Data.Status)
}
