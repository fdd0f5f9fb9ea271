package platform

import (
	"context"
	_ "embed" // the pages
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// CallbackPath is where the visit of an authorization page ends.
const CallbackPath = "/authorization/callback"

//go:embed pages.html
var pagesHTML string

// pageTemplates are the pages "select", "confirm", "done", "declined" and "failed".
func pageTemplates() *template.Template {
	return template.Must(template.New("pages").Parse(pagesHTML))
}

// pagePath is where the page is that a target app serves itself.
func pagePath(target TargetBackend) string {
	return "/targets/" + url.PathEscape(string(target.App())) + "/authorize"
}

// servePages are what a person visits to authorize the platform, and what else is no
// operation of the contract: the messages of target apps, and what monitoring asks for.
func (p *Platform) servePages() (http.Handler, error) {
	const maxForm = 64 << 10
	mux := http.NewServeMux()
	handle := func(pattern string, page http.Handler) { mux.Handle(pattern, http.MaxBytesHandler(page, maxForm)) }
	handle("GET "+CallbackPath, http.HandlerFunc(p.callback))
	handle("GET /healthz", http.HandlerFunc(p.healthy))
	handle("GET /readyz", http.HandlerFunc(p.ready))
	if p.cfg.console != nil {
		console, err := p.cfg.console(p)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		mux.Handle(ConsolePath, console)
	}
	for _, target := range p.targets {
		if page, ok := target.(http.Handler); ok {
			handle(pagePath(target), p.visited(target.App(), page))
		}
		if sender, ok := target.(TargetSender); ok {
			path, receiver, err := p.receiver(sender)
			if err != nil {
				return nil, fmt.Errorf("targets: %w", err)
			}
			mux.Handle(path, receiver)
		}
	}
	return p.below(mux), nil
}

// below serves pages below the platform's prefix, stripped by a mounting handler or not.
func (p *Platform) below(pages http.Handler) http.Handler {
	if p.cfg.prefix == "" {
		return pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, p.cfg.prefix+"/") {
			http.StripPrefix(p.cfg.prefix, pages).ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// AuthorizationVisit is what a target app that serves its page itself knows of the
// visit: what the platform has stored, whatever the link says.
type AuthorizationVisit struct {
	// State is the state of the authorization, which the link names.
	State string
	// Program is the mini program that is to be authorized, and no other can be.
	Program *alipayplus.Program
	// Company is the name of the company whose mini program it is.
	Company string
	// Selected says that Select was called for this visit.
	Selected bool

	p *Platform
}

// Select notes that the mini program was selected. It changes nothing when the page
// can no longer be used.
func (v *AuthorizationVisit) Select(ctx context.Context) error {
	changed, err := v.p.changeVisit(ctx, v.State, func(tx storage.Tx, r *authorizationRecord, _ *visit) error {
		before := *r
		r.Visits = slices.Clone(r.Visits)
		for i := range r.Visits {
			r.Visits[i].Selected = r.Visits[i].Selected || r.Visits[i].State == v.State
		}
		return save(tx, &before, r)
	})
	v.Selected = v.Selected || changed
	return err
}

type visitKey struct{}

// VisitOf returns the visit that a page of a target app is shown for; nil for a
// request that did not come by the platform. See [TargetBackend].AuthorizationPage.
func VisitOf(ctx context.Context) *AuthorizationVisit {
	v, _ := ctx.Value(visitKey{}).(*AuthorizationVisit)
	return v
}

// visited shows a page to who may use it. A request carries the state in its address;
// one that is posted, in its form.
func (p *Platform) visited(app alipayplus.TargetApp, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := r.URL.Query().Get("state")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := r.ParseForm(); err != nil {
				writePage(w, p.html, http.StatusBadRequest, "failed", "This form could not be read. Begin the authorization again.")
				return
			}
			state = r.PostForm.Get("state")
		}
		if state == "" {
			p.incomplete(w)
			return
		}
		a, v, err := p.visit(r.Context(), state)
		if err == nil && a != nil && a.TargetApp != app {
			v = &visit{End: visitUnknown}
		}
		if err != nil || v.End != visitOpen {
			p.showEnd(w, r, v, err)
			return
		}
		shown := &AuthorizationVisit{State: state, Selected: v.Selected, p: p}
		if err := p.describe(r.Context(), shown, a); err != nil {
			p.showEnd(w, r, v, err)
			return
		}
		page.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, shown)))
	})
}

// describe reads what a page shows.
func (p *Platform) describe(ctx context.Context, v *AuthorizationVisit, a *authorizationRecord) error {
	return p.cfg.store.View(ctx, func(tx storage.Tx) error {
		program, err := resolve[programRecord](tx, programKey(a.Workspace, a.ProgramID))
		if err != nil {
			return err
		}
		workspace, err := resolve[workspaceRecord](tx, workspaceKey(a.Workspace))
		if err != nil {
			return err
		}
		v.Program, v.Company = &program.Program, workspace.Company.CompanyName
		return nil
	})
}

// callback is where the visit ends, with a code or with an error. The state must be
// one that the platform gave out and still waits for; it is good for one visit.
func (p *Platform) callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // the pattern admits HEAD, which must change nothing
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	query := r.URL.Query()
	state := query.Get("state")
	answered := func(name string) bool { return name != "state" && query.Get(name) != "" }
	if state == "" || !slices.ContainsFunc(slices.Collect(maps.Keys(query)), answered) {
		p.incomplete(w)
		return
	}
	var refusal, err error
	if query.Get("error") != "" {
		_, err = p.decline(r.Context(), state)
	} else {
		refusal, err = p.grant(r.Context(), state, query)
	}
	if refusal != nil && !errors.Is(refusal, alipayplus.ErrPermission) {
		writePage(w, p.html, http.StatusForbidden, "failed", validation.OneLine("This confirmation was not accepted: "+refusal.Error()+". Begin the authorization again."))
		return
	}
	var v *visit
	if err == nil {
		_, v, err = p.visit(r.Context(), state)
	}
	p.showEnd(w, r, v, err)
}

func (p *Platform) incomplete(w http.ResponseWriter) {
	writePage(w, p.html, http.StatusBadRequest, "failed", "This link is not complete. Begin the authorization again.")
}

// showEnd says what became of a visit, also when it is asked again.
func (p *Platform) showEnd(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	if err != nil {
		p.cfg.logger.ErrorContext(r.Context(), "an authorization could not be completed", "error", err)
		writePage(w, p.html, http.StatusInternalServerError, "failed", "The authorization could not be completed. Try again in a moment.")
		return
	}
	switch v.End {
	case visitGranted:
		writePage(w, p.html, http.StatusOK, "done", nil)
	case visitDeclined:
		writePage(w, p.html, http.StatusOK, "declined", nil)
	case visitExpired:
		writePage(w, p.html, http.StatusGone, "failed", "This link has expired. Begin the authorization again.")
	case visitReplaced:
		writePage(w, p.html, http.StatusGone, "failed", "This link was replaced by a newer one. Use that. Begin the authorization again if you have lost it.")
	case visitRevoked:
		writePage(w, p.html, http.StatusGone, "failed", "This link was used, and the authorization was taken back since. Begin the authorization again.")
	case visitUnknown:
		writePage(w, p.html, http.StatusNotFound, "failed", "This link is not known to the platform. Begin the authorization again.")
	default:
		writePage(w, p.html, http.StatusForbidden, "failed", "This confirmation is not genuine. Begin the authorization again.")
	}
}

func writePage(w http.ResponseWriter, pages *template.Template, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data)
}
