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
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// SimulatedAlipayCN stands in for AlipayCN: it offers the default ladder, needs
// Chinese and an authorization for each mini program, which its own page gives,
// and accepts whatever the platform asks of it. It is a model: AlipayCN's real
// API is in package alipaycn.
type SimulatedAlipayCN struct {
	accepting

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

// AuthorizationPage returns the page with the two confirmations. The link holds
// nothing but the state.
func (s *SimulatedAlipayCN) AuthorizationPage(_, state string, _ *alipayplus.Program) string {
	return "?" + url.Values{"state": {state}}.Encode()
}

// Exchange accepts the code that the page gave for the state.
func (s *SimulatedAlipayCN) Exchange(_ context.Context, visit TargetVisit) (*TargetAuthorization, error) {
	if !hmac.Equal([]byte(visit.Query.Get("code")), []byte(s.code(visit.State))) {
		return nil, fmt.Errorf("%w: the code does not belong to this authorization", alipayplus.ErrPermission)
	}
	return &TargetAuthorization{}, nil
}

// code is what the page gives for a state.
func (s *SimulatedAlipayCN) code(state string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(state))
	return hex.EncodeToString(mac.Sum(nil))
}

// accepting is the part of a simulated app that accepts any release.
type accepting struct{}

// Submit accepts any release.
func (accepting) Submit(context.Context, TargetCall) error { return nil }

// Withdraw accepts any release.
func (accepting) Withdraw(context.Context, TargetCall) error { return nil }

// SetRatio accepts any ratio.
func (accepting) SetRatio(context.Context, TargetCall, alipayplus.Ratio) error { return nil }

// Publish accepts any release.
func (accepting) Publish(context.Context, TargetCall) error { return nil }

// Cancel accepts any release.
func (accepting) Cancel(context.Context, TargetCall) error { return nil }

// TakeOffline accepts any release.
func (s *SimulatedAlipayCN) TakeOffline(context.Context, TargetCall) error { return nil }

// RollBack accepts any release.
func (s *SimulatedAlipayCN) RollBack(context.Context, TargetCall) error { return nil }

// ServeHTTP serves the page with the two confirmations of "Release mini
// programs", 确认选择 and then 确认授权; on both one can decline. It shows
// the visit that [VisitOf] gives. A GET, such as by a preview of the link, confirms
// nothing.
func (s *SimulatedAlipayCN) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visit := VisitOf(r.Context())
	if visit == nil {
		writePage(w, s.html, http.StatusNotFound, "failed", "This link is not known to the platform. Begin the authorization again.")
		return
	}
	step, declined := "", false
	if r.Method == http.MethodPost {
		step, declined = r.PostForm.Get("step"), r.PostForm.Has("decline")
	}
	switch {
	case declined:
		s.leave(w, visit, "error", "access_denied")
	case step == "select":
		s.choose(w, r, visit)
	case step == "confirm" && visit.Selected:
		s.leave(w, visit, "code", s.code(visit.State))
	case step == "confirm":
		writePage(w, s.html, http.StatusConflict, "select", visit)
	default:
		writePage(w, s.html, http.StatusOK, "select", visit)
	}
}

// choose is the first confirmation.
func (s *SimulatedAlipayCN) choose(w http.ResponseWriter, r *http.Request, visit *AuthorizationVisit) {
	if program := r.PostForm.Get("program"); program != "" && program != visit.Program.ID {
		writePage(w, s.html, http.StatusBadRequest, "select", visit)
		return
	}
	if err := visit.Select(r.Context()); err != nil {
		writePage(w, s.html, http.StatusInternalServerError, "failed", "The selection could not be kept. Try again in a moment.")
		return
	}
	writePage(w, s.html, http.StatusOK, "confirm", visit)
}

// leave sends the browser back to the platform. The address is relative, so that it
// also leads back to a platform below a path.
func (s *SimulatedAlipayCN) leave(w http.ResponseWriter, visit *AuthorizationVisit, name, value string) {
	query := url.Values{"state": {visit.State}, name: {value}}
	w.Header().Set("Location", "../.."+CallbackPath+"?"+query.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// ConfirmSimulated does on the page of a simulated AlipayCN what a person does: 确认选择, and
// then 确认授权. page is the address that the authorization was begun with; browser
// is [Platform.HTTPClient], or any client when the platform is served somewhere.
func ConfirmSimulated(ctx context.Context, browser *http.Client, page string) error {
	address, query, _ := strings.Cut(page, "?")
	for _, step := range []string{"select", "confirm"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(query+"&step="+step))
		if err != nil {
			return fmt.Errorf("platform: confirm: %w", err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		if err != nil {
			return fmt.Errorf("platform: confirm: step %s: %w", step, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("platform: confirm: step %s: the page answered %s", step, resp.Status)
		}
	}
	return nil
}
