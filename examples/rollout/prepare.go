package main

import (
	"context"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/sample"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

const programName = "Blue Lake Tea"

// prepare finds the release of the version, or makes it with all that it needs. It
// looks at what is there before each step: an earlier start may have been killed
// behind any of them.
func prepare(ctx context.Context, s *setup.Session, show *console.Console, number alipayplus.VersionNumber) (*alipayplus.Release, error) {
	program, err := findProgram(ctx, s)
	if err != nil {
		return nil, err
	}
	if program == nil {
		if program, err = sample.Create(ctx, s, programName); err != nil {
			return nil, err
		}
		show.Step("mini program %s (%s) created", program.ID, programName)
	}
	release, err := findRelease(ctx, s, program.ID, number)
	if err != nil || release != nil {
		return release, err
	}
	if err := sample.Authorize(ctx, s, program.ID); err != nil {
		return nil, err
	}
	there, err := hasVersion(ctx, s, program.ID, number)
	if err != nil {
		return nil, err
	}
	if !there {
		if err := sample.Upload(ctx, s, program.ID, number); err != nil {
			return nil, err
		}
	}
	if release, err = sample.Select(ctx, s, program.ID, number); err != nil {
		return nil, err
	}
	show.Step("authorized, version %v uploaded and %s selected: release %s", number, release.TargetApp, release.ID)
	return release, nil
}

func findProgram(ctx context.Context, s *setup.Session) (*alipayplus.Program, error) {
	for p, err := range s.Client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil || p.Name() == programName {
			return p, err
		}
	}
	return nil, nil //nolint:nilnil // there is none yet
}

func findRelease(ctx context.Context, s *setup.Session, program string, number alipayplus.VersionNumber) (*alipayplus.Release, error) {
	in := alipayplus.ListReleasesInput{ProgramID: program, TargetApp: alipayplus.TargetAlipayCN}
	for r, err := range s.Client.Releases.All(ctx, in) {
		if err != nil || r.Version == number {
			return r, err
		}
	}
	return nil, nil //nolint:nilnil // there is none yet
}

func hasVersion(ctx context.Context, s *setup.Session, program string, number alipayplus.VersionNumber) (bool, error) {
	for v, err := range s.Client.Programs.AllVersions(ctx, alipayplus.ListVersionsInput{ProgramID: program}) {
		if err != nil || v.Number == number {
			return err == nil, err
		}
	}
	return false, nil
}
