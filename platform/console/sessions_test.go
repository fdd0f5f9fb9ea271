package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

func (w *fixture) address(who *alipayplus.Client) string {
	w.Helper()
	address, err := who.Sessions.Begin(w.Context(), alipayplus.BeginSessionInput{})
	require.NoError(w, err)
	require.Equal(w, time.Now().Add(time.Minute).UTC(), address.ExpiresAt)
	require.True(w, strings.HasPrefix(address.URL, origin+"/release/console/sign-in?token="), address.URL)
	return address.URL
}

func TestAMemberSignsIn(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.browser().get(w.address(w.owner)).shows("Sign in to the console as:", "olga", "Owner", "Blue Lake Tea")
		b.submit("sign-in", nil)
		require.Equal(w, origin+"/release/console/requests", b.at)
		b.shows("My Requests", "olga", "Blue Lake Tea")
	})
}

func TestAReviewerSignsIn(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.reviewer(alipayplus.PartyAlipayCN))
		require.Equal(w, origin+"/release/console/reviews", b.at)
		b.shows("Reviews to decide", "AlipayCN").hides("My Requests")
		b.get("requests").shows("You may not do this.")
		require.Equal(w, http.StatusForbidden, b.status)
	})
}

func TestAnAddressWorksOnceAndForAMinute(t *testing.T) {
	withFixture(t, func(w *fixture) {
		address := w.address(w.owner)
		first := w.browser().get(address).get(address).shows("olga") // to read it does not use it up
		second := w.browser().get(address)
		first.submit("sign-in", nil).shows("My Requests")
		second.submit("sign-in", nil).shows("This address can no longer be used", "alipayplus console")
		require.Equal(w, http.StatusGone, second.status)
		second.get("requests").shows("You are not signed in")

		late := w.address(w.owner)
		time.Sleep(time.Minute)
		b := w.browser().get(late).shows("This address can no longer be used")
		require.Equal(w, http.StatusGone, b.status)
		b.get("sign-in?token=none").shows("This address can no longer be used")
	})
}

func TestTheCookieIsForThisSiteAlone(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.browser().get(w.address(w.owner))
		w.noRedirects(b)
		b.submit("sign-in", nil)
		cookie := b.header.Get("Set-Cookie")
		for _, attribute := range []string{"; Path=/release/console/", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
			require.Contains(w, cookie, attribute)
		}
	})
}

func (*fixture) noRedirects(b *browser) {
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

func TestASessionEnds(t *testing.T) {
	for name, end := range map[string]func(w *fixture, b *browser){
		"by signing out":             func(_ *fixture, b *browser) { b.submit("sign-out", nil).shows("You have signed out") },
		"after half an hour of rest": func(*fixture, *browser) { time.Sleep(30 * time.Minute) },
		"after twelve hours of work": func(_ *fixture, b *browser) {
			for range 12 * 4 {
				b.get("requests").shows("My Requests")
				time.Sleep(15 * time.Minute)
			}
		},
		"with its member": func(w *fixture, _ *browser) {
			w.member("otto", alipayplus.RoleOwner)
			require.NoError(w, w.p.RemoveMember(w.Context(), w.workspace, "olga"))
		},
		"with a member who comes back": func(w *fixture, _ *browser) {
			w.member("otto", alipayplus.RoleOwner)
			require.NoError(w, w.p.RemoveMember(w.Context(), w.workspace, "olga"))
			w.member("olga", alipayplus.RoleOwner)
		},
		"by another session": func(w *fixture, _ *browser) {
			other := w.signedIn(w.owner).get("sessions")
			require.Equal(w, 2, strings.Count(other.page, "/end\""))
			for _, row := range strings.Split(other.page, "<tr>")[2:] {
				if !strings.Contains(row, "this one") {
					action := formTag.FindStringSubmatch(row)[1]
					other.submit(strings.TrimPrefix(action, "/release/console/"), nil).shows("Where you are signed in")
				}
			}
			require.Equal(w, 1, strings.Count(other.page, "/end\""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			withFixture(t, func(w *fixture) {
				b := w.signedIn(w.owner)
				end(w, b)
				b.get("requests").shows("You are not signed in", "alipayplus console")
				require.Equal(w, http.StatusUnauthorized, b.status)
			})
		})
	}
}

// A page that follows changes by itself keeps no session alive.
func TestAnOpenPageKeepsNoSessionAlive(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		for range 6 {
			time.Sleep(5 * time.Minute)
			b.do(http.MethodGet, "requests", nil, map[string]string{"Console-Follows": "true"})
		}
		b.shows("You are not signed in")
	})
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		values := b.form("sign-out")
		b.do(http.MethodPost, "sign-out", values, map[string]string{"Sec-Fetch-Site": "cross-site"})
		require.Equal(w, http.StatusForbidden, b.status)

		other := w.signedIn(w.owner)
		other.post("sign-out", values) // the token is another session's
		require.Equal(w, http.StatusForbidden, other.status)
		other.shows("This form does not belong to your session")
		other.post("sign-out", url.Values{})
		require.Equal(w, http.StatusForbidden, other.status)
		other.get("requests").shows("My Requests")
	})
}

func TestEveryAnswerIsProtected(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		for _, page := range []string{"requests", "nowhere", "assets/console.css", "sign-in"} {
			b.get(page)
			policy := b.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} {
				require.Contains(w, policy, part, page)
			}
			require.NotContains(w, policy, "unsafe", page)
			require.Equal(w, "nosniff", b.header.Get("X-Content-Type-Options"), page)
			require.Equal(w, "DENY", b.header.Get("X-Frame-Options"), page)
			require.Equal(w, "same-origin", b.header.Get("Referrer-Policy"), page)
		}
		require.Equal(w, http.StatusOK, b.get("requests").status)
		require.NotRegexp(w, `(?i)<style|<script[^>]*>[^<]|\son\w+=|\sstyle=|javascript:`, b.page)
		require.NotRegexp(w, `(?:src|href|action)="https?:`, b.page)
	})
}

// What is done in a session is done by its member, and the audit log says so.
func TestTheAuditLogKnowsSessions(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		b.submit("sign-out", nil)
		var states []string
		for e, err := range w.p.Audit(w.Context(), w.workspace) {
			require.NoError(w, err)
			if e.Kind == "session" {
				require.Equal(w, "olga", e.Who)
				states = append(states, e.To)
			}
		}
		require.Equal(w, []string{"ADDRESS GIVEN", "OPEN", "ENDED"}, states)
	})
}

func TestChoosingALanguageLeadsBack(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner).get("requests?status=APPROVED")
		b.submit("language", url.Values{"language": {"zh"}}).shows("我的申请")
		require.Equal(w, origin+"/release/console/requests?status=APPROVED", b.at)
		require.Equal(w, "zh", b.header.Get("Content-Language"))
		for _, elsewhere := range []string{"//evil.example", "/\\evil.example", "\\\\evil.example"} {
			b.post("language", url.Values{"language": {"en"}, "back": {elsewhere}})
			require.True(w, strings.HasPrefix(b.at, origin+"/release/console/"), b.at)
		}
	})
}

func TestNoConsoleNoSignIn(t *testing.T) {
	p, err := platform.New()
	require.NoError(t, err)
	owner, err := p.AddOwner(t.Context(), company(), "olga")
	require.NoError(t, err)
	_, err = owner.Sessions.Begin(t.Context(), alipayplus.BeginSessionInput{})
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "WithConsole")
}
