// Command rollout lets a release drive itself to all users of AlipayCN: through its
// reviews and up the ladder of ratios, past a gate. The gate fails at 10 %, so the
// rollout pauses there; the program shows why, and lets it go on as an operator would.
//
// The platform is embedded in the program. Its records and the rollout's are kept in
// a folder, so that the program can be killed at any moment: started again, it goes
// on where it was, and ends the same.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	spec    string
	data    string
	version alipayplus.VersionNumber
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts := options{version: alipayplus.VersionNumber{Major: 1}}
	set := flag.NewFlagSet("rollout", flag.ContinueOnError)
	set.StringVar(&opts.spec, "spec", "examples/rollout/rollout.yaml", "how the version is released, see rollout.Spec")
	set.StringVar(&opts.data, "data", "rollout-data", "folder that the platform and the rollout are kept in, for the next start to go on with")
	set.TextVar(&opts.version, "version", opts.version, "version to release")
	return command.Run(set, args, stderr, func() error {
		id, err := rollOut(ctx, opts, stderr)
		if err != nil {
			return command.Resumable(ctx, err)
		}
		if _, err := fmt.Fprintf(stdout, "rolled out %s 100%%\n", id); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		return nil
	})
}

// rollOut releases the version and returns the id of its release.
func rollOut(ctx context.Context, opts options, stderr io.Writer) (id string, err error) {
	text, err := os.ReadFile(opts.spec)
	if err != nil {
		return "", fmt.Errorf("rollout spec: %w", err)
	}
	spec, err := rollout.ParseSpec(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", opts.spec, err)
	}
	if err := os.MkdirAll(opts.data, 0o700); err != nil {
		return "", err
	}
	session, closing, err := setup.OpenKept(ctx, filepath.Join(opts.data, "platform"), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(time.Second)
		}))
	if err != nil {
		return "", err
	}
	defer func() { err = cmp.Or(err, closing()) }()

	show := console.New(stderr)
	show.Step("everything is kept in %s: kill this at any moment, and run the same command again to go on", opts.data)
	release, err := prepare(ctx, session, show, opts.version)
	if err != nil {
		return "", err
	}
	o := operator{
		target: rollout.ForRelease(session.Client, release.ID), spec: *spec,
		store: rollout.NewFileStore(filepath.Join(opts.data, "rollout")), show: show, out: stderr,
	}
	return release.ID, o.drive(ctx)
}
