package alipaycn

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	stubAppID = "2021009900000101"
	stubToken = "202611BBsecretTokenOfTheMerchant"
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
		signature, err := cnwire.SignResponse(testkey.FastSigner(), at, "nonce", []byte(a.body))
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
	require.NoError(s.t, cnwire.VerifyRequest(&testkey.FastClientSigner().PublicKey, a, r.Method, r.URL.RequestURI(), signedBody, r.Header.Get("Alipay-App-Auth-Token")))
	require.Equal(s.t, s.token, r.Header.Get("Alipay-App-Auth-Token"))
	require.Equal(s.t, stubAppID, a.AppID)
}

func newStub(t require.TestingT, answer func(n int, r *http.Request, body []byte) stubAnswer, opts ...Option) (*stub, *Client) {
	s := &stub{t: t, answer: answer, token: stubToken}
	c, err := New(append([]Option{
		WithAppID(stubAppID), WithSigner(testkey.FastClientSigner()), WithAlipayPublicKey(testkey.FastSigner().PublicPEM()),
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

func TestEveryAttemptIsSignedAfreshAndKeepsItsRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Attempt
		s, c := newStub(t, func(n int, _ *http.Request, _ []byte) stubAnswer {
			if n < 3 {
				return stubAnswer{status: 503, body: "<html>", bare: true}
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"GRAY","gray_strategy":"p30"}`}
		}, WithObserver(func(_ context.Context, a Attempt) { events = append(events, a) }))

		detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})

		require.NoError(t, err)
		require.Equal(t, StatusGray, detail.Status)
		require.Len(t, s.seen, 3)
		authorizations, ids := map[string]bool{}, map[string]bool{}
		for _, r := range s.seen {
			authorizations[r.Header.Get("Authorization")] = true
			ids[r.Header.Get("Alipay-Request-Id")] = true
			require.Equal(t, "application/json", r.Header.Get("Accept"))
			require.Equal(t, "https://openapi.alipay.com/v3/alipay/open/mini/version/detail/query?app_version=0.0.1", r.URL.String())
		}
		require.Len(t, authorizations, 3)
		require.Len(t, ids, 1)
		require.Len(t, events, 3)
		require.Equal(t, "trace-1", events[0].TraceID)
		require.Equal(t, 503, events[0].HTTPStatus)
		require.Positive(t, events[0].RetryIn)
		require.NoError(t, events[2].Err)
		require.Equal(t, 3, events[2].Number)
	})
}

func TestAWriteIsRepeatedOnlyWhenItWasNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newStub(t, func(n int, _ *http.Request, _ []byte) stubAnswer {
			switch n {
			case 1:
				return stubAnswer{status: 429, body: `{"code":"app-call-limited","message":"slow down"}`, header: http.Header{"Retry-After": {"7"}}}
			case 2:
				return stubAnswer{status: 400, body: `{"code":"SYSTEM_LIMIT","message":"slow down"}`}
			default:
				return stubAnswer{status: 204}
			}
		})
		start := time.Now()
		require.NoError(t, c.Versions.TakeOffline(t.Context(), VersionInput{Version: versionOne()}))
		require.Len(t, s.seen, 3)
		require.GreaterOrEqual(t, time.Since(start), 7*time.Second)
	})
}

func TestAnswersThatCannotBeTrustedAreRefused(t *testing.T) {
	page := "<html>" + strings.Repeat("x", 1000) + "</html>"
	for _, tt := range []struct {
		name   string
		answer stubAnswer
		class  error
		says   string
		body   bool
	}{
		{"unsigned success", stubAnswer{status: 200, body: `{"status":"RELEASE"}`, bare: true}, nil, "it is not signed", true},
		{"changed success", stubAnswer{status: 200, body: `{}`, header: http.Header{cnwire.HeaderNonce: {"other"}}}, nil, "Alipay's public key", false},
		{"wrongly signed refusal", stubAnswer{status: 400, body: `{"code":"INVALID_PARAMETER"}`, header: http.Header{cnwire.HeaderNonce: {"other"}}}, nil, "cannot be trusted", false},
		{"redirect", stubAnswer{status: 302, body: page, bare: true}, nil, "check the endpoint", true},
		{"page of a proxy", stubAnswer{status: 404, body: page, bare: true}, nil, "not AlipayCN's", true},
		{"page of a proxy that is busy", stubAnswer{status: 429, body: page, bare: true}, alipayplus.ErrRateLimited, "too many calls", true},
		{"page instead of JSON, signed", stubAnswer{status: 200, body: page}, nil, "signed but cannot be read", true},
		{"unsigned refusal", stubAnswer{status: 400, body: `{"code":"APP_VERSION_IS_BLANK","message":"no"}`, bare: true}, alipayplus.ErrInvalid, "APP_VERSION_IS_BLANK", false},
		{"signed refusal", stubAnswer{status: 401, body: `{"code":"invalid-app-auth-token","message":"no ` + stubToken + `"}`}, alipayplus.ErrAuthorizationRequired, "alipay.open.mini.version.detail.query", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return tt.answer }, WithRetry(1, 0, 0))
			detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
			require.Nil(t, detail)
			e := failureOf(t, err)
			require.Equal(t, "trace-1", e.TraceID)
			require.Equal(t, tt.answer.status, e.HTTPStatus)
			require.Equal(t, 1, e.Attempts)
			require.Contains(t, fullText(err), tt.says)
			require.NotContains(t, fullText(err), stubToken)
			require.NotContains(t, fullText(err), "xxxx")
			require.Equal(t, tt.body, e.Body != "")
			require.LessOrEqual(t, len(e.Body), 512)
			require.False(t, e.OutcomeUnknown)
			require.NotErrorIs(t, err, alipayplus.ErrNotFound)
			if tt.class != nil {
				require.ErrorIs(t, err, tt.class)
			} else if tt.answer.status < 300 && !strings.Contains(tt.says, "read") {
				_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
				require.True(t, untrusted)
			}
		})
	}
}

func fullText(err error) string {
	text := err.Error()
	if auth, ok := errors.AsType[*AuthorizationError](err); ok {
		text += auth.Error()
	}
	return text
}

func TestAcceptedButNotProcessedIsNoSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, body := range []string{"", `{}`, `{"code":"x","message":"later"}`} {
			s, c := newStub(t, always(202, body))
			_, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
			require.True(t, failureOf(t, err).Retryable)
			require.Len(t, s.seen, 4, "a read is repeated")

			s, c = newStub(t, always(202, body))
			_, err = c.QRCodes.Create(t.Context(), CreateQRCodeInput{Page: "pages/index"})
			require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			require.Len(t, s.seen, 1, "a write is not")
		}
	})
}

// A refusal is an error, whatever its HTTP status.
func TestARefusalThatComesAsASuccessIsOne(t *testing.T) {
	_, c := newStub(t, always(200, `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","message":"no"}`))
	err := c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()})
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.Equal(t, 200, failureOf(t, err).HTTPStatus)

	_, c = newStub(t, always(200, `{"code":"10000","msg":"Success"}`))
	require.NoError(t, c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()}))

	for name, operation := range readDescription(t).Operations {
		require.NotContains(t, operation.Answer, "code", "%s: then a success could not be told from a refusal", name)
	}
}

func TestAnEmptySuccessIsASuccess(t *testing.T) {
	for _, status := range []int{200, 204} {
		_, c := newStub(t, always(status, ""))
		info, err := c.BaseInfo.Get(t.Context())
		require.NoError(t, err)
		require.Zero(t, *info)
	}
}

func TestContentIsEncryptedSignedVerifiedAndDecrypted(t *testing.T) {
	const key = "c2hhcmVkLWFlcy1rZXktMQ=="
	aes, err := cnwire.ParseAESKey([]byte(key))
	require.NoError(t, err)
	s, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
		require.Equal(t, "AES", r.Header.Get("Alipay-Encrypt-Type"))
		require.Equal(t, "text/plain", r.Header.Get("Content-Type"))
		plain, err := aes.Decrypt(body)
		require.NoError(t, err)
		require.JSONEq(t, `{"url_param":"pages/index"}`, string(plain))
		return stubAnswer{status: 200, body: string(aes.Encrypt([]byte(`{"qr_code_url":"https://q"}`)))}
	}, WithAESKey([]byte(key+"\n")))
	code, err := c.QRCodes.Create(t.Context(), CreateQRCodeInput{Page: "pages/index"})
	require.NoError(t, err)
	require.Equal(t, "https://q", code.URL)

	s.answer = always(200, "bm90IGEgY2lwaGVydGV4dA==")
	_, err = c.QRCodes.Create(t.Context(), CreateQRCodeInput{Page: "pages/index"})
	require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "AES key")
}

func TestAFormCarriesDataAndFilesWithTheirNames(t *testing.T) {
	logo := picture(t, "logo.png", 180, 180)
	shot := picture(t, "shot.jpg.png", 100, 200)
	_, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
		if r.Method == http.MethodGet {
			return stubAnswer{status: 400, body: `{"code":"SYSTEM_ERROR"}`}
		}
		require.Equal(t, int64(len(body)), r.ContentLength)
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		require.NoError(t, err)
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
		require.NoError(t, err)
		require.Contains(t, form.Value["data"][0], `"app_version":"0.0.1"`)
		require.Len(t, form.File, 2)
		for name, file := range map[string]*File{"app_logo": logo, "first_screen_shot": shot} {
			got := form.File[name][0]
			require.Equal(t, file.Name, got.Filename)
			require.Equal(t, "image/png", got.Header.Get("Content-Type"))
			opened, err := got.Open()
			require.NoError(t, err)
			content, err := io.ReadAll(opened)
			require.NoError(t, err)
			want, err := io.ReadAll(file.reader())
			require.NoError(t, err)
			require.Equal(t, want, content)
		}
		return stubAnswer{status: 200, body: `{"speed_up":"true","speed_up_memo":"ok"}`}
	}, WithRetry(1, 0, 0))
	in := application()
	in.AppLogo, in.ScreenShots = logo, []File{*shot}
	got, err := c.Versions.Apply(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, &ApplyResult{SpeedUp: true, SpeedUpMemo: "ok"}, got)
}

// zeros is a picture of any size: a real beginning, then nothing but zeros.
type zeros struct{ head []byte }

func (z zeros) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(z.head)) {
		copy(p, z.head[at:])
	}
	return len(p), nil
}

func TestMemoryDoesNotGrowWithTheFiles(t *testing.T) {
	small := picture(t, "shot.png", 100, 200)
	head, err := io.ReadAll(small.reader())
	require.NoError(t, err)
	spent := func(size int64) int64 {
		c, err := New(WithAppID(stubAppID), WithSigner(testkey.FastClientSigner()), WithAlipayPublicKey(testkey.FastSigner().PublicPEM()),
			WithRetry(1, 0, 0), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Body != nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				return nil, errors.New("no answer")
			})}))
		require.NoError(t, err)
		in := application()
		for range 3 {
			in.ScreenShots = append(in.ScreenShots, File{Name: "shot.png", Content: zeros{head}, Size: size})
		}
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, err := c.Versions.Apply(b.Context(), in)
				if err == nil {
					b.Fatal("an answer from nowhere")
				}
			}
		})
		return result.AllocedBytesPerOp()
	}
	few, many := spent(10<<10), spent(4<<20)
	require.Less(t, many, few+64<<10, "12 MB of pictures against 30 KB")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCertificateModeNamesSerialsAndNoticesAnotherCertificate(t *testing.T) {
	app, appSN := certificatePEM(t, testkey.FastClientSigner(), 1)
	alipay, alipaySN := certificatePEM(t, testkey.FastSigner(), 2)
	serial := alipaySN
	s := &stub{t: t, answer: func(int, *http.Request, []byte) stubAnswer {
		return stubAnswer{status: 200, body: `{}`, header: http.Header{cnwire.HeaderSN: {serial}}}
	}}
	c, err := New(WithAppID(stubAppID), WithSigner(testkey.FastClientSigner()), WithCertificates(app, alipay, alipay), WithHTTPClient(&http.Client{Transport: s}))
	require.NoError(t, err)

	_, err = c.BaseInfo.Get(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.seen[0].Header.Get("Authorization"), "app_cert_sn="+appSN)
	require.Equal(t, alipaySN, s.seen[0].Header.Get("Alipay-Root-Cert-Sn"))

	serial = "ffffffffffffffffffffffffffffffff"
	_, err = c.BaseInfo.Get(t.Context())
	_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
	require.True(t, untrusted)
	require.ErrorContains(t, err, serial)
	require.ErrorContains(t, err, "ALIPAYCN_ALIPAY_CERT_FILE")
}

func TestForActsForAnotherMerchantOverTheSameConnections(t *testing.T) {
	s, c := newStub(t, always(200, `{}`))
	other := c.For("another-token")
	require.Same(t, c.settings, other.settings)
	s.token = "another-token"
	_, err := other.BaseInfo.Get(t.Context())
	require.NoError(t, err)
	s.token = stubToken
	_, err = c.BaseInfo.Get(t.Context())
	require.NoError(t, err)

	store := NewMemoryTokenStore()
	_, err = c.ForApp(t.Context(), store, "app")
	require.ErrorIs(t, err, ErrNoToken)
	require.NoError(t, store.Put(t.Context(), Token{AuthAppID: "app", AppAuthToken: "stored-token"}))
	stored, err := c.ForApp(t.Context(), store, "app")
	require.NoError(t, err)
	s.token = "stored-token"
	_, err = stored.BaseInfo.Get(t.Context())
	require.NoError(t, err)
}

func TestTheThirdPartyAppAsksAboutTokensForItself(t *testing.T) {
	s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.Method == http.MethodGet {
			require.Equal(t, "t1", r.URL.Query().Get("app_auth_token"))
			return stubAnswer{status: 200, body: `{"status":"valid","auth_methods":["alipay.open.mini.version.online"],"expires_in":1}`}
		}
		return stubAnswer{status: 200, body: `{"app_auth_token":"t1","auth_app_id":"a1","tokens":[{"app_auth_token":"t1","auth_app_id":"a1"}]}`}
	})
	s.token = ""
	tokens, err := c.Authorization.Exchange(t.Context(), "code1")
	require.NoError(t, err)
	require.Equal(t, "t1", tokens.AppAuthToken)
	_, err = c.Authorization.Refresh(t.Context(), "refresh1")
	require.NoError(t, err)
	info, err := c.Authorization.Query(t.Context(), "t1")
	require.NoError(t, err)
	require.Len(t, info.MissingMethods(), 12)
	require.NotContains(t, info.MissingMethods(), "alipay.open.mini.version.online")
	require.Empty(t, TokenInfo{Status: TokenValid, Full: true}.MissingMethods())
	require.Len(t, TokenInfo{Status: TokenInvalid, Full: true}.MissingMethods(), 13)
}

func TestWhatIsNotValidIsNotSent(t *testing.T) {
	s, c := newStub(t, always(200, `{}`))
	for _, err := range []error{
		c.Versions.Publish(t.Context(), PublishInput{}),
		second(c.Versions.Upload(t.Context(), UploadInput{})),
		second(c.Versions.Apply(t.Context(), ApplyInput{})),
		second(c.Versions.Get(t.Context(), VersionInput{})),
		second(c.Versions.WaitBuilt(t.Context(), VersionInput{}, BuildWait{})),
	} {
		_, invalid := errors.AsType[*alipayplus.ValidationError](err)
		require.True(t, invalid, "%v", err)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, "app_version")
	}
	require.Empty(t, s.seen)
}

func second[T any](_ T, err error) error { return err }

func TestSecretsAreInNoErrorLogAndEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		secrets := []string{stubToken, "secretCode", "secretRefresh", "secretPassword", "ALIPAY-SHA256withRSA", "sign="}
		for _, answer := range []stubAnswer{
			{status: 200, body: `{"app_auth_token":"` + stubToken + `"}`, bare: true},
			{status: 503, body: stubToken, bare: true},
			{status: 400, body: `{"code":"AUTH_CODE_NOT_VALID","message":"no ` + stubToken + `","details":[{"field":"code","value":"secretCode"}]}`},
			{err: errors.New("no route to")},
		} {
			s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				if answer.err != nil {
					return stubAnswer{err: fmt.Errorf("%w %s", answer.err, r.URL)}
				}
				return answer
			},
				WithLogger(logger), WithObserver(func(_ context.Context, a Attempt) { fmt.Fprintf(&out, "%+v\n", a) }))
			_, err := c.BaseInfo.Get(t.Context())
			_, err2 := c.Versions.Apply(t.Context(), ApplyInput{
				Version: versionOne(), Description: strings.Repeat("x", 40), TestAccount: "a", TestPassword: "secretPassword",
			})
			s.token = ""
			_, err3 := c.Authorization.Exchange(t.Context(), "secretCode")
			_, err4 := c.Authorization.Refresh(t.Context(), "secretRefresh")
			_, err5 := c.Authorization.Query(t.Context(), stubToken)
			for _, err := range []error{err, err2, err3, err4, err5} {
				require.Error(t, err)
				fmt.Fprintf(&out, "%v\n%+v\n", err, c)
				logger.Error("failed", "error", err, "client", c)
			}
			fmt.Fprintf(&out, "%#v\n", c)
		}
		require.Contains(t, out.String(), "AUTH_CODE_NOT_VALID")
		for _, secret := range secrets {
			require.NotContains(t, out.String(), secret)
		}
	})
}

// What an answer quotes of the input is as secret as the input.
func TestAnswersThatQuoteSecrets(t *testing.T) {
	quoting := func(secret string) (*stub, *Client) {
		s, c := newStub(t, always(400, `{"code":"ILLEGAL_PARAM","message":"no `+secret+`","details":[{"field":"f","issue":"`+secret+`","description":"is `+secret+`"}]}`))
		s.token = ""
		return s, c
	}
	_, c := quoting("secretCode")
	_, err := c.Authorization.Exchange(t.Context(), "secretCode")
	require.EqualError(t, withoutTrace(err), "alipaycn: authorization.token: ILLEGAL_PARAM: no …; f … is … (HTTP 400); a parameter is not allowed; check the token and the field that the message names")
	_, c = quoting("secretRefresh")
	_, err = c.Authorization.Refresh(t.Context(), "secretRefresh")
	require.NotContains(t, err.Error(), "secretRefresh")
	_, c = quoting("anotherMerchantsToken")
	_, err = c.Authorization.Query(t.Context(), "anotherMerchantsToken")
	require.NotContains(t, err.Error(), "anotherMerchantsToken")

	s, c := quoting("secretPassword")
	s.token = stubToken
	in := application()
	in.TestPassword = "secretPassword"
	_, err = c.Versions.Apply(t.Context(), in)
	require.NotContains(t, err.Error(), "secretPassword")
}

func withoutTrace(err error) error {
	e, _ := errors.AsType[*Error](err)
	copied := *e
	copied.TraceID = ""
	return &copied
}

// An answer about tokens that cannot be trusted or read is not kept: it may be tokens.
func TestTokensAreInNoBody(t *testing.T) {
	for _, answer := range []stubAnswer{
		{status: 200, body: `{"app_auth_token":"new"}`, bare: true},
		{status: 200, body: `["new"]`},
		{status: 502, body: `{"app_auth_token":"new"}`, bare: true},
	} {
		s, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return answer }, WithRetry(1, 0, 0))
		s.token = ""
		_, err := c.Authorization.Exchange(t.Context(), "code")
		require.Empty(t, failureOf(t, err).Body)
		_, err = c.Authorization.Query(t.Context(), "token")
		require.Empty(t, failureOf(t, err).Body)
	}
}

func TestAClientIsPrintedWithoutItsToken(t *testing.T) {
	_, c := newStub(t, always(200, `{}`))
	for _, value := range []any{c, *c, c.Versions, struct{ C Client }{*c}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, value), stubToken, format)
		}
	}
	require.Equal(t, "alipaycn client of app "+stubAppID, fmt.Sprint(c))
}

func TestALongRefusalIsCut(t *testing.T) {
	long := strings.Repeat("长", 1<<20)
	_, c := newStub(t, always(400, `{"code":"X","message":"`+long+`","details":[`+strings.Repeat(`{"field":"f"},`, 5000)+`{}]}`))
	_, err := c.BaseInfo.Get(t.Context())
	require.Less(t, len(err.Error()), 3000)
	require.Len(t, failureOf(t, err).Details, 50)
	require.True(t, utf8.ValidString(err.Error()))
}

func TestACertificateOfAnotherTimePointsToTheClock(t *testing.T) {
	c, err := New(append(goodOptions(), WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time is before 2026"}}}
	})}))...)
	require.NoError(t, err)
	err = c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()})
	require.ErrorContains(t, err, "; check this machine's clock, at which the gateway's certificate is not valid, and the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT)")
	require.False(t, failureOf(t, err).OutcomeUnknown)
}

func TestABrokenSignerIsTheCallersFault(t *testing.T) {
	_, c := newStub(t, always(200, `{}`))
	c.signer = brokenSigner{testkey.FastClientSigner()}
	_, err := c.BaseInfo.Get(t.Context())
	require.ErrorContains(t, err, "WithSigner")
	require.Zero(t, failureOf(t, err).HTTPStatus)
}

type requestVectors struct {
	Keys struct {
		Private string `json:"TEST_ONLY_app_private_key_pkcs8_pem"`
	} `json:"keys"`
	Cases []struct {
		Name     string         `json:"name"`
		Raw      map[string]any `json:"input"`
		Expected struct {
			Authorization string `json:"authorization"`
		} `json:"expected"`
	} `json:"cases"`
}

func TestRequestVectorsThroughTheClient(t *testing.T) {
	var vectors requestVectors
	readVectors(t, "v3-request.json", &vectors)
	key, err := signing.ParsePrivateKey([]byte(vectors.Keys.Private))
	require.NoError(t, err)
	for _, v := range vectors.Cases {
		t.Run(v.Name, func(t *testing.T) {
			in := func(name string) string { text, _ := v.Raw[name].(string); return text }
			var got *http.Request
			c, err := New(WithAppID(in("app_id")), WithSigner(key), WithAlipayPublicKey(testkey.FastSigner().PublicPEM()), WithRetry(1, 0, 0),
				WithAppAuthToken(in("app_auth_token")), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					got = r
					return nil, errors.New("seen")
				})}))
			require.NoError(t, err)
			at, err := strconv.ParseInt(in("timestamp_ms"), 10, 64)
			require.NoError(t, err)
			c.nonce, c.now = func() string { return in("nonce") }, func() time.Time { return time.UnixMilli(at) }
			c.trust.appCertSN, c.trust.rootSN = in("app_cert_sn"), in("alipay_root_cert_sn")
			c.expiredSeconds, _ = strconv.Atoi(in("expired_seconds"))
			out := outgoing{target: in("path_and_query"), contentType: jsonContent, body: []byte(in("signed_body")), encrypted: in("body_kind") == "aes"}
			if in("body_kind") == "multipart" {
				out = out.multipart([]filePart{{"first_screen_shot", picture(t, "shot-1.png", 1, 1)}})
			}

			_ = c.exchange(t.Context(), cnwire.Operation{Name: "vector", Method: in("method"), Write: true}, out, nil)

			require.Equal(t, v.Expected.Authorization, got.Header.Get("Authorization"))
			require.Equal(t, in("path_and_query"), got.URL.RequestURI())
			require.Equal(t, in("app_auth_token"), got.Header.Get("Alipay-App-Auth-Token"))
			require.Equal(t, in("alipay_root_cert_sn"), got.Header.Get("Alipay-Root-Cert-Sn"))
		})
	}
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../internal/cnwire/testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func TestResponseVectorsThroughTheClient(t *testing.T) {
	var vectors struct {
		Keys struct {
			Public string `json:"alipay_public_key_pem"`
			CertSN string `json:"alipay_cert_sn"`
			AES    string `json:"aes_key_base64"`
		} `json:"keys"`
		Cases []struct {
			Name     string            `json:"name"`
			Status   int               `json:"http_status"`
			Headers  map[string]string `json:"headers"`
			Body     string            `json:"body"`
			CertMode bool              `json:"cert_mode"`
			Sealed   bool              `json:"encrypted"`
			Plain    string            `json:"plaintext"`
			Expected struct {
				Client string `json:"client"`
			} `json:"expected"`
		} `json:"cases"`
	}
	readVectors(t, "v3-response.json", &vectors)
	for _, v := range vectors.Cases {
		t.Run(v.Name, func(t *testing.T) {
			header := http.Header{}
			for name, value := range v.Headers {
				header.Set(name, value)
			}
			opts := []Option{
				WithAppID(stubAppID), WithSigner(testkey.FastClientSigner()), WithAlipayPublicKey([]byte(vectors.Keys.Public)), WithRetry(1, 0, 0),
				WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: v.Status, Header: header, Body: io.NopCloser(strings.NewReader(v.Body)), Request: r}, nil
				})}),
			}
			if v.Sealed {
				opts = append(opts, WithAESKey([]byte(vectors.Keys.AES)))
			}
			c, err := New(opts...)
			require.NoError(t, err)
			if at, err := strconv.ParseInt(header.Get(cnwire.HeaderTimestamp), 10, 64); err == nil {
				c.now = func() time.Time { return time.UnixMilli(at) }
			}
			if v.CertMode {
				c.trust.certSN = vectors.Keys.CertSN
			}
			var got json.RawMessage
			err = c.exchange(t.Context(), cnwire.VersionGet, outgoing{target: cnwire.VersionGet.Path()}, &got)
			switch v.Expected.Client {
			case "accept":
				require.NoError(t, err)
				want := v.Body
				if v.Sealed {
					want = v.Plain
				}
				if want != "" {
					require.JSONEq(t, want, string(got))
				}
			case "api_error":
				require.NotEmpty(t, failureOf(t, err).Code)
			default:
				_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
				require.True(t, untrusted, "%v", err)
			}
		})
	}
}

func FuzzAnswersThroughTheClient(f *testing.F) {
	f.Add(200, `{"status":"GRAY"}`, true)
	f.Add(400, `{"code":"INVALID_PARAMETER","links":[{}]}`, false)
	f.Add(202, ``, true)
	f.Add(503, `<html>`, false)
	f.Fuzz(func(t *testing.T, status int, body string, signed bool) {
		if status < 200 || status > 599 {
			return
		}
		_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer {
			return stubAnswer{status: status, body: body, bare: !signed}
		}, WithRetry(1, 0, 0))
		got, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
		if err == nil {
			require.True(t, signed && status < 300 && status != 202 || signed && status < 400)
			require.NotNil(t, got)
			return
		}
		require.Nil(t, got)
		require.NotContains(t, err.Error(), "\n")
	})
}

type brokenSigner struct{ crypto.Signer }

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the HSM is locked")
}
