package platform

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"github.com/alipayplus-go/alipayplus"
)

// SimulatedAlipayCN stands in for AlipayCN: it offers the default ladder, needs
// Chinese and an authorization for each mini program, which its own page gives,
// and accepts whatever the platform asks of it. It is a model: AlipayCN's real
// API is in package alipaycn.
type SimulatedAlipayCN struct {
	secret []byte
	html   *template.Template
}

// NewSimulatedAlipayCN makes a simulated AlipayCN.
func NewSimulatedAlipayCN() *SimulatedAlipayCN {
	return &SimulatedAlipayCN{secret: []byte(rand.Text()), html: pageTemplates()}
}

// App returns ALIPAY_CN.
func (s *SimulatedAlipayCN) App() alipayplus.TargetApp { return alipayplus.TargetAlipayCN }

// Ladder returns the default ladder.
func (s *SimulatedAlipayCN) Ladder() alipayplus.Ladder { return alipayplus.DefaultLadder() }

// Languages returns zh-CN: Chinese is the default language of AlipayCN; which
// languages it requires is not documented.
func (s *SimulatedAlipayCN) Languages() []string { return []string{"zh-CN"} }

// Limits returns the documented limits.
func (s *SimulatedAlipayCN) Limits() alipayplus.Limits { return alipayplus.DefaultLimits() }

// Parties returns AlipayCN.
func (s *SimulatedAlipayCN) Parties() []alipayplus.Party {
	return []alipayplus.Party{alipayplus.PartyAlipayCN}
}

// NeedsAuthorization returns true.
func (s *SimulatedAlipayCN) NeedsAuthorization() bool { return true }

// AuthorizationPage returns the page with the two confirmations.
func (s *SimulatedAlipayCN) AuthorizationPage(_, state string, program *alipayplus.Program) string {
	query := url.Values{"state": {state}, "program": {program.ID}, "name": {program.Name()}}
	return "?" + query.Encode()
}

// Exchange accepts the code that the page gave for the state.
func (s *SimulatedAlipayCN) Exchange(_ context.Context, state, code string) error {
	if !hmac.Equal([]byte(code), []byte(s.code(state))) {
		return fmt.Errorf("%w: the code does not belong to this authorization", alipayplus.ErrPermission)
	}
	return nil
}

// code is what the page gives for a state.
func (s *SimulatedAlipayCN) code(state string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(state))
	return hex.EncodeToString(mac.Sum(nil))
}

// Submit accepts any release.
func (s *SimulatedAlipayCN) Submit(context.Context, *alipayplus.Release) error { return nil }

// Withdraw accepts any release.
func (s *SimulatedAlipayCN) Withdraw(context.Context, *alipayplus.Release) error { return nil }

// SetRatio accepts any ratio.
func (s *SimulatedAlipayCN) SetRatio(context.Context, *alipayplus.Release, alipayplus.Ratio) error {
	return nil
}

// Publish accepts any release.
func (s *SimulatedAlipayCN) Publish(context.Context, *alipayplus.Release) error { return nil }

// Cancel accepts any release.
func (s *SimulatedAlipayCN) Cancel(context.Context, *alipayplus.Release) error { return nil }

// page is one view of the simulated authorization page.
type page struct {
	State, Program, Name string
}

// ServeHTTP serves the page with the two confirmations of "Release mini
// programs": 确认选择 and 确认授权. A GET, such as by a preview of
// the link, confirms nothing.
func (s *SimulatedAlipayCN) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	values, step := r.URL.Query(), ""
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			writePage(w, s.html, http.StatusBadRequest, "failed", "This form could not be read. Begin the authorization again.")
			return
		}
		values, step = r.PostForm, r.PostForm.Get("step")
	}
	view := page{State: values.Get("state"), Program: values.Get("program"), Name: values.Get("name")}
	switch {
	case view.State == "" || view.Program == "":
		writePage(w, s.html, http.StatusBadRequest, "failed", "This link is not complete. Begin the authorization again.")
	case step == "select":
		writePage(w, s.html, http.StatusOK, "confirm", view)
	case step == "confirm":
		query := url.Values{"state": {view.State}, "code": {s.code(view.State)}}
		// Relative, so that it also leads back to a platform below a path.
		w.Header().Set("Location", "../.."+CallbackPath+"?"+query.Encode())
		w.WriteHeader(http.StatusSeeOther)
	default:
		writePage(w, s.html, http.StatusOK, "select", view)
	}
}
