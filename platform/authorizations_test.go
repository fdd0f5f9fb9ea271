package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// browser is a person's: it shows what it gets and follows redirects by hand.
type browser struct {
	testing.TB
	client *http.Client
}

func (w *fixture) browser() browser { return browser{w, w.p.HTTPClient()} }

// shown is what a page request came to.
type shown struct {
	status int
	header http.Header
	html   string
}

func (b browser) get(address string) shown {
	b.Helper()
	return b.do(http.MethodGet, address, nil)
}

func (b browser) post(address string, form url.Values) shown {
	b.Helper()
	return b.do(http.MethodPost, address, form)
}

func (b browser) do(method, address string, form url.Values) shown {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(b, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := *b.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	return shown{resp.StatusCode, resp.Header, string(html)}
}

// click submits the one form of a page, as a person would by its one button.
func (b browser) click(address, html, button string) shown {
	b.Helper()
	require.Contains(b, html, ">"+button+"</button>")
	form := url.Values{}
	for _, input := range strings.Split(html, "<input ")[1:] {
		tag, _, _ := strings.Cut(input, ">")
		form.Set(attribute(tag, "name"), attribute(tag, "value"))
	}
	at, err := url.Parse(address)
	require.NoError(b, err)
	at.RawQuery = ""
	return b.post(at.String(), form)
}

// follow is where a redirect leads.
func (b browser) follow(address string, redirect shown) *url.URL {
	b.Helper()
	at, err := url.Parse(address)
	require.NoError(b, err)
	to, err := at.Parse(redirect.header.Get("Location"))
	require.NoError(b, err)
	return to
}

func attribute(tag, name string) string {
	_, after, _ := strings.Cut(tag, name+`="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

func (w *fixture) begin(program string) *alipayplus.Authorization {
	w.Helper()
	a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
	require.NoError(w, err)
	return a
}

func (w *fixture) authorization(program string) *alipayplus.Authorization {
	w.Helper()
	a, err := w.owner.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn})
	require.NoError(w, err)
	return a
}

// TestCompleteAuthorization is that part of "Release mini programs", over HTTP
// as a browser sees it.
func TestCompleteAuthorization(t *testing.T) {
	sentence(t, "To proceed, click Continue and you're navigated to the AlipayCN website.", func(w *fixture) {
		program := w.program()
		a := w.begin(program.ID)
		require.Equal(w, alipayplus.AuthorizationPending, a.Status)
		require.Equal(w, time.Now().Add(15*time.Minute).UTC(), a.ExpiresAt)
		require.True(w, strings.HasPrefix(a.URL, "http://platform.invalid/targets/ALIPAY_CN/authorize?"), a.URL)
		require.Equal(w, a, w.authorization(program.ID))
		require.Equal(w, http.StatusOK, w.browser().get(a.URL).status)
	})
	sentence(t, "On the authorization page, select the mini program you want to authorize and click 确认选择.", func(w *fixture) {
		program := w.program()
		a := w.begin(program.ID)
		first := w.browser().get(a.URL)
		require.Contains(w, first.html, program.ID)
		require.Contains(w, first.html, "蓝湖茶")
		require.Contains(w, first.html, `lang="zh">确认选择</button>`)
		require.NotContains(w, first.html, "确认授权", "that comes second")
		second := w.browser().click(a.URL, first.html, "确认选择")
		require.Equal(w, http.StatusOK, second.status)
		require.Contains(w, second.html, "蓝湖茶")
		require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program.ID).Status, "selecting authorizes nothing")
	})
	sentence(t, "Click 确认授权 to finish the authorization.", func(w *fixture) {
		program := w.program()
		a := w.begin(program.ID)
		second := w.browser().click(a.URL, w.browser().get(a.URL).html, "确认选择")
		require.Contains(w, second.html, `lang="zh">确认授权</button>`)
		time.Sleep(10 * time.Minute)
		back := w.browser().click(a.URL, second.html, "确认授权")
		require.Equal(w, http.StatusSeeOther, back.status)
		end := w.browser().follow(a.URL, back)
		require.Equal(w, platform.CallbackPath, end.Path)
		require.Equal(w, a.State, end.Query().Get("state"))
		require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program.ID).Status)

		done := w.browser().get(end.String())
		require.Equal(w, http.StatusOK, done.status)
		require.Contains(w, done.html, "The authorization is complete.")
		require.Equal(w, &alipayplus.Authorization{
			ProgramID: program.ID, TargetApp: cn, Status: alipayplus.AuthorizationGranted, GrantedAt: time.Now().UTC(),
		}, w.authorization(program.ID))
	})
}

// callback is the address at which the visit of a page ends.
func (w *fixture) callback(state, code string) shown {
	w.Helper()
	return w.browser().get("http://platform.invalid" + platform.CallbackPath + "?" + url.Values{"state": {state}, "code": {code}}.Encode())
}

// codeFor confirms on the page and returns the code that comes back.
func (w *fixture) codeFor(a *alipayplus.Authorization) string {
	w.Helper()
	page, err := url.Parse(a.URL)
	require.NoError(w, err)
	form := page.Query()
	page.RawQuery = ""
	form.Set("step", "select")
	require.Equal(w, http.StatusOK, w.browser().post(page.String(), form).status)
	form.Set("step", "confirm")
	back := w.browser().post(page.String(), form)
	require.Equal(w, http.StatusSeeOther, back.status)
	return w.browser().follow(a.URL, back).Query().Get("code")
}

func TestAVisitThatIsNotGenuineAuthorizesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		visit  func(w *fixture, a *alipayplus.Authorization) (state, code string)
		status int
		says   string
	}{
		"no state": {func(w *fixture, a *alipayplus.Authorization) (string, string) { return "", w.codeFor(a) }, 400, "This link is not complete."},
		"no code":  {func(_ *fixture, a *alipayplus.Authorization) (string, string) { return a.State, "" }, 400, "This link is not complete."},
		"forged state": {func(w *fixture, a *alipayplus.Authorization) (string, string) {
			return strings.Repeat("A", 26), w.codeFor(a)
		}, 404, "This link is not known to the platform."},
		"forged code": {func(_ *fixture, a *alipayplus.Authorization) (string, string) {
			return a.State, strings.Repeat("0", 64)
		}, 403, "This confirmation is not genuine."},
		"long state": {func(_ *fixture, _ *alipayplus.Authorization) (string, string) {
			return strings.Repeat("A", 1<<16), "1"
		}, 404, "This link is not known to the platform."},
		"state with a path": {func(_ *fixture, a *alipayplus.Authorization) (string, string) {
			return "../" + a.State, "1"
		}, 404, "This link is not known to the platform."},
		"code of another state": {func(w *fixture, a *alipayplus.Authorization) (string, string) {
			return a.State, w.codeFor(w.begin(w.program().ID))
		}, 403, "This confirmation is not genuine."},
		"code of another platform": {func(w *fixture, a *alipayplus.Authorization) (string, string) {
			other := newFixture(w.T)
			return a.State, other.codeFor(other.begin(other.program().ID))
		}, 403, "This confirmation is not genuine."},
		"expired": {func(w *fixture, a *alipayplus.Authorization) (string, string) {
			code := w.codeFor(a)
			time.Sleep(15 * time.Minute)
			return a.State, code
		}, 410, "This link has expired."},
		"begun anew": {func(w *fixture, a *alipayplus.Authorization) (string, string) {
			code := w.codeFor(a)
			require.NotEqual(w, a.State, w.begin(a.ProgramID).State)
			return a.State, code
		}, 410, "This link was replaced by a newer one."},
	} {
		sentence(t, name, func(w *fixture) {
			program := w.program()
			a := w.begin(program.ID)
			state, code := tt.visit(w, a)
			got := w.callback(state, code)
			require.Equal(w, tt.status, got.status)
			require.Contains(w, got.html, tt.says)
			require.NotEqual(w, alipayplus.AuthorizationGranted, w.authorization(program.ID).Status)
			for _, e := range w.auditLog() {
				require.NotEqual(w, string(alipayplus.AuthorizationGranted), e.To)
			}
		})
	}
}

func TestAVisitIsGoodForOneAuthorization(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		a := w.begin(program.ID)
		code := w.codeFor(a)
		require.Equal(w, http.StatusOK, w.callback(a.State, code).status)
		granted := w.snapshot()
		for _, again := range []shown{w.callback(a.State, code), w.callback(a.State, "another"), w.browser().get(a.URL), w.browser().decline(a)} {
			require.Equal(w, http.StatusOK, again.status, "the last page, once more")
			require.Contains(w, again.html, "The authorization is complete.")
		}
		require.Equal(w, granted, w.snapshot(), "reloading changes nothing")

		w.Log("Not even after a revocation does it work again.")
		require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program.ID, cn))
		require.Equal(w, http.StatusGone, w.callback(a.State, code).status)
		require.Equal(w, http.StatusGone, w.browser().get(a.URL).status)
		require.Equal(w, alipayplus.AuthorizationRevoked, w.authorization(program.ID).Status)
	})
}

func TestAnAuthorizationThatIsNotCompletedInTimeIsAsIfNeverBegun(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		require.Equal(w, &alipayplus.Authorization{ProgramID: program.ID, TargetApp: cn, Status: alipayplus.AuthorizationNone}, w.authorization(program.ID))
		first := w.begin(program.ID)
		time.Sleep(time.Minute - time.Nanosecond)
		require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program.ID).Status)
		time.Sleep(time.Nanosecond)
		require.Equal(w, &alipayplus.Authorization{ProgramID: program.ID, TargetApp: cn, Status: alipayplus.AuthorizationNone}, w.authorization(program.ID))
		_, err := w.owner.Authorizations.WaitGranted(w.Context(), alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: cn}, alipayplus.AuthorizationWait{})
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)

		second := w.begin(program.ID)
		require.NotEqual(w, first.State, second.State)
		require.Equal(w, http.StatusOK, w.callback(second.State, w.codeFor(second)).status)
		require.Equal(w, http.StatusGone, w.browser().get(first.URL).status)
	}, platform.WithAuthorizationExpiry(time.Minute))
}

func TestAnAuthorizationThatIsGrantedNeedsNotBeBegunAgain(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram()
		before := w.snapshot()
		again := w.begin(program.ID)
		require.Equal(w, alipayplus.AuthorizationGranted, again.Status)
		require.Empty(w, again.URL)
		require.Equal(w, before, w.snapshot())
	})
}

func TestARevokedAuthorizationCanBeGivenAgain(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		require.ErrorContains(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program.ID, cn), "is not authorized")
		w.authorize(program.ID)
		require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program.ID, cn))
		require.ErrorContains(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program.ID, cn), "is not authorized")
		in := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: cn}
		_, err := w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		w.authorize(program.ID)
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
	})
}

func TestAnAuthorizationIsGivenWithoutAVisit(t *testing.T) {
	pending := func(w *fixture, program string) *alipayplus.Authorization { return w.begin(program) }
	for name, tt := range map[string]struct {
		before func(w *fixture, program string) *alipayplus.Authorization
		// begun is the status that it is begun from; empty: it was begun already.
		begun string
	}{
		"never begun": {func(*fixture, string) *alipayplus.Authorization { return nil }, "NOT_AUTHORIZED"},
		"begun":       {pending, ""},
		"expired": {func(w *fixture, program string) *alipayplus.Authorization {
			a := w.begin(program)
			time.Sleep(time.Hour)
			return a
		}, "NOT_AUTHORIZED"},
		"revoked": {func(w *fixture, program string) *alipayplus.Authorization {
			w.authorize(program)
			require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, cn))
			return nil
		}, "REVOKED"},
	} {
		sentence(t, name, func(w *fixture) {
			program := w.program()
			a := tt.before(w, program.ID)
			logged := len(w.entries("authorization"))
			time.Sleep(time.Second)
			given := time.Now().UTC()

			require.NoError(w, w.p.GrantAuthorization(w.Context(), w.workspace, program.ID, cn))

			want := &alipayplus.Authorization{ProgramID: program.ID, TargetApp: cn, Status: alipayplus.AuthorizationGranted, GrantedAt: given}
			require.Equal(w, want, w.authorization(program.ID))
			at := given.Format(time.TimeOnly)
			steps := []string{at + " ALIPAY_CN " + program.ID + ": PENDING to AUTHORIZED"}
			if tt.begun != "" {
				steps = append([]string{at + " operator " + program.ID + ": " + tt.begun + " to PENDING"}, steps...)
			}
			require.Equal(w, steps, w.entries("authorization")[logged:])
			if a != nil {
				require.NotContains(w, w.browser().get(a.URL).html, "<button", "the page leads nowhere")
			}
			_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: cn})
			require.NoError(w, err)

			w.Log("Once more it changes nothing.")
			logged = len(w.entries("authorization"))
			time.Sleep(time.Second)
			require.NoError(w, w.p.GrantAuthorization(w.Context(), w.workspace, program.ID, cn))
			require.Equal(w, want, w.authorization(program.ID))
			require.Len(w, w.entries("authorization"), logged)
		}, platform.WithAuthorizationExpiry(time.Minute))
	}
}

func TestWhatCannotBeAuthorizedIsNot(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program, other := w.program(), w.neighbour()
		for name, tt := range map[string]struct {
			workspace, program string
			target             alipayplus.TargetApp
			class              error
		}{
			"no such program":        {w.workspace, "2100000000000000", cn, alipayplus.ErrNotFound},
			"no such workspace":      {"ws_none", program.ID, cn, alipayplus.ErrNotFound},
			"another's program":      {other.workspace, program.ID, cn, alipayplus.ErrNotFound},
			"no such target app":     {w.workspace, program.ID, "ELSEWHERE", alipayplus.ErrInvalid},
			"no authorization there": {w.workspace, program.ID, partner, alipayplus.ErrInvalid},
		} {
			err := w.p.GrantAuthorization(w.Context(), tt.workspace, tt.program, tt.target)
			require.ErrorIs(w, err, tt.class, name)
			require.ErrorContains(w, err, "platform: grant: ", name)
		}
		require.Equal(w, alipayplus.AuthorizationNone, w.authorization(program.ID).Status)
	}, platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
}

func TestATargetThatNeedsNoAuthorizationGivesNoPage(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: partner})
		require.NoError(w, err)
		require.Equal(w, &alipayplus.Authorization{ProgramID: program.ID, TargetApp: partner, Status: alipayplus.AuthorizationNone}, a)
	}, platform.WithTargetBackends(newPartnerApp()))
}

func TestThePagesEscapeWhatTheyShow(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	withFixture(t, func(w *fixture) {
		program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
			Languages: []alipayplus.Localization{{Language: "zh-CN", Name: evil}},
		})
		require.NoError(w, err)
		a := w.begin(program.ID)
		first := w.browser().get(a.URL)
		second := w.browser().click(a.URL, first.html, "确认选择")
		for _, page := range []shown{
			first, second,
			w.browser().get(a.URL + "&program=" + url.QueryEscape(evil) + "&name=" + url.QueryEscape(evil)),
			w.browser().get(strings.Replace(a.URL, "state="+a.State, "state="+url.QueryEscape(evil), 1)),
			w.callback(evil, evil),
		} {
			require.NotContains(w, page.html, "<script")
			require.NotContains(w, page.html, `"><`)
		}
		require.Contains(w, first.html, "&lt;script&gt;alert(1)&lt;/script&gt;")
	})
}

func TestThePagesCannotBeFramedCachedOrLeakTheirAddress(t *testing.T) {
	withFixture(t, func(w *fixture) {
		a := w.begin(w.program().ID)
		first := w.browser().get(a.URL)
		for name, page := range map[string]shown{
			"select": first, "confirm": w.browser().click(a.URL, first.html, "确认选择"),
			"failed": w.callback("x", "y"), "done": w.callback(a.State, w.codeFor(a)),
		} {
			require.Equal(w, "text/html; charset=utf-8", page.header.Get("Content-Type"), name)
			require.Equal(w, "no-store", page.header.Get("Cache-Control"), name)
			require.Equal(w, "no-referrer", page.header.Get("Referrer-Policy"), name)
			policy := page.header.Get("Content-Security-Policy")
			require.Contains(w, policy, "default-src 'none'", name)
			require.Contains(w, policy, "frame-ancestors 'none'", name)
			require.Contains(w, policy, "form-action 'self'", name)
		}
	})
}

// TestOnlyTheSecondButtonAuthorizes: nothing but the confirmation, posted, gives
// a code; a preview that only looks must not.
func TestOnlyTheSecondButtonAuthorizes(t *testing.T) {
	withFixture(t, func(w *fixture) {
		a := w.begin(w.program().ID)
		page, query, _ := strings.Cut(a.URL, "?")
		form, err := url.ParseQuery(query)
		require.NoError(w, err)
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
			for _, step := range []string{"", "select", "else", "confirm"} {
				form.Set("step", step)
				got := w.browser().do(method, page+"?"+form.Encode(), nil)
				require.NotEqual(w, http.StatusSeeOther, got.status, "%s step %q in the address", method, step)
				got = w.browser().do(method, page+"?"+form.Encode(), form)
				if method == http.MethodPost && step == "confirm" {
					require.Equal(w, http.StatusSeeOther, got.status)
					continue
				}
				require.NotEqual(w, http.StatusSeeOther, got.status, "%s step %q", method, step)
				require.Empty(w, got.header.Get("Location"))
			}
		}
		for name, link := range map[string]string{"no state": "program=1", "empty state": "state=", "nothing": ""} {
			got := w.browser().get(page + "?" + link)
			require.Equal(w, http.StatusBadRequest, got.status, name)
			require.Contains(w, got.html, "This link is not complete.")
		}
	})
}

// decline presses the other button of a page.
func (b browser) decline(a *alipayplus.Authorization) shown {
	b.Helper()
	address, _, _ := strings.Cut(a.URL, "?")
	got := b.post(address, url.Values{"state": {a.State}, "step": {"select"}, "decline": {"yes"}})
	if got.status != http.StatusSeeOther {
		return got
	}
	return b.get(b.follow(address, got).String())
}

func TestAnAuthorizationIsDeclined(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		in := alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: cn}
		a := w.begin(program.ID)
		for _, page := range []shown{w.browser().get(a.URL), w.browser().click(a.URL, w.browser().get(a.URL).html, "确认选择")} {
			require.Contains(w, page.html, `name="decline"`)
		}
		waited := make(chan error)
		go func() {
			got, err := w.owner.Authorizations.WaitGranted(w.Context(), in, alipayplus.AuthorizationWait{Interval: time.Second})
			assert.Equal(w, alipayplus.AuthorizationDeclined, got.Status)
			waited <- err
		}()
		time.Sleep(time.Minute)
		for range 2 { // reloaded
			declined := w.browser().decline(a)
			require.Equal(w, http.StatusOK, declined.status)
			require.Contains(w, declined.html, "The authorization was declined.")
		}

		w.Log("Who waits gets to know.")
		err := <-waited
		required, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
		require.True(w, ok, "%v", err)
		require.Equal(w, alipayplus.AuthorizationDeclined, required.Status)
		require.ErrorContains(w, err, "it was declined on the page; call Authorizations.Begin")
		require.Equal(w, &alipayplus.Authorization{ProgramID: program.ID, TargetApp: cn, Status: alipayplus.AuthorizationDeclined}, w.authorization(program.ID))
		_, err = w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: cn})
		required, ok = errors.AsType[*alipayplus.AuthorizationRequiredError](err)
		require.True(w, ok, "%v", err)
		require.Equal(w, alipayplus.AuthorizationDeclined, required.Status)

		w.Log("The page is over, and nothing that was once on it authorizes.")
		address, _, _ := strings.Cut(a.URL, "?")
		got := w.browser().post(address, url.Values{"state": {a.State}, "step": {"confirm"}})
		require.Contains(w, got.html, "The authorization was declined.")
		w.authorize(program.ID)
		require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(program.ID).Status, "it can be asked for again")
	})
}

func TestThePageShowsWhatIsStored(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program, other := w.program(), w.program()
		a := w.begin(program.ID)
		link, err := url.Parse(a.URL)
		require.NoError(w, err)
		require.Equal(w, url.Values{"state": {a.State}}, link.Query(), "the link says nothing else")
		page := w.browser().get(a.URL + "&name=Your+Bank&program=" + other.ID)
		require.Contains(w, page.html, "蓝湖茶")
		require.Contains(w, page.html, "Blue Lake Tea", "the company")
		require.NotContains(w, page.html, "Your Bank")
		require.NotContains(w, page.html, other.ID)

		w.Log("Another mini program cannot be selected on it, nor by a state of another target app.")
		address, _, _ := strings.Cut(a.URL, "?")
		got := w.browser().post(address, url.Values{"state": {a.State}, "step": {"select"}, "program": {other.ID}, "name": {"Your Bank"}})
		require.Equal(w, http.StatusBadRequest, got.status)
		require.NotContains(w, got.html, "Your Bank")
		elsewhere := strings.Replace(a.URL, "ALIPAY_CN", "LAKE_WALLET", 1)
		require.Equal(w, http.StatusNotFound, w.browser().get(elsewhere).status)

		w.Log("The confirmation needs the selection.")
		got = w.browser().post(address, url.Values{"state": {a.State}, "step": {"confirm"}, "program": {program.ID}})
		require.Equal(w, http.StatusConflict, got.status)
		require.Contains(w, got.html, "确认选择", "it shows the first page again")
		require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program.ID).Status)
	}, platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
}

// No link offers a button that leads nowhere.
func TestALinkThatCannotBeUsedSaysSo(t *testing.T) {
	for name, tt := range map[string]struct {
		address func(w *fixture, a *alipayplus.Authorization) string
		status  int
	}{
		"unknown": {func(_ *fixture, a *alipayplus.Authorization) string {
			return strings.Replace(a.URL, a.State, strings.Repeat("A", len(a.State)), 1)
		}, http.StatusNotFound},
		"expired": {func(_ *fixture, a *alipayplus.Authorization) string {
			time.Sleep(15 * time.Minute)
			return a.URL
		}, http.StatusGone},
		"begun anew": {func(w *fixture, a *alipayplus.Authorization) string {
			w.begin(a.ProgramID)
			return a.URL
		}, http.StatusGone},
		"begun anew very often": {func(w *fixture, a *alipayplus.Authorization) string {
			for range 20 {
				w.begin(a.ProgramID)
			}
			return a.URL
		}, http.StatusNotFound},
	} {
		sentence(t, name, func(w *fixture) {
			a := w.begin(w.program().ID)
			address := tt.address(w, a)
			path, query, _ := strings.Cut(address, "?")
			form, err := url.ParseQuery(query)
			require.NoError(w, err)
			for _, step := range []string{"select", "confirm"} {
				form.Set("step", step)
				for _, got := range []shown{w.browser().get(address), w.browser().post(path, form)} {
					require.Equal(w, tt.status, got.status)
					require.NotContains(w, got.html, "<button")
					require.Contains(w, got.html, "Begin the authorization again")
				}
			}
		})
	}
}

func TestTheLinkLeadsToWhereThePlatformIs(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{
		"by the Host of the call": httptest.NewServer, "over TLS": httptest.NewTLSServer,
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t)
			server := start(w.p)
			defer server.Close()
			w.owner = w.remote(server.URL, alipayplus.WithHTTPClient(server.Client()))
			a := w.begin(w.program().ID)
			require.True(t, strings.HasPrefix(a.URL, server.URL+"/"), a.URL)
			require.Equal(t, name == "over TLS", strings.HasPrefix(a.URL, "https://"), a.URL)

			visit(t.Context(), t, server.Client(), a.URL)
			require.Equal(t, alipayplus.AuthorizationGranted, w.authorization(a.ProgramID).Status)
		})
	}
}

func TestAnAuthorizationIsForATargetThatIsThere(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		for _, op := range []contract.Operation{contract.AuthorizationBegin, contract.AuthorizationQuery} {
			got := w.rawClient("olga").call(op, alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: partner, RequestID: "1"})
			require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
			require.Equal(w, []alipayplus.FieldError{{Path: "targetApp", Message: "is no app that this platform releases to; see Workspace.Get"}}, got.Details.Fields)
		}
	})
}

func TestWhatIsNoOperationAndNoPageIsNotThere(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for _, path := range []string{"/", "/authorization", "/api/open/v1/release/query", "/targets"} {
			require.Equal(w, http.StatusNotFound, w.browser().get("http://platform.invalid"+path).status, path)
		}
		require.Equal(w, http.StatusMethodNotAllowed, w.browser().post("http://platform.invalid"+platform.CallbackPath, url.Values{}).status)
	})
}

// slowExchange is an AlipayCN at which something happens while a code is redeemed.
type slowExchange struct {
	*platform.SimulatedAlipayCN
	meanwhile func()
}

func (a *slowExchange) Exchange(ctx context.Context, visit platform.TargetVisit) (*platform.TargetAuthorization, error) {
	a.meanwhile()
	return a.SimulatedAlipayCN.Exchange(ctx, visit)
}

func TestAVisitIsOverWhenTheAuthorizationIsBegunAnewMeanwhile(t *testing.T) {
	app := &slowExchange{SimulatedAlipayCN: platform.NewSimulatedAlipayCN()}
	withFixture(t, func(w *fixture) {
		program := w.program()
		first := w.begin(program.ID)
		code := w.codeFor(first)
		app.meanwhile = func() { w.begin(program.ID) }
		require.Equal(w, http.StatusGone, w.callback(first.State, code).status)
		require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program.ID).Status)
	}, platform.WithTargetBackends(app))
}

// brokenExchange is an AlipayCN that refuses a code when it has done a part of what that is for.
type brokenExchange struct{ *platform.SimulatedAlipayCN }

func (brokenExchange) Exchange(context.Context, platform.TargetVisit) (*platform.TargetAuthorization, error) {
	return nil, fmt.Errorf("%w (%w)", alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown)
}

func TestAnExchangeOfWhichTheOutcomeIsUnknownIsNoRefusal(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first := w.begin(w.program().ID)
		require.Equal(w, http.StatusInternalServerError, w.callback(first.State, w.codeFor(first)).status, "to be tried again")
	}, platform.WithTargetBackends(brokenExchange{platform.NewSimulatedAlipayCN()}))
}
