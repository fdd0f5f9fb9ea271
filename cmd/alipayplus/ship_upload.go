package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/alipayplus-go/alipayplus"
)

// upload uploads the package, unless the version is there already.
func (s *shipment) upload(ctx context.Context) error {
	wanted := s.manifest.Release
	uploaded, err := s.uploaded(ctx)
	if err != nil {
		return err
	}
	if uploaded != nil {
		s.say("version", "%v, uploaded %s", uploaded.Number, uploaded.UploadedAt.UTC().Format(time.RFC3339))
		return s.compare(uploaded)
	}
	if wanted.Package == "" {
		return misused("version %v is not uploaded: give release.package in %s, or --package", wanted.Version, s.file)
	}
	build, err := os.Open(wanted.Package)
	if err != nil {
		return misused("version %v is not uploaded, and its package cannot be read: %w", wanted.Version, err)
	}
	defer func() { _ = build.Close() }() // it is only read
	id, size, err := hashed(build)
	if err != nil {
		return misused("%s: %w", wanted.Package, err)
	}
	in := alipayplus.UploadVersionInput{ProgramID: s.program.ID, Version: wanted.Version, Description: wanted.Description, Package: build, Size: size}
	in.RequestID = requestID("versions.upload", []any{in, id})
	s.say("upload", "%s, %s", filepath.Base(wanted.Package), bytesText(size))
	progress, end := s.bar(size)
	in.Progress = progress
	_, err = s.client.Programs.UploadVersion(ctx, in)
	end()
	if err != nil {
		return err
	}
	s.say("version", "%v, uploaded", wanted.Version)
	return nil
}

// uploaded is the version when it is there already, or nil.
func (s *shipment) uploaded(ctx context.Context) (*alipayplus.Version, error) {
	for v, err := range s.client.Programs.AllVersions(ctx, alipayplus.ListVersionsInput{ProgramID: s.program.ID}) {
		if err != nil || v.Number == s.manifest.Release.Version {
			return v, err
		}
	}
	return nil, nil
}

// compare warns when the package is not the one that was uploaded. A build that is made again
// often differs, so that is no failure.
func (s *shipment) compare(uploaded *alipayplus.Version) error {
	build, err := os.Open(s.manifest.Release.Package)
	if errors.Is(err, fs.ErrNotExist) || s.manifest.Release.Package == "" {
		return nil // a later job need not build it
	}
	if err != nil {
		return wrongUse{err}
	}
	defer func() { _ = build.Close() }()
	id, _, err := hashed(build)
	if err == nil && id != uploaded.FileID {
		s.warn("package", fmt.Errorf("%s differs from what was uploaded as %v, and that is shipped; raise release.version to ship the new one",
			s.manifest.Release.Package, uploaded.Number))
	}
	return err
}

// hashed is the SHA-256 of a file, which is its id, and its size.
func hashed(file *os.File) (id string, size int64, err error) {
	sum := sha256.New()
	if size, err = io.Copy(sum, file); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(sum.Sum(nil)), size, nil
}

// stillUploading is how often an upload is heard of where no bar is painted.
const stillUploading = 10 * time.Second

// bar shows the progress of an upload: as a bar on a terminal, else in a line now and then.
func (s *shipment) bar(size int64) (progress func(sent, size int64), end func()) {
	if !s.redraw {
		said := time.Now()
		return func(sent, size int64) {
			if time.Since(said) >= stillUploading && size > 0 {
				said = time.Now()
				s.say("upload", "%s of %s (%d%%)", bytesText(sent), bytesText(size), 100*sent/size)
			}
		}, func() {}
	}
	bar := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(s.stderr), progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(min(40, max(10, s.width-50))), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetDescription(fmt.Sprintf("%-10s", "")), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: "-", BarStart: "[", BarEnd: "]"}),
	)
	return func(sent, _ int64) { _ = bar.Set64(sent) }, func() { _ = bar.Finish() }
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	switch {
	case n >= unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/unit/unit)
	case n >= unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	default:
		return counted(int(n), "byte")
	}
}
