package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
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
	// OutcomeUnknown: some attempt may have taken effect, and no later answer was Final.
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
