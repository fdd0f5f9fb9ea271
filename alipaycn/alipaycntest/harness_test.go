package alipaycntest_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"image"
	"image/png"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
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

// harness is a gateway with a third-party app that acts for a mini program.
type harness struct {
	t     *testing.T
	g     *alipaycntest.Gateway
	token string
}

func newHarness(t *testing.T, opts ...alipaycntest.Option) *harness {
	t.Helper()
	g, err := alipaycntest.New(append([]alipaycntest.Option{alipaycntest.WithKey(testkey.FastKey())}, opts...)...)
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: isv, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: mini}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: self, PublicKey: testkey.FastClient().PublicPEM()}))
	require.NoError(t, g.AddTemplate(isv, template, "1.0.0", "1.1.0"))
	token, err := g.Authorize(isv, mini)
	require.NoError(t, err)
	return &harness{t, g, token.AppAuthToken}
}

// certificate makes a self-signed certificate.
func certificate(t *testing.T, name string, key crypto.Signer) []byte {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name, Country: []string{"CN"}},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// request is a signed request that can be changed before it is signed and after.
type request struct {
	sign        cnwire.Request
	body        []byte
	contentType string
	header      http.Header
}

// prepare makes the request that a client would send.
func (w *harness) prepare(op cnwire.Operation, in fields, files map[string][]byte) *request {
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

func (w *harness) json(in fields) []byte {
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
	authorization, err := r.sign.Authorization(testkey.FastClient())
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
func (w *harness) send(r *request) (reply, error) {
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

// mustSend is send of a request that must be answered.
func (w *harness) mustSend(r *request) reply {
	w.t.Helper()
	out, err := w.send(r)
	require.NoError(w.t, err)
	return out
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
func (w *harness) call(op cnwire.Operation, in fields, files ...map[string][]byte) reply {
	w.t.Helper()
	var given map[string][]byte
	if len(files) > 0 {
		given = files[0]
	}
	out := w.mustSend(w.prepare(op, in, given).signed(w.t))
	w.verify(out)
	return out
}

// publicKey is what a client verifies answers with.
func (w *harness) publicKey() *rsa.PublicKey {
	w.t.Helper()
	key, err := signing.ParsePublicKey(w.g.AlipayPublicKey())
	require.NoError(w.t, err)
	return key
}

func (w *harness) verify(out reply) {
	w.t.Helper()
	signature, err := cnwire.VerifyResponse(out.status, out.header, out.body, cnwire.Keys{Public: w.publicKey()})
	require.NoError(w.t, err)
	require.Equal(w.t, cnwire.SignatureValid, signature)
}

// ok is call that must succeed.
func (w *harness) ok(op cnwire.Operation, in fields, files ...map[string][]byte) reply {
	w.t.Helper()
	out := w.call(op, in, files...)
	require.Equal(w.t, http.StatusOK, out.status, "%s: %s", out.code, out.message)
	return out
}

// refused is call that must be refused with a code.
func (w *harness) refused(code alipaycn.Code, op cnwire.Operation, in fields, files ...map[string][]byte) {
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
	require.NoError(tb, png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))))
	return out.Bytes()
}

func logo(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{"app_logo": picture(t, 180, 180), "first_screen_shot": picture(t, 108, 192)}
}

// bring brings a version, that is there or not, to a status.
func (w *harness) bring(number string, status alipaycn.VersionStatus) {
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

// operationDocuments is what AlipayCN's specification says of an operation.
type operationDocuments struct {
	Codes   []alipaycn.Code           `json:"error_codes"`
	Query   map[string]any            `json:"query"`
	Request map[string]map[string]any `json:"request"`
}

// has says whether the operation has a field.
func (d operationDocuments) has(field string) bool {
	data, _ := d.Request["multipart/form-data"][cnwire.DataPart].(map[string]any)
	for _, fields := range []map[string]any{d.Query, d.Request["application/json"], data} {
		if _, found := fields[field]; found {
			return true
		}
	}
	return false
}

// documented holds every operation, by method and path.
var documented = sync.OnceValues(func() (map[string]operationDocuments, error) {
	text, err := os.ReadFile("../testdata/alipaycn-v3.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Operations map[string]operationDocuments `json:"operations"`
	}
	err = json.Unmarshal(text, &file)
	return file.Operations, err
})

func documentsOf(tb testing.TB, op cnwire.Operation) operationDocuments {
	tb.Helper()
	all, err := documented()
	require.NoError(tb, err)
	require.Contains(tb, all, op.Method+" "+op.Path())
	return all[op.Method+" "+op.Path()]
}

// requireDocumented fails when AlipayCN does not document a code for an
// operation. The gateway's own codes are common to all.
func requireDocumented(t *testing.T, op cnwire.Operation, code alipaycn.Code) {
	t.Helper()
	require.True(t, code.Known(), code)
	if strings.ToUpper(string(code)) != string(code) {
		return
	}
	require.Contains(t, documentsOf(t, op).Codes, code, "%s is not documented for %s", code, op.Name)
}
