// Command platform serves the embeddable platform on an address, with two
// companies and their members, and writes each member's credentials into a
// folder. With -data it goes on where it ended, or was killed.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/platform"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stderr) })
}

type options struct {
	listen      string
	publicURL   string
	credentials string
	data        string
	autoReview  time.Duration
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("platform", flag.ContinueOnError)
	set.StringVar(&opts.listen, "listen", "127.0.0.1:8480", "address to serve on")
	set.StringVar(&opts.publicURL, "public-url", "", "address under which people reach the pages; empty: the one they call")
	set.StringVar(&opts.credentials, "credentials", "credentials", "folder that the credentials are written into")
	set.StringVar(&opts.data, "data", "", "folder that the records are kept in, for the next start to go on with; empty: in memory, and gone at the end")
	set.DurationVar(&opts.autoReview, "auto-review", 2*time.Second, "every party approves after this time; 0: the reviewers decide")
	return command.Run(set, args, stderr, func() error {
		if opts.credentials == "" || opts.autoReview < 0 {
			return command.Misuse(errors.New("-credentials must name a folder, and -auto-review must not be below 0"))
		}
		return serve(ctx, opts, stderr)
	})
}

func serve(ctx context.Context, opts options, stderr io.Writer) (err error) {
	kept, err := openRecords(ctx, opts.data)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, kept.close()) }()
	p, err := newPlatform(opts, stderr, platform.WithStore(kept.store), platform.WithSigner(kept.signer))
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	release, err := holdCredentials(opts.credentials)
	if err != nil {
		return err
	}
	defer release()
	if err := kept.seed(ctx, opts.credentials); err != nil {
		return err
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	_, _ = fmt.Fprintf(stderr, "platform on http://%s, credentials in %s; stop it with Ctrl-C\n", listener.Addr(), opts.credentials)
	return command.Serve(ctx, server, listener, stderr)
}

func newPlatform(opts options, stderr io.Writer, options ...platform.Option) (*platform.Platform, error) {
	options = append(options, platform.WithLogger(slog.New(slog.NewTextHandler(stderr, nil))))
	if opts.publicURL != "" {
		options = append(options, platform.WithPublicURL(opts.publicURL))
	}
	if opts.autoReview > 0 {
		options = append(options, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(opts.autoReview)
		}))
	}
	return platform.New(options...)
}
