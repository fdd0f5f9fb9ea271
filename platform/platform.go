package platform

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Platform is the embeddable platform: an [http.Handler] that serves the
// contract of api/openapi.yaml, enforces the rules of package alipayplus, and
// keeps its records in a [storage.Store]. It starts no goroutines: what is due,
// such as an automatic verdict, is settled before each call is answered. It is
// safe for concurrent use.
type Platform struct {
	cfg        config
	signer     crypto.Signer
	public     *rsa.PublicKey
	targets    []TargetBackend
	operations map[string]operation
	pages      http.Handler
	html       *template.Template
	faults     inprocess.Queue[Fault]
	observed   observations
	counter    atomic.Uint64
	// reindexed says that all records are known to have the indexes that are read.
	reindexed atomic.Bool
	// forgetting is held by the one call that removes expired outcomes.
	forgetting sync.Mutex
	// calls and uploads bound the bodies that are held at once.
	calls, uploads *budget
	// refusals bounds how many refusals of unauthenticated callers are signed.
	refusals *rate.Limiter
	// name distinguishes the platform from others on the same store.
	name string
}

// New makes a platform. Without options it lives in memory, releases to a
// simulated AlipayCN, and makes itself a signing key, which takes a moment; give
// [WithSigner] to keep a key. It does no I/O. The error says which option is wrong, and
// matches [alipayplus.ErrInvalid].
func New(opts ...Option) (*Platform, error) {
	cfg := defaultConfig()
	for i, opt := range opts {
		if opt == nil {
			return nil, wrongOption("options[%d]: must not be nil", i)
		}
		if err := opt(&cfg); err != nil {
			return nil, wrongOption("%v", err)
		}
	}
	if cfg.idempotencyRetention < 2*cfg.window {
		return nil, wrongOption("idempotency retention: must be at least twice the time window, or a captured call could be replayed")
	}
	cfg.services = cfg.announcedServices()
	cfg.inFlight = cmp.Or(cfg.inFlight, 4*cfg.maxFile)
	cfg.inFlightPerClient = cmp.Or(cfg.inFlightPerClient, 2*cfg.maxFile)
	if cfg.inFlightPerClient < cfg.maxFile || cfg.inFlight < cfg.inFlightPerClient {
		return nil, wrongOption("max in flight: one client must be able to send the largest file, and all together no less than one")
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
		return nil, wrongOption("signer: %v", err)
	}
	if len(cfg.targets) == 0 {
		cfg.targets = []TargetBackend{NewSimulatedAlipayCN()}
	}
	p := &Platform{cfg: cfg, signer: cfg.signer, public: public, targets: cfg.targets, html: pageTemplates(), name: rand.Text()[:8]}
	p.operations = operations()
	p.calls, p.uploads = newBudget(32*cfg.maxBody, 8*cfg.maxBody), newBudget(cfg.inFlight, cfg.inFlightPerClient)
	p.refusals = rate.NewLimiter(signedRefusalsPerSecond, signedRefusalsAtOnce)
	if p.pages, err = p.servePages(); err != nil {
		return nil, wrongOption("%v", err)
	}
	return p, nil
}

func wrongOption(format string, args ...any) error {
	return refuse(alipayplus.CodeParamIllegal, "platform: "+format, args...)
}

// PublicKeyPEM returns the public key that answers are verified with, as a PEM
// block, as [alipayplus.WithPlatformKey] takes it with the version of
// [WithKeyVersion].
func (p *Platform) PublicKeyPEM() []byte { return signing.PublicKeyPEM(p.public) }

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
	const lowest, span = 1e15, 9e15
	return strconv.FormatUint(lowest+binary.BigEndian.Uint64(raw[:])%span, 10)
}

func newTraceID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// inProcessURL is where in-process clients think that the platform is.
const inProcessURL = "http://platform.invalid"

// Client returns a client for a member that calls the platform in process,
// without a socket: whole flows can so run in a testing/synctest bubble. The
// calls are signed and verified as over the network. opts come last, so they
// may replace the retries or add an observer.
func (p *Platform) Client(ctx context.Context, workspaceID, member string, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Workspace: workspaceID, Member: member}, opts)
}

// AddOwner onboards a company: it makes a workspace, whose owner has the name given, and
// returns the owner's in-process client, as [Platform.AddWorkspace], [Platform.PutMember]
// and [Platform.Client] do one after the other, with their errors. The id of the workspace is
// in what the client's Workspace.Get returns.
func (p *Platform) AddOwner(ctx context.Context, company alipayplus.BusinessRegistration, name string, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	workspace, err := p.AddWorkspace(ctx, company)
	if err != nil {
		return nil, err
	}
	if err := p.PutMember(ctx, Member{WorkspaceID: workspace, Name: name, Role: alipayplus.RoleOwner}); err != nil {
		return nil, err
	}
	return p.Client(ctx, workspace, name, opts...)
}

// ReviewerClient is [Platform.Client] for a reviewing party.
func (p *Platform) ReviewerClient(ctx context.Context, party alipayplus.Party, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Party: party}, opts)
}

// inProcess signs with the platform's own key, which spares making another one.
// That is safe only because such a client id is refused to anything that comes
// over a network.
func (p *Platform) inProcess(ctx context.Context, r clientRecord, opts []alipayplus.Option) (*alipayplus.Client, error) {
	r.InProcess = true
	clientID, err := p.addClient(ctx, r, p.public)
	if err != nil {
		return nil, err
	}
	return p.clientOf(clientID, opts)
}

// clientOf is a client of an in-process client id.
func (p *Platform) clientOf(clientID string, opts []alipayplus.Option) (*alipayplus.Client, error) {
	wired := []alipayplus.Option{
		alipayplus.WithBaseURL(inProcessURL + p.cfg.prefix),
		alipayplus.WithClientID(clientID),
		alipayplus.WithSigner(p.signer),
		alipayplus.WithPlatformKey(p.cfg.keyVersion, p.PublicKeyPEM()),
		alipayplus.WithHTTPClient(p.HTTPClient()),
	}
	return alipayplus.New(append(wired, opts...)...)
}

// inProcessCall marks the context of a call that did not come over a network.
type inProcessCall struct{}

func isInProcess(ctx context.Context) bool { return ctx.Value(inProcessCall{}) != nil }

// HTTPClient returns an HTTP client whose every request goes to the platform in
// process, whatever its host.
func (p *Platform) HTTPClient() *http.Client {
	marked := func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), inProcessCall{}, true)))
	}
	return &http.Client{Transport: inprocess.Transport{Handler: http.HandlerFunc(marked)}}
}

// stopTimeout is how long calls in flight may take after the end of [Platform.Serve].
const stopTimeout = 10 * time.Second

// Serve serves the platform by [Platform.Server] on a listener, which it closes, until the
// context ends; then calls in flight may finish, for up to 10 seconds.
func (p *Platform) Serve(ctx context.Context, listener net.Listener) error {
	server := p.Server(listener.Addr().String())
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		p.cfg.logger.InfoContext(ctx, "stopping; calls in flight may finish")
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped <- server.Shutdown(patience)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		if !stop() {
			err = errors.Join(err, <-stopped)
		}
		return err
	}
	return <-stopped
}
