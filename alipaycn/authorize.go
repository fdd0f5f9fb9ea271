package alipaycn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

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
	switch t {
	case AppTypeMiniProgram, AppTypeMobile, AppTypeWeb, AppTypePublic, AppTypeBase:
		return true
	default:
		return false
	}
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
	// that comes back to whoever was asked.
	State string
}

// AuthorizationLinks are two ways to the same authorization.
type AuthorizationLinks struct {
	// PC opens in a browser; the merchant scans or logs in there.
	PC string
	// Phone opens the Alipay app; show it as a QR code or as a link on a phone.
	Phone string
}

// Where AlipayCN takes the authorization in. The part after bizData= is the
// percent-encoded JSON of what is asked.
const (
	authorizePC    = "https://b.alipay.com/page/message/tasksDetail?bizData="
	authorizePhone = "alipays://platformapi/startapp?appId=2021003130652097&page=pages%2Fauthorize%2Findex%3FbizData%3D"
)

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
	data := bizData{PlatformCode: "O", TaskType: "INTERFACE_AUTH", AgentOpParam: agentOpParam{
		RedirectURI: in.RedirectURL, AppTypes: in.AppTypes, ISVAppID: in.ISVAppID, State: in.State,
	}}
	if len(in.AppTypes) == 0 {
		data.AgentOpParam.AppTypes = []AppType{AppTypeMiniProgram}
	}
	encoded, err := data.encode()
	if err != nil {
		return AuthorizationLinks{}, fmt.Errorf("alipaycn: authorization url: %w", err)
	}
	return AuthorizationLinks{PC: authorizePC + encoded, Phone: authorizePhone + encoded}, nil
}

// bizData has its fields in the order of AlipayCN's documents.
type bizData struct {
	PlatformCode string       `json:"platformCode"`
	TaskType     string       `json:"taskType"`
	AgentOpParam agentOpParam `json:"agentOpParam"`
}

type agentOpParam struct {
	RedirectURI string    `json:"redirectUri"`
	AppTypes    []AppType `json:"appTypes"`
	ISVAppID    string    `json:"isvAppId"`
	State       string    `json:"state,omitzero"`
}

// encode returns what JavaScript's encodeURIComponent(JSON.stringify(d))
// would: the page behind the link reads it with the counterparts of these two.
func (d bizData) encode() (string, error) {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // & stays &
	if err := enc.Encode(d); err != nil {
		return "", err
	}
	encoded := url.QueryEscape(strings.TrimSuffix(text.String(), "\n"))
	return strings.ReplaceAll(encoded, "+", "%20"), nil
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
	return p.err("authorization url")
}

func (p *problems) appID(path, id string) {
	p.length(path, id, 0, maxAppID)
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.add(path, "must be printable ASCII without spaces")
	}
}

func (p *problems) redirect(path, address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		p.add(path, "is not an address")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		p.add(path, "must be an https or http address with a host")
	case u.User != nil:
		p.add(path, "must not have a user or a password")
	case u.Fragment != "":
		p.add(path, "must not have a fragment: a browser does not send it")
	}
}

func (p *problems) state(path, state string) {
	p.length(path, state, 0, maxStateLength)
	if _, err := base64.StdEncoding.Strict().DecodeString(state); err != nil || strings.ContainsAny(state, "\r\n") {
		p.add(path, "must be base64 (standard alphabet, padded); make it with StateSigner")
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
// believe it only after [StateSigner.Verify] has accepted State.
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
		p.add("method", "must be GET: a browser comes back by a redirect")
	}
	if err != nil {
		p.add("query", "is not a query string")
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
			p.add(name, fmt.Sprintf("comes %d times", n))
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
