package alipaycn

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Classes of failure that AlipayCN has and package alipayplus does not, for
// errors.Is.
var (
	// ErrAlreadyDone: the thing is in the state that the call would lead to, so an
	// earlier call may have done it; the state shows whether. It matches
	// [alipayplus.ErrConflict] too.
	ErrAlreadyDone = fmt.Errorf("perhaps done already: %w", alipayplus.ErrConflict)
	// ErrNotReady: something that takes its time is not finished, such as a
	// build, a scan or a review; the same call may succeed later. It matches
	// [alipayplus.ErrConflict] too.
	ErrNotReady = fmt.Errorf("not ready yet: %w", alipayplus.ErrConflict)
	// ErrRetryLater: the call was not accepted and may be repeated later. Too
	// many calls are [alipayplus.ErrRateLimited].
	ErrRetryLater = errors.New("not accepted now")
)

// Error is what a call came to when it did not succeed: a refusal, an answer
// that cannot be trusted, or no answer. Find it with
// errors.AsType[*alipaycn.Error](err).
type Error struct {
	// Operation is the call, for example "versions.apply".
	Operation string
	// Code is AlipayCN's error code; empty when no answer could be read.
	Code Code
	// HTTPStatus is the status of the last answer; 0 without one.
	HTTPStatus int
	// TraceID names the call in AlipayCN's log; empty without an answer.
	TraceID string
	// Message is what AlipayCN or the library said went wrong. AlipayCN's
	// messages are mostly Chinese; Error shows 200 characters of one.
	Message string
	// Details are the fields that are wrong, where AlipayCN says so.
	Details []Detail
	// Links lead to AlipayCN's pages about the code.
	Links []Link
	// Hint says what happened and what to do next; may be empty.
	Hint string
	// Retryable says that the same call may succeed later without a change.
	Retryable bool
	// OutcomeUnknown says that the write may or may not have taken effect. There
	// is no idempotency key: read the state before a repetition.
	OutcomeUnknown bool
	// Foreign says that the answer is not AlipayCN's, because it is not signed where AlipayCN
	// signs, or has no code: a maintenance page, a proxy's refusal, a redirect, or a page of
	// another address.
	Foreign bool
	// RetryAfter is how long AlipayCN asked to wait; 0 when it did not.
	RetryAfter time.Duration
	// Attempts is how often sending the call was begun; 0 when it was refused before.
	Attempts int
	// Body is the beginning, up to 512 bytes, of an answer that could not be
	// trusted or read, such as a proxy's HTML page; empty for calls that an
	// app makes for itself, which may be about tokens.
	// It is in no text and no log.
	Body string

	// another says that the answer is about something else than was asked for.
	another bool
	// since is what the library found out after what Message says.
	since string
	cause error
}

// Detail is one field that AlipayCN found wrong.
type Detail struct {
	// Field is the field's name.
	Field string
	// Value is what was sent in it. It is in no text and no log.
	Value string
	// Location is where the field was, for example "body" or "query".
	Location string
	// Issue is a code for what is wrong.
	Issue string
	// Description says what is wrong.
	Description string
}

// Link leads to a page about an error.
type Link struct {
	// URL is the page.
	URL string
	// Description says what is there; may be empty.
	Description string
}

// Error describes the failure in one line, without values and secrets.
func (e *Error) Error() string { return e.text().Line() }

func (e *Error) text() transport.ErrorText {
	message := e.Message
	if e.Code != "" {
		message = shortened(message, longestQuote)
	}
	text := transport.ErrorText{
		Client: "alipaycn", Operation: e.Operation, Code: string(e.Code), Message: message + e.since,
		HTTPStatus: e.HTTPStatus, Attempts: e.Attempts, TraceID: e.TraceID,
		Retryable: e.Retryable, OutcomeUnknown: e.OutcomeUnknown, Hint: e.Hint,
	}
	fields := make([]string, len(e.Details))
	for i, d := range e.Details {
		text.Details = append(text.Details, d.text())
		fields[i] = shortened(d.Field, longestQuote)
	}
	text.Fields = strings.Join(fields, " ")
	return text
}

func (d Detail) text() string {
	var parts []string
	for _, part := range []string{d.Location, d.Field, d.Issue, d.Description} {
		if part != "" {
			parts = append(parts, shortened(part, longestQuote))
		}
	}
	return strings.Join(parts, " ")
}

// Unwrap returns what the failure consists of: the classes, the detailed error,
// and the context's error when the context ended the call.
func (e *Error) Unwrap() []error {
	var all []error
	if e.OutcomeUnknown {
		all = append(all, alipayplus.ErrOutcomeUnknown)
	}
	if class := e.class(); class != nil {
		all = append(all, class)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}

// class is the code's, or else the HTTP status's. Without a code the answer is not
// AlipayCN's, and its status says nothing about the thing that was asked for, only
// whether there were too many calls. That the outcome is unknown is not for code
// and status alone to say: a read has no effect.
func (e *Error) class() error {
	class := e.Code.Class()
	if class == nil {
		class = statusClass(e.HTTPStatus)
	}
	foreign := e.Code == "" && !errors.Is(class, alipayplus.ErrRateLimited)
	if foreign || errors.Is(class, alipayplus.ErrOutcomeUnknown) {
		return nil
	}
	return class
}

// LogValue implements [slog.LogValuer]: the fields as attributes, without values
// and secrets.
func (e *Error) LogValue() slog.Value { return e.text().LogValue() }

// AuthorizationError says that the merchant's authorization is missing, has
// ended, or does not cover an operation. It matches
// [alipayplus.ErrAuthorizationRequired].
type AuthorizationError struct {
	// API is the operation by AlipayCN's name, for example
	// "alipay.open.mini.version.online", as merchants and consoles see it.
	API string
	// Code is AlipayCN's error code.
	Code Code
}

// Error names the operation and the way out. It never shows a token.
func (e *AuthorizationError) Error() string {
	return validation.OneLine("the merchant's authorization does not allow " + e.API +
		"; let the merchant authorize the third-party app again and use the new app_auth_token")
}

// Unwrap returns [alipayplus.ErrAuthorizationRequired].
func (e *AuthorizationError) Unwrap() error { return alipayplus.ErrAuthorizationRequired }
