// Command platform serves the embeddable platform on an address, with two companies and their members, and
// writes each member's credentials into a folder. With -data it goes on where it ended, or was killed.
package main

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

type options struct {
	listen, publicURL, credentials, data string
	autoReview                           time.Duration
	alipayCN                             bool
}

func main() {
	var opts options
	flag.StringVar(&opts.listen, "listen", "127.0.0.1:8480", "address to serve on")
	flag.StringVar(&opts.publicURL, "public-url", "", "address under which people reach the pages; empty: the one they call")
	flag.StringVar(&opts.credentials, "credentials", "credentials", "folder that the credentials are written into")
	flag.StringVar(&opts.data, "data", "", "folder that the records are kept in, for the next start to go on with; empty: in memory, and gone at the end")
	flag.DurationVar(&opts.autoReview, "auto-review", 2*time.Second, "every party approves after this time; 0: the reviewers decide")
	flag.BoolVar(&opts.alipayCN, "alipaycn", false, "release to AlipayCN itself, or to the gateway at ALIPAYCN_ENDPOINT; AlipayCN's own reviewers decide there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, progress *log.Logger) (status int) {
	if len(args) > 0 || opts.credentials == "" || opts.autoReview < 0 {
		progress.Print("error: there are flags only; -credentials must name a folder, and -auto-review must not be below 0")
		return 2
	}
	if err := serve(ctx, opts, progress); err != nil {
		progress.Printf("error: %v", err)
		return 1
	}
	return 0
}

// serve serves until the context ends, and then lets calls in flight finish.
func serve(ctx context.Context, opts options, progress *log.Logger) (failure error) {
	var store storage.Store = storage.NewMemory()
	if opts.data != "" {
		records, err := bolt.Open(opts.data)
		if err != nil {
			return err
		}
		defer func() { failure = cmp.Or(failure, records.Close()) }()
		store = records
	}
	// First the address and the lock: credentials of a platform that runs already stay.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return fmt.Errorf("%w; give another address by -listen", err)
	}
	defer func() { _ = listener.Close() }()
	_ = os.MkdirAll(opts.credentials, 0o700) // without it, the lock says what is wrong
	lock := flock.New(filepath.Join(opts.credentials, "credentials.lock"))
	defer func() { _ = lock.Close() }()
	if locked, err := lock.TryLock(); err != nil || !locked {
		return cmp.Or(err, fmt.Errorf("a platform runs already with the credentials in %s: give another folder by -credentials", opts.credentials))
	}
	kept, err := readSecrets(ctx, store)
	if err == nil && kept.SigningKey == nil {
		kept, err = seed(ctx, store)
	}
	if err != nil {
		return err
	}
	if opts.alipayCN { // its authorization page leads back to here
		opts.publicURL = cmp.Or(opts.publicURL, "http://"+listener.Addr().String())
	}
	p, err := newPlatform(store, kept.SigningKey, opts, progress)
	if err != nil {
		return err
	}
	if err := writeCredentials(opts.credentials, kept.Credentials); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	progress.Printf("platform on http://%s, credentials in %s; stop it with Ctrl-C", listener.Addr(), opts.credentials)
	return p.Serve(ctx, listener)
}

func newPlatform(store storage.Store, key []byte, opts options, progress *log.Logger) (*platform.Platform, error) {
	signer, err := x509.ParsePKCS1PrivateKey(key)
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(progress.Writer(), nil))
	with := []platform.Option{platform.WithStore(store), platform.WithSigner(signer), platform.WithLogger(logger)}
	if opts.publicURL != "" {
		with = append(with, platform.WithPublicURL(opts.publicURL))
	}
	if opts.alipayCN { // the third-party app that calls it is in the ALIPAYCN_ variables
		app, err := alipaycnapp.NewFromEnv(store, alipaycnapp.WithLogger(logger))
		if err != nil {
			return nil, err
		}
		with = append(with, platform.WithTargetBackends(app))
	}
	if opts.autoReview > 0 {
		approve := func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(opts.autoReview)
		}
		with = append(with, platform.WithAutoReview(approve))
	}
	return platform.New(with...)
}

// secrets are kept beside the platform's own records. A platform in earnest has its key where
// secrets are, and never sees the private keys of others.
type secrets struct {
	SigningKey  []byte            // of the platform
	Credentials map[string][]byte // files for those who call it, by their path in the folder
}

const secretsRecord = "example/secrets"

func readSecrets(ctx context.Context, store storage.Store) (kept secrets, err error) {
	err = store.View(ctx, func(tx storage.Tx) error {
		text, found, err := tx.Get(secretsRecord)
		if err != nil || !found {
			return err
		}
		return json.Unmarshal(text, &kept)
	})
	return kept, err
}

func writeCredentials(folder string, files map[string][]byte) error {
	for name, content := range files {
		file := filepath.Join(folder, name)
		// What an earlier start left is replaced, whatever its permissions were.
		if err := cmp.Or(os.MkdirAll(filepath.Dir(file), 0o700), os.RemoveAll(file), os.WriteFile(file, content, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// seed fills a store: in memory first, and then all at once, so that a kill leaves nothing or everything.
func seed(ctx context.Context, store storage.Store) (made secrets, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return made, err
	}
	memory := storage.NewMemory()
	p, err := platform.New(platform.WithStore(memory), platform.WithSigner(key))
	if err != nil {
		return made, err
	}
	made = secrets{SigningKey: x509.MarshalPKCS1PrivateKey(key), Credentials: make(map[string][]byte)}
	if err := addCompanies(ctx, p, made.Credentials); err != nil {
		return made, err
	}
	text, _ := json.Marshal(made) // bytes always marshal
	return made, store.Update(ctx, func(to storage.Tx) error {
		return cmp.Or(to.Put(secretsRecord, text), memory.View(ctx, func(from storage.Tx) error {
			for entry, err := range from.Scan("", "", false) {
				if err = cmp.Or(err, to.Put(entry.Key, entry.Value)); err != nil {
					return err
				}
			}
			return nil
		}))
	})
}

// addCompanies adds two companies with their members, a mini program of the first, and two reviewers, and adds the
// credentials of each to the files.
func addCompanies(ctx context.Context, p *platform.Platform, files map[string][]byte) error {
	lake := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	hill := lake
	hill.CompanyName, hill.RegistrationNumber = "Red Hill Coffee Pte. Ltd.", "202100456B"
	lakeID, err1 := p.AddWorkspace(ctx, lake)
	hillID, err2 := p.AddWorkspace(ctx, hill)
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	for _, m := range []platform.Member{
		{WorkspaceID: lakeID, Name: "owner", Role: alipayplus.RoleOwner},
		{WorkspaceID: lakeID, Name: "master", Role: alipayplus.RoleMaster},
		{WorkspaceID: lakeID, Name: "developer", Role: alipayplus.RoleDeveloper},
		{WorkspaceID: hillID, Name: "other-owner", Role: alipayplus.RoleOwner},
	} {
		register := func(key crypto.PublicKey) (string, error) { return p.AddClient(ctx, m.WorkspaceID, m.Name, key) }
		if err := cmp.Or(p.PutMember(ctx, m), addCredentials(p, files, m.Name, register)); err != nil {
			return err
		}
	}
	for name, party := range map[string]alipayplus.Party{"reviewer-alipay-plus": alipayplus.PartyAlipayPlus, "reviewer-alipay-cn": alipayplus.PartyAlipayCN} {
		register := func(key crypto.PublicKey) (string, error) { return p.AddReviewer(ctx, party, key) }
		if err := addCredentials(p, files, name, register); err != nil {
			return err
		}
	}
	// The mini program of examples/release, so that a developer, who may release but not create one, has it.
	owner, err := p.Client(ctx, lakeID, "owner")
	if err == nil {
		_, err = owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
			{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
		}})
	}
	return err
}

// addCredentials makes a key, registers it, and adds what a client needs.
func addCredentials(p *platform.Platform, files map[string][]byte, who string, register func(crypto.PublicKey) (string, error)) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	id, err1 := register(key.Public())
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	files[who+"/client-id"] = []byte(id + "\n")
	files[who+"/private-key.pem"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	files[who+"/platform-public-key.pem"] = p.PublicKeyPEM()
	return cmp.Or(err1, err2)
}
