package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// signInPage asks who follows the address whether to sign in: following it changes nothing,
// so that a program which reads it beforehand does not use it up.
func (v *visit) signInPage() error {
	token := v.r.URL.Query().Get("token")
	who, err := v.platform.SignInFor(v.ctx(), token)
	if err != nil {
		return v.noSignIn(err)
	}
	return v.show("signin", "signin.title", struct {
		Who   *platform.Session
		Token string
	}{who, token})
}

// signIn begins the session.
func (v *visit) signIn() error {
	_, secret, err := v.platform.SignIn(v.ctx(), v.r.PostFormValue("token"))
	if err != nil {
		return v.noSignIn(err)
	}
	v.setCookie(sessionCookie, secret, 0)
	http.Redirect(v.w, v.r, v.path, http.StatusSeeOther)
	return nil
}

// noSignIn says that the address is used up.
func (v *visit) noSignIn(err error) error {
	if !errors.Is(err, alipayplus.ErrUnauthenticated) {
		return err
	}
	v.status = http.StatusGone
	return v.show("signedout", "signin.gone", nil)
}

func (v *visit) setCookie(name, value string, maxAge int) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure where the browser comes over TLS
		Name: name, Value: value, Path: v.path, MaxAge: maxAge,
		HttpOnly: true, Secure: v.secure || v.r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}

// home leads to where most begin: members to their requests, reviewers to what waits.
func (v *visit) home() error {
	to := "requests"
	if v.session.Party != "" {
		to = "reviews"
	}
	http.Redirect(v.w, v.r, v.path+to, http.StatusSeeOther)
	return nil
}

// sessions shows where one is signed in.
func (v *visit) sessions() error {
	all, err := v.session.Sessions(v.ctx())
	if err != nil {
		return err
	}
	return v.show("sessions", "sessions.title", all)
}

func (v *visit) endSession() error {
	id := v.r.PathValue("id")
	if id == v.session.ID {
		return v.signOut()
	}
	return v.done(v.session.End(v.ctx(), id), "sessions", v.sessions)
}

func (v *visit) signOut() error {
	if err := v.session.End(v.ctx(), v.session.ID); err != nil {
		return err
	}
	v.setCookie(sessionCookie, "", -1)
	v.session = nil
	return v.show("signedout", "signedout.bye", nil)
}

// chooseLanguage remembers a language and leads back.
func (v *visit) chooseLanguage() error {
	const year = 365 * 24 * 60 * 60
	if chosen := language(v.r.PostFormValue("language")); chosen.known() {
		v.setCookie(languageCookie, string(chosen), year)
	}
	back := v.r.PostFormValue("back")
	if strings.HasPrefix(back, "/") || strings.Contains(back, "\\") {
		back = ""
	}
	http.Redirect(v.w, v.r, v.path+back, http.StatusSeeOther)
	return nil
}
