package sim

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// tokenRules are those of the authorizations that merchants give at AlipayCN, and of their tokens: "app_auth_token is
// permanent", until it is replaced or the authorization is taken back.
type tokenRules struct {
	*rules

	// of are the platforms' records, by mini program.
	of map[string]authorizationLine
	// apps are whose a token and a refresh token is, and refresh the newest of those.
	apps    map[string]string
	refresh map[string]string
	// given is when a merchant authorized a platform last, by the mini program at AlipayCN, taken when that was taken back,
	// and ended when a token ended so.
	given, taken, ended map[string]time.Time
	// refused counts how often AlipayCN said that an authorization is over which the platforms show as given.
	refused map[string]int
}

// authorizationLine is what the rules read of a stored authorization.
type authorizationLine struct {
	ProgramID string `json:"programId"`
	Status    string `json:"status"`
}

func newTokenRules(r *rules) tokenRules {
	return tokenRules{
		r,
		map[string]authorizationLine{},
		map[string]string{},
		map[string]string{},
		map[string]time.Time{},
		map[string]time.Time{},
		map[string]time.Time{},
		map[string]int{},
	}
}

var granted = regexp.MustCompile(`"(app_auth_token|app_refresh_token|auth_app_id)":"([^"]+)"`)

// read learns of a token that AlipayCN has given, and of which mini program it is.
func (r *tokenRules) read(answer []byte) (app, token string) {
	found := map[string]string{}
	for _, m := range granted.FindAllStringSubmatch(string(answer), -1) {
		found[m[1]] = m[2]
	}
	r.learn(found["app_auth_token"], found["app_refresh_token"], found["auth_app_id"])
	return found["auth_app_id"], found["app_auth_token"]
}

// learn learns of a token.
func (r *tokenRules) learn(token, refresh, app string) {
	if token == "" || app == "" {
		return
	}
	r.alipaycn.apps[token], r.apps[token], r.apps[refresh], r.refresh[app] = app, app, app, refresh
	for _, secret := range []string{token, refresh} {
		if secret != "" && !slices.Contains(r.w.secrets, secret) {
			r.w.secrets = append(r.w.secrets, secret)
		}
	}
}

// over learns that an authorization is over at AlipayCN, and with it all tokens but one.
func (r *tokenRules) over(at time.Time, app, but string) {
	r.taken[app] = at
	for token, of := range r.apps {
		if _, was := r.ended[token]; of == app && token != but && !was {
			r.ended[token] = at
		}
	}
}

// changed learns what became of an authorization at AlipayCN.
func (r *tokenRules) changed(at time.Time, a *authorized, outcome string) {
	if outcome == "done" && a.what != replaced { // elsewhere: the platform gets nothing of what is given there
		r.over(at, a.app, "")
	}
}

// exchange learns what AlipayCN says about tokens.
func (r *tokenRules) exchange(at time.Time, e *exchange) {
	var in struct {
		Kind    string `json:"grant_type"`
		Refresh string `json:"refresh_token"`
	}
	_ = json.Unmarshal(e.request, &in)
	switch app := r.apps[in.Refresh]; {
	case e.status == 200 && in.Kind == "authorization_code":
		authorized, token := r.read(e.answer)
		r.over(at, authorized, token)
		r.given[authorized] = at
		delete(r.refused, authorized)
	case e.status == 200:
		r.read(e.answer)
	case strings.Contains(string(e.answer), "REFRESH_TOKEN_NOT_VALID") && app != "":
		r.told(e, app)
	}
}

// kept judges that no token of AlipayCN is in what is answered and stored; a platform stores them encrypted.
func (r *tokenRules) kept(e event) {
	var texts [][]byte
	switch about := e.about.(type) {
	case *exchange:
		if about.host == platformHost && !about.begun {
			texts = append(texts, about.answer)
		}
		if about.host == chatHost {
			texts = append(texts, about.request)
		}
	case *commit:
		for _, w := range about.writes {
			texts = append(texts, w.value)
		}
	case *saved:
		texts = append(texts, about.checkpoint)
		for _, entry := range about.audit {
			texts = append(texts, []byte(entry.Why))
		}
	}
	for _, text := range texts {
		shown := false
		for token := range r.apps {
			shown = shown || token != "" && bytes.Contains(text, []byte(token))
		}
		r.must("no token is answered or stored", !shown, "%s %s", e.who, e.what)
	}
}

// sent judges a write that reaches AlipayCN.
func (r *tokenRules) sent(e *exchange) {
	const race = 2 * time.Hour // a process may be halted
	ended, is := r.ended[e.header.Get("Alipay-App-Auth-Token")]
	r.must("nothing is written by an authorization that was taken back", !is || e.arrived.Sub(ended) < race, "%s sent %s, %v after it was", e.from, e.path, e.arrived.Sub(ended))
}

// stored judges the record of an authorization.
func (r *tokenRules) stored(value []byte) (moved *authorizationLine) {
	now := authorizationLine{}
	err := json.Unmarshal(value, &now)
	r.must("a record can be read", err == nil, "an authorization: %v", err)
	before := r.of[now.ProgramID]
	r.of[now.ProgramID] = now
	if before.Status == now.Status {
		return nil
	}
	if app := r.w.apps[now.ProgramID]; app != "" && now.Status == "REVOKED" {
		r.must("an authorization is revoked only when it was taken back", r.taken[app].After(r.given[app]), "that of %s", now.ProgramID)
	}
	return &now
}

// told judges that a platform asks no more once it was told that an authorization is over; a few answers may be lost, and a few
// records not stored.
func (r *tokenRules) told(e *exchange, app string) {
	if r.taken[app].Before(r.given[app]) || !r.shownAsGiven(app) {
		return
	}
	const few = 20
	r.refused[app]++
	r.must("an authorization that is over is shown so", r.refused[app] <= few, "%s was told so of %s %d times", e.from, app, r.refused[app])
}

// shownAsGiven says that the platforms show the authorization of a mini program at AlipayCN as given.
func (r *tokenRules) shownAsGiven(app string) bool {
	for program, at := range r.w.apps {
		if at == app {
			return r.of[program].Status == "AUTHORIZED"
		}
	}
	return false
}

// logged judges that the change of an authorization is in the audit log.
func (r *tokenRules) logged(moved []*authorizationLine, told []auditLine) {
	for _, is := range moved {
		by := slices.ContainsFunc(told, func(a auditLine) bool {
			return a.Kind == "authorization" && a.ID == is.ProgramID && a.To == is.Status
		})
		r.must("every change is in the audit log", by, "the authorization of %s became %s without an entry", is.ProgramID, is.Status)
	}
}
