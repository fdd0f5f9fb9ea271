// Command alipaycn-notify receives AlipayCN's notifications for one app and
// prints one line for each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

type options struct {
	listen    string
	publicKey string
	appID     string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn-notify", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&opts.listen, "listen", "127.0.0.1:8482", "address to serve on")
	set.StringVar(&opts.publicKey, "public-key", "alipay-public-key.pem", "file with Alipay's public key, which is not the app's")
	set.StringVar(&opts.appID, "app-id", "", "id of the app that the notifications are for")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if err := serve(ctx, opts, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "error: %v\n", err)
		return exitFailed
	}
	return exitDone
}

func serve(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	handler, err := newHandler(opts, stdout, stderr)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	const slowest = 10 * time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: slowest, ReadTimeout: slowest}
	_, _ = fmt.Fprintf(stderr, "waiting for notifications on http://%s; stop it with Ctrl-C\n", listener.Addr())
	return serveUntil(ctx, server, listener, stderr)
}

func newHandler(opts options, stdout, stderr io.Writer) (http.Handler, error) {
	publicKey, err := os.ReadFile(opts.publicKey)
	if err != nil {
		return nil, err
	}
	return alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID:           opts.appID,
		AlipayPublicKey: publicKey,
		Logger:          slog.New(slog.NewTextHandler(stderr, nil)),
		Handle: func(_ context.Context, event alipaycn.Event) error {
			// What cannot be written is sent again: Handle does not return nil.
			_, err := fmt.Fprintln(stdout, line(event))
			return err
		},
	})
}

// serveUntil serves until the context ends, and then lets deliveries in flight
// finish.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener, stderr io.Writer) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	_, _ = fmt.Fprintln(stderr, "stopping; deliveries in flight may finish")
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
