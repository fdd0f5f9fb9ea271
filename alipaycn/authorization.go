package alipaycn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// AuthorizationClient gets tokens for merchants who authorized the third-party
// app. Its calls are the third-party app's own: whomever the client acts for,
// they carry no app_auth_token. Every error is an [Error].
type AuthorizationClient struct{ c *Client }

// Exchange turns the code of an authorization (see [ParseCallback]) into tokens,
// one for each app that the merchant chose (alipay.open.auth.token.app). A code
// works once, for 24 hours: keep the tokens ([Tokens.All]), in a [TokenStore]. An
// answer without a token is an error. After a lost
// answer the error matches [alipayplus.ErrOutcomeUnknown]; then the code may be
// used up, and the merchant must authorize again.
func (a *AuthorizationClient) Exchange(ctx context.Context, code string) (*Tokens, error) {
	return a.token(ctx, tokenInput{GrantType: grantAuthorizationCode, Code: code})
}

// Refresh gets a new token for a refresh token (alipay.open.auth.token.app). It
// is seldom needed: AlipayCN documents that tokens are permanent. The old refresh
// token stays good for some time after, so that a lost answer can be asked for again.
func (a *AuthorizationClient) Refresh(ctx context.Context, refreshToken string) (*Tokens, error) {
	return a.token(ctx, tokenInput{GrantType: grantRefreshToken, RefreshToken: refreshToken})
}

// Query returns what a token allows (alipay.open.auth.token.app.query); see
// [TokenInfo.MissingMethods].
func (a *AuthorizationClient) Query(ctx context.Context, appAuthToken string) (*TokenInfo, error) {
	return read[TokenInfo](ctx, a.c, cnwire.AuthorizationGet, tokenInfoInput{AppAuthToken: appAuthToken})
}

func (a *AuthorizationClient) token(ctx context.Context, in tokenInput) (*Tokens, error) {
	got := new(Tokens)
	if err := a.c.write(ctx, safeWrite{op: cnwire.AuthorizationToken, in: in, got: got}); err != nil {
		return nil, err
	}
	if !got.usable() {
		return nil, &Error{
			Operation: cnwire.AuthorizationToken.Name, Message: "AlipayCN accepted the call and sent no token",
			Hint: "let the merchant authorize again, because a code works once; if it happens again, check the version of this library",
		}
	}
	return got, nil
}

// AppType is a kind of app that a merchant can put under a third-party app's
// care. It is open: a value unknown to this version of the library is sent as
// it is.
type AppType string

// The app types that AlipayCN documents for the authorization URL.
const (
	// AppTypeMiniProgram is a mini program. Its wire value is TINYAPP, not MINIAPP.
	AppTypeMiniProgram AppType = "TINYAPP"
	// AppTypeMobile is a mobile app.
	AppTypeMobile AppType = "MOBILEAPP"
	// AppTypeWeb is a web app.
	AppTypeWeb AppType = "WEBAPP"
	// AppTypePublic is a life account (生活号).
	AppTypePublic AppType = "PUBLICAPP"
	// AppTypeBase is the merchant's base app.
	AppTypeBase AppType = "BASEAPP"
)

// Known reports whether the value is one that AlipayCN documents.
func (t AppType) Known() bool {
	return slices.Contains([]AppType{AppTypeMiniProgram, AppTypeMobile, AppTypeWeb, AppTypePublic, AppTypeBase}, t)
}

// AuthorizationInput says who asks a merchant for authorization, and where the
// merchant's browser goes afterwards.
type AuthorizationInput struct {
	// ISVAppID is the id of the third-party app that asks; required, at most
	// 32 characters. The app must be online, and the products it needs must be
	// bound to it before the merchant authorizes.
	ISVAppID string
	// RedirectURL is where AlipayCN sends the merchant's browser with the code;
	// required. It must equal the callback address (授权回调地址) that is configured
	// for the third-party app. Have it https: the code travels in it. AlipayCN does
	// not document that it must be, and for trials it may be http.
	RedirectURL string
	// AppTypes are the kinds of app that the merchant can choose from; empty
	// means mini programs only.
	AppTypes []AppType
	// State comes back with the code: base64, at most 100 characters; make it
	// with [StateSigner.Sign]. It may be empty, but then nothing ties the code
	// that comes back to the one who was asked.
	State string
	// Endpoint is the address of a stand-in that serves the page, such as package
	// alipaycntest; empty: AlipayCN. It takes the place of https://b.alipay.com in PC and
	// of alipays:/ in Phone.
	Endpoint string
}

// AuthorizationLinks are two ways to the same authorization.
type AuthorizationLinks struct {
	// PC opens in a browser; the merchant scans or logs in there.
	PC string
	// Phone opens the Alipay app; show it as a QR code or as a link on a phone.
	Phone string
}

// What AlipayCN documents about lengths, in characters.
const (
	maxAppID       = 32
	maxStateLength = 100
)

// AuthorizationURL returns the links under which a merchant authorizes a
// third-party app for one of the merchant's apps, which AlipayCN calls
// specified-app authorization and asks for with mini programs. It calls
// nobody.
//
// The merchant confirms, and AlipayCN sends the browser to RedirectURL with a
// code; read it with [ParseCallback].
//
// The error is an *alipayplus.ValidationError with every broken field.
func AuthorizationURL(in AuthorizationInput) (AuthorizationLinks, error) {
	if err := in.validate(); err != nil {
		return AuthorizationLinks{}, err
	}
	param := cnwire.AgentOpParam{RedirectURI: in.RedirectURL, ISVAppID: in.ISVAppID, State: in.State}
	for _, t := range in.AppTypes {
		param.AppTypes = append(param.AppTypes, string(t))
	}
	if len(param.AppTypes) == 0 {
		param.AppTypes = []string{string(AppTypeMiniProgram)}
	}
	encoded, err := cnwire.NewAuthorizationRequest(param).Encode()
	if err != nil {
		return AuthorizationLinks{}, fmt.Errorf("alipaycn: authorization url: %w", err)
	}
	pc, phone := "https://b.alipay.com", "alipays:/"
	if in.Endpoint != "" {
		pc = strings.TrimRight(in.Endpoint, "/")
		phone = pc
	}
	return AuthorizationLinks{PC: pc + cnwire.AuthorizePC + encoded, Phone: phone + cnwire.AuthorizePhone + encoded}, nil
}

func (in AuthorizationInput) validate() error {
	var p problems
	if p.required("isvAppId", in.ISVAppID) {
		p.appID("isvAppId", in.ISVAppID)
	}
	if p.required("redirectUri", in.RedirectURL) {
		p.redirect("redirectUri", in.RedirectURL)
	}
	for i, t := range in.AppTypes {
		p.required(fmt.Sprintf("appTypes[%d]", i), string(t))
	}
	p.state("state", in.State)
	if in.Endpoint != "" {
		p.endpoint("endpoint", in.Endpoint)
	}
	return p.of(in, "authorization url")
}

func (p *problems) appID(path, id string) {
	p.length(path, id, 0, maxAppID)
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Add(path, "must be printable ASCII without spaces")
	}
}

func (p *problems) redirect(path, address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		p.Add(path, "is not an address")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		p.Add(path, "must be an https or http address with a host")
	case u.User != nil:
		p.Add(path, "must not have a user or a password")
	case u.Fragment != "":
		p.Add(path, "must not have a fragment: a browser does not send it")
	}
}

func (p *problems) endpoint(path, address string) {
	p.redirect(path, address)
	if strings.ContainsRune(address, '?') {
		p.Add(path, "must not have a query")
	}
}

func (p *problems) state(path, state string) {
	p.length(path, state, 0, maxStateLength)
	if _, err := base64.StdEncoding.Strict().DecodeString(state); err != nil || strings.ContainsAny(state, "\r\n") {
		p.Add(path, "must be base64 (standard alphabet, padded); make it with StateSigner")
	}
}

// ErrNoAuthCode says that a callback carries no code: the merchant did not
// authorize, or somebody opened the address without coming from AlipayCN. What
// AlipayCN sends when a merchant declines is not documented.
var ErrNoAuthCode = errors.New("no app_auth_code in the callback")

// maxAuthCode is the documented length of the code, in characters.
const maxAuthCode = 40

// Callback is what AlipayCN adds to the RedirectURL once the merchant has
// authorized. It comes through the merchant's browser and is not signed:
// trust it only after [StateSigner.Verify] has accepted State.
type Callback struct {
	// AppID is the id of the third-party app.
	AppID string
	// AppAuthCode is exchanged for a token: once, within 24 hours. It is a
	// secret until then; String and LogValue leave it out.
	AppAuthCode string
	// State is what the authorization URL carried; empty when it carried none.
	State string
	// Source is sent by AlipayCN; what it means is not documented.
	Source string
}

// String names the callback without the code and the state.
func (c Callback) String() string {
	return "authorization callback for app " + fmt.Sprintf("%q", c.AppID)
}

// GoString is String: %#v keeps the secret too.
func (c Callback) GoString() string { return c.String() }

// LogValue names the callback without the code and the state.
func (c Callback) LogValue() slog.Value {
	return slog.GroupValue(slog.String("app_id", c.AppID), slog.String("source", c.Source))
}

// ParseCallback reads the request with which the merchant's browser comes back
// from AlipayCN: GET RedirectURL?app_id=…&source=…&app_auth_code=…&state=….
// AlipayCN guarantees only app_id and app_auth_code. Other parameters are
// ignored; these four must not come twice.
//
// The error matches [ErrNoAuthCode] when only the code is missing, and is
// otherwise an *alipayplus.ValidationError that names the broken parameters
// without their values.
func ParseCallback(r *http.Request) (Callback, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	var p problems
	if r.Method != http.MethodGet {
		p.Add("method", "must be GET: a browser comes back by a redirect")
	}
	if err != nil {
		p.Add("query", "is not a query string")
	}
	p.callback(query)
	if err := p.err("authorization callback"); err != nil {
		return Callback{}, err
	}
	if query.Get("app_auth_code") == "" {
		return Callback{}, fmt.Errorf("alipaycn: authorization callback: %w", ErrNoAuthCode)
	}
	return Callback{
		AppID:       query.Get("app_id"),
		AppAuthCode: query.Get("app_auth_code"),
		State:       plusRestored(query.Get("state")),
		Source:      query.Get("source"),
	}, nil
}

func (p *problems) callback(query url.Values) {
	for _, name := range []string{"app_id", "app_auth_code", "state", "source"} {
		if n := len(query[name]); n > 1 {
			p.Add(name, fmt.Sprintf("comes %d times", n))
		}
	}
	if p.required("app_id", query.Get("app_id")) {
		p.appID("app_id", query.Get("app_id"))
	}
	p.length("app_auth_code", query.Get("app_auth_code"), 0, maxAuthCode)
	p.length("state", query.Get("state"), 0, maxStateLength)
}

// plusRestored undoes what a form decoder makes of a plus sign that was not
// percent-encoded. Base64 has no spaces, so nothing else can be meant.
func plusRestored(base64Text string) string { return strings.ReplaceAll(base64Text, " ", "+") }

// Why a state is not accepted, for errors.Is.
var (
	// ErrStateMalformed: the text is no state of this library; it may be cut short.
	ErrStateMalformed = errors.New("the state is malformed")
	// ErrStateForged: the state was not made with this key.
	ErrStateForged = errors.New("the state was not made with this key")
	// ErrStateExpired: the state is older than it may be; start the authorization again.
	ErrStateExpired = errors.New("the state has expired; start the authorization again")
	// ErrStateUsed: the state came back before; start the authorization again.
	ErrStateUsed = errors.New("the state was used before; start the authorization again")
)

// errNoStateKey keeps a signer without a key from making states that anybody
// could make.
var errNoStateKey = errors.New("the signer has no key; make it with NewStateSigner")

// MaxStateValue is how many bytes of the caller's own fit into a state. It
// follows from the 100 base64 characters that AlipayCN allows.
const MaxStateValue = 42

// A state is base64 of: version, expiry (Unix seconds), nonce, value, and the
// first half of an HMAC-SHA256 over all that comes before.
const (
	stateVersion    = 1
	stateExpirySize = 4
	stateNonceSize  = 12
	stateMACSize    = sha256.Size / 2
	stateHeaderSize = 1 + stateExpirySize + stateNonceSize
	minStateKey     = 32
)

// stateDomain keeps a MAC made here from meaning anything where the same key
// is used for something else.
const stateDomain = "alipaycn authorization state\x00"

// StateSigner makes and checks the state parameter of an authorization URL. A
// state carries a short value of the caller, a random nonce and an expiry; it
// is signed, but not encrypted: anyone who sees the URL can read the value.
//
// Make it with [NewStateSigner]; one without a key signs and accepts nothing. A
// StateSigner is safe for concurrent use.
type StateSigner struct {
	key []byte
}

// NewStateSigner returns a signer with an HMAC key of at least 32 random bytes.
// Every process that takes callbacks needs the same key. The key is copied.
func NewStateSigner(key []byte) (*StateSigner, error) {
	if len(key) < minStateKey {
		return nil, fmt.Errorf("alipaycn: state signer: the key has %d bytes, at least %d are needed; make one with: openssl rand -hex %d",
			len(key), minStateKey, minStateKey)
	}
	return &StateSigner{key: append([]byte(nil), key...)}, nil
}

// String keeps the key out of texts.
func (*StateSigner) String() string { return "state signer" }

// GoString is String: %#v keeps the key too.
func (s *StateSigner) GoString() string { return s.String() }

// Sign returns a state that carries value, at most [MaxStateValue] bytes, and
// is good until expires, which is cut to whole seconds. The value should name
// who was asked to authorize, such as a workspace: it is what ties the code that
// comes back to them. The state is base64 and has at most 100 characters.
func (s *StateSigner) Sign(value string, expires time.Time) (string, error) {
	if len(s.key) < minStateKey {
		return "", fmt.Errorf("alipaycn: sign state: %w", errNoStateKey)
	}
	if len(value) > MaxStateValue {
		return "", fmt.Errorf("alipaycn: sign state: the value has %d bytes, at most %d fit", len(value), MaxStateValue)
	}
	seconds := expires.Unix()
	if seconds <= 0 || seconds > 1<<(8*stateExpirySize)-1 {
		return "", errors.New("alipaycn: sign state: the expiry must lie between 1970 and 2106")
	}
	state := make([]byte, stateHeaderSize, stateHeaderSize+len(value)+stateMACSize)
	state[0] = stateVersion
	binary.BigEndian.PutUint32(state[1:], uint32(seconds))
	_, _ = rand.Read(state[1+stateExpirySize:]) // never fails, by its documentation
	state = append(state, value...)
	return base64.StdEncoding.EncodeToString(append(state, s.mac(state)...)), nil
}

// Verify returns the value of a state that was made with the same key and is
// not expired at now. A state made elsewhere, changed or expired is refused with
// [ErrStateMalformed], [ErrStateForged] or [ErrStateExpired]. The comparison
// takes the same time whatever the difference.
//
// Verify accepts the same state again and again; use [StateSigner.VerifyOnce]
// where that matters.
func (s *StateSigner) Verify(state string, now time.Time) (value string, err error) {
	opened, err := s.open(state, now)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: %w", err)
	}
	return opened.value, nil
}

// VerifyOnce is [StateSigner.Verify] that accepts each state once: it records
// the state in seen until it expires, and refuses it with [ErrStateUsed] from
// then on. An error of seen is returned; the state is then not accepted.
func (s *StateSigner) VerifyOnce(ctx context.Context, state string, now time.Time, seen SeenStore) (value string, err error) {
	opened, err := s.open(state, now)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: %w", err)
	}
	added, err := seen.Add(ctx, "state:"+opened.nonce, opened.expires)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: record that it was used: %w", err)
	}
	if !added {
		return "", fmt.Errorf("alipaycn: verify state: %w", ErrStateUsed)
	}
	return opened.value, nil
}

type openedState struct {
	value   string
	nonce   string
	expires time.Time
}

func (s *StateSigner) open(state string, now time.Time) (openedState, error) {
	if len(s.key) < minStateKey {
		return openedState{}, errNoStateKey
	}
	if len(state) > maxStateLength || strings.ContainsAny(state, "\r\n") { // the decoder skips line breaks
		return openedState{}, ErrStateMalformed
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(plusRestored(state), "="))
	if err != nil || len(raw) < stateHeaderSize+stateMACSize || raw[0] != stateVersion {
		return openedState{}, ErrStateMalformed
	}
	signed, mac := raw[:len(raw)-stateMACSize], raw[len(raw)-stateMACSize:]
	if !hmac.Equal(mac, s.mac(signed)) {
		return openedState{}, ErrStateForged
	}
	opened := openedState{
		value:   string(signed[stateHeaderSize:]),
		nonce:   hex.EncodeToString(signed[1+stateExpirySize : stateHeaderSize]),
		expires: time.Unix(int64(binary.BigEndian.Uint32(signed[1:])), 0),
	}
	if !now.Before(opened.expires) {
		return openedState{}, ErrStateExpired
	}
	return opened, nil
}

func (s *StateSigner) mac(signed []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(stateDomain))
	h.Write(signed)
	return h.Sum(nil)[:stateMACSize]
}
