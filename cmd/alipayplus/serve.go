package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/gateway"
	"github.com/alipayplus-go/alipayplus/postgres"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

const serveHelp = `Serve a platform that can be released on at once: with two companies, their
members, a mini program of the first company, and both reviewers. Each gets
credentials in a folder. It has a console in the browser: "alipayplus console";
with --state it shows the rollouts that are remembered there, and commands them.

Without --data it is in memory, and gone at the end. With --data the next start
continues with the same records, keys and credentials. With --postgres so does any
number of processes that serve the same platform at the same time, each with
--credentials in a folder of its own; give each that is behind a balancer the
balancer's address as --public-url.

Releases go to a simulated AlipayCN. With --alipaycn they go to AlipayCN itself,
which the ALIPAYCN_* variables say how to call: in production, unless
ALIPAYCN_ENDPOINT names another gateway. --partner-app adds a simulated partner app.`

// server are the flags of the command serve.
type server struct {
	listen, publicURL, credentials, data, postgres, key, state string
	autoReview                                                 rollout.Duration
	alipayCN                                                   bool
	partnerApps                                                []string
}

// served is what serve prints when it can be called.
type served struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Address is where the platform is.
	Address string `json:"address"`
	// Console is where the console is in the browser; the command console signs in to it.
	Console string `json:"console"`
	// Credentials is the folder with the credentials, and Who are those who have some, each in
	// the folder of that name.
	Credentials string   `json:"credentials"`
	Who         []string `json:"who"`
	// Data is the folder with the records; empty: they are in memory.
	Data string `json:"data,omitempty"`
	// Database is where the records are kept in place of Data, without the password; empty: in none.
	Database string `json:"database,omitempty"`
	// AlipayCN says what releases to AlipayCN go to: simulated, or an address.
	AlipayCN string `json:"alipaycn"`
	// Variables are those by which the developer of the first company calls the platform.
	Variables map[string]string `json:"variables"`
}

func (a *app) serve() *cobra.Command {
	s := &server{autoReview: rollout.Duration(2 * time.Second)}
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve a platform to release on, for trials and as a gateway", Long: serveHelp, Args: noArguments,
		Example: "  alipayplus serve --data data\n  alipayplus serve --postgres postgres://gateway@db.example/release --public-url https://gateway.example\n  alipayplus serve --alipaycn --data data --encryption-key-file alipaycn.key",
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(a, cmd) },
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&s.listen, "listen", "127.0.0.1:8480", "the `address` to serve on; port 0: any free one")
	set.StringVar(&s.data, "data", "", "the `folder` in which the records are kept (default: in memory)")
	set.StringVar(&s.postgres, "postgres", "", "the PostgreSQL `database` in which the records are kept: postgres://USER@HOST/DATABASE, the password better in PGPASSWORD or PGPASSFILE")
	set.StringVar(&s.credentials, "credentials", "credentials", "the `folder` that the credentials are written into")
	set.TextVar(&s.autoReview, "auto-review", s.autoReview, "every party approves after this `time`; 0s: the reviewers decide, by \"alipayplus review\"")
	set.StringVar(&s.publicURL, "public-url", "", "the `address` under which people reach the authorization pages (default: the one that they call)")
	set.BoolVar(&s.alipayCN, "alipaycn", false, "release to AlipayCN itself, by the ALIPAYCN_* variables")
	set.StringVar(&s.key, "encryption-key-file", "", "the `file` with the 32 bytes that AlipayCN's tokens are encrypted under, with --alipaycn and --data or --postgres")
	set.StringVar(&s.state, "state", "", "the console shows the rollouts that are remembered here, by \"alipayplus rollout --state\": a `folder`, git:BRANCH or postgres://USER@HOST/DATABASE")
	set.StringSliceVar(&s.partnerApps, "partner-app", nil, "release also to a simulated partner app of this `name`, such as LAKE_WALLET")
	a.result(cmd, served{})
	return cmd
}

func (s *server) run(a *app, cmd *cobra.Command) error {
	switch {
	case s.credentials == "":
		return misused("--credentials must name a folder")
	case s.autoReview < 0:
		return misused("--auto-review must not be below 0s")
	case s.key != "" && !s.alipayCN:
		return misused("--encryption-key-file is for AlipayCN's tokens: give --alipaycn too")
	case s.data != "" && s.postgres != "":
		return misused("give --data or --postgres, not both: the records are kept in one of them")
	}
	// First the address: what runs there already keeps its credentials.
	listener, err := new(net.ListenConfig).Listen(cmd.Context(), "tcp", s.listen)
	if err != nil {
		return misused("--listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	opts, to, err := s.options(a, cmd, addressOf(listener))
	if err != nil {
		return err
	}
	if s.postgres != "" {
		pool, err := openPostgres(cmd.Context(), "--postgres", s.postgres)
		if err != nil {
			return err
		}
		defer pool.Close()
		opts.Store = postgres.NewStore(pool)
	}
	if s.state != "" {
		rollouts, closeRollouts, err := openState(cmd.Context(), s.state)
		if err != nil {
			return err
		}
		defer closeRollouts()
		opts.Rollouts = rollouts
	}
	g, err := gateway.Open(cmd.Context(), opts)
	if err != nil {
		return failure{err}
	}
	return errors.Join(s.serve(a, cmd, g, listener, to), g.Close())
}

// options are those of the platform, and what it calls AlipayCN by.
func (s *server) options(a *app, cmd *cobra.Command, address string) (opts gateway.Options, to string, err error) {
	opts = gateway.Options{
		Data: s.data, PublicURL: s.publicURL, AutoReview: s.autoReview.Std(), Logger: slog.New(a.telemetry.Logs(slog.NewTextHandler(a.stderr, nil))), Middleware: a.telemetry.Handler,
	}
	for _, name := range s.partnerApps {
		opts.PartnerApps = append(opts.PartnerApps, alipayplus.TargetApp(name))
	}
	if !s.alipayCN {
		return opts, "simulated", nil
	}
	if opts.AlipayCN, err = a.alipaycnClient(cmd); err != nil {
		return opts, "", err
	}
	if opts.PublicURL == "" {
		opts.PublicURL = address
	}
	opts.EncryptionKey, err = s.encryptionKey()
	return opts, opts.AlipayCN.Endpoint(), err
}

// encryptionKey reads the key of AlipayCN's tokens; nil where they are not kept.
func (s *server) encryptionKey() ([]byte, error) {
	const way = "make one with: openssl rand -out FILE 32"
	if s.key == "" {
		if s.data == "" && s.postgres == "" {
			return nil, nil
		}
		return nil, misused("give --encryption-key-file: AlipayCN's tokens are never kept in clear; %s", way)
	}
	key, err := os.ReadFile(s.key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, misused("--encryption-key-file: %w; %s", err, way)
	}
	if err != nil {
		return nil, misused("--encryption-key-file: %w", err)
	}
	if len(key) != 32 {
		return nil, misused("--encryption-key-file: %s has %d bytes, not 32; %s", s.key, len(key), way)
	}
	return key, nil
}

// serve says where the platform is, and serves it until the context ends.
func (s *server) serve(a *app, cmd *cobra.Command, g *gateway.Gateway, listener net.Listener, to string) error {
	folder, err := filepath.Abs(s.credentials)
	if err != nil {
		return failure{err}
	}
	address := addressOf(listener)
	release, err := g.WriteCredentials(folder, address)
	if err != nil {
		return failure{fmt.Errorf("%w: give another folder by --credentials", err)}
	}
	defer release()
	console := g.ConsoleURL()
	if strings.HasPrefix(console, "/") {
		console = address + console
	}
	ready := served{
		Schema: report.Schema, Address: address, Console: console, Credentials: folder, Who: g.Who(), Data: s.data, Database: withoutPassword(s.postgres), AlipayCN: to,
		Variables: g.Variables(address, folder, gateway.Developer),
	}
	if err := a.print(cmd, ready); err != nil {
		return err
	}
	a.say("platform on %s, credentials in %s; stop it with Ctrl-C", address, folder)
	a.say("console on %s; to sign in as %s: %s console --config %s", console, gateway.Owner, thisProgram(), quoted(filepath.Join(s.credentials, gateway.Owner, gateway.ConfigFile)))
	a.say("others have such a file too: %s", strings.Join(slices.DeleteFunc(g.Who(), func(who string) bool { return who == gateway.Owner }), ", "))
	a.say("to call it as %s: export %s", gateway.Developer, exported(ready.Variables))
	context.AfterFunc(cmd.Context(), func() { a.say("stopping; calls in flight may finish") })
	if err := g.Serve(cmd.Context(), listener); err != nil {
		return failure{err}
	}
	return nil
}

// addressOf is where programs of this machine reach what listens. One that listens on all addresses
// has none that all systems can call.
func addressOf(listener net.Listener) string {
	at := listener.Addr()
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + at.String()
}

// exported are variables as a shell sets them.
func exported(variables map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		words = append(words, name+"="+quoted(variables[name]))
	}
	return strings.Join(words, " ")
}

// say writes a line about progress to standard error.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintln(a.stderr, report.OneLine(fmt.Sprintf(format, args...)))
}
