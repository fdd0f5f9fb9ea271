// Command alipaycn puts a version of a mini program in front of AlipayCN's users:
// it applies with logo and screenshots, waits for the verdict, raises the
// grayscale release from 10 to 30 to 50 percent, publishes, and makes a QR code.
//
// It looks at the version's status before each step, so that it can be stopped
// at any point and started again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

type options struct {
	version  string
	files    string
	code     string
	redirect string
	page     string
	observe  time.Duration
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("alipaycn", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&opts.version, "version", "0.0.1", "version to release; it must exist, in development or further")
	set.StringVar(&opts.files, "files", "", "folder with application.json, logo.png and screenshot-*.png; empty: the sample")
	set.StringVar(&opts.code, "code", "", "app_auth_code of the merchant's authorization, to get a token with")
	set.StringVar(&opts.redirect, "redirect", "https://example.com/authorized", "callback address (授权回调地址) of the third-party app")
	set.StringVar(&opts.page, "page", "pages/index/index", "page that the QR code opens")
	set.DurationVar(&opts.observe, "observe", 300*time.Millisecond, "how long to stay at each ratio before raising it")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	appID, err := release(ctx, opts, console.New(stderr))
	switch {
	case err != nil && ctx.Err() != nil:
		_, _ = fmt.Fprintf(stderr, "interrupted: %v\nRun the same command again: what is done is not done twice.\n", err)
		return exitInterrupted
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "error: %v\n", err)
		return exitFailed
	}
	if _, err := fmt.Fprintf(stdout, "published %s %s\n", appID, opts.version); err != nil {
		return exitFailed
	}
	return exitDone
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
	r := releaser{client: s.client, show: show, version: version, application: application, opts: opts}
	return s.appID, r.run(ctx)
}
