package transport

import (
	"strconv"
	"strings"
	"time"
)

// Failure is what Transport.Do returns for a call that did not succeed. errors.Is and errors.As see both Err and Stopped.
type Failure struct { //nolint:errname // what is wrong is Err; this is the story around it
	// Operation is that of the Call.
	Operation string
	// Err is the last real failure: the Verdict's error, or why there was no complete answer. For a call that never got as
	// far as its first attempt it says why. Never nil.
	Err error
	// Stopped says why no further attempt followed although one was due, or why that one did not get far enough to fail by
	// itself: the context ended or would end before, signing failed, the body could not be opened. Otherwise nil.
	Stopped error
	// Answer is the last complete answer, nil if there was none.
	Answer *Answer
	// Attempts is the number of attempts begun.
	Attempts int
	// OutcomeUnknown: some attempt may have taken effect, and no later one got a Final verdict.
	OutcomeUnknown bool
	// Retry says that the last attempt failed in a way that may pass: the same call, sent later, may succeed.
	Retry bool
	// RetryAfter is the wait that the last complete answer asked for, as the peer said it (not clamped); 0: none.
	RetryAfter time.Duration
}

// Error tells the story in one line.
func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.Operation)
	b.WriteString(": ")
	b.WriteString(f.Err.Error())
	if f.Stopped != nil {
		b.WriteString("; then ")
		b.WriteString(f.Stopped.Error())
	}
	if f.Attempts > 1 {
		b.WriteString(" (after " + strconv.Itoa(f.Attempts) + " attempts)")
	}
	if f.OutcomeUnknown {
		b.WriteString("; it is not known whether the call took effect")
	}
	return strings.ReplaceAll(b.String(), "\n", "; ")
}

// Unwrap gives the last real failure and, if there is one, the reason why no further attempt followed.
func (f *Failure) Unwrap() []error {
	if f.Stopped == nil {
		return []error{f.Err}
	}
	return []error{f.Err, f.Stopped}
}
