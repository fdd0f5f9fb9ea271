// Command alipaycn puts a version of a mini program in front of AlipayCN's users:
// it applies with logo and screenshots, waits for the verdict, raises the
// grayscale release from 10 to 30 to 50 percent, publishes, and makes a QR code.
//
// It looks at the version's status before each step, so that it can be stopped
// at any point and started again.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	version     string
	files       string
	code        string
	credentials string
	redirect    string
	page        string
	observe     time.Duration
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn", flag.ContinueOnError)
	set.StringVar(&opts.version, "version", "0.0.1", "version to release; it must exist, in development or further")
	set.StringVar(&opts.files, "files", "", "folder with application.json, logo.png and screenshot-*.png; empty: the sample")
	set.StringVar(&opts.code, "code", "", "app_auth_code of the merchant's authorization, to get a token with")
	set.StringVar(&opts.credentials, "credentials", "credentials", "folder that the token for -code is kept in")
	set.StringVar(&opts.redirect, "redirect", "https://example.com/authorized", "callback address (授权回调地址) of the third-party app")
	set.StringVar(&opts.page, "page", "pages/index/index", "page that the QR code opens")
	set.DurationVar(&opts.observe, "observe", 300*time.Millisecond, "how long to stay at each ratio before raising it")
	return command.Run(set, args, stderr, func() error {
		appID, err := release(ctx, opts, console.New(stderr))
		if err != nil {
			return command.Resumable(ctx, err)
		}
		if _, err := fmt.Fprintf(stdout, "published %s %s\n", appID, opts.version); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		return nil
	})
}

func release(ctx context.Context, opts options, show *console.Console) (appID string, err error) {
	version, err := alipayplus.ParseVersion(opts.version)
	if err != nil {
		return "", err
	}
	application, err := readApplication(opts.files, version)
	if err != nil {
		return "", err
	}
	s, err := open(opts)
	if err != nil {
		return "", err
	}
	show.Step("calling %s", s.where)
	if err := s.authorize(ctx, opts, show); err != nil {
		return "", err
	}
	r := releaser{client: s.client, show: show, version: version, application: application, production: s.production, opts: opts}
	if err := r.find(ctx); err != nil {
		return "", err
	}
	if err := s.lookAtToken(ctx, show); err != nil {
		return "", err
	}
	return s.appID, r.run(ctx)
}
