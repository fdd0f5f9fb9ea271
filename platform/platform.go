package platform

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Platform is the embeddable platform: an [http.Handler] that serves the
// contract of api/openapi.yaml, enforces the rules of package alipayplus, and
// keeps its records in a [storage.Store]. It starts no goroutines: what is due,
// such as an automatic verdict, is settled before each call is answered. It is
// safe for concurrent use.
type Platform struct {
	cfg     config
	signer  crypto.Signer
	public  *rsa.PublicKey
	targets []TargetBackend
	routes  map[string]route
	pages   http.Handler
	html    *template.Template
	faults  inprocess.Queue[Fault]
	busy    keyLocks
	counter atomic.Uint64
	// forgetting is held by the one call that removes expired outcomes.
	forgetting sync.Mutex
	// name tells the platform from others on the same store.
	name string
}

// New makes a platform. Without options it lives in memory, releases to a
// simulated AlipayCN, and makes itself a signing key, which takes a moment; give
// [WithSigner] to keep a key. It does no I/O. The error says which option is wrong.
func New(opts ...Option) (*Platform, error) {
	cfg := defaultConfig()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, fmt.Errorf("platform: %w", err)
		}
	}
	if cfg.idempotencyRetention < 2*cfg.window {
		return nil, errors.New("platform: idempotency retention: must be at least twice the time window, or a captured call could be replayed")
	}
	if cfg.signer == nil {
		key, err := rsa.GenerateKey(rand.Reader, signing.MinBits)
		if err != nil {
			return nil, fmt.Errorf("platform: make a signing key: %w", err)
		}
		cfg.signer = key
	}
	public, err := signing.CheckSigner(cfg.signer)
	if err != nil {
		return nil, fmt.Errorf("platform: signer: %w", err)
	}
	if len(cfg.targets) == 0 {
		cfg.targets = []TargetBackend{NewSimulatedAlipayCN()}
	}
	p := &Platform{cfg: cfg, signer: cfg.signer, public: public, targets: cfg.targets, html: pageTemplates(), name: rand.Text()[:8]}
	p.routes = p.operations()
	p.pages = p.servePages()
	return p, nil
}

// PublicKey returns the key that answers are signed for, as
// [alipayplus.WithPlatformKey] takes it, with the version of [WithKeyVersion].
func (p *Platform) PublicKey() *rsa.PublicKey { return p.public }

// target returns a target app by name.
func (p *Platform) target(app alipayplus.TargetApp) (TargetBackend, error) {
	for _, t := range p.targets {
		if t.App() == app {
			return t, nil
		}
	}
	return nil, invalid("targetApp", "is no app that this platform releases to; see Workspace.Get")
}

// now is the platform's clock. It has no monotonic part and no zone, so that a
// time reads the same before and after it was stored.
func now() time.Time { return time.Now().UTC().Round(0) }

// sortKey orders records by time, and by arrival within the same instant. It is
// unique also beside other processes on the same store, and after a restart.
func (p *Platform) sortKey(at time.Time) string {
	return fmt.Sprintf("%020d.%012d.%s", at.UnixNano(), p.counter.Add(1), p.name)
}

// newID makes an id that nobody can guess.
func newID(prefix string) string { return prefix + rand.Text() }

// newProgramID makes a mini program's id: 16 digits, the first not 0.
func newProgramID() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	const lowest, span = 1e15, 9e15
	return fmt.Sprintf("%d", lowest+n%span)
}

func newTraceID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// Option sets one thing of a [Platform].
type Option func(*config) error

type config struct {
	store                storage.Store
	signer               crypto.Signer
	targets              []TargetBackend
	policy               alipayplus.PermissionPolicy
	services             alipayplus.ServicePolicy
	review               AutoReview
	logger               *slog.Logger
	window               time.Duration
	maxBody, maxFile     int64
	idempotencyRetention time.Duration
	authorizationExpiry  time.Duration
	publicURL            string
	prefix               string
	keyVersion           string
}

func defaultConfig() config {
	return config{
		store:                storage.NewMemory(),
		policy:               alipayplus.PolicyMembersRelease,
		services:             alipayplus.DefaultServicePolicy(),
		logger:               slog.New(slog.DiscardHandler),
		window:               5 * time.Minute,
		keyVersion:           "1",
		maxBody:              1 << 20,
		maxFile:              32 << 20,
		idempotencyRetention: 24 * time.Hour,
		authorizationExpiry:  15 * time.Minute,
	}
}

// WithStore sets where records are kept; the default is memory, which ends with
// the process. Package storage/bolt keeps them in a file.
func WithStore(store storage.Store) Option {
	return func(cfg *config) error {
		if store == nil {
			return errors.New("store: must not be nil")
		}
		cfg.store = store
		return nil
	}
}

// WithSigner sets the key that signs the answers, RSA with at least 2048 bits.
func WithSigner(signer crypto.Signer) Option {
	return func(cfg *config) error {
		_, err := signing.CheckSigner(signer)
		cfg.signer = signer
		return err
	}
}

// WithKeyVersion sets the version that answers name for the signing key, so that
// it can be replaced without a stop: clients are given the new public key first.
// The default is "1".
func WithKeyVersion(version string) Option {
	return func(cfg *config) error {
		cfg.keyVersion = version
		return signing.CheckKeyVersion(version)
	}
}

// WithTargetBackends sets the apps that mini programs can be released to; the default
// is a simulated AlipayCN, see [NewSimulatedAlipayCN].
func WithTargetBackends(targets ...TargetBackend) Option {
	return func(cfg *config) error {
		if len(targets) == 0 {
			return errors.New("targets: must have at least one")
		}
		seen := map[alipayplus.TargetApp]bool{}
		for i, t := range targets {
			if t == nil {
				return fmt.Errorf("targets[%d]: must not be nil", i)
			}
			if seen[t.App()] {
				return fmt.Errorf("targets[%d]: %s is there already", i, t.App())
			}
			seen[t.App()] = true
			if err := checkParties(t.Parties()); err != nil {
				return fmt.Errorf("targets[%d]: %w", i, err)
			}
		}
		cfg.targets = slices.Clone(targets)
		return nil
	}
}

// checkParties refuses names that cannot be told apart.
func checkParties(parties []alipayplus.Party) error {
	seen := map[alipayplus.Party]bool{alipayplus.PartyAlipayPlus: true}
	for _, party := range parties {
		if seen[party] || party == "" || strings.Contains(string(party), "/") {
			return fmt.Errorf("party %q: must be a name of its own, without a slash", party)
		}
		seen[party] = true
	}
	return nil
}

// WithPermissionPolicy sets what developers may release; the default is
// [alipayplus.PolicyMembersRelease].
func WithPermissionPolicy(policy alipayplus.PermissionPolicy) Option {
	return func(cfg *config) error {
		if !policy.Known() {
			return fmt.Errorf("permission policy: %q is not known", policy)
		}
		cfg.policy = policy
		return nil
	}
}

// WithServicePolicy sets the limits of a service's fields; the default is
// [alipayplus.DefaultServicePolicy].
func WithServicePolicy(policy alipayplus.ServicePolicy) Option {
	return func(cfg *config) error {
		cfg.services = policy
		return nil
	}
}

// WithAutoReview lets a function decide reviews; see [AutoReview].
func WithAutoReview(review AutoReview) Option {
	return func(cfg *config) error {
		cfg.review = review
		return nil
	}
}

// WithLogger sets where failures of the platform itself are logged; nothing is
// by default.
func WithLogger(logger *slog.Logger) Option {
	return func(cfg *config) error {
		if logger == nil {
			return errors.New("logger: must not be nil")
		}
		cfg.logger = logger
		return nil
	}
}

// WithTimeWindow sets how far a Request-Time may be from the platform's clock;
// the default is 5 minutes to either side (not documented by Alipay+).
func WithTimeWindow(window time.Duration) Option {
	return func(cfg *config) error {
		if window <= 0 {
			return errors.New("time window: must be above 0")
		}
		cfg.window = window
		return nil
	}
}

// WithMaxBytes limits the body of a call and the size of an uploaded file, in
// bytes; the defaults are 1 MiB and 32 MiB (not documented by Alipay+).
func WithMaxBytes(body, file int64) Option {
	return func(cfg *config) error {
		if body < 1 || file < 1 {
			return errors.New("max bytes: must be above 0")
		}
		cfg.maxBody, cfg.maxFile = body, file
		return nil
	}
}

// WithIdempotencyRetention sets how long a requestId is remembered; the default
// is 24 hours (not documented by Alipay+).
func WithIdempotencyRetention(d time.Duration) Option {
	return func(cfg *config) error {
		if d <= 0 {
			return errors.New("idempotency retention: must be above 0")
		}
		cfg.idempotencyRetention = d
		return nil
	}
}

// WithAuthorizationExpiry sets how long an authorization page can be used; the
// default is 15 minutes (not documented by Alipay+).
func WithAuthorizationExpiry(d time.Duration) Option {
	return func(cfg *config) error {
		if d <= 0 {
			return errors.New("authorization expiry: must be above 0")
		}
		cfg.authorizationExpiry = d
		return nil
	}
}

// WithPublicURL sets the address under which the platform is reached, for the
// links it gives out. By default it is taken from the Host of each call, which
// nothing vouches for, so a platform that serves others should set it. A path in
// it is the prefix under which the platform is mounted, whether the handler that
// mounts it strips the prefix or not.
func WithPublicURL(address string) Option {
	return func(cfg *config) error {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(address, "?#%") {
			return errors.New("public URL: must be an http or https address without user, query or escapes, such as https://gateway.example.com/release")
		}
		cfg.publicURL = strings.TrimRight(address, "/")
		cfg.prefix = strings.TrimRight(u.EscapedPath(), "/")
		return nil
	}
}

// AutoReview decides reviews without a person. It is called once for each party
// when a release or service is submitted, possibly again when that has to be
// repeated, and must not block. The verdict takes effect after Decision.After;
// [LeaveOpen] leaves it to [Platform.Reviews].
type AutoReview func(party alipayplus.Party, request *alipayplus.Request) Decision

// Decision is what an [AutoReview] decides.
type Decision struct {
	// Verdict is APPROVED, REJECTED, or PENDING to leave it open.
	Verdict alipayplus.ReviewStatus
	// Reason is required for a rejection.
	Reason string
	// After is how long the review takes.
	After time.Duration
}

// ApproveAfter is a decision to approve after some time.
func ApproveAfter(d time.Duration) Decision {
	return Decision{Verdict: alipayplus.ReviewApproved, After: d}
}

// RejectAfter is a decision to reject after some time.
func RejectAfter(d time.Duration, reason string) Decision {
	return Decision{Verdict: alipayplus.ReviewRejected, Reason: reason, After: d}
}

// LeaveOpen is the decision that a person decides.
func LeaveOpen() Decision { return Decision{Verdict: alipayplus.ReviewPending} }

// route is one operation of the contract.
type route struct {
	op     contract.Operation
	handle func(*call, []byte) (any, error)
	// effect is what the operation does outside the records, at the target app;
	// nil for most. It runs after the rules have passed and before the records
	// change, may run again, and must come to the same then.
	effect func(context.Context, *call) error
	// alone keeps the operation from running while the effect of another one is
	// under way for the same mini program; every operation with an effect is so.
	alone bool
}
