package main

import (
	"context"
	"fmt"
	"os"

	"github.com/alipayplus-go/alipayplus"
)

const (
	shipFile    = "ship.yaml"
	packageFile = "app.zip"
	// versionsAProgram is how many versions of a mini program are shipped before the next one
	// is begun: to begin with no mini program is the longer way.
	versionsAProgram = 3
	// mostPrograms is how many go to AlipayCN at most, of the workspace's 10.
	mostPrograms = 9
)

// shipment writes what is shipped: a version of a mini program that is not there yet, or has
// had others.
func (w *deployment) shipment(n int) (job, error) {
	version := versionOf(n)
	name := fmt.Sprintf("Tea house %d", min(n/versionsAProgram, mostPrograms-1))
	build, err := buildOf(version)
	if err != nil {
		return job{}, err
	}
	file := fmt.Sprintf(`version: 1
program: {languages: [{language: en-US, name: %s}, {language: zh-CN, name: 茶馆}]}
release: {version: %v, package: %s}
rolloutFile: %s
qrCode: {file: qrcode.png}
`, name, version, packageFile, specFile)
	for path, content := range map[string][]byte{packageFile: build, shipFile: []byte(file)} {
		if err := os.WriteFile(w.path(path), content, fileMode); err != nil {
			return job{}, err
		}
	}
	return job{
		name: fmt.Sprintf("%s %v", name, version), args: []string{"ship", "--file", w.path(shipFile)}, calls: callsOfShip,
		release: func(ctx context.Context) (string, error) { return w.shipped(ctx, name, version) },
	}, nil
}

// shipped is the id of the release of a version; empty as long as there is none. That there
// are two of anything is an error.
func (w *deployment) shipped(ctx context.Context, name string, version alipayplus.VersionNumber) (release string, err error) {
	var program *alipayplus.Program
	for p, err := range w.owner.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		switch {
		case err != nil:
			return "", err
		case p.Name() != name:
		case program != nil:
			return "", fmt.Errorf("two mini programs are called %q: %s and %s", name, program.ID, p.ID)
		default:
			program = p
		}
	}
	if program == nil {
		return "", nil
	}
	uploaded := 0
	for v, err := range w.owner.Programs.AllVersions(ctx, alipayplus.ListVersionsInput{ProgramID: program.ID}) {
		if err != nil {
			return "", err
		}
		if v.Number == version {
			uploaded++
		}
	}
	for r, err := range w.owner.Releases.All(ctx, alipayplus.ListReleasesInput{ProgramID: program.ID}) {
		switch {
		case err != nil:
			return "", err
		case r.Version != version:
		case release != "":
			return "", fmt.Errorf("version %v has two releases: %s and %s", version, release, r.ID)
		default:
			release = r.ID
		}
	}
	if release != "" && uploaded != 1 {
		return "", fmt.Errorf("version %v is uploaded %d times", version, uploaded)
	}
	return release, nil
}
