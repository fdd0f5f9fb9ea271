// Command fleet releases a version of each of many mini programs at once: a few
// canaries first, and the others when those have reached all users.
//
// The platform is embedded in the program and lives in memory, with a workspace for
// every ten mini programs, which is as many as may go to AlipayCN from one. Two
// releases are made to fail, so that the summary has something to tell: a reviewer
// rejects one, and a gate stops another.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

type options struct {
	programs int
	workers  int
	canaries float64
	rate     float64
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opts options
	set := flag.NewFlagSet("fleet", flag.ContinueOnError)
	set.IntVar(&opts.programs, "programs", 1000, "how many mini programs there are")
	set.IntVar(&opts.workers, "workers", 8, "how many releases are acted on at a time")
	set.Float64Var(&opts.canaries, "canaries", 0.02, "share of the releases that go ahead, from 0 to 1")
	set.Float64Var(&opts.rate, "rate", 1000, "most calls of the platform in a second, for all releases together")
	return command.Run(set, args, stderr, func() error {
		if opts.programs < 1 || opts.workers < 1 || !(opts.rate > 0) || !(opts.canaries >= 0 && opts.canaries <= 1) {
			return fmt.Errorf("-programs, -workers and -rate must be above 0, and -canaries from 0 to 1: %w", alipayplus.ErrInvalid)
		}
		return command.Interruptible(ctx, release(ctx, opts, stdout, stderr))
	})
}

// release makes the mini programs and releases them.
func release(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	w, err := prepare(ctx, opts, console.NewBar(stderr, "preparing", opts.programs))
	if err != nil {
		return err
	}
	progress := newProgress(console.NewBar(stderr, "releasing", opts.programs*int(alipayplus.FullRatio)))
	fleet, err := rollout.NewFleet(w.targets, spec(), rollout.NewMemoryStore(), rollout.FleetOptions{
		Workers:    opts.workers,
		Limiter:    rate.NewLimiter(rate.Limit(opts.rate), max(1, int(opts.rate/10))),
		Canaries:   opts.canaries,
		OnProgress: progress.show,
	}, rollout.WithGate(gateName, w.judge))
	if err != nil {
		return err
	}
	summary, err := fleet.Run(ctx)
	progress.bar.End()
	if _, err := fmt.Fprintf(stdout, "%s\nfleet of %d releases: %s\n", summary.Markdown(), opts.programs, summary); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	return w.check(summary, err)
}
