package transport

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Call is one logical call: what is sent, repeatedly if need be, until its Classify accepts an answer. Transport.Do does not
// change it, and may read it until it returns.
type Call struct {
	// Operation names the call in logs, attempts and errors, for example "releases.create".
	Operation string
	// Method is the HTTP method, URL the absolute http or https address. Its query never appears in an error or a log;
	// its path does.
	Method, URL string
	// ContentType is the Content-Type header of the request; empty: none is sent.
	ContentType string

	// Body is the request's body. It is neither copied nor changed; nil or empty: no body.
	Body []byte
	// Open is used instead of Body for a body that is too large for memory. It is called for every attempt and returns the
	// body from its beginning; every stream it returns is closed. Nil: Body is sent.
	Open func() (io.ReadCloser, error)
	// Size is the exact number of bytes that a stream of Open holds.
	Size int64

	// Sign adds the headers of one attempt (time stamp, nonce, signature). It is called for every attempt with a fresh header
	// map that holds Content-Type, User-Agent and Accept-Encoding already. An error ends the call: nothing is sent. Nil:
	// nothing is added.
	Sign func(ctx context.Context, header http.Header) error
	// Repeatable says that sending twice does no harm: a read, or a write that carries its idempotency key. Such a call is
	// also sent again after an unknown outcome; any other only when the attempt certainly had no effect.
	Repeatable bool
	// Attempts is the most often that the call is sent, at most Options.Attempts; 0: as often as that.
	Attempts int
	// RequestID goes to logs and attempts, so that they can be found again at the peer.
	RequestID string
	// Classify verifies every complete answer, redirects included, and says what it means for the call. Required.
	Classify func(*Answer) Classification
}

// Answer is one complete HTTP answer of the peer.
type Answer struct {
	// Status is the HTTP status code.
	Status int
	// Header holds the answer's headers as received.
	Header http.Header
	// Body holds the raw bytes, never decompressed, so that a signature over them can be verified.
	Body []byte
	// Attempt counts from 1.
	Attempt int

	// sent are the headers of the request.
	sent http.Header
}

// excerptBytes is how much of an answer that is not the peer's an error keeps.
const excerptBytes = 512

// Excerpt returns the beginning of the body, for the error of an answer that is not the
// peer's, without what it mirrors of the request's headers.
func (a *Answer) Excerpt() string {
	text := a.Redact(string(a.Body[:min(len(a.Body), 2*excerptBytes)])) // so that nothing is cut before it is found
	return strings.ToValidUTF8(text[:min(len(text), excerptBytes)], "?")
}

// Redact takes out of a text what it repeats of the values of the request's headers,
// whole or in part; those of general headers, such as the content type, may stay.
func (a *Answer) Redact(text string) string {
	const part = 12 // characters that no text has in common with a signature or a token by accident
	hidden := make([]bool, len(text))
	for name, values := range a.sent {
		if slices.Contains([]string{"Accept", "Accept-Encoding", "Content-Type", "User-Agent"}, name) {
			continue
		}
		for _, value := range values {
			n := min(part, len(value))
			for i := 0; n >= 4 && i+n <= len(text); i++ {
				if strings.Contains(value, text[i:i+n]) {
					for j := i; j < i+n; j++ {
						hidden[j] = true
					}
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString("…")
		}
	}
	return b.String()
}

// Classification says what an answer means for the call.
type Classification struct {
	// Err is nil for a success. Its text ends up in errors and attempts: it must hold no header value and no body.
	Err error
	// Retry says that the same call, sent again, may succeed.
	Retry bool
	// NoEffect says that the attempt, which failed, certainly had no effect. It says nothing of earlier ones, which may still
	// be on their way.
	NoEffect bool
	// RetryAfter is the wait that the peer asked for. 0 or less: the answer's Retry-After header counts, if it has one.
	RetryAfter time.Duration
	// ResultCode, ResultStatus and TraceID are the peer's, for attempts and logs.
	ResultCode, ResultStatus, TraceID string
	// Detail is what the call adds for its observer; may be nil.
	Detail any
}
