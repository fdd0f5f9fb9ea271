package alipaycn

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// parseNotification gives the signed parameters their meaning. What it cannot read
// becomes an UnknownNotification event, because what Alipay signed must not get lost.
func parseNotification(fields map[string]string) Notification {
	info := NotificationInfo{
		NotifyID: fields["notify_id"],
		Kind:     cmp.Or(fields["notify_type"], fields["msg_method"]),
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
	event, problem := read(info)
	if problem != "" {
		return &UnknownNotification{NotificationInfo: info, Problem: problem}
	}
	return event
}

func readerOf(kind string) func(NotificationInfo) (event Notification, problem string) {
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

// checkEnvelope holds what every typed event needs. It is strict because the
// signed text does not mark where a parameter ends: someone who has a signed
// notification could shift parameters into each other, but not so that the ids
// still look like ids and biz_content is still JSON.
func checkEnvelope(info NotificationInfo) string {
	switch {
	case !isID(info.NotifyID):
		return "notify_id is missing, or no id"
	case info.AppID == "":
		return "app_id is missing"
	case info.fields["encrypt_type"] != "":
		return "biz_content is encrypted"
	default:
		return ""
	}
}

func readAuditPassed(info NotificationInfo) (event Notification, problem string) {
	var content auditContent
	if problem := content.read(info); problem != "" {
		return nil, problem
	}
	return &AuditPassed{NotificationInfo: info, AuditedVersion: content.version()}, ""
}

func readAuditRejected(info NotificationInfo) (event Notification, problem string) {
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

func readAuthorizationGranted(info NotificationInfo) (event Notification, problem string) {
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

func readAuthorizationCancelled(info NotificationInfo) (event Notification, problem string) {
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

func readMerchantConfirmed(info NotificationInfo) (event Notification, problem string) {
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
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || readJSON([]byte(text), into) != nil {
		return "biz_content is not the JSON that this kind has"
	}
	return ""
}

func sentAt(fields map[string]string) time.Time {
	if ms, err := strconv.ParseInt(fields["utc_timestamp"], 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	at, err := time.ParseInLocation(time.DateTime, fields["notify_time"], beijing())
	if err != nil {
		return time.Time{}
	}
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
