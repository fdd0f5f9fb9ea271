package gateway

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/platform"
)

// The apps of a [StandIn].
const (
	// ThirdParty is the app of the platform's operator.
	ThirdParty = "2021000000000002"
	// MiniProgram is the merchant's.
	MiniProgram = "2021000000000001"
)

// StandIn is a stand-in for AlipayCN's gateway, in memory, that a platform calls by
// AlipayCN's own protocol: give its Client as [Options.AlipayCN].
type StandIn struct {
	*alipaycntest.Gateway

	// Client calls it as the third-party app.
	Client *alipaycn.Client
}

// NewStandIn makes a stand-in that approves a version this long after it was applied for.
func NewStandIn(autoReview time.Duration) (*StandIn, error) {
	g, err := alipaycntest.New(alipaycntest.WithAutoReview(autoReview), alipaycntest.WithAnyTemplate())
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	public := signing.PublicKeyPEM(&key.PublicKey)
	if err := g.AddApp(alipaycntest.App{ID: ThirdParty, PublicKey: public, ThirdParty: true}); err != nil {
		return nil, err
	}
	if err := g.AddApp(alipaycntest.App{ID: MiniProgram}); err != nil {
		return nil, err
	}
	client, err := alipaycn.New(
		alipaycn.WithAppID(ThirdParty), alipaycn.WithSigner(key),
		alipaycn.WithAlipayPublicKey(g.AlipayPublicKey()), alipaycn.WithHTTPClient(g.HTTPClient()),
	)
	return &StandIn{Gateway: g, Client: client}, err
}

// AddVersion uploads a version of the mini program to AlipayCN, as its own tools do.
func (s *StandIn) AddVersion(version string) error { return s.Gateway.AddVersion(MiniProgram, version) }

// Authorize does what the merchant does on AlipayCN's page: it lets the platform call
// AlipayCN for the mini program. The page is that of the authorization that was begun on the
// platform.
func (s *StandIn) Authorize(ctx context.Context, p *platform.Platform, begun *alipayplus.Authorization) error {
	code, err := s.AuthorizationCode(ThirdParty, MiniProgram)
	if err != nil {
		return err
	}
	query := url.Values{"app_id": {ThirdParty}, "app_auth_code": {code}, "state": {begun.State}}
	callback := "http://platform.invalid" + platform.CallbackPath + "?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, callback, nil)
	if err != nil {
		return err
	}
	resp, err := p.HTTPClient().Do(req)
	if err != nil {
		return fmt.Errorf("lead back from AlipayCN's page: %w", errors.Unwrap(err))
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("lead back from AlipayCN's page: %s", resp.Status)
	}
	return nil
}
