package platform

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// This file holds the platform against a model: the product's rules once more,
// in the plainest way, on maps. The model calls none of the rules of package
// alipayplus and knows nothing of storage; the two were written apart, so that
// they do not share a mistake.

// The limits of the target app in this test are small, to be met often.
const (
	modelPrograms = 2
	modelWaiting  = 2
)

type modelApp struct{ *SimulatedAlipayCN }

// The app tests compatibility, as AlipayCN does not, and has its results at once.

func (modelApp) TestDevices() []alipayplus.TestDevice {
	return []alipayplus.TestDevice{{System: "Android 16", Network: "5G", Device: "Pixel 9"}}
}

func (modelApp) TestCompatibility(context.Context, TargetCall) error { return nil }

func (modelApp) CompatibilityResults(_ context.Context, call TargetCall) ([]alipayplus.CompatibilityResult, error) {
	results := call.Release.Compatibility.Results
	for i := range results {
		results[i].Status = alipayplus.CompatibilityPassed
	}
	return results, nil
}

// Limits returns small ones.
func (modelApp) Limits() alipayplus.Limits {
	return alipayplus.Limits{Programs: modelPrograms, WaitingVersions: modelWaiting}
}

func modelLadder() []int { return []int{1, 5, 10, 20, 30, 50, 100} }

type modelProgram struct {
	id         string
	chinese    bool
	authorized bool
	latest     int
}

type modelRelease struct {
	id      string
	program *modelProgram
	version int
	status  string
	steps   []int
	request *modelRequest
	// replaced is the one that was live for all until this one was; nil: none.
	replaced *modelRelease
	// tests are how often it was tested, and outdated says that it was configured since.
	tests    int
	outdated bool
}

// modelOrder is an order of the provider's one service.
type modelOrder struct {
	id        string
	program   *modelProgram
	status    string
	takenBack bool
}

func (o *modelOrder) givesAccess() bool {
	return (o.status == "IN_DEVELOPMENT" || o.status == "UNDER_APPROVAL") && !o.takenBack
}

type modelService struct {
	id      string
	status  string
	request *modelRequest
}

type modelRequest struct {
	id        string
	status    string
	applicant string
	reviews   map[string]string
	release   *modelRelease
	service   *modelService
}

// model is what the platform should look like, and the platform.
type model struct {
	p         *Platform
	workspace string
	// provider is another workspace, and forSale its service in the Service Market.
	provider, forSale string
	app               *SimulatedAlipayCN
	policy            string
	orderPolicy       alipayplus.OrderPolicy
	file              string
	calls             int
	last              func(*rapid.T)
	// callers are those who are known to the platform, as long as no role changes.
	callers map[string]caller

	programs []*modelProgram
	releases []*modelRelease
	services []*modelService
	requests []*modelRequest
	orders   []*modelOrder
}

func newModel(t *rapid.T) *model {
	m := &model{app: NewSimulatedAlipayCN(), callers: map[string]caller{}, policy: rapid.SampledFrom([]string{
		"MEMBERS_RELEASE", "ASSIGNED_DEVELOPERS_RELEASE", "DEVELOPERS_UPLOAD_ONLY",
	}).Draw(t, "policy")}
	var err error
	m.orderPolicy = alipayplus.OrderPolicy{
		Rejected:   rapid.SampledFrom([]alipayplus.OrderStatus{"", "NEW_ORDER"}).Draw(t, "rejected"),
		TurnedDown: rapid.SampledFrom([]alipayplus.OrderStatus{"", "CANCELED"}).Draw(t, "turned down"),
	}
	m.p, err = New(WithSigner(testkey.FastKey()), WithTargetBackends(modelApp{m.app}),
		WithPermissionPolicy(alipayplus.PermissionPolicy(m.policy)), WithOrderPolicy(m.orderPolicy))
	require.NoError(t, err)
	m.workspace, err = m.p.AddWorkspace(t.Context(), modelCompany())
	require.NoError(t, err)
	m.file = m.uploadPackage(t, "olga")
	m.openShop(t)
	return m
}

// openShop gives the provider a service in the Service Market, and a package.
func (m *model) openShop(t *rapid.T) {
	company := modelCompany()
	company.CompanyName = "Red Hill Coffee"
	var err error
	m.provider, err = m.p.AddWorkspace(t.Context(), company)
	require.NoError(t, err)
	m.uploadPackage(t, "pia")
	got, _ := m.call(t, contract.ServiceCreate, "pia", m.offer(m.uploadFile(t, "pia", alipayplus.ContentPNG, smallPNG(t))), nil)
	m.forSale = got.Data.ID
	m.call(t, contract.ServiceSubmit, "pia", map[string]any{"serviceId": m.forSale}, nil)
	waiting, err := m.p.Reviews(t.Context())
	require.NoError(t, err)
	require.NoError(t, waiting[0].Approve(t.Context(), alipayplus.PartyAlipayPlus))
}

func modelCompany() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// The members: olga, max and dev of the workspace, pia and pit of the provider. The
// developers, dev and pit, are assigned the first mini program.

func (m *model) member(name string) Member {
	roles := map[string]alipayplus.Role{
		"olga": alipayplus.RoleOwner, "max": alipayplus.RoleMaster, "dev": alipayplus.RoleDeveloper,
		"pia": alipayplus.RoleOwner, "pit": alipayplus.RoleDeveloper,
	}
	member := Member{WorkspaceID: m.workspace, Name: name, Role: roles[name]}
	if ofProvider(name) {
		member.WorkspaceID = m.provider
	}
	if isDeveloper(name) && len(m.programs) > 0 {
		member.Programs = []string{m.programs[0].id}
	}
	return member
}

func ofProvider(name string) bool { return name == "pia" || name == "pit" }

func isDeveloper(name string) bool { return name == "dev" || name == "pit" }

// signs is how the workspace knows a member.
func signs(who string) string {
	if ofProvider(who) {
		return "Red Hill Coffee/" + who
	}
	return who
}

func anyMember(t *rapid.T) string {
	return rapid.SampledFrom([]string{"olga", "max", "dev"}).Draw(t, "member")
}

// anybody is a member of either workspace.
func anybody(t *rapid.T) string {
	return rapid.SampledFrom([]string{"olga", "olga", "max", "max", "dev", "dev", "pia", "pit"}).Draw(t, "member")
}

func (m *model) assigned(who string, p *modelProgram) bool {
	return isDeveloper(who) && len(m.programs) > 0 && m.programs[0] == p
}

// reaches says whether a member's workspace may know of a mini program.
func (m *model) reaches(who string, p *modelProgram) bool {
	return !ofProvider(who) || slices.ContainsFunc(m.orders, func(o *modelOrder) bool { return o.program == p && o.givesAccess() })
}

func (m *model) mayRelease(who string, p *modelProgram) bool {
	if ofProvider(who) {
		return who == "pia" || m.assigned(who, p) && m.policy != "DEVELOPERS_UPLOAD_ONLY"
	}
	return who != "dev" || m.policy == "MEMBERS_RELEASE" || m.policy == "ASSIGNED_DEVELOPERS_RELEASE" && m.assigned(who, p)
}

func (m *model) mayUpload(who string, p *modelProgram) bool {
	if ofProvider(who) {
		return who == "pia" || m.assigned(who, p)
	}
	return who != "dev" || m.policy != "ASSIGNED_DEVELOPERS_RELEASE" || m.assigned(who, p)
}

// answered is what a call came to.
type answered struct {
	Result struct {
		Code string `json:"resultCode"`
	} `json:"result"`
	Data struct {
		ID               string `json:"id"`
		ReleaseRequestID string `json:"releaseRequestId"`
	} `json:"data"`
}

// call makes a call past authentication, and checks that it succeeds exactly if
// no rule is broken, and else is refused for one of the rules that are.
func (m *model) call(t *rapid.T, op contract.Operation, who string, in map[string]any, broken refusals) (got answered, done bool) {
	m.calls++
	if !m.mayName(who, op, in) {
		broken = append(broken, "NOT_FOUND")
	}
	in["requestId"] = fmt.Sprintf("call-%d", m.calls)
	raw := m.raw(t, op, m.caller(t, who), in)
	require.NoError(t, json.Unmarshal(raw, &got))
	if len(broken) == 0 {
		require.Equal(t, "SUCCESS", got.Result.Code, "%s by %s: %s", op.Name, who, raw)
	} else {
		require.Contains(t, broken, got.Result.Code, "%s by %s: %s", op.Name, who, raw)
	}
	repeat := func(t *rapid.T) {
		require.Equal(t, string(raw), string(m.raw(t, op, m.caller(t, who), in)), "%s repeated", op.Name)
	}
	if len(broken) > 0 {
		repeat(t) // at once: a refusal lasts as long as its reason
		return got, false
	}
	if ofProvider(who) {
		repeat(t) // at once: the access may end
		return got, true
	}
	m.last = repeat
	return got, true
}

// mayName says whether what a call is about is there for the caller.
func (m *model) mayName(who string, op contract.Operation, in map[string]any) bool {
	program := slices.IndexFunc(m.programs, func(p *modelProgram) bool { return p.id == in["programId"] })
	release := slices.IndexFunc(m.releases, func(r *modelRelease) bool { return r.id == in["releaseId"] })
	switch {
	case op == contract.OrderPlace:
		return !ofProvider(who)
	case program >= 0:
		return m.reaches(who, m.programs[program])
	case release >= 0:
		return m.reaches(who, m.releases[release].program)
	default:
		return !ofProvider(who) || in["serviceId"] == nil || in["serviceId"] == m.forSale
	}
}

// caller is a member, or a party that reviews.
func (m *model) caller(t *rapid.T, who string) caller {
	if known, ok := m.callers[who]; ok {
		return known
	}
	if strings.HasPrefix(who, "ALIPAY") {
		m.callers[who] = reviewerCaller(t, m.p, alipayplus.Party(who))
	} else {
		m.callers[who] = memberCaller(t, m.p, m.member(who))
	}
	return m.callers[who]
}

func (m *model) raw(t *rapid.T, op contract.Operation, by caller, in map[string]any) []byte {
	body, err := json.Marshal(in)
	require.NoError(t, err)
	return executeAs(t.Context(), m.p, by, op, "", body).body
}

func (m *model) uploadPackage(t *rapid.T, who string) string {
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	_, err := z.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return m.uploadFile(t, who, alipayplus.ContentZip, build.Bytes())
}

func (m *model) uploadFile(t *rapid.T, who, contentType string, content []byte) string {
	done := executeAs(t.Context(), m.p, m.caller(t, who), contract.FileUpload, contentType, content)
	require.Equal(t, http.StatusOK, done.status)
	var got answered
	require.NoError(t, json.Unmarshal(done.body, &got))
	return got.Data.ID
}

// refusals are the codes of the rules that a call breaks.
type refusals []string

func (r *refusals) unless(holds bool, code string) {
	if !holds {
		*r = append(*r, code)
	}
}

// anyOf draws one of what is there; false when there is nothing.
func anyOf[T any](t *rapid.T, what string, all []T) (T, bool) {
	if len(all) == 0 {
		var none T
		return none, false
	}
	return rapid.SampledFrom(all).Draw(t, what), true
}

// onAny tries something, by any member, with one of what there is then.
func onAny[T any](what string, all *[]T, try func(t *rapid.T, who string, it T)) func(*rapid.T) {
	return func(t *rapid.T) {
		if it, ok := anyOf(t, what, *all); ok {
			try(t, anybody(t), it)
		}
	}
}

// Mini programs.

func (m *model) createProgram(t *rapid.T) {
	if len(m.programs) > modelPrograms {
		return
	}
	who := anyMember(t)
	language := rapid.SampledFrom([]string{"zh-CN", "zh-CN", "en"}).Draw(t, "language")
	var broken refusals
	broken.unless(who != "dev", "ACCESS_DENIED")
	got, done := m.call(t, contract.ProgramCreate, who, map[string]any{
		"languages": []map[string]string{{"language": language, "name": "Tea"}},
	}, broken)
	if done {
		clear(m.callers) // the developer is assigned the first mini program
		m.programs = append(m.programs, &modelProgram{id: got.Data.ID, chinese: language == "zh-CN"})
	}
}

func (m *model) addChinese(t *rapid.T, who string, p *modelProgram) {
	var broken refusals
	broken.unless(m.mayRelease(who, p), "ACCESS_DENIED")
	_, done := m.call(t, contract.ProgramAddLanguages, who, map[string]any{
		"programId": p.id, "languages": []map[string]string{{"language": "zh-CN", "name": "茶"}},
	}, broken)
	p.chinese = p.chinese || done
}

func (m *model) upload(t *rapid.T, who string, p *modelProgram) {
	version := max(1, p.latest+rapid.SampledFrom([]int{1, 1, 1, 2, 0, -1}).Draw(t, "above the latest"))
	var broken refusals
	broken.unless(m.mayUpload(who, p), "ACCESS_DENIED")
	broken.unless(version > p.latest, "PARAM_ILLEGAL")
	_, done := m.call(t, contract.VersionUpload, who, map[string]any{
		"programId": p.id, "version": number(version), "fileId": m.file,
	}, broken)
	if done {
		p.latest = version
	}
}

func number(version int) string { return fmt.Sprintf("1.%d.0", version) }

func (m *model) authorize(t *rapid.T, who string, p *modelProgram) {
	var broken refusals
	broken.unless(m.mayRelease(who, p), "ACCESS_DENIED")
	_, done := m.call(t, contract.AuthorizationBegin, who, map[string]any{"programId": p.id, "targetApp": "ALIPAY_CN"}, broken)
	if !done || p.authorized {
		return
	}
	var a struct{ Data alipayplus.Authorization }
	raw := m.raw(t, contract.AuthorizationQuery, m.caller(t, "olga"), map[string]any{"programId": p.id, "targetApp": "ALIPAY_CN"})
	require.NoError(t, json.Unmarshal(raw, &a))
	refusal, err := m.p.grant(t.Context(), a.Data.State, url.Values{"code": {m.app.code(a.Data.State)}})
	require.NoError(t, err)
	require.NoError(t, refusal)
	p.authorized = true
}

func (m *model) revoke(t *rapid.T) {
	p, ok := anyOf(t, "program", m.programs)
	if !ok {
		return
	}
	err := m.p.RevokeAuthorization(t.Context(), m.workspace, p.id, alipayplus.TargetAlipayCN)
	require.Equal(t, p.authorized, err == nil)
	p.authorized = false
}

// Releases.

// of lists the releases of a mini program in one of the statuses; all without any.
func (m *model) of(p *modelProgram, statuses ...string) []*modelRelease {
	var found []*modelRelease
	for _, r := range m.releases {
		if r.program == p && (len(statuses) == 0 || slices.Contains(statuses, r.status)) {
			found = append(found, r)
		}
	}
	return found
}

// going counts the mini programs that have a release that is not canceled.
func (m *model) going() map[*modelProgram]bool {
	going := map[*modelProgram]bool{}
	for _, r := range m.releases {
		if r.status != "CANCELED" {
			going[r.program] = true
		}
	}
	return going
}

func (m *model) createRelease(t *rapid.T, who string, p *modelProgram) {
	if p.latest == 0 {
		return
	}
	version := p.latest - rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "below the latest")
	uploaded := slices.Contains(m.uploaded(t, p), number(version))
	going := m.going()
	var broken refusals
	broken.unless(m.mayRelease(who, p), "ACCESS_DENIED")
	broken.unless(uploaded, "NOT_FOUND")
	broken.unless(!slices.ContainsFunc(m.of(p), func(r *modelRelease) bool { return r.version == version }), "STATE_CONFLICT")
	broken.unless(p.chinese, "LANGUAGE_REQUIRED")
	broken.unless(p.authorized, "AUTHORIZATION_REQUIRED")
	broken.unless(going[p] || len(going) < modelPrograms, "LIMIT_EXCEEDED")
	broken.unless(len(m.of(p, "NEW_VERSION_CREATED")) < modelWaiting, "LIMIT_EXCEEDED")
	broken.unless(len(m.of(p, "UNDER_REVIEW")) == 0, "LIMIT_EXCEEDED")
	got, done := m.call(t, contract.ReleaseCreate, who, map[string]any{
		"programId": p.id, "version": number(version), "targetApp": "ALIPAY_CN",
	}, broken)
	if done {
		m.releases = append(m.releases, &modelRelease{id: got.Data.ID, program: p, version: version, status: "NEW_VERSION_CREATED"})
	}
}

// uploaded asks the platform which versions there are; the highest is the model's.
func (m *model) uploaded(t *rapid.T, p *modelProgram) []string {
	var page struct {
		Data struct {
			Items []struct {
				Version string `json:"version"`
			} `json:"items"`
		} `json:"data"`
	}
	raw := m.raw(t, contract.VersionList, m.caller(t, "olga"), map[string]any{"programId": p.id, "limit": 100})
	require.NoError(t, json.Unmarshal(raw, &page))
	require.Equal(t, number(p.latest), page.Data.Items[0].Version)
	var versions []string
	for _, v := range page.Data.Items {
		versions = append(versions, v.Version)
	}
	return versions
}

func (m *model) apply(t *rapid.T, who string, r *modelRelease) {
	var broken refusals
	broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
	broken.unless(r.status == "NEW_VERSION_CREATED", "STATE_CONFLICT")
	for _, other := range m.of(r.program, "UNDER_REVIEW", "RELEASE_PREPARATION", "GRAYSCALE_RELEASE") {
		broken.unless(other == r, "STATE_CONFLICT")
	}
	broken.unless(r.program.chinese, "LANGUAGE_REQUIRED")
	broken.unless(r.program.authorized, "AUTHORIZATION_REQUIRED")
	got, done := m.call(t, contract.ReleaseApply, who, map[string]any{"releaseId": r.id, "basicInfo": modelCompany()}, broken)
	if done {
		r.status = "UNDER_REVIEW"
		r.request = m.open(got.Data.ReleaseRequestID, who, "ALIPAY_PLUS", "ALIPAY_CN")
		r.request.release = r
	}
}

func (m *model) open(id, applicant string, parties ...string) *modelRequest {
	request := &modelRequest{id: id, status: "UNDER_REVIEW", applicant: signs(applicant), reviews: map[string]string{}}
	for _, party := range parties {
		request.reviews[party] = "PENDING"
	}
	m.requests = append(m.requests, request)
	return request
}

func (r *modelRequest) close(status string) {
	r.status = status
	for party, review := range r.reviews {
		if review == "PENDING" {
			r.reviews[party] = "CLOSED"
		}
	}
}

// step does something simple with a release that stands in one of the statuses.
func (m *model) step(op contract.Operation, extra map[string]any, then func(*modelRelease), from ...string) func(*rapid.T) {
	return onAny("release", &m.releases, func(t *rapid.T, who string, r *modelRelease) {
		var broken refusals
		broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
		broken.unless(slices.Contains(from, r.status), "STATE_CONFLICT")
		if op == contract.ReleaseTest || op == contract.ReleaseCancel && r.ratio() > 0 {
			broken.unless(r.program.authorized, "AUTHORIZATION_REQUIRED")
		}
		in := map[string]any{"releaseId": r.id}
		maps.Copy(in, extra)
		if _, done := m.call(t, op, who, in, broken); done {
			then(r)
		}
	})
}

// goOn takes a release one step further, so that the sequences get somewhere.
func (m *model) goOn(t *rapid.T) {
	r, ok := anyOf(t, "release", m.releases)
	if !ok {
		return
	}
	for range rapid.IntRange(1, 4).Draw(t, "steps") {
		m.nextStep(t, r)
	}
}

func (m *model) nextStep(t *rapid.T, r *modelRelease) {
	switch r.status {
	case "NEW_VERSION_CREATED":
		m.apply(t, "olga", r)
	case "UNDER_REVIEW":
		for _, party := range []string{"ALIPAY_PLUS", "ALIPAY_CN"} {
			if r.request.reviews[party] == "PENDING" {
				m.decideAs(t, party, r.request, true)
			}
		}
	case "RELEASE_PREPARATION", "GRAYSCALE_RELEASE":
		above := slices.DeleteFunc(modelLadder(), func(ratio int) bool { return ratio <= r.ratio() })
		m.setRatioAs(t, "olga", r, r.ratio(), rapid.SampledFrom(above).Draw(t, "ratio"))
	}
}

func (m *model) grayscale(t *rapid.T, who string, r *modelRelease) {
	from := r.ratio()
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		from = rapid.SampledFrom([]int{0, 1, 50}).Draw(t, "from")
	}
	m.setRatioAs(t, who, r, from, rapid.SampledFrom(append(modelLadder(), 2)).Draw(t, "ratio"))
}

func (m *model) setRatioAs(t *rapid.T, who string, r *modelRelease, from, ratio int) {
	var broken refusals
	broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
	broken.unless(slices.Contains([]string{"RELEASE_PREPARATION", "GRAYSCALE_RELEASE"}, r.status), "STATE_CONFLICT")
	broken.unless(from == r.ratio(), "STATE_CONFLICT")
	broken.unless(slices.Contains(modelLadder(), ratio) && ratio > r.ratio(), "RATIO_NOT_ALLOWED")
	broken.unless(r.program.authorized, "AUTHORIZATION_REQUIRED")
	downgrade := rapid.Bool().Draw(t, "downgrade")
	broken.unless(downgrade || !m.undercuts(r), "STATE_CONFLICT")
	in := map[string]any{"releaseId": r.id, "from": from, "ratio": ratio, "allowDowngrade": downgrade}
	_, done := m.call(t, contract.ReleaseRaise, who, in, broken)
	if done {
		m.setRatio(r, ratio)
	}
}

// undercuts says whether a higher version than that of the release is live for all.
func (m *model) undercuts(r *modelRelease) bool {
	return slices.ContainsFunc(m.of(r.program, "FULL_RELEASE"), func(live *modelRelease) bool { return live.version > r.version })
}

func (m *model) finalize(t *rapid.T, who string, r *modelRelease) {
	downgrade := rapid.Bool().Draw(t, "downgrade")
	var broken refusals
	broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
	broken.unless(r.status == "RELEASE_PREPARATION", "STATE_CONFLICT")
	broken.unless(r.program.authorized, "AUTHORIZATION_REQUIRED")
	broken.unless(downgrade || !m.undercuts(r), "STATE_CONFLICT")
	if _, done := m.call(t, contract.ReleaseFinalize, who, map[string]any{"releaseId": r.id, "allowDowngrade": downgrade}, broken); done {
		m.setRatio(r, 100)
	}
}

// takeBack takes a full release offline, or goes back to the one that it replaced.
func (m *model) takeBack(op contract.Operation) func(*rapid.T) {
	return onAny("release", &m.releases, func(t *rapid.T, who string, r *modelRelease) {
		var broken refusals
		broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
		broken.unless(r.status == "FULL_RELEASE", "STATE_CONFLICT")
		broken.unless(op == contract.ReleaseTakeOffline || r.replaced != nil, "STATE_CONFLICT")
		broken.unless(r.program.authorized, "AUTHORIZATION_REQUIRED")
		if _, done := m.call(t, op, who, map[string]any{"releaseId": r.id}, broken); !done {
			return
		}
		r.status = "ARCHIVED"
		if op == contract.ReleaseRollBack {
			r.replaced.status = "FULL_RELEASE"
		}
	})
}

func (m *model) deleteRelease(t *rapid.T, who string, r *modelRelease) {
	var broken refusals
	broken.unless(m.mayRelease(who, r.program), "ACCESS_DENIED")
	broken.unless(r.status == "NEW_VERSION_CREATED", "STATE_CONFLICT")
	if _, done := m.call(t, contract.ReleaseDelete, who, map[string]any{"releaseId": r.id}, broken); done {
		m.releases = slices.DeleteFunc(m.releases, func(other *modelRelease) bool { return other == r })
	}
}

func (r *modelRelease) ratio() int {
	if len(r.steps) == 0 {
		return 0
	}
	return r.steps[len(r.steps)-1]
}

// setRatio makes a release live; the full one archives the one before.
func (m *model) setRatio(r *modelRelease, ratio int) {
	r.steps = append(r.steps, ratio)
	r.status = "GRAYSCALE_RELEASE"
	if ratio < 100 {
		return
	}
	for _, former := range m.of(r.program, "FULL_RELEASE") {
		former.status, r.replaced = "ARCHIVED", former
	}
	r.status = "FULL_RELEASE"
}

// Services.

func (m *model) createService(t *rapid.T) {
	if len(m.services) > 2 {
		return
	}
	who := anyMember(t)
	m.call(t, contract.ServiceCreate, who, m.offer(m.file), refusals{"PARAM_ILLEGAL"}) // a zip is no image
	got, _ := m.call(t, contract.ServiceCreate, who, m.offer(m.image(t)), nil)
	m.services = append(m.services, &modelService{id: got.Data.ID, status: "DRAFT"})
}

func (m *model) offer(image string) map[string]any {
	return map[string]any{
		"name": "Tea", "industry": "Food", "type": "MINI_PROGRAM_DEVELOPMENT", "description": "Tea.",
		"imageFileId": image, "applicableApps": []string{"ALIPAY_CN"},
		"paymentInformation": []map[string]string{{"type": "TEXT", "text": "At once."}},
	}
}

// image uploads the smallest picture there is.
func (m *model) image(t *rapid.T) string {
	return m.uploadFile(t, "olga", alipayplus.ContentPNG, smallPNG(t))
}

// serve does something with a service that stands in one of the statuses.
func (m *model) serve(op contract.Operation, then func(s *modelService, who string, got answered), from ...string) func(*rapid.T) {
	return onAny("service", &m.services, func(t *rapid.T, who string, s *modelService) {
		in := map[string]any{"serviceId": s.id}
		if op == contract.ServiceUpdate && s.status == "ONLINE" {
			return // the model has no revisions
		}
		if op == contract.ServiceUpdate {
			maps.Copy(in, m.offer(m.image(t)))
		}
		var broken refusals
		broken.unless(slices.Contains(from, s.status), "STATE_CONFLICT")
		if got, done := m.call(t, op, who, in, broken); done {
			then(s, who, got)
		}
	})
}

// approveService lets a service that waits go online.
func (m *model) approveService(t *rapid.T) {
	waiting := slices.DeleteFunc(slices.Clone(m.services), func(s *modelService) bool { return s.status != "PENDING_REVIEW" })
	if s, ok := anyOf(t, "service", waiting); ok {
		m.decideAs(t, "ALIPAY_PLUS", s.request, true)
	}
}

// Orders.

func (m *model) placeOrder(t *rapid.T, who string, p *modelProgram) {
	if len(m.orders) > 4 {
		return
	}
	var broken refusals
	broken.unless(m.mayOrder(who), "ACCESS_DENIED")
	got, done := m.call(t, contract.OrderPlace, who, map[string]any{"serviceId": m.forSale, "programId": p.id}, broken)
	if done {
		m.orders = append(m.orders, &modelOrder{id: got.Data.ID, program: p, status: "NEW_ORDER"})
	}
}

func (m *model) mayOrder(who string) bool { return !isDeveloper(who) || m.policy == "MEMBERS_RELEASE" }

// orderMoves are what each side does with an order: from which status to which.
func (m *model) orderMoves(ofProvider bool) map[contract.Operation]map[string]string {
	if ofProvider {
		return map[contract.Operation]map[string]string{
			contract.OrderAccept: {"NEW_ORDER": "PENDING_CONFIRMATION"},
			contract.OrderReject: {"NEW_ORDER": "CANCELED"},
			contract.OrderSubmit: {"IN_DEVELOPMENT": "UNDER_APPROVAL"},
			contract.OrderCancel: {"IN_DEVELOPMENT": "CANCELED"},
		}
	}
	return map[contract.Operation]map[string]string{
		contract.OrderConfirm:  {"PENDING_CONFIRMATION": "IN_DEVELOPMENT"},
		contract.OrderReject:   {"PENDING_CONFIRMATION": cmp.Or(string(m.orderPolicy.Rejected), "CANCELED")},
		contract.OrderApprove:  {"UNDER_APPROVAL": "COMPLETED"},
		contract.OrderTurnDown: {"UNDER_APPROVAL": cmp.Or(string(m.orderPolicy.TurnedDown), "IN_DEVELOPMENT")},
		contract.OrderCancel:   {"NEW_ORDER": "CANCELED", "IN_DEVELOPMENT": "CANCELED"},
	}
}

func (m *model) order(t *rapid.T, who string, o *modelOrder) {
	op := rapid.SampledFrom([]contract.Operation{
		contract.OrderAccept, contract.OrderConfirm, contract.OrderSubmit, contract.OrderApprove,
		contract.OrderReject, contract.OrderTurnDown, contract.OrderCancel, contract.OrderRevokeAccess,
	}).Draw(t, "what")
	m.orderAs(t, op, who, o)
}

func (m *model) orderAs(t *rapid.T, op contract.Operation, who string, o *modelOrder) {
	from, can := m.orderMoves(ofProvider(who))[op]
	to, now := from[o.status]
	if op == contract.OrderRevokeAccess {
		can, to, now = !ofProvider(who), o.status, o.givesAccess()
	}
	var broken refusals
	broken.unless(m.mayOrder(who) && (op != contract.OrderConfirm || who != "dev"), "ACCESS_DENIED")
	broken.unless(can, "ACCESS_DENIED")
	broken.unless(now, "STATE_CONFLICT")
	if _, done := m.call(t, op, who, map[string]any{"orderId": o.id}, broken); done {
		o.status, o.takenBack = to, o.takenBack || op == contract.OrderRevokeAccess
	}
}

// goOnWithOrder leads an order on, so that the provider gets to work.
func (m *model) goOnWithOrder(t *rapid.T) {
	o, ok := anyOf(t, "order", m.orders)
	if !ok {
		return
	}
	switch o.status {
	case "NEW_ORDER":
		m.orderAs(t, contract.OrderAccept, "pia", o)
	case "PENDING_CONFIRMATION":
		m.orderAs(t, contract.OrderConfirm, "max", o)
	}
}

// decide lets a party give its verdict.
func (m *model) decide(t *rapid.T) {
	if request, ok := anyOf(t, "request", m.requests); ok {
		party := rapid.SampledFrom([]string{"ALIPAY_PLUS", "ALIPAY_CN"}).Draw(t, "party")
		m.decideAs(t, party, request, rapid.IntRange(0, 3).Draw(t, "verdict") > 0)
	}
}

func (m *model) decideAs(t *rapid.T, party string, request *modelRequest, approve bool) {
	review, asked := request.reviews[party]
	var broken refusals
	broken.unless(asked, "NOT_FOUND")
	broken.unless(!asked || review == "PENDING", "STATE_CONFLICT")
	_, done := m.call(t, contract.ReviewDecide, party, map[string]any{"id": request.id, "approve": approve, "reason": "see the rules"}, broken)
	if !done {
		return
	}
	request.reviews[party] = "REJECTED"
	if approve {
		request.reviews[party] = "APPROVED"
	}
	switch {
	case !approve:
		request.close("REJECTED")
		request.move("NEW_VERSION_CREATED", "TURNED_DOWN")
	case !slices.Contains(slices.Collect(maps.Values(request.reviews)), "PENDING"):
		request.close("APPROVED")
		request.move("RELEASE_PREPARATION", "ONLINE")
	}
}

// move brings what the request is about to where the verdict leads.
func (r *modelRequest) move(release, service string) {
	if r.release != nil {
		r.release.status = release
		return
	}
	r.service.status = service
}

// check holds what the platform shows against the model.
func (m *model) check(t *rapid.T) {
	m.checkReleases(t)
	m.checkRequests(t)
	m.checkServices(t)
	m.checkOrders(t)
	var w struct{ Data alipayplus.Workspace }
	require.NoError(t, json.Unmarshal(m.raw(t, contract.WorkspaceQuery, m.caller(t, "dev"), map[string]any{}), &w))
	require.Equal(t, min(len(m.going()), modelPrograms), w.Data.Targets[0].ProgramsUsed)
}

// lines are things in short.
func lines[T any](all []*T, line func(*T) string) []string {
	out := []string{}
	for _, item := range all {
		out = append(out, line(item))
	}
	return out
}

// list reads a list, the oldest first, as its items' own type.
func list[T any](t *rapid.T, m *model, op contract.Operation, filter map[string]any) []*T {
	return listBy[T](t, m, "dev", op, filter)
}

func listBy[T any](t *rapid.T, m *model, who string, op contract.Operation, filter map[string]any) []*T {
	filter["limit"], filter["order"] = 100, "ASC"
	var page struct {
		Data alipayplus.Page[T] `json:"data"`
	}
	raw := m.raw(t, op, m.caller(t, who), filter)
	require.NoError(t, json.Unmarshal(raw, &page))
	require.Empty(t, page.Data.NextCursor)
	return page.Data.Items
}

func (m *model) checkReleases(t *rapid.T) {
	shown := func(r *alipayplus.Release) string {
		var steps []int
		for _, s := range r.Grayscale.Steps {
			steps = append(steps, int(s.Ratio))
		}
		var report alipayplus.CompatibilityReport
		if r.Compatibility != nil {
			report = *r.Compatibility
		}
		return fmt.Sprint(r.ID, r.Version, r.Status, int(r.Grayscale.Ratio), steps, r.ReleaseRequestID, r.ReleasedAt.IsZero(), report.Run, report.Outdated)
	}
	known := func(r *modelRelease) string {
		request := ""
		if r.request != nil {
			request = r.request.id
		}
		return fmt.Sprint(r.id, number(r.version), r.status, r.ratio(), r.steps, request, r.ratio() < 100, r.tests, r.outdated)
	}
	require.Equal(t, lines(m.releases, known), lines(list[alipayplus.Release](t, m, contract.ReleaseList, map[string]any{}), shown))
	for _, p := range m.programs {
		found := list[alipayplus.Release](t, m, contract.ReleaseList, map[string]any{"programId": p.id})
		require.Equal(t, lines(m.of(p), known), lines(found, shown))
		require.LessOrEqual(t, len(m.of(p, "UNDER_REVIEW", "RELEASE_PREPARATION", "GRAYSCALE_RELEASE")), 1)
		require.LessOrEqual(t, len(m.of(p, "FULL_RELEASE")), 1)
	}
	status := rapid.SampledFrom([]string{"NEW_VERSION_CREATED", "UNDER_REVIEW", "GRAYSCALE_RELEASE", "FULL_RELEASE", "ARCHIVED", "CANCELED"}).Draw(t, "status")
	standing := slices.DeleteFunc(slices.Clone(m.releases), func(r *modelRelease) bool { return r.status != status })
	require.Equal(t, lines(standing, known), lines(list[alipayplus.Release](t, m, contract.ReleaseList, map[string]any{"status": status}), shown))
	for _, r := range m.releases {
		require.True(t, slices.IsSortedFunc(r.steps, cmp.Compare[int]) && len(slices.Compact(slices.Clone(r.steps))) == len(r.steps), "%v", r.steps)
	}
}

func (m *model) checkRequests(t *rapid.T) {
	shown := func(r *alipayplus.Request) string {
		reviews := map[string]string{}
		for _, review := range r.Reviews {
			reviews[string(review.Party)] = string(review.Status)
		}
		return fmt.Sprint(r.ID, r.Status, r.Applicant, reviews, r.ReleaseID, r.ServiceID, r.FinishedAt.IsZero())
	}
	known := func(r *modelRequest) string {
		release, service := "", ""
		if r.release != nil {
			release = r.release.id
		} else {
			service = r.service.id
		}
		return fmt.Sprint(r.id, r.status, r.applicant, r.reviews, release, service, r.status == "UNDER_REVIEW")
	}
	require.Equal(t, lines(m.requests, known), lines(list[alipayplus.Request](t, m, contract.RequestList, map[string]any{}), shown))
	status := rapid.SampledFrom([]string{"UNDER_REVIEW", "APPROVED", "REJECTED", "WITHDRAWN"}).Draw(t, "status")
	standing := slices.DeleteFunc(slices.Clone(m.requests), func(r *modelRequest) bool { return r.status != status })
	require.Equal(t, lines(standing, known), lines(list[alipayplus.Request](t, m, contract.RequestList, map[string]any{"status": status}), shown))
	waiting, err := m.p.Reviews(t.Context())
	require.NoError(t, err)
	require.Len(t, waiting, len(slices.DeleteFunc(slices.Clone(m.requests), func(r *modelRequest) bool { return r.status != "UNDER_REVIEW" })))
}

func (m *model) checkServices(t *rapid.T) {
	shown := func(s *alipayplus.Service) string { return fmt.Sprint(s.ID, s.Status, s.ReleaseRequestID) }
	known := func(s *modelService) string {
		request := ""
		if s.request != nil {
			request = s.request.id
		}
		return fmt.Sprint(s.id, s.status, request)
	}
	require.Equal(t, lines(m.services, known), lines(list[alipayplus.Service](t, m, contract.ServiceList, map[string]any{}), shown))
}

func (m *model) checkOrders(t *rapid.T) {
	known := func(o *modelOrder) string { return fmt.Sprint(o.id, o.program.id, o.status, o.givesAccess()) }
	shown := func(o *alipayplus.Order) string { return fmt.Sprint(o.ID, o.ProgramID, o.Status, o.GivesAccess()) }
	for _, side := range []string{"MERCHANT", "PROVIDER"} {
		who := map[string]string{"MERCHANT": "dev", "PROVIDER": "pit"}[side]
		require.Equal(t, lines(m.orders, known), lines(listBy[alipayplus.Order](t, m, who, contract.OrderList, map[string]any{"side": side}), shown))
		status := rapid.SampledFrom([]string{"NEW_ORDER", "IN_DEVELOPMENT", "COMPLETED", "CANCELED"}).Draw(t, "status")
		standing := slices.DeleteFunc(slices.Clone(m.orders), func(o *modelOrder) bool { return o.status != status })
		require.Equal(t, lines(standing, known), lines(listBy[alipayplus.Order](t, m, who, contract.OrderList, map[string]any{"status": status}), shown))
	}
	require.Empty(t, listBy[alipayplus.Release](t, m, "pia", contract.ReleaseList, map[string]any{}), "the mini programs stay the merchant's")
}

// TestThePlatformDoesWhatTheModelDoes: whatever members and reviewers try, in
// whatever order.
func TestThePlatformDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		editable := []string{"DRAFT", "TURNED_DOWN", "WITHDRAWN"}
		m.prime(t)
		steps := 0
		actions := map[string]func(*rapid.T){
			"create a mini program": m.createProgram,
			"add Chinese":           onAny("program", &m.programs, m.addChinese),
			"upload":                onAny("program", &m.programs, m.upload),
			"authorize":             onAny("program", &m.programs, m.authorize),
			"revoke":                m.revoke,
			"create a release":      onAny("program", &m.programs, m.createRelease),
			"apply":                 onAny("release", &m.releases, m.apply),
			"decide":                m.decide,
			"go on":                 m.goOn,
			"go on at once":         m.goOn,
			"go on further":         m.goOn,
			"go on and on":          m.goOn,
			"another release":       onAny("program", &m.programs, m.createRelease),
			"another version":       onAny("program", &m.programs, m.upload),
			"grayscale":             onAny("release", &m.releases, m.grayscale),
			"configure": m.step(contract.ReleaseConfigure, map[string]any{"configuration": map[string]any{}},
				func(r *modelRelease) { r.outdated = r.tests > 0 }, "NEW_VERSION_CREATED"),
			"test": m.step(contract.ReleaseTest, nil, func(r *modelRelease) {
				r.tests++
				r.outdated = false
			}, "NEW_VERSION_CREATED"),
			"withdraw": m.step(contract.ReleaseWithdraw, nil, func(r *modelRelease) {
				r.status = "NEW_VERSION_CREATED"
				r.request.close("WITHDRAWN")
			}, "UNDER_REVIEW"),
			"finalize":     onAny("release", &m.releases, m.finalize),
			"take offline": m.takeBack(contract.ReleaseTakeOffline),
			"roll back":    m.takeBack(contract.ReleaseRollBack),
			"delete":       onAny("release", &m.releases, m.deleteRelease),
			"cancel": m.step(contract.ReleaseCancel, nil, func(r *modelRelease) { r.status = "CANCELED" },
				"RELEASE_PREPARATION", "GRAYSCALE_RELEASE"),
			"place an order":    onAny("program", &m.programs, m.placeOrder),
			"an order":          onAny("order", &m.orders, m.order),
			"go on with orders": m.goOnWithOrder,
			"create a service":  m.createService,
			"approve a service": m.approveService,
			"update a service":  m.serve(contract.ServiceUpdate, func(*modelService, string, answered) {}, editable...),
			"submit a service": m.serve(contract.ServiceSubmit, func(s *modelService, who string, got answered) {
				s.status, s.request = "PENDING_REVIEW", m.open(got.Data.ReleaseRequestID, who, "ALIPAY_PLUS")
				s.request.service = s
			}, editable...),
			"withdraw a service": m.serve(contract.ServiceWithdraw, func(s *modelService, _ string, _ answered) {
				s.status = "WITHDRAWN"
				s.request.close("WITHDRAWN")
			}, "PENDING_REVIEW"),
			"archive a service": m.serve(contract.ServiceArchive, func(s *modelService, _ string, _ answered) {
				s.status = "ARCHIVED"
			}, "ONLINE"),
			"repeat what was done": func(t *rapid.T) {
				if m.last != nil {
					m.last(t)
				}
			},
			// Whatever goes wrong stays visible, so not every step needs to be checked.
			"": func(t *rapid.T) {
				if steps++; steps%8 == 0 {
					m.check(t)
				}
			},
		}
		for range 2 {
			t.Repeat(actions)
			m.check(t)
		}
	})
}

// prime begins where most of the rules begin to matter: with mini programs that
// may go to the target app, and a few versions of them.
func (m *model) prime(t *rapid.T) {
	for len(m.programs) < 2 {
		m.createProgram(t)
	}
	for _, p := range m.programs {
		m.addChinese(t, "olga", p)
		m.authorize(t, "max", p)
	}
	for range rapid.IntRange(0, 6).Draw(t, "versions") {
		onAny("program", &m.programs, m.upload)(t)
		onAny("program", &m.programs, m.createRelease)(t)
	}
}
