// Command rollout shows how one writes a tool of one's own that releases: with a gate in Go, progress in one's own
// words, a report for a CI system, and an exit status. It embeds a platform in memory, and needs no account.
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
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// sample is how the version is released. In earnest a ratio is watched for hours or days: bake: 1d12h.
const sample = `
version: 1
review: adopt
deadline: 1h
gates:
  # The program gives it; others are described: errors: {http: {url: "https://metrics.example", field: rate, max: 0.01}}
  errors: {every: 1s}
steps:
  - {ratio: 1, bake: 1s, gates: [errors]}
  - {ratio: 10, bake: 1s, gates: [errors]}
  - {ratio: 50, bake: 1s, gates: [errors]}
  - {ratio: 100}
`

func main() {
	junit := flag.String("junit", "", "file that the steps and gates are written to as test cases")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, *junit, os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(int(status))
}

func run(ctx context.Context, junit string, stdout io.Writer, progress *log.Logger) report.Exit {
	client, release, err := prepare(ctx)
	if err != nil {
		progress.Printf("error: %v", err)
		return report.ExitOf(err)
	}
	// In earnest the store outlives the program, so that a later job continues: rollout.NewFileStore, gitstate.New.
	r := drive(ctx, rollout.ForRelease(client, release.ID), rollout.NewMemoryStore(), sample, progress)
	if junit != "" {
		err = r.WriteJUnit(junit)
	}
	if err == nil && r.ExitStatus == report.ExitDone {
		_, err = fmt.Fprintf(stdout, "rolled out %s 100%%\n", release.ID)
	}
	if err != nil {
		progress.Printf("error: %v", err)
		return cmp.Or(r.ExitStatus, report.ExitInternal)
	}
	return r.ExitStatus
}

// drive runs the rollout to its end, and reports it. Where a gate stops it, it is resumed once, as an operator would.
// The interval is that of a release in seconds; the default suits one of days.
func drive(ctx context.Context, target rollout.Target, store rollout.Store, text string, progress *log.Logger) *report.Report {
	mended := false
	gate := func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		errorRate := 0.002 // made up, and too high at 10 % until somebody has resumed the rollout
		if step.Ratio == 10 && !mended {
			errorRate = 0.031
		}
		return rollout.Bound{Max: new(0.01)}.Evaluate("error rate", errorRate)
	}
	sink := func(_ context.Context, e rollout.Event) error {
		progress.Printf("%-9s  %s", e.Kind, e.What)
		return nil
	}
	spec, err := rollout.ParseSpec([]byte(text))
	var runner *rollout.Runner
	if err == nil {
		runner, err = rollout.New(target, *spec, store, rollout.WithInterval(200*time.Millisecond), rollout.WithSink(sink), rollout.WithGate("errors", gate))
	}
	var state *rollout.State
	if err == nil {
		state, err = runner.Run(ctx)
	}
	if stopped, ok := errors.AsType[*rollout.StoppedError](err); ok && stopped.Stop.Cause == rollout.CauseGate {
		progress.Printf("%v\nthe operator finds what is wrong, and resumes", stopped)
		mended = true
		if _, err = runner.Resume(ctx, "the operator", "the server of the new page was restarted"); err == nil {
			state, err = runner.Run(ctx)
		}
	}
	if err != nil {
		progress.Printf("error: %v", err)
	}
	in := report.Input{Command: "run", State: state, Err: err}
	if state != nil {
		for entry, err := range store.Audit(ctx, state.Rollout) {
			if err == nil {
				in.Audit = append(in.Audit, entry)
			}
		}
	}
	return report.New(in)
}

// prepare makes a platform whose reviewers approve at once, with a release of one version on it.
func prepare(ctx context.Context) (*alipayplus.Client, *alipayplus.Release, error) {
	p, err := platform.New(platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	}))
	if err != nil {
		return nil, nil, err
	}
	client, err := p.AddOwner(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}, "owner")
	if err != nil {
		return nil, nil, err
	}
	workspace, err := client.Workspace.Get(ctx)
	if err != nil {
		return nil, nil, err
	}
	program, err := client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
		{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
	}})
	if err != nil {
		return nil, nil, err
	}
	version := alipayplus.VersionNumber{Major: 1}
	var build bytes.Buffer // a zip file
	archive := zip.NewWriter(&build)
	_, err = archive.Create("app.json")
	err1 := cmp.Or(err, archive.Close())
	_, err2 := client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	err3 := p.GrantAuthorization(ctx, workspace.ID, program.ID, alipayplus.TargetAlipayCN)
	release, err4 := client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	return client, release, cmp.Or(err1, err2, err3, err4)
}
