package alipaycn

import (
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// Kinds of notification that become events of their own: the values of
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
// [*UnknownNotification]. Tell them apart by a type switch, with a default: further kinds
// may come.
//
// Events keep their tokens and codes out of String and LogValue.
type Notification interface {
	fmt.Stringer
	slog.LogValuer
	// Info returns what every event has.
	Info() NotificationInfo
	isNotification()
}

// NotificationInfo is what every event has.
type NotificationInfo struct {
	// NotifyID names the notification; repeated deliveries carry the same one.
	// Only an [UnknownNotification] event may lack it.
	NotifyID string
	// Kind is the notify_type or else the msg_method, for example
	// [KindAuditPassed].
	Kind string
	// AppID is the app that the notification was sent to, which is the
	// handler's. Only an [UnknownNotification] event may lack it.
	AppID string
	// SentAt is utc_timestamp, or notify_time as Beijing time; zero when
	// neither can be read.
	SentAt time.Time

	fields map[string]string
}

// Info returns the NotificationInfo itself; every event has it by embedding.
func (i NotificationInfo) Info() NotificationInfo { return i }

// Fields returns a copy of the signed parameters as they came, decoded once,
// for what no field holds. Of an authorization they contain the tokens: do not
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
// which [AuthorizationClient.Query] tells. The content is not documented; what is here was found by
// its name.
type AuthorizationCancelled struct {
	NotificationInfo
	// AuthAppID is the merchant's app; empty when AlipayCN did not send it as
	// auth_app_id: look into Fields then.
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
	// Problem says why a notification of a known kind could not be read; empty
	// when the kind is not known. It quotes nothing of the content.
	Problem string
}
