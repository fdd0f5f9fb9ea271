package alipaycn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

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

func TestRequestsThatAreNoNotificationsAreRefused(t *testing.T) {
	good := signed(t, grant(wholeGrant), messageForm())
	body := good.Encode()
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		logs   string
	}{
		"GET":             {func(r *http.Request) { r.Method = http.MethodGet }, 405, "notifications come by POST"},
		"no content type": {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, `the content type is \"\"`},
		"JSON":            {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, `the content type is \"application/json\"`},
		"GBK by header":   {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=GBK") }, 400, "GBK"},
		"GBK as AlipayCN writes it": {func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; text/html; charset=gbk")
		}, 400, "gbk"},
		"GBK by parameter":   {setBody(signed(t, with(grant(wholeGrant), "charset", "GBK"), messageForm()).Encode()), 400, "GBK"},
		"not UTF-8":          {setBody(signed(t, with(grant(wholeGrant), "title", "\xb0\xd7"), messageForm()).Encode()), 400, "not UTF-8"},
		"no form":            {setBody("sign=%zz"), 400, "no form"},
		"a parameter twice":  {setBody(body + "&app_id=" + isvAppID), 400, "comes 2 times"},
		"an empty body":      {setBody(""), 403, ""},
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

// otherKey is a key that is not the test key.
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

// The signed text does not mark where a parameter ends. Whoever has a signed
// notification may draw its parameters together without breaking the signature;
// that must not make a typed event that AlipayCN did not send.
func TestParametersDrawnTogetherMakeNoTypedEvent(t *testing.T) {
	for _, fields := range []map[string]string{grant(wholeGrant), message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`)} {
		good := signed(t, fields, messageForm())
		names := slices.Sorted(maps.Keys(fields))
		for i := 1; i < len(names); i++ {
			params := without(good, names[i])
			params.Set(names[i-1], params.Get(names[i-1])+"&"+names[i]+"="+good.Get(names[i]))
			r := newReceiver(t)
			status, text := r.post(t.Context(), params)
			if r.calls() == 0 {
				requireFail(t, refusedStatus(status), status, text)
				continue
			}
			if _, unknown := r.events[0].(*UnknownNotification); unknown {
				continue
			}
			// What is left: parameters that no typed notification uses.
			want := parseNotification(signedFields(good))
			require.Equal(t, bare(want, time.Time{}), bare(r.events[0], time.Time{}), "%s into %s", names[i], names[i-1])
		}
	}
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
	require.Equal(t, []string{"notification:2026112100222000000000000000000001"}, seen.added)
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
	requireFail(t, http.StatusForbidden, status, text)
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
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := newReceiver(t)
		req := request(t.Context(), body)
		req.Header.Set("Content-Type", contentType)
		status, text := answerTo(r, req)
		if text != "success" {
			require.Equal(t, "fail", text)
			require.GreaterOrEqual(t, status, 400)
			require.Zero(t, r.calls())
			return
		}
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, 1, r.calls())
		params, err := url.ParseQuery(body)
		require.NoError(t, err)
		require.NoError(t, cnwire.VerifyNotification(key, params))
	})
}

// requireNothingLocked says that no delivery holds the lock of its notification, or waits for one.
func requireNothingLocked(t *testing.T, r *receiver) {
	t.Helper()
	require.Zero(t, reflect.ValueOf(&r.deliveries).Elem().FieldByName("locks").Len())
}
