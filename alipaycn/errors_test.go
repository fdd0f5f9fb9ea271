package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

func refusalOf(t *testing.T, op cnwire.Operation, status int, body string) *Error {
	t.Helper()
	e, ok := parseRefusal(op, status, []byte(body))
	require.True(t, ok)
	return e
}

func TestARefusalSaysWhatHappenedAndWhatToDo(t *testing.T) {
	e := refusalOf(t, cnwire.VersionApply, 400, `{"code":"CAN_NOT_SUBMIT_WITHOUT_INIT","message":"非开发中版本不能提审","links":[{"link":"https://open.alipay.com/x","desc":"help"}]}`)
	e.TraceID, e.Attempts = "0a1b", 3

	require.EqualError(t, e, "alipaycn: versions.apply: CAN_NOT_SUBMIT_WITHOUT_INIT: 非开发中版本不能提审 (HTTP 400, 3 attempts, trace 0a1b); "+
		"only a version in INIT can be submitted; read its status; return a passed or rejected version to development first (versions.returnToDevelopment)")
	require.ErrorIs(t, e, alipayplus.ErrConflict)
	require.False(t, e.Retryable)
	require.False(t, e.OutcomeUnknown)
	require.Equal(t, []Link{{"https://open.alipay.com/x", "help"}}, e.Links)
}

func TestARefusalIsJudgedByItsCodeAndStatus(t *testing.T) {
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

func TestAMissingAuthorizationNamesTheOperation(t *testing.T) {
	e := refusalOf(t, cnwire.VersionPublish, 401, `{"code":"invalid-app-auth-token-no-api","message":"m"}`)

	missing, ok := errors.AsType[*AuthorizationError](e)
	require.True(t, ok)
	require.Equal(t, &AuthorizationError{API: "alipay.open.mini.version.online", Code: GatewayInvalidAppAuthTokenNoAPI}, missing)
	require.EqualError(t, missing, "the merchant's authorization does not allow alipay.open.mini.version.online; let the merchant authorize the third-party app again and use the new app_auth_token")
	require.ErrorIs(t, missing, alipayplus.ErrAuthorizationRequired)
}

func TestTheNameOfAnUnknownSubCodeIsFound(t *testing.T) {
	e := refusalOf(t, cnwire.VersionApply, 400, `{"code":"unknown-sub-code","message":"未知的错误码MINI_APP_INFO_AUDIT_CONTAINS"}`)
	require.Equal(t, CodeMiniAppInfoAuditContains, e.Code)
	require.ErrorIs(t, e, ErrNotReady)
	require.Equal(t, CodeMiniAppInfoAuditContains.Hint(), e.Hint)

	e = refusalOf(t, cnwire.VersionApply, 400, `{"code":"unknown-sub-code","message":"未知的错误码SOMETHING_ELSE"}`)
	require.Equal(t, GatewayUnknownSubCode, e.Code)

	e = refusalOf(t, cnwire.VersionApply, 400, `{"code":"SYSTEM_LIMIT","message":"not SUBMIT_REPEAT"}`)
	require.Equal(t, CodeSystemLimit, e.Code, "a code that is told is not looked for")
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

func TestAnErrorIsOneLineWithoutValues(t *testing.T) {
	e := &Error{
		Operation: "versions.apply", Code: "INVALID_PARAMETER", HTTPStatus: 400, TraceID: "trace\n1",
		Message: "bad\r\nINFO all is well\x1b[31m", Hint: "hint", OutcomeUnknown: true, Body: "<html>SECRET</html>",
		Details: []Detail{{Field: "test_password", Value: "SECRET", Location: "body", Issue: "LENGTH", Description: "too\u2028long"}},
		cause:   context.DeadlineExceeded,
	}
	before := *e
	require.EqualError(t, e, "alipaycn: versions.apply: INVALID_PARAMETER: bad INFO all is well [31m; body test_password LENGTH too long (HTTP 400, trace trace 1); it is not known whether the call took effect; hint")
	require.Equal(t, "[operation=versions.apply message=bad INFO all is well [31m code=INVALID_PARAMETER trace_id=trace 1 fields=test_password hint=hint http_status=400 retryable=false outcome_unknown=true]", e.LogValue().String())
	require.Equal(t, before, *e, "describing an error does not change it")
	require.ErrorIs(t, e, context.DeadlineExceeded)
	require.ErrorIs(t, e, alipayplus.ErrOutcomeUnknown)

	found, ok := errors.AsType[*Error](fmt.Errorf("release: %w", e))
	require.True(t, ok)
	require.Same(t, e, found)
}

func TestAnErrorWithoutAnAnswerIsShort(t *testing.T) {
	e := &Error{Operation: "versions.get", Message: "no answer"}
	require.EqualError(t, e, "alipaycn: versions.get: no answer")
	require.Equal(t, "[operation=versions.get message=no answer retryable=false outcome_unknown=false]", e.LogValue().String())
	require.Empty(t, e.Unwrap())
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
