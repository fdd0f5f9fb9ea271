package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// decided is what people did at AlipayCN's console.
type decided struct {
	app, version, what string
	// to is the share of the users that have it since, and slogan what was applied for with.
	to     int
	slogan string
}

// What people do at AlipayCN's console about a version.
const (
	approves    = "approve"
	rejects     = "reject"
	applies     = "apply"
	cancels     = "cancel audit"
	returns     = "return"
	graysTo10   = "gray 10"
	graysTo30   = "gray 30"
	graysTo50   = "gray 50"
	endsGray    = "cancel gray"
	publishes   = "publish"
	takeOffline = "offline"
)

// startConsole lets people come to AlipayCN's console.
func (w *world) startConsole() {
	go w.watchConsole(w.source(5000))
	go w.hurry(w.source(5001))
	go w.watchTokens(w.source(5003))
}

// watchConsole is the people at AlipayCN: those who review, and those of the mini programs, who interfere while there is
// trouble.
func (w *world) watchConsole(random *rand.Rand) {
	for w.sleep(pauseOf(random, 2*time.Hour)) {
		if _, err := w.scheduler.pass(w.ctx, w.alipaycn.process, decision, ""); err != nil {
			return
		}
		for _, v := range w.versions {
			if what := w.atConsole(v, random); what != "" {
				w.decide(v, what, random)
			}
		}
	}
}

// decide does something about a version at the console.
func (w *world) decide(v versionAtCN, what string, random *rand.Rand) {
	d := &decided{app: v.app, version: v.number, what: what}
	err := w.do(v, d, random)
	w.history.add("console", what+" "+v.app+" "+v.number, errorOf(err), d)
	if v.platform && random.IntN(2) == 0 {
		w.notify(v, what)
	}
}

// do is decide at AlipayCN.
func (w *world) do(v versionAtCN, d *decided, random *rand.Rand) error {
	number, err := alipayplus.ParseVersion(v.number)
	if err != nil {
		return err
	}
	own := w.cnClient(v.app, w.gateway.HTTPClient()).Versions
	in := alipaycn.VersionInput{Version: number}
	switch d.what {
	case approves:
		return w.gateway.Approve(v.app, v.number)
	case rejects:
		return w.gateway.Reject(v.app, v.number, alipaycntest.Verdict{Reason: "the logo is blurred"})
	case applies:
		application, err := applicationAtCN(w.names[v.app])(w.ctx)
		if err != nil {
			return err
		}
		d.slogan = fmt.Sprintf("Tea by somebody else %d", random.IntN(1000))
		application.Version, application.Description, application.AppSlogan = number, "Somebody else applies for this.", d.slogan
		_, err = own.Apply(w.ctx, application)
		return err
	case cancels:
		return own.CancelAudit(w.ctx, alipaycn.CancelAuditInput{Version: number})
	case returns:
		return own.ReturnToDevelopment(w.ctx, in)
	case graysTo10, graysTo30, graysTo50:
		strategy := "p" + strings.TrimPrefix(d.what, "gray ")
		d.to = shareOf(strategy)
		return own.RaiseGray(w.ctx, alipaycn.GrayInput{Version: number, Strategy: alipaycn.GrayStrategy(strategy)})
	case endsGray:
		return own.CancelGray(w.ctx, in)
	case publishes:
		d.to = 100
		return own.Publish(w.ctx, alipaycn.PublishInput{Version: number})
	default:
		return own.TakeOffline(w.ctx, in)
	}
}

// atConsole is what somebody does about a version now; nothing mostly.
func (w *world) atConsole(v versionAtCN, random *rand.Rand) (what string) {
	status := w.gateway.Status(v.app, v.number)
	interferes := !w.faults.over() && random.IntN(w.meddling) == 0
	own := w.rules.alipaycn.version(v.app, v.number).own
	switch {
	case status == alipaycn.StatusAuditing && (interferes || own && w.faults.over()):
		return cancels
	case status == alipaycn.StatusAuditing && !w.faults.over() && random.IntN(4) == 0:
		return rejects
	case status == alipaycn.StatusAuditing:
		return approves
	case status == alipaycn.StatusGray && w.faults.over() && w.unknown(v):
		return endsGray
	case status.Reviewed() && status.CanBecome(alipaycn.StatusInit) && own && (w.faults.over() || random.IntN(2) == 0):
		return returns
	case interferes:
		return w.interference(status, random)
	default:
		return ""
	}
}

// interference is what somebody does about a version that stands so.
func (w *world) interference(status alipaycn.VersionStatus, random *rand.Rand) (what string) {
	possible := map[alipaycn.VersionStatus][]string{
		alipaycn.StatusInit:        {applies, ""},
		alipaycn.StatusAuditing:    {cancels, cancels, approves, rejects},
		alipaycn.StatusWaitRelease: {publishes, graysTo10, graysTo30, graysTo50, returns},
		alipaycn.StatusGray:        {graysTo30, graysTo50, endsGray, endsGray, publishes},
		alipaycn.StatusRelease:     {takeOffline},
	}[status]
	if len(possible) == 0 {
		return ""
	}
	return possible[random.IntN(len(possible))]
}

// unknown says that a platform has another opinion about a version that is in grayscale: somebody has begun that here.
func (w *world) unknown(v versionAtCN) bool {
	id := w.rules.alipaycn.releaseOf(v.app, v.number)
	return v.platform && (id == "" || w.rules.platform.releases[id].Status == created)
}

// noticed are changes of versions that platforms and rollouts make at AlipayCN, of which somebody there hears at once.
type noticed struct {
	w      *world
	random *rand.Rand
	// made are the changes, as the history has them, and about what a process has asked last.
	made  map[string]versionAtCN
	about map[string]versionAtCN
	now   chan versionAtCN
}

func newNoticed(w *world) *noticed {
	return &noticed{w, w.source(5002), map[string]versionAtCN{}, map[string]versionAtCN{}, make(chan versionAtCN, 1)}
}

// notice hears of an event: of a change seldom, and mostly of one whose answer is lost, or that was lost itself, for whoever
// wanted it does not know.
func (n *noticed) notice(e event) {
	v, of := versionAtCN{}, 2
	switch about := e.about.(type) {
	case *exchange:
		var changes bool
		if v, changes = n.w.rules.alipaycn.about(about); v.app != "" {
			n.about[about.from] = v
		}
		if !changes {
			return
		}
		n.made[e.what] = v
		of = 2 * n.w.meddling
	case nil:
		v = n.made[e.what]
		if e.who != n.w.alipaycn.name && strings.HasPrefix(e.what, "POST "+cnHost) {
			v = n.about[e.who]
		}
	}
	if v.app != "" && n.random.IntN(of) == 0 {
		select {
		case n.now <- v:
		default:
		}
	}
}

// hurry is who acts within seconds of what somebody else did, and sometimes twice.
func (w *world) hurry(random *rand.Rand) {
	for {
		var v versionAtCN
		select {
		case v = <-w.written.now:
		case <-w.ctx.Done():
			return
		}
		for range 1 + random.IntN(2) {
			const soon = time.Second
			if !w.sleep(pauseOf(random, soon)) {
				return
			}
			if _, err := w.scheduler.pass(w.ctx, w.alipaycn.process, decision, "hurry"); err != nil {
				return
			}
			if what := w.interference(w.gateway.Status(v.app, v.number), random); what != "" && !w.faults.over() {
				w.decide(v, what, random)
			}
		}
	}
}
