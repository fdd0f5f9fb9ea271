package alipayplus

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// Client calls the platform for one member of a workspace. It is safe for
// concurrent use, holds no state of the platform, and starts nothing; make one
// and keep it, because it keeps the connections.
type Client struct {
	// Workspace reads the workspace: company, role, limits.
	Workspace WorkspaceClient
	// Programs works on mini programs, their languages, configuration and versions.
	Programs ProgramsClient
	// Releases takes versions of mini programs to a target app.
	Releases ReleasesClient
	// Authorizations lets the platform call the target app's APIs.
	Authorizations AuthorizationsClient
	// Services releases services to the Service Market.
	Services ServicesClient
	// Market reads the services of all workspaces that are online.
	Market MarketClient
	// Orders places and follows orders of services, and takes them on.
	Orders OrdersClient
	// Requests follows release requests.
	Requests RequestsClient
	// Reviews gives verdicts; for reviewers only.
	Reviews ReviewsClient
	// QRCodes makes QR codes of released mini programs.
	QRCodes QRCodesClient
	// Files uploads images and packages.
	Files FilesClient
	// Sessions opens the console in the browser.
	Sessions SessionsClient

	endpoint   endpoint
	clientID   string
	signer     crypto.Signer
	keyVersion string
	platform   platformKeys
	timeFormat TimeFormat
	maxSkew    time.Duration
	transport  *transport.Transport
	operations transport.Operations[Operation]
}

// errNotMade is the error of the zero Client, which has neither an address nor a key.
var errNotMade = fmt.Errorf("%w: the client was not made; make it with New or NewFromEnv", ErrInvalid)

// endpoint is where operations are: the address to send to and the path to sign.
type endpoint struct {
	address string
	path    string
}

func newEndpoint(base *url.URL) endpoint {
	trimmed := strings.TrimRight(base.EscapedPath(), "/")
	origin := url.URL{Scheme: base.Scheme, Host: base.Host}
	path := trimmed + contract.Prefix
	return endpoint{address: origin.String() + path, path: path}
}

// resolve makes an address of the platform absolute that it gave without its own: the
// platform is where the client calls it.
func (e endpoint) resolve(address string) string {
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
		return address
	}
	return strings.TrimSuffix(e.address, contract.Prefix) + address
}

// platformKeys are the platform's public keys by version.
type platformKeys struct {
	byVersion map[string]*rsa.PublicKey
	newest    string
}

// find returns the key of a version; an answer that names none means the newest.
func (k platformKeys) find(version string) (*rsa.PublicKey, bool) {
	if version == "" {
		version = k.newest
	}
	key, ok := k.byVersion[version]
	return key, ok
}

// New makes a client. It needs a base URL, a client id, a signer and at least
// one platform key; see [NewFromEnv] for taking them from the environment. It
// does no I/O. The error is a [ValidationError] that names every option that is
// missing or wrong.
func New(opts ...Option) (*Client, error) {
	cfg := defaultConfig()
	var p problems
	for i, opt := range opts {
		if opt == nil {
			p.Add(fmt.Sprintf("options[%d]", i), "must not be nil")
			continue
		}
		p.AddError(opt(&cfg))
	}
	cfg.check(&p)
	if err := invalid("client options", p); err != nil {
		return nil, err
	}
	return cfg.client(), nil
}

func (cfg *config) client() *Client {
	c := &Client{
		endpoint:   newEndpoint(cfg.baseURL),
		clientID:   cfg.clientID,
		signer:     cfg.signer,
		keyVersion: cfg.keyVersion,
		platform:   cfg.platform,
		timeFormat: cfg.timeFormat,
		maxSkew:    cfg.maxSkew,
		transport:  transport.New(cfg.transport),
		operations: cfg.operations,
	}
	c.Workspace = WorkspaceClient{c}
	c.Programs = ProgramsClient{c}
	c.Releases = ReleasesClient{c}
	c.Authorizations = AuthorizationsClient{c}
	c.Services = ServicesClient{c}
	c.Market = MarketClient{c}
	c.Orders = OrdersClient{c}
	c.Requests = RequestsClient{c}
	c.Reviews = ReviewsClient{c}
	c.QRCodes = QRCodesClient{c}
	c.Files = FilesClient{c}
	c.Sessions = SessionsClient{c}
	return c
}
