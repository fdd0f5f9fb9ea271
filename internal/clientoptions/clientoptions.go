// Package clientoptions holds the options that every client of this module has,
// whatever platform it speaks to: how calls are sent, repeated, limited and
// watched, and how keys are read from files. Each client gives them its own
// option type.
package clientoptions

import (
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// The defaults, which no platform documents.
const (
	defaultAttempts       = 4
	defaultMinWait        = 500 * time.Millisecond
	defaultMaxWait        = 30 * time.Second
	defaultAttemptTimeout = 30 * time.Second
	maxAnswerBytes        = 16 << 20
)

// Problem says which option is wrong, and how. It never holds a secret.
type Problem struct { //nolint:errname // it is what a ValidationError is made of
	// Path names the option, for example "retry".
	Path string
	// Message goes on after the name.
	Message string
}

// Error joins the two.
func (p *Problem) Error() string { return p.Path + " " + p.Message }

// Default returns the settings of a client that was given no options.
func Default() transport.Options {
	return transport.Options{
		UserAgent: "alipayplus-go", Attempts: defaultAttempts,
		MinWait: defaultMinWait, MaxWait: defaultMaxWait,
		AttemptTimeout: defaultAttemptTimeout, MaxAnswerBytes: maxAnswerBytes,
	}
}

// HTTPClient sets the client whose transport and cookie jar are used.
func HTTPClient(o *transport.Options, client *http.Client) error {
	if client == nil {
		return &Problem{"HTTP client", "must not be nil"}
	}
	o.HTTPClient = client
	return nil
}

// Retry sets how often a call is sent at most, and the bounds of the waits.
func Retry(o *transport.Options, attempts int, minWait, maxWait time.Duration) error {
	if attempts < 1 || minWait < 0 || maxWait < minWait {
		return &Problem{"retry", "needs at least 1 attempt and 0 <= shortest wait <= longest wait"}
	}
	o.Attempts, o.MinWait, o.MaxWait = attempts, minWait, maxWait
	return nil
}

// RateLimit limits the attempts a second.
func RateLimit(o *transport.Options, perSecond float64, burst int) error {
	if !(perSecond > 0) || burst < 1 { // also refuses NaN
		return &Problem{"rate limit", "must be above 0 a second with a burst of at least 1"}
	}
	o.Limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
	return nil
}

// AttemptTimeout limits one attempt.
func AttemptTimeout(o *transport.Options, limit time.Duration) error {
	if limit <= 0 {
		return &Problem{"attempt timeout", "must be above 0"}
	}
	o.AttemptTimeout = limit
	return nil
}

// Logger sets where attempts are logged; nil: nowhere.
func Logger(o *transport.Options, logger *slog.Logger) error {
	o.Logger = logger
	return nil
}

// UserAgent sets the User-Agent header.
func UserAgent(o *transport.Options, agent string) error {
	for _, r := range agent {
		if r < ' ' || r > '~' {
			return &Problem{"user agent", "must be printable ASCII"}
		}
	}
	o.UserAgent = agent
	return nil
}

// NoObserver is what is wrong with an observer that is nil.
func NoObserver() error { return &Problem{"observer", "must not be nil"} }
