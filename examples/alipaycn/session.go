package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
)

// The apps of the stand-in that this program starts in itself.
const (
	standInThirdParty = "2021000000000002"
	standInProgram    = "2021000000000001"
)

// session is a client and what goes with it.
type session struct {
	client   *alipaycn.Client
	where    string
	caller   string // the app that calls
	appID    string // the mini program; the caller until a token says otherwise
	hasToken bool
	merchant func() (code string, err error) // authorizes; nil: a person does
}

// open makes a client from the ALIPAYCN_ variables, or for a stand-in in this
// process when there is no ALIPAYCN_APP_ID.
func open(opts options) (*session, error) {
	caller := os.Getenv("ALIPAYCN_APP_ID")
	if caller == "" && os.Getenv("ALIPAYCN_ENDPOINT") == "" {
		return standIn(opts.version)
	}
	client, err := alipaycn.NewFromEnv()
	if err != nil {
		return nil, err
	}
	where := os.Getenv("ALIPAYCN_ENDPOINT")
	if where == "" {
		where = "AlipayCN"
	}
	hasToken := os.Getenv("ALIPAYCN_APP_AUTH_TOKEN")+os.Getenv("ALIPAYCN_APP_AUTH_TOKEN_FILE") != ""
	return &session{client: client, where: where, caller: caller, appID: caller, hasToken: hasToken}, nil
}

// standIn starts a gateway in this process with a third-party app and a
// merchant's mini program.
func standIn(version string) (*session, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	g, err := alipaycntest.New(alipaycntest.WithAutoReview(time.Second))
	if err != nil {
		return nil, err
	}
	for _, app := range []alipaycntest.App{{ID: standInThirdParty, PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), ThirdParty: true}, {ID: standInProgram}} {
		if err := g.AddApp(app); err != nil {
			return nil, err
		}
	}
	if err := g.AddVersion(standInProgram, version); err != nil {
		return nil, err
	}
	client, err := alipaycn.New(
		alipaycn.WithAppID(standInThirdParty), alipaycn.WithSigner(key),
		alipaycn.WithAlipayPublicKeyText(g.AlipayPublicKey()), alipaycn.WithHTTPClient(g.HTTPClient()),
	)
	if err != nil {
		return nil, err
	}
	return &session{
		client: client, where: "a stand-in for AlipayCN in this process", caller: standInThirdParty, appID: standInProgram,
		merchant: func() (string, error) { return g.AuthorizationCode(standInThirdParty, standInProgram) },
	}, nil
}

// authorize shows how a merchant authorizes a third-party app, and gets a token
// when there is a code. Without token and code the app calls for itself, which a
// mini program of one's own may.
func (s *session) authorize(ctx context.Context, opts options, show *console.Console) error {
	if s.hasToken {
		return s.lookAtToken(ctx, os.Getenv("ALIPAYCN_APP_AUTH_TOKEN"), show)
	}
	links, err := alipaycn.AuthorizationURL(alipaycn.AuthorizationInput{ISVAppID: s.caller, RedirectURL: opts.redirect})
	if err != nil {
		return err
	}
	show.Step("no token: a merchant authorizes a third-party app under")
	show.Detail("%s", links.PC)
	show.Detail("and comes back to %s?app_auth_code=CODE; then run this with -code CODE", opts.redirect)
	code := opts.code
	if code == "" && s.merchant != nil {
		if code, err = s.merchant(); err != nil {
			return err
		}
		show.Step("the stand-in's merchant has authorized")
	}
	if code == "" {
		show.Step("no code: the app calls for itself, as a mini program of one's own may")
		return nil
	}
	tokens, err := s.client.Authorization.Exchange(ctx, code)
	if err != nil {
		return err
	}
	if err := s.lookAtToken(ctx, tokens.AppAuthToken, show); err != nil {
		return err
	}
	s.client, s.appID = s.client.For(tokens.AppAuthToken), tokens.AuthAppID
	return nil
}

// lookAtToken tells what a token allows. A release needs the whole family of
// calls; which are missing is better known now than half-way.
func (s *session) lookAtToken(ctx context.Context, token string, show *console.Console) error {
	if token == "" {
		return nil // it is in a file that the client alone has read
	}
	info, err := s.client.Authorization.Query(ctx, token)
	if err != nil {
		return optional(ctx, show, "look at the token", err)
	}
	s.appID = info.AuthAppID
	if missing := info.MissingMethods(); len(missing) > 0 {
		return fmt.Errorf("the merchant has not authorized %v; let the merchant authorize again", missing)
	}
	show.Step("authorized for %s", info.AuthAppID)
	return nil
}
