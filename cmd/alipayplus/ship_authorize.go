package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// authorization in --wait means the page of an authorization.
const authorization = "authorization"

// authorize waits until the platform may call the target app for the mini program: a person
// must visit a page, once.
func (s *shipment) authorize(ctx context.Context) error {
	app := s.manifest.Release.TargetApp
	if target := s.workspace.Target(app); target != nil && !target.NeedsAuthorization {
		return nil
	}
	at := alipayplus.AuthorizationInput{ProgramID: s.program.ID, TargetApp: app}
	known, err := s.client.Authorizations.Get(ctx, at)
	for {
		switch {
		case err != nil:
			return err
		case known.Status == alipayplus.AuthorizationGranted:
			s.page = ""
			s.say("authorized", "for %s", app)
			return nil
		case known.Status != alipayplus.AuthorizationPending || known.URL == "":
			known, err = s.client.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: at.ProgramID, TargetApp: app})
			continue
		}
		known, err = s.visit(ctx, at, known)
		refused, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
		switch {
		case !ok:
		case refused.Status == alipayplus.AuthorizationNone:
			err = nil // its time was up: there is another page
		default:
			s.page = "" // nobody can use it any more
			return fmt.Errorf("%w: mini program %s is %s for %s; the same command asks again, by another page",
				alipayplus.ErrAuthorizationRequired, at.ProgramID, refused.Status, app)
		}
	}
}

// visit shows the page, and waits until somebody has visited it.
func (s *shipment) visit(ctx context.Context, at alipayplus.AuthorizationInput, begun *alipayplus.Authorization) (*alipayplus.Authorization, error) {
	s.page = begun.URL
	s.say("authorize", "log in to %s, open this page, and confirm twice:", at.TargetApp)
	s.sayWhole(begun.URL)
	for _, method := range begun.MissingMethods {
		s.say("", "what was confirmed does not include %s", method)
	}
	if !begun.ExpiresAt.IsZero() {
		s.say("", "it can be used until %s", begun.ExpiresAt.UTC().Format("15:04:05 UTC"))
	}
	if len(s.opts.wait) > 0 && !s.opts.waitsForAuthorization() {
		return begun, &rollout.PendingError{Rollout: "ship", Err: errors.New("an authorization is waited for, which --wait does not name")}
	}
	if s.confirm != nil {
		if err := s.confirm(ctx, begun); err != nil {
			return begun, fmt.Errorf("confirm the authorization: %w", err)
		}
	} else if s.open {
		s.warn("--open", openPage(ctx, begun.URL))
	}
	return s.client.Authorizations.WaitGranted(ctx, at, alipayplus.AuthorizationWait{Interval: s.poll, MaxInterval: s.poll})
}

// openPage opens a page in the browser: that of the variable BROWSER, or the system's.
func openPage(ctx context.Context, page string) error {
	address, err := url.Parse(page)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" {
		return errors.New("the address of the page is none of the web; open it by hand")
	}
	program, args := "xdg-open", []string{page}
	switch {
	case os.Getenv("BROWSER") != "":
		program = os.Getenv("BROWSER")
	case runtime.GOOS == "darwin":
		program = "open"
	case runtime.GOOS == "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	}
	if err := exec.CommandContext(context.WithoutCancel(ctx), program, args...).Start(); err != nil { //nolint:gosec // the user's browser
		return fmt.Errorf("%w; open the page by hand", err)
	}
	return nil
}
