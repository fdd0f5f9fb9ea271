package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

// releaser carries out a description, step by step.
type releaser struct {
	*setup.Session
	show      *console.Console
	described *description
	opts      options
	workspace *alipayplus.Workspace
}

func (r *releaser) run(ctx context.Context) (*outcome, error) {
	var err error
	if r.workspace, err = r.Client.Workspace.Get(ctx); err != nil {
		return nil, err
	}
	r.show.Step("workspace %s on %s, as %s (%s)", r.workspace.Name, r.Where, r.workspace.Member, r.workspace.Role)
	program, err := r.program(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.upload(ctx, program); err != nil {
		return nil, err
	}
	release, err := r.release(ctx, program)
	if err != nil {
		return nil, err
	}
	if r.opts.until == untilCreated {
		return outcomeOf(release), nil
	}
	if release, err = r.follow(ctx, release); err != nil {
		return nil, err
	}
	result := outcomeOf(release)
	result.QRCode, err = r.qrCode(ctx, program)
	return result, err
}

func outcomeOf(release *alipayplus.Release) *outcome {
	return &outcome{
		ProgramID: release.ProgramID, Version: release.Version, TargetApp: release.TargetApp,
		ReleaseID: release.ID, Status: release.Status, Ratio: release.Grayscale.Ratio,
	}
}

// program finds the mini program by its name, or creates it in its default
// language; further ones are added when the target app asks for them.
func (r *releaser) program(ctx context.Context) (*alipayplus.Program, error) {
	first := r.described.Program.Languages[0]
	for p, err := range r.Client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil {
			return nil, err
		}
		if p.Name() == first.Name {
			r.show.Step("mini program %s (%s) is there", p.ID, p.Name())
			return p, nil
		}
	}
	in := alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{first}, Configuration: r.described.Program.Configuration,
	}
	if r.described.Program.Logo != "" {
		logo, err := r.uploadLogo(ctx)
		if err != nil {
			return nil, err
		}
		in.LogoFileID = logo.ID
	}
	p, err := r.Client.Programs.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	r.show.Step("mini program %s (%s) created", p.ID, p.Name())
	return p, nil
}

func (r *releaser) uploadLogo(ctx context.Context) (*alipayplus.File, error) {
	f, err := r.described.open(r.described.Program.Logo)
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	defer func() { _ = f.Close() }()
	return r.Client.Files.Upload(ctx, alipayplus.UploadFileInput{Content: f, Size: f.size, Progress: r.show.Upload("logo")})
}

// upload uploads the version unless it is there.
func (r *releaser) upload(ctx context.Context, program *alipayplus.Program) error {
	for v, err := range r.Client.Programs.AllVersions(ctx, alipayplus.ListVersionsInput{ProgramID: program.ID}) {
		if err != nil {
			return err
		}
		if v.Number == r.described.Version {
			r.show.Step("version %v is there", v.Number)
			return nil
		}
	}
	f, err := r.described.open(r.described.Package)
	if err != nil {
		return fmt.Errorf("package: %w", err)
	}
	defer func() { _ = f.Close() }()
	v, err := r.Client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: r.described.Version, Description: r.described.VersionDescription,
		Package: f, Size: f.size, Progress: r.show.Upload("package"),
	})
	if err != nil {
		return err
	}
	r.show.Step("version %v uploaded (%d bytes, SHA-256 %.12s...)", v.Number, v.Size, v.FileID)
	return nil
}

// release finds the release of the version, or selects the app for it. What the
// target app asks for first is given, and then the app is selected again.
func (r *releaser) release(ctx context.Context, program *alipayplus.Program) (*alipayplus.Release, error) {
	for rel, err := range r.Client.Releases.All(ctx, alipayplus.ListReleasesInput{
		ProgramID: program.ID, TargetApp: r.described.TargetApp,
	}) {
		if err != nil {
			return nil, err
		}
		if rel.Version == r.described.Version {
			r.show.Step("release %s is there: %s", rel.ID, rel.Status)
			return rel, nil
		}
	}
	for {
		rel, err := r.Client.Releases.Create(ctx, alipayplus.CreateReleaseInput{
			ProgramID: program.ID, Version: r.described.Version, TargetApp: r.described.TargetApp,
		})
		if err == nil {
			r.show.Step("%s selected for version %v: release %s is %s", rel.TargetApp, rel.Version, rel.ID, rel.Status)
			return rel, nil
		}
		if err := r.giveWhatIsMissing(ctx, program, err); err != nil {
			return nil, err
		}
	}
}

// giveWhatIsMissing adds languages or the authorization, whichever the refusal
// asks for; any other refusal it returns.
func (r *releaser) giveWhatIsMissing(ctx context.Context, program *alipayplus.Program, refusal error) error {
	if e, ok := errors.AsType[*alipayplus.Error](refusal); ok && e.Code == alipayplus.CodeLanguageRequired {
		r.show.Step("%s asks for languages: %s", r.described.TargetApp, e.Message)
		return r.addLanguages(ctx, program, refusal)
	}
	if errors.Is(refusal, alipayplus.ErrAuthorizationRequired) {
		r.show.Step("%s asks for an authorization", r.described.TargetApp)
		return r.authorize(ctx, program)
	}
	return refusal
}

func (r *releaser) addLanguages(ctx context.Context, program *alipayplus.Program, refusal error) error {
	more := r.described.Program.Languages[1:]
	if len(more) == 0 {
		return fmt.Errorf("the release description has no further languages: %w", refusal)
	}
	before, err := r.Client.Programs.Get(ctx, program.ID)
	if err != nil {
		return err
	}
	if len(before.Languages) > 1 {
		return fmt.Errorf("the release description does not have them: %w", refusal)
	}
	after, err := r.Client.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: more})
	if err != nil {
		return err
	}
	r.show.Detail("%d languages now", len(after.Languages))
	return nil
}

// authorize begins the authorization and waits until somebody has confirmed it.
func (r *releaser) authorize(ctx context.Context, program *alipayplus.Program) error {
	begun, err := r.Client.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{
		ProgramID: program.ID, TargetApp: r.described.TargetApp,
	})
	if err != nil {
		return err
	}
	if r.CanConfirm() {
		if err := r.Confirm(ctx, begun.URL); err != nil {
			return err
		}
	} else {
		r.show.Detail("open this page, press 确认选择 and then 确认授权 (until %s):", begun.ExpiresAt.Local().Format(time.TimeOnly))
		r.show.Detail("%s", begun.URL)
	}
	in := alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: r.described.TargetApp}
	granted, err := r.Client.Authorizations.WaitGranted(ctx, in, alipayplus.AuthorizationWait{Interval: 500 * time.Millisecond})
	if err != nil {
		return err
	}
	r.show.Step("authorization: %s", granted.Status)
	return nil
}

// follow does what the release's status asks for, until all users have it.
func (r *releaser) follow(ctx context.Context, release *alipayplus.Release) (*alipayplus.Release, error) {
	for {
		var err error
		switch release.Status {
		case alipayplus.ReleaseNewVersionCreated:
			release, err = r.apply(ctx, release)
		case alipayplus.ReleaseUnderReview:
			release, err = r.waitReviewed(ctx, release)
		case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
			release, err = r.raise(ctx, release)
		case alipayplus.ReleaseFull:
			return release, nil
		default:
			return nil, fmt.Errorf("release %s is %s: nothing leads from there to all users", release.ID, release.Status)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *releaser) apply(ctx context.Context, release *alipayplus.Release) (*alipayplus.Release, error) {
	r.show.Step("applying with the business registration of %s", r.workspace.Company.CompanyName)
	return r.Client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: release.ID, BasicInfo: &r.workspace.Company})
}

func (r *releaser) waitReviewed(ctx context.Context, release *alipayplus.Release) (*alipayplus.Release, error) {
	return r.Client.Releases.WaitReviewed(ctx, release.ID, alipayplus.ReleaseWait{
		Interval: 500 * time.Millisecond,
		OnChange: func(now *alipayplus.Release) { r.show.Step("%s: %s", now.Status, console.Reviews(now.Reviews)) },
		OnError:  func(err error) { r.show.Detail("still waiting: %v", err) },
	})
}

// raise goes one step up, or to all users at once when told so.
func (r *releaser) raise(ctx context.Context, release *alipayplus.Release) (*alipayplus.Release, error) {
	var err error
	next, _ := release.Grayscale.Ladder.Next(release.Grayscale.Ratio)
	switch {
	case release.Status == alipayplus.ReleaseGrayscale:
		if err := pause(ctx, r.opts.observe); err != nil {
			return nil, err
		}
		release, err = r.Client.Releases.Raise(ctx, release.GrayscaleTo(next))
	case r.opts.final:
		release, err = r.Client.Releases.Finalize(ctx, alipayplus.ReleaseInput{ReleaseID: release.ID})
	default:
		release, err = r.Client.Releases.StartGrayscale(ctx, release.GrayscaleTo(next))
	}
	if err != nil {
		return nil, err
	}
	r.show.Step("%-17s %s", release.Status, console.Ladder(release.Grayscale))
	return release, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (r *releaser) qrCode(ctx context.Context, program *alipayplus.Program) (saved string, err error) {
	code, err := r.Client.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{
		AppID: program.ID, Page: r.described.QRCode.Page, Params: r.described.QRCode.Params,
		Description: r.described.QRCode.Description,
	})
	if err != nil {
		return "", err
	}
	if err := r.show.QRCode(code.Value); err != nil {
		return "", err
	}
	if r.opts.qr == "" {
		return "", nil
	}
	if err := code.Save(r.opts.qr); err != nil {
		return "", err
	}
	r.show.Step("QR code saved as %s", r.opts.qr)
	return r.opts.qr, nil
}
