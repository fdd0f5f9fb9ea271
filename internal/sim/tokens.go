package sim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
)

// authorized is what became of the authorization of a mini program at AlipayCN, or of its token.
type authorized struct{ app, what string }

// What becomes of them.
const (
	takenAway = "take the authorization back"
	renewed   = "authorize elsewhere"
	replaced  = "replace the token"
)

// merchant is who decides at AlipayCN about the authorizations of the platforms, and another program of their operator, which
// gets new tokens.
type merchant struct {
	*process

	w      *world
	random *rand.Rand
	// programs are those of the platforms, and kept those whose authorization is never given again.
	programs []string
	kept     map[string]bool
}

// watchTokens lets authorizations be taken back and given again, and tokens be replaced, where platforms call AlipayCN.
func (w *world) watchTokens(random *rand.Rand) {
	m := &merchant{newProcess(w.ctx, "merchant", true), w, random, slices.Sorted(maps.Keys(w.apps)), map[string]bool{}}
	if len(m.programs) == 0 || random.IntN(2) == 0 {
		return
	}
	for w.sleep(pauseOf(random, 3*time.Hour)) {
		if _, err := w.scheduler.pass(w.ctx, m.process, decision, ""); err != nil {
			return
		}
		m.authorizeAgain()
		if !w.faults.over() {
			m.change(m.programs[random.IntN(len(m.programs))])
		}
	}
}

// change does something about the authorization of a mini program.
func (m *merchant) change(program string) {
	app, what := m.w.apps[program], []string{takenAway, renewed, replaced, replaced, replaced}[m.random.IntN(5)]
	var err error
	switch what {
	case takenAway:
		err = m.w.gateway.RevokeAuthorization(app)
		m.kept[program] = !m.driven(program) && m.random.IntN(4) == 0
	case renewed:
		var token alipaycn.Token
		token, err = m.w.gateway.Authorize(thirdParty, app)
		m.w.rules.tokens.learn(token.AppAuthToken, token.AppRefreshToken, app)
	case replaced:
		var tokens *alipaycn.Tokens
		if tokens, err = m.w.cnClient(thirdParty, m.w.gateway.HTTPClient()).Authorization.Refresh(m.ctx, m.w.rules.tokens.refresh[app]); err == nil {
			m.w.rules.tokens.learn(tokens.AppAuthToken, tokens.AppRefreshToken, app)
		}
	}
	m.w.history.add(m.name, what+" of "+app, failed(err), &authorized{app, what})
	if what == takenAway && m.random.IntN(2) == 0 {
		message := &alipaycn.AuthorizationCancelled{NotificationInfo: alipaycn.NotificationInfo{AppID: thirdParty}, AuthAppID: app}
		err := m.w.gateway.SendNotification(m.ctx, "https://"+platformHost+alipaycnapp.NotifyPath, message)
		m.w.history.add("AlipayCN", "message about "+app, failed(err), nil)
	}
}

// driven says that a job drives a release of the mini program.
func (m *merchant) driven(program string) bool {
	return slices.ContainsFunc(m.w.workspaces, func(ws *workspace) bool {
		return slices.ContainsFunc(ws.driven, func(id string) bool { return m.w.rules.platform.releases[id].ProgramID == program })
	})
}

// authorizeAgain gives authorizations again that platforms know to be revoked, on the page that they lead to: all once nothing
// fails any more.
func (m *merchant) authorizeAgain() {
	for _, program := range m.programs {
		is := m.w.rules.tokens.of[program]
		if is.Status == "AUTHORIZED" || m.kept[program] || !m.w.faults.over() && m.random.IntN(2) == 0 {
			continue
		}
		owner := m.w.ownerOf(program)
		a, err := m.w.client(owner, m.process).Authorizations.Begin(m.ctx, alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: alipayplus.TargetAlipayCN})
		if err == nil && a.URL != "" {
			err = m.w.gateway.Confirm(m.ctx, m.w.network.client(m.process), a.URL, m.w.apps[program])
		}
		m.w.history.add(m.name, "authorize "+program, failed(err), nil)
	}
}

// ownerOf is the owner of the workspace that has a mini program.
func (w *world) ownerOf(program string) *member {
	for _, ws := range w.workspaces {
		if ws.id == w.rules.platform.owners[program] {
			return ws.members[0]
		}
	}
	return nil
}
