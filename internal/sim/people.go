package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// person does something now and then, as the platform lets them.
type person struct {
	*member
	*process

	w      *world
	random *rand.Rand
	client *alipayplus.Client
	// made are the last calls that changed a release, forMerchants those of them that an order gave access to.
	made, forMerchants []made
}

// made is a call that was made, which may be made once more.
type made struct {
	what string
	at   time.Time
	call func() error
}

// repeatable notes a call. The last few are enough.
func repeatable(calls []made, c made) []made {
	const most = 6
	return append(calls[max(0, len(calls)+1-most):], c)
}

// repeat makes one of the calls once more, under its request id: a job that is run again, a page that is sent twice.
func (p *person) repeat(calls []made) {
	if len(calls) == 0 {
		return
	}
	c := calls[p.random.IntN(len(calls))]
	const remembered = 12 * time.Hour // a platform does so for a day
	if time.Since(c.at) < remembered {
		p.did(c.what+" once more", c.call())
	}
}

// requestID is a key that nobody else has.
func (p *person) requestID() string {
	return fmt.Sprintf("%s-%d", strings.ReplaceAll(p.member.name, " ", "-"), p.random.Uint64())
}

// startPeople lets the members of all workspaces and the reviewers of both parties come to work.
func (w *world) startPeople() {
	whose := uint64(1000)
	start := func(m *member, name string, act func(*person)) {
		whose++
		p := &person{member: m, process: newProcess(w.ctx, name, true), w: w, random: w.source(whose)}
		p.client = w.client(m, p.process)
		go p.work(act)
	}
	for _, m := range w.members() {
		start(m, m.name, (*person).release)
		if len(w.workspaceOf(m).many) > 0 && m.role != alipayplus.RoleDeveloper {
			for n := range 4 {
				start(m, fmt.Sprintf("%s at work %d", m.name, n+1), (*person).collect)
			}
		}
	}
	setup := w.platform(w.store, w.direct())
	parties := []alipayplus.Party{alipayplus.PartyAlipayPlus, partyOfPartner}
	if !w.behind { // otherwise AlipayCN's own people decide there
		parties = append(parties, alipayplus.PartyAlipayCN)
	}
	for _, party := range parties {
		id, err := setup.AddReviewer(w.ctx, party, w.keys.client.Public())
		w.ok(err)
		m := &member{name: "reviewer " + string(party), clientID: id, party: party}
		w.rules.members[id] = m
		start(m, m.name, (*person).review)
		if w.console {
			w.startBrowser(m, whose+500, (*browser).review)
		}
	}
	whose = 1950
	start(w.outsider, w.outsider.name, (*person).pry)
	if !w.console {
		return
	}
	for i, ws := range w.workspaces {
		w.startBrowser(ws.members[w.random.IntN(len(ws.members))], 1900+uint64(i), (*browser).release)
	}
}

// work is what a person does all day.
func (p *person) work(act func(*person)) {
	for {
		if !sleep(p.process, pauseOf(p.random, visits)) {
			return
		}
		if _, err := p.w.scheduler.pass(p.ctx, p.process, decision, ""); err != nil {
			return
		}
		act(p)
	}
}

// visits is the mean time between two visits of a person, and the longest is so many times as long.
const (
	visits  = 2 * time.Hour
	longest = 8
)

// pauseOf is a time between two visits, of which most are shorter than the mean and some much longer. None is so long that
// what waits for a visit waits beyond the end of the world.
func pauseOf(random *rand.Rand, mean time.Duration) time.Duration {
	return min(time.Duration(random.ExpFloat64()*float64(mean)), longest*mean)
}

// did records what a person did and what it came to.
func (p *person) did(what string, err error) { p.w.history.add(p.member.name, what, errorOf(err), nil) }

// errorOf is an error in few words.
func errorOf(err error) string {
	if err == nil {
		return "done"
	}
	if e, ok := errors.AsType[*alipayplus.Error](err); ok && e.Code != "" {
		if e.Code == alipayplus.CodeParamIllegal {
			return err.Error() // the world is made wrong
		}
		return string(e.Code)
	}
	for _, class := range []error{errKilled, rollout.ErrLeased, rollout.ErrLeaseLost, rollout.ErrPending, rollout.ErrAborted, rollout.ErrGateFailed, rollout.ErrRejected, rollout.ErrDeadline, rollout.ErrPaused} {
		if errors.Is(err, class) {
			return class.Error()
		}
	}
	return err.Error()
}

// review decides about what waits for the person's party.
func (p *person) review() {
	for request, err := range p.client.Reviews.All(p.ctx, alipayplus.ListReviewsInput{}) {
		if err != nil {
			p.did("list reviews", err)
			return
		}
		in, what := alipayplus.DecideInput{ID: request.ID, Approve: true}, "approve"
		if !p.w.faults.over() && p.random.IntN(5) == 0 {
			in.Approve, in.Reason, what = false, "no privacy policy", "reject"
		}
		_, err := p.client.Reviews.Decide(p.ctx, in)
		p.did(what+" "+request.ID, err)
	}
}

// release does one step of some release, also one that is not its turn.
func (p *person) release() {
	ctx := p.ctx
	ws := p.w.workspaceOf(p.member)
	if p.w.faults.over() {
		p.look(ctx)
		p.finish(ctx)
		return
	}
	switch p.random.IntN(13) {
	case 0, 1:
		p.offer(ctx, ws)
		return
	case 2, 3, 4:
		p.trade(ctx, ws)
		return
	case 5:
		p.actWithoutOrder(ctx)
		return
	case 6:
		p.repeat(p.made)
		return
	}
	if p.random.IntN(30) == 0 {
		p.interfere(ctx, ws.driven[p.random.IntN(len(ws.driven))])
		return
	}
	program := ws.programs[p.random.IntN(len(ws.programs))]
	page, err := p.client.Releases.List(ctx, alipayplus.ListReleasesInput{ProgramID: program, ListOptions: alipayplus.ListOptions{Limit: 50}})
	if err != nil {
		p.did("list releases", err)
		return
	}
	if len(page.Items) == 0 || p.random.IntN(4) == 0 {
		version := alipayplus.VersionNumber{Major: 1 + int32(p.random.IntN(3))}
		target := alipayplus.TargetAlipayCN
		if p.random.IntN(3) == 0 {
			target = partnerApp
		}
		_, err := p.client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program, Version: version, TargetApp: target})
		p.did(fmt.Sprintf("create release of %s %v to %s", program, version, target), err)
		return
	}
	r := page.Items[p.random.IntN(len(page.Items))]
	p.step(ctx, r)
}

// look reads the releases: the platform asks AlipayCN what became of one when somebody does. What nobody can decide,
// because the outcome of an earlier call about it is not known, is withdrawn after a while.
func (p *person) look(ctx context.Context) {
	for r, err := range p.client.Releases.All(ctx, alipayplus.ListReleasesInput{}) {
		if err != nil {
			return
		}
		if p.role == alipayplus.RoleOwner && r.Status != alipayplus.ReleaseUnderReview {
			_, err = p.client.Releases.Get(ctx, r.ID)
			p.did("get "+r.ID, err)
		}
		if r.Status != alipayplus.ReleaseUnderReview {
			continue
		}
		_, err = p.client.Releases.Get(ctx, r.ID)
		p.did("get "+r.ID, err)
		if err == nil && time.Since(r.UpdatedAt) > day {
			_, err = p.client.Releases.Withdraw(ctx, alipayplus.ReleaseInput{ReleaseID: r.ID})
			p.did("withdraw "+r.ID, err)
		}
	}
}

// offer does one step of some service.
func (p *person) offer(ctx context.Context, ws *workspace) {
	page, err := p.client.Services.List(ctx, alipayplus.ListServicesInput{})
	if err != nil {
		p.did("list services", err)
		return
	}
	if len(page.Items) == 0 || p.random.IntN(3) == 0 {
		_, err := p.client.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: serviceOf(ws)})
		p.did("create service", err)
		return
	}
	in := alipayplus.ServiceInput{ServiceID: page.Items[p.random.IntN(len(page.Items))].ID}
	what := "submit"
	switch p.random.IntN(6) {
	case 0:
		what = "withdraw"
		_, err = p.client.Services.Withdraw(ctx, in)
	case 1:
		what = "archive"
		_, err = p.client.Services.Archive(ctx, in)
	default:
		_, err = p.client.Services.Submit(ctx, in)
	}
	p.did(what+" "+in.ServiceID, err)
}

// serviceOf is what a workspace offers.
func serviceOf(ws *workspace) alipayplus.ServiceDescription {
	return alipayplus.ServiceDescription{
		Name: "Tea shop in a week", Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "We build your mini program.", ImageFileID: ws.picture, ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{alipayplus.TextBlock("Half now, half at release.")},
	}
}

// collect selects AlipayCN for one version after another, and for one mini program after another.
func (p *person) collect() {
	if p.w.faults.over() {
		return
	}
	ws := p.w.workspaceOf(p.member)
	program, version := ws.many[0], int32(1+p.random.IntN(manyVersions))
	if p.random.IntN(2) == 0 {
		program, version = ws.many[p.random.IntN(len(ws.many))], 1
	}
	_, err := p.client.Releases.Create(p.ctx, alipayplus.CreateReleaseInput{ProgramID: program, Version: alipayplus.VersionNumber{Major: version}, TargetApp: alipayplus.TargetAlipayCN})
	p.did(fmt.Sprintf("create release of %s %d.0.0", program, version), err)
}

// interfere does something about a release that a job drives, but for deleting it: not later either, when an attempt that was
// refused is repeated.
func (p *person) interfere(ctx context.Context, id string) {
	r, err := p.client.Releases.Get(ctx, id)
	if err != nil {
		p.did("get release", err)
		return
	}
	if r.Status != alipayplus.ReleaseNewVersionCreated {
		p.step(ctx, r)
		p.made = slices.DeleteFunc(p.made, func(c made) bool { return strings.HasPrefix(c.what, "delete "+id+" ") })
	}
}

// step takes a release on by what fits its status mostly, and by anything sometimes.
func (p *person) step(ctx context.Context, r *alipayplus.Release) made {
	in := alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: p.requestID()}
	info := company(0)
	ladder := r.Grayscale.Ladder.Ratios()
	ratio := alipayplus.Ratio(1 + p.random.IntN(100))
	if len(ladder) > 0 && p.random.IntN(5) > 0 {
		ratio = ladder[p.random.IntN(len(ladder))]
	}
	all := map[string]func() error{
		"apply": func() error {
			_, err := p.client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &info, RequestID: in.RequestID})
			return err
		},
		"configure": func() error {
			_, err := p.client.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: p.edited(r), RequestID: in.RequestID})
			return err
		},
		"test": func() error {
			_, err := p.client.Releases.TestCompatibility(ctx, alipayplus.TestCompatibilityInput{ReleaseID: r.ID, RequestID: in.RequestID})
			return err
		},
		"withdraw": func() error { _, err := p.client.Releases.Withdraw(ctx, in); return err },
		"cancel":   func() error { _, err := p.client.Releases.Cancel(ctx, in); return err },
		"delete":   func() error { _, err := p.client.Releases.Delete(ctx, in); return err },
		"finalize": func() error {
			_, err := p.client.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: r.ID, AllowDowngrade: true, RequestID: in.RequestID})
			return err
		},
		"offline":  func() error { _, err := p.client.Releases.TakeOffline(ctx, in); return err },
		"rollback": func() error { _, err := p.client.Releases.RollBack(ctx, in); return err },
		"start": func() error {
			_, err := p.client.Releases.StartGrayscale(ctx, alipayplus.GrayscaleInput{ReleaseID: r.ID, Ratio: ratio, AllowDowngrade: true, RequestID: in.RequestID})
			return err
		},
		"raise": func() error {
			_, err := p.client.Releases.Raise(ctx, alipayplus.GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: ratio, AllowDowngrade: true, RequestID: in.RequestID})
			return err
		},
		"history": func() error {
			for _, err := range p.client.Releases.AllHistory(ctx, alipayplus.ListHistoryInput{ReleaseID: r.ID}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"look elsewhere": func() error { return p.lookElsewhere(ctx) },
	}
	fitting := map[alipayplus.ReleaseStatus][]string{
		alipayplus.ReleaseNewVersionCreated: {"apply", "apply", "apply", "apply", "apply", "test", "configure", "delete"},
		alipayplus.ReleaseUnderReview:       {"withdraw", "history", "history"},
		alipayplus.ReleasePreparation:       {"start", "start", "start", "finalize", "cancel"},
		alipayplus.ReleaseGrayscale:         {"raise", "raise", "raise", "raise", "finalize", "cancel"},
		alipayplus.ReleaseFull:              {"offline", "rollback", "history"},
	}
	choice := fitting[r.Status]
	if len(choice) == 0 || p.random.IntN(4) == 0 {
		choice = []string{"apply", "test", "configure", "withdraw", "cancel", "delete", "finalize", "offline", "rollback", "start", "raise", "history", "look elsewhere"}
	}
	// Who was rejected corrects what is wrong, and applies again.
	if r.Status == alipayplus.ReleaseNewVersionCreated && r.ReleaseRequestID != "" && p.random.IntN(2) == 0 {
		choice = []string{"configure"}
	}
	what := choice[p.random.IntN(len(choice))]
	c := made{fmt.Sprintf("%s %s %v", what, r.ID, r.Version), time.Now(), all[what]}
	if what != "history" && what != "look elsewhere" {
		p.made = repeatable(p.made, c)
	}
	p.did(c.what, c.call())
	if what == "configure" {
		return p.step(ctx, r)
	}
	return c
}

// edited is the configuration of a release with another text.
func (p *person) edited(r *alipayplus.Release) alipayplus.Configuration {
	c := r.Configuration
	if c.AlipayCN != nil {
		cn := *c.AlipayCN
		cn.Slogan = fmt.Sprintf("湖畔好茶送到家门口 %d", p.random.IntN(1000))
		c.AlipayCN = &cn
	}
	return c
}

// lookElsewhere reads what belongs to another workspace.
func (p *person) lookElsewhere(ctx context.Context) error {
	for _, ws := range p.w.workspaces {
		if ws.id != p.workspace {
			_, err := p.client.Programs.Get(ctx, ws.programs[0])
			return err
		}
	}
	return nil
}

func (w *world) workspaceOf(m *member) *workspace {
	for _, ws := range w.workspaces {
		if ws.id == m.workspace {
			return ws
		}
	}
	return nil
}
