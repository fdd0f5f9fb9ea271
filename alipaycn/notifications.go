package alipaycn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Kinds of notification that have a type of their own: the values of
// notify_type and of msg_method.
const (
	// KindAuthorizationGranted is [AuthorizationGranted].
	KindAuthorizationGranted = "open_app_auth_notify"
	// KindAuthorizationCancelled is [AuthorizationCancelled].
	KindAuthorizationCancelled = "alipay.open.auth.appauth.cancelled"
	// KindAuditPassed is [AuditPassed].
	KindAuditPassed = "alipay.open.mini.version.audit.passed"
	// KindAuditRejected is [AuditRejected].
	KindAuditRejected = "alipay.open.mini.version.audit.rejected"
	// KindMerchantConfirmed is [MerchantConfirmed].
	KindMerchantConfirmed = "alipay.open.mini.merchant.confirmed"
	// KindOrderPlaced is [OrderPlaced].
	KindOrderPlaced = "servicemarket_order_notify"
)

// Notification is a verified notification: an [*AuditPassed], [*AuditRejected],
// [*AuthorizationGranted], [*AuthorizationCancelled], [*MerchantConfirmed],
// [*OrderPlaced] or [*UnknownNotification]. Use a type switch with a default: further kinds may come.
//
// Notifications keep their tokens and codes out of String and LogValue.
type Notification interface {
	fmt.Stringer
	slog.LogValuer
	// Info returns what every notification has.
	Info() NotificationInfo
	isNotification()
}

// NotificationInfo is what every notification has.
type NotificationInfo struct {
	// NotifyID names the notification; repeated deliveries carry the same one.
	// Only an [UnknownNotification] may lack it.
	NotifyID string
	// Kind is the notify_type, or else the msg_method or the service, for example
	// [KindAuditPassed].
	Kind string
	// AppID is the app that the notification was sent to, which is the
	// handler's. Only an [UnknownNotification] may lack it.
	AppID string
	// SentAt is utc_timestamp, or notify_time as Beijing time; zero when
	// neither can be read.
	SentAt time.Time

	fields map[string]string
}

// Info returns the NotificationInfo itself; every notification has it by embedding.
func (i NotificationInfo) Info() NotificationInfo { return i }

// Fields returns a copy of the signed parameters as they came, decoded once, in
// UTF-8, with biz_content decrypted, for what no field holds. Of an authorization they contain the tokens: do not
// log them.
func (i NotificationInfo) Fields() map[string]string { return maps.Clone(i.fields) }

// String names kind and id of the notification, in one line and without secrets.
func (i NotificationInfo) String() string {
	return fmt.Sprintf("notification %q of kind %q for app %q", i.NotifyID, i.Kind, i.AppID)
}

// GoString is String: %#v keeps the secrets too.
func (i NotificationInfo) GoString() string { return i.String() }

// LogValue names the notification without secrets.
func (i NotificationInfo) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", i.Kind), slog.String("notify_id", i.NotifyID), slog.String("app_id", i.AppID))
}

func (*NotificationInfo) isNotification() {}

// AuditedVersion is the version that a review was about.
type AuditedVersion struct {
	// MiniAppID is the mini program; empty when AlipayCN did not send it.
	MiniAppID string
	// Version is its number, x.y.z.
	Version Version
	// BundleID is the app that the version runs in; empty when AlipayCN did not
	// send it.
	BundleID BundleID
}

// AuditPassed says that a version passed its review
// (alipay.open.mini.version.audit.passed). AlipayCN sends more than is
// documented; it is in Fields.
type AuditPassed struct {
	NotificationInfo
	AuditedVersion
}

// AuditRejected says that a version did not pass its review
// (alipay.open.mini.version.audit.rejected). Its content is not documented; it
// follows what AlipayCN has been seen to send.
type AuditRejected struct {
	NotificationInfo
	AuditedVersion
	// Reason is the reviewers' text; it may be empty when there are records.
	Reason string
	// BaseAudit is the verdict of the admission review, and PromoteAudit that of
	// the promotion review; empty where a version has one review only.
	BaseAudit, PromoteAudit AuditResult
	// BaseReasons are the reasons of the admission review, with pictures, and
	// PromoteReasons those of the promotion review.
	BaseReasons, PromoteReasons AuditRecord
}

// AuthorizationGranted says that a merchant has authorized the app
// (open_app_auth_notify with status execute_auth). Its content is not
// documented; it follows what AlipayCN has been seen to send.
type AuthorizationGranted struct {
	NotificationInfo
	// Token is what the merchant granted: give it to [TokenStore.Put]. A new
	// authorization voids the token before it, and deliveries may come in another
	// order: ask [AuthorizationClient.Query] whether it is still valid before it
	// replaces another. Token.AuthAppID is always there; Token.AppAuthToken is empty
	// when AlipayCN sent only the code.
	Token Token
	// AppAuthCode is the code that the browser carries too; a secret. When there
	// is a token, it need not be exchanged; otherwise give it to
	// [AuthorizationClient.Exchange]. May be empty.
	AppAuthCode string
	// AuthorizedAt is when the merchant confirmed; zero when AlipayCN did not
	// send it.
	AuthorizedAt time.Time
	// Trigger says who began it, and OutBizNo is the business number that was
	// given then; either may be empty.
	Trigger, OutBizNo string
}

// AuthorizationCancelled says that a merchant withdrew an authorization
// (alipay.open.auth.appauth.cancelled). Calls with its token fail from then on:
// delete the token, unless the merchant has authorized again in the meantime,
// which [AuthorizationClient.Query] shows. The content is not documented; what is here was found by
// its name.
type AuthorizationCancelled struct {
	NotificationInfo
	// AuthAppID is the merchant's app; empty when AlipayCN did not send it as
	// auth_app_id; see Fields then.
	AuthAppID string
	// UserID is the merchant; may be empty.
	UserID string
}

// MerchantConfirmed says that a merchant agreed to a mini program which was
// created on the merchant's behalf (alipay.open.mini.merchant.confirmed). The
// content is not documented; what is here was found by its name.
type MerchantConfirmed struct {
	NotificationInfo
	// OrderNo is the order of the creation, and OutOrderNo the number that was
	// given with it; either may be empty.
	OrderNo, OutOrderNo string
	// MiniAppID is the mini program; may be empty.
	MiniAppID string
}

// OrderPlaced says that a merchant ordered a service of the third-party app in AlipayCN's
// service market (servicemarket_order_notify); what it came to, [OrdersClient.Get] shows. An
// order in Alipay+'s own market is another thing. What AlipayCN sends besides is in Fields. No
// message was found for what happens to an order afterwards.
type OrderPlaced struct {
	NotificationInfo
	// OrderID names the order (commodity_order_id); it is always there.
	OrderID string
	// OrderedAt is when the merchant ordered; zero when that cannot be read.
	OrderedAt time.Time
	// Title is the name of the service.
	Title string
	// MerchantPID is the merchant's Alipay user id; it begins with 2088.
	MerchantPID string
	// MerchantName is the merchant's name.
	MerchantName string
	// Contact is the person to talk to.
	Contact string
	// Phone is the phone number.
	Phone string
	// Items is the number of things that were ordered for; 0 when that cannot be read.
	Items int
	// TotalPrice is the price in decimal digits, for example "0.01"; that it is in yuan is inferred.
	TotalPrice string
	// MiniAppID is the mini program that the merchant chose (consumer_miniAppId); may be empty.
	MiniAppID string
	// ServiceCode is the code of the service; may be empty.
	ServiceCode string
	// OrderTicket is the authorization code of the order, a secret; may be empty.
	OrderTicket string
	// ISVTicket is what the third-party app put into the link to the service; may be empty.
	ISVTicket string
}

// UnknownNotification is a verified notification that this version of the library does not
// know, or whose content is not what it should be. All of it is in Fields.
type UnknownNotification struct {
	NotificationInfo
	// Problem says why a notification of a known kind, or one with encrypted
	// content, could not be read, and what to do; empty when the kind is not known.
	// It quotes nothing of the content.
	Problem string
}

// parseNotification gives the signed parameters their meaning. What it cannot read
// becomes an UnknownNotification, because nothing that Alipay signed is dropped.
func parseNotification(fields map[string]string) Notification {
	info := NotificationInfo{
		NotifyID: fields["notify_id"],
		Kind:     cmp.Or(fields["notify_type"], fields["msg_method"], fields["service"]),
		AppID:    fields["app_id"],
		SentAt:   sentAt(fields),
		fields:   fields,
	}
	read := readerOf(info.Kind)
	if read == nil {
		return &UnknownNotification{NotificationInfo: info}
	}
	if problem := checkEnvelope(info); problem != "" {
		return &UnknownNotification{NotificationInfo: info, Problem: problem}
	}
	n, problem := read(info)
	if problem != "" {
		return &UnknownNotification{NotificationInfo: info, Problem: problem}
	}
	return n
}

func readerOf(kind string) func(NotificationInfo) (n Notification, problem string) {
	switch kind {
	case KindAuditPassed:
		return readAuditPassed
	case KindAuditRejected:
		return readAuditRejected
	case KindAuthorizationGranted:
		return readAuthorizationGranted
	case KindAuthorizationCancelled:
		return readAuthorizationCancelled
	case KindMerchantConfirmed:
		return readMerchantConfirmed
	case KindOrderPlaced:
		return readOrderPlaced
	default:
		return nil
	}
}

// checkEnvelope checks what every typed notification needs.
func checkEnvelope(info NotificationInfo) string {
	switch {
	case !isID(info.NotifyID):
		return "notify_id is missing, or no id"
	case info.AppID == "":
		return "app_id is missing"
	default:
		return ""
	}
}

func readAuditPassed(info NotificationInfo) (n Notification, problem string) {
	var content auditContent
	if problem := content.read(info); problem != "" {
		return nil, problem
	}
	return &AuditPassed{NotificationInfo: info, AuditedVersion: content.version()}, ""
}

func readAuditRejected(info NotificationInfo) (n Notification, problem string) {
	var content auditContent
	if problem := content.read(info); problem != "" {
		return nil, problem
	}
	return &AuditRejected{
		NotificationInfo: info, AuditedVersion: content.version(), Reason: content.Reason,
		BaseAudit: content.BaseAudit, PromoteAudit: content.PromoteAudit,
		BaseReasons: AuditRecord(content.BaseReasons), PromoteReasons: AuditRecord(content.PromoteReasons),
	}, ""
}

type auditContent struct {
	MiniAppID      string       `json:"mini_app_id"`
	Version        Version      `json:"mini_app_version"`
	BundleID       BundleID     `json:"bundle_id"`
	Reason         string       `json:"audit_reason"`
	BaseAudit      AuditResult  `json:"base_audit"`
	PromoteAudit   AuditResult  `json:"promote_audit"`
	BaseReasons    auditReasons `json:"base_audit_reason"`
	PromoteReasons auditReasons `json:"promote_audit_reason"`
}

func (c *auditContent) read(info NotificationInfo) (problem string) {
	if problem := readContent(info, c); problem != "" {
		return problem
	}
	if c.Version == "" {
		return "biz_content has no mini_app_version"
	}
	return ""
}

func (c *auditContent) version() AuditedVersion {
	return AuditedVersion{MiniAppID: c.MiniAppID, Version: c.Version, BundleID: c.BundleID}
}

// auditReasons comes as an object, or as a text that holds one, or is the
// reason itself: AlipayCN's notifications nest JSON both ways, and which it is
// here is not documented.
type auditReasons AuditRecord

func (a *auditReasons) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*AuditRecord)(a))
	}
	if text != "" && json.Unmarshal([]byte(text), (*AuditRecord)(a)) != nil {
		*a = auditReasons{Memos: []AuditMemo{{Memo: text}}}
	}
	return nil
}

func readAuthorizationGranted(info NotificationInfo) (n Notification, problem string) {
	if info.fields["status"] != "execute_auth" {
		return nil, "status is not execute_auth"
	}
	var content grantContent
	if problem := readContent(info, &content); problem != "" {
		return nil, problem
	}
	d, begun := content.Detail, content.NotifyContext
	switch {
	case d.AuthAppID == "" || !agree(d.AuthAppID, info.fields["auth_app_id"]):
		return nil, "auth_app_id is missing, or differs inside and outside of biz_content"
	case !agree(d.AppID, info.AppID):
		return nil, "app_id differs inside and outside of biz_content"
	case d.AppAuthToken == "" && d.AppAuthCode == "":
		return nil, "biz_content has neither token nor code"
	}
	return &AuthorizationGranted{
		NotificationInfo: info, Token: d.Token, AppAuthCode: d.AppAuthCode, AuthorizedAt: d.authorizedAt(),
		Trigger: begun.Trigger, OutBizNo: begun.TriggerContext.OutBizNo,
	}, ""
}

type grantContent struct {
	NotifyContext struct {
		Trigger        string `json:"trigger"`
		TriggerContext struct {
			OutBizNo string `json:"out_biz_no"`
		} `json:"trigger_context"`
	} `json:"notify_context"`
	Detail grantDetail `json:"detail"`
}

type grantDetail struct {
	Token
	AppID       string `json:"app_id"`
	AppAuthCode string `json:"app_auth_code"`
	AuthTime    Int    `json:"auth_time"` // in milliseconds
}

func (d grantDetail) authorizedAt() time.Time {
	if d.AuthTime == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(d.AuthTime))
}

// agree says whether two places that may name the same thing do not
// contradict each other.
func agree(a, b string) bool { return a == "" || b == "" || a == b }

func readAuthorizationCancelled(info NotificationInfo) (n Notification, problem string) {
	var content struct {
		AuthAppID string `json:"auth_app_id"`
		UserID    string `json:"user_id"`
	}
	if problem := readContent(info, &content); problem != "" {
		return nil, problem
	}
	outside := info.fields["auth_app_id"]
	if !agree(content.AuthAppID, outside) {
		return nil, "auth_app_id differs inside and outside of biz_content"
	}
	return &AuthorizationCancelled{NotificationInfo: info, AuthAppID: cmp.Or(content.AuthAppID, outside), UserID: content.UserID}, ""
}

func readMerchantConfirmed(info NotificationInfo) (n Notification, problem string) {
	var content struct {
		OrderNo    string `json:"order_no"`
		OutOrderNo string `json:"out_order_no"`
		MiniAppID  string `json:"mini_app_id"`
		MinAppID   string `json:"min_app_id"` // as isv.query spells it
	}
	if problem := readContent(info, &content); problem != "" {
		return nil, problem
	}
	return &MerchantConfirmed{
		NotificationInfo: info, OrderNo: content.OrderNo, OutOrderNo: content.OutOrderNo,
		MiniAppID: cmp.Or(content.MiniAppID, content.MinAppID),
	}, ""
}

// readOrderPlaced reads a message whose content is not in biz_content, but in parameters of
// its own.
func readOrderPlaced(info NotificationInfo) (n Notification, problem string) {
	f := info.fields
	if !isID(f["commodity_order_id"]) {
		return nil, "commodity_order_id is missing, or no id"
	}
	at, _ := readTime(strings.TrimSpace(f["order_time"]))
	items, _ := strconv.Atoi(f["order_item_num"]) // what cannot be read is in Fields
	return &OrderPlaced{
		NotificationInfo: info, OrderID: f["commodity_order_id"], OrderedAt: at, Title: f["title"],
		MerchantPID: f["merchant_pid"], MerchantName: f["name"], Contact: f["contactor"], Phone: f["phone"],
		Items: items, TotalPrice: f["total_price"], MiniAppID: f["consumer_miniAppId"],
		ServiceCode: f["service_code"], OrderTicket: f["order_ticket"], ISVTicket: f["isv_ticket"],
	}, ""
}

// readContent reads biz_content. What json says about it stays here: it may
// quote the content.
func readContent(info NotificationInfo, into any) (problem string) {
	text := info.fields["biz_content"]
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		odd, err := readJSON([]byte(text), into)
		nested := slices.ContainsFunc(odd, func(o OddField) bool { return o.Value[0] == '{' || o.Value[0] == '[' })
		if err == nil && !nested && (&Answer{Odd: odd}).lost() == nil {
			return ""
		}
	}
	return "biz_content is not the JSON that this kind has"
}

func sentAt(fields map[string]string) time.Time {
	if ms, err := strconv.ParseInt(fields["utc_timestamp"], 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	at, _ := readTime(strings.TrimSpace(fields["notify_time"]))
	return at
}

// isID accepts what AlipayCN's ids are made of, and nothing that could hold a
// further parameter.
func isID(text string) bool {
	const longest = 128
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '&' || r == '='
	})
}

// withoutSecrets takes the tokens and codes of a notification out of a text
// that the user's function made, so that it can be logged.
func withoutSecrets(fields map[string]string, text string) string {
	var secrets []string
	for name, value := range fields {
		secrets = append(secrets, secretsIn(value, isSecret(name))...)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may begin another
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[hidden]")
	}
	return text
}

// secretsIn returns the texts of a value that stand under a name which says that
// they are secret. It searches texts that hold JSON too: notifications nest it so.
func secretsIn(value any, secret bool) []string {
	var found []string
	switch v := value.(type) {
	case string:
		const shortest = 4 // less is no secret, and would tear the text apart
		if secret && len(v) >= shortest {
			found = append(found, v)
		}
		var inner any
		if begin := strings.TrimSpace(v); strings.HasPrefix(begin, "{") || strings.HasPrefix(begin, "[") {
			_ = json.Unmarshal([]byte(v), &inner) // without JSON there is nothing to find
		}
		found = append(found, secretsIn(inner, secret)...)
	case map[string]any:
		for name, inner := range v {
			found = append(found, secretsIn(inner, secret || isSecret(name))...)
		}
	case []any:
		for _, inner := range v {
			found = append(found, secretsIn(inner, secret)...)
		}
	}
	return found
}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "token") || strings.Contains(name, "auth_code") || strings.Contains(name, "ticket")
}

// NotificationVerifier verifies notifications whose form was decoded elsewhere, and
// reads them: for a framework that has read the request, a queue, a test. A
// [NotificationHandler] does it by itself. It is safe for concurrent use.
type NotificationVerifier struct {
	appID string
	keys  cnwire.Keys
	aes   *cnwire.AESKey
}

// NewNotificationVerifier returns a verifier. Of the options, those about
// delivery (Handle, Seen, SeenFor, MaxBodyBytes, Logger, AppPrivateKey, AppSigner)
// play no part. The error is an *alipayplus.ValidationError with every broken option.
func NewNotificationVerifier(opts NotificationOptions) (*NotificationVerifier, error) {
	var p problems
	v := newNotificationVerifier(opts, &p)
	if err := p.err("notification options"); err != nil {
		return nil, err
	}
	return v, nil
}

func newNotificationVerifier(opts NotificationOptions, p *problems) *NotificationVerifier {
	v := &NotificationVerifier{appID: opts.AppID}
	if p.required("AppID", opts.AppID) {
		p.appID("AppID", opts.AppID)
	}
	v.addKeys(opts, p)
	if len(opts.AESKey) > 0 {
		key, err := cnwire.ParseAESKey(opts.AESKey)
		if err != nil {
			p.Add("AESKey", "is not one: "+err.Error())
		}
		v.aes = key
	}
	return v
}

func (v *NotificationVerifier) addKeys(opts NotificationOptions, p *problems) {
	if len(opts.AlipayPublicKey) == 0 && len(opts.AlipayCertificates) == 0 {
		p.Add("AlipayPublicKey", "is required, or AlipayCertificates: without it no notification can be verified")
	}
	if len(opts.AlipayPublicKey) > 0 {
		key, err := signing.ParsePublicKey(opts.AlipayPublicKey)
		if err != nil {
			p.Add("AlipayPublicKey", "is not one: "+err.Error())
		}
		v.keys.Public = key
	}
	for i, text := range opts.AlipayCertificates {
		certificate, err := cnwire.ParseCertificate(text)
		if err != nil {
			p.Add(fmt.Sprintf("AlipayCertificates[%d]", i), "is not one: "+err.Error())
			continue
		}
		v.keys.Certificates = append(v.keys.Certificates, certificate)
	}
}

// Verify checks that Alipay signed the parameters for the app, and reads them. The
// parameters are those of the body after decoding its form once, such as PostForm
// of an http.Request after ParseForm; not its Form, which has the query of the
// address in it. Values in GBK may be left as they came, or be in UTF-8 already.
//
// What is signed but cannot be read is an [UnknownNotification], as is the console's
// check of the gateway address, which a [NotificationHandler] alone answers. Nothing
// is remembered: whether the notification came before is for the caller to find out,
// by [NotificationInfo.NotifyID].
//
// The error says in words why the parameters cannot be trusted. It quotes no content.
func (v *NotificationVerifier) Verify(params url.Values) (Notification, error) {
	fields, invalid := v.verify(params, "")
	if invalid != nil {
		return nil, invalid
	}
	return v.read(fields), nil
}

// invalidNotification is why a request is not a notification that can be trusted. Only
// the status leaves the process.
type invalidNotification struct {
	status int
	reason string
}

func (n *invalidNotification) Error() string { return "notification: " + n.reason }

func invalidNotificationf(status int, format string, args ...any) *invalidNotification {
	return &invalidNotification{status: status, reason: fmt.Sprintf(format, args...)}
}

// signedFields are the parameters of a verified notification.
type signedFields struct {
	fields  map[string]string // in UTF-8; without empty ones, which not every sender signs
	charset cnwire.Charset    // what they were sent in
}

// verify returns the parameters of a notification that Alipay signed for this
// app. headerCharset is that of the Content-Type, which is not signed: it counts
// where the parameters name none and are no UTF-8.
func (v *NotificationVerifier) verify(params url.Values, headerCharset string) (signedFields, *invalidNotification) {
	for name, values := range params {
		if len(values) != 1 {
			return signedFields{}, invalidNotificationf(http.StatusBadRequest, "parameter %.64q comes %d times", name, len(values))
		}
	}
	name := params.Get("charset")
	if name == "" && !isUTF8(params) {
		name = headerCharset
		if header, err := cnwire.ParseCharset(name); err == nil && header.UTF8() {
			name = "GBK" // the other charset that the console offers
		}
	}
	charset, err := cnwire.ParseCharset(name)
	if err != nil {
		return signedFields{}, invalidNotificationf(http.StatusBadRequest, "%v", err)
	}
	texts, invalid := v.checkSignature(params, charset)
	if invalid != nil {
		return signedFields{}, invalid
	}
	if got := texts["app_id"]; got != "" && got != v.appID {
		return signedFields{}, invalidNotificationf(http.StatusForbidden, "it is for app %.64q, not for %q", got, v.appID)
	}
	return signedFields{texts, charset}, nil
}

// checkSignature returns the parameters in UTF-8. What is signed are the bytes in the
// notification's charset; a framework may have decoded them.
func (v *NotificationVerifier) checkSignature(params url.Values, charset cnwire.Charset) (map[string]string, *invalidNotification) {
	decoded, decodable := converted(params, charset.Decode)
	if charset.UTF8() && !decodable {
		return nil, invalidNotificationf(http.StatusBadRequest, "it is not UTF-8, and names no other charset: set UTF-8 in the console")
	}
	invalid := v.checkKeys(params)
	if invalid != nil && !charset.UTF8() && isUTF8(params) {
		if encoded, ok := converted(params, charset.Encode); ok && v.checkKeys(encoded) == nil {
			invalid, decoded, decodable = nil, params, true
		}
	}
	switch {
	case invalid != nil:
		return nil, invalid
	case !decodable:
		return nil, invalidNotificationf(http.StatusBadRequest, "it is not in the charset %.32q that it names: set UTF-8 in the console", params.Get("charset"))
	}
	texts := make(map[string]string, len(decoded))
	for name, values := range decoded {
		if values[0] != "" {
			texts[name] = values[0]
		}
	}
	return texts, nil
}

func (v *NotificationVerifier) checkKeys(params url.Values) *invalidNotification {
	serial := params.Get("alipay_cert_sn")
	invalid := invalidNotificationf(http.StatusForbidden, "no certificate has the serial %.64q: add Alipay's new certificate to AlipayCertificates", serial)
	for _, key := range v.keys.For(serial) {
		err := cnwire.VerifyNotification(key, params)
		if err == nil {
			return nil
		}
		invalid = invalidNotificationf(http.StatusForbidden, "%s", strings.TrimPrefix(err.Error(), "notification: "))
	}
	return invalid
}

// converted returns the parameters in another encoding; false when one cannot be.
func converted(params url.Values, convert func(string) (string, error)) (url.Values, bool) {
	out := make(url.Values, len(params))
	for name, values := range params {
		text, err := convert(values[0])
		convertedName, nameErr := convert(name)
		if err != nil || nameErr != nil {
			return nil, false
		}
		out[convertedName] = []string{text}
	}
	return out, len(out) == len(params)
}

func isUTF8(params url.Values) bool {
	for name, values := range params {
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return false
		}
	}
	return true
}

// read gives verified parameters their meaning, and decrypts their content.
func (v *NotificationVerifier) read(signed signedFields) Notification {
	problem := v.decrypt(signed)
	n := parseNotification(signed.fields)
	if problem != "" {
		return &UnknownNotification{NotificationInfo: n.Info(), Problem: problem}
	}
	return n
}

// decrypt replaces an encrypted biz_content by its plaintext. The problem says why
// it could not, and what to do.
func (v *NotificationVerifier) decrypt(signed signedFields) (problem string) {
	method, content := signed.fields["encrypt_type"], strings.TrimSpace(signed.fields["biz_content"])
	switch {
	case method == "" || strings.HasPrefix(content, "{"):
		return ""
	case !strings.EqualFold(method, "AES"):
		return "biz_content is encrypted in another way than AES"
	case v.aes == nil:
		return "biz_content is encrypted: give the AES key that the console shows for the app (NotificationOptions.AESKey)"
	}
	plain, err := v.aes.Decrypt([]byte(content))
	var text string
	if err == nil {
		text, err = signed.charset.Decode(string(plain))
	}
	if err != nil {
		return "biz_content cannot be decrypted: check that NotificationOptions.AESKey is the AES key that the console shows for the app"
	}
	signed.fields["biz_content"] = text
	return ""
}
