package alipaycn

import (
	"maps"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	isvAppID      = "2021009900000101"
	merchantAppID = "2021009900000202"
)

// message is a notification of the message service.
func message(kind, content string) map[string]string {
	return map[string]string{
		"notify_id": "2026112100262000000000000000000009", "utc_timestamp": "1767225600123", "msg_method": kind,
		"app_id": isvAppID, "msg_type": "sys", "version": "1.1", "charset": "UTF-8", "sign_type": "RSA2", "biz_content": content,
	}
}

// grant is a notification that a merchant has authorized.
func grant(content string) map[string]string {
	return map[string]string{
		"notify_type": "open_app_auth_notify", "status": "execute_auth", "notify_id": "2026112100222000000000000000000001",
		"notify_time": "2026-11-21 10:11:12", "app_id": isvAppID, "auth_app_id": merchantAppID, "charset": "utf-8",
		"version": "1.0", "sign_type": "RSA2", "biz_content": content,
	}
}

const wholeGrant = `{"notify_context":{"trigger":"ISV","trigger_context":{"out_biz_no":"order-7"}},"detail":{
	"app_auth_token":"` + secretToken + `","app_refresh_token":"` + secretRefresh + `","app_auth_code":"secret-code",
	"auth_app_id":"` + merchantAppID + `","app_id":"` + isvAppID + `","user_id":"2088000000000001",
	"auth_time":1767225600456,"expires_in":31536000,"re_expires_in":"32140800"},"error":{}}`

func with(fields map[string]string, name, value string) map[string]string {
	fields = maps.Clone(fields)
	fields[name] = value
	return fields
}

func TestNotificationsAreTyped(t *testing.T) {
	sent := time.UnixMilli(1767225600123)
	info := func(kind string) NotificationInfo {
		return NotificationInfo{NotifyID: "2026112100262000000000000000000009", Kind: kind, AppID: isvAppID, SentAt: sent}
	}
	grantInfo := NotificationInfo{
		NotifyID: "2026112100222000000000000000000001", Kind: KindAuthorizationGranted, AppID: isvAppID,
		SentAt: time.Date(2026, 11, 21, 2, 11, 12, 0, time.UTC),
	}
	version := AuditedVersion{MiniAppID: merchantAppID, Version: "0.0.2", BundleID: "com.alipay.alipaywallet"}
	const about = `"mini_app_id":"` + merchantAppID + `","mini_app_version":"0.0.2","bundle_id":"com.alipay.alipaywallet"`
	base := AuditRecord{Images: []string{"https://img/1.png"}, Memos: []AuditMemo{{Memo: "首页 100% 空白", Images: []string{"https://img/2.png", "https://img/3.png"}}}}
	promote := AuditRecord{Memos: []AuditMemo{{Memo: "no scene"}}}

	for name, c := range map[string]struct {
		fields map[string]string
		want   Notification
	}{
		"a version passed": {
			message(KindAuditPassed, `{`+about+`,"something":"new"}`),
			&AuditPassed{info(KindAuditPassed), version},
		},
		"a version was rejected by both reviews": {
			message(KindAuditRejected, `{`+about+`,"audit_reason":"see the pictures","base_audit":"REJECT","promote_audit":"REJECT",
				"base_audit_reason":{"audit_images":["https://img/1.png"],"memos":[{"memo":"首页 100% 空白","memo_image_list":["https://img/2.png","https://img/3.png"]}]},
				"promote_audit_reason":{"memos":[{"memo":"no scene"}]}}`),
			&AuditRejected{
				NotificationInfo: info(KindAuditRejected), AuditedVersion: version, Reason: "see the pictures",
				BaseAudit: AuditResultReject, PromoteAudit: AuditResultReject, BaseReasons: base, PromoteReasons: promote,
			},
		},
		"reasons as texts": {
			message(KindAuditRejected, `{`+about+`,"base_audit":"PASS","promote_audit":"REJECT",
				"base_audit_reason":"","promote_audit_reason":"{\"memos\":[{\"memo\":\"no scene\"}]}"}`),
			&AuditRejected{
				NotificationInfo: info(KindAuditRejected), AuditedVersion: version,
				BaseAudit: AuditResultPass, PromoteAudit: AuditResultReject, PromoteReasons: promote,
			},
		},
		"a bare reason": {
			message(KindAuditRejected, `{`+about+`,"base_audit_reason":null,"promote_audit_reason":"no scene"}`),
			&AuditRejected{NotificationInfo: info(KindAuditRejected), AuditedVersion: version, PromoteReasons: promote},
		},
		"a merchant authorized": {
			grant(wholeGrant),
			&AuthorizationGranted{
				NotificationInfo: grantInfo, Token: merchantToken(merchantAppID), AppAuthCode: "secret-code",
				AuthorizedAt: time.UnixMilli(1767225600456), Trigger: "ISV", OutBizNo: "order-7",
			},
		},
		"a merchant authorized, and there is only a code": {
			grant(`{"detail":{"app_auth_code":"secret-code","auth_app_id":"` + merchantAppID + `"}}`),
			&AuthorizationGranted{NotificationInfo: grantInfo, Token: Token{AuthAppID: merchantAppID}, AppAuthCode: "secret-code"},
		},
		"a merchant withdrew": {
			message(KindAuthorizationCancelled, `{"auth_app_id":"`+merchantAppID+`","user_id":"2088000000000001","app_auth_token":"secret"}`),
			&AuthorizationCancelled{NotificationInfo: info(KindAuthorizationCancelled), AuthAppID: merchantAppID, UserID: "2088000000000001"},
		},
		"a merchant withdrew, named outside": {
			with(message(KindAuthorizationCancelled, `{}`), "auth_app_id", merchantAppID),
			&AuthorizationCancelled{NotificationInfo: info(KindAuthorizationCancelled), AuthAppID: merchantAppID},
		},
		"a merchant confirmed": {
			message(KindMerchantConfirmed, `{"order_no":"o1","out_order_no":"mine-1","min_app_id":"`+merchantAppID+`"}`),
			&MerchantConfirmed{NotificationInfo: info(KindMerchantConfirmed), OrderNo: "o1", OutOrderNo: "mine-1", MiniAppID: merchantAppID},
		},
		"something new": {
			message("alipay.open.mini.something.new", `not JSON`),
			&UnknownNotification{NotificationInfo: info("alipay.open.mini.something.new")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseNotification(c.fields)
			require.Equal(t, c.fields, got.Info().Fields())
			require.WithinDuration(t, c.want.Info().SentAt, got.Info().SentAt, 0)
			require.Equal(t, c.want, bare(got, c.want.Info().SentAt))
		})
	}
}

// bare is the event without its raw fields and its zone.
func bare(event Notification, at time.Time) Notification {
	set := func(info *NotificationInfo) { info.fields, info.SentAt = nil, at }
	switch e := event.(type) {
	case *AuditPassed:
		set(&e.NotificationInfo)
	case *AuditRejected:
		set(&e.NotificationInfo)
	case *AuthorizationGranted:
		set(&e.NotificationInfo)
	case *AuthorizationCancelled:
		set(&e.NotificationInfo)
	case *MerchantConfirmed:
		set(&e.NotificationInfo)
	case *UnknownNotification:
		set(&e.NotificationInfo)
	}
	return event
}

func TestUnreadableNotificationsAreKept(t *testing.T) {
	passed := message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`)
	for name, c := range map[string]struct {
		fields  map[string]string
		problem string
	}{
		"no content":              {with(passed, "biz_content", ""), "biz_content is not the JSON"},
		"no JSON":                 {with(passed, "biz_content", `{"secret":`), "biz_content is not the JSON"},
		"no object":               {with(passed, "biz_content", `null`), "biz_content is not the JSON"},
		"another form":            {with(passed, "biz_content", `{"mini_app_version":["secret"]}`), "biz_content is not the JSON"},
		"no version":              {with(passed, "biz_content", `{"mini_app_id":"secret"}`), "no mini_app_version"},
		"no version, rejected":    {message(KindAuditRejected, `{"audit_reason":"secret"}`), "no mini_app_version"},
		"reasons that are none":   {message(KindAuditRejected, `{"mini_app_version":"0.0.1","base_audit_reason":["secret"]}`), "biz_content is not the JSON"},
		"no id":                   {with(passed, "notify_id", ""), "notify_id is missing"},
		"no real id":              {with(passed, "notify_id", "1&app_id=secret"), "notify_id is missing, or no id"},
		"no app":                  {with(passed, "app_id", ""), "app_id is missing"},
		"authorized otherwise":    {with(grant(wholeGrant), "status", "secret"), "status is not execute_auth"},
		"authorized, no JSON":     {grant(`secret`), "biz_content is not the JSON"},
		"authorized, no app":      {grant(`{"detail":{"app_auth_token":"secret"}}`), "auth_app_id is missing"},
		"authorized, two apps":    {with(grant(wholeGrant), "auth_app_id", "2021009900000303"), "auth_app_id is missing, or differs"},
		"authorized, other ISV":   {with(grant(wholeGrant), "app_id", "2021009900000303"), "app_id differs"},
		"authorized, no token":    {grant(`{"detail":{"auth_app_id":"` + merchantAppID + `"}}`), "neither token nor code"},
		"withdrawn, no JSON":      {message(KindAuthorizationCancelled, `secret`), "biz_content is not the JSON"},
		"withdrawn, two apps":     {with(message(KindAuthorizationCancelled, `{"auth_app_id":"1"}`), "auth_app_id", "2"), "auth_app_id differs"},
		"confirmed, no JSON":      {message(KindMerchantConfirmed, `secret`), "biz_content is not the JSON"},
		"a kind it does not know": {message("secret.kind", ``), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, unknown := parseNotification(c.fields).(*UnknownNotification)
			require.True(t, unknown)
			require.Equal(t, c.fields, got.Fields())
			require.Equal(t, c.problem == "", got.Problem == "")
			require.Contains(t, got.Problem, c.problem)
			require.NotContains(t, got.Problem, "secret")
		})
	}
}

func TestNotifyTypeComesBeforeMethod(t *testing.T) {
	require.IsType(t, &AuthorizationGranted{}, parseNotification(with(grant(wholeGrant), "msg_method", KindAuditPassed)))
}

func TestNotificationTimeMayBeMissing(t *testing.T) {
	fields := with(message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), "utc_timestamp", "soon")
	require.Zero(t, parseNotification(fields).Info().SentAt)
}

func TestFieldsAreACopy(t *testing.T) {
	event := parseNotification(grant(wholeGrant))
	clear(event.Info().Fields())
	require.NotEmpty(t, event.Info().Fields())
}

func TestNotificationsKeepTheirSecrets(t *testing.T) {
	granted, ok := parseNotification(grant(wholeGrant)).(*AuthorizationGranted)
	require.True(t, ok)
	unknown, ok := parseNotification(with(grant(wholeGrant), "status", "other")).(*UnknownNotification)
	require.True(t, ok)
	for _, v := range []any{granted, *granted, unknown, *unknown, granted.NotificationInfo, Notification(granted)} {
		for _, text := range written(v) {
			require.NotContains(t, text, "secret")
			require.Contains(t, text, KindAuthorizationGranted)
			require.Contains(t, text, "2026112100222000000000000000000001")
		}
	}
}

func TestSecretsAreTakenOutOfTexts(t *testing.T) {
	fields := grant(`{"detail":{"app_auth_token":"tokenlong","app_refresh_token":"tokenlonger","app_auth_code":"code-1",
		"auth_app_id":"` + merchantAppID + `"},"tokens":[{"value":"listed"}],"short_token":"a"}`)
	fields["order_ticket"] = "ticket-1"

	got := withoutSecrets(fields, "tokenlonger and tokenlong, code-1, listed, ticket-1 of "+merchantAppID)

	require.Equal(t, "[hidden] and [hidden], [hidden], [hidden], [hidden] of "+merchantAppID, got)
}

func TestSecretsInNestedTextsAreTakenOut(t *testing.T) {
	// Given content whose detail is a text that holds JSON, in which a token is escaped
	fields := grant(`{"detail":"{\"app_auth_token\":\"token\\/nested\",\"user_id\":\"2088000000000001\"}"}`)

	got := withoutSecrets(fields, "refused token/nested of 2088000000000001")

	require.Equal(t, "refused [hidden] of 2088000000000001", got)
}

func FuzzNotifications(f *testing.F) {
	f.Add(KindAuthorizationGranted, wholeGrant)
	f.Add(KindAuditRejected, `{"mini_app_version":"1","base_audit_reason":"{}"}`)
	f.Add(KindAuthorizationCancelled, `{}`)
	f.Add(KindMerchantConfirmed, `{"order_no":1}`)
	f.Fuzz(func(t *testing.T, kind, content string) {
		fields := with(message(kind, content), "status", "execute_auth")
		event := parseNotification(fields)
		require.Equal(t, fields, event.Info().Fields())
		_ = withoutSecrets(fields, event.String())
	})
}

func newVerifier(t *testing.T) *NotificationVerifier {
	t.Helper()
	v, err := NewNotificationVerifier(NotificationOptions{AppID: isvAppID, AlipayPublicKey: testkey.FastKey().PublicPEM()})
	require.NoError(t, err)
	return v
}

func TestParsedValuesAreVerified(t *testing.T) {
	v := newVerifier(t)
	params := signed(t, message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), messageForm())
	n, err := v.Verify(params)
	require.NoError(t, err)
	passed, ok := n.(*AuditPassed)
	require.True(t, ok)
	require.Equal(t, Version("0.0.1"), passed.Version)

	for name, c := range map[string]struct {
		params url.Values
		says   string
	}{
		"nothing":     {nil, "signature is missing"},
		"changed":     {replaced(params, "version", "2"), "signature does not match"},
		"twice":       {url.Values{"app_id": {"a", "b"}}, `parameter "app_id" comes 2 times`},
		"without any": {url.Values{"app_id": {}}, `parameter "app_id" comes 0 times`},
		"another app": {signed(t, with(message(KindAuditPassed, `{}`), "app_id", "2"), messageForm()), `it is for app "2"`},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := v.Verify(c.params)
			require.Nil(t, n)
			require.ErrorContains(t, err, "notification: ")
			require.ErrorContains(t, err, c.says)
		})
	}
}

// A framework may have decoded GBK, though the signature covers the bytes before.
func TestDecodedGBKIsVerifiedToo(t *testing.T) {
	const content = `{"mini_app_version":"0.0.1","audit_reason":"首页"}`
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(content)
	require.NoError(t, err)
	raw := signed(t, with(message(KindAuditRejected, encoded), "charset", "GBK"), cnwire.NotificationForm{})
	for _, params := range []url.Values{raw, replaced(raw, "biz_content", content)} {
		n, err := newVerifier(t).Verify(params)
		require.NoError(t, err)
		rejected, ok := n.(*AuditRejected)
		require.True(t, ok)
		require.Equal(t, "首页", rejected.Reason)
	}
}

func TestVerifierOptionsAreChecked(t *testing.T) {
	_, err := NewNotificationVerifier(NotificationOptions{AESKey: []byte("x")})
	require.Len(t, requireInvalid(t, err).Fields, 3, "all at once")
}
