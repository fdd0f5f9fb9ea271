package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Failure is what Transport.Do returns for a call that did not succeed. errors.Is and errors.As see both Err and Stopped.
type Failure struct { //nolint:errname // the error is Err; this is its context
	// Operation is that of the Call.
	Operation string
	// Err is the last real failure: the Classification's error, or why there was no complete answer. For a call that never got as
	// far as its first attempt it says why. Never nil.
	Err error
	// Stopped says why no further attempt followed although one was due, or why that one did not get far enough to fail by
	// itself: the context ended or would end before, signing failed, the body could not be opened. Otherwise nil.
	Stopped error
	// Answer is the last complete answer, nil if there was none.
	Answer *Answer
	// Attempts is the number of attempts begun.
	Attempts int
	// OutcomeUnknown: some attempt may have taken effect.
	OutcomeUnknown bool
	// Retry says that the last attempt failed in a way that may pass: the same call, sent later, may succeed.
	Retry bool
	// RetryAfter is the wait that the last complete answer asked for, as the peer gave it (not clamped); 0: none.
	RetryAfter time.Duration
}

// Error says in one line what failed, why it was not tried again, and what is not known.
func (f *Failure) Error() string {
	text := f.Operation + ": " + f.Err.Error()
	if f.Stopped != nil {
		text += "; then " + f.Stopped.Error()
	}
	if f.Attempts > 1 {
		text += " (after " + strconv.Itoa(f.Attempts) + " attempts)"
	}
	if f.OutcomeUnknown {
		text += "; it is not known whether the call took effect"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// Unwrap gives the last real failure and, if there is one, the reason why no further attempt followed.
func (f *Failure) Unwrap() []error {
	if f.Stopped == nil {
		return []error{f.Err}
	}
	return []error{f.Err, f.Stopped}
}

// ErrorText is what the texts of a client's error are made of. None of it may be a secret.
type ErrorText struct {
	// Client is the package, Operation the call.
	Client, Operation string
	// Code and ResultStatus are the peer's; may be empty.
	Code, ResultStatus string
	// Message says what went wrong, and Details say in which fields.
	Message string
	Details []string
	// Fields are the names of the fields that are wrong; in the log only.
	Fields string
	// HTTPStatus is 0 without an answer.
	HTTPStatus, Attempts int
	// RequestID and TraceID name the call at the peer; may be empty.
	RequestID, TraceID        string
	Retryable, OutcomeUnknown bool
	// Hint says what to do next; may be empty.
	Hint string
}

// Line describes the failure in one line.
func (t ErrorText) Line() string {
	var b strings.Builder
	b.WriteString(t.Client + ": " + t.Operation + ": ")
	if t.Code != "" {
		b.WriteString(t.Code + ": ")
	}
	b.WriteString(strings.Join(append([]string{t.Message}, t.Details...), "; "))
	if ids := t.ids(); len(ids) > 0 {
		b.WriteString(" (" + strings.Join(ids, ", ") + ")")
	}
	if t.OutcomeUnknown {
		b.WriteString("; it is not known whether the call took effect")
	}
	if t.Hint != "" {
		b.WriteString("; " + t.Hint)
	}
	return validation.OneLine(b.String())
}

func (t ErrorText) ids() []string {
	var ids []string
	if t.HTTPStatus != 0 {
		ids = append(ids, "HTTP "+strconv.Itoa(t.HTTPStatus))
	}
	if t.Attempts > 1 {
		ids = append(ids, strconv.Itoa(t.Attempts)+" attempts")
	}
	if t.RequestID != "" {
		ids = append(ids, "request "+t.RequestID)
	}
	if t.TraceID != "" {
		ids = append(ids, "trace "+t.TraceID)
	}
	return ids
}

// LogValue returns the parts as attributes; those that are empty are left out.
func (t ErrorText) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("operation", t.Operation), slog.String("message", validation.OneLine(t.Message))}
	for _, part := range []struct{ key, value string }{
		{"code", t.Code},
		{"result_status", t.ResultStatus},
		{"request_id", t.RequestID},
		{"trace_id", t.TraceID},
		{"fields", t.Fields},
		{"hint", t.Hint},
	} {
		if part.value != "" {
			attrs = append(attrs, slog.String(part.key, validation.OneLine(part.value)))
		}
	}
	if t.HTTPStatus != 0 {
		attrs = append(attrs, slog.Int("http_status", t.HTTPStatus))
	}
	return slog.GroupValue(append(attrs, slog.Bool("retryable", t.Retryable), slog.Bool("outcome_unknown", t.OutcomeUnknown))...)
}

// shown is an address as errors may show it: without user and query.
func shown(u *url.URL) string {
	address := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return address.String()
}

// withoutURL removes the *url.Error that net/http puts around everything, because its text holds the whole address.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// withoutQuery hides the query where the text of an error from further inside (a RoundTripper of the caller's) quotes it.
func withoutQuery(err error, query string) error {
	text := err.Error()
	if query == "" || !strings.Contains(text, query) {
		return err
	}
	return &redactedError{err: err, text: strings.ReplaceAll(text, query, "…")}
}

type redactedError struct {
	err  error
	text string
}

func (e *redactedError) Error() string { return e.text }

func (e *redactedError) Unwrap() error { return e.err }

// checkHeader refuses what net/http would refuse attempt after attempt, as if the network were to blame: a value with a
// line break or another control character, typically an id read from a file or an environment variable.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return fmt.Errorf("the value of header %s holds a line break or another control character; trim it where it comes from", name)
			}
		}
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
