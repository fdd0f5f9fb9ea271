package alipaycntest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
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
	pages     *html.Template
	faults    inprocess.Queue[Fault]

	mu        sync.Mutex
	apps      map[string]*app
	templates map[string]*template
	tokens    map[string]*grant // by app_auth_token
	codes     map[string]*authCode
	orders    map[string]*order
	nonces    map[string]time.Time // until when each is refused
	forgotten time.Time            // when nonces were dropped last
	calls     []Call
	serial    int
}

// config is what the options set.
type config struct {
	key         crypto.Signer
	certificate *cnwire.Certificate
	// certificateText is what a client downloads.
	certificateText []byte
	roots           *cnwire.Roots
	window          time.Duration
	buildDelay      time.Duration
	scanDelay       time.Duration
	autoReview      time.Duration
	autoReviews     bool
	unsignedErrors  bool
	grayNeedsApp    bool
	grayRequired    bool
	categories      []alipaycn.Category
	closedList      bool
	anyTemplate     bool
	client          *http.Client

	encryptNotifications bool
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
		cfg: cfg, key: cfg.key, publicKey: public, routes: routes(), pages: pageTemplates(),
		apps: map[string]*app{}, templates: map[string]*template{}, tokens: map[string]*grant{},
		codes: map[string]*authCode{}, orders: map[string]*order{}, nonces: map[string]time.Time{},
	}
	return g, nil
}

// AlipayPublicKey returns Alipay's public key as PEM: what a client verifies
// answers and notifications with.
func (g *Gateway) AlipayPublicKey() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return signing.PublicKeyPEM(g.publicKey)
}

// ChangeCertificate replaces Alipay's key and certificate, as Alipay does before a
// certificate ends. The gateway must have been made with [WithCertificates].
func (g *Gateway) ChangeCertificate(key crypto.Signer, alipay []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	public, err := signing.CheckSigner(key)
	if err != nil {
		return fmt.Errorf("alipaycntest: change the certificate: %w", err)
	}
	certificate, err := cnwire.ParseCertificate(alipay)
	switch {
	case g.cfg.certificate == nil:
		return errors.New("alipaycntest: change the certificate: there is none; make the gateway with WithCertificates")
	case err != nil:
		return fmt.Errorf("alipaycntest: change the certificate: %w", err)
	case !certificate.PublicKey.Equal(public):
		return errors.New("alipaycntest: change the certificate: it is not that of the key")
	}
	g.key, g.publicKey, g.cfg.certificate, g.cfg.certificateText = key, public, certificate, bytes.Clone(alipay)
	return nil
}

// identity is what Alipay signs with, and the serial of the certificate, "" without one.
func (g *Gateway) identity() (key crypto.Signer, serial string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cfg.certificate != nil {
		serial = g.cfg.certificate.SN
	}
	return g.key, serial
}

// downloadCertificate answers with Alipay's certificate; the answer is not signed.
func (g *Gateway) downloadCertificate(c *call) (any, error) {
	switch serial := c.text("alipay_cert_sn"); {
	case serial == "":
		return nil, refuse("missing-alipay-cert-sn", "alipay_cert_sn is empty")
	case g.cfg.certificate == nil || serial != g.cfg.certificate.SN:
		return nil, refuse("alipay-cert-not-exist", "there is no certificate %.64q", serial)
	}
	return map[string]string{"alipay_cert_content": base64.StdEncoding.EncodeToString(g.cfg.certificateText)}, nil
}

// HTTPClient returns an HTTP client whose every request goes to the gateway in
// process, whatever its host, without a socket.
func (g *Gateway) HTTPClient() *http.Client {
	return &http.Client{Transport: inprocess.Transport{Handler: g}}
}

// App is an app of AlipayCN: a mini program, or a third-party app that acts for
// mini programs.
type App struct {
	// ID is the app id. Required.
	ID string
	// PublicKey is the app's public key, as PEM or bare base64, with which its
	// requests are verified. Empty: the app does not call itself, unless there is
	// a Certificate.
	PublicKey []byte
	// Certificate is the app's certificate as PEM, instead of PublicKey: then its
	// requests must name it.
	Certificate []byte
	// AESKey is the app's AES key as the console shows it; empty: none.
	AESKey []byte
	// ThirdParty: it is a third-party app.
	ThirdParty bool
	// MerchantID is the Alipay user id of its owner, who logs in with it on the
	// authorization page; empty: a generated one.
	MerchantID string
	// BaseInfo is what is saved about a mini program at the start; with an AppName, it
	// is offered in China.
	BaseInfo alipaycn.BaseInfo
	// RedirectURL is the callback address (授权回调地址) that is configured for a third-party
	// app: the authorization page leads to no other; empty: to any.
	RedirectURL string
	// NoFiling: the ICP filing is not done, so a version goes online only
	// restricted, with permit_registration_limit_release or auto_online.
	NoFiling bool
}

// app is an app and all that belongs to it.
type app struct {
	id         string
	key        *rsa.PublicKey
	certSN     string
	aes        *cnwire.AESKey
	thirdParty bool
	merchant   string
	redirect   string
	noFiling   bool
	releases   int // how often a version went online
	base       alipaycn.BaseInfo
	categories []alipaycn.CategoryPath
	old        []alipaycn.CategoryPath
	region     alipaycn.RegionType
	regions    []alipaycn.Region
	versions   []*version
	members    []alipaycn.Member
	logons     map[string]string // logon id by "role user id"
	rules      []alipaycn.QRCodeRule
	effects    map[string]int
}

// AddApp adds an app. The error names the field that is wrong.
func (g *Gateway) AddApp(a App) error {
	added := &app{
		id: a.ID, thirdParty: a.ThirdParty, merchant: a.MerchantID, redirect: a.RedirectURL, noFiling: a.NoFiling, base: a.BaseInfo,
		logons: map[string]string{}, effects: map[string]int{},
	}
	added.base.SafeDomains, added.base.PackageNames = slices.Clone(a.BaseInfo.SafeDomains), slices.Clone(a.BaseInfo.PackageNames)
	if a.BaseInfo.AppName != "" { // it was applied for before
		added.region = alipaycn.RegionChina
	}
	if err := added.read(a); err != nil {
		return fmt.Errorf("alipaycntest: add app %.32q: %w", a.ID, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.apps[a.ID] != nil {
		return fmt.Errorf("alipaycntest: add app %.32q: it exists already", a.ID)
	}
	if added.merchant == "" {
		added.merchant = fmt.Sprintf("2088%012d", g.next())
	}
	g.apps[a.ID] = added
	return nil
}

func (a *app) read(from App) (err error) {
	if from.ID == "" || strings.Trim(from.ID, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return errors.New("field ID: must be letters, digits, _ and -")
	}
	switch {
	case len(from.Certificate) > 0:
		certificate, err := cnwire.ParseCertificate(from.Certificate)
		if err != nil {
			return fmt.Errorf("field Certificate: %w", err)
		}
		a.key, a.certSN = certificate.PublicKey, certificate.SN
	case len(from.PublicKey) > 0:
		if a.key, err = signing.ParsePublicKey(from.PublicKey); err != nil {
			return fmt.Errorf("field PublicKey: %w", err)
		}
	}
	if len(from.AESKey) > 0 {
		if a.aes, err = cnwire.ParseAESKey(from.AESKey); err != nil {
			return fmt.Errorf("field AESKey: %w", err)
		}
	}
	return nil
}

// Call is one call that reached the gateway, for [Gateway.Calls].
type Call struct {
	// Operation is the operation, for example "versions.apply"; empty when the
	// gateway knows none with that method and path.
	Operation string
	// AppID is the app that called; empty when that was not clear.
	AppID string
	// MiniAppID is the mini program that the call was for; empty when that was
	// not clear, and for operations that are for none.
	MiniAppID string
	// RequestID is the header alipay-request-id.
	RequestID string
	// TraceID is the trace id of the answer.
	TraceID string
	// At is when the call came in.
	At time.Time
	// Status is the HTTP status of the answer; 0 when the connection was cut.
	Status int
	// Code is the error code of the answer; empty for a success and a page.
	Code alipaycn.Code
}

// Calls returns what was called, in the order in which the calls came in.
func (g *Gateway) Calls() []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Call(nil), g.calls...)
}

// Effects returns how often each write took effect on an app, by operation, for
// example {"versions.apply": 1}. Those of authorization.token and of orders, but for
// orders.confirmItem, count for the third-party app, all others for the mini program. It is
// nil for an unknown app.
func (g *Gateway) Effects(appID string) map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.apps[appID]
	if a == nil {
		return nil
	}
	effects := map[string]int{}
	for _, op := range cnwire.Operations() {
		if n := a.effects[op.Name]; n > 0 {
			effects[op.Name] = n
		}
	}
	return effects
}

// maxBody is the largest body that is read. A body of 150 MB is known to be
// refused with 413; the limit is not documented.
const maxBody = 100 << 20

// ServeHTTP answers one call, or shows the authorization page.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == cnwire.AuthorizePCPath || r.URL.Path == cnwire.AuthorizePhonePath {
		g.servePage(w, r)
		return
	}
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, picturePath) {
		servePicture(w)
		return
	}
	trace := rand.Text()
	route := g.routes[r.Method+" "+r.URL.Path]
	entry := g.record(Call{Operation: route.op.Name, RequestID: r.Header.Get("Alipay-Request-Id"), TraceID: trace, At: time.Now()})
	fault := g.faults.Take(route.op.Name)
	a := fault.before(r)
	if a == nil {
		processed := g.process(r, route, entry)
		a = fault.after()
		if a == nil {
			a = &processed
		}
	}
	g.amend(entry, func(c *Call) { c.Status, c.Code = a.status, a.code })
	g.send(w, *a, trace, fault)
}

// process verifies and carries out a call.
func (g *Gateway) process(r *http.Request, route route, entry int) answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		panic(http.ErrAbortHandler) // the caller hung up
	case len(body) > maxBody:
		return *pageAnswer(http.StatusRequestEntityTooLarge)
	}
	c, err := g.verify(r, route, body)
	if c != nil {
		c.origin = originOf(r)
		g.amend(entry, func(e *Call) { e.AppID, e.MiniAppID = c.caller.id, c.miniID() })
	}
	if err != nil {
		return errorAnswer(err)
	}
	a, err := g.carryOut(route, c)
	if err != nil {
		return errorAnswer(err)
	}
	a.aes, a.unsigned = c.aes, route.op == cnwire.CertificateDownload
	return a
}

// carryOut runs the operation, all of it or nothing.
func (g *Gateway) carryOut(route route, c *call) (answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.now = time.Now()
	if c.app != nil {
		g.advance(c.app, c.now)
	}
	out, err := route.handle(g, c)
	if err != nil {
		return answer{}, err
	}
	if route.op.Write {
		c.owner().effects[route.op.Name]++
	}
	return successAnswer(out)
}

func (g *Gateway) record(c Call) (entry int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, c)
	return len(g.calls) - 1
}

func (g *Gateway) amend(entry int, change func(*Call)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.calls[entry])
}

// next returns a number that was not used before.
func (g *Gateway) next() int {
	g.serial++
	return g.serial
}

// route is an operation and its handler.
type route struct {
	op     cnwire.Operation
	handle func(*Gateway, *call) (any, error)
	// own: the third-party app calls for itself, without an app_auth_token.
	own bool
}

// routes returns every operation with its handler, by method and path.
func routes() map[string]route {
	all := map[string]route{}
	for _, r := range []route{
		{op: cnwire.VersionUpload, handle: (*Gateway).upload},
		{op: cnwire.VersionBuild, handle: (*Gateway).build},
		{op: cnwire.VersionApply, handle: (*Gateway).apply},
		{op: cnwire.VersionCancelAudit, handle: (*Gateway).cancelAudit},
		{op: cnwire.VersionReturnToDevelopment, handle: ofVersion(alipaycn.CodeMiniAppVersionMissing, (*Gateway).returnToDevelopment)},
		{op: cnwire.VersionGray, handle: ofVersion(alipaycn.CodeMiniAppVersionMissing, (*Gateway).gray)},
		{op: cnwire.VersionCancelGray, handle: ofVersion(alipaycn.CodeMiniAppVersionNotExist, (*Gateway).cancelGray)},
		{op: cnwire.VersionPublish, handle: ofVersion(alipaycn.CodeMiniAppVersionNotExist, (*Gateway).publish)},
		{op: cnwire.VersionTakeOffline, handle: ofVersion(alipaycn.CodeMiniAppVersionNotExist, (*Gateway).takeOffline)},
		{op: cnwire.VersionRollback, handle: ofVersion(alipaycn.CodeMiniAppPackageInfoNotExist, (*Gateway).rollback)},
		{op: cnwire.VersionDelete, handle: (*Gateway).remove},
		{op: cnwire.VersionGet, handle: (*Gateway).detail},
		{op: cnwire.VersionList, handle: (*Gateway).list},
		{op: cnwire.BaseInfoGet, handle: (*Gateway).baseInfo},
		{op: cnwire.BaseInfoModify, handle: (*Gateway).modifyBaseInfo},
		{op: cnwire.BaseInfoCheckName, handle: (*Gateway).checkName},
		{op: cnwire.CategoryList, handle: (*Gateway).listCategories},
		{op: cnwire.CategoryRequirements, handle: (*Gateway).requirements},
		{op: cnwire.ExperienceCreate, handle: ofVersion(alipaycn.CodeMiniAppPackageInfoNotExist, (*Gateway).createExperience)},
		{op: cnwire.ExperienceGet, handle: (*Gateway).experience},
		{op: cnwire.ExperienceCancel, handle: ofVersion(alipaycn.CodeMiniAppPackageInfoNotExist, (*Gateway).cancelExperience)},
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
		{op: cnwire.OrderCreate, handle: (*Gateway).createOrder, own: true},
		{op: cnwire.OrderGet, handle: (*Gateway).getOrder, own: true},
		{op: cnwire.OrderAccept, handle: (*Gateway).acceptOrder, own: true},
		{op: cnwire.OrderReject, handle: (*Gateway).rejectOrder, own: true},
		{op: cnwire.OrderCompleteItem, handle: (*Gateway).completeItem, own: true},
		{op: cnwire.OrderConfirmItem, handle: (*Gateway).confirmItem},
		{op: cnwire.OrderCancelItem, handle: (*Gateway).cancelItem, own: true},
		{op: cnwire.AuthorizationToken, handle: (*Gateway).token, own: true},
		{op: cnwire.AuthorizationGet, handle: (*Gateway).tokenInfo, own: true},
		{op: cnwire.CertificateDownload, handle: (*Gateway).downloadCertificate, own: true},
	} {
		all[r.op.Method+" "+r.op.Path()] = r
	}
	return all
}

// answer is what is sent, before it is signed.
type answer struct {
	status int
	body   []byte
	code   alipaycn.Code  // of an error
	html   bool           // a page of a proxy: never signed
	aes    *cnwire.AESKey // encrypts a success; may be nil

	unsigned bool // AlipayCN does not sign this one
}

// refusal is why a call is not carried out.
type refusal struct {
	code    alipaycn.Code
	message string
}

func (r *refusal) Error() string { return string(r.code) + ": " + r.message }

func refuse(code alipaycn.Code, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// successAnswer is the answer to a call that was carried out; nil is sent as {}.
func successAnswer(out any) (answer, error) {
	if out == nil {
		out = struct{}{}
	}
	body, err := json.Marshal(out)
	return answer{status: http.StatusOK, body: body}, err
}

type errorBody struct {
	Code    alipaycn.Code `json:"code"`
	Message string        `json:"message"`
	Links   []errorLink   `json:"links"`
}

type errorLink struct {
	Link string `json:"link"`
	Desc string `json:"desc"`
}

// errorAnswer is the answer to a call that was not carried out.
func errorAnswer(err error) answer {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = &refusal{alipaycn.CodeSystemError, err.Error()}
	}
	body, marshalErr := json.Marshal(errorBody{r.code, r.message, []errorLink{{
		Link: "https://open.alipay.com/support?code=" + string(r.code), Desc: "solution",
	}}})
	if marshalErr != nil {
		panic(marshalErr) // texts can be written
	}
	return answer{status: statusOf(r.code), body: body, code: r.code}
}

// statusOf returns the HTTP status that goes with a code: by the documented
// meaning of the statuses. A code of an operation comes with 400 in the recorded
// answers; that no other comes with one is inferred.
func statusOf(code alipaycn.Code) int {
	class := code.Class()
	gateway := code == alipaycn.Code(strings.ToLower(string(code)))
	switch {
	case errors.Is(class, alipayplus.ErrRateLimited):
		return http.StatusTooManyRequests
	case errors.Is(class, alipayplus.ErrOutcomeUnknown):
		return http.StatusInternalServerError
	case !gateway:
		return http.StatusBadRequest
	case errors.Is(class, alipayplus.ErrUnauthenticated), errors.Is(class, alipayplus.ErrAuthorizationRequired):
		return http.StatusUnauthorized
	case errors.Is(class, alipayplus.ErrPermission):
		return http.StatusForbidden
	default:
		return http.StatusBadRequest
	}
}

// send signs an answer and writes it.
func (g *Gateway) send(w http.ResponseWriter, a answer, trace string, fault Fault) {
	h := w.Header()
	h.Set("Alipay-Trace-Id", trace)
	h.Set("Content-Type", "application/json;charset=UTF-8")
	body := a.body
	if a.aes != nil {
		body = a.aes.Encrypt(body)
		h.Set("Content-Type", "text/plain;charset=UTF-8")
		h.Set("Alipay-Encrypt-Type", "AES")
	}
	if a.html {
		h.Set("Content-Type", "text/html")
	} else if !a.unsigned && (a.status < http.StatusBadRequest || !g.cfg.unsignedErrors) {
		g.sign(h, body, trace)
	}
	body = fault.tamper(h, body)
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

func (g *Gateway) sign(h http.Header, body []byte, nonce string) {
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	key, serial := g.identity()
	signature, err := cnwire.SignResponse(key, at, nonce, body)
	if err != nil {
		panic(fmt.Errorf("alipaycntest: %w", err)) // the key was checked; a signer that fails is its owner's
	}
	h.Set(cnwire.HeaderTimestamp, at)
	h.Set(cnwire.HeaderNonce, nonce)
	h.Set(cnwire.HeaderSignature, signature)
	if serial != "" {
		h.Set(cnwire.HeaderSN, serial)
	}
}
