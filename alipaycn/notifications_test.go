package alipaycn

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
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
		"a merchant ordered": {
			wholeOrder(),
			&OrderPlaced{
				NotificationInfo: NotificationInfo{
					NotifyID: "2026112100222000000000000000000002", Kind: KindOrderPlaced, AppID: isvAppID, SentAt: grantInfo.SentAt,
				},
				OrderID: "2026112100000001", OrderedAt: time.Date(2026, 11, 21, 10, 11, 0, 0, beijing()), Title: "tea&cake",
				MerchantPID: "2088000000000001", MerchantName: "a=b", Contact: "Li & Co", Phone: "13110101010", Items: 2, TotalPrice: "0.01",
				MiniAppID: merchantAppID, ServiceCode: "AM01", OrderTicket: "secret-ticket", ISVTicket: "secret=isv",
			},
		},
		"a merchant ordered, and little is said": {
			with(with(with(message(KindOrderPlaced, ""), "commodity_order_id", "7"), "order_item_num", "many"), "order_time", "noon"),
			&OrderPlaced{NotificationInfo: info(KindOrderPlaced), OrderID: "7"},
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
	case *OrderPlaced:
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
		"ordered, no order":       {with(wholeOrder(), "commodity_order_id", ""), "commodity_order_id is missing"},
		"ordered, no real order":  {with(wholeOrder(), "commodity_order_id", "secret&x"), "commodity_order_id is missing, or no id"},
		"ordered, no id":          {with(wholeOrder(), "notify_id", ""), "notify_id is missing"},
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
	ordered, ok := parseNotification(wholeOrder()).(*OrderPlaced)
	require.True(t, ok)
	for _, v := range []any{granted, *granted, unknown, *unknown, granted.NotificationInfo, Notification(granted), ordered, *ordered} {
		for _, text := range written(v) {
			require.NotContains(t, text, "secret")
			require.Contains(t, text, v.(interface{ Info() NotificationInfo }).Info().Kind)
			require.Contains(t, text, "20261121002220000000000000000000")
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

type notifyVectors struct {
	Keys struct {
		Public  string `json:"alipay_public_key_pem"`
		Private string `json:"TEST_ONLY_alipay_private_key_pkcs8_pem"`
	} `json:"keys"`
	Cases       []notifyVector `json:"cases"`
	Information []notifyVector `json:"informational_cases"`
}

type notifyVector struct {
	Name     string            `json:"name"`
	Fields   map[string]string `json:"fields"`
	FormBody string            `json:"form_body"`
	Expected struct {
		Valid bool `json:"valid"`
	} `json:"expected"`
}

func readNotifyVectors(t testing.TB) notifyVectors {
	t.Helper()
	text, err := os.ReadFile("../internal/cnwire/testdata/notify.json")
	require.NoError(t, err)
	var v notifyVectors
	require.NoError(t, json.Unmarshal(text, &v))
	require.NotEmpty(t, v.Cases)
	return v
}

func TestNotificationVectors(t *testing.T) {
	vectors := readNotifyVectors(t)
	types := map[string]Notification{
		"app_auth_without_sign_type":          &AuthorizationGranted{},
		"audit_passed_with_sign_type":         &AuditPassed{},
		"audit_rejected_chinese_percent_plus": &AuditRejected{},
	}
	for _, c := range vectors.Cases {
		t.Run(c.Name, func(t *testing.T) {
			r := newReceiver(t, func(o *NotificationOptions) { o.AlipayPublicKey = []byte(vectors.Keys.Public) })

			status, text := answerTo(r, request(t.Context(), c.FormBody))

			if !c.Expected.Valid {
				requireFail(t, http.StatusForbidden, status, text)
				require.Zero(t, r.calls())
				return
			}
			requireSuccess(t, status, text)
			require.Equal(t, 1, r.calls())
			want := types[c.Name]
			if want == nil {
				want = &UnknownNotification{}
			}
			require.IsType(t, want, r.events[0])
			got := r.events[0].Info().Fields()
			for name, value := range c.Fields {
				require.Equal(t, value, got[name], name)
			}
		})
	}
}

func TestSHA1IsRefused(t *testing.T) {
	vectors := readNotifyVectors(t)
	require.NotEmpty(t, vectors.Information)
	for _, c := range vectors.Information {
		r := newReceiver(t, func(o *NotificationOptions) { o.AlipayPublicKey = []byte(vectors.Keys.Public) })
		status, text := answerTo(r, request(t.Context(), c.FormBody))
		requireFail(t, http.StatusForbidden, status, text)
	}
}

func TestBothProtocolsInEveryForm(t *testing.T) {
	for name, fields := range map[string]map[string]string{
		"message":       with(message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), "msg_uid", ""),
		"authorization": with(grant(wholeGrant), "encrypt_type", ""),
		"order":         with(wholeOrder(), "isv_ticket", ""),
	} {
		for _, form := range []cnwire.NotificationForm{{}, {SignType: true}, {EmptyValues: true}, {SignType: true, EmptyValues: true}} {
			r := newReceiver(t)
			r.succeeds(t, signed(t, fields, form))
			require.Len(t, r.events, 1)
			_, unknown := r.events[0].(*UnknownNotification)
			require.False(t, unknown, "%s %+v", name, form)
		}
	}
}

func TestEmptyParametersMeanNothing(t *testing.T) {
	// Given a notification whose sender does not sign empty values
	params := signed(t, message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), cnwire.NotificationForm{SignType: true})
	// When somebody adds one that would change its kind
	params.Set("notify_type", "")
	params.Set("encrypt_type", "")
	// Then it is what it was
	r := newReceiver(t)
	r.succeeds(t, params)
	require.IsType(t, &AuditPassed{}, r.events[0])
	require.NotContains(t, r.events[0].Info().Fields(), "notify_type")
}

func TestEveryChangeIsNoticed(t *testing.T) {
	r := newReceiver(t)
	for _, fields := range []map[string]string{grant(wholeGrant), message(KindAuditRejected, `{"mini_app_version":"0.0.1","audit_reason":"A+B & 100%"}`)} {
		for _, form := range []cnwire.NotificationForm{{}, messageForm()} {
			good := signed(t, fields, form)
			changed := map[string]url.Values{"added": replaced(good, "more", "x")}
			for name := range good {
				if name == "sign_type" && !form.SignType {
					continue // not signed; see the next test
				}
				changed["changed "+name] = replaced(good, name, good.Get(name)+"x")
				changed["emptied "+name] = replaced(good, name, "")
				changed["removed "+name] = without(good, name)
				changed["renamed "+name] = replaced(without(good, name), name+"x", good.Get(name))
				changed["decoded twice "+name] = replaced(good, name, strings.ReplaceAll(good.Get(name), "+", " "))
			}
			for what, params := range changed {
				if maps.EqualFunc(params, good, slices.Equal) {
					continue // there was nothing to decode
				}
				status, text := r.post(t.Context(), params)
				require.Equal(t, "fail", text, what)
				require.Equal(t, refusedStatus(status), status, what)
			}
		}
	}
	require.Zero(t, r.calls())
}

func TestUnsignedSignTypeChangesNothing(t *testing.T) {
	good := signed(t, grant(wholeGrant), cnwire.NotificationForm{})
	for _, kind := range []string{"RSA", "rsa2", "none"} {
		r := newReceiver(t)
		r.fails(t, http.StatusForbidden, replaced(good, "sign_type", kind))
	}
	r := newReceiver(t)
	r.succeeds(t, without(good, "sign_type"))
	r.succeeds(t, good)
	require.Equal(t, 1, r.calls(), "it is the same notification")
}

// wholeOrder is an order's message with all that it may have.
func wholeOrder() map[string]string {
	return map[string]string{
		"notify_type": "servicemarket_order_notify", "method": "alipay.open.servicemarket.order.notify",
		"notify_id": "2026112100222000000000000000000002", "notify_time": "2026-11-21 10:11:12", "timestamp": "2026-11-21 10:11:12",
		"app_id": isvAppID, "charset": "UTF-8", "version": "1.0", "sign_type": "RSA2",
		"commodity_order_id": "2026112100000001", "order_time": "2026-11-21 10:11:00", "title": "tea&cake", "name": "a=b",
		"merchant_pid": "2088000000000001", "contactor": "Li & Co", "phone": "13110101010", "order_item_num": "2", "total_price": "0.01",
		"consumer_miniAppId": merchantAppID, "service_code": "AM01", "order_ticket": "secret-ticket", "isv_ticket": "secret=isv",
	}
}

// order is a notification of the service market as it may be, too: no notify_id, no app_id, free texts.
func order() map[string]string {
	return map[string]string{
		"notify_type": "servicemarket_order_notify", "method": "alipay.open.servicemarket.order.notify", "charset": "utf-8",
		"commodity_order_id": "2026112100000001", "contactor": "Li & Co", "name": "a=b", "title": "tea&cake", "sign_type": "RSA2",
	}
}

// drawnTogether are the readings of a signed text in which neighbours, two or more, are
// one value.
func drawnTogether(params url.Values, form cnwire.NotificationForm) map[string]url.Values {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "sign" && (name != "sign_type" || form.SignType) {
			names = append(names, name)
		}
	}
	readings := map[string]url.Values{}
	for first := range names {
		for last := first + 1; last < len(names); last++ {
			reading := maps.Clone(params)
			var value strings.Builder
			value.WriteString(params.Get(names[first]))
			for _, name := range names[first+1 : last+1] {
				value.WriteString("&" + name + "=" + params.Get(name))
				reading.Del(name)
			}
			reading.Set(names[first], value.String())
			readings[names[first]+" to "+names[last]] = reading
		}
	}
	return readings
}

// The signed text does not mark where a parameter ends. Whoever has a signed
// notification may draw its parameters together without breaking the signature.
func TestParametersDrawnTogetherAreNoNewMessage(t *testing.T) {
	for name, fields := range map[string]map[string]string{
		"authorization":     grant(wholeGrant),
		"message":           message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`),
		"with a serial":     with(grant(wholeGrant), "alipay_cert_sn", "866efef280dec9137a87d047ac446315"),
		"order":             order(),
		"whole order":       wholeOrder(),
		"order for the app": with(with(order(), "app_id", isvAppID), "notify_id", "7"),
	} {
		for _, form := range []cnwire.NotificationForm{{}, messageForm()} {
			t.Run(fmt.Sprintf("%s %+v", name, form), func(t *testing.T) {
				good := signed(t, fields, form)
				r := newReceiver(t)
				r.succeeds(t, good)
				readings := drawnTogether(good, form)
				require.NotEmpty(t, readings)
				for what, reading := range readings {
					_, _ = r.post(t.Context(), reading)
					require.Equal(t, 1, r.calls(), what)
				}
				if fields["app_id"] == "" || fields["contactor"] != "" {
					return
				}
				// Nor can one come first, and make the real one look old.
				r = newReceiver(t)
				for what, reading := range readings {
					status, text := r.post(t.Context(), reading)
					require.Equal(t, "fail", text, what)
					require.Equal(t, refusedStatus(status), status, what)
				}
				require.Zero(t, r.calls())
				r.succeeds(t, good)
			})
		}
	}
}

func TestAnotherAppsMessageIsNeverOurs(t *testing.T) {
	for name, fields := range map[string]map[string]string{
		"authorization": grant(wholeGrant),
		"with a serial": with(grant(wholeGrant), "alipay_cert_sn", "866efef280dec9137a87d047ac446315"),
		"with an address, which sorts before app_id":     with(message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), "address", "x"),
		"with a text that somebody chose":                with(message("some.kind", `{}`), "address", "x&app_id="+isvAppID),
		"with a text that somebody chose, and took away": with(message("some.kind", `{}`), "address", "x&app_id="+isvAppID+"&biz_content={}"),
	} {
		for _, form := range []cnwire.NotificationForm{{}, messageForm()} {
			params := signed(t, with(fields, "app_id", "2021009900000999"), form)
			readings := drawnTogether(params, form)
			readings["as it is"] = params
			if text := params.Get("address"); strings.HasPrefix(text, "x&") { // and taken apart
				apart := maps.Clone(params)
				apart.Set("address", "x")
				apart.Set("app_id", isvAppID+"&app_id=2021009900000999")
				readings["taken apart"] = apart
			}
			r := newReceiver(t)
			for what, reading := range readings {
				status, text := r.post(t.Context(), reading)
				require.Equal(t, "fail", text, "%s: %s", name, what)
				require.Equal(t, refusedStatus(status), status, what)
			}
			require.Zero(t, r.calls())
		}
	}
}

func TestSeparatorsInsideValuesAreData(t *testing.T) {
	r := newReceiver(t)
	for i, fields := range []map[string]string{
		message(KindAuditRejected, `{"mini_app_version":"0.0.1","audit_reason":"see https://x.example/?a=1&app_id=2&notify_id=3;b=%26"}`),
		with(order(), "title", "a&b=c;d&&=%26+ ="),
		with(order(), "title", "&"),
	} {
		r.succeeds(t, signed(t, fields, messageForm()))
		require.Len(t, r.events, i+1)
	}
	rejected, ok := r.events[0].(*AuditRejected)
	require.True(t, ok)
	require.Equal(t, "see https://x.example/?a=1&app_id=2&notify_id=3;b=%26", rejected.Reason)
}

func TestNotificationsInEveryCharset(t *testing.T) {
	gbk := func(text string) string {
		encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
		require.NoError(t, err)
		return encoded
	}
	const content = `{"mini_app_version":"0.0.1","audit_reason":"首页空白 50% A+B"}`
	fields := func(charset, content string) map[string]string {
		return with(message(KindAuditRejected, content), "charset", charset)
	}
	for name, c := range map[string]struct {
		contentType string
		fields      map[string]string
	}{
		"UTF-8":                             {"application/x-www-form-urlencoded; charset=UTF-8", fields("UTF-8", content)},
		"UTF-8 by parameter, GBK by header": {"application/x-www-form-urlencoded; charset=GBK", fields("utf-8", content)},
		"UTF-8 that nothing names":          {"application/x-www-form-urlencoded", fields("", content)},
		"UTF-8, GBK by header alone":        {"application/x-www-form-urlencoded; charset=GBK", fields("", content)},
		"GBK":                               {"application/x-www-form-urlencoded; charset=GBK", fields("GBK", gbk(content))},
		"GBK as it was seen":                {"application/x-www-form-urlencoded; text/html; charset=gbk", fields("gbk", gbk(content))},
		"GBK by parameter alone":            {"application/x-www-form-urlencoded", fields("GB2312", gbk(content))},
		"GBK by parameter, UTF-8 by header": {"application/x-www-form-urlencoded; charset=utf-8", fields("GB18030", gbk(content))},
		"GBK by header alone":               {`application/x-www-form-urlencoded; charset="GBK"`, fields("", gbk(content))},
	} {
		for _, form := range []cnwire.NotificationForm{{}, {SignType: true}, {EmptyValues: true}, messageForm()} {
			t.Run(fmt.Sprintf("%s %+v", name, form), func(t *testing.T) {
				r := newReceiver(t)
				req := request(t.Context(), signed(t, c.fields, form).Encode())
				req.Header.Set("Content-Type", c.contentType)
				status, text := answerTo(r, req)
				requireSuccess(t, status, text)
				rejected, ok := r.events[0].(*AuditRejected)
				require.True(t, ok, "%v", r.events[0])
				require.Equal(t, "首页空白 50% A+B", rejected.Reason)
				require.Equal(t, content, rejected.Fields()["biz_content"]) //nolint:testifylint // to the byte
			})
		}
	}
}

func TestEncryptedContentIsDecrypted(t *testing.T) {
	const key, other = "aa4BtZ4tspm2wnXLb1ThQA==", "c2hhcmVkLWFlcy1rZXktMQ=="
	aes, err := cnwire.ParseAESKey([]byte(key))
	require.NoError(t, err)
	encrypted := func(charset, kind, content string) map[string]string {
		return with(with(message(kind, string(aes.Encrypt([]byte(content)))), "encrypt_type", "AES"), "charset", charset)
	}
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(`{"mini_app_version":"0.0.1","audit_reason":"首页"}`)
	require.NoError(t, err)
	withKey := func(key string) func(*NotificationOptions) {
		return func(o *NotificationOptions) { o.AESKey = []byte(key) }
	}

	r := newReceiver(t, withKey(key))
	for _, fields := range []map[string]string{
		encrypted("UTF-8", KindAuditRejected, `{"mini_app_version":"0.0.1","audit_reason":"首页"}`),
		with(encrypted("GBK", KindAuditRejected, gbk), "notify_id", "2"),
	} {
		r.succeeds(t, signed(t, fields, messageForm()))
		rejected, ok := r.events[len(r.events)-1].(*AuditRejected)
		require.True(t, ok)
		require.Equal(t, "首页", rejected.Reason)
	}
	require.Len(t, r.events, 2)
	r.succeeds(t, signed(t, with(encrypted("UTF-8", "some.kind", `{"a":1}`), "notify_id", "3"), messageForm()))
	require.JSONEq(t, `{"a":1}`, r.events[2].Info().Fields()["biz_content"])

	for name, c := range map[string]struct {
		change func(*NotificationOptions)
		fields map[string]string
		says   string
	}{
		"no key":      {func(*NotificationOptions) {}, encrypted("UTF-8", KindAuditPassed, `{}`), "give the AES key that the console shows for the app (NotificationOptions.AESKey)"},
		"another key": {withKey(other), encrypted("UTF-8", KindAuditPassed, `{}`), "check that NotificationOptions.AESKey"},
		"another way": {withKey(key), with(encrypted("UTF-8", KindAuditPassed, `{}`), "encrypt_type", "SM4"), "another way than AES"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, c.change)
			r.succeeds(t, signed(t, c.fields, messageForm()))
			unknown, ok := r.events[0].(*UnknownNotification)
			require.True(t, ok)
			require.Contains(t, unknown.Problem, c.says)
			require.Contains(t, r.log.String(), c.says)
			require.Equal(t, KindAuditPassed, unknown.Kind)
		})
	}
	t.Run("changed on its way", func(t *testing.T) {
		r := newReceiver(t, withKey(key))
		good := signed(t, encrypted("UTF-8", KindAuditPassed, `{"mini_app_version":"0.0.1"}`), messageForm())
		r.fails(t, http.StatusForbidden, replaced(good, "biz_content", string(aes.Encrypt([]byte(`{"mini_app_version":"0.0.2"}`)))))
	})
}

// refusedStatus allows both refusals: a wrong charset is refused before the
// signature is checked.
func refusedStatus(status int) int {
	if status == http.StatusBadRequest {
		return status
	}
	return http.StatusForbidden
}

func TestNotificationsWithoutAppIDAreNeverTyped(t *testing.T) {
	fields := grant(wholeGrant)
	delete(fields, "app_id")
	r := newReceiver(t)
	r.succeeds(t, signed(t, fields, messageForm()))
	require.IsType(t, &UnknownNotification{}, r.events[0])
}

func TestNotificationsOfCertificateMode(t *testing.T) {
	oldText, oldSN := certificatePEM(t, testkey.FastKey(), 1)
	nextText, nextSN := certificatePEM(t, testkey.FastOther(), 2)
	certificates := func(o *NotificationOptions) {
		o.AlipayPublicKey, o.AlipayCertificates = nil, [][]byte{oldText, nextText}
	}
	withKey := func(o *NotificationOptions) { o.AlipayCertificates = [][]byte{nextText} }
	for name, c := range map[string]struct {
		options func(*NotificationOptions)
		key     *testkey.Signer
		sn      string
		status  int
		logs    string
	}{
		"the present one":                 {certificates, testkey.FastKey(), oldSN, 200, ""},
		"the next one":                    {certificates, testkey.FastOther(), nextSN, 200, ""},
		"the key of another":              {certificates, testkey.FastKey(), nextSN, 403, ""},
		"no serial, the first":            {certificates, testkey.FastKey(), "", 200, ""},
		"no serial, the second":           {certificates, testkey.FastOther(), "", 200, ""},
		"a serial that nobody gave":       {certificates, testkey.FastKey(), "866efef280dec9137a87d047ac446315", 403, "add Alipay's new certificate"},
		"a serial, but a key":             {withKey, testkey.FastKey(), oldSN, 200, ""},
		"a serial whose key is not meant": {withKey, testkey.FastKey(), nextSN, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, c.options)
			fields := grant(wholeGrant)
			if c.sn != "" {
				fields["alipay_cert_sn"] = c.sn
			}
			status, _ := r.post(t.Context(), signedWith(t, c.key, fields, messageForm()))
			require.Equal(t, c.status, status)
			require.Contains(t, r.log.String(), c.logs)
		})
	}
}
