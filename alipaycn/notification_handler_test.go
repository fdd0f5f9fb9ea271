package alipaycn

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestRequestsThatAreNoNotificationsAreRefused(t *testing.T) {
	good := signed(t, grant(wholeGrant), messageForm())
	body := good.Encode()
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		logs   string
	}{
		"GET":                {func(r *http.Request) { r.Method = http.MethodGet }, 405, "notifications come by POST"},
		"no content type":    {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, `the content type is \"\"`},
		"JSON":               {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, `the content type is \"application/json\"`},
		"another charset":    {setBody(signed(t, with(grant(wholeGrant), "charset", "latin1"), messageForm()).Encode()), 400, "latin1"},
		"not UTF-8":          {setBody(signed(t, with(grant(wholeGrant), "title", "\xb0\xd7"), messageForm()).Encode()), 400, "not UTF-8"},
		"not GBK":            {setBody(signed(t, with(with(grant(wholeGrant), "title", "\xff\xff"), "charset", "GBK"), messageForm()).Encode()), 400, `not in the charset \"GBK\"`},
		"no form":            {setBody("sign=%zz"), 400, "no form"},
		"a bare semicolon":   {setBody(body + ";x=1"), 400, "a semicolon that is not encoded"},
		"a parameter twice":  {setBody(body + "&app_id=" + isvAppID), 400, "comes 2 times"},
		"an empty body":      {setBody(""), 400, "it must call r.ParseForm, or put the body back"},
		"a cut body":         {func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), brokenReader{})) }, 400, "could not be read"},
		"no signature":       {setBody(without(good, "sign").Encode()), 403, ""},
		"an empty signature": {setBody(replaced(good, "sign", "").Encode()), 403, ""},
		"another key":        {setBody(signedWith(t, testkey.FastOther(), grant(wholeGrant), messageForm()).Encode()), 403, ""},
		"another app": {
			setBody(signed(t, with(grant(wholeGrant), "app_id", "2021009900000999"), messageForm()).Encode()), 403,
			`it is for app \"2021009900000999\", not for \"2021009900000101\"`,
		},
		"signed in the query only": {func(r *http.Request) { r.URL.RawQuery = body; setBody("notify_type=x")(r) }, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			req := request(t.Context(), body)
			c.change(req)
			status, text := answerTo(r, req)
			requireFail(t, c.status, status, text)
			require.Zero(t, r.calls())
			require.Contains(t, r.log.String(), "a notification was refused")
			require.Contains(t, r.log.String(), c.logs)
			require.NotContains(t, r.log.String(), "secret")
		})
	}
}

func setBody(body string) func(*http.Request) {
	return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(body)) }
}

func without(params url.Values, name string) url.Values {
	params = maps.Clone(params)
	params.Del(name)
	return params
}

func replaced(params url.Values, name, value string) url.Values {
	params = maps.Clone(params)
	params.Set(name, value)
	return params
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestContentTypeIsReadAsAlipayCNWritesIt(t *testing.T) {
	body := signed(t, grant(wholeGrant), messageForm()).Encode()
	for _, kind := range []string{
		"application/x-www-form-urlencoded",
		"application/x-www-form-urlencoded; text/html; charset=UTF-8", // seen; package mime refuses it
		"application/x-www-form-urlencoded;charset=utf-8;",
		`Application/X-WWW-Form-Urlencoded; Charset="UTF-8"`,
	} {
		req := request(t.Context(), body)
		req.Header.Set("Content-Type", kind)
		status, text := answerTo(newReceiver(t), req)
		requireSuccess(t, status, text)
	}
}

func TestTheQueryOfTheAddressIsIgnored(t *testing.T) {
	r := newReceiver(t)
	req := request(t.Context(), signed(t, grant(wholeGrant), messageForm()).Encode())
	req.URL.RawQuery = "tenant=7&app_id=other"
	status, text := answerTo(r, req)
	requireSuccess(t, status, text)
	require.Equal(t, isvAppID, r.events[0].Info().AppID)
}

func TestLongBodiesAreRefused(t *testing.T) {
	body := signed(t, grant(wholeGrant), messageForm()).Encode()
	limit := func(n int) func(*NotificationOptions) {
		return func(o *NotificationOptions) { o.MaxBodyBytes = int64(n) }
	}
	status, text := answerTo(newReceiver(t, limit(len(body))), request(t.Context(), body))
	requireSuccess(t, status, text)
	status, text = answerTo(newReceiver(t, limit(len(body)-1)), request(t.Context(), body))
	requireFail(t, http.StatusRequestEntityTooLarge, status, text)
	status, text = answerTo(newReceiver(t), request(t.Context(), strings.Repeat("x", 1<<20+1)))
	requireFail(t, http.StatusRequestEntityTooLarge, status, text)
}

func TestAppsMayShareOneSeenStore(t *testing.T) {
	seen := NewMemorySeenStore(0)
	const other = "2021009900000999"
	ours := newReceiver(t, func(o *NotificationOptions) { o.Seen = seen })
	theirs := newReceiver(t, func(o *NotificationOptions) { o.Seen, o.AppID = seen, other })
	fields := message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`)
	ours.succeeds(t, signed(t, fields, messageForm()))
	theirs.succeeds(t, signed(t, with(fields, "app_id", other), messageForm()))
	require.Equal(t, 1, ours.calls())
	require.Equal(t, 1, theirs.calls())
}

func TestHandlerBehindAMiddlewareThatHasReadTheForm(t *testing.T) {
	body := signed(t, grant(wholeGrant), messageForm()).Encode()
	for name, c := range map[string]struct {
		middleware func(*http.Request)
		status     int
		says       string
	}{
		"ParseForm":                 {func(r *http.Request) { _ = r.ParseForm() }, 200, ""},
		"FormValue":                 {func(r *http.Request) { _ = r.FormValue("x") }, 200, ""},
		"ParseForm, with a query":   {func(r *http.Request) { r.URL.RawQuery = "app_id=x&notify_id=y"; _ = r.ParseForm() }, 200, ""},
		"it read the body":          {func(r *http.Request) { _, _ = io.ReadAll(r.Body) }, 400, "it must call r.ParseForm, or put the body back"},
		"it read, then ParseForm":   {func(r *http.Request) { _, _ = io.ReadAll(r.Body); _ = r.ParseForm() }, 400, "the form is empty"},
		"it read and put back":      {func(r *http.Request) { b, _ := io.ReadAll(r.Body); r.Body = io.NopCloser(bytes.NewReader(b)) }, 200, ""},
		"it took the body away":     {func(r *http.Request) { r.Body = nil }, 400, "put the body back"},
		"a parameter changed":       {func(r *http.Request) { _ = r.ParseForm(); r.PostForm.Set("status", "x") }, 403, ""},
		"a parameter added":         {func(r *http.Request) { _ = r.ParseForm(); r.PostForm.Add("status", "x") }, 400, "comes 2 times"},
		"a form above MaxBodyBytes": {func(r *http.Request) { _ = r.ParseForm(); r.PostForm.Set("x", strings.Repeat("x", 1<<20)) }, 413, "MaxBodyBytes"},
	} {
		for _, kind := range []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; text/html; charset=UTF-8"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				r := newReceiver(t)
				req := request(t.Context(), body)
				req.Header.Set("Content-Type", kind)
				c.middleware(req)
				status, text := answerTo(r, req)
				require.Equal(t, c.status, status, r.log.String())
				require.Equal(t, c.status == http.StatusOK, text == "success")
				require.Contains(t, r.log.String(), c.says)
			})
		}
	}
}

// gatewayCheck is the console's check of the address, in GBK.
func gatewayCheck(t *testing.T, appID, company string) map[string]string {
	t.Helper()
	content, err := simplifiedchinese.GBK.NewEncoder().String(`<?xml version="1.0" encoding="GBK"?><XML><AppId><![CDATA[` + appID + `]]></AppId><FromUserId><![CDATA[]]></FromUserId>` +
		`<CreateTime>1377228401913</CreateTime><MsgType><![CDATA[event]]></MsgType><EventType><![CDATA[verifygw]]></EventType><ActionParam><![CDATA[` + company + `]]></ActionParam><AgreementId/><AccountNo/></XML>`)
	require.NoError(t, err)
	return map[string]string{"service": "alipay.service.check", "charset": "GBK", "sign_type": "RSA2", "biz_content": content}
}

func TestTheConsolesCheckIsAnswered(t *testing.T) {
	ask := func(t *testing.T, r *receiver, params url.Values) (int, string, string) {
		t.Helper()
		req := request(t.Context(), params.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=GBK")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	signer := testkey.FastClient()
	withSigner := func(o *NotificationOptions) { o.AppSigner = signer }
	good := signed(t, gatewayCheck(t, isvAppID, "支付宝"), cnwire.NotificationForm{SignType: true})

	t.Run("signed", func(t *testing.T) {
		r := newReceiver(t, withSigner)
		for range 2 {
			status, kind, answer := ask(t, r, good)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "text/xml; charset=GBK", kind)
			require.NoError(t, cnwire.VerifyGatewayCheckAnswer(&signer.PublicKey, answer))
			public := strings.Join(strings.Split(strings.TrimSpace(string(signer.PublicPEM())), "\n")[1:], "")
			public, _, _ = strings.Cut(public, "-----END")
			require.True(t, strings.HasPrefix(answer, `<?xml version="1.0" encoding="GBK"?><alipay><response><success>true</success><biz_content>`+public+`</biz_content></response><sign>`), answer)
			require.True(t, strings.HasSuffix(answer, `</sign><sign_type>RSA2</sign_type></alipay>`), answer)
		}
		require.Zero(t, r.calls(), "it is no notification")
	})
	t.Run("with a private key", func(t *testing.T) {
		r := newReceiver(t, func(o *NotificationOptions) { o.AppPrivateKey = testkey.ClientPEM() })
		_, _, answer := ask(t, r, good)
		require.NoError(t, cnwire.VerifyGatewayCheckAnswer(&testkey.Client().PublicKey, answer))
	})
	t.Run("without a key", func(t *testing.T) {
		_, _, answer := ask(t, newReceiver(t), good)
		require.Equal(t, `<?xml version="1.0" encoding="GBK"?><alipay><response><success>true</success></response></alipay>`, answer)
	})
	for name, params := range map[string]url.Values{
		"of another key":     signedWith(t, testkey.FastOther(), gatewayCheck(t, isvAppID, ""), messageForm()),
		"unsigned":           without(good, "sign"),
		"for another app":    signed(t, gatewayCheck(t, "2021009900000999", ""), messageForm()),
		"for no app":         signed(t, gatewayCheck(t, "", ""), messageForm()),
		"of another event":   signed(t, with(gatewayCheck(t, isvAppID, ""), "biz_content", "<XML><AppId>"+isvAppID+"</AppId><EventType>follow</EventType></XML>"), messageForm()),
		"that is no XML":     signed(t, with(gatewayCheck(t, isvAppID, ""), "biz_content", "{}"), messageForm()),
		"with more behind":   replaced(good, "more", "x"),
		"of another charset": replaced(good, "charset", "latin1"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, withSigner)
			status, _, answer := ask(t, r, params)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, answer, "<response><success>false</success><error_code>VERIFY_FAILED</error_code><biz_content>")
			require.Contains(t, r.log.String(), "check of the gateway was refused")
			require.Zero(t, r.calls())
		})
	}
	t.Run("the signer fails", func(t *testing.T) {
		r := newReceiver(t, func(o *NotificationOptions) { o.AppSigner = brokenSigner{signer} })
		status, _, answer := ask(t, r, good)
		requireFail(t, http.StatusInternalServerError, status, answer)
		require.Contains(t, r.log.String(), "could not be answered")
	})
}

func TestReplaysAreAnsweredAndNotHandled(t *testing.T) {
	r := newReceiver(t)
	first := signed(t, message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), messageForm())
	later := signed(t, with(message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), "utc_timestamp", "1767225660123"), messageForm())
	for _, params := range []url.Values{first, first, later} {
		r.succeeds(t, params)
	}
	require.Equal(t, 1, r.calls())

	other := signed(t, with(message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), "notify_id", "other"), messageForm())
	r.succeeds(t, other)
	require.Equal(t, 2, r.calls())
}

func TestReplaysWithoutNotifyIDAreRecognizedByTheirSignature(t *testing.T) {
	r := newReceiver(t)
	order := map[string]string{"notify_type": "servicemarket_order_notify", "commodity_order_id": "1"}
	for range 2 {
		r.succeeds(t, signed(t, order, messageForm()))
	}
	require.Equal(t, 1, r.calls())
	r.succeeds(t, signed(t, with(order, "commodity_order_id", "2"), messageForm()))
	require.Equal(t, 2, r.calls())
}

func TestForgedReplayIsRefused(t *testing.T) {
	r := newReceiver(t)
	good := signed(t, grant(wholeGrant), messageForm())
	_, _ = r.post(t.Context(), good)
	r.fails(t, http.StatusForbidden, without(good, "sign"))
}

func TestReplaysAreHandledAfterTheirTime(t *testing.T) {
	for name, c := range map[string]struct{ set, want time.Duration }{"default": {0, 48 * time.Hour}, "an hour": {time.Hour, time.Hour}} {
		t.Run(name, InVirtualTime(func(t *testing.T) {
			r := newReceiver(t, func(o *NotificationOptions) { o.SeenFor = c.set })
			params := signed(t, grant(wholeGrant), messageForm())
			_, _ = r.post(t.Context(), params)
			time.Sleep(c.want - time.Nanosecond)
			_, _ = r.post(t.Context(), params)
			require.Equal(t, 1, r.calls())
			time.Sleep(time.Nanosecond)
			_, _ = r.post(t.Context(), params)
			require.Equal(t, 2, r.calls())
		}))
	}
}

func TestFailedNotificationIsHandledAgain(t *testing.T) {
	r := newReceiver(t)
	params := signed(t, grant(wholeGrant), messageForm())
	r.err = errors.New("no room for " + secretToken)

	r.fails(t, http.StatusInternalServerError, params)
	r.err = nil
	r.succeeds(t, params)
	r.succeeds(t, params)

	require.Equal(t, 2, r.calls())
	require.Contains(t, r.log.String(), "no room for [hidden]")
	require.NotContains(t, r.log.String(), "secret")
	requireNothingLocked(t, r)
}

// brokenText is an error that cannot say what it is.
type brokenText struct{ text *string }

func (e brokenText) Error() string { return *e.text }

func TestPanicsBecomeFail(t *testing.T) {
	for name, handle := range map[string]func(context.Context, Notification) error{
		"value":      func(context.Context, Notification) error { panic("boom " + secretToken) },
		"error":      func(context.Context, Notification) error { panic(errors.New("boom")) },
		"abort":      func(context.Context, Notification) error { panic(http.ErrAbortHandler) },
		"nil":        func(context.Context, Notification) error { panic(nil) }, //nolint:govet // that is the point
		"error text": func(context.Context, Notification) error { return brokenText{} },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, func(o *NotificationOptions) { o.Handle = handle })
			params := signed(t, grant(wholeGrant), messageForm())
			for range 2 {
				r.fails(t, http.StatusInternalServerError, params)
			}
			require.Contains(t, r.log.String(), "panic: ")
			require.Contains(t, r.log.String(), "notification_handler_test.go", "the stack")
			require.NotContains(t, r.log.String(), "secret")
			requireNothingLocked(t, r)
		})
	}
}

func TestFunctionThatEndsItsGoroutineHoldsNothing(t *testing.T) {
	r := newReceiver(t, func(o *NotificationOptions) {
		o.Handle = func(context.Context, Notification) error { runtime.Goexit(); return nil }
	})
	w := httptest.NewRecorder()
	var delivery sync.WaitGroup
	delivery.Go(func() {
		r.ServeHTTP(w, request(t.Context(), signed(t, grant(wholeGrant), messageForm()).Encode()))
	})
	delivery.Wait()
	require.Empty(t, w.Body.String())
	requireNothingLocked(t, r)
}

func TestDeliveriesOfOneIDWaitForEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		failures int32
		calls    int32
	}{
		"the first succeeds": {0, 1},
		"three fail":         {3, 4},
		"all fail":           {100, 10},
	} {
		t.Run(name, InVirtualTime(func(t *testing.T) {
			var inside, calls atomic.Int32
			r := newReceiver(t, func(o *NotificationOptions) {
				o.Handle = func(context.Context, Notification) error {
					defer inside.Add(-1)
					if inside.Add(1) != 1 {
						return errors.New("two at once")
					}
					n := calls.Add(1)
					time.Sleep(time.Second) // the others arrive
					if n <= c.failures {
						return errors.New("not yet")
					}
					return nil
				}
			})
			body := signed(t, grant(wholeGrant), messageForm()).Encode()
			var deliveries sync.WaitGroup
			var successes atomic.Int32
			for range 10 {
				deliveries.Go(func() {
					if _, text := answerTo(r, request(t.Context(), body)); text == "success" {
						successes.Add(1)
					}
				})
			}
			deliveries.Wait()
			require.Equal(t, c.calls, calls.Load())
			require.Equal(t, max(0, 10-c.failures), successes.Load())
			requireNothingLocked(t, r)
		}))
	}
}

func TestDeliveriesOfDifferentIDsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, func(o *NotificationOptions) {
			o.Handle = func(context.Context, Notification) error { time.Sleep(time.Second); return nil }
		})
		start := time.Now()
		var deliveries sync.WaitGroup
		for i := range 10 {
			params := signed(t, with(grant(wholeGrant), "notify_id", fmt.Sprint(i)), messageForm())
			deliveries.Go(func() { _, _ = r.post(t.Context(), params) })
		}
		deliveries.Wait()
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestWaitingDeliveryEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, func(o *NotificationOptions) {
			o.Handle = func(context.Context, Notification) error { time.Sleep(time.Hour); return nil }
		})
		body := signed(t, grant(wholeGrant), messageForm()).Encode()
		var first sync.WaitGroup
		first.Go(func() { _, _ = answerTo(r, request(t.Context(), body)) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		status, text := answerTo(r, request(ctx, body))

		requireFail(t, http.StatusInternalServerError, status, text)
		first.Wait()
		requireNothingLocked(t, r)
	})
}

func TestNotificationIsRecordedAlthoughAlipayHungUp(t *testing.T) {
	seen := &contextSeenStore{}
	ctx, hangUp := context.WithCancel(t.Context())
	r := newReceiver(t, func(o *NotificationOptions) {
		o.Seen = seen
		o.Handle = func(context.Context, Notification) error { hangUp(); return nil }
	})
	_, _ = r.post(ctx, signed(t, grant(wholeGrant), messageForm()))
	require.Equal(t, []string{"notification:" + isvAppID + ":2026112100222000000000000000000001"}, seen.added)
}

// contextSeenStore records only while its context lasts, as a database would.
type contextSeenStore struct{ added []string }

func (s *contextSeenStore) Seen(ctx context.Context, _ string) (bool, error) { return false, ctx.Err() }

func (s *contextSeenStore) Add(ctx context.Context, id string, _ time.Time) (bool, error) {
	if ctx.Err() == nil {
		s.added = append(s.added, id)
	}
	return true, ctx.Err()
}

func TestNotificationIsNotHandledWhenTheStoreCannotTell(t *testing.T) {
	r := newReceiver(t, func(o *NotificationOptions) { o.Seen = brokenSeenStore{seen: errors.New("the database is down")} })
	r.fails(t, http.StatusInternalServerError, signed(t, grant(wholeGrant), messageForm()))
	require.Zero(t, r.calls())
	require.Contains(t, r.log.String(), "the database is down")
}

func TestNotificationThatCannotBeRecordedWasHandledAllTheSame(t *testing.T) {
	r := newReceiver(t, func(o *NotificationOptions) {
		o.Seen = brokenSeenStore{add: errors.New("refused " + secretToken)}
	})
	r.succeeds(t, signed(t, grant(wholeGrant), messageForm()))
	require.Equal(t, 1, r.calls())
	require.Contains(t, r.log.String(), "could not be recorded")
	require.NotContains(t, r.log.String(), "secret")
}

func TestTheLogHasNoSecrets(t *testing.T) {
	r := newReceiver(t)
	params := signed(t, grant(wholeGrant), messageForm())
	for _, p := range []url.Values{params, params, replaced(params, "version", "2"), without(params, "sign")} {
		_, _ = r.post(t.Context(), p)
	}
	require.Contains(t, r.log.String(), "came again")
	require.NotContains(t, r.log.String(), "secret")
}

func TestNotificationOptionsAreChecked(t *testing.T) {
	good := func() NotificationOptions {
		return NotificationOptions{AppID: isvAppID, AlipayPublicKey: testkey.FastKey().PublicPEM(), Handle: func(context.Context, Notification) error { return nil }}
	}
	for name, c := range map[string]struct {
		change func(*NotificationOptions)
		path   string
		says   string
	}{
		"no app":            {func(o *NotificationOptions) { o.AppID = "" }, "AppID", "is required"},
		"a strange app":     {func(o *NotificationOptions) { o.AppID = "app 1" }, "AppID", "printable ASCII"},
		"no function":       {func(o *NotificationOptions) { o.Handle = nil }, "Handle", "is required"},
		"a negative time":   {func(o *NotificationOptions) { o.SeenFor = -1 }, "SeenFor", "negative"},
		"a negative size":   {func(o *NotificationOptions) { o.MaxBodyBytes = -1 }, "MaxBodyBytes", "negative"},
		"no key":            {func(o *NotificationOptions) { o.AlipayPublicKey = nil }, "AlipayPublicKey", "or AlipayCertificates"},
		"no real key":       {func(o *NotificationOptions) { o.AlipayPublicKey = []byte("secret") }, "AlipayPublicKey", "public key"},
		"a private key":     {func(o *NotificationOptions) { o.AlipayPublicKey = testkey.PEM() }, "AlipayPublicKey", "is not one: public key expected, but this is an RSA private key, which must stay with its owner"},
		"no real AES key":   {func(o *NotificationOptions) { o.AESKey = []byte("secret") }, "AESKey", "is not one: AES key"},
		"no real app key":   {func(o *NotificationOptions) { o.AppPrivateKey = []byte("secret") }, "AppPrivateKey", "is not one: private key"},
		"no real signer":    {func(o *NotificationOptions) { o.AppSigner = (*testkey.Signer)(nil) }, "AppSigner", "is not one: signer"},
		"two app keys":      {func(o *NotificationOptions) { o.AppSigner, o.AppPrivateKey = testkey.FastClient(), testkey.PEM() }, "AppPrivateKey", "and AppSigner are both given"},
		"a bad certificate": {func(o *NotificationOptions) { o.AlipayCertificates = [][]byte{[]byte("secret")} }, "AlipayCertificates[0]", "is not one: certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := good()
			c.change(&opts)
			h, err := NewNotificationHandler(opts)
			require.Nil(t, h)
			requireOneInvalid(t, err, c.path, c.says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	_, err := NewNotificationHandler(NotificationOptions{})
	require.Len(t, requireInvalid(t, err).Fields, 3, "all at once")
}

func TestHandlerWithoutLoggerIsSilent(t *testing.T) {
	r := newReceiver(t, func(o *NotificationOptions) { o.Logger = nil })
	status, text := answerTo(r, request(t.Context(), ""))
	requireFail(t, http.StatusBadRequest, status, text)
}

func TestHandlerOverTheNetwork(t *testing.T) {
	r := newReceiver(t)
	server := httptest.NewServer(r)
	defer server.Close()
	body := signed(t, grant(wholeGrant), messageForm()).Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	requireSuccess(t, res.StatusCode, string(text))
	require.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
}

func TestAnyContentArrivesAsItWasSent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := map[string]string{"notify_type": "any", "app_id": isvAppID}
		for range rapid.IntRange(0, 5).Draw(rt, "fields") {
			name := rapid.StringMatching(`x_[a-z]{1,8}`).Draw(rt, "name")
			fields[name] = strings.ToValidUTF8(rapid.String().Draw(rt, "value"), "?")
		}
		form := cnwire.NotificationForm{SignType: rapid.Bool().Draw(rt, "sign type"), EmptyValues: rapid.Bool().Draw(rt, "empty values")}
		r := newReceiver(t)
		r.succeeds(rt, signed(rt, fields, form))
		maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
		got := r.events[0].Info().Fields()
		delete(got, "sign")
		require.Equal(rt, fields, got)
	})
}

func FuzzNotificationHandler(f *testing.F) {
	key := &testkey.FastKey().PublicKey
	good := signed(f, grant(wholeGrant), messageForm())
	f.Add("application/x-www-form-urlencoded", good.Encode())
	f.Add("application/x-www-form-urlencoded; charset=utf-8", signed(f, message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), cnwire.NotificationForm{}).Encode())
	f.Add("application/x-www-form-urlencoded", without(good, "sign").Encode())
	f.Add("application/x-www-form-urlencoded", "sign="+url.QueryEscape(base64.StdEncoding.EncodeToString(make([]byte, 256))))
	f.Add("application/x-www-form-urlencoded", "sign=%zz&a;b")
	f.Add("text/plain", "")
	f.Add("application/x-www-form-urlencoded; text/html; charset=UTF-8", good.Encode())
	f.Add("application/x-www-form-urlencoded; charset=GBK", signed(f, with(message("x", "\xb0\xd7"), "charset", "GBK"), messageForm()).Encode())
	f.Add("application/x-www-form-urlencoded; charset=GBK", signed(f, map[string]string{
		"service": cnwire.GatewayCheckService, "charset": "GBK", "biz_content": cnwire.GatewayCheckContent(isvAppID, 1),
	}, messageForm()).Encode())
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := newReceiver(t)
		req := request(t.Context(), body)
		req.Header.Set("Content-Type", contentType)
		status, text := answerTo(r, req)
		params, err := url.ParseQuery(body)
		if strings.HasPrefix(text, "<?xml") { // the console's check
			require.NoError(t, err)
			require.Equal(t, cnwire.VerifyNotification(key, params) == nil, strings.Contains(text, "<success>true</success>"))
			require.Zero(t, r.calls())
			return
		}
		if text != "success" {
			require.Equal(t, "fail", text)
			require.GreaterOrEqual(t, status, 400)
			require.Zero(t, r.calls())
			return
		}
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, 1, r.calls())
		require.NoError(t, err)
		require.NoError(t, cnwire.VerifyNotification(key, params))
	})
}

// requireNothingLocked says that no delivery holds the lock of its notification, or waits for one.
func requireNothingLocked(t *testing.T, r *receiver) {
	t.Helper()
	require.Zero(t, reflect.ValueOf(&r.deliveries).Elem().FieldByName("locks").Len())
}

// What a proxy or a middleware may do to a form without changing what it says.
func TestFormsThatCameAnotherWayAreAccepted(t *testing.T) {
	fields := message(KindAuditRejected, `{"mini_app_version":"0.0.1","audit_reason":"首页空白"}`)
	inGBK := with(fields, "biz_content", gbk(t, fields["biz_content"]))
	delete(inGBK, "charset")
	form := func(fields map[string]string) string { return signed(t, fields, messageForm()).Encode() }
	for name, body := range map[string]string{
		"a line break behind it": form(fields) + "\r\n", "an & behind it": form(fields) + "&", "spaces as %20": strings.ReplaceAll(form(fields), "+", "%20"),
		"spaces around the charset": form(with(fields, "charset", " utf-8 ")), "GBK that nobody names": form(inGBK),
	} {
		r := newReceiver(t)
		status, text := answerTo(r, request(t.Context(), body))
		require.Equal(t, "success", text, "%s: %s", name, r.log.String())
		requireSuccess(t, status, text)
		rejected, ok := r.events[0].(*AuditRejected)
		require.True(t, ok, name)
		require.Equal(t, "首页空白", rejected.Reason, name)
	}

	// A middleware parsed a body that was read already, and the one before it put it back.
	r := newReceiver(t)
	req := request(t.Context(), form(fields))
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	require.NoError(t, req.ParseForm())
	req.Body = io.NopCloser(bytes.NewReader(body))
	status, text := answerTo(r, req)
	requireSuccess(t, status, text)
}

func TestMemorySeenStoreKeepsIDsUntilTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(0)
		requireAdded(t, s, "a", time.Hour, true)
		requireAdded(t, s, "a", 2*time.Hour, false)
		time.Sleep(time.Hour - time.Nanosecond)
		requireSeen(t, s, "a", true)
		requireSeen(t, s, "b", false)

		time.Sleep(time.Nanosecond)
		requireSeen(t, s, "a", false)
		requireAdded(t, s, "a", time.Hour, true)
		requireSeen(t, s, "a", true)
	})
}

func TestMemorySeenStoreDropsTheFirstWhenFull(t *testing.T) {
	s := NewMemorySeenStore(3)
	for i := range 5 {
		requireAdded(t, s, strconv.Itoa(i), time.Hour, true)
	}
	for i := range 5 {
		requireSeen(t, s, strconv.Itoa(i), i >= 2)
	}
	require.Len(t, s.queue, 3)
	require.Len(t, s.until, 3)
}

func TestMemorySeenStoreDropsWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(0)
		for i := range 10 {
			requireAdded(t, s, strconv.Itoa(i), time.Minute, true)
		}
		time.Sleep(time.Minute)
		requireAdded(t, s, "later", time.Minute, true)
		require.Len(t, s.queue, 1)
		require.Len(t, s.until, 1)
	})
}

func TestMemorySeenStoreKeepsAnIDThatCameAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(3)
		requireAdded(t, s, "long", time.Hour, true)
		requireAdded(t, s, "again", time.Minute, true)
		time.Sleep(time.Minute)
		requireAdded(t, s, "again", time.Hour, true)
		requireAdded(t, s, "x", time.Hour, true) // "long" goes, then the first "again", which has expired
		requireSeen(t, s, "long", false)
		requireSeen(t, s, "again", true)
	})
}

func requireAdded(t *testing.T, s *MemorySeenStore, id string, life time.Duration, want bool) {
	t.Helper()
	added, err := s.Add(t.Context(), id, time.Now().Add(life))
	require.NoError(t, err)
	require.Equal(t, want, added, id)
}

func requireSeen(t *testing.T, s *MemorySeenStore, id string, want bool) {
	t.Helper()
	seen, err := s.Seen(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, want, seen, id)
}

// TestTheHandlerOfAClient verifies and signs by what the client has.
func TestTheHandlerOfAClient(t *testing.T) {
	_, c := newStub(t, always(200, `{}`))
	_, err := c.NewNotificationHandler(NotificationOptions{AppID: "2021000000000009"})
	require.ErrorContains(t, err, "AppID and keys are the client's")
	require.ErrorContains(t, err, "Handle is required")
	h, err := c.NewNotificationHandler(NotificationOptions{Handle: func(context.Context, Notification) error { return nil }})
	require.NoError(t, err)
	require.Equal(t, c.appID, h.verifier.appID)
	require.Equal(t, c.trust.keys, h.verifier.keys)
}
