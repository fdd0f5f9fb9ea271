// Command alipaycn-gateway serves a stand-in for AlipayCN's gateway on an
// address, with one mini program that has a version in development, and writes
// the credentials for it into a folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stderr) })
}

type options struct {
	listen      string
	credentials string
	autoReview  time.Duration
	notify      string
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn-gateway", flag.ContinueOnError)
	set.StringVar(&opts.listen, "listen", "127.0.0.1:8481", "address to serve on")
	set.StringVar(&opts.credentials, "credentials", "credentials", "folder that the credentials are written into")
	set.DurationVar(&opts.autoReview, "auto-review", 2*time.Second, "a version is approved this long after it was applied for; 0: at once")
	set.StringVar(&opts.notify, "notify", "", "address that notifications for the third-party app are posted to; empty: none are")
	return command.Run(set, args, stderr, func() error { return serve(ctx, opts, stderr) })
}

func serve(ctx context.Context, opts options, stderr io.Writer) error {
	if opts.notify != "" && !isAddress(opts.notify) {
		return errors.New("-notify must be an address that begins with http:// or https://, such as http://127.0.0.1:8482")
	}
	gateway, err := alipaycntest.New(alipaycntest.WithAutoReview(opts.autoReview), alipaycntest.WithAnyTemplate())
	if err != nil {
		return err
	}
	// First the address: credentials of a gateway that runs there already stay.
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	token, err := seed(gateway, opts.credentials)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second}
	_, _ = fmt.Fprintf(stderr, "gateway on http://%s, credentials in %s; stop it with Ctrl-C\n", listener.Addr(), opts.credentials)
	notifying, stop := context.WithCancel(ctx)
	var notifier sync.WaitGroup
	if opts.notify != "" {
		notifier.Go(func() { notify(notifying, gateway, token, opts.notify, stderr) })
	}
	err = command.Serve(ctx, server, listener, stderr)
	stop()
	notifier.Wait()
	return err
}

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
