package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const appID = "2021009900000101"

func publicKeyFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(testkey.Folder(t, map[string][]byte{"alipay-public-key.pem": testkey.PublicPEM()}), "alipay-public-key.pem")
}

// start runs the example until the test ends.
func start(t *testing.T) (address string, stdout, stderr *testkey.Output) {
	t.Helper()
	stdout = new(testkey.Output)
	opts := options{listen: "127.0.0.1:0", publicKey: publicKeyFile(t), appID: appID}
	address, stderr, stop := testkey.Serve(t, "notifications", func(ctx context.Context, stderr io.Writer) int {
		return run(ctx, opts, nil, stdout, log.New(stderr, "", 0))
	})
	t.Cleanup(stop)
	return address, stdout, stderr
}

func message(id, kind, content string) url.Values {
	return url.Values{
		"notify_id": {id}, "msg_method": {kind}, "utc_timestamp": {"1767225600123"}, "app_id": {appID},
		"version": {"1.1"}, "charset": {"UTF-8"}, "sign_type": {"RSA2"}, "biz_content": {content},
	}
}

func post(t *testing.T, address string, params url.Values) string {
	t.Helper()
	sign, err := cnwire.SignNotification(testkey.Key(), params, cnwire.NotificationForm{SignType: true})
	require.NoError(t, err)
	params.Set("sign", sign)
	return postAsIs(t, address, params)
}

func postAsIs(t *testing.T, address string, params url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(params.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(text)
}

func TestOneLineForEachEvent(t *testing.T) {
	address, stdout, _ := start(t)
	authorized := message("3", "", `{"detail":{"app_auth_token":"202611BBsecret","auth_app_id":"2021009900000202","user_id":"2088000000000001"}}`)
	authorized.Set("notify_type", "open_app_auth_notify")
	authorized.Set("status", "execute_auth")
	for _, params := range []url.Values{
		message("1", "alipay.open.mini.version.audit.passed", `{"mini_app_id":"2021009900000202","mini_app_version":"0.0.1"}`),
		message("2", "alipay.open.mini.version.audit.rejected", `{"mini_app_id":"2021009900000202","mini_app_version":"0.0.2","audit_reason":"two\nlines",
			"base_audit_reason":{"memos":[{"memo":"empty page","memo_image_list":["https://img/1.png"]}]},"promote_audit_reason":{"memos":[{"memo":"no scene"}]}}`),
		authorized,
		message("4", "alipay.open.auth.appauth.cancelled", `{"auth_app_id":"2021009900000202"}`),
		message("5", "alipay.open.mini.merchant.confirmed", `{"order_no":"o1"}`),
		message("6", "something.new", `{}`),
		message("7", "alipay.open.mini.version.audit.passed", `{}`),
		message("1", "alipay.open.mini.version.audit.passed", `{"mini_app_id":"2021009900000202","mini_app_version":"0.0.1"}`),
	} {
		require.Equal(t, "success", post(t, address, params))
	}
	require.Equal(t, `passed: version "0.0.1" of mini program "2021009900000202"
rejected: version "0.0.2" of mini program "2021009900000202": "two\nlines"; admission: "empty page", pictures ["https://img/1.png"]; promotion: "no scene", pictures []
authorized: app "2021009900000202" of merchant "2088000000000001"
authorization withdrawn: app "2021009900000202" of merchant ""
confirmed: mini program "" of order "o1"
unknown: notification "6" of kind "something.new" for app "2021009900000101"
unknown: notification "7" of kind "alipay.open.mini.version.audit.passed" for app "2021009900000101": biz_content has no mini_app_version
`, stdout.String())
}

func TestTheStandInsNotificationsArePrinted(t *testing.T) {
	// Given a stand-in for AlipayCN whose public key the example has
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()))
	require.NoError(t, err)
	address, stdout, _ := start(t)
	info := alipaycn.NotificationInfo{NotifyID: "1", AppID: appID}

	// When the console checks the address, and it sends a verdict twice, and one for another app
	passed := &alipaycn.AuditPassed{NotificationInfo: info, AuditedVersion: alipaycn.AuditedVersion{MiniAppID: "2021009900000202", Version: "0.0.1"}}
	require.NoError(t, g.SendGatewayCheck(t.Context(), address, appID))
	require.NoError(t, g.SendNotification(t.Context(), address, passed))
	require.NoError(t, g.SendNotification(t.Context(), address, passed))
	passed.AppID = "2021009900000999"
	require.ErrorContains(t, g.SendNotification(t.Context(), address, passed), "403 Forbidden")

	// Then it is printed once
	require.Equal(t, "passed: version \"0.0.1\" of mini program \"2021009900000202\"\n", stdout.String())
}

func TestForgedNotificationsAreNotPrinted(t *testing.T) {
	address, stdout, stderr := start(t)
	require.Equal(t, "fail", postAsIs(t, address, message("1", "something.new", `{}`)))
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "a notification was refused")
}

func TestACallInFlightFinishes(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var stderr testkey.Output
	progress := log.New(&stderr, "", 0)
	stopping := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		<-stopping
		_, _ = io.WriteString(w, "finished")
	})
	served := make(chan error, 1)
	go func() { served <- serve(ctx, handler, "127.0.0.1:0", progress) }()
	says := func(text string) bool { return strings.Contains(stderr.String(), text) }
	require.Eventually(t, func() bool { return says("http://") }, time.Minute, time.Millisecond)
	go func() {
		for !says("stopping") {
			time.Sleep(time.Millisecond)
		}
		close(stopping)
	}()
	_, address, _ := strings.Cut(stderr.String(), "http://")
	address, _, _ = strings.Cut(address, ";")
	require.Equal(t, "finished", postAsIs(t, "http://"+address, nil))
	require.NoError(t, <-served)
}

func TestWrongUseIsOneLine(t *testing.T) {
	key := publicKeyFile(t)
	for name, c := range map[string]struct {
		opts   options
		args   []string
		status int
		says   string
	}{
		"a word too many": {options{}, []string{"now"}, 2, `error: there are flags only, and "now" is none`},
		"no key":          {options{appID: appID, publicKey: filepath.Join(t.TempDir(), "missing")}, nil, 1, "error: -public-key: open "},
		"a folder as key": {options{appID: appID, publicKey: t.TempDir()}, nil, 1, "error: -public-key: read "},
		"no app":          {options{publicKey: key}, nil, 1, "error: -app-id is missing: give the id of the app that the notifications are for\n"},
		"no app key":      {options{publicKey: key, appID: appID, appKey: "missing"}, nil, 1, "error: -app-key: open "},
		"no AES key":      {options{publicKey: key, appID: appID, aesKey: "missing"}, nil, 1, "error: -aes-key: open "},
		"no address":      {options{publicKey: key, appID: appID, listen: "nowhere"}, nil, 1, "nowhere"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), c.opts, c.args, io.Discard, log.New(&stderr, "", 0)), name)
		require.Contains(t, stderr.String(), c.says, name)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), name)
	}
}
