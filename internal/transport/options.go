package transport

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"
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
func Default() Options {
	return Options{
		UserAgent: "alipayplus-go", Attempts: defaultAttempts,
		MinWait: defaultMinWait, MaxWait: defaultMaxWait,
		AttemptTimeout: defaultAttemptTimeout, MaxAnswerBytes: maxAnswerBytes,
	}
}

// HTTPClient sets the client whose transport and cookie jar are used.
func HTTPClient(o *Options, client *http.Client) error {
	if client == nil {
		return &Problem{"HTTP client", "must not be nil"}
	}
	o.HTTPClient = client
	return nil
}

// Retry sets how often a call is sent at most, and the bounds of the waits.
func Retry(o *Options, attempts int, minWait, maxWait time.Duration) error {
	if attempts < 1 || minWait < 0 || maxWait < minWait {
		return &Problem{"retry", "needs at least 1 attempt and 0 <= shortest wait <= longest wait"}
	}
	o.Attempts, o.MinWait, o.MaxWait = attempts, minWait, maxWait
	return nil
}

// RateLimit limits the attempts a second.
func RateLimit(o *Options, perSecond float64, burst int) error {
	if !(perSecond > 0) || burst < 1 { // also refuses NaN
		return &Problem{"rate limit", "must be above 0 a second with a burst of at least 1"}
	}
	o.Limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
	return nil
}

// AttemptTimeout limits one attempt.
func AttemptTimeout(o *Options, limit time.Duration) error {
	if limit <= 0 {
		return &Problem{"attempt timeout", "must be above 0"}
	}
	o.AttemptTimeout = limit
	return nil
}

// Logger sets where attempts are logged; nil: nowhere.
func Logger(o *Options, logger *slog.Logger) error {
	o.Logger = logger
	return nil
}

// UserAgent sets the User-Agent header.
func UserAgent(o *Options, agent string) error {
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

// Address parses the address of a platform, which must be of http or https and
// have a host, and neither user, query nor fragment. option is its name, example
// one that is right. The error does not quote it: it may hold a password.
func Address(option, address, example string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, &Problem{option, "must be an http or https address with a host, such as " + example}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &Problem{option, "must not have user, query or fragment"}
	}
	return u, nil
}
