package alipaycn

import (
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// Client calls AlipayCN for one app: a third-party app that acts for a merchant
// (see [Client.For]), or a mini program of its own. It is safe for concurrent
// use and starts nothing; make one and keep it, because it keeps the connections.
type Client struct {
	// Versions takes versions of the mini program from upload to release.
	Versions VersionsClient
	// BaseInfo reads and changes name, logo and texts of the mini program.
	BaseInfo BaseInfoClient
	// Categories lists the categories and what each needs.
	Categories CategoriesClient
	// Experience makes trial versions.
	Experience ExperienceClient
	// SafeDomains are the servers that the mini program may talk to.
	SafeDomains SafeDomainsClient
	// Members are the people who may develop and try the mini program.
	Members MembersClient
	// QRCodes makes QR codes, and binds existing ones.
	QRCodes QRCodesClient
	// Templates lists the mini programs built from a template.
	Templates TemplatesClient
	// Orders works on what merchants order in AlipayCN's service market.
	Orders OrdersClient
	// Authorization gets tokens for merchants who authorized the third-party app.
	Authorization AuthorizationClient

	*settings
	// token is the app_auth_token, empty: the app acts for itself. It is a secret,
	// and behind a pointer no way of printing a client shows it.
	token *string
}

// settings are what all copies of a client share.
type settings struct {
	origin         string
	appID          string
	signer         crypto.Signer
	trust          trust
	downloads      *downloads
	aes            *cnwire.AESKey
	expiredSeconds int
	// maxSkew is how far the time of a success may be from now.
	maxSkew   time.Duration
	transport *transport.Transport
	// operations are called when an operation begins.
	operations transport.Operations[Operation]
	// reconcileBackoff is the wait before the state is read after an unknown outcome; attempts is
	// how often a call is sent at most.
	reconcileBackoff backoff
	attempts         int
	now              func() time.Time
	// nonce makes what is new in each attempt.
	nonce func() string
}

// New makes a client. It needs an app id, a signer, and either Alipay's public
// key or the certificates; see [NewFromEnv] for taking them from the
// environment. It does no I/O. The error is an [alipayplus.ValidationError] that
// names every option that is missing or wrong.
func New(opts ...Option) (*Client, error) {
	cfg := defaultConfig()
	var p problems
	for _, opt := range opts {
		p.AddError(opt(&cfg))
	}
	cfg.check(&p)
	if err := p.err("client options"); err != nil {
		return nil, err
	}
	shared := &settings{
		origin: cfg.origin, appID: cfg.appID, signer: cfg.signer, trust: cfg.trust, downloads: &downloads{}, aes: cfg.aes,
		expiredSeconds: cfg.expiredSeconds, maxSkew: cfg.maxSkew, transport: transport.New(cfg.transport), operations: cfg.operations,
		reconcileBackoff: backoff{cfg.transport.MinWait, cfg.transport.MaxWait},
		attempts:         cfg.transport.Attempts,
		now:              cfg.now, nonce: rand.Text,
	}
	return shared.client(cfg.token), nil
}

// For returns a client that acts for the merchant who granted appAuthToken. It
// is cheap: connections, limits and keys are those of c. An empty token is the
// app itself.
func (c *Client) For(appAuthToken string) *Client { return c.client(appAuthToken) }

// ForApp is [Client.For] with the token that the store holds for a merchant's
// app. The error matches [ErrNoToken] when it holds none.
func (c *Client) ForApp(ctx context.Context, store TokenStore, authAppID string) (*Client, error) {
	token, err := store.Get(ctx, authAppID)
	if err != nil {
		return nil, fmt.Errorf("client for app %q: %w", authAppID, err)
	}
	return c.For(token.AppAuthToken), nil
}

// AppID returns the app that calls: the third-party app, or the mini program itself.
func (c *Client) AppID() string { return c.appID }

// Endpoint returns the address of the gateway that is called, such as [Production].
func (c *Client) Endpoint() string { return c.origin }

// String describes the client without its secrets.
func (c Client) String() string {
	if c.settings == nil {
		return "alipaycn client that was not made"
	}
	return "alipaycn client of app " + c.appID
}

// GoString is String: %#v keeps the secrets too.
func (c Client) GoString() string { return c.String() }

func (s *settings) client(token string) *Client {
	c := &Client{settings: s, token: &token}
	c.Versions = VersionsClient{c}
	c.BaseInfo = BaseInfoClient{c}
	c.Categories = CategoriesClient{c}
	c.Experience = ExperienceClient{c}
	c.SafeDomains = SafeDomainsClient{c}
	c.Members = MembersClient{c}
	c.QRCodes = QRCodesClient{c}
	c.Templates = TemplatesClient{c}
	c.Orders = OrdersClient{c}
	c.Authorization = AuthorizationClient{c}
	return c
}
