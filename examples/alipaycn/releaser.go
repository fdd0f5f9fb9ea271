package main

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
)

//go:embed sample
var sample embed.FS

// readApplication reads what is applied with from a folder; empty: the sample.
func readApplication(folder string, version alipayplus.VersionNumber) (alipaycn.ApplyInput, error) {
	in := alipaycn.ApplyInput{Version: version}
	files, err := fs.Sub(sample, "sample")
	if folder != "" {
		files, err = os.DirFS(folder), nil
	}
	if err == nil {
		err = readFiles(files, &in)
	}
	if err != nil {
		return in, fmt.Errorf("folder %q of -files: %w", cmp.Or(folder, "sample"), err)
	}
	in.Version = version
	return in, nil
}

func readFiles(files fs.FS, in *alipaycn.ApplyInput) error {
	text, err := fs.ReadFile(files, "application.json")
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields() // a misspelt field would be left out silently
	if err := strict.Decode(in); err != nil {
		return fmt.Errorf("application.json: %w", err)
	}
	if in.AppLogo, err = readFile(files, "logo.png"); err != nil {
		return err
	}
	names, err := fs.Glob(files, "screenshot-*.png")
	for _, name := range names {
		shot, err := readFile(files, name)
		if err != nil {
			return err
		}
		in.ScreenShots = append(in.ScreenShots, *shot)
	}
	return err
}

func readFile(files fs.FS, name string) (*alipaycn.File, error) {
	content, err := fs.ReadFile(files, name)
	return &alipaycn.File{Name: name, Content: bytes.NewReader(content), Size: int64(len(content))}, err
}

// releaser takes one version to all users.
type releaser struct {
	client      *alipaycn.Client
	show        *console.Console
	version     alipayplus.VersionNumber
	application alipaycn.ApplyInput
	production  bool // AlipayCN itself is called, not a stand-in
	opts        options
}

func (r *releaser) input() alipaycn.VersionInput { return alipaycn.VersionInput{Version: r.version} }

// find looks that the version is there. It comes before the calls that may fail,
// so that a wrong key, token or address shows here, and once.
func (r *releaser) find(ctx context.Context) error {
	_, err := r.client.Versions.Get(ctx, r.input())
	if e, refused := errors.AsType[*alipaycn.Error](err); refused && e.HTTPStatus == http.StatusBadRequest {
		_ = r.list(ctx) // perhaps another version was meant; err says what is wrong
	}
	return err
}

func (r *releaser) run(ctx context.Context) error {
	if err := r.list(ctx); err != nil {
		return err
	}
	for {
		v, err := r.client.Versions.Get(ctx, r.input())
		if err != nil {
			return err
		}
		switch v.Status {
		case alipaycn.StatusInit:
			err = r.apply(ctx)
		case alipaycn.StatusAuditing, alipaycn.StatusAuditReject, alipaycn.StatusPromoteAuditReject:
			err = r.waitReviewed(ctx)
		case alipaycn.StatusWaitRelease, alipaycn.StatusGray:
			err = r.climb(ctx, v)
		case alipaycn.StatusBaseAuditPass:
			err = r.publish(ctx)
		case alipaycn.StatusRelease:
			return r.qrCode(ctx)
		default:
			return fmt.Errorf("version %v is in status %q and cannot be released: upload a higher version", r.version, v.Status)
		}
		if err != nil {
			return err
		}
	}
}

// list shows what there is. The release does not need it.
func (r *releaser) list(ctx context.Context) error {
	list, err := r.client.Versions.List(ctx, alipaycn.ListVersionsInput{Statuses: alipaycn.VersionStatuses()})
	if err != nil {
		return optional(ctx, r.show, "the list of versions", err)
	}
	r.show.Step("versions: %d", len(list.Versions))
	for _, v := range list.Versions {
		r.show.Detail("%s %s", v.Version, v.Status)
	}
	return nil
}

func (r *releaser) apply(ctx context.Context) error {
	if r.production && r.opts.files == "" {
		return errors.New("AlipayCN reviews your own texts and pictures, not the sample: give -files FOLDER")
	}
	in := r.application
	saved, err := r.client.BaseInfo.Get(ctx)
	if err != nil {
		err = optional(ctx, r.show, "the information that AlipayCN has saved", err)
	}
	if err != nil {
		return err
	}
	in.Saved = saved
	if _, err := r.client.Versions.Apply(ctx, in); err != nil {
		return err
	}
	r.show.Step("applied for version %v with a logo and %d screenshots", r.version, len(in.ScreenShots))
	return nil
}

func (r *releaser) waitReviewed(ctx context.Context) error {
	_, err := r.client.Versions.WaitReviewed(ctx, r.input(), alipaycn.ReviewWait{
		Interval: 200 * time.Millisecond, // AlipayCN takes hours: the interval grows up to a minute
		OnChange: func(v *alipaycn.VersionDetail) { r.show.Step("version %s: %s", v.Version, v.Status) },
		OnError:  func(err error) { r.show.Detail("still waiting: %v", err) },
	})
	return err
}

// climb goes up the ladder from where the version is, and publishes at its end.
func (r *releaser) climb(ctx context.Context, v *alipaycn.VersionDetail) error {
	at, _ := v.GrayStrategy.Ratio()
	if at > 0 { // it was begun in an earlier run, and was perhaps not observed for long
		if err := r.observe(ctx, at); err != nil {
			return err
		}
	}
	for _, ratio := range alipaycn.GrayLadder().Ratios() {
		if ratio <= at || ratio == alipayplus.FullRatio {
			continue
		}
		strategy, err := alipaycn.GrayStrategyOf(ratio)
		if err != nil {
			return err
		}
		call := r.client.Versions.RaiseGray
		if at == 0 {
			call = r.client.Versions.StartGray
		}
		if err := call(ctx, alipaycn.GrayInput{Version: r.version, Strategy: strategy}); err != nil {
			return err
		}
		at = ratio
		if err := r.observe(ctx, ratio); err != nil {
			return err
		}
	}
	return r.publish(ctx)
}

// observe stays at a ratio. Look at your metrics here.
func (r *releaser) observe(ctx context.Context, at alipayplus.Ratio) error {
	r.show.Step("%s", console.Ladder(alipayplus.Grayscale{Ratio: at, Ladder: alipaycn.GrayLadder()}))
	select {
	case <-ctx.Done():
		return fmt.Errorf("version %v is at %v: %w", r.version, at, context.Cause(ctx))
	case <-time.After(r.opts.observe):
		return nil
	}
}

func (r *releaser) publish(ctx context.Context) error {
	if err := r.client.Versions.Publish(ctx, alipaycn.PublishInput{Version: r.version}); err != nil {
		return err
	}
	r.show.Step("%s", console.Ladder(alipayplus.Grayscale{Ratio: alipayplus.FullRatio, Ladder: alipaycn.GrayLadder()}))
	return nil
}

// qrCode makes a QR code. The release does not need it.
func (r *releaser) qrCode(ctx context.Context) error {
	code, err := r.client.QRCodes.Create(ctx, alipaycn.CreateQRCodeInput{Page: r.opts.page, Description: "the released version"})
	if err != nil {
		return optional(ctx, r.show, "a QR code", err)
	}
	r.show.Step("QR code: %s", code.URL)
	return nil
}

// optional passes over the failure of a call that the release does not need, for
// example at a gateway that does not know it.
func optional(ctx context.Context, show *console.Console, what string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	show.Step("going on without %s: %v", what, err)
	return nil
}
