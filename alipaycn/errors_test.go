package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

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

func TestAMissingAuthorizationNamesTheOperation(t *testing.T) {
	e := refusalOf(t, cnwire.VersionPublish, 401, `{"code":"invalid-app-auth-token-no-api","message":"m"}`)

	missing, ok := errors.AsType[*AuthorizationError](e)
	require.True(t, ok)
	require.Equal(t, &AuthorizationError{API: "alipay.open.mini.version.online", Code: GatewayInvalidAppAuthTokenNoAPI}, missing)
	require.EqualError(t, missing, "the merchant's authorization does not allow alipay.open.mini.version.online; let the merchant authorize the third-party app again and use the new app_auth_token")
	require.ErrorIs(t, missing, alipayplus.ErrAuthorizationRequired)
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
