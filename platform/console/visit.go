package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

const (
	sessionCookie  = "alipayplus_console"
	languageCookie = "alipayplus_console_language"
	// maxForm is how large a form may be that holds no files, in bytes: it has room for a
	// service.
	maxForm = 2 << 20
	// maxUpload is how large one may be that holds files, and uploadsAtOnce how many of
	// them are read at a time.
	maxUpload     = 33 << 20
	uploadsAtOnce = 4
)

// Whether a request is something that a person does, which keeps the session alive.
const (
	active  = true
	passive = false
)

// visit is one request of a browser.
type visit struct {
	*console
	w    http.ResponseWriter
	r    *http.Request
	lang language
	// secret is the session's cookie, and session and client are whose it is: nil on pages
	// that anybody sees.
	secret  string
	session *platform.Session
	client  *alipayplus.Client
	// mark is what the session might have seen before the page was made, see
	// [platform.Platform.Marks].
	mark string
	// problem is why what was posted could not be done; nil for none.
	problem error
	// status is the status of the page; 0 for 200.
	status int
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// anyone serves a page that needs no session.
func (c *console) anyone(show func(*visit) error) http.HandlerFunc {
	return c.limited(maxForm, show)
}

func (c *console) limited(most int64, show func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{console: c, w: w, r: r, lang: languageOf(r)}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		v.end(show(v)) //nolint:contextcheck // it is the request's, which the visit has
	}
}

// member serves a page to who has signed in: a member or a reviewer.
func (c *console) member(active bool, show func(*visit) error) http.HandlerFunc {
	return c.anyone(c.asMember(active, show))
}

// upload is member for a form with files, which are held in memory while it is served: a
// few at a time.
func (c *console) upload(show func(*visit) error) http.HandlerFunc {
	return c.limited(maxUpload, func(v *visit) error {
		select {
		case c.uploads <- struct{}{}:
			defer func() { <-c.uploads }()
			return c.asMember(active, show)(v)
		case <-v.ctx().Done():
			return nil
		}
	})
}

func (c *console) asMember(active bool, show func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		cookie, err := v.r.Cookie(sessionCookie)
		if err != nil {
			return alipayplus.ErrUnauthenticated
		}
		followed := v.r.Header.Get("Console-Follows") != "" // the script's, after a change
		if v.session, err = c.platform.Session(v.ctx(), cookie.Value, active && !followed); err != nil {
			return err
		}
		v.secret = cookie.Value
		if v.r.Method == http.MethodPost && subtle.ConstantTimeCompare([]byte(v.r.PostFormValue("csrf")), []byte(v.csrf())) != 1 {
			return v.forged()
		}
		if v.client, err = v.session.Client(); err != nil {
			return err
		}
		if v.r.Method == http.MethodGet && active {
			marks, err := c.platform.Marks(v.ctx(), []*platform.Session{v.session})
			if err != nil {
				return err
			}
			v.mark = marks[0]
		}
		return show(v)
	}
}

// errForged is that of a form that this console did not give to this session.
var errForged = errors.New("console: the form does not belong to this session; open the page again")

// forged is errForged, unless the form could not be read.
func (v *visit) forged() error {
	if err := v.r.ParseMultipartForm(maxUpload); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return err
	}
	return errForged
}

// csrf is what each form of the session carries: nobody knows it who cannot read the pages.
func (v *visit) csrf() string {
	sum := sha256.Sum256([]byte("csrf " + v.secret))
	return hex.EncodeToString(sum[:16])
}

// end answers a request that failed.
func (v *visit) end(err error) {
	switch {
	case err == nil:
	case errors.Is(err, alipayplus.ErrUnauthenticated):
		v.session = nil
		v.status = http.StatusUnauthorized
		_ = v.show("signedout", "signedout.title", nil)
	default:
		v.fail(err)
	}
}

// fail shows a page that says what is wrong.
func (v *visit) fail(err error) {
	v.problem, v.status = err, statusOf(err)
	if v.status == http.StatusInternalServerError {
		v.logger.ErrorContext(v.ctx(), "the console failed", "path", v.r.URL.Path, "error", err)
	}
	_ = v.show("failed", "failed.title", nil)
}

func statusOf(err error) int {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, alipayplus.ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err, alipayplus.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, alipayplus.ErrPermission), errors.Is(err, errForged):
		return http.StatusForbidden
	case errors.Is(err, alipayplus.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, alipayplus.ErrConflict), errors.Is(err, alipayplus.ErrLimit), errors.Is(err, alipayplus.ErrAuthorizationRequired):
		return http.StatusConflict
	case errors.Is(err, alipayplus.ErrRateLimited):
		return http.StatusTooManyRequests
	default:
		return http.StatusInternalServerError
	}
}

// nothing is the page of an address that leads nowhere.
func (v *visit) nothing() error { return alipayplus.ErrNotFound }

// done ends what was posted: a success leads to a page, and a failure shows the page that
// the form was on, with what is wrong and what was entered.
func (v *visit) done(err error, to string, again func() error) error {
	if err == nil {
		http.Redirect(v.w, v.r, v.path+to, http.StatusSeeOther)
		return nil
	}
	if errors.Is(err, alipayplus.ErrUnauthenticated) {
		return err
	}
	v.problem, v.status = err, statusOf(err)
	return again()
}

// requestID is the idempotency key of the form that was posted, so that sending it twice
// does nothing twice.
func (v *visit) requestID() string { return v.r.PostFormValue("requestId") }

// posted is a field of the form. A browser sends lines with ends of its own.
func (v *visit) posted(field string) string {
	return strings.ReplaceAll(v.r.PostFormValue(field), "\r\n", "\n")
}

// page is what a template shows.
type page struct {
	*visit
	// Title is a key of the texts.
	Title string
	Data  any
}

// show writes a page by a template.
func (v *visit) show(name, title string, data any) error {
	var out strings.Builder
	if err := v.pages[v.lang].ExecuteTemplate(&out, name, &page{visit: v, Title: title, Data: data}); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", string(v.lang))
	if v.status != 0 {
		v.w.WriteHeader(v.status)
	}
	_, _ = v.w.Write([]byte(out.String())) // the browser may have left
	return nil
}

// HasRollouts says that there is a page of rollouts.
func (p *page) HasRollouts() bool { return p.rollouts != nil }

// Path is where the console is.
func (p *page) Path() string { return p.path }

// Lang is the language of the page.
func (p *page) Lang() language { return p.lang }

// Session is who has signed in; nil for nobody.
func (p *page) Session() *platform.Session { return p.session }

// Mark is what the script asks for changes after; empty where nothing is followed.
func (p *page) Mark() string { return p.mark }

// Here is the address of the page, below the console.
func (p *page) Here() string {
	here := strings.TrimPrefix(p.r.URL.EscapedPath(), platform.ConsolePath)
	if p.r.Method != http.MethodGet {
		return ""
	}
	if query := p.r.URL.Query(); len(query) > 0 && !query.Has("token") {
		here += "?" + query.Encode()
	}
	return here
}

// In says whether the page belongs to a part of the console.
func (p *page) In(part string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(p.r.URL.Path, platform.ConsolePath), "/")
	return first == part
}

// Hidden are the fields that every form carries which changes something. The form that was
// refused keeps its idempotency key.
func (p *page) Hidden(action string) template.HTML {
	id := rand.Text()
	if p.problem != nil && p.r.Method == http.MethodPost && p.r.URL.Path == platform.ConsolePath+action {
		if posted := p.requestID(); posted != "" {
			id = posted
		}
	}
	return template.HTML(`<input type="hidden" name="csrf" value="` + p.csrf() + `"><input type="hidden" name="requestId" value="` + //nolint:gosec // hexadecimal, and escaped
		template.HTMLEscapeString(id) + `">`)
}

// Entered is what was posted in a field, where that was refused; else or.
func (p *page) Entered(field, or string) string {
	if p.problem != nil && p.r.PostForm.Has(field) {
		return p.r.PostFormValue(field)
	}
	return or
}

// Problem is what could not be done, for people; nil for nothing.
func (p *page) Problem() *problem {
	if p.problem == nil {
		return nil
	}
	return problemOf(p.problem)
}

// problem is an error as a page shows it.
type problem struct {
	// Kind is a key of the texts.
	Kind string
	// Message is the platform's own sentence; empty for a failure of the platform.
	Message string
	// Fields are the fields that are wrong.
	Fields []alipayplus.FieldError
	// Hint is the way out, where the message does not say it.
	Hint string
}

func problemOf(err error) *problem {
	kinds := []struct {
		class error
		kind  string
	}{
		{alipayplus.ErrOutcomeUnknown, "problem.unknown"}, // whatever was refused after that
		{alipayplus.ErrNotFound, "problem.notfound"},
		{alipayplus.ErrPermission, "problem.permission"},
		{errForged, "problem.forged"},
		{alipayplus.ErrInvalid, "problem.invalid"},
		{alipayplus.ErrLimit, "problem.limit"},
		{alipayplus.ErrAuthorizationRequired, "problem.authorization"},
		{alipayplus.ErrConflict, "problem.conflict"},
		{alipayplus.ErrRateLimited, "problem.ratelimited"},
	}
	out := &problem{Kind: "problem.failed"}
	for _, k := range kinds {
		if errors.Is(err, k.class) {
			out.Kind = k.kind
			break
		}
	}
	if refused, ok := errors.AsType[*alipayplus.Error](err); ok && out.Kind != "problem.failed" {
		out.Message, out.Fields, out.Hint = refused.Message, refused.Fields, refused.Hint
	}
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok && out.Fields == nil {
		out.Fields = invalid.Fields
	}
	if bare := slices.ContainsFunc(kinds, func(k struct {
		class error
		kind  string
	},
	) bool {
		return err == k.class //nolint:errorlint // a class that says no more than the kind
	}); out.Kind != "problem.failed" && out.Message == "" && !bare {
		out.Message = err.Error()
	}
	if len(out.Fields) > 0 {
		out.Message = ""
	}
	return out
}

// next is the address of the next page of a list; empty on the last one.
func (v *visit) next(cursor string) string {
	if cursor == "" {
		return ""
	}
	query := v.r.URL.Query()
	query.Set("cursor", cursor)
	return "?" + query.Encode()
}

// options are those of a list: where it continues and its order.
func (v *visit) options() alipayplus.ListOptions {
	query := v.r.URL.Query()
	out := alipayplus.ListOptions{Cursor: query.Get("cursor"), Limit: 20}
	if query.Get("order") == string(alipayplus.OldestFirst) {
		out.Order = alipayplus.OldestFirst
	}
	return out
}

// at is an address of the console.
func (c *console) at(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return c.path + strings.Join(escaped, "/")
}
