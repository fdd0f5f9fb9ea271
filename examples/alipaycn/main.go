// Command alipaycn puts a version of a mini program in front of AlipayCN's users: it
// applies with logo and screenshots, waits for the verdict, raises the grayscale release
// from 10 to 30 to 50 percent, publishes, and makes a QR code. Before each step it reads
// the version's status, so it can be stopped at any point and started again.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

type options struct {
	version alipayplus.VersionNumber
	files   string
	observe time.Duration
}

func main() {
	var opts options
	flag.TextVar(&opts.version, "version", alipayplus.VersionNumber{Patch: 1}, "version to release; it must exist, in development or further")
	flag.StringVar(&opts.files, "files", "", "folder with application.json, logo.png and screenshot-*.png; empty: a sample, which AlipayCN itself does not get")
	flag.DurationVar(&opts.observe, "observe", 300*time.Millisecond, "how long to stay at each ratio before raising it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	if len(args) > 0 {
		progress.Printf("error: there are flags only, and %q is none", args[0])
		return 2
	}
	appID, err := release(ctx, opts, progress)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "published %s %v\n", appID, opts.version)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		progress.Printf("interrupted: %v\n%s", err, map[bool]string{true: "The stand-in in this process has forgotten everything: the next start begins anew.", false: "Run the same command again: what is done is not done twice."}[os.Getenv("ALIPAYCN_APP_ID") == "" && os.Getenv("ALIPAYCN_ENDPOINT") == ""])
		return 130 // as shells report SIGINT
	default:
		progress.Printf("error: %v", err)
		return 1
	}
}

// release takes the version to all users, from wherever an earlier run left it.
func release(ctx context.Context, opts options, progress *log.Logger) (appID string, err error) {
	application, err := readApplication(opts)
	if err != nil {
		return "", err
	}
	client, appID, err := connect(ctx, opts, progress)
	if err != nil {
		return "", err
	}
	for done := false; !done; {
		if done, err = advance(ctx, client, application, opts, progress); err != nil {
			return "", err
		}
	}
	return appID, nil
}

// advance does what the status of the version asks for, and says whether all users have it.
func advance(ctx context.Context, client *alipaycn.Client, application alipaycn.ApplyInput, opts options, progress *log.Logger) (done bool, err error) {
	in := alipaycn.VersionInput{Version: opts.version}
	v, err := client.Versions.Get(ctx, in)
	if err != nil {
		return false, err
	}
	at, _ := v.GrayStrategy.Ratio()
	progress.Printf("version %s: %s at %v", v.Version, v.Status, at)
	if v.Status == alipaycn.StatusGray {
		select { // read your metrics here
		case <-ctx.Done():
			return false, fmt.Errorf("version %v is at %v: %w", opts.version, at, context.Cause(ctx))
		case <-time.After(opts.observe):
		}
	}
	next, _ := alipaycn.GrayLadder().Next(at)
	strategy, _ := alipaycn.GrayStrategyOf(next) // none for all users: that is Publish
	switch {
	case v.Status == alipaycn.StatusInit:
		_, err = client.Versions.Apply(ctx, application)
	case v.Status == alipaycn.StatusAuditing, v.Status == alipaycn.StatusAuditReject, v.Status == alipaycn.StatusPromoteAuditReject:
		_, err = client.Versions.WaitReviewed(ctx, in, alipaycn.ReviewWait{}) // a rejection is an error
	case v.Status == alipaycn.StatusWaitRelease:
		err = client.Versions.StartGray(ctx, alipaycn.GrayInput{Version: opts.version, Strategy: strategy})
	case v.Status == alipaycn.StatusGray && next < alipayplus.FullRatio:
		err = client.Versions.RaiseGray(ctx, alipaycn.GrayInput{Version: opts.version, Strategy: strategy})
	case v.Status == alipaycn.StatusGray, v.Status == alipaycn.StatusBaseAuditPass: // that one has no grayscale release
		err = client.Versions.Publish(ctx, alipaycn.PublishInput{Version: opts.version})
	case v.Status == alipaycn.StatusRelease:
		code, err := client.QRCodes.Create(ctx, alipaycn.CreateQRCodeInput{Page: "pages/index/index", Description: "the released version"})
		if err != nil { // the version is out, with or without it
			progress.Printf("going on without a QR code: %v", err)
			return true, ctx.Err()
		}
		progress.Printf("QR code: %s", code.URL)
		return true, nil
	default:
		err = fmt.Errorf("version %v is in status %q and cannot be released: upload a higher version", opts.version, v.Status)
	}
	return false, err
}

// readApplication reads what is applied with from the folder of -files, or makes a sample.
func readApplication(opts options) (in alipaycn.ApplyInput, err error) {
	if opts.files == "" {
		if os.Getenv("ALIPAYCN_APP_ID") != "" && cmp.Or(os.Getenv("ALIPAYCN_ENDPOINT"), alipaycn.Production) == alipaycn.Production {
			return in, errors.New("AlipayCN reviews your own texts and pictures, not the sample: give -files FOLDER")
		}
		return alipaycn.ApplyInput{
			Version: opts.version, Description: "A first version, with a menu and a way to order tea.",
			AppName: "BlueLakeTea", AppEnglishName: "BlueLakeTea", AppSlogan: "Tea from the blue lake",
			AppDescription: "Order tea from the blue lake, and drink it there.", Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"},
			ServicePhone: "13110101010", RegionType: alipaycn.RegionChina, AuditRule: alipaycn.AuditRuleBasePromote,
			AppLogo: picture(180, 180), ScreenShots: []alipaycn.File{*picture(270, 480), *picture(270, 480)},
		}, nil
	}
	text, err := os.ReadFile(filepath.Join(opts.files, "application.json"))
	if err != nil {
		return in, fmt.Errorf("-files: %w", err)
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields() // a misspelt field would be left out silently
	if err := strict.Decode(&in); err != nil {
		return in, fmt.Errorf("application.json in %s: %w", opts.files, err)
	}
	in.Version = opts.version
	in.AppLogo, err = open(filepath.Join(opts.files, "logo.png"))
	names, _ := filepath.Glob(filepath.Join(opts.files, "screenshot-*.png")) // none matches: AlipayCN says how many it needs
	for _, name := range names {
		shot, openErr := open(name)
		in.ScreenShots, err = append(in.ScreenShots, *shot), cmp.Or(err, openErr)
	}
	return in, err
}

func open(name string) (*alipaycn.File, error) {
	content, err := os.ReadFile(name)
	return &alipaycn.File{Name: filepath.Base(name), Content: bytes.NewReader(content), Size: int64(len(content))}, err
}

// picture draws a black picture, which stands for one of yours.
func picture(width, height int) *alipaycn.File {
	var content bytes.Buffer
	_ = png.Encode(&content, image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)) // a buffer takes all
	return &alipaycn.File{Name: "picture.png", Content: bytes.NewReader(content.Bytes()), Size: int64(content.Len())}
}

// connect returns a client, and the id of the mini program that it acts for. Who calls is in the
// ALIPAYCN_ variables; without them, it is a third-party app at a stand-in in this process.
func connect(ctx context.Context, opts options, progress *log.Logger) (client *alipaycn.Client, appID string, err error) {
	appID, token := os.Getenv("ALIPAYCN_APP_ID"), os.Getenv("ALIPAYCN_APP_AUTH_TOKEN")
	if appID == "" && os.Getenv("ALIPAYCN_ENDPOINT") == "" {
		progress.Print("calling a stand-in for AlipayCN in this process")
		client, token, err = standIn(opts.version)
	} else {
		client, err = alipaycn.NewFromEnv()
	}
	if err != nil {
		return nil, "", err
	}
	if file := os.Getenv("ALIPAYCN_APP_AUTH_TOKEN_FILE"); file != "" {
		content, _ := os.ReadFile(file) //nolint:gosec // the path is the user's own; NewFromEnv has read it
		token = strings.TrimSpace(string(content))
	}
	// First a call that the release needs: a wrong key, token or address shows here.
	if _, err := client.Versions.Get(ctx, alipaycn.VersionInput{Version: opts.version}); err != nil {
		return nil, "", err
	}
	if token == "" { // the mini program calls for itself
		return client, appID, nil
	}
	// What the merchant has not authorized is better known now than half-way.
	info, err := client.Authorization.Query(ctx, token)
	if err != nil {
		progress.Printf("going on without knowing what the token allows: %v", err)
		return client, appID, ctx.Err()
	}
	for _, method := range []string{"audit.apply", "gray.online", "online"} {
		if slices.Contains(info.MissingMethods(), "alipay.open.mini.version."+method) {
			return nil, "", fmt.Errorf("the merchant has not authorized alipay.open.mini.version.%s; let the merchant authorize again", method)
		}
	}
	return client, cmp.Or(info.AuthAppID, appID), nil
}

// standIn starts a gateway in this process, with a mini program whose merchant has authorized a third-party
// app, and returns the client of that app and its token. A real one comes of examples/alipaycn-authorize.
func standIn(version alipayplus.VersionNumber) (client *alipaycn.Client, token string, err error) {
	const thirdParty, program = "2021000000000002", "2021000000000001"
	g, err := alipaycntest.New(alipaycntest.WithAutoReview(time.Second))
	if err != nil {
		return nil, "", err
	}
	client, err = g.Client(alipaycntest.App{ID: thirdParty, ThirdParty: true})
	if err := cmp.Or(err, g.AddApp(alipaycntest.App{ID: program}), g.AddVersion(program, version.String())); err != nil {
		return nil, "", err
	}
	granted, err := g.Authorize(thirdParty, program)
	if err != nil {
		return nil, "", err
	}
	return client.For(granted.AppAuthToken), granted.AppAuthToken, nil
}
