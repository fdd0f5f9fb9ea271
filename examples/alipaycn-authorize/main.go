// Command alipaycn-authorize gets the token with which a third-party app acts for a
// merchant's mini program at AlipayCN: it shows the link under which the merchant
// authorizes, and exchanges the code that comes of it.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

type options struct {
	code, credentials, redirect string
}

func main() {
	var opts options
	flag.StringVar(&opts.code, "code", "", "app_auth_code that came back with the merchant; empty: only the link is shown")
	flag.StringVar(&opts.credentials, "credentials", "credentials", "folder that the token is kept in")
	flag.StringVar(&opts.redirect, "redirect", "https://example.com/authorized", "callback address (授权回调地址) of the third-party app")
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
	err := authorize(ctx, opts, stdout, progress)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		progress.Printf("interrupted: %v\n%s", err, map[bool]string{
			true: "The stand-in in this process has forgotten everything: the next start begins anew.", false: "Run the same command again: what is done is not done twice.",
		}[os.Getenv("ALIPAYCN_APP_ID") == "" && os.Getenv("ALIPAYCN_ENDPOINT") == ""])
		return 130 // as shells report SIGINT
	default:
		progress.Printf("error: %v", err)
		return 1
	}
}

func authorize(ctx context.Context, opts options, stdout io.Writer, progress *log.Logger) error {
	var client *alipaycn.Client
	var err error
	appID := os.Getenv("ALIPAYCN_APP_ID")
	if appID == "" && os.Getenv("ALIPAYCN_ENDPOINT") == "" {
		progress.Print("calling a stand-in for AlipayCN in this process, whose merchant authorizes at once")
		client, appID, opts.code, err = standIn()
	} else {
		client, err = alipaycn.NewFromEnv()
	}
	if err != nil {
		return err
	}
	links, err := alipaycn.AuthorizationURL(alipaycn.AuthorizationInput{ISVAppID: appID, RedirectURL: opts.redirect})
	if err != nil {
		return err
	}
	// A program that serves the callback address reads the code with alipaycn.ParseCallback.
	progress.Printf("the merchant authorizes under %s\nand comes back to %s?app_auth_code=CODE; then run this with -code CODE", links.PC, opts.redirect)
	if opts.code == "" {
		return nil
	}
	file, token, err := exchange(ctx, client, opts)
	if err != nil {
		return err
	}
	info, err := client.Authorization.Query(ctx, token)
	if err != nil {
		return err
	}
	if missing := info.MissingMethods(); len(missing) > 0 {
		progress.Printf("not authorized: %s", strings.Join(missing, ", "))
	}
	_, err = fmt.Fprintf(stdout, "authorized for %s: export ALIPAYCN_APP_AUTH_TOKEN_FILE=%s\n", info.AuthAppID, file)
	return err
}

// exchange exchanges the code for a token, and keeps that in a file, because a code works
// once: with the same code again, the token is found there.
func exchange(ctx context.Context, client *alipaycn.Client, opts options) (file, token string, err error) {
	file = filepath.Join(opts.credentials, fmt.Sprintf("app-auth-token-%.4x", sha256.Sum256([]byte(opts.code))))
	kept, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, string(bytes.TrimSpace(kept)), err
	}
	if err := os.MkdirAll(opts.credentials, 0o700); err != nil { // before the code is used up
		return "", "", err
	}
	tokens, err := client.Authorization.Exchange(ctx, opts.code)
	if err != nil {
		return "", "", err
	}
	return file, tokens.AppAuthToken, os.WriteFile(file, []byte(tokens.AppAuthToken+"\n"), 0o600)
}

// standIn starts a gateway in this process with a third-party app, and a mini program
// whose merchant has authorized it; the code is what came back with the merchant.
func standIn() (client *alipaycn.Client, appID, code string, err error) {
	const thirdParty, program = "2021000000000002", "2021000000000001"
	g, err := alipaycntest.New()
	if err != nil {
		return nil, "", "", err
	}
	client, err = g.Client(alipaycntest.App{ID: thirdParty, ThirdParty: true})
	if err := cmp.Or(err, g.AddApp(alipaycntest.App{ID: program})); err != nil {
		return nil, "", "", err
	}
	code, err = g.AuthorizationCode(thirdParty, program)
	return client, thirdParty, code, err
}
