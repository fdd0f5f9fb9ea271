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
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

type options struct {
	listen      string
	credentials string
	autoReview  time.Duration
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn-gateway", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&opts.listen, "listen", "127.0.0.1:8481", "address to serve on")
	set.StringVar(&opts.credentials, "credentials", "credentials", "folder that the credentials are written into")
	set.DurationVar(&opts.autoReview, "auto-review", 2*time.Second, "a version is approved this long after it was applied for; 0: at once")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if err := serve(ctx, opts, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "error: %v\n", err)
		return exitFailed
	}
	return exitDone
}

func serve(ctx context.Context, opts options, stderr io.Writer) error {
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
	if err := seed(gateway, opts.credentials); err != nil {
		return err
	}
	server := &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second}
	_, _ = fmt.Fprintf(stderr, "gateway on http://%s, credentials in %s; stop it with Ctrl-C\n", listener.Addr(), opts.credentials)
	return serveUntil(ctx, server, listener, stderr)
}

// serveUntil serves until the context ends, and then lets calls in flight finish.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener, stderr io.Writer) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	_, _ = fmt.Fprintln(stderr, "stopping; calls in flight may finish")
	const patience = 10 * time.Second
	graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := server.Shutdown(graceful); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
