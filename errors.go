package alipayplus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

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
	// ErrOutcomeUnknown: it is not known whether the write took effect. Repeat
	// it with the same RequestID, or read the state first.
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

// Codes returns every result code of the contract.
func Codes() []Code {
	return []Code{
		CodeSuccess, CodeProcessFail, CodeParamIllegal, CodeInvalidAPI, CodeAccessDenied,
		CodeTrafficExceedLimit, CodeUnknownException,
		CodeInvalidSignature, CodeUnknownClient, CodeTimestampInvalid, CodeNotFound,
		CodeStateConflict, CodeLimitExceeded, CodeAuthorizationRequired, CodeLanguageRequired,
		CodeRatioNotAllowed, CodeRequestIDReused, CodePayloadTooLarge, CodeUnavailable,
	}
}

// Class returns the error class of the code, one of the Err variables, or nil
// where the code has none.
func (c Code) Class() error {
	switch c {
	case CodeParamIllegal, CodeLanguageRequired, CodeRatioNotAllowed, CodePayloadTooLarge, CodeInvalidAPI:
		return ErrInvalid
	case CodeAccessDenied:
		return ErrPermission
	case CodeTrafficExceedLimit:
		return ErrRateLimited
	case CodeInvalidSignature, CodeUnknownClient, CodeTimestampInvalid:
		return ErrUnauthenticated
	case CodeNotFound:
		return ErrNotFound
	case CodeStateConflict, CodeRequestIDReused:
		return ErrConflict
	case CodeLimitExceeded:
		return ErrLimit
	case CodeAuthorizationRequired:
		return ErrAuthorizationRequired
	default:
		return nil
	}
}

// hint says what to do about the code; empty where the message says it already.
func (c Code) hint() string {
	switch c {
	case CodeProcessFail:
		return "do not repeat it; contact the platform's support with the trace id"
	case CodeInvalidAPI:
		return "check the base URL and the version of this library"
	case CodeTrafficExceedLimit:
		return "call less often (WithRateLimit) and repeat it later"
	case CodeUnknownException, CodeUnavailable:
		return "repeat it with the same RequestID"
	case CodeInvalidSignature:
		return "check that the private key belongs to the client id and key version, and that the platform has its public key"
	case CodeUnknownClient:
		return "check the client id (WithClientID, ALIPAYPLUS_CLIENT_ID) and the base URL"
	case CodeNotFound:
		return "check the id; things of other workspaces look as if they did not exist"
	case CodeRequestIDReused:
		return "use a new RequestID for a new call"
	default:
		return ""
	}
}

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
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("alipayplus: ")
	b.WriteString(e.Operation)
	b.WriteString(": ")
	if e.Code != "" {
		b.WriteString(string(e.Code))
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if ids := e.ids(); ids != "" {
		b.WriteString(" (")
		b.WriteString(ids)
		b.WriteString(")")
	}
	if e.OutcomeUnknown {
		b.WriteString("; it is not known whether the call took effect")
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return validation.OneLine(b.String())
}

func (e *Error) ids() string {
	var parts []string
	if e.HTTPStatus != 0 {
		parts = append(parts, "HTTP "+strconv.Itoa(e.HTTPStatus))
	}
	if e.Attempts > 1 {
		parts = append(parts, strconv.Itoa(e.Attempts)+" attempts")
	}
	if e.RequestID != "" {
		parts = append(parts, "request "+e.RequestID)
	}
	if e.TraceID != "" {
		parts = append(parts, "trace "+e.TraceID)
	}
	return strings.Join(parts, ", ")
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
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("operation", e.Operation), slog.String("message", validation.OneLine(e.Message))}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("code", string(e.Code))
	add("result_status", string(e.ResultStatus))
	add("request_id", e.RequestID)
	add("trace_id", e.TraceID)
	add("hint", e.Hint)
	if e.HTTPStatus != 0 {
		attrs = append(attrs, slog.Int("http_status", e.HTTPStatus))
	}
	attrs = append(attrs, slog.Bool("retryable", e.Retryable), slog.Bool("outcome_unknown", e.OutcomeUnknown))
	return slog.GroupValue(attrs...)
}

// FieldError is one broken field of an input.
type FieldError struct {
	// Path is the JSON path of the field, for example "paymentInformation[0].table.rows[1]".
	Path string `json:"path"`
	// Message says what is wrong with it, in plain words.
	Message string `json:"message"`
}

// ValidationError lists all broken fields of an input. It matches [ErrInvalid].
type ValidationError struct {
	// Subject is what was checked, for example "service".
	Subject string
	// Fields are all broken fields, one entry for each thing wrong.
	Fields []FieldError
}

// Error lists every broken field in one line.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = strings.TrimSpace(f.Path + " " + f.Message)
	}
	noun := "fields"
	if len(e.Fields) == 1 {
		noun = "field"
	}
	return validation.OneLine(fmt.Sprintf("%s: %d %s not valid: %s", e.Subject, len(e.Fields), noun, strings.Join(parts, "; ")))
}

// Unwrap returns [ErrInvalid].
func (e *ValidationError) Unwrap() error { return ErrInvalid }

// LimitError says that a limit of the platform is reached. It matches [ErrLimit].
type LimitError struct {
	// Scope is what is limited, in words.
	Scope string `json:"scope"`
	// Limit is how many there may be.
	Limit int `json:"limit"`
	// Used is how many there are.
	Used int `json:"used"`
	// UnderReview says that the limit allows nothing new because a version is
	// under review, whatever Used is.
	UnderReview bool `json:"underReview,omitempty"`
}

// Error names scope, limit and use, and the way out.
func (e *LimitError) Error() string {
	if e.UnderReview {
		return validation.OneLine(e.Scope + ": none may be added while a version is under review; wait for the verdict or withdraw it")
	}
	return validation.OneLine(fmt.Sprintf("%s: %d of %d are used; %s", e.Scope, e.Used, e.Limit, e.wayOut()))
}

// wayOut says how to get below the limit, as far as the library knows what it is.
func (e *LimitError) wayOut() string {
	switch {
	case strings.HasPrefix(e.Scope, scopeVersions):
		return "apply with one of them and take it through the review"
	case strings.HasPrefix(e.Scope, scopePrograms):
		return "cancel all releases of one of them, which is possible in preparation and in grayscale"
	default:
		return "make room first"
	}
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }

// AuthorizationRequiredError says that the workspace must first allow the
// platform to call AlipayCN's APIs for a mini program ("Release mini programs",
// Complete authorization). It matches [ErrAuthorizationRequired].
type AuthorizationRequiredError struct {
	// ProgramID is the mini program that lacks the authorization.
	ProgramID string `json:"programId"`
	// TargetApp is the app that asks for it.
	TargetApp TargetApp `json:"targetApp"`
	// URL is the page to visit, when the authorization was begun already and its
	// page can still be used; otherwise it is empty, and
	// [AuthorizationsClient.Begin] gives one.
	URL string `json:"url,omitempty"`
}

// Error names the mini program and the call that gives the page to visit. It does
// not show URL, because whoever has that page can give the authorization.
func (e *AuthorizationRequiredError) Error() string {
	return validation.OneLine(fmt.Sprintf("mini program %s is not authorized for %s; call Authorizations.Begin and visit the page it returns", e.ProgramID, e.TargetApp))
}

// Unwrap returns [ErrAuthorizationRequired].
func (e *AuthorizationRequiredError) Unwrap() error { return ErrAuthorizationRequired }

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

// ReviewError says that a review ended without approval. It is not transient:
// waiting longer does not help.
type ReviewError struct {
	// Outcome is REJECTED or WITHDRAWN.
	Outcome RequestStatus
	// Subject is what was reviewed, for example "release rel_1".
	Subject string
	// Reviews are the verdicts of all parties, with their reasons.
	Reviews []Review
}

// Error gives the outcome and every party's reason.
func (e *ReviewError) Error() string {
	var reasons []string
	for _, r := range e.Reviews {
		if r.Status == ReviewRejected {
			reasons = append(reasons, fmt.Sprintf("%s: %s", r.Party, r.Reason))
		}
	}
	text := fmt.Sprintf("%s was %s", e.Subject, strings.ToLower(strings.ReplaceAll(string(e.Outcome), "_", " ")))
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, "; ") + ")"
	}
	return validation.OneLine(text)
}

// WaitError says that waiting ended before the awaited state was reached.
type WaitError struct {
	// Operation is the wait, for example "releases.waitReviewed".
	Operation string
	// ID is the thing that was waited for.
	ID string
	// LastState is the last state seen; empty when none was.
	LastState string
	// Polls is how often the state was asked for.
	Polls int
	// Err is why the wait ended: the context's error, the last failure of a
	// poll, or a [ReviewError].
	Err error
}

// Error names what was waited for, the last state and the reason.
func (e *WaitError) Error() string {
	state := e.LastState
	if state == "" {
		state = "none"
	}
	polls := "polls"
	if e.Polls == 1 {
		polls = "poll"
	}
	return validation.OneLine(fmt.Sprintf("%s: %s: waiting ended after %d %s, last state %s: %v", e.Operation, e.ID, e.Polls, polls, state, e.Err))
}

// Unwrap returns the reason.
func (e *WaitError) Unwrap() error { return e.Err }

// Timeout says whether the wait ended because the context's deadline passed.
func (e *WaitError) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }

// IsRetryable says whether err is a failure after which the same call may
// succeed later without a change.
func IsRetryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retryable
}
