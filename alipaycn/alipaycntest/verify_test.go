package alipaycntest_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
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
			w := newHarness(t)
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
			out := w.mustSend(r)
			require.Equal(t, tt.code, out.code, out.message)
			w.verify(out)
			require.Empty(t, w.g.Effects(mini))
			require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
		})
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	w := newHarness(t)
	r := w.prepare(cnwire.VersionList, nil, nil)
	authorization, err := r.sign.Authorization(testkey.FastKey())
	require.NoError(t, err)
	r.header.Set("Authorization", authorization)
	out := w.mustSend(r)
	require.Equal(t, http.StatusUnauthorized, out.status)
	require.Equal(t, alipaycn.GatewayInvalidSignature, out.code)
}

func TestANonceIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t)
		r := w.prepare(cnwire.VersionList, nil, nil).signed(t)
		first := w.mustSend(r)
		require.Equal(t, http.StatusOK, first.status)
		replay := w.mustSend(r)
		require.Equal(t, alipaycn.GatewayInvalidSignature, replay.code)
		require.Contains(t, replay.message, "nonce")

		time.Sleep(10*time.Minute + 1) // now the time refuses it
		late := w.mustSend(r)
		require.Equal(t, alipaycn.GatewayIllegalTimestamp, late.code)
	})
}

// Nonces are not kept for longer than the time refuses them.
func TestANonceIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t, alipaycntest.WithTimeWindow(time.Hour))
		send := func() reply {
			r := w.prepare(cnwire.VersionList, nil, nil)
			r.sign.Nonce, r.sign.ExpiredSeconds = "again", 60
			out := w.mustSend(r.signed(t))
			return out
		}
		require.Equal(t, http.StatusOK, send().status)
		time.Sleep(time.Minute)
		require.Equal(t, alipaycn.GatewayInvalidSignature, send().code)
		time.Sleep(time.Nanosecond)
		require.Equal(t, http.StatusOK, send().status)
	})
}

func TestTheTimeMustBeNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t, alipaycntest.WithTimeWindow(time.Minute))
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
			out := w.mustSend(r.signed(t))
			require.Equal(t, tt.fine, out.status == http.StatusOK, "%v: %s", tt.off, out.message)
			if !tt.fine {
				require.Equal(t, alipaycn.GatewayIllegalTimestamp, out.code)
			}
		}
	})
}

func TestCertificates(t *testing.T) {
	alipay, app := certificate(t, "alipay", testkey.FastKey()), certificate(t, "app", testkey.FastClient())
	w := newHarness(t, alipaycntest.WithCertificates(alipay, alipay))
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "certified", Certificate: app}))
	parsed, err := cnwire.ParseCertificate(app)
	require.NoError(t, err)
	roots, err := cnwire.ParseRoots(alipay)
	require.NoError(t, err)
	for _, tt := range []struct {
		sn, root string
		code     alipaycn.Code
	}{
		{parsed.SN, roots.SN, ""},
		{parsed.SN, "", ""}, // not every SDK sends it
		{parsed.SN, "another", "invalid-alipay-root-cert-sn"},
		{"", roots.SN, "missing-app-cert-sn"},
		{"another", roots.SN, "app-cert-not-exist"},
	} {
		r := w.prepare(cnwire.VersionList, nil, nil)
		r.sign.AppID, r.sign.AppAuthToken, r.sign.AppCertSN = "certified", "", tt.sn
		if tt.root != "" {
			r.header.Set("Alipay-Root-Cert-Sn", tt.root)
		}
		out := w.mustSend(r.signed(t))
		require.Equal(t, tt.code, out.code, out.message)
		require.Equal(t, roots.SN, out.header.Get(cnwire.HeaderSN)) // here one certificate is both
	}

	params, err := w.g.Notification(&alipaycn.AuditPassed{NotificationInfo: alipaycn.NotificationInfo{AppID: isv}})
	require.NoError(t, err)
	require.Equal(t, roots.SN, params.Get("alipay_cert_sn"))
}

func TestEncryptedCalls(t *testing.T) {
	w := newHarness(t)
	const text = "aa4BtZ4tspm2wnXLb1ThQA=="
	key, err := cnwire.ParseAESKey([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "secret", PublicKey: testkey.FastClient().PublicPEM(), AESKey: []byte(text)}))
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
	out := w.mustSend(r.signed(t))
	w.verify(out) // the ciphertext is signed
	plain, err := key.Decrypt(out.body)
	require.NoError(t, err)
	require.Contains(t, string(plain), `"status":"INIT"`)

	out = w.mustSend(encrypted(cnwire.VersionDelete, `{"app_version":"0.0.1"}`).signed(t))
	require.Equal(t, http.StatusOK, out.status, out.message)
	require.Equal(t, map[string]int{"versions.delete": 1}, w.g.Effects("secret"))

	broken := encrypted(cnwire.VersionDelete, "{}")
	broken.body, broken.sign.Body = []byte("AAAA"), []byte("AAAA")
	out = w.mustSend(broken.signed(t))
	require.Equal(t, alipaycn.Code("invalid-encrypt"), out.code)
}

func TestFilesAlone(t *testing.T) {
	w := newHarness(t)
	r := w.prepare(cnwire.BaseInfoModify, nil, logo(t))
	var body bytes.Buffer
	files := multipart.NewWriter(&body)
	part, err := files.CreateFormFile("app_logo", "logo.png")
	require.NoError(t, err)
	_, err = part.Write(logo(t)["app_logo"])
	require.NoError(t, err)
	require.NoError(t, files.Close())
	r.body, r.contentType, r.sign.Body = body.Bytes(), files.FormDataContentType(), nil
	out := w.mustSend(r.signed(t))
	require.Equal(t, http.StatusOK, out.status, out.message)
	require.NotEmpty(t, as[alipaycn.BaseInfo](t, w.ok(cnwire.BaseInfoGet, nil)).AppLogo)
}

func TestAuthorizationEndsInTheMiddle(t *testing.T) {
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	require.NoError(t, w.g.RevokeAuthorization(mini))
	w.refused(alipaycn.GatewayInvalidAppAuthToken, cnwire.VersionPublish, v("0.0.1"))

	token, err := w.g.Authorize(isv, mini, cnwire.VersionGet.API)
	require.NoError(t, err)
	w.token = token.AppAuthToken
	w.ok(cnwire.VersionGet, v("0.0.1"))
	w.refused(alipaycn.GatewayInvalidAppAuthTokenNoAPI, cnwire.VersionPublish, v("0.0.1"))
}

// The real gateway may take further parameters of the auth string; they are signed too.
func TestFurtherSignedParametersAreAccepted(t *testing.T) {
	w := newHarness(t)
	for name, c := range map[string]struct {
		sent string
		code alipaycn.Code
	}{
		"signed":   {",x=y", ""},
		"unsigned": {",x=z", alipaycn.GatewayInvalidSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.prepare(cnwire.BaseInfoGet, nil, nil)
			authString := r.sign.AuthString()
			signedText := strings.Replace(r.sign.StringToSign(), authString, authString+",x=y", 1)
			digest := sha256.Sum256([]byte(signedText))
			signature, err := signing.Sign(testkey.FastClient(), digest[:])
			require.NoError(t, err)
			r.header.Set("Authorization", "ALIPAY-SHA256withRSA "+authString+c.sent+",sign="+base64.StdEncoding.EncodeToString(signature))

			require.Equal(t, c.code, w.mustSend(r).code)
		})
	}
}

// Whatever arrives, the gateway answers it, signs the answer, and carries out
// nothing but what was signed: only the seeds are, and nobody can sign another.
func FuzzRequests(f *testing.F) {
	signed := map[string]signedSeed{}
	for _, op := range cnwire.Operations() {
		seed := makeSeed(f, op)
		signed[seed.authorization] = seed
		f.Add(seed.head(), seed.body)
		f.Add(strings.Replace(seed.head(), "sign=", "sign=A", 1), seed.body)
		f.Add(strings.Replace(seed.head(), "Authorization", "X", 1), seed.body)
		f.Add(seed.head()+"\r\nAuthorization: "+seed.authorization, seed.body)
		f.Add(strings.Replace(seed.head(), " HTTP", "&app_version=0.0.2 HTTP", 1), seed.body)
		f.Add(seed.head()+"\r\nAlipay-App-Auth-Token: unknown", seed.body)
		f.Add(seed.head(), bytes.Replace(seed.body, []byte("0.0.1"), []byte("0.0.2"), 1))
		f.Add(seed.head(), append(bytes.Clone(seed.body), " "...))
	}
	f.Add("HEAD / HTTP/1.1", []byte(nil))
	f.Add("PATCH /v3/alipay/open/mini/version/online HTTP/1.1\r\nAuthorization: ALIPAY-SHA256withRSA ", []byte("{}"))
	f.Fuzz(func(t *testing.T, head string, body []byte) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\nHost: gateway.invalid\r\n\r\n")))
		if err != nil {
			t.Skip("no server would call its handler")
		}
		r.Body = http.NoBody
		if len(body) > 0 {
			r.Body = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)).Body
		}
		synctest.Test(t, func(t *testing.T) { // the seeds were signed when the bubble's time begins
			w := newHarness(t)
			require.NoError(t, w.g.AddVersion(self, "0.0.1"))
			out := w.serve(r)
			w.verify(out)
			if out.status < http.StatusMultipleChoices {
				seed, found := signed[r.Header.Get("Authorization")]
				require.True(t, found, "nobody signed this")
				seed.covers(t, r, body)
				return
			}
			require.GreaterOrEqual(t, out.status, http.StatusBadRequest)
			require.Less(t, out.status, http.StatusInternalServerError, "%s", out.body)
			require.True(t, out.code.Known(), out.code)
			require.Empty(t, w.g.Effects(self))
			require.Equal(t, alipaycn.StatusInit, w.g.Status(self, "0.0.1"))
		})
	})
}

// serve is send for a request that came over a network.
func (w *harness) serve(r *http.Request) reply {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.g.ServeHTTP(recorder, r)
	return readReply(recorder.Code, recorder.Header(), recorder.Body.Bytes())
}

// signedSeed is a request that was signed when the time of a bubble begins.
type signedSeed struct {
	op                    cnwire.Operation
	target, authorization string
	signed, body          []byte
	contentType           string
}

func makeSeed(f *testing.F, op cnwire.Operation) signedSeed {
	f.Helper()
	content := fmt.Sprintf(`{"app_version":"0.0.1","gray_strategy":"p10","nonce":%q}`, op.Name)
	seed := signedSeed{op: op, target: op.Path()}
	switch op.Kind {
	case cnwire.Query:
		seed.target += "?app_version=0.0.1&version_status=INIT"
	case cnwire.JSON:
		seed.signed, seed.body, seed.contentType = []byte(content), []byte(content), "application/json"
	case cnwire.Multipart:
		seed.signed = []byte(content)
		seed.body, seed.contentType = form(f, seed.signed, nil)
	}
	authorization, err := cnwire.Request{
		AppID: self, Nonce: op.Name, Timestamp: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(),
		Method: op.Method, PathAndQuery: seed.target, Body: seed.signed,
	}.Authorization(testkey.FastClient())
	require.NoError(f, err)
	seed.authorization = authorization
	return seed
}

func (s signedSeed) head() string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Type: %s\r\nAuthorization: %s", s.op.Method, s.target, s.contentType, s.authorization)
}

// covers fails when the request is not the one that was signed.
func (s signedSeed) covers(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	require.Equal(t, s.op.Method, r.Method)
	require.Equal(t, s.target, r.RequestURI)
	require.Empty(t, r.Header.Values("Alipay-App-Auth-Token"))
	if s.op.Kind == cnwire.Multipart {
		require.Contains(t, string(body), string(s.signed)) // the part data; files are not signed
		return
	}
	require.Equal(t, string(s.signed), string(body))
}
