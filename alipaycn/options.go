package alipaycn

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Production is the address of AlipayCN's gateway, the default of [WithEndpoint].
const Production = "https://openapi.alipay.com"

// Option configures a [Client]. It copies what it is given.
type Option func(*config) error

type config struct {
	origin         string
	appID          string
	token          string
	signer         crypto.Signer
	trust          trust
	aes            *cnwire.AESKey
	expiredSeconds int
	maxSkew        time.Duration
	now            func() time.Time
	transport      transport.Options
	operations     transport.Operations[Operation]
}

// trust is what requests and answers are certified with.
type trust struct {
	// keys verify answers.
	keys cnwire.Keys
	// appCertSN and rootSN are the serials of the app's certificate and of the
	// roots; empty without certificates.
	appCertSN, rootSN string
	// roots check a certificate that is downloaded, which is done where download says so.
	roots    *cnwire.Roots
	download bool
	// appKey is the key in the app's certificate.
	appKey *rsa.PublicKey
}

func defaultConfig() config {
	return config{origin: Production, maxSkew: defaultMaxSkew, now: time.Now, transport: transport.Default()}
}

func (cfg *config) check(p *problems) {
	if cfg.appID == "" && !p.Has("app id") {
		p.Add("app id", "is missing: give WithAppID or set ALIPAYCN_APP_ID")
	}
	if cfg.signer == nil && !p.Has("private key") && !p.Has("signer") {
		p.Add("private key", "is missing: give WithPrivateKey or WithSigner, or set ALIPAYCN_PRIVATE_KEY_FILE")
	}
	cfg.checkTrust(p)
	cfg.checkPair(p)
}

// checkTrust checks what Alipay's signatures are verified with.
func (cfg *config) checkTrust(p *problems) {
	certificates := cfg.trust.keys.Certificates
	if cfg.trust.keys.Public == nil && len(certificates) == 0 && !p.Has("Alipay public key") && !p.Has("certificates") {
		p.Add("Alipay public key", "is missing: give WithAlipayPublicKey or WithCertificates, or set ALIPAYCN_PUBLIC_KEY_FILE")
	}
	if cfg.trust.keys.Public != nil && len(certificates) > 0 {
		p.Add("certificates", "and an Alipay public key are both given: give the one that the console shows for the app")
	}
	if (cfg.trust.download || len(certificates) > 0) && cfg.trust.roots == nil && !p.Has("certificates") {
		p.Add("certificates", "are missing: give WithCertificates too, for the app's and the root certificates")
	}
}

// checkPair finds the two most frequent mix-ups of keys.
func (cfg *config) checkPair(p *problems) {
	if cfg.signer == nil {
		return
	}
	own, ok := cfg.signer.Public().(*rsa.PublicKey)
	if !ok {
		return
	}
	if cfg.trust.appKey != nil && !own.Equal(cfg.trust.appKey) {
		p.Add("certificates", "have an app certificate that does not belong to the private key")
	}
	for _, c := range cfg.trust.keys.Certificates {
		if own.Equal(c.PublicKey) {
			p.Add("certificates", "have the app's certificate in place of Alipay's: give alipayCertPublicKey_RSA2.crt")
		}
	}
	if cfg.trust.keys.Public != nil && own.Equal(cfg.trust.keys.Public) {
		p.Add("Alipay public key", "is the app's own public key: give Alipay's, which the console shows after the app's was uploaded")
	}
}

// NewFromEnv makes a client from environment variables, then applies opts over
// them. It reads the files they name.
//
//	ALIPAYCN_ENDPOINT             address of the gateway (default: production)
//	ALIPAYCN_APP_ID               id of the app that calls
//	ALIPAYCN_PRIVATE_KEY_FILE     file with the app's private key, or
//	ALIPAYCN_PRIVATE_KEY          the private key itself
//	ALIPAYCN_PUBLIC_KEY_FILE      file with Alipay's public key, or
//	ALIPAYCN_PUBLIC_KEY           the public key itself
//	ALIPAYCN_APP_CERT_FILE        in place of Alipay's public key: the app's certificate,
//	ALIPAYCN_ALIPAY_CERT_FILE     Alipay's certificate
//	ALIPAYCN_ROOT_CERT_FILE       and the root certificates
//	ALIPAYCN_NEXT_ALIPAY_CERT_FILE  besides these, Alipay's next certificate
//	ALIPAYCN_APP_AUTH_TOKEN_FILE  file with the merchant's token, or
//	ALIPAYCN_APP_AUTH_TOKEN       the token itself; none: the app acts for itself
//	ALIPAYCN_AES_KEY_FILE         file with the AES key, or
//	ALIPAYCN_AES_KEY              the AES key itself; none: content is not encrypted
//
// The error is that of [New]; it names every variable that is missing or wrong,
// and never a secret.
func NewFromEnv(opts ...Option) (*Client, error) {
	return New(append(envOptions(), opts...)...)
}

// envOptions are the options that the environment sets.
func envOptions() []Option {
	env := transport.Environment[config, Option]{}
	env.Text("ALIPAYCN_ENDPOINT", WithEndpoint)
	env.Text("ALIPAYCN_APP_ID", WithAppID)
	env.Secret("ALIPAYCN_PRIVATE_KEY", "private key", WithPrivateKey)
	env.Secret("ALIPAYCN_PUBLIC_KEY", "Alipay public key", WithAlipayPublicKey)
	env.Secret("ALIPAYCN_APP_AUTH_TOKEN", "app auth token", func(token []byte) Option {
		return WithAppAuthToken(string(bytes.TrimSpace(token)))
	})
	env.Secret("ALIPAYCN_AES_KEY", "AES key", WithAESKey)
	if certificateVariables() {
		env.Options = append(env.Options, certificatesFromEnv)
	}
	env.Text(nextCertVariable, nextCertificateFromEnv)
	return env.Options
}

const (
	appCertVariable    = "ALIPAYCN_APP_CERT_FILE"
	alipayCertVariable = "ALIPAYCN_ALIPAY_CERT_FILE"
	rootCertVariable   = "ALIPAYCN_ROOT_CERT_FILE"
	nextCertVariable   = "ALIPAYCN_NEXT_ALIPAY_CERT_FILE"
)

func certificateVariables() bool {
	return os.Getenv(appCertVariable)+os.Getenv(alipayCertVariable)+os.Getenv(rootCertVariable) != ""
}

// certificatesFromEnv is an option that reads the three certificate files.
func certificatesFromEnv(cfg *config) error {
	var p problems
	var texts [3][]byte
	names := []string{appCertVariable, alipayCertVariable, rootCertVariable}
	for i, name := range names {
		path := os.Getenv(name)
		if path == "" {
			p.Add("certificates", "need all three files: "+name+" is not set")
			continue
		}
		text, err := transport.ReadFile(path, "", "certificates")
		if err != nil {
			p.AddError(transport.FromVariable(err, name))
		}
		texts[i] = text
	}
	if err := p.Err(); err != nil {
		return err
	}
	for i, check := range []func([]byte) error{certificateError, certificateError, rootsError} {
		if err := check(texts[i]); err != nil {
			problem := &validation.Problem{Path: "certificates", Message: err.Error()}
			p.AddError(transport.FromVariable(problem, names[i]))
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	return WithCertificates(texts[0], texts[1], texts[2])(cfg)
}

func certificateError(text []byte) error {
	_, err := cnwire.ParseCertificate(text)
	return err
}

func rootsError(text []byte) error {
	_, err := cnwire.ParseRoots(text)
	return err
}

func nextCertificateFromEnv(path string) Option {
	return func(cfg *config) error {
		text, err := transport.ReadFile(path, "", "certificates")
		if err == nil {
			err = WithAlipayCertificates(text)(cfg)
		}
		if err != nil {
			return transport.FromVariable(err, nextCertVariable)
		}
		return nil
	}
}

// WithAppID sets the id of the app that calls: the third-party app, or the mini
// program itself.
func WithAppID(id string) Option {
	return func(cfg *config) error {
		if id == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '=' }) {
			return &validation.Problem{Path: "app id", Message: "must be visible ASCII characters without comma and equals sign, such as 2021009900000101"}
		}
		cfg.appID = id
		return nil
	}
}

// WithSigner sets the app's private key as a signer, which may live in a KMS or
// an HSM. It must be RSA with at least 2048 bits.
func WithSigner(signer crypto.Signer) Option {
	return func(cfg *config) error {
		if _, err := signing.CheckSigner(signer); err != nil {
			return transport.KeyProblem("signer", "signer", err)
		}
		cfg.signer = signer
		return nil
	}
}

// WithPrivateKey sets the app's private key as PEM or bare base64, PKCS#1 or
// PKCS#8. It must be RSA with at least 2048 bits.
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

// WithAlipayPublicKey sets the key that verifies answers, as PEM or bare base64:
// Alipay's public key for this app, which is not the app's own.
func WithAlipayPublicKey(key []byte) Option {
	return func(cfg *config) error {
		public, err := signing.ParsePublicKey(key)
		if err != nil {
			return transport.KeyProblem("Alipay public key", "public key", err)
		}
		cfg.trust.keys.Public = public
		return nil
	}
}

// WithCertificates sets certificate mode, in place of [WithAlipayPublicKey]: the
// app's certificate, Alipay's certificate and the root certificates, as PEM, from
// the console (appCertPublicKey….crt, alipayCertPublicKey_RSA2.crt,
// alipayRootCert.crt). Each may be bare base64 too. Alipay's certificate is trusted because it is
// given here; of the roots only the serials are sent. When AlipayCN signs with
// another certificate, calls fail with an [alipayplus.SignatureError], unless
// [WithAlipayCertificates] gave it or [WithCertificateDownload] may fetch it.
func WithCertificates(app, alipay, root []byte) Option {
	return func(cfg *config) error {
		var p problems
		own, err := cnwire.ParseCertificate(app)
		if err != nil {
			p.Add("certificates", "app "+err.Error())
		}
		theirs, err := cnwire.ParseCertificate(alipay)
		if err != nil {
			p.Add("certificates", "Alipay "+err.Error())
		}
		roots, err := cnwire.ParseRoots(root)
		if err != nil {
			p.Add("certificates", err.Error())
		}
		if err := p.Err(); err != nil {
			return err
		}
		cfg.trust.keys.Certificates = append(cfg.trust.keys.Certificates, theirs)
		cfg.trust.appCertSN, cfg.trust.rootSN, cfg.trust.appKey, cfg.trust.roots = own.SN, roots.SN, own.PublicKey, roots
		return nil
	}
}

// WithAlipayCertificates adds certificates of Alipay to that of [WithCertificates],
// as PEM: the next one, before Alipay changes to it, so that answers signed with
// either are accepted.
func WithAlipayCertificates(next ...[]byte) Option {
	return func(cfg *config) error {
		var p problems
		for i, text := range next {
			certificate, err := cnwire.ParseCertificate(text)
			if err != nil {
				p.Add(fmt.Sprintf("certificates[%d]", i), "Alipay "+err.Error())
				continue
			}
			cfg.trust.keys.Certificates = append(cfg.trust.keys.Certificates, certificate)
		}
		return p.Err()
	}
}

// WithCertificateDownload lets the client fetch Alipay's next certificate when an
// answer names one that it does not have: by alipay.open.app.alipaycert.download,
// once for all calls that need it. The answer to that is not signed, so the
// certificate is used only if it has the serial that was named, leads to the roots
// of [WithCertificates], and has the organization of a certificate of Alipay's that
// was given. Otherwise the call fails as without this option, and says what did not
// fit; then nothing is downloaded for a minute. What was downloaded is forgotten
// with the client.
func WithCertificateDownload() Option {
	return func(cfg *config) error {
		cfg.trust.download = true
		return nil
	}
}

// WithAppAuthToken sets the token of the merchant for whom the client acts; see
// [Client.For] for many merchants. It is a secret.
func WithAppAuthToken(token string) Option {
	return func(cfg *config) error {
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &validation.Problem{Path: "app auth token", Message: "must be visible ASCII characters: give the token as it was received, without a line break"}
		}
		cfg.token = token
		return nil
	}
}

// WithEndpoint sets the address of the gateway; the default is [Production]. It
// has no path: operations are under /v3/.
func WithEndpoint(address string) Option {
	return func(cfg *config) error {
		u, err := transport.Address("endpoint", address, Production)
		if err != nil {
			return err
		}
		if strings.Trim(u.Path, "/") != "" {
			return &validation.Problem{Path: "endpoint", Message: "must not have a path: operations add /v3/ themselves, and gateway.do is the older protocol"}
		}
		cfg.origin = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
		return nil
	}
}

// WithAESKey encrypts the content of calls with the key that the console shows
// (接口内容加密方式): 16 bytes in base64. Files are not encrypted.
func WithAESKey(key []byte) Option {
	return func(cfg *config) error {
		parsed, err := cnwire.ParseAESKey(key)
		if err != nil {
			return transport.KeyProblem("AES key", "AES key", err)
		}
		cfg.aes = parsed
		return nil
	}
}

// WithExpiredSeconds sets how long AlipayCN may accept a request after it was
// signed, in whole seconds. By default it is not sent; what then applies is not
// documented.
func WithExpiredSeconds(limit time.Duration) Option {
	return func(cfg *config) error {
		if limit < time.Second || limit > 24*time.Hour || limit%time.Second != 0 {
			return &validation.Problem{Path: "expired seconds", Message: "must be whole seconds, from 1 second to 24 hours"}
		}
		cfg.expiredSeconds = int(limit / time.Second)
		return nil
	}
}

// WithMaxClockSkew sets how far the time that a success was signed at may be from
// this machine's clock. One of another time is refused, because it may be an old
// answer that somebody replays: AlipayCN's signatures do not name the request. The
// default is 30 minutes; AlipayCN documents no limit. A refusal is accepted with any
// time, so that the one about a wrong clock can be read.
func WithMaxClockSkew(skew time.Duration) Option {
	return func(cfg *config) error {
		if skew <= 0 {
			return &validation.Problem{Path: "clock skew", Message: "must be above 0"}
		}
		cfg.maxSkew = skew
		return nil
	}
}

// WithHTTPClient sets the HTTP client whose transport and cookie jar are used.
// It is copied, never changed; redirects are never followed.
func WithHTTPClient(client *http.Client) Option {
	return func(cfg *config) error { return transport.HTTPClient(&cfg.transport, client) }
}

// WithRetry sets how often a call is sent at most (1: never again; default 4)
// and the shortest and longest wait between two attempts (defaults 500 ms and
// 30 s). A Retry-After is honoured up to the longest wait. A write is sent again
// only when it surely had no effect; see the package's documentation.
func WithRetry(attempts int, minWait, maxWait time.Duration) Option {
	return func(cfg *config) error {
		return transport.Retry(&cfg.transport, attempts, minWait, maxWait)
	}
}

// WithRateLimit limits the attempts that the client and its copies send to
// perSecond on average and burst at once. Without it there is no limit;
// AlipayCN's own is not documented.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(cfg *config) error { return transport.RateLimit(&cfg.transport, perSecond, burst) }
}

// WithAttemptTimeout limits one attempt, from sending to the last byte of the
// answer; the default is 30 seconds. The context limits the whole call.
// Applications with many pictures may need more.
func WithAttemptTimeout(limit time.Duration) Option {
	return func(cfg *config) error { return transport.AttemptTimeout(&cfg.transport, limit) }
}

// WithLogger sets where the client logs its attempts: debug for each, warn for
// those that are repeated. It never logs bodies, queries, signatures, tokens or
// keys. Without it nothing is logged.
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
		apis := map[string]string{}
		for _, op := range append(cnwire.Operations(), cnwire.CertificateDownload) {
			apis[op.Name] = op.API
		}
		transport.Observer(&cfg.transport, func(ctx context.Context, e transport.Attempt) {
			a := attemptOf(e)
			a.API = cmp.Or(apis[e.Operation], e.Operation) // Client.Do calls an operation by AlipayCN's name
			observe(ctx, a)
		})
		return nil
	}
}

// WithOperationObserver adds a function that is called when an operation begins, before
// its first attempt, in the calling goroutine, for traces. A write whose outcome is
// unknown is one operation with all that it takes to learn what became of it; the reads
// that this takes are operations within it. The context that the function returns,
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

// Operation describes a call that begins, for traces. It holds no secrets.
type Operation struct {
	// Name is the call, for example "versions.apply".
	Name string
	// API is the method by AlipayCN's name, for example "alipay.open.mini.version.audit.apply".
	API string
}

// Attempt describes one attempt of a call, for metrics and traces. It holds no
// secrets: no bodies, queries, signatures, tokens or keys.
type Attempt struct {
	// Operation is the call, for example "versions.apply".
	Operation string
	// API is the method by AlipayCN's name, for example "alipay.open.mini.version.audit.apply".
	API string
	// RequestID is the alipay-request-id: the same in all attempts of a call.
	RequestID string
	// Number counts from 1.
	Number int
	// Duration is how long the attempt took.
	Duration time.Duration
	// HTTPStatus is the answer's status; 0 without an answer.
	HTTPStatus int
	// Code is AlipayCN's error code; empty without one.
	Code Code
	// TraceID names the attempt in AlipayCN's log; empty without an answer.
	TraceID string
	// RetryIn is the wait before the next attempt; 0 when none follows.
	RetryIn time.Duration
	// Odd are the fields of a success that came in another shape than AlipayCN
	// documents, without their values: the first to know when AlipayCN changes something.
	Odd []OddField
	// Err is why the attempt did not succeed; nil when it did.
	Err error
}

func attemptOf(e transport.Attempt) Attempt {
	odd, _ := e.Detail.([]OddField)
	return Attempt{
		Odd: odd, Operation: e.Operation, RequestID: e.RequestID, Number: e.Number, Duration: e.Duration, HTTPStatus: e.HTTPStatus,
		Code: Code(e.ResultCode), TraceID: e.TraceID, RetryIn: e.RetryIn, Err: e.Err,
	}
}
