// Command fleet releases a version of each of many mini programs at once: a few
// canaries first, and the others when those have reached all users.
//
// The platform is embedded in the program and lives in memory, with a workspace for
// every ten mini programs, which is as many as may go to AlipayCN from one. Two
// releases are made to fail, so that the summary has something to say: a reviewer
// rejects one, and a gate stops another.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

type options struct {
	programs, workers int
	canaries, rate    float64
}

func main() {
	var opts options
	flag.IntVar(&opts.programs, "programs", 1000, "how many mini programs there are")
	flag.IntVar(&opts.workers, "workers", 8, "how many releases are acted on at a time")
	flag.Float64Var(&opts.canaries, "canaries", 0.02, "share of the releases that go ahead, from 0 to 1")
	flag.Float64Var(&opts.rate, "rate", 1000, "most calls of the platform in a second, for all releases together")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	switch {
	case len(args) > 0:
		progress.Printf("error: there are flags only, and %q is none", args[0])
		return 2
	case opts.programs < 1 || opts.workers < 1 || !(opts.rate > 0) || !(opts.canaries >= 0 && opts.canaries <= 1): // so put, NaN is refused
		progress.Print("error: -programs, -workers and -rate must be above 0, and -canaries from 0 to 1")
		return 2
	}
	err := release(ctx, opts, stdout, progress)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		progress.Printf("interrupted: %v; nothing is kept, so the next start begins anew", err)
		return 130 // as shells report SIGINT
	default:
		progress.Printf("error: %v", err)
		return 1
	}
}

// spec is how each version is released, in seconds. In earnest a ratio is watched for
// hours or days.
func spec() rollout.Spec {
	const bake = rollout.Duration(time.Second)
	return rollout.Spec{
		Version: rollout.SpecVersion,
		Gates:   map[string]rollout.GateSpec{"errors": {Every: bake}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: bake, Gates: []string{"errors"}},
			{Ratio: 100},
		},
	}
}

// release makes the mini programs and releases them.
func release(ctx context.Context, opts options, stdout io.Writer, progress *log.Logger) error {
	var rejected, faulty string // the two targets that are made to fail; empty: none
	p, err := platform.New(platform.WithAutoReview(func(party alipayplus.Party, r *alipayplus.Request) platform.Decision {
		if party == alipayplus.PartyAlipayCN && "release "+r.ReleaseID == rejected {
			return platform.RejectAfter(time.Second, "the privacy page is missing")
		}
		return platform.ApproveAfter(time.Second)
	}))
	if err != nil {
		return err
	}
	targets, err := prepare(ctx, p, opts.programs)
	if err != nil {
		return err
	}
	progress.Printf("%d mini programs made, each with a release", len(targets))
	// Not a canary: while one of those is not released, nothing else begins.
	canaries, last := int(math.Ceil(opts.canaries*float64(len(targets)))), len(targets)-1
	if last >= canaries {
		rejected = targets[last].ID()
	}
	if last-1 >= canaries {
		faulty = targets[last-1].ID()
	}
	// The gate: a made-up rate of errors, which is too high for one release.
	gate := func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		errorRate := 0.002
		if step.Target == faulty {
			errorRate = 0.031
		}
		return rollout.Bound{Max: new(0.01)}.Evaluate("error rate", errorRate)
	}
	var shown string
	var at time.Time
	fleet, err := rollout.NewFleet(targets, spec(), rollout.NewMemoryStore(), rollout.FleetOptions{
		Workers:  opts.workers,
		Limiter:  rate.NewLimiter(rate.Limit(opts.rate), max(1, int(opts.rate/10))),
		Canaries: opts.canaries,
		OnProgress: func(now rollout.FleetProgress) {
			if counts := fmt.Sprint(now.Counts); counts != shown && time.Since(at) >= time.Second {
				shown, at = counts, time.Now()
				progress.Printf("releasing %s", counts)
			}
		},
	}, rollout.WithGate("errors", gate))
	if err != nil {
		return err
	}
	summary, err := fleet.Run(ctx)
	text := fmt.Sprintf("fleet of %d releases: %s", len(targets), summary)
	if ctx.Err() == nil {
		text = summary.Markdown() + "\n" + text
	}
	if _, err := fmt.Fprintln(stdout, text); err != nil {
		return err
	}
	err = check(summary, err, rejected, faulty)
	if errors.Is(err, rollout.ErrPending) { // whose text says that it goes on when it is run again
		return fmt.Errorf("fleet: %s", summary)
	}
	return err
}

// prepare makes mini programs with a release of their first version, ready to be applied for.
func prepare(ctx context.Context, p *platform.Platform, programs int) ([]rollout.Target, error) {
	const perWorkspace = 10
	targets := make([]rollout.Target, programs)
	errs := make([]error, (programs+perWorkspace-1)/perWorkspace)
	var workspaces sync.WaitGroup
	for i := range errs {
		first := i * perWorkspace
		workspaces.Go(func() { errs[i] = workspace(ctx, p, targets[first:min(first+perWorkspace, programs)], first) })
	}
	workspaces.Wait()
	return targets, cmp.Or(errs...)
}

// workspace makes a workspace with mini programs, the first of which has a number, for the targets.
func workspace(ctx context.Context, p *platform.Platform, targets []rollout.Target, first int) error {
	company := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	client, err := p.AddOwner(ctx, company, "owner")
	if err != nil {
		return err
	}
	space, err := client.Workspace.Get(ctx)
	if err != nil {
		return err
	}
	// The releases of one workspace are read together. Each would ask for the company
	// that applies, if it were not given here.
	releases := rollout.NewReleases(client, rollout.WithBasicInfo(company))
	for i := range targets {
		program, err := client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
			{Language: "en-US", Name: fmt.Sprintf("Blue Lake Tea %d", first+i+1)}, {Language: "zh-CN", Name: "蓝湖茶"},
		}})
		if err != nil {
			return err
		}
		if err := p.GrantAuthorization(ctx, space.ID, program.ID, alipayplus.TargetAlipayCN); err != nil {
			return err
		}
		var build bytes.Buffer // a zip file that holds nothing
		archive := zip.NewWriter(&build)
		_, err = archive.Create("app.json")
		if err := cmp.Or(err, archive.Close()); err != nil {
			return err
		}
		version := alipayplus.VersionNumber{Major: 1}
		if _, err := client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
			ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
		}); err != nil {
			return err
		}
		release, err := client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
		if err != nil {
			return err
		}
		targets[i] = releases.Release(release.ID)
	}
	return nil
}

// check makes sure that every release ended as it should: one rejected, one stopped by
// its gate, and all others done. Else the error is that of the fleet.
func check(summary *rollout.FleetSummary, err error, rejected, faulty string) error {
	for _, t := range summary.Members {
		asItShould := t.Status == rollout.FleetStatus(rollout.Done)
		switch t.Target {
		case rejected:
			asItShould = errors.Is(t.Err, rollout.ErrRejected)
		case faulty:
			asItShould = errors.Is(t.Err, rollout.ErrGateFailed)
		}
		if !asItShould {
			return cmp.Or(err, fmt.Errorf("%s ended as %s, which it should not", t.Target, t.Status))
		}
	}
	return nil
}
