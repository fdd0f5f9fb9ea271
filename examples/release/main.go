// Command release takes a mini program from its package to every user of AlipayCN: it creates the mini program, uploads
// the version, selects the app, gets the authorization, applies, waits for both reviews, climbs the grayscale ladder, and
// saves a QR code. Before each step it reads what is there, so it can be stopped at any point and started again.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp/alipaycnapptest"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

type options struct {
	baseURL, credentials, until, qr, template string
	confirm, final, json, alipayCN            bool
	version                                   alipayplus.VersionNumber
	observe                                   time.Duration
}

func main() {
	var opts options
	flag.StringVar(&opts.baseURL, "base-url", os.Getenv("ALIPAYPLUS_BASE_URL"), "address of the platform; without it one is embedded (ALIPAYPLUS_BASE_URL)")
	flag.StringVar(&opts.credentials, "credentials", "", "folder that examples/platform wrote for a member; without it the ALIPAYPLUS_* variables are used")
	flag.TextVar(&opts.version, "version", alipayplus.VersionNumber{Major: 1}, "number of the version")
	flag.StringVar(&opts.until, "until", "released", "how far to go: created, and print the release's id, or released, to all users")
	flag.BoolVar(&opts.final, "final", false, "release to all users at once instead of by grayscale")
	flag.DurationVar(&opts.observe, "observe", 300*time.Millisecond, "how long to stay at each ratio before raising it")
	flag.StringVar(&opts.qr, "qr", "qrcode.png", "where the QR code is saved; empty: nowhere")
	flag.BoolVar(&opts.json, "json", false, "print one JSON object on stdout instead of a line")
	flag.BoolVar(&opts.confirm, "confirm-authorization", false, "confirm the authorization page without a person (simulated AlipayCN only; always on with the embedded platform)")
	flag.BoolVar(&opts.alipayCN, "alipaycn", false, "release to AlipayCN itself, by its own API and ladder; with the embedded platform, to a stand-in for it in this process")
	flag.StringVar(&opts.template, "template", alipaycnapptest.Template, "with -alipaycn: id of the template that a version which AlipayCN does not have is built from")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	if len(args) > 0 || opts.until != "created" && opts.until != "released" || opts.baseURL == "" && opts.credentials != "" {
		progress.Print("error: there are flags only; -until must be created or released, and -credentials need a -base-url")
		return 2
	}
	r, err := release(ctx, opts, progress)
	switch {
	case err != nil && ctx.Err() != nil:
		progress.Printf("interrupted: %v\n%s", err, map[bool]string{true: "The embedded platform has forgotten everything: the next start begins anew.", false: "Run the same command again: what is done is not done twice."}[opts.baseURL == ""])
		return 130 // as shells report SIGINT
	case err != nil:
	case opts.json:
		err = json.NewEncoder(stdout).Encode(map[string]any{"programId": r.ProgramID, "version": r.Version, "targetApp": r.TargetApp, "releaseId": r.ID, "status": r.Status, "ratio": r.Grayscale.Ratio})
	case opts.until == "created":
		_, err = fmt.Fprintln(stdout, r.ID)
	default:
		_, err = fmt.Fprintf(stdout, "released %s %v to %s at %v\n", r.ProgramID, r.Version, r.TargetApp, r.Grayscale.Ratio)
	}
	if err != nil {
		progress.Printf("error: %v", err)
		return 1
	}
	return 0
}

// release takes the version as far as -until says, from wherever an earlier run left it.
func release(ctx context.Context, opts options, progress *log.Logger) (*alipayplus.Release, error) {
	client, confirm, err := connect(ctx, opts, progress)
	if err != nil {
		return nil, err
	}
	program, err := upload(ctx, client, opts.version)
	if err != nil {
		return nil, err
	}
	progress.Printf("mini program %s has version %v", program.ID, opts.version)
	r, err := selectApp(ctx, client, confirm, program.ID, opts.version, progress)
	if err != nil || opts.until == "created" {
		return r, err
	}
	for r.Status != alipayplus.ReleaseFull {
		progress.Printf("%s at %v of %v", r.Status, r.Grayscale.Ratio, r.Grayscale.Ladder)
		if r, err = advance(ctx, client, r, opts); err != nil {
			return nil, err
		}
	}
	code, err := client.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{AppID: program.ID, Page: "pages/index/index"})
	if err == nil && opts.qr != "" {
		err = code.Save(opts.qr)
	}
	return r, err
}

// advance does what the status of the release asks for.
func advance(ctx context.Context, client *alipayplus.Client, r *alipayplus.Release, opts options) (*alipayplus.Release, error) {
	next, _ := r.Grayscale.Ladder.Next(r.Grayscale.Ratio)
	switch {
	case r.Status == alipayplus.ReleaseNewVersionCreated && opts.alipayCN && r.Configuration.AlipayCN == nil:
		return configure(ctx, client, r.ID, opts.template)
	case r.Status == alipayplus.ReleaseNewVersionCreated:
		return client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: r.BasicInfo})
	case r.Status == alipayplus.ReleaseUnderReview:
		return client.Releases.WaitReviewed(ctx, r.ID, alipayplus.ReleaseWait{}) // a rejection is an error
	case r.Status == alipayplus.ReleasePreparation && opts.final:
		return client.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: r.ID})
	case r.Status == alipayplus.ReleasePreparation:
		return client.Releases.StartGrayscale(ctx, r.GrayscaleTo(next))
	case r.Status == alipayplus.ReleaseGrayscale:
		select { // read your metrics here
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(opts.observe):
			return client.Releases.Raise(ctx, r.GrayscaleTo(next))
		}
	default:
		return nil, fmt.Errorf("release %s is %s: nothing leads from there to all users", r.ID, r.Status)
	}
}

// upload finds the mini program by its name, or creates it, and uploads the version unless it is there.
func upload(ctx context.Context, client *alipayplus.Client, version alipayplus.VersionNumber) (program *alipayplus.Program, err error) {
	english := alipayplus.Localization{Language: "en-US", Name: "Blue Lake Tea", Tagline: "Tea from the lake, at your door"}
	chinese := alipayplus.Localization{Language: "zh-CN", Name: "蓝湖茶", Tagline: "湖畔好茶，送到家门口"} // AlipayCN asks for it
	for program, err = range client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil || program.Name() == english.Name {
			break
		}
		program = nil
	}
	if err == nil && program == nil {
		program, err = client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{english, chinese}})
	}
	if err != nil || program.LatestVersion.Compare(version) >= 0 {
		return program, err
	}
	var build bytes.Buffer // a zip file that holds nothing; open your own instead
	archive := zip.NewWriter(&build)
	_, _ = archive.Create("app.json") // a buffer takes all
	_ = archive.Close()
	_, err = client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len())})
	return program, err
}

// selectApp finds the release of the version, or makes it by selecting AlipayCN for the version.
func selectApp(ctx context.Context, client *alipayplus.Client, confirm func(ctx context.Context, page string) error, program string, version alipayplus.VersionNumber, progress *log.Logger) (*alipayplus.Release, error) {
	for r, err := range client.Releases.All(ctx, alipayplus.ListReleasesInput{ProgramID: program, TargetApp: alipayplus.TargetAlipayCN}) {
		if err != nil || r.Version == version {
			return r, err
		}
	}
	in := alipayplus.CreateReleaseInput{ProgramID: program, Version: version, TargetApp: alipayplus.TargetAlipayCN}
	r, err := client.Releases.Create(ctx, in)
	if !errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		return r, err
	}
	// The first time, somebody must allow the platform to call AlipayCN for this mini program.
	begun, err := client.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: in.TargetApp})
	if err != nil {
		return nil, err
	}
	if confirm == nil {
		progress.Printf("open this page, press 确认选择 and then 确认授权: %s", begun.URL)
	} else if err := confirm(ctx, begun.URL); err != nil {
		return nil, fmt.Errorf("confirm the authorization: %w", err)
	}
	if _, err := client.Authorizations.WaitGranted(ctx, alipayplus.AuthorizationInput{ProgramID: program, TargetApp: in.TargetApp}, alipayplus.AuthorizationWait{}); err != nil {
		return nil, err
	}
	return client.Releases.Create(ctx, in)
}

// connect returns a client of the platform at -base-url, or of one in this process, and what confirms its pages; nil: a person.
func connect(ctx context.Context, opts options, progress *log.Logger) (client *alipayplus.Client, confirm func(ctx context.Context, page string) error, err error) {
	if opts.baseURL == "" {
		return embed(ctx, opts, progress)
	}
	with := []alipayplus.Option{alipayplus.WithBaseURL(opts.baseURL)}
	if opts.credentials != "" {
		with = append(with, alipayplus.WithCredentials(opts.credentials))
	}
	if opts.confirm {
		confirm = func(ctx context.Context, page string) error {
			return platform.ConfirmSimulated(ctx, http.DefaultClient, page)
		}
	}
	client, err = alipayplus.NewFromEnv(with...)
	return client, confirm, err
}

// embed starts a platform in this process, whose reviewers take a second. With -alipaycn a stand-in for AlipayCN is behind
// it, whose every call is shown; examples/platform has AlipayCN itself.
func embed(ctx context.Context, opts options, progress *log.Logger) (*alipayplus.Client, func(ctx context.Context, page string) error, error) {
	store, confirm := storage.NewMemory(), platform.ConfirmSimulated
	with := []platform.Option{platform.WithStore(store), platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	})}
	if opts.alipayCN {
		app, gateway, err := alipaycnapptest.New(store, []alipaycntest.Option{alipaycntest.WithAutoReview(time.Second)}, alipaycn.WithObserver(
			func(_ context.Context, a alipaycn.Attempt) {
				progress.Printf("AlipayCN was asked for %s, trace %s", a.API, a.TraceID)
			}))
		if err != nil {
			return nil, nil, err
		}
		with, confirm = append(with, platform.WithTargetBackends(app)), alipaycnapptest.Confirm(gateway)
	}
	p, err := platform.New(with...)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.AddOwner(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG", Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}, "owner")
	return client, func(ctx context.Context, page string) error { return confirm(ctx, p.HTTPClient(), page) }, err
}

// configure says what AlipayCN reviews: texts, a logo, and the template that the version is built from unless it is there.
func configure(ctx context.Context, client *alipayplus.Client, release, template string) (*alipayplus.Release, error) {
	var logo bytes.Buffer // a black square; open your own instead
	_ = png.Encode(&logo, image.NewGray(image.Rect(0, 0, 180, 180)))
	file, err := client.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(logo.Bytes()), Size: int64(logo.Len())})
	if err != nil {
		return nil, err
	}
	in := alipayplus.AlipayCNApplication{
		Name: "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
		Description: "The first version: order tea from the lake, and have it brought to your door.", LogoFileID: file.ID,
		Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", TwoStageReview: true,
		Template: &alipayplus.AlipayCNTemplate{ID: template},
	}
	return client.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: release, Configuration: alipayplus.Configuration{AlipayCN: &in}})
}
