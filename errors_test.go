package alipayplus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
)

func classes() []error {
	return []error{
		ErrNotFound, ErrPermission, ErrUnauthenticated, ErrConflict, ErrLimit, ErrRateLimited,
		ErrInvalid, ErrAuthorizationRequired, ErrOutcomeUnknown,
	}
}

// requireClass says that err is of one class and of no other; nil: of none.
func requireClass(t *testing.T, want, err error) {
	t.Helper()
	for _, class := range classes() {
		require.Equal(t, errors.Is(want, class), errors.Is(err, class), "%v: %v", err, class)
	}
}

func TestEachCodeIsOfOneClass(t *testing.T) {
	want := map[Code]error{
		"SUCCESS":                      nil,
		"PROCESS_FAIL":                 nil,
		"UNKNOWN_EXCEPTION":            nil,
		"SERVICE_UNAVAILABLE":          nil,
		"PARAM_ILLEGAL":                ErrInvalid,
		"INVALID_API":                  ErrInvalid,
		"LANGUAGE_REQUIRED":            ErrInvalid,
		"RATIO_NOT_ALLOWED":            ErrInvalid,
		"PAYLOAD_TOO_LARGE":            ErrInvalid,
		"ACCESS_DENIED":                ErrPermission,
		"REQUEST_TRAFFIC_EXCEED_LIMIT": ErrRateLimited,
		"INVALID_SIGNATURE":            ErrUnauthenticated,
		"UNKNOWN_CLIENT":               ErrUnauthenticated,
		"TIMESTAMP_INVALID":            ErrUnauthenticated,
		"NOT_FOUND":                    ErrNotFound,
		"STATE_CONFLICT":               ErrConflict,
		"REQUEST_ID_REUSED":            ErrConflict,
		"LIMIT_EXCEEDED":               ErrLimit,
		"AUTHORIZATION_REQUIRED":       ErrAuthorizationRequired,
	}
	for _, code := range Codes() {
		class, listed := want[code]
		require.True(t, listed, "%s", code)
		require.Equal(t, class, code.Class(), "%s", code)
		requireClass(t, class, fmt.Errorf("deep: %w", &Error{Code: code}))
	}
	require.Len(t, Codes(), len(want))
	for _, code := range []Code{"", "success", "NEW_CODE"} {
		require.NoError(t, code.Class(), "%q", code)
		requireClass(t, nil, &Error{Code: code})
	}
}

func TestCodesListsEveryDeclaredCode(t *testing.T) {
	require.ElementsMatch(t, declaredConstants[Code](t), Codes())
}

// A hint says what to do next. Where the message says it, there is none.
func TestWhichCodesHaveAHint(t *testing.T) {
	withHint := map[Code]string{
		CodeProcessFail:        "trace id",
		CodeInvalidAPI:         "base URL",
		CodeTrafficExceedLimit: "WithRateLimit",
		CodeUnknownException:   "same RequestID",
		CodeUnavailable:        "same RequestID",
		CodeInvalidSignature:   "private key",
		CodeUnknownClient:      "ALIPAYPLUS_CLIENT_ID",
		CodeNotFound:           "check the id",
		CodeRequestIDReused:    "new RequestID",
	}
	for _, code := range Codes() {
		if part := withHint[code]; part != "" {
			require.Contains(t, code.info().hint, part, "%s", code)
		} else {
			require.Empty(t, code.info().hint, "%s", code)
		}
	}
}

func TestDetailedErrorsAreOfTheirClass(t *testing.T) {
	for _, tt := range []struct {
		err, class error
	}{
		{&ValidationError{}, ErrInvalid},
		{&RatioError{}, ErrInvalid},
		{&DowngradeError{}, ErrConflict},
		{&CompatibilityError{}, ErrConflict},
		{&LimitError{}, ErrLimit},
		{&PermissionError{}, ErrPermission},
		{&AuthorizationRequiredError{}, ErrAuthorizationRequired},
		{&ReviewError{}, nil},
		{&SignatureError{}, nil},
		{&WaitError{Err: &LimitError{}}, ErrLimit},
		{&WaitError{Err: context.Canceled}, nil},
		{&Error{OutcomeUnknown: true}, ErrOutcomeUnknown},
		{&Error{cause: ErrRateLimited}, ErrRateLimited},
		{&Error{cause: &ValidationError{}}, ErrInvalid},
	} {
		requireClass(t, tt.class, tt.err)
		requireClass(t, tt.class, fmt.Errorf("deep: %w", &WaitError{Err: fmt.Errorf("deeper: %w", tt.err)}))
	}
}

func TestErrorUnwrapsToAllItConsistsOf(t *testing.T) {
	cause := &LimitError{Scope: "versions"}
	e := &Error{Code: CodeLimitExceeded, OutcomeUnknown: true, cause: cause}
	require.Equal(t, []error{ErrOutcomeUnknown, ErrLimit, cause}, e.Unwrap())
	require.Empty(t, (&Error{Code: CodeSuccess}).Unwrap())

	// and is found wherever it is
	wrapped := fmt.Errorf("release: %w", &WaitError{Err: e})
	found, ok := errors.AsType[*Error](wrapped)
	require.True(t, ok)
	require.Same(t, e, found)
	limit, ok := errors.AsType[*LimitError](wrapped)
	require.True(t, ok)
	require.Same(t, cause, limit)
}

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"the least", &Error{Operation: "releases.get", Message: "broken"}, "alipayplus: releases.get: broken"},
		{
			"all", &Error{
				Operation: "releases.create", Code: CodeUnavailable, HTTPStatus: 503, ResultStatus: ResultUnknown,
				RequestID: "req_1", TraceID: "trace_1", Message: "down", Hint: "try later",
				Retryable: true, OutcomeUnknown: true, RetryAfter: time.Minute, Attempts: 4, Body: "<html>",
			},
			"alipayplus: releases.create: SERVICE_UNAVAILABLE: down (HTTP 503, 4 attempts, request req_1, trace trace_1); " +
				"it is not known whether the call took effect; try later",
		},
		{
			"one attempt goes without saying", &Error{Operation: "releases.get", Code: CodeNotFound, HTTPStatus: 200, Message: "no such release", Attempts: 1},
			"alipayplus: releases.get: NOT_FOUND: no such release (HTTP 200)",
		},
		{"two do not", &Error{Operation: "releases.get", Message: "no answer", Attempts: 2}, "alipayplus: releases.get: no answer (2 attempts)"},
		{"only a request id", &Error{Operation: "releases.get", Message: "no answer", RequestID: "r"}, "alipayplus: releases.get: no answer (request r)"},

		{"one field", &ValidationError{Subject: "service", Fields: []FieldError{{"name", "is required"}}}, "service: 1 field not valid: name is required"},
		{
			"two fields", &ValidationError{Subject: "service", Fields: []FieldError{{"name", "is required"}, {"", "is odd"}}},
			"service: 2 fields not valid: name is required; is odd",
		},
		{"limit", &LimitError{Scope: "members", Limit: 20, Used: 20}, "members: 20 of 20 are used; make room first"},
		{
			"limit under review", &LimitError{Scope: "versions", Limit: 20, UnderReview: true},
			"versions: none may be added while a version is under review; wait for the verdict or withdraw it",
		},
		{
			"authorization", &AuthorizationRequiredError{ProgramID: "p1", TargetApp: TargetAlipayCN, URL: "https://page.example/?state=s3cret"},
			"mini program p1 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns",
		},
		{"signature", &SignatureError{Reason: "it is not signed"}, "the answer cannot be trusted: it is not signed"},
		{"withdrawn", &ReviewError{Outcome: RequestWithdrawn, Subject: "service s1"}, "service s1 was withdrawn"},
		{"an unknown outcome", &ReviewError{Outcome: "SENT_BACK", Subject: "service s1"}, "service s1 was sent back"},
		{
			"rejected by both", &ReviewError{Outcome: RequestRejected, Subject: "release r1", Reviews: []Review{
				{Party: PartyAlipayPlus, Status: ReviewRejected, Reason: "no logo"},
				{Party: "AUDIT", Status: ReviewApproved, Reason: "fine"},
				{Party: PartyAlipayCN, Status: ReviewRejected, Reason: "no tea"},
			}}, "release r1 was rejected (ALIPAY_PLUS: no logo; ALIPAY_CN: no tea); correct it and send it to review again",
		},
		{
			"rejected order", &OrderError{ID: "ord_1", Status: OrderCanceled, Refusal: &OrderRefusal{Side: SideProvider, Action: OrderReject, Reason: "no time"}},
			"order ord_1 is CANCELED, rejected by the provider: no time; the merchant can place another order",
		},
		{
			"order that was turned down", &OrderError{ID: "ord_1", Status: OrderInDevelopment, Refusal: &OrderRefusal{Side: SideMerchant, Action: OrderTurnDown}},
			"order ord_1 is IN_DEVELOPMENT, turned down by the merchant; the provider can submit or cancel, the merchant can cancel",
		},
		{"order", &OrderError{ID: "ord_1", Status: OrderCanceled}, "order ord_1 is CANCELED; the merchant can place another order"},
		{
			"wait", &WaitError{Operation: "releases.waitReviewed", ID: "r1", LastState: "UNDER_REVIEW", Polls: 7, Err: context.DeadlineExceeded},
			"releases.waitReviewed: r1: waiting ended after 7 polls, last state UNDER_REVIEW: context deadline exceeded",
		},
		{
			"wait that saw one state", &WaitError{Operation: "versions.waitReviewed", ID: "1.0.0", LastState: "AUDITING", Polls: 1, Err: context.Canceled},
			"versions.waitReviewed: 1.0.0: waiting ended after 1 poll, last state AUDITING: context canceled",
		},
		{
			"wait that saw nothing", &WaitError{Operation: "services.waitOnline", ID: "s1", Err: context.Canceled},
			"services.waitOnline: s1: waiting ended after 0 polls, last state none: context canceled",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.EqualError(t, tt.err, tt.want)
		})
	}
}

// everyError returns one of each error type with text in all its fields.
func everyError(text string) []error {
	fields := []FieldError{{Path: text, Message: text}, {Path: text, Message: text}}
	return []error{
		&Error{
			Operation: text, Code: Code(text), HTTPStatus: 500, ResultStatus: ResultStatus(text), RequestID: text, TraceID: text,
			Message: text, Fields: fields, Hint: text, OutcomeUnknown: true, Attempts: 3, Body: text, cause: errors.New(text),
		},
		&ValidationError{Subject: text, Fields: fields},
		&LimitError{Scope: text},
		&LimitError{Scope: text, UnderReview: true},
		&DowngradeError{Version: VersionNumber{Major: 1}, Live: VersionNumber{Major: 2}},
		&CompatibilityError{ReleaseID: text},
		&CompatibilityError{ReleaseID: text, Report: &CompatibilityReport{Status: CompatibilityFailed, Results: []CompatibilityResult{{
			TestDevice: TestDevice{System: text, Network: text, Device: text}, Status: CompatibilityFailed, Problem: text,
		}}}},
		&RatioError{From: 1, To: 3, Allowed: []Ratio{5, 100}},
		&PermissionError{Role: Role(text), Action: Action(text), Allowed: []Role{Role(text)}, AssignedOnly: true},
		&AuthorizationRequiredError{ProgramID: text, TargetApp: TargetApp(text), URL: text},
		&SignatureError{Reason: text},
		&ReviewError{Outcome: RequestStatus(text), Subject: text, Reviews: []Review{{Party: Party(text), Status: ReviewRejected, Reason: text}}},
		&OrderError{ID: text, Status: OrderStatus(text), Refusal: &OrderRefusal{Side: OrderSide(text), By: text, Reason: text}},
		&WaitError{Operation: text, ID: text, LastState: text, Err: errors.Join(errors.New(text), errors.New(text))},
	}
}

// Whatever others put into it, an error is one line of text that steers no terminal, and saying it changes nothing.
func TestErrorsAreOneLineAndPure(t *testing.T) {
	for _, text := range []string{"a\nb", "a\r\nb", "a\tb", "\n", "a\u2028b\u2029c", "a\u0085b", "a\x00b\x1b[31mred\x7f", "a\vb\fc"} {
		for i, err := range everyError(text) {
			said := err.Error()
			for _, r := range said {
				require.False(t, unicode.IsControl(r) || r == '\u2028' || r == '\u2029', "%T says %q", err, said)
			}
			require.Equal(t, said, err.Error())
			require.Equal(t, everyError(text)[i], err, "%T is as it was", err)
		}
	}
	require.EqualError(t, &SignatureError{Reason: "two  spaces"}, "the answer cannot be trusted: two  spaces")
}

// The types of this list are all that the package has.
func TestEveryErrorTypeIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, err := range everyError("x") {
		tested[reflect.TypeOf(err).Elem().Name()] = true
	}
	for _, name := range methodReceivers(t, "Error") {
		require.True(t, tested[name], "%s", name)
	}
}

func logged(t *testing.T, err error) map[string]any {
	t.Helper()
	var buf bytes.Buffer
	slog.New(slog.NewJSONHandler(&buf, nil)).Error("failed", "err", err)
	var line struct {
		Err map[string]any `json:"err"`
	}
	require.NoError(t, json.Unmarshal(buf.Bytes(), &line), buf.String())
	return line.Err
}

func TestErrorLogsItsParts(t *testing.T) {
	require.Equal(t, map[string]any{
		"operation": "releases.get", "message": "no answer", "retryable": false, "outcome_unknown": false,
	}, logged(t, &Error{Operation: "releases.get", Message: "no\nanswer"}))

	require.Equal(t, map[string]any{
		"operation": "releases.create", "message": "down", "code": "SERVICE_UNAVAILABLE", "result_status": "U",
		"request_id": "req_1", "trace_id": "trace_1", "hint": "try later", "http_status": 503.0,
		"retryable": true, "outcome_unknown": true,
	}, logged(t, &Error{
		Operation: "releases.create", Code: CodeUnavailable, HTTPStatus: 503, ResultStatus: ResultUnknown,
		RequestID: "req_1", TraceID: "trace_1", Message: "down", Hint: "try later",
		Retryable: true, OutcomeUnknown: true, Body: "<html>",
	}))
}

// What an answer of something else said, and the page that gives the authorization, are in no text and no log.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "s3cret"
	e := &Error{
		Operation: "releases.create", Message: "not authorized", Body: secret,
		cause: &AuthorizationRequiredError{ProgramID: "p1", TargetApp: TargetAlipayCN, URL: "https://page.example/?state=" + secret},
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", e, "wait", &WaitError{Err: e}, "cause", e.cause)
	for _, said := range []string{log.String(), e.Error(), fmt.Sprintf("%v %+v %s", e, e, e), fmt.Sprintf("%+v", &WaitError{Err: e})} {
		require.NotContains(t, said, secret)
	}
}

func TestIsRetryable(t *testing.T) {
	require.True(t, IsRetryable(&Error{Retryable: true}))
	require.True(t, IsRetryable(fmt.Errorf("deep: %w", &WaitError{Err: &Error{Retryable: true}})))
	require.False(t, IsRetryable(&Error{}))
	require.False(t, IsRetryable(errors.New("no call")))
	require.False(t, IsRetryable(nil))
}

func TestWaitErrorTimeout(t *testing.T) {
	require.True(t, (&WaitError{Err: fmt.Errorf("poll: %w", context.DeadlineExceeded)}).Timeout())
	require.False(t, (&WaitError{Err: context.Canceled}).Timeout())
	require.False(t, (&WaitError{Err: os.ErrDeadlineExceeded}).Timeout(), "that of an attempt is not the wait's")
}
