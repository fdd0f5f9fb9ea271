package alipaycntest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// Notification returns the signed parameters of a notification, as AlipayCN
// posts them to an application gateway: an [*alipaycn.AuthorizationGranted] as
// open_app_auth_notify, an [*alipaycn.OrderPlaced] as servicemarket_order_notify, and
// an [*alipaycn.AuditPassed], [*alipaycn.AuditRejected],
// [*alipaycn.AuthorizationCancelled] or [*alipaycn.MerchantConfirmed] as a
// message of the From-Ant service. The event's AppID is the app that is notified;
// NotifyID and SentAt are generated where they are not given.
//
// The content of these messages is not documented but for a few fields; it
// follows what AlipayCN has been seen to send. Which of them sign their sign_type is
// inferred: open_app_auth_notify does not, the others do; of two orders that were seen, one
// did.
func (g *Gateway) Notification(event alipaycn.Notification) (url.Values, error) {
	info := event.Info()
	if info.AppID == "" {
		return nil, errors.New("alipaycntest: notification: the event has no AppID; set NotificationInfo{AppID: ...}")
	}
	id, at := info.NotifyID, info.SentAt
	if id == "" {
		id = rand.Text()
	}
	if at.IsZero() {
		at = time.Now()
	}
	params := url.Values{"notify_id": {id}, "app_id": {info.AppID}, "charset": {"UTF-8"}, "sign_type": {"RSA2"}}
	if placed, isOrder := event.(*alipaycn.OrderPlaced); isOrder {
		maps.Copy(params, orderParams(placed, wireTime(at)))
		return g.signed(params, cnwire.NotificationForm{SignType: true, EmptyValues: true})
	}
	method, content := contentOf(event)
	if content == nil {
		return nil, fmt.Errorf("alipaycntest: notification: %T is not one that the gateway sends", event)
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("alipaycntest: notification: %w", err)
	}
	params.Set("biz_content", string(text))
	granted, isGrant := event.(*alipaycn.AuthorizationGranted)
	if isGrant {
		params.Set("notify_type", alipaycn.KindAuthorizationGranted)
		params.Set("status", "execute_auth")
		params.Set("version", "1.0")
		params.Set("auth_app_id", granted.Token.AuthAppID)
		params.Set("notify_time", wireTime(at))
	} else {
		params.Set("msg_method", method)
		params.Set("msg_type", "sys")
		params.Set("version", "1.1")
		params.Set("utc_timestamp", strconv.FormatInt(at.UnixMilli(), 10))
	}
	if g.cfg.encryptNotifications {
		key := g.appAESKey(info.AppID)
		if key == nil {
			return nil, fmt.Errorf("alipaycntest: notification: app %.32q has no AES key to encrypt with; give it one (App.AESKey)", info.AppID)
		}
		params.Set("encrypt_type", "AES")
		params.Set("biz_content", string(key.Encrypt(text)))
	}
	return g.signed(params, cnwire.NotificationForm{SignType: !isGrant, EmptyValues: true})
}

// orderParams are the parameters of an order's message, which has no biz_content.
func orderParams(e *alipaycn.OrderPlaced, sentAt string) url.Values {
	params := url.Values{
		"notify_type": {alipaycn.KindOrderPlaced}, "method": {"alipay.open.servicemarket.order.notify"}, "version": {"1.0"},
		"notify_time": {sentAt}, "timestamp": {sentAt},
		"commodity_order_id": {e.OrderID}, "title": {e.Title}, "merchant_pid": {e.MerchantPID}, "name": {e.MerchantName},
		"contactor": {e.Contact}, "phone": {e.Phone}, "order_item_num": {strconv.Itoa(e.Items)}, "total_price": {e.TotalPrice},
		"service_code": {e.ServiceCode}, "order_ticket": {e.OrderTicket}, "isv_ticket": {e.ISVTicket}, "consumer_miniAppId": {e.MiniAppID},
	}
	if !e.OrderedAt.IsZero() {
		params.Set("order_time", wireTime(e.OrderedAt))
	}
	return params
}

func (g *Gateway) appAESKey(appID string) *cnwire.AESKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.apps[appID]; a != nil {
		return a.aes
	}
	return nil
}

// wireTime writes a time as AlipayCN does.
func wireTime(at time.Time) string {
	text, err := alipaycn.Time{Time: at}.MarshalJSON()
	if err != nil {
		panic(err) // it never fails
	}
	return strings.Trim(string(text), `"`)
}

// SendNotification posts a notification, see [Gateway.Notification], to an
// address. It returns an error unless the answer is "success"; AlipayCN would
// then send it again.
func (g *Gateway) SendNotification(ctx context.Context, address string, event alipaycn.Notification) error {
	params, err := g.Notification(event)
	if err != nil {
		return err
	}
	// As AlipayCN was seen to send it, though text/html is no parameter.
	status, answer, err := g.post(ctx, address, params, "application/x-www-form-urlencoded; text/html; charset=UTF-8")
	if err == nil && (status != http.StatusOK || strings.TrimSpace(answer) != "success") {
		err = fmt.Errorf("the answer is %d %s %.64q, not success", status, http.StatusText(status), answer)
	}
	if err != nil {
		return fmt.Errorf("alipaycntest: send notification: %w", err)
	}
	return nil
}

// GatewayCheck returns the signed parameters of the console's check of a gateway
// address (alipay.service.check), as for the app of that id.
func (g *Gateway) GatewayCheck(appID string) (url.Values, error) {
	params := url.Values{
		"service": {cnwire.GatewayCheckService}, "charset": {"GBK"}, "sign_type": {"RSA2"},
		"biz_content": {cnwire.GatewayCheckContent(appID, time.Now().UnixMilli())},
	}
	return g.signed(params, cnwire.NotificationForm{SignType: true, EmptyValues: true})
}

// SendGatewayCheck posts the console's check, see [Gateway.GatewayCheck], to an
// address. It returns an error unless the answer says success and, where it is
// signed, is signed by the app.
func (g *Gateway) SendGatewayCheck(ctx context.Context, address, appID string) error {
	params, err := g.GatewayCheck(appID)
	if err != nil {
		return err
	}
	status, answer, err := g.post(ctx, address, params, "application/x-www-form-urlencoded; charset=GBK")
	switch {
	case err != nil:
	case status != http.StatusOK:
		err = fmt.Errorf("the answer is %d %s %.64q", status, http.StatusText(status), answer)
	case strings.Contains(answer, "<sign>"):
		err = cnwire.VerifyGatewayCheckAnswer(g.appKey(appID), answer)
	default:
		err = cnwire.VerifyGatewayCheckAnswer(nil, answer)
	}
	if err != nil {
		return fmt.Errorf("alipaycntest: send the check of the gateway: %w", err)
	}
	return nil
}

// appKey is nil for an app that is unknown, or has no key.
func (g *Gateway) appKey(appID string) *rsa.PublicKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.apps[appID]; a != nil {
		return a.key
	}
	return nil
}

func (g *Gateway) signed(params url.Values, form cnwire.NotificationForm) (url.Values, error) {
	key, serial := g.identity()
	if serial != "" {
		params.Set("alipay_cert_sn", serial)
	}
	sign, err := cnwire.SignNotification(key, params, form)
	if err != nil {
		return nil, fmt.Errorf("alipaycntest: notification: %w", err)
	}
	params.Set("sign", sign)
	return params, nil
}

// post returns the beginning of the answer.
func (g *Gateway) post(ctx context.Context, address string, params url.Values, contentType string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(params.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := g.cfg.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	const longest = 8 << 10
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, string(body), nil
}

// contentOf returns the method and the biz_content of an event; a nil content for
// one that the gateway does not send.
func contentOf(event alipaycn.Notification) (method string, content map[string]any) {
	switch e := event.(type) {
	case *alipaycn.AuditPassed:
		return alipaycn.KindAuditPassed, auditContent(e.AuditedVersion)
	case *alipaycn.AuditRejected:
		content := auditContent(e.AuditedVersion)
		content["audit_reason"] = e.Reason
		content["base_audit"], content["base_audit_reason"] = e.BaseAudit, e.BaseReasons
		content["promote_audit"], content["promote_audit_reason"] = e.PromoteAudit, e.PromoteReasons
		return alipaycn.KindAuditRejected, content
	case *alipaycn.AuthorizationCancelled:
		return alipaycn.KindAuthorizationCancelled, map[string]any{"auth_app_id": e.AuthAppID, "user_id": e.UserID}
	case *alipaycn.MerchantConfirmed:
		return alipaycn.KindMerchantConfirmed, map[string]any{"order_no": e.OrderNo, "out_order_no": e.OutOrderNo, "mini_app_id": e.MiniAppID}
	case *alipaycn.AuthorizationGranted:
		return alipaycn.KindAuthorizationGranted, grantContent(e)
	default:
		return "", nil
	}
}

func auditContent(v alipaycn.AuditedVersion) map[string]any {
	return map[string]any{"mini_app_id": v.MiniAppID, "mini_app_version": v.Version, "bundle_id": v.BundleID}
}

func grantContent(e *alipaycn.AuthorizationGranted) map[string]any {
	detail := map[string]any{
		"app_id": e.AppID, "auth_app_id": e.Token.AuthAppID, "user_id": e.Token.UserID,
		"app_auth_token": e.Token.AppAuthToken, "app_refresh_token": e.Token.AppRefreshToken, "app_auth_code": e.AppAuthCode,
		"expires_in": int64(e.Token.ExpiresIn), "re_expires_in": int64(e.Token.RefreshExpiresIn),
	}
	if !e.AuthorizedAt.IsZero() {
		detail["auth_time"] = e.AuthorizedAt.UnixMilli()
	}
	return map[string]any{
		"notify_context": map[string]any{"trigger": e.Trigger, "trigger_context": map[string]any{"out_biz_no": e.OutBizNo}},
		"detail":         detail,
	}
}
