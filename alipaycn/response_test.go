package alipaycn

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"
)

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

func TestCertificateModeNamesSerialsAndNoticesAnotherCertificate(t *testing.T) {
	app, appSN := certificatePEM(t, testkey.FastClient(), 1)
	alipay, alipaySN := certificatePEM(t, testkey.FastKey(), 2)
	serial := alipaySN
	s := &stub{t: t, answer: func(int, *http.Request, []byte) stubAnswer {
		return stubAnswer{status: 200, body: `{}`, header: http.Header{cnwire.HeaderSN: {serial}}}
	}}
	c, err := New(WithAppID(stubAppID), WithSigner(testkey.FastClient()), WithCertificates(app, alipay, alipay), WithHTTPClient(&http.Client{Transport: s}))
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

func refusalOf(t *testing.T, op cnwire.Operation, status int, body string) *Error {
	t.Helper()
	e, ok := parseRefusal(op, status, []byte(body))
	require.True(t, ok)
	return e
}

func TestARefusalIsClassifiedByItsCodeAndStatus(t *testing.T) {
	for _, tt := range []struct {
		name    string
		op      cnwire.Operation
		status  int
		code    string
		is      error
		not     error
		retry   bool
		unknown bool
	}{
		{"a write that failed inside", cnwire.VersionPublish, 400, "SYSTEM_ERROR", alipayplus.ErrOutcomeUnknown, alipayplus.ErrInvalid, false, true},
		{"a read that failed inside", cnwire.VersionGet, 400, "SYSTEM_ERROR", nil, alipayplus.ErrOutcomeUnknown, true, false},
		{"a POST that is a read", cnwire.CategoryRequirements, 500, "unknow-error", nil, alipayplus.ErrOutcomeUnknown, true, false},
		{"a write with an unknown code and 500", cnwire.VersionPublish, 500, "SOMETHING_ELSE", alipayplus.ErrOutcomeUnknown, nil, false, true},
		{"a write with an unknown code and 202", cnwire.VersionPublish, 202, "SOMETHING_ELSE", alipayplus.ErrOutcomeUnknown, nil, false, true},
		{"a read with an unknown code and 503", cnwire.VersionGet, 503, "SOMETHING_ELSE", nil, alipayplus.ErrOutcomeUnknown, true, false},
		{"a write refused with 500", cnwire.VersionPublish, 500, "APP_VERSION_IS_BLANK", alipayplus.ErrInvalid, alipayplus.ErrOutcomeUnknown, false, false},
		{"too many calls", cnwire.VersionPublish, 429, "app-call-limited", alipayplus.ErrRateLimited, alipayplus.ErrOutcomeUnknown, true, false},
		{"too many calls by status", cnwire.VersionPublish, 429, "SOMETHING_ELSE", alipayplus.ErrRateLimited, alipayplus.ErrOutcomeUnknown, true, false},
		{"not accepted", cnwire.VersionApply, 400, "upload-fail", ErrRetryLater, alipayplus.ErrOutcomeUnknown, true, false},
		{"not ready", cnwire.VersionApply, 400, "CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS", ErrNotReady, ErrAlreadyDone, true, false},
		{"done already", cnwire.VersionApply, 400, "SUBMIT_REPEAT", ErrAlreadyDone, ErrNotReady, false, false},
		{"done already is a conflict", cnwire.VersionApply, 400, "SUBMIT_REPEAT", alipayplus.ErrConflict, nil, false, false},
		{"unknown code, 401", cnwire.VersionGet, 401, "SOMETHING_ELSE", alipayplus.ErrUnauthenticated, nil, false, false},
		{"unknown code, 403", cnwire.VersionGet, 403, "SOMETHING_ELSE", alipayplus.ErrPermission, nil, false, false},
		{"unknown code, 404", cnwire.VersionGet, 404, "SOMETHING_ELSE", alipayplus.ErrNotFound, nil, false, false},
		{"unknown code, 400", cnwire.VersionGet, 400, "SOMETHING_ELSE", nil, alipayplus.ErrInvalid, false, false},
		{"the code tells more than the status", cnwire.VersionGet, 401, "invalid-app-auth-token", alipayplus.ErrAuthorizationRequired, alipayplus.ErrUnauthenticated, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := refusalOf(t, tt.op, tt.status, `{"code":"`+tt.code+`","message":"m"}`)
			if tt.is != nil {
				require.ErrorIs(t, e, tt.is)
			} else {
				require.Empty(t, e.Unwrap())
			}
			if tt.not != nil {
				require.NotErrorIs(t, e, tt.not)
			}
			require.Equal(t, tt.retry, e.Retryable)
			require.Equal(t, tt.unknown, e.OutcomeUnknown)
		})
	}
}

func TestTheNameOfAnUnknownSubCodeIsFound(t *testing.T) {
	e := refusalOf(t, cnwire.VersionApply, 400, `{"code":"unknown-sub-code","message":"未知的错误码MINI_APP_INFO_AUDIT_CONTAINS"}`)
	require.Equal(t, CodeMiniAppInfoAuditContains, e.Code)
	require.ErrorIs(t, e, ErrNotReady)
	require.Equal(t, CodeMiniAppInfoAuditContains.Hint(), e.Hint)

	e = refusalOf(t, cnwire.VersionApply, 400, `{"code":"unknown-sub-code","message":"未知的错误码SOMETHING_ELSE"}`)
	require.Equal(t, GatewayUnknownSubCode, e.Code)

	e = refusalOf(t, cnwire.VersionApply, 400, `{"code":"SYSTEM_LIMIT","message":"not SUBMIT_REPEAT"}`)
	require.Equal(t, CodeSystemLimit, e.Code, "a stated code is not searched for")
}

func TestAnErrorBodyIsReadAsWellAsCanBe(t *testing.T) {
	for _, tt := range []struct {
		name    string
		body    string
		message string
		links   []Link
		details []Detail
	}{
		{"links as a text", `{"code":"X","message":"m","links":"https://example.com"}`, "m", []Link{{URL: "https://example.com"}}, nil},
		{"links as an array", `{"code":"X","message":"m","links":[{"link":"https://a"},{"link":"https://b","desc":"b"}]}`, "m", []Link{{URL: "https://a"}, {URL: "https://b", Description: "b"}}, nil},
		{"one link as an object", `{"code":"X","message":"m","links":{"link":"https://a"}}`, "m", []Link{{URL: "https://a"}}, nil},
		{"no links", `{"code":"X","message":"m","links":""}`, "m", nil, nil},
		{"null", `{"code":"X","message":null,"links":null,"details":null}`, "", nil, nil},
		{"links that are none", `{"code":"X","message":"m","links":[1,2]}`, "m", nil, nil},
		{"details", `{"code":"X","message":"m","details":[{"field":"app_name","value":"v","location":"body","issue":"LENGTH","description":"too long"}]}`, "m", nil, []Detail{{"app_name", "v", "body", "LENGTH", "too long"}}},
		{"a value that is no text", `{"code":"X","message":"m","details":[{"field":"n","value":{"a":[1]}},{"field":"b","value":7}]}`, "m", nil, []Detail{{Field: "n", Value: `{"a":[1]}`}, {Field: "b", Value: "7"}}},
		{"details that are one", `{"code":"X","message":"m","details":{"field":"n"}}`, "m", nil, []Detail{{Field: "n"}}},
		{"details that are none", `{"code":"X","message":"m","details":"none"}`, "m", nil, nil},
		{"a message that is none", `{"code":"X","message":{"zh":"m"}}`, `{"zh":"m"}`, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := refusalOf(t, cnwire.VersionGet, 400, tt.body)
			require.Equal(t, tt.message, e.Message)
			require.Equal(t, tt.links, e.Links)
			require.Equal(t, tt.details, e.Details)
		})
	}
}

func TestAPageIsNoRefusal(t *testing.T) {
	for _, body := range []string{"", "<html>502 Bad Gateway</html>", `"text"`, `[]`, `null`, `{}`, `{"message":"no code"}`, `{"code":""}`, `{"code":"X"`} {
		e, ok := parseRefusal(cnwire.VersionGet, 502, []byte(body))
		require.False(t, ok, body)
		require.Nil(t, e)
	}
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
				WithAppID(stubAppID), WithSigner(testkey.FastClient()), WithAlipayPublicKey([]byte(vectors.Keys.Public)), WithRetry(1, 0, 0),
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
				c.trust.keys = cnwire.Keys{Certificates: []*cnwire.Certificate{{SN: vectors.Keys.CertSN, PublicKey: c.trust.keys.Public}}}
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

// FuzzRefusal: whatever a gateway answers, the error is one line, has a code and
// shows no value.
func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"code":"INVALID_PARAMETER","message":"m","links":[{"link":"l","desc":"d"}],"details":[{"field":"f","value":"v"}]}`)
	f.Add(202, `{"code":"unknown-sub-code","message":"SUBMIT_REPEAT","links":"l","details":{}}`)
	f.Add(500, `{"code":7,"message":[],"links":{},"details":[[]]}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, op := range []cnwire.Operation{cnwire.VersionPublish, cnwire.VersionGet} {
			e, ok := parseRefusal(op, status, []byte(body))
			if !ok {
				require.Nil(t, e)
				continue
			}
			require.NotEmpty(t, e.Code)
			require.NotContains(t, e.Error(), "\n")
			require.False(t, e.OutcomeUnknown && (e.Retryable || !op.Write))
			require.Equal(t, e.OutcomeUnknown, errors.Is(e, alipayplus.ErrOutcomeUnknown))
			for i := range e.Details {
				e.Details[i].Value = strings.Repeat("SECRET", 3)
			}
			require.NotContains(t, e.Error()+e.LogValue().String(), "SECRETSECRETSECRET")
		}
	})
}

// gbk is a text in the encoding of AlipayCN's older messages.
func gbk(t *testing.T, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

func utf16Of(t *testing.T, text string, mark utf16.BOMPolicy) string {
	t.Helper()
	encoded, err := utf16.UTF16(utf16.LittleEndian, mark).NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

// A refusal keeps its code, class and hint in whatever form it comes.
func TestARefusalIsReadInWhateverFormItComes(t *testing.T) {
	key := []byte("aa4BtZ4tspm2wnXLb1ThQA==")
	aes, err := cnwire.ParseAESKey(key)
	require.NoError(t, err)
	const refusal = `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","message":"没有审核通过"}`
	for name, body := range map[string]string{
		"plain":                refusal,
		"a byte order mark":    "\ufeff" + refusal,
		"GBK":                  gbk(t, refusal),
		"encrypted":            string(aes.Encrypt([]byte(refusal))),
		"encrypted, quoted":    `"` + string(aes.Encrypt([]byte(refusal))) + `"`,
		"encrypted GBK":        string(aes.Encrypt([]byte(gbk(t, refusal)))),
		"other letters":        `{"code":"can_not_online_without_audit","message":"没有审核通过"}`,
		"in the message":       `{"code":"unknown-sub-code","message":"未知的错误码CAN_NOT_ONLINE_WITHOUT_AUDIT没有审核通过"}`,
		"older protocol":       `{"code":"40004","msg":"Business Failed","sub_code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","sub_msg":"没有审核通过"}`,
		"its envelope":         `{"alipay_open_mini_version_online_response":{"code":"40004","sub_code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","sub_msg":"没有审核通过"},"sign":"x"}`,
		"its error":            `{"error_response":{"code":"40004","sub_code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","sub_msg":"没有审核通过"}}`,
		"unknown fields":       `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","message":"没有审核通过","new":[{}],"links":7,"details":"x"}`,
		"UTF-16":               utf16Of(t, refusal, utf16.UseBOM),
		"UTF-16 without mark":  utf16Of(t, refusal, utf16.IgnoreBOM),
		"a text":               `"{\"code\":\"CAN_NOT_ONLINE_WITHOUT_AUDIT\",\"message\":\"没有审核通过\"}"`,
		"a list":               `[` + refusal + `]`,
		"a part":               `{"success":false,"error":` + refusal + `}`,
		"a list in a part":     `{"errors":[` + refusal + `]}`,
		"another envelope":     `{"alipay_open_mini_version_other_response":` + refusal + `}`,
		"more behind it":       refusal + "\n<!-- page -->",
		"twice":                refusal + refusal,
		"NUL behind it":        refusal + "\x00",
		"a mark after a line":  "\n\ufeff" + refusal,
		"other names":          `{"errorCode":"CAN_NOT_ONLINE_WITHOUT_AUDIT","error_msg":"没有审核通过"}`,
		"other names, older":   `{"CODE":40004,"Msg":"Business Failed","subCode":"CAN_NOT_ONLINE_WITHOUT_AUDIT","subMsg":"没有审核通过"}`,
		"in a detail":          `{"code":"unknown-sub-code","message":"没有审核通过","details":[{"issue":"CAN_NOT_ONLINE_WITHOUT_AUDIT"}]}`,
		"in a detail alone":    `{"message":"没有审核通过","details":[{"description":"错误码CAN_NOT_ONLINE_WITHOUT_AUDIT"}]}`,
		"a code in a list":     `{"code":["CAN_NOT_ONLINE_WITHOUT_AUDIT"],"message":["没有审核通过"]}`,
		"a code alone in one":  `{"code":{"value":"CAN_NOT_ONLINE_WITHOUT_AUDIT"},"message":"没有审核通过"}`,
		"a code with its text": `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT:没有审核通过","message":"没有审核通过"}`,
		"a line break in it":   "{\"code\":\"CAN_NOT_ONLINE_WITHOUT_AUDIT\",\"message\":\"没有审核通过\n\"}",
		"a wrong backslash":    `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","message":"没有审核通过\'"}`,
		"a character cut off":  "{\"code\":\"CAN_NOT_ONLINE_WITHOUT_AUDIT\",\"message\":\"没有审核通过，请\xe5\x85\"}",
		"GBK beside UTF-8":     `{"code":"CAN_NOT_ONLINE_WITHOUT_AUDIT","message":"没有审核通过","details":[{"description":"` + gbk(t, "版本") + `"}]}`,
		"a code in an object":  `{"code":{"value":"CAN_NOT_ONLINE_WITHOUT_AUDIT"},"message":"没有审核通过 CAN_NOT_ONLINE_WITHOUT_AUDIT"}`,
	} {
		for _, status := range []int{200, 400, 404, 500} {
			for _, bare := range []bool{false, true} {
				_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer {
					return stubAnswer{status: status, body: body, bare: bare}
				}, WithRetry(1, 0, 0), WithAESKey(key))
				err := c.Versions.Publish(t.Context(), PublishInput{})
				require.Error(t, err) // of Validate
				err = c.exchange(t.Context(), cnwire.VersionPublish, outgoing{target: cnwire.VersionPublish.Path()}, nil)
				e := failureOf(t, err)
				require.Equal(t, CodeCanNotOnlineWithoutAudit, e.Code, "%s, %d, %v", name, status, bare)
				require.ErrorIs(t, err, alipayplus.ErrConflict)
				require.Equal(t, CodeCanNotOnlineWithoutAudit.Hint(), e.Hint)
				require.Contains(t, e.Message, "没有审核通过")
				require.False(t, e.OutcomeUnknown)
			}
		}
	}
}

func TestACodeIsKnownInOtherSpellings(t *testing.T) {
	for body, want := range map[string]Code{
		`{"code":"invalid_logon_id","message":"非法的支付宝登录账号id"}`:                       "INVALID_LOGON_ID",
		`{"code":"InvalidLogonId","message":"m"}`:                                    "INVALID_LOGON_ID",
		`{"code":"Invalid-Logon-Id","message":"m"}`:                                  "INVALID_LOGON_ID",
		`{"code":" INVALID_LOGON_ID ","message":"m"}`:                                "INVALID_LOGON_ID",
		`{"code":"isv.invalid-signature","message":"m"}`:                             "invalid-signature",
		`{"code":"INVALID_SIGNATURE","message":"m"}`:                                 "invalid-signature",
		`{"code":"isp.unknow-error","message":"m"}`:                                  "unknow-error",
		`{"code":"DEVELOPER_ALREADY_EXIST","message":"m"}`:                           "DEVELOPER_ALREADY_EXSIT",
		`{"code":"40004","message":"invalid_logon_id（非法）"}`:                          "INVALID_LOGON_ID",
		`{"code":"unknown-sub-code","message":"未知的错误码AE0311010110301"}`:              "AE0311010110301",
		`{"code":"unknown-sub-code","message":"未知的错误码CAN_NOT_FLY"}`:                  "CAN_NOT_FLY",
		`{"message":"isv.invalid-app-id: 无效的AppID参数"}`:                               "invalid-app-id",
		`{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id"}`: "invalid-app-id",
	} {
		e := refusalOf(t, cnwire.MemberAdd, 400, body)
		require.Equal(t, want, e.Code, body)
		require.Error(t, e.Code.Class(), body)
		if want.Known() {
			require.NotEmpty(t, e.Hint, body)
		}
	}
	require.ErrorIs(t, refusalOf(t, cnwire.MemberAdd, 400, `{"code":"unknown-sub-code","message":"未知的错误码AE0311010110301"}`), alipayplus.ErrNotFound)
	require.ErrorIs(t, refusalOf(t, cnwire.VersionPublish, 200, `{"code":"20000","msg":"Service Currently Unavailable"}`), alipayplus.ErrOutcomeUnknown)
	require.ErrorIs(t, refusalOf(t, cnwire.VersionPublish, 200, `{"code":40006,"msg":"ISV权限不足"}`), alipayplus.ErrPermission)
	require.Equal(t, alipayplus.ErrInvalid, Code("invalid_logon_id").Class())
}

// Each text of an answer has its own encoding, where a gateway quotes others.
func TestTextsOfSeveralEncodingsAreDecoded(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":"版本","b":"` + gbk(t, "版本") + `"}`: `{"a":"版本","b":"版本"}`,
		"{\"a\":\"没有审核\xe9\"}":                  "{\"a\":\"没有审核\ufffd\"}",
		"{\"a\":\"caf\xe9\"}":                   "{\"a\":\"caf\ufffd\"}",
		"\xfe\xff\x00{\x00}":                    "{}",
		"\x00{\x00}":                            "{}",
	} {
		require.Equal(t, want, string(inUTF8([]byte(body), "application/json")))
	}
}

func TestTextsInGBKAreDecoded(t *testing.T) {
	for _, tt := range []struct{ name, text, contentType, says string }{
		{"by the bytes", gbk(t, "无效的AppID参数"), "application/json", "无效的AppID参数"},
		{"by the charset", gbk(t, "一"), "application/json; charset=GBK", "一"}, // whose bytes are valid UTF-8
		{"by the charset of its older name", gbk(t, "版本"), "text/html;charset=gb2312", "版本"},
		{"with a byte like a backslash", gbk(t, "誠"), "", "誠"},
		{"UTF-8 under the name of GBK", "版本", "application/json;charset=GBK", "版本"},
		{"UTF-8 under the name of Latin-1", "版本", "application/json;charset=ISO-8859-1", "版本"},
		{"a charset that cannot be read", "版本", "application/json; charset", "版本"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, bare := range []bool{false, true} {
				_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer {
					return stubAnswer{status: 400, bare: bare, header: http.Header{"Content-Type": {tt.contentType}}, body: `{"code":"invalid-app-id","message":"` + tt.text + `"}`}
				})
				_, err := c.BaseInfo.Get(t.Context())
				require.Equal(t, tt.says, failureOf(t, err).Message)
			}
			_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer {
				return stubAnswer{status: 200, header: http.Header{"Content-Type": {tt.contentType}}, body: `{"app_name":"` + tt.text + `"}`}
			})
			info, err := c.BaseInfo.Get(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.says, info.AppName)

			_, c = newStub(t, func(int, *http.Request, []byte) stubAnswer {
				return stubAnswer{status: 403, bare: true, header: http.Header{"Content-Type": {tt.contentType}}, body: "<html>" + tt.text}
			})
			_, err = c.BaseInfo.Get(t.Context())
			require.Equal(t, "<html>"+tt.says, failureOf(t, err).Body)
		})
	}
}

// FuzzInUTF8: a text in GBK is decoded, and one that is UTF-8 stays as it is without a charset.
func FuzzInUTF8(f *testing.F) {
	f.Add("无效的AppID参数", "application/json; charset=GBK")
	f.Add("\xc4\xe3", "text/html")
	f.Fuzz(func(t *testing.T, text, contentType string) {
		got := inUTF8([]byte(text), contentType)
		require.True(t, utf8.Valid(got))
		if utf8.ValidString(text) && !strings.Contains(strings.ToLower(contentType), "charset") && !strings.Contains(text, "\x00") { // UTF-16
			require.Equal(t, text, string(got))
		}
	})
}

func TestAnErrorQuotesLittleOfWhatCame(t *testing.T) {
	long := strings.Repeat("长", 1000)
	for _, a := range []stubAnswer{
		{status: 400, body: `{"code":"` + long + `","message":"` + long + `","details":[{"field":"` + long + `","issue":"` + long + `","location":"` + long + `","description":"` + long + `"}]}`},
		{status: 404, bare: true, header: http.Header{"Content-Type": {long}, "Alipay-Trace-Id": {long}}},
		{status: 200, bare: true, header: http.Header{"Content-Type": {long}}},
		{status: 400, body: "{\"code\":\"X\u202e\",\"message\":\"a\\u0000\\u0007\\u001b[31m\u202eb\"}"},
	} {
		_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return a }, WithRetry(1, 0, 0))
		_, err := c.BaseInfo.Get(t.Context())
		require.NotContains(t, err.Error(), strings.Repeat("长", 201))
		require.NotContains(t, failureOf(t, err).LogValue().String(), strings.Repeat("长", 201))
		require.NotRegexp(t, "[\x00-\x1f\u202e]", err.Error())
	}
}

// A proxy or a gateway that shows the request does not put its headers into an error.
func TestAnErrorHoldsNoHeaderOfTheRequest(t *testing.T) {
	for _, body := range []string{"<html>Authorization: %s</html>", `{"code":"X","message":"%s"}`, `{"code":"X","message":"m","details":[{"description":"%s"}]}`} {
		sign := ""
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			_, sign, _ = strings.Cut(r.Header.Get("Authorization"), "sign=")
			return stubAnswer{status: 403, bare: true, body: strings.Replace(body, "%s", r.Header.Get("Authorization")+r.Header.Get("Alipay-App-Auth-Token"), 1)}
		})
		_, err := c.BaseInfo.Get(t.Context())
		e := failureOf(t, err)
		for _, text := range []string{e.Body, fullText(err), e.Message} {
			require.NotContains(t, text, sign[:20])
			require.NotContains(t, text, stubToken)
		}
	}
}
