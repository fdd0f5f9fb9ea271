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
	"errors"
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
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	spec string
	data string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("rollout", flag.ContinueOnError)
	set.StringVar(&opts.spec, "spec", "examples/rollout/rollout.yaml", "how the version is released, see rollout.Spec")
	set.StringVar(&opts.data, "data", "rollout-data", "folder that the platform and the rollout are kept in, for the next start to go on with")
	return command.Run(set, args, stderr, func() error {
		if opts.spec == "" || opts.data == "" {
			return command.Misuse(errors.New("-spec must name a file, and -data a folder"))
		}
		version, err := nextVersion(opts.data)
		if err != nil {
			return err
		}
		id, err := rollOut(ctx, opts, version, stderr)
		if err != nil {
			return command.Resumable(ctx, err)
		}
		if _, err := fmt.Fprintf(stdout, "rolled out %s 100%%\n", id); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		return os.WriteFile(told(opts.data, version), nil, 0o600)
	})
}

// nextVersion is the first version whose end was not told yet: 1.0.0, and at a start
// after that, 1.0.1.
func nextVersion(data string) (alipayplus.VersionNumber, error) {
	version := alipayplus.VersionNumber{Major: 1}
	for ; ; version.Patch++ {
		_, err := os.Stat(told(data, version))
		if errors.Is(err, os.ErrNotExist) {
			return version, nil
		}
		if err != nil {
			return version, err
		}
	}
}

// told is the file that is there when the end of a version was told.
func told(data string, version alipayplus.VersionNumber) string {
	return filepath.Join(data, "rolled-out-"+version.String())
}

// rollOut releases the version and returns the id of its release.
func rollOut(ctx context.Context, opts options, version alipayplus.VersionNumber, stderr io.Writer) (id string, err error) {
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
	if errors.Is(err, bolt.ErrLocked) {
		return "", fmt.Errorf("another one runs with the folder %s: wait until it has ended, or give another folder by -data: %w", opts.data, err)
	}
	if err != nil {
		return "", err
	}
	defer func() { err = cmp.Or(err, closing()) }()

	show := console.New(stderr)
	show.Step("everything is kept in %s: kill this at any moment, and run the same command again to go on", opts.data)
	release, err := prepare(ctx, session, show, version)
	if err != nil {
		return "", err
	}
	o := operator{
		target: rollout.ForRelease(session.Client, release.ID), spec: *spec,
		store: rollout.NewFileStore(filepath.Join(opts.data, "rollout")), show: show, out: stderr,
	}
	return release.ID, o.drive(ctx)
}
