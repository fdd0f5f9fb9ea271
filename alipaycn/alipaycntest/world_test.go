package alipaycntest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// The apps of the tests.
const (
	isv      = "2021000000000001"
	mini     = "2021000000000002"
	template = "2021000000000003"
	self     = "2021000000000004" // a mini program that calls for itself
)

// fields is the input of a call.
type fields map[string]any

// world is a gateway with a third-party app that acts for a mini program.
type world struct {
	t     *testing.T
	g     *alipaycntest.Gateway
	token string
}

func newWorld(t *testing.T, opts ...alipaycntest.Option) *world {
	t.Helper()
	g, err := alipaycntest.New(append([]alipaycntest.Option{alipaycntest.WithKey(testkey.Key())}, opts...)...)
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: isv, PublicKey: clientPublicPEM(t), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: mini}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: self, PublicKey: clientPublicPEM(t)}))
	require.NoError(t, g.AddTemplate(isv, template, "1.0.0", "1.1.0"))
	token, err := g.Authorize(isv, mini)
	require.NoError(t, err)
	return &world{t, g, token.AppAuthToken}
}

func clientPublicPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// request is a signed request that can be changed before it is signed and after.
type request struct {
	sign        cnwire.Request
	body        []byte
	contentType string
	header      http.Header
}

// prepare makes the request that a client would send.
func (w *world) prepare(op cnwire.Operation, in fields, files map[string][]byte) *request {
	w.t.Helper()
	r := &request{header: http.Header{}, sign: cnwire.Request{
		AppID: isv, Nonce: rand.Text(), Timestamp: time.Now().UnixMilli(), Method: op.Method, PathAndQuery: op.Path(), AppAuthToken: w.token,
	}}
	switch op.Kind {
	case cnwire.Query:
		query := url.Values{}
		for name, value := range in {
			query.Set(name, value.(string))
		}
		if len(query) > 0 {
			r.sign.PathAndQuery += "?" + query.Encode()
		}
	case cnwire.JSON:
		r.body, r.contentType = w.json(in), "application/json"
		r.sign.Body = r.body
	case cnwire.Multipart:
		r.sign.Body = w.json(in)
		r.body, r.contentType = form(w.t, r.sign.Body, files)
	}
	return r
}

func (w *world) json(in fields) []byte {
	w.t.Helper()
	if in == nil {
		return nil
	}
	data, err := json.Marshal(in)
	require.NoError(w.t, err)
	return data
}

// form makes a multipart body.
func form(tb testing.TB, data []byte, files map[string][]byte) (body []byte, contentType string) {
	tb.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="data"`}, "Content-Type": {"application/json"},
	})
	require.NoError(tb, err)
	_, err = part.Write(data)
	require.NoError(tb, err)
	for name, content := range files {
		part, err := form.CreateFormFile(name, name+".png")
		require.NoError(tb, err)
		_, err = part.Write(content)
		require.NoError(tb, err)
	}
	require.NoError(tb, form.Close())
	return out.Bytes(), form.FormDataContentType()
}

// signed signs the request as it is now.
func (r *request) signed(t *testing.T) *request {
	t.Helper()
	authorization, err := r.sign.Authorization(testkey.Client())
	require.NoError(t, err)
	r.header.Set("Authorization", authorization)
	return r
}

// reply is what came back.
type reply struct {
	status  int
	code    alipaycn.Code
	message string
	header  http.Header
	body    []byte
}

// send sends a request as it is.
func (w *world) send(r *request) (reply, error) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), r.sign.Method, "https://gateway.invalid"+r.sign.PathAndQuery, bytes.NewReader(r.body))
	require.NoError(w.t, err)
	req.Header = r.header.Clone()
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.sign.AppAuthToken != "" {
		req.Header.Set("Alipay-App-Auth-Token", r.sign.AppAuthToken)
	}
	resp, err := w.g.HTTPClient().Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return readReply(resp.StatusCode, resp.Header, body), nil
}

func readReply(status int, header http.Header, body []byte) reply {
	out := reply{status: status, header: header, body: body}
	var failure struct{ Code, Message string }
	if out.status >= http.StatusBadRequest && json.Unmarshal(body, &failure) == nil {
		out.code, out.message = alipaycn.Code(failure.Code), failure.Message
	}
	return out
}

// call makes a call as a client would, and checks the signature of the answer.
func (w *world) call(op cnwire.Operation, in fields, files ...map[string][]byte) reply {
	w.t.Helper()
	var given map[string][]byte
	if len(files) > 0 {
		given = files[0]
	}
	out, err := w.send(w.prepare(op, in, given).signed(w.t))
	require.NoError(w.t, err)
	w.verify(out)
	return out
}

func (w *world) verify(out reply) {
	w.t.Helper()
	key, err := signing.ParsePublicKey(w.g.AlipayPublicKey())
	require.NoError(w.t, err)
	verdict, err := cnwire.VerifyResponse(out.status, out.header, out.body, key, "")
	require.NoError(w.t, err)
	require.Equal(w.t, cnwire.SignatureValid, verdict)
}

// ok is call that must succeed.
func (w *world) ok(op cnwire.Operation, in fields, files ...map[string][]byte) reply {
	w.t.Helper()
	out := w.call(op, in, files...)
	require.Equal(w.t, http.StatusOK, out.status, "%s: %s", out.code, out.message)
	return out
}

// refused is call that must be refused with a code.
func (w *world) refused(code alipaycn.Code, op cnwire.Operation, in fields, files ...map[string][]byte) {
	w.t.Helper()
	out := w.call(op, in, files...)
	require.Equal(w.t, code, out.code, "%d %s", out.status, out.message)
	require.GreaterOrEqual(w.t, out.status, 400)
	requireDocumented(w.t, op, code)
}

func as[T any](t *testing.T, out reply) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(out.body, &v))
	return v
}

func v(number string) fields { return fields{"app_version": number} }

func application(number string) fields {
	return fields{
		"app_version": number, "version_desc": "A first version, with a menu and a way to order tea.",
		"app_name": "BlueLakeTea", "app_english_name": "BlueLakeTea", "app_slogan": "Tea from the blue lake",
		"app_desc": "Order tea from the blue lake, and drink it there.", "mini_category_ids": "XS1001_XS2001_XS3002",
		"service_phone": "13110101010", "region_type": "CHINA",
	}
}

func picture(tb testing.TB, width, height int) []byte {
	tb.Helper()
	var out bytes.Buffer
	require.NoError(tb, png.Encode(&out, image.NewRGBA(image.Rect(0, 0, width, height))))
	return out.Bytes()
}

func logo(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{"app_logo": picture(t, 180, 180), "first_screen_shot": picture(t, 108, 192)}
}

// bring brings a version, that is there or not, to a status.
func (w *world) bring(number string, status alipaycn.VersionStatus) {
	w.t.Helper()
	require.NoError(w.t, w.g.AddVersion(mini, number))
	if status == alipaycn.StatusInit {
		return
	}
	w.ok(cnwire.VersionApply, application(number), logo(w.t))
	switch status {
	case alipaycn.StatusAuditing:
		return
	case alipaycn.StatusAuditReject:
		require.NoError(w.t, w.g.Reject(mini, number, alipaycntest.Verdict{Reason: "no"}))
		return
	case alipaycn.StatusBaseAuditPass:
		require.NoError(w.t, w.g.ApproveAdmission(mini, number, false, alipaycntest.Verdict{Reason: "dull"}))
		return
	}
	require.NoError(w.t, w.g.Approve(mini, number))
	switch status {
	case alipaycn.StatusGray:
		w.ok(cnwire.VersionGray, fields{"app_version": number, "gray_strategy": "p30"})
	case alipaycn.StatusRelease:
		w.ok(cnwire.VersionPublish, v(number))
	case alipaycn.StatusOffline:
		w.ok(cnwire.VersionPublish, v(number))
		w.ok(cnwire.VersionTakeOffline, v(number))
	case alipaycn.StatusAuditOffline:
		require.NoError(w.t, w.g.TakeDown(mini, number))
	}
	require.Equal(w.t, status, w.g.Status(mini, number))
}
