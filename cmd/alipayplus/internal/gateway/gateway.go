// Package gateway opens a platform that somebody can release on at once: it has two
// companies with their members, a mini program of the first one, and both reviewers, and
// credentials for each. It is what `alipayplus serve` serves and `alipayplus ship --demo`
// releases on.
package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/platform/console/consolerollouts"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Options say what is opened. The zero value is a platform in memory whose reviewers decide
// themselves, with a simulated AlipayCN behind it.
type Options struct {
	// Data is the folder that records, keys and credentials are kept in, for the next Open to
	// continue with; empty: in memory.
	Data string
	// Store keeps them in place of Data, and stays open; it may be shared by several processes.
	Store storage.Store
	// PublicURL is the address under which people reach the pages; empty: the one they call.
	// It is required with AlipayCN, whose page leads back to it.
	PublicURL string
	// AutoReview is how long after an application every party approves; 0: the reviewers decide.
	AutoReview time.Duration
	// PartnerApps are the names of partner apps that it releases to besides, which are simulated;
	// the names of their reviewers are "reviewer-" and that of the app.
	PartnerApps []alipayplus.TargetApp
	// AlipayCN is called for releases to AlipayCN; nil: it is simulated.
	AlipayCN *alipaycn.Client
	// EncryptionKey encrypts the tokens that AlipayCN's merchants give: 32 bytes. It is
	// required with AlipayCN where records are kept; in memory the tokens are not, and it is made.
	EncryptionKey []byte
	// Rollouts are shown in the console; nil: none are.
	Rollouts rollout.Lister
	// Logger gets the failures of the platform itself; nil: they are dropped.
	Logger *slog.Logger
	// Middleware wraps what is served; nil: nothing does.
	Middleware func(http.Handler) http.Handler
}

// Gateway is an open platform.
type Gateway struct {
	*platform.Platform

	workspace   string
	program     string
	credentials map[string]Credentials
	close       func() error
}

// Open opens a platform. It must be closed. Another process that has the same folder of
// records open is an error that says so.
func Open(ctx context.Context, opts Options) (g *Gateway, err error) {
	var store storage.Store = storage.NewMemory()
	closeStore := func() error { return nil }
	switch {
	case opts.Store != nil:
		store = opts.Store
	case opts.Data != "":
		records, err := bolt.Open(opts.Data)
		if err != nil {
			return nil, err
		}
		store, closeStore = records, records.Close
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeStore())
		}
	}()
	kept, err := readSeed(ctx, store)
	if err == nil && kept.SigningKey == nil {
		kept, err = plant(ctx, store)
	}
	if err != nil {
		return nil, err
	}
	p, err := newPlatform(store, kept.SigningKey, opts) //nolint:contextcheck // a request has its own
	if err != nil {
		return nil, err
	}
	for _, app := range opts.PartnerApps {
		if err := kept.addPartner(ctx, p, store, app); err != nil {
			return nil, err
		}
	}
	return &Gateway{Platform: p, workspace: kept.Workspace, program: kept.Program, credentials: kept.Credentials, close: closeStore}, nil
}

// Close closes the records.
func (g *Gateway) Close() error { return g.close() }

// Workspace is the id of the first company, whose owner, master and developer have
// credentials.
func (g *Gateway) Workspace() string { return g.workspace }

// Program is the id of the first company's mini program.
func (g *Gateway) Program() string { return g.program }

func newPlatform(store storage.Store, key []byte, opts Options) (*platform.Platform, error) {
	signer, err := x509.ParsePKCS1PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("the platform's key in the records: %w", err)
	}
	var shown []console.Option
	if opts.Rollouts != nil {
		shown = append(shown, console.WithRollouts(consolerollouts.New(opts.Rollouts)))
	}
	with := []platform.Option{platform.WithStore(store), platform.WithSigner(signer), platform.WithConsole(console.New(shown...))}
	if opts.Logger != nil {
		with = append(with, platform.WithLogger(opts.Logger))
	}
	if opts.Middleware != nil {
		with = append(with, platform.WithMiddleware(opts.Middleware))
	}
	if opts.PublicURL != "" {
		with = append(with, platform.WithPublicURL(opts.PublicURL))
	}
	if opts.AutoReview > 0 {
		with = append(with, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(opts.AutoReview)
		}))
	}
	targets := []platform.TargetBackend{platform.NewSimulatedAlipayCN()}
	if opts.AlipayCN != nil {
		if targets[0], err = newApp(store, opts); err != nil {
			return nil, err
		}
	}
	for _, name := range opts.PartnerApps {
		targets = append(targets, newPartnerApp(name))
	}
	return platform.New(append(with, platform.WithTargetBackends(targets...))...)
}

// newPartnerApp simulates a partner app, which tests compatibility on two phones and finds
// nothing.
func newPartnerApp(name alipayplus.TargetApp) *platform.PartnerApp {
	return platform.NewPartnerApp(name, platform.PartnerAppOptions{
		TestTime: 2 * time.Second,
		TestDevices: []alipayplus.TestDevice{
			{System: "Android 16", Network: "5G", Device: "Pixel 9"}, {System: "iOS 26", Network: "WIFI", Device: "iPhone 17"},
		},
	})
}

func newApp(store storage.Store, opts Options) (*alipaycnapp.App, error) {
	key := opts.EncryptionKey
	if key == nil && opts.Data == "" && opts.Store == nil { // the tokens end with the process, and so may their key
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	return alipaycnapp.New(store, opts.AlipayCN, alipaycnapp.WithEncryptionKey(key))
}

// seed is what is kept beside the platform's own records, so that the next start continues
// with the same keys. A platform in earnest has its key where secrets are kept, and never sees
// the private keys of others.
type seed struct {
	// SigningKey is the platform's key, PKCS #1.
	SigningKey []byte
	// Workspace and Program are the ids of the first company and of its mini program.
	Workspace, Program string
	// Credentials are of those who call, by name.
	Credentials map[string]Credentials
}

const seedRecord = "gateway/seed"

func readSeed(ctx context.Context, store storage.Store) (kept seed, err error) {
	err = store.View(ctx, func(tx storage.Tx) (err error) {
		kept, err = seedIn(tx)
		return err
	})
	return kept, err
}

// seedIn is the seed of a transaction; zero when there is none.
func seedIn(tx storage.Tx) (kept seed, err error) {
	text, found, err := tx.Get(seedRecord)
	if err == nil && found {
		err = json.Unmarshal(text, &kept)
	}
	return kept, err
}

// plant fills a store: in memory first, and then all at once, so that a process that is killed
// leaves nothing or everything. Where another process was quicker, what that one made counts.
func plant(ctx context.Context, store storage.Store) (made seed, err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return made, err
	}
	memory := storage.NewMemory()
	p, err := platform.New(platform.WithStore(memory), platform.WithSigner(key))
	if err != nil {
		return made, err
	}
	made = seed{SigningKey: x509.MarshalPKCS1PrivateKey(key), Credentials: make(map[string]Credentials)}
	if err := made.addCompanies(ctx, p); err != nil {
		return made, err
	}
	text, err := json.Marshal(made)
	if err != nil {
		return made, err
	}
	own := made
	err = store.Update(ctx, func(to storage.Tx) error {
		if made, err = seedIn(to); err != nil || made.SigningKey != nil {
			return err
		}
		made = own
		return cmp.Or(to.Put(seedRecord, text), memory.View(ctx, func(from storage.Tx) error {
			for entry, err := range from.Scan("", "", false) {
				if err = cmp.Or(err, to.Put(entry.Key, entry.Value)); err != nil {
					return err
				}
			}
			return nil
		}))
	})
	return made, err
}

// addPartner adds the reviewer of a partner app, once.
func (s *seed) addPartner(ctx context.Context, p *platform.Platform, store storage.Store, app alipayplus.TargetApp) error {
	party := alipayplus.Party(app)
	if _, has := s.Credentials[reviewerName(party)]; has {
		return nil
	}
	if err := s.addReviewer(ctx, p, party); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return store.Update(ctx, func(tx storage.Tx) error { return tx.Put(seedRecord, text) })
}

// addCompanies adds the companies, their members, the mini program and the reviewers.
func (s *seed) addCompanies(ctx context.Context, p *platform.Platform) (err error) {
	lake := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	hill := lake
	hill.CompanyName, hill.RegistrationNumber = "Red Hill Coffee Pte. Ltd.", "202100456B"
	if s.Workspace, err = p.AddWorkspace(ctx, lake); err != nil {
		return err
	}
	other, err := p.AddWorkspace(ctx, hill)
	if err != nil {
		return err
	}
	for _, m := range []platform.Member{
		{WorkspaceID: s.Workspace, Name: Owner, Role: alipayplus.RoleOwner},
		{WorkspaceID: s.Workspace, Name: Master, Role: alipayplus.RoleMaster},
		{WorkspaceID: s.Workspace, Name: Developer, Role: alipayplus.RoleDeveloper},
		{WorkspaceID: other, Name: OtherOwner, Role: alipayplus.RoleOwner},
	} {
		if err := cmp.Or(p.PutMember(ctx, m), s.addMember(ctx, p, m)); err != nil {
			return err
		}
	}
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		if err := s.addReviewer(ctx, p, party); err != nil {
			return err
		}
	}
	return s.addProgram(ctx, p)
}

// addProgram adds a mini program, so that a developer, who may release but not create one, has
// one.
func (s *seed) addProgram(ctx context.Context, p *platform.Platform) error {
	owner, err := p.Client(ctx, s.Workspace, Owner)
	if err != nil {
		return err
	}
	program, err := owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
		{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
	}})
	if err == nil {
		s.Program = program.ID
	}
	return err
}

// reviewerName is ReviewerAlipayPlus, ReviewerAlipayCN or that of a partner app.
func reviewerName(party alipayplus.Party) string {
	return "reviewer-" + strings.ToLower(strings.ReplaceAll(string(party), "_", "-"))
}
