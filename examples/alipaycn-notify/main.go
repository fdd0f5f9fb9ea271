// Command alipaycn-notify receives AlipayCN's notifications for one app and
// prints one line for each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

type options struct {
	listen, publicKey, appID, appKey, aesKey string
}

func main() {
	var opts options
	flag.StringVar(&opts.listen, "listen", "127.0.0.1:8482", "address to serve on")
	flag.StringVar(&opts.publicKey, "public-key", "alipay-public-key.pem", "file with Alipay's public key, which is not the app's")
	flag.StringVar(&opts.appID, "app-id", "", "id of the app that the notifications are for")
	flag.StringVar(&opts.appKey, "app-key", "", "file with the app's private key, which signs the answer to the console's check of the address; empty: it is not signed")
	flag.StringVar(&opts.aesKey, "aes-key", "", "file with the app's AES key, which decrypts encrypted notifications; empty: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	if len(args) > 0 {
		progress.Printf("error: there are flags only, and %q is none", args[0])
		return 2
	}
	handler, err := newHandler(opts, stdout, progress)
	if err == nil {
		err = serve(ctx, handler, opts.listen, progress)
	}
	if err != nil {
		progress.Printf("error: %v", err)
		return 1
	}
	return 0
}

func newHandler(opts options, stdout io.Writer, progress *log.Logger) (http.Handler, error) {
	if opts.appID == "" {
		return nil, errors.New("-app-id is missing: give the id of the app that the notifications are for")
	}
	publicKey, err := os.ReadFile(opts.publicKey)
	if err != nil {
		return nil, fmt.Errorf("-public-key: %w", err)
	}
	appKey, err := readFile("-app-key", opts.appKey)
	if err != nil {
		return nil, err
	}
	aesKey, err := readFile("-aes-key", opts.aesKey)
	if err != nil {
		return nil, err
	}
	return alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID:           opts.appID,
		AlipayPublicKey: publicKey,
		AppPrivateKey:   appKey,
		AESKey:          aesKey,
		Logger:          slog.New(slog.NewTextHandler(progress.Writer(), nil)),
		Handle: func(_ context.Context, event alipaycn.Notification) error {
			// AlipayCN sends again what Handle returns an error for, so a line that
			// could not be written is not lost.
			_, err := fmt.Fprintln(stdout, line(event))
			return err
		},
	})
}

// readFile returns nothing when no file is named.
func readFile(flagName, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flagName, err)
	}
	return text, nil
}

// serve serves until the context ends, and then lets calls in flight finish.
func serve(ctx context.Context, handler http.Handler, address string, progress *log.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w; give another address by -listen", err)
	}
	const slowest = 10 * time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: slowest, ReadTimeout: slowest}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		progress.Print("stopping; calls in flight may finish")
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), slowest)
		defer cancel()
		stopped <- server.Shutdown(patience)
	})
	progress.Printf("waiting for notifications on http://%s; stop it with Ctrl-C", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// line says in one line what a notification is about. Tokens and codes are not in it,
// and texts from outside are quoted.
func line(event alipaycn.Notification) string {
	switch e := event.(type) {
	case *alipaycn.AuditPassed:
		return fmt.Sprintf("passed: version %q of mini program %q", e.Version, e.MiniAppID)
	case *alipaycn.AuditRejected:
		reasons := []string{fmt.Sprintf("%q", e.Reason)}
		reasons = append(reasons, memos("admission", e.BaseReasons)...)
		reasons = append(reasons, memos("promotion", e.PromoteReasons)...)
		return fmt.Sprintf("rejected: version %q of mini program %q: %s", e.Version, e.MiniAppID, strings.Join(reasons, "; "))
	case *alipaycn.AuthorizationGranted:
		return fmt.Sprintf("authorized: app %q of merchant %q", e.Token.AuthAppID, e.Token.UserID)
	case *alipaycn.AuthorizationCancelled:
		return fmt.Sprintf("authorization withdrawn: app %q of merchant %q", e.AuthAppID, e.UserID)
	case *alipaycn.MerchantConfirmed:
		return fmt.Sprintf("confirmed: mini program %q of order %q", e.MiniAppID, e.OrderNo)
	case *alipaycn.OrderPlaced:
		return fmt.Sprintf("ordered: %q by merchant %q, order %q", e.Title, e.MerchantPID, e.OrderID)
	case *alipaycn.UnknownNotification:
		return strings.TrimSuffix(fmt.Sprintf("unknown: %v: %s", e, e.Problem), ": ")
	default:
		return "unknown: " + event.String()
	}
}

func memos(review string, record alipaycn.AuditRecord) (texts []string) {
	for _, memo := range record.Memos {
		texts = append(texts, fmt.Sprintf("%s: %q, pictures %q", review, memo.Memo, memo.Images))
	}
	return texts
}
