package alipaycntest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Gateway is a stand-in for AlipayCN's gateway and for what is behind it. It is
// an http.Handler and safe for concurrent use. Make one with [New].
type Gateway struct {
	cfg       config
	key       crypto.Signer
	publicKey *rsa.PublicKey
	routes    map[string]route
	faults    inprocess.Queue[Fault]

	mu        sync.Mutex
	apps      map[string]*app
	templates map[string]*template
	tokens    map[string]*grant // by app_auth_token
	codes     map[string]*authCode
	nonces    map[string]time.Time // until when each is refused
	forgotten time.Time            // when nonces were dropped last
	calls     []Call
	serial    int
}

// config is what the options set.
type config struct {
	key            crypto.Signer
	certificate    *cnwire.Certificate
	roots          *cnwire.Roots
	window         time.Duration
	buildDelay     time.Duration
	scanDelay      time.Duration
	autoReview     time.Duration
	autoReviews    bool
	unsignedErrors bool
	grayNeedsApp   bool
	grayRequired   bool
	categories     []alipaycn.Category
	closedList     bool
	anyTemplate    bool
	client         *http.Client
}

// route is an operation and what answers it.
type route struct {
	op     cnwire.Operation
	handle func(*Gateway, *call) (any, error)
	// own: the third-party app calls for itself, without an app_auth_token.
	own bool
}

// New makes a gateway without apps. It makes Alipay's key unless [WithKey] gives
// one, does no I/O and starts nothing. The error names the option that is wrong.
func New(opts ...Option) (*Gateway, error) {
	cfg := config{window: defaultWindow, categories: sampleCategories(), client: &http.Client{}}
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, fmt.Errorf("alipaycntest: %w", err)
		}
	}
	if cfg.key == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("alipaycntest: make Alipay's key: %w", err)
		}
		cfg.key = key
	}
	public, err := signing.CheckSigner(cfg.key)
	if err != nil {
		return nil, fmt.Errorf("alipaycntest: key: %w", err)
	}
	if cfg.certificate != nil && !cfg.certificate.PublicKey.Equal(public) {
		return nil, errors.New("alipaycntest: certificate: it is not that of the key; give WithKey the key that it was made for")
	}
	g := &Gateway{
		cfg: cfg, key: cfg.key, publicKey: public, routes: routes(),
		apps: map[string]*app{}, templates: map[string]*template{}, tokens: map[string]*grant{},
		codes: map[string]*authCode{}, nonces: map[string]time.Time{},
	}
	return g, nil
}

// AlipayPublicKey returns Alipay's public key as PEM: what a client verifies
// answers and notifications with.
func (g *Gateway) AlipayPublicKey() []byte {
	der, err := x509.MarshalPKIXPublicKey(g.publicKey)
	if err != nil {
		panic(err) // an RSA key can be written
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// next makes the number of whatever is numbered.
func (g *Gateway) next() int {
	g.serial++
	return g.serial
}

// routes joins every operation with its handler, by method and path.
func routes() map[string]route {
	all := map[string]route{}
	for _, r := range []route{
		{op: cnwire.VersionUpload, handle: (*Gateway).upload},
		{op: cnwire.VersionBuild, handle: (*Gateway).build},
		{op: cnwire.VersionApply, handle: (*Gateway).apply},
		{op: cnwire.VersionCancelAudit, handle: (*Gateway).cancelAudit},
		{op: cnwire.VersionReturnToDevelopment, handle: (*Gateway).returnToDevelopment},
		{op: cnwire.VersionGray, handle: (*Gateway).gray},
		{op: cnwire.VersionCancelGray, handle: (*Gateway).cancelGray},
		{op: cnwire.VersionPublish, handle: (*Gateway).publish},
		{op: cnwire.VersionTakeOffline, handle: (*Gateway).takeOffline},
		{op: cnwire.VersionRollback, handle: (*Gateway).rollback},
		{op: cnwire.VersionDelete, handle: (*Gateway).remove},
		{op: cnwire.VersionGet, handle: (*Gateway).detail},
		{op: cnwire.VersionList, handle: (*Gateway).list},
		{op: cnwire.BaseInfoGet, handle: (*Gateway).baseInfo},
		{op: cnwire.BaseInfoModify, handle: (*Gateway).modifyBaseInfo},
		{op: cnwire.BaseInfoCheckName, handle: (*Gateway).checkName},
		{op: cnwire.CategoryList, handle: (*Gateway).listCategories},
		{op: cnwire.CategoryRequirements, handle: (*Gateway).requirements},
		{op: cnwire.ExperienceCreate, handle: (*Gateway).createExperience},
		{op: cnwire.ExperienceGet, handle: (*Gateway).experience},
		{op: cnwire.ExperienceCancel, handle: (*Gateway).cancelExperience},
		{op: cnwire.SafeDomainAdd, handle: (*Gateway).addDomain},
		{op: cnwire.SafeDomainRemove, handle: (*Gateway).removeDomain},
		{op: cnwire.MemberAdd, handle: (*Gateway).addMember},
		{op: cnwire.MemberRemove, handle: (*Gateway).removeMember},
		{op: cnwire.MemberList, handle: (*Gateway).listMembers},
		{op: cnwire.QRCodeCreate, handle: (*Gateway).createQRCode},
		{op: cnwire.QRCodeBind, handle: (*Gateway).bindQRCode},
		{op: cnwire.QRCodeList, handle: (*Gateway).listQRCodes},
		{op: cnwire.QRCodeUnbind, handle: (*Gateway).unbindQRCode},
		{op: cnwire.TemplateUsages, handle: (*Gateway).templateUsages, own: true},
		{op: cnwire.AuthorizationToken, handle: (*Gateway).token, own: true},
		{op: cnwire.AuthorizationGet, handle: (*Gateway).tokenInfo, own: true},
	} {
		all[r.op.Method+" "+r.op.Path()] = r
	}
	return all
}
