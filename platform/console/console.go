// Package console is the platform's page in the browser: requests, reviews, services, mini
// programs and releases, for members and for reviewers.
//
//	p, err := platform.New(platform.WithConsole(console.New()))
//
// Whoever signs in acts as the member, or the reviewing party, whose key signed
// [alipayplus.SessionsClient.Begin]; whatever they do is a call of the contract, so that the
// same rules hold, and the audit log says who it was. Pages are made by the server, need no
// script but to follow changes while they are open, and load nothing from elsewhere.
//
// Alipay+ describes its console by its menus and screens; the pages here follow their words.
// How it is built, signed in to and looks is this project's own.
package console

import (
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/alipayplus-go/alipayplus/platform"
)

//go:embed templates assets
var embedded embed.FS

// Option configures the console.
type Option func(*console) error

// WithLogger sets where failures of the console itself are logged; nothing is by default.
func WithLogger(logger *slog.Logger) Option {
	return func(c *console) error {
		if logger == nil {
			return errors.New("logger: must not be nil")
		}
		c.logger = logger
		return nil
	}
}

// New makes what [platform.WithConsole] takes. The handler is safe for concurrent use, does
// nothing while nobody calls it, and starts no goroutines.
func New(opts ...Option) func(*platform.Platform) (http.Handler, error) {
	return func(p *platform.Platform) (http.Handler, error) {
		at, err := url.Parse(p.ConsoleURL())
		if err != nil {
			return nil, err
		}
		c := &console{platform: p, path: at.EscapedPath(), secure: at.Scheme == "https", logger: slog.New(slog.DiscardHandler)}
		c.live, c.uploads = newLive(p.Marks), make(chan struct{}, uploadsAtOnce)
		for _, opt := range opts {
			if err := opt(c); err != nil {
				return nil, err
			}
		}
		if c.pages, err = c.parsePages(); err != nil {
			return nil, err
		}
		return c.handler(), nil
	}
}

// console is what all requests share.
type console struct {
	platform *platform.Platform
	// path is where the console is, as the browser sees it: "/console/".
	path string
	// secure says that browsers reach it over TLS, whatever reaches this process.
	secure bool
	logger *slog.Logger
	live   *live
	// rollouts are shown where there are some; may be nil.
	rollouts Rollouts
	// uploads bounds the forms with files that are read at once.
	uploads chan struct{}
	pages   map[language]*template.Template
}

// handler serves the pages. Each is in the file that is named after it.
func (c *console) handler() http.Handler { //nolint:funlen // a table
	mux := http.NewServeMux()
	handle := func(pattern string, h http.HandlerFunc) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+platform.ConsolePath+path, h)
	}
	handle("GET assets/{name}", c.asset)
	handle("GET "+platform.SignInPath, c.anyone((*visit).signInPage))
	handle("POST "+platform.SignInPath, c.anyone((*visit).signIn))
	handle("POST language", c.anyone((*visit).chooseLanguage))
	handle("GET live", c.member(passive, (*visit).follow))

	page := func(pattern string, show func(*visit) error) { handle(pattern, c.member(active, show)) }
	page("GET {$}", (*visit).home)
	page("GET sessions", (*visit).sessions)
	page("POST sessions/{id}/end", (*visit).endSession)
	page("POST sign-out", (*visit).signOut)
	page("GET requests", (*visit).requests)
	page("GET requests/{id}", (*visit).request)
	page("GET reviews", (*visit).reviews)
	page("GET reviews/{id}", (*visit).review)
	page("POST reviews/{id}/decide", (*visit).decide)
	page("GET reviews/{id}/files/{file}", (*visit).reviewFile)
	page("GET files/{file}", (*visit).file)
	page("GET services", (*visit).services)
	page("GET services/new", (*visit).newService)
	page("GET services/{id}", (*visit).service)
	page("GET services/{id}/edit", (*visit).editService)
	page("POST services/{id}/{step}", (*visit).serviceStep)
	handle("POST services", c.upload((*visit).saveService))
	handle("POST services/{id}", c.upload((*visit).saveService))
	page("GET market", (*visit).market)
	page("GET market/{id}", (*visit).marketService)
	page("GET market/{id}/files/{file}", (*visit).marketFile)
	page("POST market/{id}/order", (*visit).placeOrder)
	page("GET orders", (*visit).orders)
	page("GET orders/{id}", (*visit).order)
	page("POST orders/{id}/{action}", (*visit).act)
	page("GET programs", (*visit).programs)
	page("POST programs", (*visit).createProgram)
	page("GET programs/{id}", (*visit).program)
	page("POST programs/{id}/languages", (*visit).addLanguage)
	page("POST programs/{id}/authorize", (*visit).authorize)
	handle("POST programs/{id}/configure", c.upload((*visit).configureProgram))
	page("POST programs/{id}/releases", (*visit).selectTarget)
	page("POST programs/{id}/qrcode", (*visit).qrCode)
	handle("POST programs/{id}/versions", c.upload((*visit).uploadVersion))
	page("GET releases", (*visit).releases)
	page("GET releases/{id}", (*visit).release)
	handle("POST releases/{id}/configure", c.upload((*visit).configureRelease))
	page("POST releases/{id}/{step}", (*visit).step)
	page("GET rollouts", (*visit).rolloutsPage)
	page("POST rollouts/{name}/{action}", (*visit).commandRollout)
	page("GET audit", (*visit).audit)
	handle("GET ", c.anyone((*visit).nothing))
	return protect(mux)
}

// protect adds what holds for every answer, and refuses forms of other sites.
func protect(h http.Handler) http.Handler {
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	h = http.NewCrossOriginProtection().Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// asset serves the style sheet and the script.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, embedded, "assets/"+r.PathValue("name")) //nolint:gosec // of an embedded file system
}
