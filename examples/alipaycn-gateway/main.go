// Command alipaycn-gateway serves a stand-in for AlipayCN's gateway on an
// address, with one mini program that has a version in development, and writes
// the credentials for it into a folder.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// The apps of the gateway. The mini program calls for itself, as a self-developed
// one may, without a token; the third-party app calls with the mini program's.
const (
	miniProgram = "2021000000000001"
	thirdParty  = "2021000000000002"
	version     = "0.0.1"
	merchant    = "2088000000000001" // owns the mini program, and logs in with this on the authorization page
)

type options struct {
	listen, credentials, notify string
	autoReview                  time.Duration
}

func main() {
	var opts options
	flag.StringVar(&opts.listen, "listen", "127.0.0.1:8481", "address to serve on")
	flag.StringVar(&opts.credentials, "credentials", "credentials", "folder that the credentials are written into")
	flag.DurationVar(&opts.autoReview, "auto-review", 2*time.Second, "a version is approved this long after it was applied for; 0: at once")
	flag.StringVar(&opts.notify, "notify", "", "address that notifications for the third-party app are posted to; empty: none are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, progress *log.Logger) (status int) {
	if len(args) > 0 {
		progress.Printf("error: there are flags only, and %q is none", args[0])
		return 2
	}
	if err := serve(ctx, opts, progress); err != nil {
		progress.Printf("error: %v", err)
		return 1
	}
	return 0
}

// serve serves until the context ends, and then lets calls in flight finish.
func serve(ctx context.Context, opts options, progress *log.Logger) error {
	// An address that nothing can be posted to would be tried for ever.
	if u, err := url.Parse(opts.notify); opts.notify != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("-notify must be an address that begins with http:// or https://, such as http://127.0.0.1:8482")
	}
	gateway, err := alipaycntest.New(alipaycntest.WithAutoReview(opts.autoReview), alipaycntest.WithAnyTemplate())
	if err != nil {
		return err
	}
	// First the address: credentials of a gateway that runs there already stay.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return fmt.Errorf("%w; give another address by -listen", err)
	}
	defer func() { _ = listener.Close() }()
	token, order, err := seed(gateway, opts.credentials)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		progress.Print("stopping; calls in flight may finish")
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(limit)
	})
	var notifier sync.WaitGroup
	defer notifier.Wait()
	notifying, stop := context.WithCancel(ctx)
	defer stop()
	if opts.notify != "" {
		notifier.Go(func() { notify(notifying, gateway, token, order, opts.notify, progress) })
	}
	progress.Printf("gateway on http://%s, credentials in %s; stop it with Ctrl-C", listener.Addr(), opts.credentials)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// seed adds the apps and writes their credentials: the mini program's into the folder itself, the
// third-party app's into a folder in it. It returns the token that the third-party app has, and
// the id of what the merchant has ordered from it.
func seed(g *alipaycntest.Gateway, folder string) (token alipaycn.Token, order string, err error) {
	miniPrivate, miniPublic, err := newKey()
	if err != nil {
		return token, "", err
	}
	thirdPrivate, thirdPublic, err := newKey()
	if err != nil {
		return token, "", err
	}
	err = cmp.Or(
		g.AddApp(alipaycntest.App{ID: miniProgram, PublicKey: miniPublic, MerchantID: merchant}),
		g.AddApp(alipaycntest.App{ID: thirdParty, PublicKey: thirdPublic, ThirdParty: true}),
		g.AddVersion(miniProgram, version),
	)
	if err != nil {
		return token, "", err
	}
	token, err1 := g.Authorize(thirdParty, miniProgram)
	order, err2 := g.PlaceOrder(thirdParty, miniProgram)
	if err := cmp.Or(err1, err2); err != nil {
		return token, "", err
	}
	return token, order, cmp.Or(
		write(folder, map[string][]byte{
			"app-id": []byte(miniProgram + "\n"), "app-private-key.pem": miniPrivate, "alipay-public-key.pem": g.AlipayPublicKey(),
		}),
		write(filepath.Join(folder, "third-party"), map[string][]byte{
			"app-id": []byte(thirdParty + "\n"), "app-private-key.pem": thirdPrivate, "alipay-public-key.pem": g.AlipayPublicKey(),
			"app-auth-token": []byte(token.AppAuthToken + "\n"), "order-id": []byte(order + "\n"),
		}),
	)
}

func newKey() (private, public []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public())
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}), err
}

// write writes files that their owner alone can read. One that is there already is
// replaced, whatever its permissions were.
func write(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := cmp.Or(os.RemoveAll(path), os.WriteFile(path, content, 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// notify posts what AlipayCN sends to a third-party app, until the context ends: that the merchant
// has authorized it and ordered, the console's check of the address, and each time that the version has passed its review.
func notify(ctx context.Context, g *alipaycntest.Gateway, token alipaycn.Token, order, address string, progress *log.Logger) {
	deliver(ctx, g, address, &alipaycn.AuthorizationGranted{
		NotificationInfo: info(alipaycn.KindAuthorizationGranted), Token: token, AuthorizedAt: time.Now(),
	}, progress)
	deliver(ctx, g, address, &alipaycn.OrderPlaced{
		NotificationInfo: info(alipaycn.KindOrderPlaced), OrderID: order, OrderedAt: time.Now(), Title: "a mini program for a tea shop",
		MerchantPID: merchant, MerchantName: "Blue Lake Tea", Items: 1, TotalPrice: "0.00", MiniAppID: miniProgram,
	}, progress)
	if err := g.SendGatewayCheck(ctx, address, thirdParty); err != nil {
		progress.Printf("the console's check of %s failed: %v", address, err)
	} else {
		progress.Printf("the console's check of %s is answered", address)
	}
	before := alipaycn.StatusInit
	for wait(ctx, 100*time.Millisecond) {
		now := g.Status(miniProgram, version)
		if now.Reviewed() && !before.Reviewed() {
			deliver(ctx, g, address, &alipaycn.AuditPassed{NotificationInfo: info(alipaycn.KindAuditPassed), AuditedVersion: alipaycn.AuditedVersion{
				MiniAppID: miniProgram, Version: version, BundleID: alipaycn.BundleAlipay,
			}}, progress)
		}
		before = now
	}
}

// info has an id of its own, which stays the same when the notification is sent again.
func info(kind string) alipaycn.NotificationInfo {
	return alipaycn.NotificationInfo{NotifyID: rand.Text(), Kind: kind, AppID: thirdParty, SentAt: time.Now()}
}

// deliver sends a notification each second until it is taken. AlipayCN's own times are not documented.
func deliver(ctx context.Context, g *alipaycntest.Gateway, address string, event alipaycn.Notification, progress *log.Logger) {
	err := g.SendNotification(ctx, address, event)
	if err != nil && ctx.Err() == nil {
		progress.Printf("not taken, and sent again until it is: %v", err)
	}
	for err != nil && wait(ctx, time.Second) {
		err = g.SendNotification(ctx, address, event)
	}
	if err == nil {
		progress.Printf("sent to %s: %s", address, event.Info().Kind)
	}
}

func wait(ctx context.Context, d time.Duration) (waited bool) {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
