package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	if err != nil {
		return in, err
	}
	text, err := fs.ReadFile(files, "application.json")
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return in, fmt.Errorf("application.json: %w", err)
	}
	in.Version = version
	if in.AppLogo, err = readFile(files, "logo.png"); err != nil {
		return in, err
	}
	names, err := fs.Glob(files, "screenshot-*.png")
	for _, name := range names {
		shot, err := readFile(files, name)
		if err != nil {
			return in, err
		}
		in.ScreenShots = append(in.ScreenShots, *shot)
	}
	return in, err
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
	opts        options
}

func (r *releaser) input() alipaycn.VersionInput { return alipaycn.VersionInput{Version: r.version} }

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
			return fmt.Errorf("version %v is %s: upload a new version", r.version, v.Status)
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
		return optional(ctx, r.show, "list the versions", err)
	}
	r.show.Step("%d versions", len(list.Versions))
	for _, v := range list.Versions {
		r.show.Detail("%s %s", v.Version, v.Status)
	}
	return nil
}

func (r *releaser) apply(ctx context.Context) error {
	in := r.application
	saved, err := r.client.BaseInfo.Get(ctx)
	if err != nil {
		err = optional(ctx, r.show, "read the saved information", err)
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
		r.show.Step("%s", console.Ladder(alipayplus.Grayscale{Ratio: ratio, Ladder: alipaycn.GrayLadder()}))
		if err := pause(ctx, r.opts.observe); err != nil {
			return err
		}
	}
	return r.publish(ctx)
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
		return optional(ctx, r.show, "make a QR code", err)
	}
	r.show.Step("QR code: %s", code.URL)
	return nil
}

// optional passes over the refusal of a call that the release does not need,
// for example by a gateway that does not know it.
func optional(ctx context.Context, show *console.Console, what string, err error) error {
	if _, refused := errors.AsType[*alipaycn.Error](err); !refused || ctx.Err() != nil {
		return err
	}
	show.Step("could not %s: %v", what, err)
	show.Detail("the release goes on without it")
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
