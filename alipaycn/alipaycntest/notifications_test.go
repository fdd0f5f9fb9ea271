package alipaycntest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func TestNotificationsAreUnderstoodByTheHandler(t *testing.T) {
	w := newHarness(t)
	var got alipaycn.Notification
	handler, err := alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID: isv, AlipayPublicKey: w.g.AlipayPublicKey(),
		Handle: func(_ context.Context, event alipaycn.Notification) error { got = event; return nil },
	})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()

	info := alipaycn.NotificationInfo{AppID: isv}
	version := alipaycn.AuditedVersion{MiniAppID: mini, Version: "0.0.1", BundleID: alipaycn.BundleAlipay}
	token := alipaycn.Token{AppAuthToken: "token-1", AppRefreshToken: "refresh-1", AuthAppID: mini, UserID: "2088", ExpiresIn: 1, RefreshExpiresIn: 2}
	for _, sent := range []alipaycn.Notification{
		&alipaycn.AuditPassed{NotificationInfo: info, AuditedVersion: version},
		&alipaycn.AuditRejected{
			NotificationInfo: info, AuditedVersion: version, Reason: "a=b&c %41+", BaseAudit: alipaycn.AuditResultReject,
			BaseReasons: alipaycn.AuditRecord{Images: []string{"https://pictures.invalid/1.png"}, Memos: []alipaycn.AuditMemo{{Memo: "no"}}},
		},
		&alipaycn.AuthorizationGranted{NotificationInfo: info, Token: token, AppAuthCode: "code-1", Trigger: "alipay", OutBizNo: "7"},
		&alipaycn.AuthorizationCancelled{NotificationInfo: info, AuthAppID: mini, UserID: "2088"},
		&alipaycn.MerchantConfirmed{NotificationInfo: info, OrderNo: "1", OutOrderNo: "2", MiniAppID: mini},
		&alipaycn.OrderPlaced{
			NotificationInfo: info, OrderID: "7", Title: "tea & cake", MerchantPID: "2088", MerchantName: "蓝湖", Contact: "Li & Co", Phone: "131",
			Items: 1, TotalPrice: "0.01", MiniAppID: mini, ServiceCode: "AM01", OrderTicket: "t=1",
		},
	} {
		got = nil
		require.NoError(t, w.g.SendNotification(t.Context(), server.URL+"?x=1", sent))
		require.IsType(t, sent, got)
		require.NotEmpty(t, got.Info().NotifyID)
		require.False(t, got.Info().SentAt.IsZero())
		switch e := got.(type) { // all but the envelope is as it was sent
		case *alipaycn.AuditPassed:
			e.NotificationInfo = info
		case *alipaycn.AuditRejected:
			e.NotificationInfo = info
		case *alipaycn.AuthorizationGranted:
			e.NotificationInfo = info
		case *alipaycn.AuthorizationCancelled:
			e.NotificationInfo = info
		case *alipaycn.MerchantConfirmed:
			e.NotificationInfo = info
		case *alipaycn.OrderPlaced:
			e.NotificationInfo = info
		}
		require.Equal(t, sent, got)
	}
}

func TestEncryptedNotificationsAreUnderstoodByTheHandler(t *testing.T) {
	const key, encrypting = "c2hhcmVkLWFlcy1rZXktMQ==", "2021000000000009"
	w := newHarness(t, alipaycntest.WithEncryptedNotifications())
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: encrypting, AESKey: []byte(key)}))
	verifier, err := alipaycn.NewNotificationVerifier(alipaycn.NotificationOptions{
		AppID: encrypting, AlipayPublicKey: w.g.AlipayPublicKey(), AESKey: []byte(key),
	})
	require.NoError(t, err)
	event := &alipaycn.AuditPassed{NotificationInfo: alipaycn.NotificationInfo{AppID: encrypting}, AuditedVersion: alipaycn.AuditedVersion{Version: "0.0.1"}}

	params, err := w.g.Notification(event)
	require.NoError(t, err)
	require.NotContains(t, params.Get("biz_content"), "0.0.1")
	n, err := verifier.Verify(params)
	require.NoError(t, err)
	passed, ok := n.(*alipaycn.AuditPassed)
	require.True(t, ok)
	require.Equal(t, event.Version, passed.Version)

	event.AppID = isv
	_, err = w.g.Notification(event)
	require.ErrorContains(t, err, "has no AES key to encrypt with")
}

func TestTheConsolesCheckIsAnsweredByTheHandler(t *testing.T) {
	w := newHarness(t)
	answer := func(change func(*alipaycn.NotificationOptions)) http.Handler {
		opts := alipaycn.NotificationOptions{
			AppID: isv, AlipayPublicKey: w.g.AlipayPublicKey(), Handle: func(context.Context, alipaycn.Notification) error { return nil },
		}
		change(&opts)
		handler, err := alipaycn.NewNotificationHandler(opts)
		require.NoError(t, err)
		return handler
	}
	for name, c := range map[string]struct {
		handler http.Handler
		appID   string
		says    string
	}{
		"signed":          {answer(func(o *alipaycn.NotificationOptions) { o.AppSigner = testkey.FastClient() }), isv, ""},
		"unsigned":        {answer(func(*alipaycn.NotificationOptions) {}), isv, ""},
		"another app key": {answer(func(o *alipaycn.NotificationOptions) { o.AppSigner = testkey.FastOther() }), isv, "signature does not match"},
		"another app":     {answer(func(*alipaycn.NotificationOptions) {}), mini, "VERIFY_FAILED"},
		"no handler":      {http.NotFoundHandler(), isv, "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			err := w.g.SendGatewayCheck(t.Context(), server.URL, c.appID)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestNotificationsThatCannotBeSent(t *testing.T) {
	w := newHarness(t)
	info := alipaycn.NotificationInfo{AppID: isv}
	require.ErrorContains(t, w.g.SendNotification(t.Context(), "http://x", &alipaycn.AuditPassed{}), "no AppID")
	require.ErrorContains(t, w.g.SendNotification(t.Context(), "http://x", &alipaycn.UnknownNotification{NotificationInfo: info}), "not one that")
	require.ErrorContains(t, w.g.SendNotification(t.Context(), "://", &alipaycn.AuditPassed{NotificationInfo: info}), "send notification")

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fail")) }))
	require.ErrorContains(t, w.g.SendNotification(t.Context(), server.URL, &alipaycn.AuditPassed{NotificationInfo: info}), `"fail", not success`)
	server.Close()
	require.Error(t, w.g.SendNotification(t.Context(), server.URL, &alipaycn.AuditPassed{NotificationInfo: info}))
}

func TestNotificationClientOption(t *testing.T) {
	w := newHarness(t)
	other, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()), alipaycntest.WithNotificationClient(w.g.HTTPClient()))
	require.NoError(t, err)
	// the gateway answers a notification like any call: that it knows no such operation
	err = other.SendNotification(t.Context(), "https://anywhere.invalid/", &alipaycn.AuditPassed{NotificationInfo: alipaycn.NotificationInfo{AppID: isv}})
	require.ErrorContains(t, err, "400")
	require.Len(t, w.g.Calls(), 1)
}
