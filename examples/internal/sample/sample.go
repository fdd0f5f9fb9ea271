// Package sample makes up what the examples of rollouts release: mini programs, and
// versions of them, that go to AlipayCN.
package sample

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

// Create makes a mini program, with the languages that AlipayCN asks for.
func Create(ctx context.Context, s *setup.Session, name string) (*alipayplus.Program, error) {
	return s.Client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
		{Language: "en-US", Name: name, Tagline: "Tea from the lake, at your door"},
		{Language: "zh-CN", Name: "蓝湖茶", Tagline: "湖畔好茶，送到家门口"},
	}})
}

// Authorize gives the authorization that AlipayCN asks for, as a person does on its
// page, unless it was given already.
func Authorize(ctx context.Context, s *setup.Session, program string) error {
	begun, err := s.Client.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{
		ProgramID: program, TargetApp: alipayplus.TargetAlipayCN,
	})
	if err != nil || begun.Status == alipayplus.AuthorizationGranted {
		return err
	}
	return s.Confirm(ctx, begun.URL)
}

// Upload uploads a version, with a package that holds nothing but its number.
func Upload(ctx context.Context, s *setup.Session, program string, number alipayplus.VersionNumber) error {
	build, err := build(number)
	if err != nil {
		return err
	}
	_, err = s.Client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	return err
}

// build makes a package.
func build(number alipayplus.VersionNumber) ([]byte, error) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	file, err := z.Create("app.json")
	if err != nil {
		return nil, fmt.Errorf("make a package: %w", err)
	}
	if _, err := fmt.Fprintf(file, "{\"version\": %q}\n", number); err != nil {
		return nil, fmt.Errorf("make a package: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("make a package: %w", err)
	}
	return archive.Bytes(), nil
}

// Select selects AlipayCN for a version: that is a release, which can be applied for.
func Select(ctx context.Context, s *setup.Session, program string, number alipayplus.VersionNumber) (*alipayplus.Release, error) {
	return s.Client.Releases.Create(ctx, alipayplus.CreateReleaseInput{
		ProgramID: program, Version: number, TargetApp: alipayplus.TargetAlipayCN,
	})
}
