// Command release takes a mini program from its package to every user of AlipayCN: it
// creates the mini program, uploads the version, selects the app, gets the authorization,
// applies, waits for both reviews, climbs the grayscale ladder, and saves a QR code. Before
// each step it reads what is there, so it can be stopped at any point and started again.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

type options struct {
	baseURL, credentials, until, qr string
	confirm, final, json            bool
	version                         alipayplus.VersionNumber
	observe                         time.Duration
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
	client, browser, err := connect(ctx, opts)
	if err != nil {
		return nil, err
	}
	workspace, err := client.Workspace.Get(ctx)
	if err != nil {
		return nil, err
	}
	program, err := upload(ctx, client, opts.version)
	if err != nil {
		return nil, err
	}
	progress.Printf("mini program %s of %q has version %v", program.ID, workspace.Name, opts.version)
	r, err := selectApp(ctx, client, browser, program.ID, opts.version, progress)
	if err != nil || opts.until == "created" {
		return r, err
	}
	for r.Status != alipayplus.ReleaseFull {
		progress.Printf("%s at %v of %v", r.Status, r.Grayscale.Ratio, r.Grayscale.Ladder)
		if r, err = advance(ctx, client, r, &workspace.Company, opts); err != nil {
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
func advance(ctx context.Context, client *alipayplus.Client, r *alipayplus.Release, company *alipayplus.BusinessRegistration, opts options) (*alipayplus.Release, error) {
	next, _ := r.Grayscale.Ladder.Next(r.Grayscale.Ratio)
	switch {
	case r.Status == alipayplus.ReleaseNewVersionCreated:
		return client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: company})
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
	_, err = archive.Create("app.json")
	if err := cmp.Or(err, archive.Close()); err != nil {
		return nil, err
	}
	_, err = client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	return program, err
}

// selectApp finds the release of the version, or makes it by selecting AlipayCN for the version.
func selectApp(ctx context.Context, client *alipayplus.Client, browser *http.Client, program string, version alipayplus.VersionNumber, progress *log.Logger) (*alipayplus.Release, error) {
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
	if browser == nil {
		progress.Printf("open this page, press 确认选择 and then 确认授权: %s", begun.URL)
	} else if err := confirm(ctx, browser, begun.URL); err != nil {
		return nil, fmt.Errorf("confirm the authorization: %w", err)
	}
	authorization := alipayplus.AuthorizationInput{ProgramID: program, TargetApp: in.TargetApp}
	if _, err := client.Authorizations.WaitGranted(ctx, authorization, alipayplus.AuthorizationWait{}); err != nil {
		return nil, err
	}
	return client.Releases.Create(ctx, in)
}

// confirm does on the page of the simulated AlipayCN what a person does on the real one.
func confirm(ctx context.Context, browser *http.Client, page string) error {
	address, query, _ := strings.Cut(page, "?")
	for _, step := range []string{"select", "confirm"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(query+"&step="+step))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("step %s: the page answered %s", step, resp.Status)
		}
	}
	return nil
}

// connect returns a client of the platform at -base-url, or of one in this process, and what confirms its pages; nil: a person.
func connect(ctx context.Context, opts options) (client *alipayplus.Client, browser *http.Client, err error) {
	if opts.baseURL == "" {
		p, err := platform.New(platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(time.Second)
		}))
		if err != nil {
			return nil, nil, err
		}
		workspace, err := p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
			CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
			Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
		})
		if err == nil {
			err = p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner})
		}
		if err == nil {
			client, err = p.Client(ctx, workspace, "owner")
		}
		return client, p.HTTPClient(), err
	}
	with := []alipayplus.Option{alipayplus.WithBaseURL(opts.baseURL)}
	if opts.credentials != "" {
		id, err1 := os.ReadFile(filepath.Join(opts.credentials, "client-id"))
		key, err2 := os.ReadFile(filepath.Join(opts.credentials, "private-key.pem"))
		platformKey, err3 := os.ReadFile(filepath.Join(opts.credentials, "platform-public-key.pem"))
		if err := cmp.Or(err1, err2, err3); err != nil {
			return nil, nil, fmt.Errorf("credentials: %w", err)
		}
		with = append(with, alipayplus.WithClientID(strings.TrimSpace(string(id))), alipayplus.WithPrivateKey(key), alipayplus.WithPlatformKey("1", platformKey))
	}
	if opts.confirm {
		browser = http.DefaultClient
	}
	client, err = alipayplus.NewFromEnv(with...)
	return client, browser, err
}
