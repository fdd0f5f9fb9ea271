package alipayplus

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Option configures a [Client]. It copies what it is given.
type Option func(*config) error

type config struct {
	baseURL    *url.URL
	clientID   string
	signer     crypto.Signer
	keyVersion string
	platform   platformKeys
	timeFormat TimeFormat
	maxSkew    time.Duration
	transport  transport.Options
	operations transport.Operations[Operation]
}

// defaultMaxSkew is not documented by Alipay+.
const defaultMaxSkew = 5 * time.Minute

func defaultConfig() config {
	return config{
		keyVersion: "1",
		platform:   platformKeys{byVersion: map[string]*rsa.PublicKey{}},
		maxSkew:    defaultMaxSkew,
		transport:  transport.Default(),
	}
}

func (cfg *config) check(p *problems) {
	if cfg.baseURL == nil && !p.Has("base URL") {
		p.Add("base URL", "is missing: give WithBaseURL or set ALIPAYPLUS_BASE_URL")
	}
	if p.Has("credentials") {
		return
	}
	if cfg.clientID == "" && !p.Has("client id") {
		p.Add("client id", "is missing: give WithClientID or set ALIPAYPLUS_CLIENT_ID")
	}
	if cfg.signer == nil && !p.Has("private key") && !p.Has("signer") {
		p.Add("private key", "is missing: give WithPrivateKey or WithSigner, or set ALIPAYPLUS_PRIVATE_KEY_FILE")
	}
	if len(cfg.platform.byVersion) == 0 && !p.Has("platform public key") {
		p.Add("platform public key", "is missing: give WithPlatformKey or set ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE")
	}
}

// WithBaseURL sets the address of the platform, for example
// "https://gateway.example.com". A path in it is a prefix; operations are under
// {base}/api/open/v2/. The address of Alipay+ itself is not documented.
func WithBaseURL(address string) Option {
	return func(cfg *config) error {
		u, err := transport.Address("base URL", address, "https://gateway.example.com")
		if err != nil {
			return err
		}
		cfg.baseURL = u
		return nil
	}
}

// WithClientID sets the client id that the platform assigned to the member.
func WithClientID(id string) Option {
	return func(cfg *config) error {
		for _, r := range id {
			if r <= ' ' || r > '~' {
				return &validation.Problem{Path: "client id", Message: "must be printable ASCII without spaces"}
			}
		}
		cfg.clientID = id
		return nil
	}
}

// WithSigner sets the private key as a signer, which may live in a KMS or an
// HSM. It must be RSA with at least 2048 bits.
func WithSigner(signer crypto.Signer) Option {
	return func(cfg *config) error {
		if _, err := signing.CheckSigner(signer); err != nil {
			return transport.KeyProblem("signer", "signer", err)
		}
		cfg.signer = signer
		return nil
	}
}

// WithPrivateKey sets the private key as PEM or bare base64, PKCS#1 or PKCS#8.
// It must be RSA with at least 2048 bits.
func WithPrivateKey(key []byte) Option {
	return func(cfg *config) error {
		parsed, err := signing.ParsePrivateKey(key)
		if err != nil {
			return transport.KeyProblem("private key", "private key", err)
		}
		cfg.signer = parsed
		return nil
	}
}

// WithKeyVersion sets the version under which the platform knows the public key
// of the signer; the default is "1".
func WithKeyVersion(version string) Option {
	return func(cfg *config) error {
		if err := signing.CheckKeyVersion(version); err != nil {
			return transport.KeyProblem("key version", "key version", err)
		}
		cfg.keyVersion = version
		return nil
	}
}

// WithPlatformKey adds a public key of the platform, as PEM or bare base64, PKIX
// or PKCS#1, under its version. It must be RSA with at least 2048 bits. Give the
// option once for each version that answers may be signed with; the last one given
// is taken for answers that name no version.
func WithPlatformKey(version string, key []byte) Option {
	return func(cfg *config) error {
		public, err := signing.ParsePublicKey(key)
		if err != nil {
			return transport.KeyProblem("platform public key", "public key", err)
		}
		if signing.CheckKeyVersion(version) != nil {
			return &validation.Problem{Path: "platform public key", Message: "needs a version (ALIPAYPLUS_PLATFORM_KEY_VERSION) of 1 to 64 visible ASCII characters without a comma, such as 1"}
		}
		cfg.platform.byVersion[version] = public
		cfg.platform.newest = version
		return nil
	}
}

// WithCredentials sets what a member was given in a folder: [WithClientID] by its file
// client-id, [WithPrivateKey] by private-key.pem, and [WithPlatformKey] of version "1" by
// platform-public-key.pem. The names are this project's own; examples/platform writes them.
func WithCredentials(folder string) Option {
	return func(cfg *config) error {
		var p problems
		for _, file := range []struct {
			name string
			use  func(content []byte) Option
		}{
			{"client-id", func(id []byte) Option { return WithClientID(string(bytes.TrimSpace(id))) }},
			{"private-key.pem", WithPrivateKey},
			{"platform-public-key.pem", func(key []byte) Option { return WithPlatformKey("1", key) }},
		} {
			content, err := os.ReadFile(filepath.Join(folder, file.name))
			if err != nil {
				return &validation.Problem{Path: "credentials", Message: "cannot be read: " + err.Error()}
			}
			p.AddError(file.use(content)(cfg))
		}
		return p.Err()
	}
}

// WithHTTPClient sets the HTTP client whose transport and cookie jar are used.
// It is copied, never changed; redirects are never followed.
func WithHTTPClient(client *http.Client) Option {
	return func(cfg *config) error { return transport.HTTPClient(&cfg.transport, client) }
}

// WithRetry sets how often a call is sent at most (1: never again; default 4)
// and the shortest and longest wait between two attempts (defaults 500 ms and
// 30 s). A Retry-After of the platform is honoured up to the longest wait.
func WithRetry(attempts int, minWait, maxWait time.Duration) Option {
	return func(cfg *config) error { return transport.Retry(&cfg.transport, attempts, minWait, maxWait) }
}

// WithRateLimit limits the attempts that the client sends to perSecond on
// average and burst at once. Without it there is no limit; the platform's own
// is not documented.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(cfg *config) error { return transport.RateLimit(&cfg.transport, perSecond, burst) }
}

// WithAttemptTimeout limits one attempt, from sending to the last byte of the
// answer; the default is 30 seconds. The context limits the whole call. Uploads
// of large packages may need more.
func WithAttemptTimeout(limit time.Duration) Option {
	return func(cfg *config) error { return transport.AttemptTimeout(&cfg.transport, limit) }
}

// WithLogger sets where the client logs its attempts: debug for each, warn for
// those that are repeated. It never logs bodies, signatures or keys. Without it
// nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(cfg *config) error { return transport.Logger(&cfg.transport, logger) }
}

// WithObserver adds a function that is called once an attempt, after it, in the calling
// goroutine, for metrics and traces. It must be safe for concurrent use.
func WithObserver(observe func(context.Context, Attempt)) Option {
	return func(cfg *config) error {
		if observe == nil {
			return transport.NoFunction("observer")
		}
		transport.Observer(&cfg.transport, func(ctx context.Context, e transport.Attempt) {
			observe(ctx, Attempt{
				e.Operation, e.RequestID, e.Number, e.Duration, e.HTTPStatus, e.ResultCode, e.ResultStatus, e.TraceID, e.RetryIn, e.Err,
			})
		})
		return nil
	}
}

// WithOperationObserver adds a function that is called when an operation begins, before
// its first attempt, in the calling goroutine, for traces. The context that it returns,
// which must be made from the one it gets, is that of the attempts: of what
// [WithRoundTripper] makes, of the observers and of the logger. The function that it
// returns, which may be nil, is called once, when the operation is over, with the error
// of the call; nil for a success. Both must be safe for concurrent use.
func WithOperationObserver(begin func(context.Context, Operation) (context.Context, func(error))) Option {
	return func(cfg *config) error { return cfg.operations.Add(begin) }
}

// WithRoundTripper adds a function that wraps the transport of the HTTP client, whichever
// that is, for traces and for headers that something on the way asks for. What it makes
// sends each attempt, after it was signed: it must not change the headers that are there,
// nor read the body. The last one that is added is outermost.
func WithRoundTripper(wrap func(next http.RoundTripper) http.RoundTripper) Option {
	return func(cfg *config) error { return transport.RoundTripper(&cfg.transport, wrap) }
}

// WithUserAgent sets the User-Agent header; the default is "alipayplus-go".
func WithUserAgent(agent string) Option {
	return func(cfg *config) error { return transport.UserAgent(&cfg.transport, agent) }
}

// TimeFormat is how Request-Time is written.
type TimeFormat int

const (
	// TimeISO8601 writes "2026-01-02T15:04:05.000+08:00", as the documents of
	// mini programs have it. It is the default.
	TimeISO8601 TimeFormat = iota
	// TimeUnixMilli writes milliseconds since 1970, as Ant's payment SDKs do.
	TimeUnixMilli
)

// WithTimeFormat sets how Request-Time is written.
func WithTimeFormat(format TimeFormat) Option {
	return func(cfg *config) error {
		if format != TimeISO8601 && format != TimeUnixMilli {
			return &validation.Problem{Path: "time format", Message: "must be TimeISO8601 or TimeUnixMilli"}
		}
		cfg.timeFormat = format
		return nil
	}
}

// WithMaxClockSkew sets how far the time of an answer may be from this
// machine's clock; an older or newer one is not trusted, because it may be a
// replay. The default is 5 minutes (not documented by Alipay+).
func WithMaxClockSkew(skew time.Duration) Option {
	return func(cfg *config) error {
		if skew <= 0 {
			return &validation.Problem{Path: "clock skew", Message: "must be above 0"}
		}
		cfg.maxSkew = skew
		return nil
	}
}

// Operation describes a call that begins, for traces. It holds no secrets.
type Operation struct {
	// Name is the call, for example "releases.create".
	Name string
	// RequestID is the idempotency key of a write; empty for a read.
	RequestID string
}

// Attempt describes one attempt of a call, for metrics and traces. It holds no
// secrets: no bodies, signatures or keys.
type Attempt struct {
	// Operation is the call, for example "releases.create".
	Operation string
	// RequestID is the idempotency key of a write; empty for a read.
	RequestID string
	// Number counts from 1.
	Number int
	// Duration is how long the attempt took.
	Duration time.Duration
	// HTTPStatus is the answer's status; 0 without an answer.
	HTTPStatus int
	// ResultCode is the platform's result code; empty without one.
	ResultCode string
	// ResultStatus is S, F, U or A; empty without one.
	ResultStatus string
	// TraceID names the attempt in the platform's log; empty without one.
	TraceID string
	// RetryIn is the wait before the next attempt; 0 when none follows.
	RetryIn time.Duration
	// Err is why the attempt did not succeed; nil when it did.
	Err error
}

// NewFromEnv makes a client from environment variables, then applies opts over
// them. It reads the key files they name.
//
//	ALIPAYPLUS_BASE_URL                  address of the platform
//	ALIPAYPLUS_CLIENT_ID                 client id of the member
//	ALIPAYPLUS_PRIVATE_KEY_FILE          file with the private key, or
//	ALIPAYPLUS_PRIVATE_KEY               the private key itself
//	ALIPAYPLUS_KEY_VERSION               version of the private key (default 1)
//	ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE  file with the platform's public key, or
//	ALIPAYPLUS_PLATFORM_PUBLIC_KEY       the public key itself
//	ALIPAYPLUS_PLATFORM_KEY_VERSION      version of the public key (default 1)
//	ALIPAYPLUS_ATTEMPT_TIMEOUT           limit of one attempt, such as 45s
//
// The error is that of [New]; it names every variable that is missing or wrong,
// and never a key.
func NewFromEnv(opts ...Option) (*Client, error) {
	return New(append(envOptions(), opts...)...)
}

// envOptions are the options that the environment sets.
func envOptions() []Option {
	env := transport.Environment[config, Option]{}
	env.Text("ALIPAYPLUS_BASE_URL", WithBaseURL)
	env.Text("ALIPAYPLUS_CLIENT_ID", WithClientID)
	env.Secret("ALIPAYPLUS_PRIVATE_KEY", "private key", WithPrivateKey)
	env.Text("ALIPAYPLUS_KEY_VERSION", WithKeyVersion)
	env.Secret("ALIPAYPLUS_PLATFORM_PUBLIC_KEY", "platform public key", func(key []byte) Option {
		return WithPlatformKey(cmp.Or(os.Getenv("ALIPAYPLUS_PLATFORM_KEY_VERSION"), "1"), key)
	})
	env.Duration("ALIPAYPLUS_ATTEMPT_TIMEOUT", "attempt timeout", WithAttemptTimeout)
	return env.Options
}
