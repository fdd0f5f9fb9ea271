package alipaycntest_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// Whatever is changed after signing, or is not as it should be, is refused.
func TestRequestsAreVerifiedStrictly(t *testing.T) {
	type change = func(r *request)
	list, gray, apply := cnwire.VersionList, cnwire.VersionGray, cnwire.VersionApply
	for _, tt := range []struct {
		name          string
		op            cnwire.Operation
		before, after change
		code          alipaycn.Code
	}{
		{"no authorization", list, nil, func(r *request) { r.header.Del("Authorization") }, "missing-signature"},
		{"two authorizations", list, nil, func(r *request) { r.header.Add("Authorization", r.header.Get("Authorization")) }, alipaycn.GatewayInvalidSignature},
		{"another scheme", list, nil, func(r *request) { r.header.Set("Authorization", "Bearer x") }, "invalid-signature-type"},
		{"a parameter that is none", list, nil, func(r *request) {
			r.header.Set("Authorization", strings.Replace(r.header.Get("Authorization"), "nonce=", "once=", 1))
		}, alipaycn.GatewayInvalidSignature},
		{"unknown app", list, func(r *request) { r.sign.AppID = "2099" }, nil, alipaycn.GatewayInvalidAppID},
		{"app without a key", list, func(r *request) { r.sign.AppID = mini }, nil, alipaycn.GatewayInvalidAppID},
		{"certificate that the app does not have", list, func(r *request) { r.sign.AppCertSN = "abc" }, nil, "app-cert-not-exist"},
		{"another query", list, nil, func(r *request) { r.sign.PathAndQuery += "&bundle_id=com.amap.app" }, alipaycn.GatewayInvalidSignature},
		{"the same query in another encoding", list, nil, func(r *request) {
			r.sign.PathAndQuery = strings.Replace(r.sign.PathAndQuery, "%2C", ",", 1)
		}, alipaycn.GatewayInvalidSignature},
		{"a query parameter twice", list, func(r *request) { r.sign.PathAndQuery += "&version_status=INIT" }, nil, "invalid-request-data"},
		{"a broken query", list, func(r *request) { r.sign.PathAndQuery += "&x=%zz" }, nil, "invalid-request-data"},
		{"a body with a GET", list, func(r *request) { r.body, r.sign.Body = []byte("{}"), []byte("{}") }, nil, "invalid-request-data"},
		{"another body", gray, nil, func(r *request) { r.body = bytes.Replace(r.body, []byte("p10"), []byte("p50"), 1) }, alipaycn.GatewayInvalidSignature},
		{"no JSON", gray, func(r *request) { r.body, r.sign.Body = []byte("p10"), []byte("p10") }, nil, "illegal-json"},
		{"two JSON objects", gray, func(r *request) { r.body, r.sign.Body = []byte("{}{}"), []byte("{}{}") }, nil, "illegal-json"},
		{"more than a JSON object", gray, func(r *request) { r.body, r.sign.Body = []byte("{}}"), []byte("{}}") }, nil, "illegal-json"},
		{"another content type", gray, nil, func(r *request) { r.contentType = "text/plain" }, "invalid-request-data"},
		{"another method", gray, func(r *request) { r.sign.Method = http.MethodGet }, nil, alipaycn.GatewayInvalidMethod},
		{"unknown operation", gray, func(r *request) { r.sign.PathAndQuery = "/v3/alipay/open/mini/nothing" }, nil, alipaycn.GatewayInvalidMethod},
		{"encrypted without a key", gray, nil, func(r *request) { r.header.Set("Alipay-Encrypt-Type", "AES") }, "missing-encrypt-key"},
		{"an answer encrypted without a key", list, nil, func(r *request) { r.header.Set("Alipay-Encrypt-Type", "AES") }, "missing-encrypt-key"},
		{"an answer encrypted in another way", list, nil, func(r *request) { r.header.Set("Alipay-Encrypt-Type", "SM4") }, "invalid-encrypt-type"},
		{"encrypted in another way", gray, nil, func(r *request) { r.header.Set("Alipay-Encrypt-Type", "SM4") }, "invalid-encrypt-type"},
		{"token taken away", gray, nil, func(r *request) { r.sign.AppAuthToken = "" }, alipaycn.GatewayInvalidSignature},
		{"no token", gray, func(r *request) { r.sign.AppAuthToken = "" }, nil, "self-invoke-forbidden"},
		{"unknown token", gray, func(r *request) { r.sign.AppAuthToken = "unknown" }, nil, alipaycn.GatewayInvalidAppAuthToken},
		{"another app's token", gray, func(r *request) { r.sign.AppID = self }, nil, alipaycn.GatewayInvalidAppAuthToken},
		{"the whole multipart body signed", apply, func(r *request) { r.sign.Body = r.body }, nil, alipaycn.GatewayInvalidSignature},
		{"another data part", apply, nil, func(r *request) { r.body = bytes.Replace(r.body, []byte("0.0.1"), []byte("0.0.2"), 1) }, alipaycn.GatewayInvalidSignature},
		{"a data part of another type", apply, nil, func(r *request) {
			r.body = bytes.Replace(r.body, []byte("application/json"), []byte("application/jsn"), 1)
		}, "invalid-request-data"},
		{"a data part as if encrypted", apply, nil, func(r *request) {
			r.body = bytes.Replace(r.body, []byte("application/json"), []byte("text/plain"), 1)
		}, "invalid-request-data"},
		{"a file without a name", apply, nil, func(r *request) { r.body = bytes.Replace(r.body, []byte(`; filename="app_logo.png"`), nil, 1) }, "invalid-file-extension"},
		{"a multipart body cut short", apply, nil, func(r *request) { r.body = r.body[:len(r.body)-8] }, "invalid-request-data"},
		{"no multipart body", apply, nil, func(r *request) { r.contentType = "application/json" }, "invalid-request-data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.bring("0.0.1", alipaycn.StatusInit)
			in := map[cnwire.Operation]fields{
				list: {"version_status": "INIT,AUDITING"}, gray: {"app_version": "0.0.1", "gray_strategy": "p10"}, apply: application("0.0.1"),
			}[tt.op]
			r := w.prepare(tt.op, in, logo(t))
			if tt.before != nil {
				tt.before(r)
			}
			r.signed(t)
			if tt.after != nil {
				tt.after(r)
			}
			out, err := w.send(r)
			require.NoError(t, err)
			require.Equal(t, tt.code, out.code, out.message)
			w.verify(out)
			require.Empty(t, w.g.Effects(mini))
			require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
		})
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	r := w.prepare(cnwire.VersionList, nil, nil)
	authorization, err := r.sign.Authorization(testkey.Key())
	require.NoError(t, err)
	r.header.Set("Authorization", authorization)
	out, err := w.send(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, out.status)
	require.Equal(t, alipaycn.GatewayInvalidSignature, out.code)
}

func TestANonceIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.prepare(cnwire.VersionList, nil, nil).signed(t)
		first, err := w.send(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, first.status)
		replay, err := w.send(r)
		require.NoError(t, err)
		require.Equal(t, alipaycn.GatewayInvalidSignature, replay.code)
		require.Contains(t, replay.message, "nonce")

		time.Sleep(10*time.Minute + 1) // now the time refuses it
		late, err := w.send(r)
		require.NoError(t, err)
		require.Equal(t, alipaycn.GatewayIllegalTimestamp, late.code)
	})
}

func TestTheTimeMustBeNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, alipaycntest.WithTimeWindow(time.Minute))
		for _, tt := range []struct {
			off     time.Duration
			expired int
			fine    bool
		}{
			{0, 0, true},
			{-time.Minute, 0, true},
			{-time.Minute - time.Millisecond, 0, false},
			{time.Minute, 0, true},
			{time.Minute + time.Millisecond, 0, false},
			{-time.Hour, 3600, true},
			{-11 * time.Second, 10, false},
		} {
			r := w.prepare(cnwire.VersionList, nil, nil)
			r.sign.Timestamp += tt.off.Milliseconds()
			r.sign.ExpiredSeconds = tt.expired
			out, err := w.send(r.signed(t))
			require.NoError(t, err)
			require.Equal(t, tt.fine, out.status == http.StatusOK, "%v: %s", tt.off, out.message)
			if !tt.fine {
				require.Equal(t, alipaycn.GatewayIllegalTimestamp, out.code)
			}
		}
	})
}

func TestEncryptedCalls(t *testing.T) {
	w := newWorld(t)
	const text = "aa4BtZ4tspm2wnXLb1ThQA=="
	key, err := cnwire.ParseAESKey([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "secret", PublicKey: clientPublicPEM(t), AESKey: []byte(text)}))
	require.NoError(t, w.g.AddVersion("secret", "0.0.1"))
	encrypted := func(op cnwire.Operation, plain string) *request {
		r := w.prepare(op, nil, nil)
		r.sign.AppID, r.sign.AppAuthToken = "secret", ""
		if op.Kind != cnwire.Query {
			r.body, r.contentType = key.Encrypt([]byte(plain)), "text/plain"
			r.sign.Body = r.body
		}
		r.header.Set("Alipay-Encrypt-Type", "AES")
		return r
	}
	r := encrypted(cnwire.VersionGet, "")
	r.sign.PathAndQuery += "?app_version=0.0.1"
	out, err := w.send(r.signed(t))
	require.NoError(t, err)
	w.verify(out) // the ciphertext is signed
	plain, err := key.Decrypt(out.body)
	require.NoError(t, err)
	require.Contains(t, string(plain), `"status":"INIT"`)

	out, err = w.send(encrypted(cnwire.VersionDelete, `{"app_version":"0.0.1"}`).signed(t))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, out.status, out.message)
	require.Equal(t, map[string]int{"versions.delete": 1}, w.g.Effects("secret"))

	broken := encrypted(cnwire.VersionDelete, "{}")
	broken.body, broken.sign.Body = []byte("AAAA"), []byte("AAAA")
	out, err = w.send(broken.signed(t))
	require.NoError(t, err)
	require.Equal(t, alipaycn.Code("invalid-encrypt"), out.code)
}

func TestFilesAlone(t *testing.T) {
	w := newWorld(t)
	r := w.prepare(cnwire.BaseInfoModify, nil, logo(t))
	var body bytes.Buffer
	files := multipart.NewWriter(&body)
	part, err := files.CreateFormFile("app_logo", "logo.png")
	require.NoError(t, err)
	_, err = part.Write(logo(t)["app_logo"])
	require.NoError(t, err)
	require.NoError(t, files.Close())
	r.body, r.contentType, r.sign.Body = body.Bytes(), files.FormDataContentType(), nil
	out, err := w.send(r.signed(t))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, out.status, out.message)
	require.NotEmpty(t, as[alipaycn.BaseInfo](t, w.ok(cnwire.BaseInfoGet, nil)).AppLogo)
}

// Nonces are not kept for longer than the time refuses them.
func TestANonceIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, alipaycntest.WithTimeWindow(time.Hour))
		send := func() reply {
			r := w.prepare(cnwire.VersionList, nil, nil)
			r.sign.Nonce, r.sign.ExpiredSeconds = "again", 60
			out, err := w.send(r.signed(t))
			require.NoError(t, err)
			return out
		}
		require.Equal(t, http.StatusOK, send().status)
		time.Sleep(time.Minute)
		require.Equal(t, alipaycn.GatewayInvalidSignature, send().code)
		time.Sleep(time.Nanosecond)
		require.Equal(t, http.StatusOK, send().status)
	})
}

func TestUnsignedErrors(t *testing.T) {
	w := newWorld(t, alipaycntest.WithUnsignedErrors())
	out, err := w.send(w.prepare(cnwire.VersionGet, v("9.9.9"), nil).signed(t))
	require.NoError(t, err)
	require.Equal(t, alipaycn.CodeVersionIsBlank, out.code)
	require.Empty(t, out.header.Get(cnwire.HeaderSignature))
	w.ok(cnwire.VersionList, nil)
}

func TestAnErrorHasCodeMessageAndLinks(t *testing.T) {
	w := newWorld(t)
	out := w.call(cnwire.VersionGet, v("9.9.9"))
	var body map[string]any
	require.NoError(t, json.Unmarshal(out.body, &body))
	require.Equal(t, "VERSION_IS_BLANK", body["code"])
	require.NotEmpty(t, body["message"])
	require.NotEmpty(t, body["links"].([]any)[0].(map[string]any)["link"])
	require.NotEmpty(t, out.header.Get("Alipay-Trace-Id"))
}

func TestAuthorizationEndsInTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	require.NoError(t, w.g.RevokeAuthorization(mini))
	w.refused(alipaycn.GatewayInvalidAppAuthToken, cnwire.VersionPublish, v("0.0.1"))

	token, err := w.g.Authorize(isv, mini, cnwire.VersionGet.API)
	require.NoError(t, err)
	w.token = token.AppAuthToken
	w.ok(cnwire.VersionGet, v("0.0.1"))
	w.refused(alipaycn.GatewayInvalidAppAuthTokenNoAPI, cnwire.VersionPublish, v("0.0.1"))
}

func TestCallsAreLogged(t *testing.T) {
	w := newWorld(t)
	r := w.prepare(cnwire.VersionGet, v("9.9.9"), nil)
	r.header.Set("Alipay-Request-Id", "request-1")
	out, err := w.send(r.signed(t))
	require.NoError(t, err)
	calls := w.g.Calls()
	require.Len(t, calls, 1)
	require.WithinDuration(t, time.Now(), calls[0].At, time.Minute)
	calls[0].At = time.Time{}
	require.Equal(t, alipaycntest.Call{
		Operation: "versions.get", AppID: isv, MiniAppID: mini, RequestID: "request-1", TraceID: out.header.Get("Alipay-Trace-Id"),
		Status: http.StatusBadRequest, Code: alipaycn.CodeVersionIsBlank,
	}, calls[0])
	calls[0].AppID = "changed"
	require.Equal(t, isv, w.g.Calls()[0].AppID)
}

func TestAnswersCarryTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		out := w.ok(cnwire.VersionList, nil)
		require.Equal(t, strconv.FormatInt(time.Now().UnixMilli(), 10), out.header.Get(cnwire.HeaderTimestamp))
	})
}
