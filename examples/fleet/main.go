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
	"errors"
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
			return command.Misuse(errors.New("-programs, -workers and -rate must be above 0, and -canaries from 0 to 1"))
		}
		err := release(ctx, opts, stdout, stderr)
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w; nothing is kept, so the next start begins anew", err)
		}
		return command.Interruptible(ctx, err)
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
	if _, err := fmt.Fprintf(stdout, "%s\nfleet of %s: %s\n", table(summary), counted(opts.programs, "release"), summary); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	err = w.check(summary, err)
	if errors.Is(err, rollout.ErrPending) { // it would say that it goes on when it is run again
		return fmt.Errorf("fleet: %s", summary)
	}
	return err
}
