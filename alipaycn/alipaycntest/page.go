package alipaycntest

import (
	_ "embed" // the page
	"fmt"
	html "html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

//go:embed page.html
var pageHTML string

// pageTemplates are the pages "login", "select", "confirm" and "failed".
func pageTemplates() *html.Template {
	return html.Must(html.New("page").Parse(pageHTML))
}

// accountCookie names who is logged in. There is no password, so it needs no signature.
const accountCookie = "alipaycntest_account"

// visit is one request of the authorization page.
type visit struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	asked cnwire.AgentOpParam

	// What the page shows.
	Account, ThirdParty, Wrong string
	Programs                   []pageProgram
	Chosen                     pageProgram
}

// pageProgram is a mini program that can be chosen.
type pageProgram struct{ ID, Name string }

// servePage shows the page on which a merchant authorizes a third-party app: to log in, to
// choose a mini program, and to confirm or decline.
func (g *Gateway) servePage(w http.ResponseWriter, r *http.Request) {
	const maxForm = 64 << 10
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	v := &visit{g: g, w: w, r: r}
	if wrong := v.read(); wrong != "" {
		v.show(http.StatusBadRequest, "failed", wrong)
		return
	}
	switch step := v.step(); {
	case step == "login":
		v.login()
	case step == "logout":
		v.keep("")
	case v.Account == "":
		v.show(http.StatusOK, "login", v)
	case step == "decline":
		v.leave(url.Values{"error": {"access_denied"}})
	case step == "select" || step == "confirm":
		v.choose(step)
	default:
		v.show(http.StatusOK, "select", v)
	}
}

// read reads what is asked for and by whom; wrong is what the visitor is told.
func (v *visit) read() (wrong string) {
	asked, err := cnwire.ParseAuthorizationRequest(v.r.URL)
	if err != nil {
		return "The link is not complete: " + err.Error() + "."
	}
	if v.r.Method == http.MethodPost && v.r.ParseForm() != nil {
		return "The form could not be read."
	}
	v.asked, v.ThirdParty = asked.AgentOpParam, asked.AgentOpParam.ISVAppID
	links := alipaycn.AuthorizationInput{ISVAppID: v.asked.ISVAppID, RedirectURL: v.asked.RedirectURI, State: v.asked.State}
	if _, err := alipaycn.AuthorizationURL(links); err != nil {
		return err.Error() + "."
	}
	v.g.mu.Lock()
	defer v.g.mu.Unlock()
	isv := v.g.apps[v.ThirdParty]
	switch {
	case isv == nil || !isv.thirdParty:
		return fmt.Sprintf("There is no third-party app %.32q.", v.ThirdParty)
	case isv.redirect != "" && isv.redirect != v.asked.RedirectURI:
		return "redirectUri is not the callback address (授权回调地址) that is configured for the third-party app."
	case !slices.Contains(v.asked.AppTypes, string(alipaycn.AppTypeMiniProgram)):
		return "appTypes must name TINYAPP: there are only mini programs here."
	}
	if cookie, err := v.r.Cookie(accountCookie); err == nil {
		v.Account = cookie.Value
	}
	if v.Programs = v.g.programsOf(v.Account); len(v.Programs) == 0 {
		v.Account = ""
	}
	return ""
}

// programsOf returns the mini programs of a merchant, by their ids.
func (g *Gateway) programsOf(merchant string) (programs []pageProgram) {
	for _, a := range g.apps {
		if a.thirdParty || a.merchant != merchant {
			continue
		}
		name := a.base.AppName
		if name == "" {
			name = "未命名小程序"
		}
		programs = append(programs, pageProgram{a.id, name})
	}
	slices.SortFunc(programs, func(a, b pageProgram) int { return strings.Compare(a.ID, b.ID) })
	return programs
}

// step is the button that was pressed; a GET, such as by a preview of the link, presses none.
func (v *visit) step() string {
	if v.r.Method != http.MethodPost {
		return ""
	}
	return v.r.PostForm.Get("step")
}

func (v *visit) login() {
	v.Account = strings.TrimSpace(v.r.PostForm.Get("account"))
	v.g.mu.Lock()
	known := len(v.g.programsOf(v.Account)) > 0
	v.g.mu.Unlock()
	if !known {
		v.Wrong = "账号不存在，或没有小程序"
		v.show(http.StatusForbidden, "login", v)
		return
	}
	v.keep(v.Account)
}

// keep notes who is logged in, nobody for "", and shows the page again by a GET.
func (v *visit) keep(account string) {
	cookie := &http.Cookie{Name: accountCookie, Value: account, Path: "/", HttpOnly: true, Secure: v.r.TLS != nil, SameSite: http.SameSiteLaxMode}
	if account == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(v.w, cookie)
	v.w.Header().Set("Location", v.r.URL.RequestURI())
	v.w.WriteHeader(http.StatusSeeOther)
}

// choose is 确认选择, and 确认授权 after it.
func (v *visit) choose(step string) {
	i := slices.IndexFunc(v.Programs, func(p pageProgram) bool { return p.ID == v.r.PostForm.Get("program") })
	if i < 0 {
		v.Wrong = "请选择一个小程序"
		v.show(http.StatusBadRequest, "select", v)
		return
	}
	v.Chosen = v.Programs[i]
	if step == "select" {
		v.show(http.StatusOK, "confirm", v)
		return
	}
	code, err := v.g.AuthorizationCode(v.ThirdParty, v.Chosen.ID)
	if err != nil {
		v.show(http.StatusInternalServerError, "failed", err.Error()+".")
		return
	}
	v.leave(url.Values{"app_auth_code": {code}})
}

// leave sends the browser back to who asked.
func (v *visit) leave(with url.Values) {
	back, err := ledBack(v.asked, with)
	if err != nil {
		v.show(http.StatusBadRequest, "failed", "redirectUri is not an address.")
		return
	}
	v.w.Header().Set("Location", back)
	v.w.WriteHeader(http.StatusSeeOther)
}

// ledBack is where a page leads back to, with what came of it.
func ledBack(asked cnwire.AgentOpParam, with url.Values) (string, error) {
	back, err := url.Parse(asked.RedirectURI)
	if err != nil {
		return "", fmt.Errorf("redirectUri is not an address: %w", err)
	}
	query := back.Query()
	query.Set("app_id", asked.ISVAppID)
	query.Set("source", "alipay_app_auth")
	if asked.State != "" {
		query.Set("state", asked.State)
	}
	maps.Copy(query, with)
	back.RawQuery = query.Encode()
	return back.String(), nil
}

// show writes a page. There is no form-action in its policy: browsers apply it to the
// redirect that leads back too, and that goes elsewhere.
func (v *visit) show(status int, name string, data any) {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	v.w.WriteHeader(status)
	_ = v.g.pages.ExecuteTemplate(v.w, name, data)
}
