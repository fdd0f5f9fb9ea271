package platform

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Option configures a [Platform].
type Option func(*config) error

type config struct {
	store                storage.Store
	signer               crypto.Signer
	targets              []TargetBackend
	policy               alipayplus.PermissionPolicy
	services             alipayplus.ServicePolicy
	orders               alipayplus.OrderPolicy
	review               AutoReview
	logger               *slog.Logger
	window               time.Duration
	maxBody, maxFile     int64
	inFlight             int64
	inFlightPerClient    int64
	idempotencyRetention time.Duration
	authorizationExpiry  time.Duration
	storageQuota         int64
	unusedFiles          time.Duration
	publicURL            string
	prefix               string
	console              func(*Platform) (http.Handler, error)
	middleware           []func(http.Handler) http.Handler
	sessionIdle          time.Duration
	sessionLongest       time.Duration
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
		storageQuota:         4 << 30,
		unusedFiles:          7 * 24 * time.Hour,
		idempotencyRetention: 24 * time.Hour,
		authorizationExpiry:  15 * time.Minute,
		sessionIdle:          30 * time.Minute,
		sessionLongest:       12 * time.Hour,
	}
}

// WithStore sets where records are kept; the default is memory, which ends with
// the process. Package storage/bolt keeps them in a file. Several platforms may work on
// one store: a call that asks a target app has its mini program to itself for up to a
// minute, by a lease in the store. Their clocks must not differ by more than ten seconds.
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

// WithPrivateKey is [WithSigner] with a key as PEM or bare base64, PKCS#1 or PKCS#8.
func WithPrivateKey(key []byte) Option {
	return func(cfg *config) error {
		signer, err := signing.ParsePrivateKey(key)
		if err != nil {
			return fmt.Errorf("private key: %w", err)
		}
		cfg.signer = signer
		return nil
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
			if err := checkTarget(t); err != nil {
				return fmt.Errorf("targets[%d]: %w", i, err)
			}
		}
		cfg.targets = slices.Clone(targets)
		return nil
	}
}

// checkTarget refuses what a target app cannot announce.
func checkTarget(t TargetBackend) error {
	if limits := t.Limits(); limits.Programs < 0 || limits.WaitingVersions < 0 {
		return errors.New("limits: must not be negative; 0 is none")
	}
	if t.Ladder().IsZero() {
		return errors.New("ladder: must offer at least one ratio")
	}
	for _, tag := range t.Languages() {
		if wrong := validation.Struct(alipayplus.Localization{Language: tag, Name: tag}); wrong.Has("language") {
			return fmt.Errorf("language %q: must be a language tag such as zh-CN, or no mini program can have it", tag)
		}
	}
	if err := checkName("app", string(t.App()), maxName); err != nil {
		return err
	}
	if err := checkTestDevices(testDevices(t)); err != nil {
		return err
	}
	return checkParties(t.Parties())
}

// checkParties refuses names that are not distinct.
func checkParties(parties []alipayplus.Party) error {
	seen := map[alipayplus.Party]bool{alipayplus.PartyAlipayPlus: true}
	for _, party := range parties {
		if seen[party] || party == "" || strings.Contains(string(party), "/") {
			return fmt.Errorf("party %q: must be a name of its own, without a slash", party)
		}
		if err := checkName("party", string(party), maxName); err != nil {
			return err
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
// [alipayplus.DefaultServicePolicy]. A limit of 0 is none, but for MaxBytes, which is at
// most 4 MiB and what fits into the body of a call, and MaxImageBytes, at most 11 MiB
// and the largest file, see [WithMaxBytes]: a reviewer must be able to read them.
func WithServicePolicy(policy alipayplus.ServicePolicy) Option {
	return func(cfg *config) error {
		for _, limit := range []int64{policy.MaxBytes, int64(policy.MaxName), int64(policy.MaxText), int64(policy.MaxBlocks), int64(policy.MaxTableCells), policy.MaxImageBytes} {
			if limit < 0 {
				return errors.New("service policy: a limit must not be negative; 0 is none")
			}
		}
		cfg.services = policy
		return nil
	}
}

// WithOrderPolicy sets what an order becomes where the documents leave it open; the default is
// the zero [alipayplus.OrderPolicy].
func WithOrderPolicy(policy alipayplus.OrderPolicy) Option {
	return func(cfg *config) error {
		cfg.orders = policy
		return policy.Validate()
	}
}

// announcedServices are the limits of a service's fields such that what keeps them fits
// into the body of a call.
func (cfg *config) announcedServices() alipayplus.ServicePolicy {
	const besides = 4096 // the ids that go with a description, and their names
	policy := cfg.services
	policy.MaxBytes = atMost(policy.MaxBytes, min(cfg.maxBody-besides, mostDescription))
	policy.MaxImageBytes = atMost(policy.MaxImageBytes, min(cfg.maxFile, mostPicture))
	return policy
}

// What an answer to a reviewer can hold, which a client reads up to 16 MiB of: a picture
// in base64, and some descriptions with those that are online.
const (
	mostPicture     = 11 << 20
	mostDescription = 4 << 20
)

// atMost is a limit, 0 for none, that is no higher than another.
func atMost(limit, most int64) int64 {
	if limit == 0 {
		return most
	}
	return min(limit, most)
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

// WithMiddleware adds a function that wraps what [Platform.Server] serves, for traces or access
// logs. The last one that is added is outermost. Calls in process do not pass it.
func WithMiddleware(wrap func(next http.Handler) http.Handler) Option {
	return func(cfg *config) error {
		if wrap == nil {
			return errors.New("middleware: must not be nil")
		}
		cfg.middleware = append(cfg.middleware, wrap)
		return nil
	}
}

// WithTimeWindow sets how far a Request-Time may be from the platform's clock;
// the default is 5 minutes to either side (not documented by Alipay+).
func WithTimeWindow(window time.Duration) Option {
	return duration("time window", window, func(cfg *config) { cfg.window = window })
}

// WithMaxBytes limits the body of a call and the size of an uploaded file, in
// bytes; the defaults are 1 MiB and 32 MiB (not documented by Alipay+). A body must
// have room for a service: 8 KiB or more.
func WithMaxBytes(body, file int64) Option {
	return func(cfg *config) error {
		if body < 1 || file < 1 {
			return errors.New("max bytes: must be above 0")
		}
		if body < 8<<10 {
			return errors.New("max bytes: a body must have at least 8 KiB, or no service fits into it")
		}
		cfg.maxBody, cfg.maxFile = body, file
		return nil
	}
}

// WithMaxInFlight limits how many bytes of files are being uploaded at once, by all
// and by one client id; the defaults are four and two times the largest file of
// [WithMaxBytes] (not documented by Alipay+). What is more is refused before it is
// read, with REQUEST_TRAFFIC_EXCEED_LIMIT and a Retry-After, which the client of
// package alipayplus waits for. The bytes are held in memory, also those of callers
// who turn out not to be who they say. Bodies of other calls have a budget of their
// own, 32 and 8 times the largest of [WithMaxBytes].
func WithMaxInFlight(total, perClient int64) Option {
	return func(cfg *config) error {
		if total < 1 || perClient < 1 {
			return errors.New("max in flight: must be above 0")
		}
		cfg.inFlight, cfg.inFlightPerClient = total, perClient
		return nil
	}
}

// WithStorageQuota limits the bytes of files that a workspace may have; the default
// is 4 GiB, 0 is no limit (not documented by Alipay+). What is more is refused with
// LIMIT_EXCEEDED.
func WithStorageQuota(bytes int64) Option {
	return func(cfg *config) error {
		if bytes < 0 {
			return errors.New("storage quota: must not be below 0")
		}
		cfg.storageQuota = bytes
		return nil
	}
}

// WithUnusedFiles sets how long a file is kept that no service, version or mini
// program names, counted from its last upload; the default is 7 days (not documented
// by Alipay+). It is removed by a later upload in its workspace.
func WithUnusedFiles(keep time.Duration) Option {
	return duration("unused files", keep, func(cfg *config) { cfg.unusedFiles = keep })
}

// WithIdempotencyRetention sets how long a requestId is remembered; the default
// is 24 hours (not documented by Alipay+).
func WithIdempotencyRetention(d time.Duration) Option {
	return duration("idempotency retention", d, func(cfg *config) { cfg.idempotencyRetention = d })
}

// duration is an option that sets a duration above 0.
func duration(what string, d time.Duration, set func(*config)) Option {
	return func(cfg *config) error {
		if d <= 0 {
			return errors.New(what + ": must be above 0")
		}
		set(cfg)
		return nil
	}
}

// WithAuthorizationExpiry sets how long an authorization page can be used; the
// default is 15 minutes (not documented by Alipay+).
func WithAuthorizationExpiry(d time.Duration) Option {
	return duration("authorization expiry", d, func(cfg *config) { cfg.authorizationExpiry = d })
}

// WithPublicURL sets the address under which the platform is reached, for the
// links it gives out. By default the links have no host, and clients take their own
// base URL for it: the Host of a call, which no signature covers, is not used. A target
// app with a page of its own elsewhere needs it to lead back. A path in
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
