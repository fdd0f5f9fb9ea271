package main

import (
	"archive/zip"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/gateway"
	"github.com/alipayplus-go/alipayplus/rollout"
)

//go:embed samples/demo
var demoFiles embed.FS

const (
	// demoReview is how long each party of the demo reviews.
	demoReview = 2 * time.Second
	// demoInterval is the time between two looks at anything in the demo.
	demoInterval = 250 * time.Millisecond
	// demoAddress is the address of the demo's platform, to which nobody connects.
	demoAddress = "http://platform.invalid"
	demoVersion = "1.0.0"
)

// openDemo opens a platform in this process, and writes what is shipped into a folder that
// end removes.
func (s *shipment) openDemo(ctx context.Context, o *options) (end func(), err error) {
	folder, err := os.MkdirTemp("", "alipayplus-demo-")
	if err != nil {
		return func() {}, failure{err}
	}
	end = func() { _ = os.RemoveAll(folder) }
	s.file = filepath.Join(folder, "ship.yaml")
	if err := writeDemo(folder, s.alipaycn); err != nil {
		return end, failure{err}
	}
	if o.cmd.Flag("state").Changed {
		return end, misused("--demo remembers nothing: leave --state out")
	}
	o.state = filepath.Join(folder, "state")
	o.interval, s.poll = rollout.Duration(demoInterval), demoInterval
	s.qrFile = filepath.Join(os.TempDir(), "alipayplus-demo-qrcode.png") // it stays, to be scanned
	s.gates = []rollout.Option{rollout.WithGate("errors", demoGate)}
	options := gateway.Options{AutoReview: demoReview, PublicURL: demoAddress}
	confirm := confirmSimulated
	if s.alipaycn {
		standIn, err := gateway.NewStandIn(demoReview)
		if err == nil {
			err = standIn.AddVersion(demoVersion)
		}
		if err != nil {
			return end, failure{err}
		}
		options.AlipayCN, confirm = standIn.Client, func(ctx context.Context, g *gateway.Gateway, begun *alipayplus.Authorization) error {
			return standIn.Authorize(ctx, g.Platform, begun)
		}
	}
	g, err := gateway.Open(ctx, options)
	if err != nil {
		return end, failure{err}
	}
	s.confirm = func(ctx context.Context, begun *alipayplus.Authorization) error {
		s.say("", "the demo does what a person does there")
		return confirm(ctx, g, begun)
	}
	with := append(g.Credentials(gateway.Owner).Options(), alipayplus.WithBaseURL(demoAddress), alipayplus.WithHTTPClient(g.HTTPClient()))
	s.client, err = alipayplus.New(append(with, o.app.platformOptions(o.cmd)...)...)
	return func() { _ = g.Close(); _ = os.RemoveAll(folder) }, err
}

// demoGate stands for a figure of one's own.
func demoGate(_ context.Context, at rollout.Step) (rollout.Verdict, error) {
	requests := 120 * int(at.Ratio)
	return rollout.Verdict{Decision: rollout.Pass, Reason: fmt.Sprintf("error rate 0.0017, at most 0.01, of %d requests", requests)}, nil
}

// writeDemo writes a ship file, its pictures, and a package.
func writeDemo(folder string, alipaycn bool) error {
	err := fs.WalkDir(demoFiles, "samples/demo", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := demoFiles.ReadFile(path)
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case name == "ship-alipaycn.yaml" && alipaycn:
			name = "ship.yaml"
		case name == "ship.yaml" && alipaycn:
			return nil
		}
		return os.WriteFile(filepath.Join(folder, name), content, 0o600)
	})
	if err != nil {
		return err
	}
	build, err := os.Create(filepath.Join(folder, "app.zip"))
	if err != nil {
		return err
	}
	archive := zip.NewWriter(build)
	_, err = archive.Create("app.json")
	return errors.Join(err, archive.Close(), build.Close())
}

// confirmSimulated does on the page of the simulated AlipayCN what a person does on the real
// one: it confirms twice.
func confirmSimulated(ctx context.Context, g *gateway.Gateway, begun *alipayplus.Authorization) error {
	address, query, _ := strings.Cut(begun.URL, "?")
	for _, step := range []string{"select", "confirm"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(query+"&step="+step))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := g.HTTPClient().Do(req)
		if err != nil {
			return err
		}
		var refused error
		if resp.StatusCode != http.StatusOK {
			refused = fmt.Errorf("step %s: the page answered %s", step, resp.Status)
		}
		if err := cmp.Or(refused, resp.Body.Close()); err != nil {
			return err
		}
	}
	return nil
}
