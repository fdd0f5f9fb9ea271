package alipaycnapp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// version is the version of one call, with the client that acts for its mini program.
type version struct {
	*alipaycn.VersionsClient
	app    string
	number alipayplus.VersionNumber
}

// forVersion does something about the version of a call, as authorized says.
func (a *App) forVersion(ctx context.Context, call platform.TargetCall, do func(*version) error) error {
	return a.authorized(ctx, call.WorkspaceID, call.Program.ID, func(app string, client *alipaycn.Client) error {
		return do(&version{&client.Versions, app, call.Release.Version})
	})
}

// appOf finds the mini program at AlipayCN that one here is; empty: none.
func (a *App) appOf(ctx context.Context, workspace, program string) (app string, err error) {
	err = a.store.View(ctx, func(tx storage.Tx) error {
		bound, _, err := tx.Get(programKey(workspace, program))
		app = string(bound)
		return err
	})
	return app, err
}

func (v *version) input(known *alipaycn.VersionDetail) alipaycn.VersionInput {
	return alipaycn.VersionInput{Version: v.number, Known: known}
}

// read reads the version; the error matches [alipayplus.ErrNotFound] when there is none.
func (v *version) read(ctx context.Context) (*alipaycn.VersionDetail, error) {
	detail, err := v.Get(ctx, v.input(nil))
	refused, _ := errors.AsType[*alipaycn.Error](err)
	missing := refused != nil && refused.Code == alipaycn.CodeVersionIsBlank
	if err != nil && !missing {
		return nil, certain(err)
	}
	if missing || !detail.Version.Is(v.number) { // what AlipayCN answers about a missing version is not documented
		return nil, refuse(alipayplus.ErrNotFound, "version %v is not at AlipayCN; look in its console who deleted it", v.number)
	}
	return detail, nil
}

func (v *version) conflict(format string, args ...any) error {
	return refuse(alipayplus.ErrConflict, "version %v at AlipayCN %s", v.number, fmt.Sprintf(format, args...))
}

// Observe implements [platform.TargetObserver]. A status that this version of the library
// does not know is an error.
func (a *App) Observe(ctx context.Context, call platform.TargetCall) (state *platform.TargetState, err error) {
	err = a.forVersion(ctx, call, func(v *version) (err error) {
		state, err = a.observe(ctx, v)
		return err
	})
	return state, err
}

func (a *App) observe(ctx context.Context, v *version) (*platform.TargetState, error) {
	detail, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	status, known := detail.Status.ReleaseStatus(bool(detail.CanRelease))
	if !known {
		return nil, fmt.Errorf("version %v at AlipayCN is in status %q, which this library does not know", v.number, detail.Status)
	}
	state := &platform.TargetState{Status: status, Review: detail.Review(), Detail: string(detail.Status)}
	switch status {
	case alipayplus.ReleaseGrayscale:
		ratio, ok := detail.GrayStrategy.Ratio()
		if !ok {
			return nil, fmt.Errorf("version %v at AlipayCN is in GRAY with gray_strategy %q, which this library cannot read", v.number, detail.GrayStrategy)
		}
		state.Ratio, state.Detail = ratio, state.Detail+" "+string(detail.GrayStrategy)
	case alipayplus.ReleaseFull:
		state.Ratio = alipayplus.FullRatio
	}
	return state, a.disown(ctx, v, detail, state)
}

// disown makes of the state of a version what it is to the platform when somebody else applied for it since: what the
// platform applied for was taken back. What users have they have all the same.
func (a *App) disown(ctx context.Context, v *version, detail *alipaycn.VersionDetail, state *platform.TargetState) error {
	ours, err := v.isOurs(ctx, a, detail)
	if err != nil || ours {
		return err
	}
	const reason = "it was taken back at AlipayCN, and somebody else applied for the version there"
	state.Review = &alipayplus.Review{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewRejected, Reason: reason}
	if state.Status == alipayplus.ReleaseUnderReview || state.Status == alipayplus.ReleasePreparation {
		state.Status = alipayplus.ReleaseNewVersionCreated
	}
	state.Detail += ", applied for by somebody else"
	return nil
}

// isOurs says whether the platform made the application that a version is under review for, or was reviewed for: people
// at the console can take that back and make another one.
func (v *version) isOurs(ctx context.Context, a *App, detail *alipaycn.VersionDetail) (bool, error) {
	if detail.Status == alipaycn.StatusInit {
		return true, nil
	}
	s, err := a.submission(ctx, v.app, v.number.String())
	return s.fits(detail.Description), err
}

// Submit applies for the review of the version, and uploads it from its template before
// that when it is not there.
func (a *App) Submit(ctx context.Context, call platform.TargetCall) error {
	in, content, err := application(ctx, call)
	if err != nil {
		return err
	}
	return a.forVersion(ctx, call, func(v *version) error { return a.submit(ctx, v, call, in, content) })
}

func (a *App) submit(ctx context.Context, v *version, call platform.TargetCall, in alipaycn.ApplyInput, content string) error {
	detail, err := v.uploaded(ctx, call.Release.Configuration.AlipayCN)
	if err != nil {
		return err
	}
	former, err := a.submission(ctx, v.app, v.number.String())
	if err != nil {
		return err
	}
	applied := submission{RequestID: call.Release.ReleaseRequestID, Content: content, Before: detail.AppliedAt.String(), Description: in.Description}
	done, err := v.isApplied(detail, former, applied)
	if err != nil {
		return err
	}
	if done {
		applied.Before = former.Before
		return a.putSubmission(ctx, v.app, v.number.String(), applied)
	}
	if err := a.makeRoom(ctx, v); err != nil {
		return err
	}
	possible := func(is *alipaycn.VersionDetail) error {
		_, err := v.isApplied(is, former, applied)
		return err
	}
	if _, err := v.takeBack(ctx, possible); err != nil {
		return err
	}
	if err := a.putSubmission(ctx, v.app, v.number.String(), applied); err != nil {
		return err
	}
	_, err = v.Apply(ctx, in)
	return certain(err)
}

// isApplied says whether the version was applied for already with the same content, by an
// earlier try of the call or by a former application that still holds. The error says why
// it cannot be.
func (v *version) isApplied(detail *alipaycn.VersionDetail, former, applied submission) (bool, error) {
	status, known := detail.Status.ReleaseStatus(bool(detail.CanRelease))
	switch {
	case !known:
		return false, v.conflict("is in status %q, which this library does not know; see in its console what that means", detail.Status)
	case detail.ScanResult == alipaycn.ScanFailed:
		return false, v.conflict("did not pass the security scan; correct it in a new version")
	case status == alipayplus.ReleaseUnderReview || status == alipayplus.ReleasePreparation:
		return former.Content == applied.Content && former.fits(detail.Description), nil
	case detail.Status == alipaycn.StatusInit:
		return false, nil
	case status == alipayplus.ReleaseNewVersionCreated: // rejected, an earlier try of this call or a former application
		return former.RequestID == applied.RequestID && former.Before != applied.Before && former.fits(detail.Description), nil
	default:
		return false, v.conflict("is %s and cannot be applied for", detail.Status)
	}
}

// application is what to apply with, and the hash of it.
func application(ctx context.Context, call platform.TargetCall) (in alipaycn.ApplyInput, content string, err error) {
	cfg := call.Release.Configuration.AlipayCN
	if cfg == nil {
		cfg = &alipayplus.AlipayCNApplication{}
	}
	in = alipaycn.ApplyInput{
		Version: call.Release.Version, Description: cfg.Description,
		AppName: cfg.Name, AppEnglishName: cfg.EnglishName, AppSlogan: cfg.Slogan, AppDescription: cfg.Introduction,
		Categories: cfg.Categories, ServicePhone: cfg.ServicePhone, ServiceEmail: cfg.ServiceEmail, RegionType: alipaycn.RegionType(cfg.RegionType),
		LicenseNo: cfg.LicenseNo, LicenseName: cfg.LicenseName, LicenseValidDate: alipaycn.Date(cfg.LicenseValidDate), Memo: cfg.Memo,
	}
	if cfg.TwoStageReview {
		in.AuditRule = alipaycn.AuditRuleBasePromote
	}
	read := func(name string, ids ...string) (files []alipaycn.File, err error) {
		for i, id := range ids {
			file, content, err := call.File(ctx, id)
			if err != nil {
				return nil, err
			}
			ending := ".png"
			if file.ContentType == alipayplus.ContentJPEG {
				ending = ".jpg"
			}
			files = append(files, alipaycn.File{Name: fmt.Sprintf("%s%d%s", name, i+1, ending), Content: bytes.NewReader(content), Size: int64(len(content))})
		}
		return files, nil
	}
	if cfg.LogoFileID != "" {
		logo, err := read("logo", cfg.LogoFileID)
		if err != nil {
			return in, "", err
		}
		in.AppLogo = &logo[0]
	}
	if in.ScreenShots, err = read("screenshot", cfg.ScreenshotFileIDs...); err != nil {
		return in, "", err
	}
	if in.LicensePics, err = read("license", cfg.LicenseFileIDs...); err != nil {
		return in, "", err
	}
	text, _ := json.Marshal(cfg) // texts always marshal; files by the hash of their content
	sum := sha256.Sum256(text)
	return in, hex.EncodeToString(sum[:]), in.Validate()
}

// buildTime is how long a call waits for a build; most take less than a second.
const buildTime = 15 * time.Second

// uploaded reads the version, and uploads it when it is not there.
func (v *version) uploaded(ctx context.Context, cfg *alipayplus.AlipayCNApplication) (*alipaycn.VersionDetail, error) {
	detail, err := v.read(ctx)
	if !errors.Is(err, alipayplus.ErrNotFound) {
		return detail, err
	}
	if cfg == nil || cfg.Template == nil {
		return nil, v.conflict("is not there: upload it with AlipayCN's own tool, or name a template in the release's configuration, and apply again")
	}
	build, err := v.QueryBuild(ctx, v.input(nil))
	if err != nil || build.Failed() {
		in := alipaycn.UploadInput{TemplateID: cfg.Template.ID, TemplateVersion: cfg.Template.Version, Version: v.number, Ext: cfg.Template.Ext}
		if _, err := v.Upload(ctx, in); err != nil {
			return nil, noTemplate(certain(err), cfg.Template)
		}
	}
	waiting, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	progress, err := v.WaitBuilt(waiting, v.input(nil), alipaycn.BuildWait{Interval: time.Second})
	failed, isFailed := errors.AsType[*alipaycn.BuildError](err)
	switch {
	case isFailed:
		return nil, v.conflict("could not be built from template %s (build status %s); correct the template or its ext, and apply again", cfg.Template.ID, failed.Build.BuildStatus)
	case err != nil && waiting.Err() != nil && ctx.Err() == nil:
		return nil, v.conflict("is being built; apply again in a moment")
	case err != nil:
		return nil, certain(err)
	}
	return progress.Version, nil
}

// makeRoom takes back another version that keeps this one from being applied for, when the
// platform applied for it and does not want it any more.
func (a *App) makeRoom(ctx context.Context, v *version) error {
	var in alipaycn.ListVersionsInput
	for _, status := range alipaycn.VersionStatuses() {
		if status.BlocksApply() {
			in.Statuses = append(in.Statuses, status)
		}
	}
	list, err := v.List(ctx, in)
	if refused, is := errors.AsType[*alipaycn.Error](err); is && refused.Code == alipaycn.CodeNoTemplateInstantiateRelation {
		return nil // nothing was built here ever
	}
	if err != nil {
		return certain(err)
	}
	for _, other := range list.Versions {
		if !other.Status.BlocksApply() || other.Version.Is(v.number) {
			continue
		}
		number, err := alipayplus.ParseVersion(string(other.Version))
		if err != nil {
			return err
		}
		ours, err := a.submission(ctx, v.app, number.String())
		if err != nil {
			return err
		}
		_, err = (&version{v.VersionsClient, v.app, number}).takeBack(ctx, func(is *alipaycn.VersionDetail) error {
			if ours.RequestID == "" || !ours.fits(is.Description) || is.Status == alipaycn.StatusGray {
				return v.conflict("cannot be applied for: version %v is %s there; finish it or take it back in AlipayCN's console", number, is.Status)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Withdraw takes the version back to development.
func (a *App) Withdraw(ctx context.Context, call platform.TargetCall) error {
	return a.takeBack(ctx, call)
}

// Cancel takes the version back to development, also from grayscale.
func (a *App) Cancel(ctx context.Context, call platform.TargetCall) error {
	return a.takeBack(ctx, call)
}

func (a *App) takeBack(ctx context.Context, call platform.TargetCall) error {
	return a.inSteps(ctx, call, func(v *version) (bool, error) { return v.takeBack(ctx, whatever) })
}

// inSteps is forVersion for what takes several steps. When it fails after one of them, even by a refusal, the outcome is
// unknown: a repetition finds the version in another status.
func (a *App) inSteps(ctx context.Context, call platform.TargetCall, do func(*version) (begun bool, err error)) error {
	begun := false
	err := a.forVersion(ctx, call, func(v *version) error {
		more, err := do(v)
		begun = begun || more
		return err
	})
	if err != nil && begun {
		return fmt.Errorf("%w; a part of it is done (%w)", err, alipayplus.ErrOutcomeUnknown)
	}
	return err
}

// takeBack makes one step at a time and reads the version in between, because reviewers
// and people at the console may be faster. may refuses a step from where the version is; begun says that one was made.
func (v *version) takeBack(ctx context.Context, may func(*alipaycn.VersionDetail) error) (begun bool, err error) {
	const most = 5 // three are enough when nobody else changes the version
	last := v.conflict("moves while it is being taken back; look at it in its console")
	for range most {
		detail, err := v.read(ctx)
		if errors.Is(err, alipayplus.ErrNotFound) {
			return begun, nil
		}
		if err != nil {
			return begun, err
		}
		var stepErr error
		refusal := may(detail)
		switch status := detail.Status; {
		case status == alipaycn.StatusInit, status == alipaycn.StatusAuditOffline, status == alipaycn.StatusOffline:
			return begun, nil
		case refusal != nil:
			return begun, refusal
		case status == alipaycn.StatusAuditing:
			stepErr = v.CancelAudit(ctx, alipaycn.CancelAuditInput(v.input(detail)))
		case status == alipaycn.StatusGray:
			stepErr = v.CancelGray(ctx, v.input(detail))
		case status.Reviewed() && status.CanBecome(alipaycn.StatusInit):
			stepErr = v.ReturnToDevelopment(ctx, v.input(detail))
		default:
			return begun, v.conflict("is %s and cannot be taken back", status)
		}
		switch stepErr = certain(stepErr); {
		case stepErr == nil:
			begun = true
		case errors.Is(stepErr, alipayplus.ErrConflict):
			last = stepErr
		default:
			return begun, stepErr
		}
	}
	return begun, last
}

// whatever lets a version be taken back from wherever it is.
func whatever(*alipaycn.VersionDetail) error { return nil }

// SetRatio makes the version live for 10, 30 or 50 percent.
func (a *App) SetRatio(ctx context.Context, call platform.TargetCall, ratio alipayplus.Ratio) error {
	strategy, err := alipaycn.GrayStrategyOf(ratio)
	if err != nil {
		return err
	}
	return a.goLive(ctx, call, ratio, func(v *version, detail *alipaycn.VersionDetail) error {
		return v.RaiseGray(ctx, alipaycn.GrayInput{Version: v.number, Strategy: strategy, Known: detail})
	})
}

// Publish makes the version live for all users.
func (a *App) Publish(ctx context.Context, call platform.TargetCall) error {
	return a.goLive(ctx, call, alipayplus.FullRatio, func(v *version, detail *alipaycn.VersionDetail) error {
		return v.VersionsClient.Publish(ctx, alipaycn.PublishInput{Version: v.number, Known: detail})
	})
}

// TakeOffline takes the version away from all users.
func (a *App) TakeOffline(ctx context.Context, call platform.TargetCall) error {
	return a.forVersion(ctx, call, func(v *version) error {
		detail, err := v.online(ctx)
		if err != nil || detail.Status == alipaycn.StatusOffline {
			return err
		}
		return certain(v.VersionsClient.TakeOffline(ctx, v.input(detail)))
	})
}

// RollBack takes the version away, and the one before it is live again. Which one that is
// AlipayCN decides: when it chose another one, that is a conflict.
func (a *App) RollBack(ctx context.Context, call platform.TargetCall) error {
	return a.inSteps(ctx, call, func(v *version) (bool, error) { return v.rollBack(ctx, call.GoesBackTo) })
}

func (v *version) rollBack(ctx context.Context, to alipayplus.VersionNumber) (begun bool, err error) {
	detail, err := v.online(ctx)
	if err != nil {
		return false, err
	}
	if detail.Status == alipaycn.StatusRelease {
		if err := certain(v.Rollback(ctx, v.input(detail))); err != nil {
			return false, err
		}
		begun = true
	}
	former := &version{v.VersionsClient, v.app, to}
	switch detail, err := former.read(ctx); {
	case err != nil:
		return begun, err
	case detail.Status != alipaycn.StatusRelease:
		return begun, v.conflict("is not live any more, and version %v is %s and not in its place; see in its console which one is", former.number, detail.Status)
	default:
		return begun, nil
	}
}

// online reads a version that is live for all users, or was until now.
func (v *version) online(ctx context.Context) (*alipaycn.VersionDetail, error) {
	detail, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	if detail.Status != alipaycn.StatusRelease && detail.Status != alipaycn.StatusOffline {
		return nil, v.conflict("is %s, and not live for all users", detail.Status)
	}
	return detail, nil
}

// goLive does the change unless it is done. A larger share than asked for is a conflict:
// a share never shrinks. So is a smaller one than the platform knows: people took it back.
func (a *App) goLive(ctx context.Context, call platform.TargetCall, ratio alipayplus.Ratio, change func(*version, *alipaycn.VersionDetail) error) error {
	return a.forVersion(ctx, call, func(v *version) error { return a.raise(ctx, v, call.From, ratio, change) })
}

func (a *App) raise(ctx context.Context, v *version, from, ratio alipayplus.Ratio, change func(*version, *alipaycn.VersionDetail) error) error {
	detail, err := v.read(ctx)
	if err != nil {
		return err
	}
	status, _ := detail.Status.ReleaseStatus(bool(detail.CanRelease))
	var live alipayplus.Ratio
	switch status {
	case alipayplus.ReleaseFull:
		live = alipayplus.FullRatio
	case alipayplus.ReleaseGrayscale:
		live, _ = detail.GrayStrategy.Ratio()
	case alipayplus.ReleasePreparation:
		switch ours, err := v.isOurs(ctx, a, detail); {
		case err != nil:
			return err
		case !ours:
			return v.conflict("was applied for by somebody else since it was approved; apply for it again")
		}
	default:
		return v.conflict("is %s, where its ratio cannot be changed", detail.Status)
	}
	switch {
	case live == ratio:
		return nil
	case live > ratio:
		return v.conflict("is live at %v already, and %v was asked for; read the release again", live, ratio)
	case live < from:
		return v.conflict("is live at %v, and not at %v any more; read the release again", live, from)
	default:
		return certain(change(v, detail))
	}
}
