package platform

import (
	_ "embed" // the pages
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// CallbackPath is where the visit of an authorization page ends.
const CallbackPath = "/authorization/callback"

//go:embed pages.html
var pagesHTML string

// pageTemplates are the pages "select", "confirm", "done" and "failed".
func pageTemplates() *template.Template {
	return template.Must(template.New("pages").Parse(pagesHTML))
}

// pagePath is where the page is that a target app serves itself.
func pagePath(target TargetBackend) string {
	return "/targets/" + url.PathEscape(string(target.App())) + "/authorize"
}

// servePages are what a person visits to authorize the platform.
func (p *Platform) servePages() http.Handler {
	const maxForm = 64 << 10
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+CallbackPath, p.callback)
	for _, target := range p.targets {
		if page, ok := target.(http.Handler); ok {
			mux.Handle(pagePath(target), page)
		}
	}
	pages := http.MaxBytesHandler(mux, maxForm)
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

// callback is where the visit ends. The state must be one that the platform gave
// out and still waits for; it is good for one visit.
func (p *Platform) callback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // the pattern admits HEAD, which must change nothing
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	query := r.URL.Query()
	state, code := query.Get("state"), query.Get("code")
	granted, err := p.grant(r.Context(), state, code)
	switch {
	case err != nil:
		p.cfg.logger.ErrorContext(r.Context(), "an authorization could not be completed", "error", err)
		writePage(w, p.html, http.StatusInternalServerError, "failed", "The authorization could not be completed. Try again in a moment.")
	case !granted:
		writePage(w, p.html, http.StatusForbidden, "failed", "This link was used before, has expired, or is not genuine. Begin the authorization again.")
	default:
		writePage(w, p.html, http.StatusOK, "done", nil)
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
