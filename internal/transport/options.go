package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// The defaults, which no platform documents.
const (
	defaultAttempts       = 4
	defaultMinWait        = 500 * time.Millisecond
	defaultMaxWait        = 30 * time.Second
	defaultAttemptTimeout = 30 * time.Second
)

// Default returns the settings of a client that was given no options.
func Default() Options {
	return Options{
		UserAgent: "alipayplus-go", Attempts: defaultAttempts,
		MinWait: defaultMinWait, MaxWait: defaultMaxWait,
		AttemptTimeout: defaultAttemptTimeout, MaxAnswerBytes: defaultMaxAnswerBytes,
	}
}

// HTTPClient sets the client whose transport and cookie jar are used.
func HTTPClient(o *Options, client *http.Client) error {
	if client == nil {
		return &validation.Problem{Path: "HTTP client", Message: "must not be nil"}
	}
	o.HTTPClient = client
	return nil
}

// Retry sets how often a call is sent at most, and the bounds of the waits.
func Retry(o *Options, attempts int, minWait, maxWait time.Duration) error {
	if attempts < 1 || minWait < 0 || maxWait < minWait {
		return &validation.Problem{Path: "retry", Message: "needs at least 1 attempt and 0 <= shortest wait <= longest wait"}
	}
	o.Attempts, o.MinWait, o.MaxWait = attempts, minWait, maxWait
	return nil
}

// RateLimit limits the attempts a second.
func RateLimit(o *Options, perSecond float64, burst int) error {
	if !(perSecond > 0) || burst < 1 { // also refuses NaN
		return &validation.Problem{Path: "rate limit", Message: "must be above 0 a second with a burst of at least 1"}
	}
	o.Limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
	return nil
}

// AttemptTimeout limits one attempt.
func AttemptTimeout(o *Options, limit time.Duration) error {
	if limit <= 0 {
		return &validation.Problem{Path: "attempt timeout", Message: "must be above 0"}
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
			return &validation.Problem{Path: "user agent", Message: "must be printable ASCII"}
		}
	}
	o.UserAgent = agent
	return nil
}

// Observer adds a function to those that are called once per attempt.
func Observer(o *Options, observe func(context.Context, Attempt)) {
	before := o.Observe
	o.Observe = func(ctx context.Context, a Attempt) {
		if before != nil {
			before(ctx, a)
		}
		observe(ctx, a)
	}
}

// RoundTripper adds a function that wraps what sends the attempts.
func RoundTripper(o *Options, wrap func(http.RoundTripper) http.RoundTripper) error {
	if wrap == nil {
		return NoFunction("round tripper")
	}
	o.Wrap = append(o.Wrap, wrap)
	return nil
}

// NoFunction is what is wrong with an option whose function is nil.
func NoFunction(option string) error {
	return &validation.Problem{Path: option, Message: "must not be nil"}
}

// Address parses the address of a platform, which must be of http or https and
// have a host, and neither user, query nor fragment. option is its name, example
// one that is right. The error does not quote it: it may hold a password.
func Address(option, address, example string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, &validation.Problem{Path: option, Message: "must be an http or https address with a host, such as " + example}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, &validation.Problem{Path: option, Message: "must not have user, query or fragment"}
	}
	return u, nil
}

// Environment collects the options that variables of the environment set. What
// is wrong with one shows when it is applied, so that a client can name
// everything at once. A variable that is empty is not set. C is the client's
// configuration, O its type of options.
type Environment[C any, O ~func(*C) error] struct {
	// Options are those of the variables that are set, in the order of the calls.
	Options []O
}

// Text takes an option whose text is in a variable, and says whether it is set.
func (e *Environment[C, O]) Text(variable string, option func(text string) O) bool {
	text := os.Getenv(variable)
	if text == "" {
		return false
	}
	apply := option(text)
	e.Options = append(e.Options, func(cfg *C) error {
		if err := apply(cfg); err != nil {
			return FromVariable(err, variable)
		}
		return nil
	})
	return true
}

// FromVariable names the variable in whatever is wrong with an option.
func FromVariable(err error, variable string) error {
	var problems validation.Problems
	problems.AddError(err)
	for i := range problems {
		problems[i].Message += " (from " + variable + ")"
	}
	return problems
}

// Secret takes an option whose content is in the file that variable_FILE names, or in the
// variable itself. Both at once are refused, as either could be meant. name is that
// of the option.
func (e *Environment[C, O]) Secret(variable, name string, option func(content []byte) O) {
	fromFile := func(path string) O {
		return func(cfg *C) error {
			content, err := ReadFile(path, variable, name)
			if err != nil {
				return err
			}
			return option(content)(cfg)
		}
	}
	if os.Getenv(variable) != "" && os.Getenv(variable+"_FILE") != "" {
		e.Options = append(e.Options, func(*C) error {
			return &validation.Problem{Path: name, Message: fmt.Sprintf("is given twice: unset %s or %s_FILE", variable, variable)}
		})
		return
	}
	if !e.Text(variable+"_FILE", fromFile) {
		e.Text(variable, func(text string) O { return option([]byte(text)) })
	}
}

// Duration takes an option whose duration is in a variable. name is that of the
// option.
func (e *Environment[C, O]) Duration(variable, name string, option func(time.Duration) O) {
	e.Text(variable, func(text string) O {
		return func(cfg *C) error {
			d, err := time.ParseDuration(text)
			if err != nil {
				return &validation.Problem{Path: name, Message: "is not a duration such as 45s"}
			}
			return option(d)(cfg)
		}
	})
}

// KeyProblem is what is wrong with the option of a key; err begins with what was
// expected, such as "public key".
func KeyProblem(option, expected string, err error) error {
	return &validation.Problem{Path: option, Message: strings.TrimPrefix(err.Error(), expected+" ")}
}

// ReadFile reads the content of an option from a file that a variable of the
// environment names. variable is the one for the content itself, if there is one:
// a name of no file may be just that, a secret in the wrong place, so it is not
// quoted.
func ReadFile(path, variable, option string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		return content, nil
	}
	if why, ok := errors.AsType[*fs.PathError](err); ok {
		err = why.Err // without the path
	}
	if _, none := os.Lstat(path); none == nil {
		return nil, &validation.Problem{Path: option, Message: fmt.Sprintf("cannot be read from the file %q: %v", path, err)}
	}
	way := "give the name of a file, not what is in it"
	if variable != "" {
		way = "give the name of a file; the content itself goes into " + variable
	}
	return nil, &validation.Problem{Path: option, Message: fmt.Sprintf("cannot be read: %v; %s", err, way)}
}
