// Command release takes a mini program from its package to every user of
// AlipayCN: it creates the mini program, uploads the version, selects the app,
// adds languages and the authorization when it is asked for them, applies, waits
// for both reviews, climbs the grayscale ladder, and saves a QR code.
//
// It looks before each step at what is there already, so that it can be stopped
// at any point and started again.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	setup.Flags
	file    string
	qr      string
	final   bool
	json    bool
	until   string
	observe time.Duration
}

// How far the release goes, as -until says.
const (
	untilCreated  = "created"
	untilReleased = "released"
)

func (o *options) setUntil(word string) error {
	if word != untilCreated && word != untilReleased {
		return fmt.Errorf("must be %s or %s", untilCreated, untilReleased)
	}
	o.until = word
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts := options{until: untilReleased}
	set := flag.NewFlagSet("release", flag.ContinueOnError)
	opts.Register(set)
	opts.RegisterConfirm(set)
	set.StringVar(&opts.file, "file", "examples/release/sample/release.json", "release description")
	set.StringVar(&opts.qr, "qr", "qrcode.png", "where the QR code is saved; empty: nowhere")
	set.Func("until", "how far to go: `created`, and print the release's id, or released, to all users (default released)", opts.setUntil)
	set.BoolVar(&opts.final, "final", false, "release to all users at once instead of by grayscale")
	set.BoolVar(&opts.json, "json", false, "print one JSON object on stdout instead of a line")
	set.DurationVar(&opts.observe, "observe", 300*time.Millisecond, "how long to stay at each ratio before raising it")
	return command.Run(set, args, stderr, func() error {
		result, err := release(ctx, opts, console.New(stderr))
		if err != nil {
			return command.Resumable(ctx, err)
		}
		return report(result, opts, stdout)
	})
}

// outcome is what is printed at the end.
type outcome struct {
	ProgramID string                   `json:"programId"`
	Version   alipayplus.VersionNumber `json:"version"`
	TargetApp alipayplus.TargetApp     `json:"targetApp"`
	ReleaseID string                   `json:"releaseId"`
	Status    alipayplus.ReleaseStatus `json:"status"`
	Ratio     alipayplus.Ratio         `json:"ratio"`
	QRCode    string                   `json:"qrCode,omitempty"`
}

func report(o *outcome, opts options, stdout io.Writer) error {
	var err error
	switch {
	case opts.json:
		err = json.NewEncoder(stdout).Encode(o)
	case opts.until == untilCreated:
		_, err = fmt.Fprintln(stdout, o.ReleaseID)
	default:
		_, err = fmt.Fprintf(stdout, "released %s %v to %s at %v\n", o.ProgramID, o.Version, o.TargetApp, o.Ratio)
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func release(ctx context.Context, opts options, show *console.Console) (*outcome, error) {
	described, err := readDescription(opts.file)
	if err != nil {
		return nil, err
	}
	session, err := opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	r := releaser{Session: session, show: show, described: described, opts: opts}
	return r.run(ctx)
}
