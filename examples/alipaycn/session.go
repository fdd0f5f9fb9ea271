package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	client     *alipaycn.Client
	where      string
	production bool                            // AlipayCN itself is called
	caller     string                          // the app that calls
	appID      string                          // the mini program; the caller until a token says otherwise
	token      string                          // the merchant's; empty: there is none yet
	merchant   func() (code string, err error) // authorizes; nil: a person does
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
	token, err := tokenFromEnv()
	if err != nil {
		return nil, err
	}
	endpoint := os.Getenv("ALIPAYCN_ENDPOINT")
	return &session{
		client: client, where: cmp.Or(endpoint, "AlipayCN"), production: endpoint == "" || endpoint == alipaycn.Production,
		caller: caller, appID: caller, token: token,
	}, nil
}

// tokenFromEnv is the token that the client has taken from the environment.
func tokenFromEnv() (string, error) {
	token := []byte(os.Getenv("ALIPAYCN_APP_AUTH_TOKEN"))
	if path := os.Getenv("ALIPAYCN_APP_AUTH_TOKEN_FILE"); path != "" {
		var err error
		if token, err = os.ReadFile(path); err != nil { //nolint:gosec // the path is the user's own
			return "", err
		}
	}
	return string(bytes.TrimSpace(token)), nil
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
		alipaycn.WithAlipayPublicKey(g.AlipayPublicKey()), alipaycn.WithHTTPClient(g.HTTPClient()),
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
	if s.token != "" {
		return nil
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
	if s.merchant == nil {
		if s.token, err = s.exchangeOnce(ctx, code, opts.credentials, show); err != nil {
			return err
		}
		s.client = s.client.For(s.token)
		return nil
	}
	tokens, err := s.client.Authorization.Exchange(ctx, code)
	if err != nil {
		return err
	}
	s.client, s.appID, s.token = s.client.For(tokens.AppAuthToken), tokens.AuthAppID, tokens.AppAuthToken
	return nil
}

// exchangeOnce keeps the token in a file, readable by its owner alone, because a
// code works once: run again with the same code, it is found there.
func (s *session) exchangeOnce(ctx context.Context, code, folder string, show *console.Console) (token string, err error) {
	sum := sha256.Sum256([]byte(code))
	path := filepath.Join(folder, fmt.Sprintf("app-auth-token-%x", sum[:4]))
	kept, err := os.ReadFile(path)
	if err == nil {
		show.Step("the token for this code is in %s", path)
		return string(bytes.TrimSpace(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil { // before the code is used up
		return "", err
	}
	tokens, err := s.client.Authorization.Exchange(ctx, code)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(tokens.AppAuthToken+"\n"), 0o600); err != nil {
		return "", err
	}
	show.Step("the token is kept in %s: give it in ALIPAYCN_APP_AUTH_TOKEN_FILE from now on", path)
	return tokens.AppAuthToken, nil
}

// needed are the calls without which there is no release, by AlipayCN's names.
func needed() []string {
	return []string{
		"alipay.open.mini.version.audit.apply", "alipay.open.mini.version.detail.query",
		"alipay.open.mini.version.gray.online", "alipay.open.mini.version.online",
	}
}

// lookAtToken tells what the token allows: what is missing is better known now
// than half-way.
func (s *session) lookAtToken(ctx context.Context, show *console.Console) error {
	if s.token == "" {
		return nil
	}
	info, err := s.client.Authorization.Query(ctx, s.token)
	if err != nil {
		return optional(ctx, show, "a look at what the token allows", err)
	}
	missing := slices.DeleteFunc(info.MissingMethods(), func(api string) bool { return !slices.Contains(needed(), api) })
	if len(missing) > 0 {
		return fmt.Errorf("the merchant has not authorized %s; let the merchant authorize again", strings.Join(missing, ", "))
	}
	s.appID = cmp.Or(info.AuthAppID, s.appID)
	show.Step("authorized for %s", s.appID)
	return nil
}
