package sim

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Config says which world is made.
type Config struct {
	// Seed is the world's: the same seed gives the same history.
	Seed uint64
	// Events ends the world after that many events; 0: at its own end.
	Events int
	// Faults is how many faults there may be; below 0: any number.
	Faults int
	// Plan is what is tried in place of the plans that the world makes up, in a world that has nothing else; nil for none.
	Plan *Plan
	// Keep says that the events are kept, so that the history can be shown.
	Keep bool
	// Disturbed says that goroutines go on in another order than they would by themselves, which must change nothing.
	Disturbed bool
}

// Result is what came of a world.
type Result struct {
	// Seed is the world's.
	Seed uint64
	// Violation is the first thing that must not happen; nil when all held.
	Violation *Violation
	// Hash is a hash of the history, Events how many events it has, and Table the history itself, where it was kept.
	Hash   string
	Events int
	Table  string
	// Took is how much virtual time it took.
	Took time.Duration
	// Checked counts how often each rule had something to judge.
	Checked map[string]int
	// Faults counts what went wrong.
	Faults map[string]int
	// plan is that of its world.
	plan *Plan
}

// Violation is something that must not happen.
type Violation struct {
	// Rule is which rule does not hold, and What is what happened.
	Rule, What string
	// Event is the number of the event, from 1: the shortest history that shows it.
	Event int
}

// Error says at which event which rule does not hold.
func (v *Violation) Error() string { return fmt.Sprintf("event %d: %s: %s", v.Event, v.Rule, v.What) }

// Run makes a world and lets it go on to its end, or to the first violation.
func Run(t *testing.T, c Config) (r *Result) {
	t.Helper()
	given := crand.Reader
	defer func() { crand.Reader = given }()
	crand.Reader = newRandomness(c.Seed, disturbance(c.Disturbed))
	// A world needs some megabytes, and by the usual pace they would be collected thirty times.
	const pace = 1000
	if usual := debug.SetGCPercent(pace); usual < 0 || usual > pace {
		debug.SetGCPercent(usual)
	} else {
		defer debug.SetGCPercent(usual)
	}
	synctest.Test(t, func(t *testing.T) { r = newWorld(t, c).run() })
	return r
}

// Explain runs a world that does not hold again, with ever fewer faults, and shows the shortest history that does not hold.
func Explain(t *testing.T, r *Result) string {
	t.Helper()
	c := Config{Seed: r.Seed, Faults: -1, Keep: true, Plan: r.plan}
	total := 0
	for _, n := range r.Faults {
		total += n
	}
	// It is not certain that more faults fail where fewer do; what is found fails in any case.
	shortest, most := total, total
	for least := 0; least < most; {
		c.Faults = (least + most) / 2
		if Run(t, c).Violation == nil {
			least = c.Faults + 1
		} else {
			most, shortest = c.Faults, c.Faults
		}
	}
	c.Faults = shortest
	shown := Run(t, c)
	if shown.Violation == nil {
		c.Faults = -1
		shown = Run(t, c)
	}
	again := fmt.Sprintf("go test ./internal/sim -run TestSeeds -v -args -seeds 1 -from %d", r.Seed)
	if r.plan != nil {
		again = fmt.Sprintf("a Plan with From: %d, Weeks: 1", r.Seed)
	}
	return fmt.Sprintf("%s\nseed %d: %v; with %d of %d faults: %v\nagain: %s\n", shown.Table, r.Seed, r.Violation, shortest, total, shown.Violation, again)
}

// The times of a world.
const (
	day = 24 * time.Hour
	// shortTrouble is how long there are faults and people who do anything at any moment, and longTrouble where a plan is tried.
	shortTrouble = 2 * day
	longTrouble  = 7 * day
	// patience is how long all may take to come to an end afterwards.
	patience = 8 * day
	// manyVersions and manyPrograms are more than may go to AlipayCN.
	manyVersions = 23
	manyPrograms = 12
)

// world is everything.
type world struct {
	testing.TB

	config Config
	random *rand.Rand
	// trouble and patience are the times of this world.
	trouble, patience time.Duration
	began             time.Time
	scheduler         *scheduler
	history           *history
	network           *network
	faults            *faults
	rules             *rules
	// ctx ends with the world.
	ctx context.Context //nolint:containedctx // the life of the world
	end context.CancelFunc

	keys       keys
	store      *storage.Memory
	policy     alipayplus.PermissionPolicy
	workspaces []*workspace
	// outsider is of a workspace that has nothing to do with them.
	outsider *member

	gateway  *alipaycntest.Gateway
	alipaycn *server
	versions []versionAtCN
	// apps are the mini programs at AlipayCN, by that of the platform, and names what they are called there.
	apps, names map[string]string
	// behind says that the platforms release to AlipayCN, and not to what simulates it.
	behind bool

	// console says that the platforms have one, and people at it.
	console bool
	// meddling is how seldom people at AlipayCN's console interfere: in one of so many moments.
	meddling int
	// written are the changes there that somebody has noticed at once.
	written *noticed

	// seen are releases of merchants that providers have seen, by the provider's workspace.
	seen map[string][]string

	machines    []*machine
	deployments []*deployment
	// secrets must not be in any text.
	secrets []string
}

// keys sign what clients and servers send: those that are twenty times as fast as others, but in some worlds.
type keys struct {
	client, server       crypto.Signer
	clientPEM, serverPEM []byte
}

// realKeys says that a world has keys as users have them. It is shorter than others: they take nine tenths of its time. Who
// tries a plan wants to know about that, and in whole weeks.
func realKeys(c Config) bool {
	const sampled = 64
	return c.Plan == nil && c.Seed%sampled == 0
}

func keysFor(asUsersHave bool) keys {
	if asUsersHave {
		return keys{testkey.Client(), testkey.Key(), testkey.ClientPublicPEM(), testkey.PublicPEM()}
	}
	return keys{testkey.FastClient(), testkey.FastKey(), testkey.FastClient().PublicPEM(), testkey.FastKey().PublicPEM()}
}

// workspace is a company's place, as the world made it.
type workspace struct {
	id       string
	members  []*member
	programs []string
	// driven are the releases that jobs drive; people leave them alone mostly.
	driven []string
	// many are mini programs that reach the limits, the first one by its versions; empty in most worlds.
	many []string
	// picture is an uploaded one.
	picture string
}

// member is who has a credential.
type member struct {
	name, workspace, clientID string
	role                      alipayplus.Role
	party                     alipayplus.Party
	programs                  []string
}

func newWorld(t testing.TB, c Config) *world {
	t.Helper()
	if c.Plan == nil {
		time.Sleep(toClockChange(rand.New(rand.NewPCG(c.Seed, 7000))))
	}
	sampled := realKeys(c)
	w := &world{TB: t, config: c, began: time.Now(), store: storage.NewMemory(), keys: keysFor(sampled), apps: map[string]string{}, names: map[string]string{}, seen: map[string][]string{}}
	if sampled && c.Events == 0 {
		const few = 1000
		w.config.Events = few
	}
	w.random = w.source(3)
	w.ctx, w.end = context.WithCancel(t.Context())
	w.history = newHistory(w.began, c)
	w.trouble, w.patience = shortTrouble, patience
	if c.Plan != nil {
		w.trouble, w.patience = longTrouble, patience+3*c.Plan.lasts()
	}
	w.faults = newFaults(c.Seed, w.began, w.trouble, c.Faults)
	w.scheduler = newScheduler(c, w.faults, w.settle)
	w.network = &network{scheduler: w.scheduler, history: w.history, hosts: map[string]func(uint64) *server{}, earlier: map[operation][]*exchange{}}
	w.policy = []alipayplus.PermissionPolicy{alipayplus.PolicyMembersRelease, alipayplus.PolicyAssignedDevelopersRelease, alipayplus.PolicyDevelopersUploadOnly}[w.random.IntN(3)]
	w.rules = newRules(w)
	w.behind = w.random.IntN(2) == 0
	w.console = w.random.IntN(3) == 0
	w.meddling = []int{8, 25, 25}[w.random.IntN(3)]
	w.secrets = []string{hookSecret}
	w.written = newNoticed(w)
	w.startAlipayCN()
	if c.Plan != nil {
		w.addPlan(w.source(4))
		w.rules.begin()
		w.startRollouts()
		w.startServers()
		w.startConsole()
		return w
	}
	w.found()
	w.foundOutsider()
	for range w.random.IntN(3) {
		w.addDirectDeployment()
	}
	w.rules.begin()
	w.startPlatforms(1 + w.random.IntN(3))
	w.startPeople()
	w.startRollouts()
	w.startConsole()
	return w
}

// ok ends the test when the world cannot be made.
func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// source are random numbers of somebody's own.
func (w *world) source(whose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.config.Seed, whose))
}

// run lets the world go on to its end.
func (w *world) run() *Result {
	w.scheduler.run(w.over)
	took := time.Since(w.began)
	w.end()
	time.Sleep(day) // for what does not end with its context, such as the wait of a sink
	return &Result{
		Seed: w.config.Seed, Violation: w.rules.violation, Hash: w.history.sum(), Events: w.history.n, Table: w.history.table(),
		Took: took, Checked: w.rules.checked, Faults: w.faults.counts(), plan: w.config.Plan,
	}
}

// settle judges what happened since all goroutines were blocked.
func (w *world) settle() {
	for _, e := range w.history.settle() {
		w.rules.judge(e)
		w.written.notice(e)
	}
}

func (w *world) over() bool {
	if w.rules.violation != nil || w.config.Events > 0 && w.history.n >= w.config.Events {
		return true
	}
	if w.config.Plan == nil && (!w.faults.over() || time.Since(w.began) < w.trouble+day) {
		return false
	}
	waiting := slices.DeleteFunc(slices.Clone(w.deployments), func(d *deployment) bool { return d.ended.Load() })
	late := time.Since(w.began) > w.trouble+w.patience
	rests := len(waiting) == 0 && w.rules.orders.open() == ""
	if rests || late {
		w.rules.atRest(waiting)
	}
	return rests || late
}

// sleep waits in virtual time; false says that the process is dead.
func sleep(p *process, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// found makes the workspaces, before anything goes wrong.
func (w *world) found() {
	p := w.platform(w.store, w.direct())
	for i := range 2 {
		ws := &workspace{}
		var err error
		ws.id, err = p.AddWorkspace(w.ctx, company(i))
		w.ok(err)
		w.workspaces = append(w.workspaces, ws)
		owner := w.enroll(p, ws, &member{name: fmt.Sprintf("owner %d", i+1), role: alipayplus.RoleOwner})
		c, err := p.Client(w.ctx, ws.id, owner.name)
		w.ok(err)
		for range 1 + w.random.IntN(2) {
			ws.programs = append(ws.programs, w.foundProgram(p, ws, c, 3))
		}
		w.addPlatformDeployment(p, ws, c, owner)
		ws.picture = w.upload(c, picture(8, 8))
		if w.random.IntN(2) == 0 {
			w.foundLive(p, c, ws.programs[0])
		}
		if i == 0 && w.random.IntN(6) == 0 {
			ws.many = append(ws.many, w.foundProgram(p, ws, c, manyVersions))
			for range manyPrograms - 1 {
				ws.many = append(ws.many, w.foundProgram(p, ws, c, 1))
			}
		}
		w.enroll(p, ws, &member{name: fmt.Sprintf("master %d", i+1), role: alipayplus.RoleMaster})
	}
	for i, ws := range w.workspaces {
		other := w.workspaces[1-i]
		var assigned []string
		for _, program := range []string{ws.programs[0], other.programs[0]} { // the latter when an order gives access
			if w.random.IntN(3) > 0 {
				assigned = append(assigned, program)
			}
		}
		w.enroll(p, ws, &member{name: fmt.Sprintf("developer %d", i+1), role: alipayplus.RoleDeveloper, programs: assigned})
		w.foundOrder(p, ws, other)
	}
}

// foundLive releases the first version of a mini program to all users.
func (w *world) foundLive(p *platform.Platform, c *alipayplus.Client, program string) {
	r, err := c.Releases.Create(w.ctx, alipayplus.CreateReleaseInput{ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN})
	w.ok(err)
	info := company(0)
	_, err = c.Releases.Apply(w.ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &info})
	w.ok(err)
	parties := []alipayplus.Party{alipayplus.PartyAlipayPlus}
	if w.behind {
		w.ok(w.gateway.Approve(w.apps[program], r.Version.String()))
		_, err = c.Releases.Get(w.ctx, r.ID)
		w.ok(err)
	} else {
		parties = append(parties, alipayplus.PartyAlipayCN)
	}
	w.approve(p, parties...)
	_, err = c.Releases.Finalize(w.ctx, alipayplus.FinalizeInput{ReleaseID: r.ID})
	w.ok(err)
}

// approve approves all that waits.
func (w *world) approve(p *platform.Platform, parties ...alipayplus.Party) {
	for _, party := range parties {
		waiting, err := p.Reviews(w.ctx)
		w.ok(err)
		for _, review := range waiting {
			w.ok(review.Approve(w.ctx, party))
		}
	}
}

// foundOrder lets a workspace offer a service, and another one order it for its first mini program.
func (w *world) foundOrder(p *platform.Platform, provider, merchant *workspace) {
	of := func(ws *workspace) *alipayplus.Client {
		c, err := p.Client(w.ctx, ws.id, ws.members[0].name)
		w.ok(err)
		return c
	}
	offers, orders := of(provider), of(merchant)
	service, err := offers.Services.Create(w.ctx, alipayplus.CreateServiceInput{ServiceDescription: serviceOf(provider)})
	w.ok(err)
	_, err = offers.Services.Submit(w.ctx, alipayplus.ServiceInput{ServiceID: service.ID})
	w.ok(err)
	w.approve(p, alipayplus.PartyAlipayPlus)
	placed, err := orders.Orders.Place(w.ctx, alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: merchant.programs[0]})
	w.ok(err)
	in := alipayplus.OrderInput{OrderID: placed.ID}
	_, err = offers.Orders.Accept(w.ctx, in)
	w.ok(err)
	if w.random.IntN(4) > 0 {
		_, err = orders.Orders.Confirm(w.ctx, in)
		w.ok(err)
	}
}

// name is one that no other mini program has.
func (w *world) name() string {
	n := len(w.versions) + len(w.apps)
	return fmt.Sprintf("BlueLakeTea%c%c", 'A'+n/26, 'A'+n%26)
}

func (w *world) nextRollout() string { return fmt.Sprintf("rollout %d", len(w.deployments)+1) }

// addPlatformDeployment adds a release that jobs drive over the platforms.
func (w *world) addPlatformDeployment(p *platform.Platform, ws *workspace, c *alipayplus.Client, owner *member) {
	program := w.foundProgram(p, ws, c, 1)
	r, err := c.Releases.Create(w.ctx, alipayplus.CreateReleaseInput{ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN})
	w.ok(err)
	ws.driven = append(ws.driven, r.ID)
	w.deployments = append(w.deployments, &deployment{
		name: w.nextRollout(), release: r.ID, ladder: slices.DeleteFunc(r.Grayscale.Ladder.Ratios(), func(r alipayplus.Ratio) bool { return r == alipayplus.FullRatio }),
		target: func(p *process) rollout.Target { return rollout.ForRelease(w.client(owner, p), r.ID) },
	})
}

func company(n int) alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: fmt.Sprintf("Company %d", n), RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@example.com",
	}
}

func (w *world) enroll(p *platform.Platform, ws *workspace, m *member) *member {
	m.workspace = ws.id
	w.ok(p.PutMember(w.ctx, platform.Member{WorkspaceID: ws.id, Name: m.name, Role: m.role, Programs: m.programs}))
	var err error
	m.clientID, err = p.AddClient(w.ctx, ws.id, m.name, w.keys.client.Public())
	w.ok(err)
	ws.members = append(ws.members, m)
	w.rules.members[m.clientID] = m
	return m
}

// foundProgram makes a mini program with some versions, which may go to AlipayCN.
func (w *world) foundProgram(p *platform.Platform, ws *workspace, c *alipayplus.Client, versions int32) (id string) {
	logo := w.upload(c, picture(180, 180))
	name := w.name()
	program, err := c.Programs.Create(w.ctx, alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
		Configuration: alipayplus.Configuration{AlipayCN: &alipayplus.AlipayCNApplication{
			Description: "Order tea from the lake, and have it brought to your door.",
			Name:        name, EnglishName: name, Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
			Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo,
		}},
	})
	w.ok(err)
	if w.behind {
		app := w.addMiniProgram(true, name, min(int(versions), 3)) // AlipayCN itself has no room for many
		w.apps[program.ID] = app
		a, err := c.Authorizations.Begin(w.ctx, alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
		w.ok(err)
		w.ok(w.gateway.Confirm(w.ctx, p.HTTPClient(), a.URL, app))
	} else {
		w.ok(p.GrantAuthorization(w.ctx, ws.id, program.ID, alipayplus.TargetAlipayCN))
	}
	for n := range versions {
		build := pack(n)
		_, err := c.Programs.UploadVersion(w.ctx, alipayplus.UploadVersionInput{
			ProgramID: program.ID, Version: alipayplus.VersionNumber{Major: n + 1}, Package: bytes.NewReader(build), Size: int64(len(build)),
		})
		w.ok(err)
	}
	return program.ID
}

func (w *world) upload(c *alipayplus.Client, content []byte) (id string) {
	file, err := c.Files.Upload(w.ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	w.ok(err)
	return file.ID
}

// pack is a build that differs from the others.
func pack(n int32) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	_, _ = z.Create(fmt.Sprint(n))
	_ = z.Close()
	return b.Bytes()
}

// platformHost is where the platforms are reached.
const platformHost = "platform.example"

// platform makes a platform over a store, which calls AlipayCN by an HTTP client.
func (w *world) platform(store storage.Store, by *http.Client, more ...platform.Option) *platform.Platform {
	opts := append([]platform.Option{platform.WithSigner(w.keys.server), platform.WithStore(store), platform.WithPermissionPolicy(w.policy), platform.WithPublicURL("https://" + platformHost)}, more...)
	alipaycn := platform.TargetBackend(platform.NewSimulatedAlipayCN())
	if w.console {
		opts = append(opts, platform.WithConsole(console.New()))
	}
	if w.behind {
		alipaycn = w.targetBehind(store, by)
	}
	p, err := platform.New(append(opts, platform.WithTargetBackends(alipaycn, partner()))...)
	w.ok(err)
	return p
}

// partnerApp is the other target of the platforms, and partyOfPartner who reviews for it.
const (
	partnerApp     alipayplus.TargetApp = "LAKE_WALLET"
	partyOfPartner alipayplus.Party     = "LAKE_WALLET"
	// testTime is how long a version is tested on a device, and brokenOnOne the one that has a problem on some.
	testTime    = 20 * time.Minute
	brokenOnOne = "2.0.0"
)

// partner tests compatibility, and has a ladder and limits of its own.
func partner() *platform.PartnerApp {
	devices := []alipayplus.TestDevice{{System: "Android 16", Network: "5G", Device: "Pixel 9"}, {System: "iOS 19", Network: "4G", Device: "iPhone 16"}}
	return platform.NewPartnerApp(partnerApp, platform.PartnerAppOptions{
		Limits: alipayplus.Limits{WaitingVersions: 2}, TestDevices: devices, TestTime: testTime,
		Test: func(r *alipayplus.Release, on alipayplus.TestDevice) string {
			if r.Version.String() == brokenOnOne && on == devices[1] {
				return "the menu does not open"
			}
			return ""
		},
	})
}

// startPlatforms starts platforms over the one store. One that was killed starts again.
func (w *world) startPlatforms(n int) {
	servers := make([]atomic.Pointer[server], n)
	for i := range servers {
		name := fmt.Sprintf("platform %d", i+1)
		servers[i].Store(w.platformServer(newProcess(w.ctx, name, false)))
		random := w.source(100 + uint64(i))
		go func() {
			for {
				<-servers[i].Load().ctx.Done()
				if w.ctx.Err() != nil {
					return
				}
				w.history.add(name, "killed", "", nil)
				if !w.sleep(time.Duration(random.Int64N(int64(5 * time.Minute)))) {
					return
				}
				p := newProcess(w.ctx, name, false)
				if _, err := w.scheduler.pass(p.ctx, p, decision, "start"); err != nil && w.ctx.Err() != nil {
					return
				}
				servers[i].Store(w.platformServer(p))
				w.history.add(name, "started", "", nil)
			}
		}()
	}
	w.network.hosts[platformHost] = func(choice uint64) *server { return servers[choice%uint64(n)].Load() }
}

// platformServer is a platform in a process.
func (w *world) platformServer(p *process) *server {
	return &server{process: p, handler: w.platform(records{w.store, w.scheduler, w.history, p}, w.network.client(p), platform.WithLogger(w.history.logger(p))), signature: "Signature"}
}

// client calls the platforms as a member or a reviewer, from a process.
func (w *world) client(m *member, p *process, opts ...alipayplus.Option) *alipayplus.Client {
	c, err := alipayplus.New(append([]alipayplus.Option{
		alipayplus.WithBaseURL("https://" + platformHost), alipayplus.WithClientID(m.clientID), alipayplus.WithSigner(w.keys.client),
		alipayplus.WithPlatformKey("1", w.keys.serverPEM), alipayplus.WithHTTPClient(w.network.client(p)),
	}, append(w.calling(p), opts...)...)...)
	w.ok(err)
	return c
}

// members are those of all workspaces.
func (w *world) members() (all []*member) {
	for _, ws := range w.workspaces {
		all = append(all, ws.members...)
	}
	return all
}
