// Command rollout lets a release drive itself to all users of AlipayCN: through its
// reviews and up the ladder of ratios, past a gate. The gate fails at 10 %, so the
// rollout pauses there; the program shows why, and resumes it as an operator would.
//
// The platform is embedded in the program. Its records and the rollout's are kept in
// a folder, so that the program can be killed at any moment: started again, it goes
// on where it was, and ends the same.
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
	"path/filepath"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// sample is how the version is released. In earnest a ratio is watched for hours or days: bake: 1d12h.
const sample = `
version: 1
review: adopt
reviewDeadline: 10m
deadline: 1h
onGateFailure: pause
gates:
  # Nothing but a name and how often it is asked: the program gives it. Others are described here, for example
  #   errors: {http: {url: "https://metrics.example/errors", field: errorRate, max: 0.01}}
  errors: {every: 1s}
steps:
  - {ratio: 1, bake: 2s, gates: [errors]}
  - {ratio: 5, bake: 2s, gates: [errors]}
  - {ratio: 10, bake: 2s, gates: [errors]}
  - {ratio: 20, bake: 2s, gates: [errors]}
  - {ratio: 30, bake: 2s, gates: [errors]}
  - {ratio: 50, bake: 2s, gates: [errors]}
  - {ratio: 100}
`

type options struct{ spec, data string }

func main() {
	opts := options{spec: sample}
	flag.StringVar(&opts.data, "data", "rollout-data", "folder that the platform and the rollout are kept in, for the next start to go on with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	if len(args) > 0 || opts.data == "" {
		progress.Print("error: there are flags only, and -data must name a folder")
		return 2
	}
	// The first start releases 1.0.0. Its end is marked by a file, and the start after that releases 1.0.1.
	ends, _ := filepath.Glob(filepath.Join(opts.data, "rolled-out-*")) // the pattern is a good one
	version := alipayplus.VersionNumber{Major: 1, Patch: int32(len(ends))}
	id, err := rollOut(ctx, opts, version, progress)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "rolled out %s 100%%\n", id)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(opts.data, "rolled-out-"+version.String()), nil, 0o600)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		progress.Printf("interrupted: %v\nRun the same command again: what is done is not done twice.", err)
		return 130 // as shells report SIGINT
	default:
		progress.Printf("error: %v", err)
		return 1
	}
}

// rollOut releases the version and returns the id of its release.
func rollOut(ctx context.Context, opts options, version alipayplus.VersionNumber, progress *log.Logger) (id string, err error) {
	spec, err := rollout.ParseSpec([]byte(opts.spec))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(opts.data, 0o700); err != nil {
		return "", err
	}
	records, err := bolt.Open(filepath.Join(opts.data, "platform"))
	if err != nil {
		return "", fmt.Errorf("%w; wait until another one with this folder has ended, or give another folder by -data", err)
	}
	defer func() { err = cmp.Or(err, records.Close()) }()
	p, err := platform.New(platform.WithStore(records), platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	}))
	if err != nil {
		return "", err
	}
	progress.Printf("everything is kept in %s: kill this at any moment, and run the same command again to go on", opts.data)
	client, release, err := prepare(ctx, p, opts.data, version)
	if err != nil {
		return "", err
	}
	progress.Printf("mini program %s, version %v: release %s", release.ProgramID, release.Version, release.ID)
	return release.ID, drive(ctx, rollout.ForRelease(client, release.ID), *spec, rollout.NewFileStore(filepath.Join(opts.data, "rollout")), progress)
}

// enter returns the client of the owner of the one workspace, which the first start makes.
func enter(ctx context.Context, p *platform.Platform, data string) (client *alipayplus.Client, workspace string, err error) {
	file := filepath.Join(data, "workspace")
	if id, err := os.ReadFile(file); err == nil {
		workspace = string(id)
	}
	if workspace == "" {
		workspace, err = p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
			CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
			Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
		})
		if err == nil {
			err = os.WriteFile(file, []byte(workspace), 0o600)
		}
	}
	if err == nil {
		err = p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner})
	}
	if err == nil {
		client, err = p.Client(ctx, workspace, "owner")
	}
	return client, workspace, err
}

// prepare finds or makes the mini program, its version and the release of that: an earlier start may have been
// killed after any step.
func prepare(ctx context.Context, p *platform.Platform, data string, version alipayplus.VersionNumber) (*alipayplus.Client, *alipayplus.Release, error) {
	client, workspace, err := enter(ctx, p, data)
	if err != nil {
		return nil, nil, err
	}
	var program *alipayplus.Program
	for program, err = range client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		break // there is one at most
	}
	if err == nil && program == nil {
		program, err = client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
			{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
		}})
	}
	if err == nil {
		err = p.GrantAuthorization(ctx, workspace, program.ID, alipayplus.TargetAlipayCN)
	}
	if err == nil && program.LatestVersion.Compare(version) < 0 {
		var build bytes.Buffer // a zip file that holds nothing
		archive := zip.NewWriter(&build)
		_, err1 := archive.Create("app.json")
		err2 := archive.Close()
		_, err3 := client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
			ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
		})
		err = cmp.Or(err1, err2, err3)
	}
	if err != nil {
		return nil, nil, err
	}
	for r, err := range client.Releases.All(ctx, alipayplus.ListReleasesInput{ProgramID: program.ID}) {
		if err != nil || r.Version == version {
			return client, r, err
		}
	}
	release, err := client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	return client, release, err
}

// drive runs the rollout to its end. It resumes it once, as an operator would: what pauses it again is for
// somebody to look into. The interval is that of a release in seconds; the default suits one of days.
func drive(ctx context.Context, target rollout.Target, spec rollout.Spec, store rollout.Store, progress *log.Logger) error {
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
	runner, err := rollout.New(target, spec, store, rollout.WithInterval(500*time.Millisecond), rollout.WithSink(sink), rollout.WithGate("errors", gate))
	if err != nil {
		return err
	}
	plan, err := runner.Plan(ctx)
	if err != nil {
		return err
	}
	progress.Print(plan)
	for attempt := 1; ; attempt++ {
		if mended, err = wasResumed(ctx, store, runner.Name()); err != nil {
			return fmt.Errorf("the audit log cannot be read: %w", err)
		}
		_, err := runner.Run(ctx)
		stopped, ok := errors.AsType[*rollout.StoppedError](err)
		switch {
		case !ok:
			return err
		case stopped.Status != rollout.Paused:
			return fmt.Errorf("%w; here: give another folder by -data", err)
		case stopped.Stop.Cause == rollout.CausePerson || attempt > 1:
			return fmt.Errorf("%w; here: see \"What an operator can do\" in the README", err)
		}
		progress.Printf("%v\nthe operator finds what is wrong, and resumes; see the README for the other ways out", stopped)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if _, err := runner.Resume(ctx, "the operator", "the server of the new page was restarted"); err != nil {
			return err
		}
	}
}

// wasResumed reads it from the audit log, so that a start after a kill finds it, too.
func wasResumed(ctx context.Context, store rollout.Store, name string) (bool, error) {
	for entry, err := range store.Audit(ctx, name) {
		if err != nil || entry.Action == rollout.EventResumed {
			return err == nil, err
		}
	}
	return false, nil
}
