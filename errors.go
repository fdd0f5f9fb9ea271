package alipayplus

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Classes of failure, for errors.Is. Every error of this package that has a
// class matches it, however deep it is wrapped.
var (
	// ErrNotFound: the thing does not exist, or belongs to another workspace;
	// the platform answers both alike.
	ErrNotFound = errors.New("not found")
	// ErrPermission: the member's role does not allow the operation.
	ErrPermission = errors.New("permission denied")
	// ErrUnauthenticated: the platform did not accept who the caller says to be.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrConflict: the thing is in a state in which the operation is not possible.
	ErrConflict = errors.New("conflicting state")
	// ErrLimit: a limit of the platform is reached; see [LimitError].
	ErrLimit = errors.New("limit reached")
	// ErrRateLimited: too many calls; the call had no effect and may be repeated later.
	ErrRateLimited = errors.New("rate limited")
	// ErrInvalid: the input breaks a rule; see [ValidationError] and [RatioError].
	ErrInvalid = errors.New("invalid input")
	// ErrAuthorizationRequired: the workspace has not allowed the platform to
	// call AlipayCN's APIs for the mini program; see [AuthorizationRequiredError].
	ErrAuthorizationRequired = errors.New("authorization required")
	// ErrOutcomeUnknown: it is not known whether the write took effect: an attempt got no
	// answer that says so, or a part of it is done, whatever came of later attempts. Repeat
	// it with the same RequestID, or read the state first. The error may match a second
	// class, that of the last attempt's refusal.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Code is a result code of the platform. It is open: a code unknown to this
// version of the library is kept as it is.
type Code string

// Codes that Alipay+ documents for its OpenAPI ("Error codes").
const (
	// CodeSuccess: the call succeeded.
	CodeSuccess Code = "SUCCESS"
	// CodeProcessFail: a business failure; a repetition does not help.
	CodeProcessFail Code = "PROCESS_FAIL"
	// CodeParamIllegal: the input is not valid.
	CodeParamIllegal Code = "PARAM_ILLEGAL"
	// CodeInvalidAPI: the called operation does not exist.
	CodeInvalidAPI Code = "INVALID_API"
	// CodeAccessDenied: the caller may not do this.
	CodeAccessDenied Code = "ACCESS_DENIED"
	// CodeTrafficExceedLimit: too many calls.
	CodeTrafficExceedLimit Code = "REQUEST_TRAFFIC_EXCEED_LIMIT"
	// CodeUnknownException: the platform does not know the outcome; call again.
	CodeUnknownException Code = "UNKNOWN_EXCEPTION"
)

// Codes of this project's own contract. Alipay+ documents none of them.
const (
	// CodeInvalidSignature: the signature of the request does not fit.
	CodeInvalidSignature Code = "INVALID_SIGNATURE"
	// CodeUnknownClient: no such client id.
	CodeUnknownClient Code = "UNKNOWN_CLIENT"
	// CodeTimestampInvalid: Request-Time is not a time, or too far from the platform's clock.
	CodeTimestampInvalid Code = "TIMESTAMP_INVALID"
	// CodeNotFound: no such thing in the caller's workspace.
	CodeNotFound Code = "NOT_FOUND"
	// CodeStateConflict: the operation is not possible in the present state.
	CodeStateConflict Code = "STATE_CONFLICT"
	// CodeLimitExceeded: a limit is reached.
	CodeLimitExceeded Code = "LIMIT_EXCEEDED"
	// CodeAuthorizationRequired: the mini program is not authorized.
	CodeAuthorizationRequired Code = "AUTHORIZATION_REQUIRED"
	// CodeLanguageRequired: the target app needs a language that the mini program lacks.
	CodeLanguageRequired Code = "LANGUAGE_REQUIRED"
	// CodeRatioNotAllowed: the grayscale ratio is not on the ladder or not above the present one.
	CodeRatioNotAllowed Code = "RATIO_NOT_ALLOWED"
	// CodeRequestIDReused: the requestId was used before, with other content.
	CodeRequestIDReused Code = "REQUEST_ID_REUSED"
	// CodePayloadTooLarge: the body exceeds the platform's limit.
	CodePayloadTooLarge Code = "PAYLOAD_TOO_LARGE"
	// CodeUnavailable: the platform cannot answer now.
	CodeUnavailable Code = "SERVICE_UNAVAILABLE"
)

// codeInfo is what the library knows of a code: its class, one of the Err variables
// or nil, and what to do about it, where the message does not say it already.
type codeInfo struct {
	code  Code
	class error
	hint  string
}

func codes() []codeInfo {
	const again = "repeat it with the same RequestID"
	return []codeInfo{
		{CodeSuccess, nil, ""},
		{CodeProcessFail, nil, "do not repeat it; contact the platform's support with the trace id"},
		{CodeParamIllegal, ErrInvalid, ""},
		{CodeInvalidAPI, ErrInvalid, "check the base URL and the version of this library"},
		{CodeAccessDenied, ErrPermission, ""},
		{CodeTrafficExceedLimit, ErrRateLimited, "call less often (WithRateLimit) and repeat it later"},
		{CodeUnknownException, nil, again},
		{CodeInvalidSignature, ErrUnauthenticated, "check that the private key belongs to the client id and key version, and that the platform has its public key"},
		{CodeUnknownClient, ErrUnauthenticated, "check the client id (WithClientID, ALIPAYPLUS_CLIENT_ID) and the base URL"},
		{CodeTimestampInvalid, ErrUnauthenticated, ""},
		{CodeNotFound, ErrNotFound, "check the id; things of other workspaces look as if they did not exist"},
		{CodeStateConflict, ErrConflict, ""},
		{CodeLimitExceeded, ErrLimit, ""},
		{CodeAuthorizationRequired, ErrAuthorizationRequired, ""},
		{CodeLanguageRequired, ErrInvalid, ""},
		{CodeRatioNotAllowed, ErrInvalid, ""},
		{CodeRequestIDReused, ErrConflict, "use a new RequestID for a new call"},
		{CodePayloadTooLarge, ErrInvalid, ""},
		{CodeUnavailable, nil, again},
	}
}

// info is the zero value for a code that is not known.
func (c Code) info() codeInfo {
	all := codes()
	i := slices.IndexFunc(all, func(info codeInfo) bool { return info.code == c })
	if i < 0 {
		return codeInfo{}
	}
	return all[i]
}

// Codes returns every result code of the contract.
func Codes() []Code {
	var all []Code
	for _, info := range codes() {
		all = append(all, info.code)
	}
	return all
}

// Class returns the error class of the code, one of the Err variables, or nil
// where the code has none.
func (c Code) Class() error { return c.info().class }

// ResultStatus is the four-valued outcome that Alipay+ documents for its OpenAPI.
type ResultStatus string

// The result statuses.
const (
	// ResultSuccess: done.
	ResultSuccess ResultStatus = "S"
	// ResultFailed: refused.
	ResultFailed ResultStatus = "F"
	// ResultUnknown: the outcome is not known; call again with the same content.
	ResultUnknown ResultStatus = "U"
	// ResultAccepted: accepted, not successful yet.
	ResultAccepted ResultStatus = "A"
)

// Error is what a call came to when it did not succeed: a refusal, an answer
// that cannot be trusted, or no answer. Find it with
// errors.AsType[*alipayplus.Error](err).
type Error struct {
	// Operation is the call, for example "releases.create".
	Operation string
	// Code is the platform's result code; empty when no answer could be read.
	Code Code
	// HTTPStatus is the status of the last answer; 0 without one.
	HTTPStatus int
	// ResultStatus is the result status of the last answer.
	ResultStatus ResultStatus
	// RequestID is the idempotency key of the write; empty for a read.
	RequestID string
	// TraceID names the call in the platform's log; empty without an answer.
	TraceID string
	// Message is what the platform or the library said went wrong.
	Message string
	// Fields are the broken fields of the input, where the failure is about fields.
	Fields []FieldError
	// Hint says what to do next; may be empty.
	Hint string
	// Retryable says that the same call may succeed later without a change.
	Retryable bool
	// OutcomeUnknown says that the write may or may not have taken effect.
	OutcomeUnknown bool
	// Foreign says that the answer is not the platform's, because it is not signed: a
	// maintenance page, a proxy's refusal, a redirect, or a page of another address.
	Foreign bool
	// RetryAfter is how long the platform asked to wait; 0 when it did not.
	RetryAfter time.Duration
	// Attempts is how many attempts were begun; 0 when the call was refused before
	// the first.
	Attempts int
	// Body is the beginning, up to 512 bytes, of an answer that was not the
	// platform's, such as a proxy's HTML page. It is in no text and no log.
	Body string

	cause error
}

// Error describes the failure in one line, without secrets.
func (e *Error) Error() string { return e.text().Line() }

func (e *Error) text() transport.ErrorText {
	return transport.ErrorText{
		Client: "alipayplus", Operation: e.Operation, Code: string(e.Code), ResultStatus: string(e.ResultStatus), Message: e.Message,
		HTTPStatus: e.HTTPStatus, Attempts: e.Attempts, RequestID: e.RequestID, TraceID: e.TraceID,
		Retryable: e.Retryable, OutcomeUnknown: e.OutcomeUnknown, Hint: e.Hint,
	}
}

// Unwrap returns what the failure consists of: the class, the detailed error,
// and the context's error when the context ended the call.
func (e *Error) Unwrap() []error {
	var all []error
	if e.OutcomeUnknown {
		all = append(all, ErrOutcomeUnknown)
	}
	if class := e.Code.Class(); class != nil {
		all = append(all, class)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}

// LogValue implements [slog.LogValuer]: the fields as attributes, without secrets.
func (e *Error) LogValue() slog.Value { return e.text().LogValue() }

// SignatureError says that an answer cannot be trusted: it is not signed, or
// its signature does not fit. Such an answer is never taken for a success.
type SignatureError struct {
	// Reason says what is wrong.
	Reason string
}

// Error gives the reason.
func (e *SignatureError) Error() string {
	return validation.OneLine("the answer cannot be trusted: " + e.Reason)
}

// IsRetryable says whether err is a failure after which the same call may
// succeed later without a change.
func IsRetryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retryable
}
