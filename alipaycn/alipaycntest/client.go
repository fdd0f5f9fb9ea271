package alipaycntest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Client adds an app with a key that is made for it, which takes a moment, and returns a
// client that calls the gateway in process for it. a.PublicKey and a.Certificate must be
// empty. opts come last, so they may replace the retries or add an observer.
func (g *Gateway) Client(a App, opts ...alipaycn.Option) (*alipaycn.Client, error) {
	if len(a.PublicKey) > 0 || len(a.Certificate) > 0 {
		return nil, fmt.Errorf("alipaycntest: client: app %.32q has a key already; use AddApp and alipaycn.New", a.ID)
	}
	key, err := rsa.GenerateKey(rand.Reader, signing.MinBits)
	if err != nil {
		return nil, fmt.Errorf("alipaycntest: client: make a key: %w", err)
	}
	a.PublicKey = signing.PublicKeyPEM(&key.PublicKey)
	if err := g.AddApp(a); err != nil {
		return nil, err
	}
	return alipaycn.New(append([]alipaycn.Option{
		alipaycn.WithAppID(a.ID), alipaycn.WithSigner(key),
		alipaycn.WithAlipayPublicKey(g.AlipayPublicKey()), alipaycn.WithHTTPClient(g.HTTPClient()),
	}, opts...)...)
}

// Confirm does on an authorization page what a merchant does who chooses the mini
// program and confirms: it takes a code, and has the browser come back with it to the
// address that the page names. page is [alipaycn.AuthorizationLinks].PC; browser reaches
// the address that it leads back to. methods are those of [Gateway.Authorize].
func (g *Gateway) Confirm(ctx context.Context, browser *http.Client, page, appID string, methods ...string) error {
	back, err := g.comeBack(page, appID, methods)
	if err != nil {
		return fmt.Errorf("alipaycntest: confirm: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, back, nil)
	if err != nil {
		return fmt.Errorf("alipaycntest: confirm: %w", err)
	}
	resp, err := browser.Do(req)
	if err != nil {
		return errors.New("alipaycntest: confirm: nobody answers at the address that the page leads back to") // the error holds the code
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("alipaycntest: confirm: the page that it leads back to answered %s", resp.Status)
	}
	return nil
}

// comeBack is where the page leads back to, with a code.
func (g *Gateway) comeBack(page, appID string, methods []string) (string, error) {
	link, err := url.Parse(page)
	if err != nil {
		return "", errors.New("the page is no address")
	}
	asked, err := cnwire.ParseAuthorizationRequest(link)
	if err != nil {
		return "", err
	}
	code, err := g.AuthorizationCode(asked.AgentOpParam.ISVAppID, appID, methods...)
	if err != nil {
		return "", err
	}
	return ledBack(asked.AgentOpParam, url.Values{"app_auth_code": {code}})
}
