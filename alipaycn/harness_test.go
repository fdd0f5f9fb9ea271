package alipaycn

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

// stubAnswer is what the stub answers to one attempt.
type stubAnswer struct {
	status int
	body   string
	// bare leaves the signature out; header overrides.
	bare   bool
	header http.Header
	err    error
}

// stub is a gateway in memory: it verifies each request and signs its answers.
type stub struct {
	t      require.TestingT
	answer func(n int, r *http.Request, body []byte) stubAnswer
	token  string
	// ahead is how far the gateway's clock is ahead.
	ahead time.Duration

	mu   sync.Mutex
	seen []*http.Request
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s.mu.Lock()
	s.seen = append(s.seen, r)
	n := len(s.seen)
	s.mu.Unlock()
	s.verify(r, body)
	a := s.answer(n, r, body)
	if a.err != nil {
		return nil, a.err
	}
	h := http.Header{"Alipay-Trace-Id": {"trace-" + strconv.Itoa(n)}, "Content-Type": {"application/json"}}
	if !a.bare {
		at := strconv.FormatInt(time.Now().Add(s.ahead).UnixMilli(), 10)
		signature, err := cnwire.SignResponse(testkey.FastKey(), at, "nonce", []byte(a.body))
		require.NoError(s.t, err)
		h[cnwire.HeaderSignature], h[cnwire.HeaderTimestamp], h[cnwire.HeaderNonce] = []string{signature}, []string{at}, []string{"nonce"}
	}
	maps.Copy(h, a.header)
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

// verify checks the signature as the gateway would.
func (s *stub) verify(r *http.Request, body []byte) {
	signedBody := body
	if kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		part, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextRawPart()
		require.NoError(s.t, err)
		require.Equal(s.t, "data", part.FormName())
		signedBody, err = io.ReadAll(part)
		require.NoError(s.t, err)
	}
	a, err := cnwire.ParseAuthorization(r.Header.Get("Authorization"))
	require.NoError(s.t, err)
	require.NoError(s.t, cnwire.VerifyRequest(&testkey.FastClient().PublicKey, a, r.Method, r.URL.RequestURI(), signedBody, r.Header.Get("Alipay-App-Auth-Token")))
	require.Equal(s.t, s.token, r.Header.Get("Alipay-App-Auth-Token"))
	require.Equal(s.t, stubAppID, a.AppID)
}

func newStub(t require.TestingT, answer func(n int, r *http.Request, body []byte) stubAnswer, opts ...Option) (*stub, *Client) {
	s := &stub{t: t, answer: answer, token: stubToken}
	c, err := New(append([]Option{
		WithAppID(stubAppID), WithSigner(testkey.FastClient()), WithAlipayPublicKey(testkey.FastKey().PublicPEM()),
		WithAppAuthToken(stubToken), WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)...)
	require.NoError(t, err)
	return s, c
}

func always(status int, body string) func(int, *http.Request, []byte) stubAnswer {
	return func(int, *http.Request, []byte) stubAnswer { return stubAnswer{status: status, body: body} }
}

func failureOf(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v", err)
	return e
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// certificatePEM is a certificate that Alipay might have.
func certificatePEM(t *testing.T, key crypto.Signer, serial int64) (text []byte, sn string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Alipay"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certificate, err := cnwire.ParseCertificate(text)
	require.NoError(t, err)
	return text, certificate.SN
}

func versionOne() alipayplus.VersionNumber { return alipayplus.VersionNumber{Patch: 1} }

// broken are the fields that a validation found, as "path: message".
func broken(err error) []string {
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return []string{"no validation error: " + err.Error()}
	}
	texts := make([]string, len(invalid.Fields))
	for i, f := range invalid.Fields {
		texts[i] = f.Path + ": " + f.Message
	}
	return texts
}

// WithClock sets this machine's clock.
func WithClock(now func() time.Time) Option {
	return func(cfg *config) error {
		cfg.now = now
		return nil
	}
}

// InVirtualTime runs a subtest in a bubble of package synctest.
func InVirtualTime(test func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		synctest.Test(t, test)
	}
}

// receiver is a handler with what came of it.
type receiver struct {
	*NotificationHandler

	mu     sync.Mutex
	events []Notification
	err    error
	log    bytes.Buffer
}

// newReceiver believes the test key.
func newReceiver(t testing.TB, change ...func(*NotificationOptions)) *receiver {
	t.Helper()
	r := &receiver{}
	opts := NotificationOptions{
		AppID:           isvAppID,
		AlipayPublicKey: testkey.FastKey().PublicPEM(),
		Logger:          slog.New(slog.NewJSONHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Handle: func(_ context.Context, event Notification) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, event)
			return r.err
		},
	}
	for _, c := range change {
		c(&opts)
	}
	h, err := NewNotificationHandler(opts)
	require.NoError(t, err)
	r.NotificationHandler = h
	return r
}

func (r *receiver) post(ctx context.Context, params url.Values) (status int, text string) {
	return answerTo(r, request(ctx, params.Encode()))
}

// succeeds posts a notification that is to be answered "success".
func (r *receiver) succeeds(t require.TestingT, params url.Values) {
	status, text := r.post(tokenContext(t), params)
	requireSuccess(t, status, text)
}

// fails posts a notification that is to be answered "fail" with a status.
func (r *receiver) fails(t require.TestingT, want int, params url.Values) {
	status, text := r.post(tokenContext(t), params)
	requireFail(t, want, status, text)
}

func (r *receiver) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// signed is the notification as AlipayCN's form, signed with the test key.
func signed(t require.TestingT, fields map[string]string, form cnwire.NotificationForm) url.Values {
	return signedWith(t, testkey.FastKey(), fields, form)
}

func signedWith(t require.TestingT, key *testkey.Signer, fields map[string]string, form cnwire.NotificationForm) url.Values {
	params := url.Values{}
	for name, value := range fields {
		params.Set(name, value)
	}
	sign, err := cnwire.SignNotification(key, params, form)
	require.NoError(t, err)
	params.Set("sign", sign)
	return params
}

func messageForm() cnwire.NotificationForm {
	return cnwire.NotificationForm{SignType: true, EmptyValues: true}
}

// request is the form as AlipayCN posts it.
func request(ctx context.Context, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/notify", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	return r
}

func answerTo(h http.Handler, r *http.Request) (status int, text string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func requireSuccess(t require.TestingT, status int, text string) {
	require.Equal(t, "success", text)
	require.Equal(t, http.StatusOK, status)
}

func requireFail(t require.TestingT, want, status int, text string) {
	require.Equal(t, "fail", text)
	require.Equal(t, want, status)
}

// brokenSeenStore fails with the errors that it has.
type brokenSeenStore struct{ seen, add error }

func (s brokenSeenStore) Seen(context.Context, string) (bool, error) { return false, s.seen }

func (s brokenSeenStore) Add(context.Context, string, time.Time) (bool, error) {
	return s.add == nil, s.add
}
