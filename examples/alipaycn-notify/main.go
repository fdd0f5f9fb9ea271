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
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	listen    string
	publicKey string
	appID     string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn-notify", flag.ContinueOnError)
	set.StringVar(&opts.listen, "listen", "127.0.0.1:8482", "address to serve on")
	set.StringVar(&opts.publicKey, "public-key", "alipay-public-key.pem", "file with Alipay's public key, which is not the app's")
	set.StringVar(&opts.appID, "app-id", "", "id of the app that the notifications are for")
	return command.Run(set, args, stderr, func() error { return serve(ctx, opts, stdout, stderr) })
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
	return command.Serve(ctx, server, listener, stderr)
}

func newHandler(opts options, stdout, stderr io.Writer) (http.Handler, error) {
	if opts.appID == "" {
		return nil, errors.New("-app-id is missing: give the id of the app that the notifications are for")
	}
	publicKey, err := os.ReadFile(opts.publicKey)
	if err != nil {
		return nil, fmt.Errorf("-public-key: %w", err)
	}
	return alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID:           opts.appID,
		AlipayPublicKey: publicKey,
		Logger:          slog.New(slog.NewTextHandler(stderr, nil)),
		Handle: func(_ context.Context, event alipaycn.Notification) error {
			// What cannot be written is sent again: Handle does not return nil.
			_, err := fmt.Fprintln(stdout, line(event))
			return err
		},
	})
}
