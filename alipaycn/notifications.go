package alipaycn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
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
)

// Notification is a verified notification: an [*AuditPassed], [*AuditRejected],
// [*AuthorizationGranted], [*AuthorizationCancelled], [*MerchantConfirmed] or
// [*UnknownNotification]. Use a type switch with a default: further kinds may come.
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
