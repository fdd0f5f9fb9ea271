package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func createRelease(c *call, in alipayplus.CreateReleaseInput) (*alipayplus.Release, error) {
	program, err := c.programFor(alipayplus.ActionRelease, in.ProgramID)
	if err != nil {
		return nil, err
	}
	target, err := c.p.target(in.TargetApp)
	if err != nil {
		return nil, err
	}
	if _, err := find[versionRecord](c, "uploaded version", in.Version.String(), versionKey(c.workspace(), in.ProgramID, in.Version)); err != nil {
		return nil, err
	}
	r := &releaseRecord{Workspace: c.workspace(), Sort: c.p.sortKey(c.at), Release: alipayplus.Release{
		ID: newID("rel_"), ProgramID: in.ProgramID, Version: in.Version, TargetApp: in.TargetApp,
		Status: alipayplus.ReleaseNewVersionCreated, Configuration: program.Configuration,
		Grayscale: alipayplus.Grayscale{Ladder: target.Ladder()},
		CreatedBy: c.who(), CreatedAt: c.at, UpdatedBy: c.who(), UpdatedAt: c.at,
	}}
	if err := c.mayCreate(r, program, target); err != nil {
		return nil, err
	}
	c.save(nil, r)
	c.audit("release", r.ID, "", string(r.Status), "")
	return c.prefilled(r), nil
}

// prefilled is a release that the call writes, as it is answered: until it is applied
// for, its basic information is the company's as it is now, and is not kept.
func (c *call) prefilled(r *releaseRecord) *alipayplus.Release {
	if r.BasicInfo != nil {
		return &r.Release
	}
	out := new(alipayplus.Release)
	c.stage(func(c *call) error {
		*out = r.Release
		return c.prefill(out)
	})
	return out
}

func (c *call) prefill(r *alipayplus.Release) error {
	if r.BasicInfo != nil {
		return nil
	}
	company, err := c.company()
	if err != nil {
		return err
	}
	r.BasicInfo = &company.Company
	return nil
}

// mayCreate checks what "Select app" asks for, in the order of the document.
func (c *call) mayCreate(r *releaseRecord, program *programRecord, target TargetBackend) error {
	if err := c.checkVersionIsNew(r); err != nil {
		return err
	}
	if err := c.checkTarget(program, target); err != nil {
		return err
	}
	limits := target.Limits()
	if err := c.checkProgramLimit(r, target); err != nil {
		return err
	}
	waiting, err := count(c.tx, c.releasesIn(r, alipayplus.ReleaseNewVersionCreated), limits.WaitingVersions)
	if err != nil {
		return err
	}
	underReview, err := count(c.tx, c.releasesIn(r, alipayplus.ReleaseUnderReview), 1)
	if err != nil {
		return err
	}
	return limits.CheckVersionLimit(target.App(), waiting, underReview > 0)
}

// checkProgramLimit checks the limit of mini programs. One that goes to the target
// already needs no room.
func (c *call) checkProgramLimit(r *releaseRecord, target TargetBackend) error {
	there, err := count(c.tx, key("i/going", r.Workspace, string(r.TargetApp), r.ProgramID)+"/", 1)
	if err != nil || there > 0 {
		return err
	}
	limits := target.Limits()
	if limits.Programs == 0 {
		return nil
	}
	going, err := c.programsGoingTo(target.App(), limits.Programs)
	if err != nil {
		return err
	}
	return limits.CheckProgramLimit(target.App(), going)
}

// checkVersionIsNew refuses a version that was released to the target before.
func (c *call) checkVersionIsNew(r *releaseRecord) error {
	at, taken, err := c.tx.Get(r.versionSlot())
	if err != nil || !taken {
		return err
	}
	other, err := load[releaseRecord](c.tx, string(at))
	if err != nil || other == nil {
		return err
	}
	return conflict("version %v already has release %s to %s, which is %s; a version goes to a target once",
		r.Version, other.ID, r.TargetApp, other.Status)
}

// checkTarget checks languages and authorization.
func (c *call) checkTarget(program *programRecord, target TargetBackend) error {
	if missing := program.MissingLanguages(languagesOf(target)); len(missing) > 0 {
		return &refusal{
			code:    alipayplus.CodeLanguageRequired,
			message: fmt.Sprintf("%s needs the languages %s; add them with Programs.AddLanguages", target.App(), strings.Join(missing, ", ")),
			fields:  []alipayplus.FieldError{{Path: "languages", Message: "must include " + strings.Join(missing, ", ")}},
		}
	}
	return c.checkAuthorization(program, target)
}

// checkAuthorization says whether the platform may call the target app for a mini
// program.
func (c *call) checkAuthorization(program *programRecord, target TargetBackend) error {
	if !target.NeedsAuthorization() {
		return nil
	}
	a, err := c.authorization(program.ID, target.App())
	if err != nil {
		return err
	}
	if a.Status == alipayplus.AuthorizationGranted {
		return nil
	}
	return &alipayplus.AuthorizationRequiredError{
		ProgramID: program.ID, TargetApp: target.App(), URL: c.withPage(a, program, target).URL, Status: a.Status,
	}
}

// mayCallTarget says whether the platform may still call the target app for a
// release: an authorization that was revoked after the application allows nothing
// that goes live, and nothing that takes back what is live.
func (c *call) mayCallTarget(r *releaseRecord) error {
	program, err := c.program(r.ProgramID)
	if err != nil {
		return err
	}
	target, err := c.p.target(r.TargetApp)
	if err != nil {
		return err
	}
	err = c.checkAuthorization(program, target)
	if required, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err); ok {
		required.Live = max(r.Grayscale.Ratio, r.RequestedRatio)
	}
	return err
}

// takesBack is mayCallTarget for a call that takes back a release. One that is not
// live anywhere is taken back also without the app, which never hears of it again.
func (c *call) takesBack(before, r *releaseRecord) error {
	c.effectIsOptional = before.Grayscale.Ratio == 0 && before.RequestedRatio == 0
	err := c.mayCallTarget(before)
	if c.effectIsOptional && errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		c.withoutEffect, r.Unresolved, err = true, "", nil
	}
	return err
}

// releasesIn is the index of the releases of the same program and target in a status.
func (c *call) releasesIn(r *releaseRecord, status alipayplus.ReleaseStatus) string {
	return key("i/standing", r.Workspace, r.ProgramID, string(r.TargetApp), string(status)) + "/"
}

// releaseFor reads a release, of the caller's own mini program or of a merchant's, for an
// action that the caller may do with it. For all but a view it keeps other calls away
// from the mini program.
func (c *call) releaseFor(action alipayplus.Action, id string) (*releaseRecord, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	r, err := actingFind[releaseRecord](c, "release", id, releaseKey(c.home(), id), releaseIDKey(id))
	if err != nil {
		return nil, err
	}
	if err := c.may(action, r.ProgramID); err != nil {
		return r, err
	}
	if action != alipayplus.ActionView {
		if err := checkLease(c.tx, leaseKey(r.Workspace, r.ProgramID)); err != nil {
			return r, err
		}
	}
	return r, c.checkObserved(r)
}

func queryRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionView, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	return &r.Release, c.prefill(&r.Release)
}

func listReleases(c *call, in alipayplus.ListReleasesInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	by := "all"
	switch {
	case in.ProgramID != "":
		if err := c.mayViewFor(in.ProgramID); err != nil {
			return nil, err
		}
		by = "program=" + in.ProgramID
	case in.Status != "":
		by = "status=" + string(in.Status)
	}
	return listing{
		prefix: key("i/release", c.workspace(), by) + "/", opts: in.ListOptions,
		filter: key(in.ProgramID, string(in.TargetApp), string(in.Status)),
		keep: func(r stored) bool {
			return r.matches("programId", in.ProgramID) && r.matches("targetApp", string(in.TargetApp)) && r.matches("status", string(in.Status))
		},
		show: c.showRelease(),
	}.page(c.tx)
}

// showRelease shows a release in a list: prefilled, see prefill.
func (c *call) showRelease() func(to []byte, r stored) ([]byte, error) {
	company := sync.OnceValues(func() ([]byte, error) {
		r, err := c.company()
		if err != nil {
			return nil, err
		}
		return json.Marshal(r.Company)
	})
	return func(to []byte, r stored) ([]byte, error) {
		to, err := r.appendShown(to, "workspace")
		if err != nil || r.member("basicInfo") != nil {
			return to, err
		}
		info, err := company()
		return appendMember(to, "basicInfo", info), err
	}
}

// matches says whether a value passes a filter; an empty filter passes all.
func matches[S ~string](filter, value S) bool { return filter == "" || filter == value }

func configureRelease(c *call, in alipayplus.UpdateReleaseConfigurationInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	if r.Status != alipayplus.ReleaseNewVersionCreated {
		return nil, conflict("release %s is %s; its configuration can be changed only in %s",
			r.ID, r.Status, alipayplus.ReleaseNewVersionCreated)
	}
	if err := c.bringFiles(in.Configuration.AlipayCN.FileIDs()...); err != nil {
		return nil, err
	}
	before := new(*r)
	r.Configuration = in.Configuration
	r.outdate()
	return c.changeRelease(before, r, "configuration changed"), nil
}

// changeRelease saves what the caller changed.
func (c *call) changeRelease(before, r *releaseRecord, note string) *alipayplus.Release {
	c.before, c.after = before, r
	r.UpdatedBy = c.who()
	c.stage(func(c *call) error {
		r.UpdatedAt = c.at // when the effect is done
		return save(c.tx, before, r)
	})
	c.audit("release", r.ID, state(&before.Release), state(&r.Release), note)
	return c.prefilled(r)
}

// state is a release's status, with the ratio of a grayscale.
func state(r *alipayplus.Release) string {
	if r.Status == alipayplus.ReleaseGrayscale {
		return string(r.Status) + " " + r.Grayscale.Ratio.String()
	}
	return string(r.Status)
}

// parseState is the reverse of state.
func parseState(text string) (status alipayplus.ReleaseStatus, ratio alipayplus.Ratio) {
	name, percent, found := strings.Cut(text, " ")
	status = alipayplus.ReleaseStatus(name)
	if n, err := strconv.Atoi(strings.TrimSuffix(percent, "%")); found && err == nil {
		return status, alipayplus.Ratio(n)
	}
	if status == alipayplus.ReleaseFull {
		return status, alipayplus.FullRatio
	}
	return status, 0
}

// move changes the status by the root's transition table.
func (r *releaseRecord) move(to alipayplus.ReleaseStatus, what string) error {
	if r.Status == alipayplus.ReleaseCanceled {
		return conflict("release %s is %s and cannot be %s; release a higher version (Releases.History says who canceled it)", r.ID, r.Status, what)
	}
	if !r.Status.CanBecome(to) {
		return conflict("release %s is %s and cannot be %s", r.ID, state(&r.Release), what)
	}
	r.Status = to
	return nil
}

// moveLive is move by a ratio. Only a rollback brings an archived release back.
func (r *releaseRecord) moveLive(to alipayplus.ReleaseStatus, what string) error {
	if r.Status == alipayplus.ReleaseArchived {
		return conflict("release %s is %s and cannot be %s", r.ID, state(&r.Release), what)
	}
	return r.move(to, what)
}

func applyRelease(c *call, in alipayplus.ApplyInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	if err := r.move(alipayplus.ReleaseUnderReview, "applied for"); err != nil {
		return nil, err
	}
	target, err := c.mayApply(r)
	if err != nil {
		return nil, err
	}
	company, err := c.company()
	if err != nil {
		return nil, err
	}
	program, err := c.program(r.ProgramID)
	if err != nil {
		return nil, err
	}
	version, err := resolve[versionRecord](c.tx, versionKey(c.workspace(), r.ProgramID, r.Version))
	if err != nil {
		return nil, err
	}
	parties := append([]alipayplus.Party{alipayplus.PartyAlipayPlus}, target.Parties()...)
	request := c.openRequest(alipayplus.Request{
		Title:    fmt.Sprintf("Release %s %v to %s", program.Name(), r.Version, r.TargetApp),
		Category: alipayplus.CategoryProgramRelease, ReleaseID: r.ID, ProgramID: r.ProgramID,
		Version: r.Version, TargetApp: r.TargetApp, BasicInfoChanged: *in.BasicInfo != company.Company,
	}, alipayplus.Submission{
		Company: &company.Company, BasicInfo: in.BasicInfo, Configuration: &r.Configuration,
		Languages: program.Languages, LogoFileID: program.LogoFileID, PackageFileID: version.FileID,
	}, r.ReleaseRequestID, parties)
	r.Languages = program.Languages
	r.BasicInfo, r.ReleaseRequestID, r.Reviews = in.BasicInfo, request.ID, request.Reviews
	return c.changeRelease(before, r, ""), nil
}

// mayApply refuses while another version is on its way, and checks again what
// may have changed since the release was created.
func (c *call) mayApply(r *releaseRecord) (TargetBackend, error) {
	for _, status := range alipayplus.ReleaseStatuses() {
		if !status.BlocksApply() {
			continue
		}
		other, err := c.firstInStatus(r, status)
		if err != nil {
			return nil, err
		}
		if other != nil {
			return nil, conflict("release %s of version %v is %s; finish, withdraw or cancel it before another version is applied for",
				other.ID, other.Version, other.Status)
		}
	}
	program, err := c.program(r.ProgramID)
	if err != nil {
		return nil, err
	}
	target, err := c.p.target(r.TargetApp)
	if err != nil {
		return nil, err
	}
	return target, c.checkTarget(program, target)
}

// firstInStatus returns a release of the same program and target in a status,
// other than r itself.
func (c *call) firstInStatus(r *releaseRecord, status alipayplus.ReleaseStatus) (*releaseRecord, error) {
	prefix := c.releasesIn(r, status)
	for entry, err := range c.tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return nil, err
		}
		if string(entry.Value) == r.key() {
			continue
		}
		return load[releaseRecord](c.tx, string(entry.Value))
	}
	return nil, nil //nolint:nilnil // none is no error
}

func withdrawRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	if r.Status != alipayplus.ReleaseUnderReview {
		return nil, conflict("release %s is %s; only one that is under review can be withdrawn", r.ID, state(&r.Release))
	}
	before := new(*r)
	if err := r.move(alipayplus.ReleaseNewVersionCreated, "withdrawn"); err != nil {
		return nil, err
	}
	request, err := c.closeRequest(r.ReleaseRequestID)
	if err != nil {
		return nil, err
	}
	r.Reviews = request.Reviews
	if err := c.takesBack(before, r); err != nil {
		return nil, err
	}
	return c.changeRelease(before, r, "withdrawn"), nil
}

// raiseRelease is the server side of Releases.StartGrayscale and Releases.Raise.
func raiseRelease(c *call, in alipayplus.GrayscaleInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	to := alipayplus.ReleaseGrayscale
	if in.Ratio == alipayplus.FullRatio {
		to = alipayplus.ReleaseFull
	}
	live := r.Grayscale
	if r.Status == alipayplus.ReleaseFull {
		return nil, conflict("release %s is complete at 100%%; nothing is left to raise", r.ID)
	}
	before := new(*r)
	if err := r.moveLive(to, "released by grayscale"); err != nil {
		return nil, err
	}
	if in.From != live.Ratio {
		return nil, conflict("release %s is live at %v, not at %v as the call assumes; read it again", r.ID, live.Ratio, in.From)
	}
	if err := live.Ladder.CheckRaise(live.Ratio, in.Ratio); err != nil {
		return nil, err
	}
	if in.Ratio < r.RequestedRatio {
		return nil, conflict("release %s may be live at %v: %s was asked for that, and what came of it is not known; set %v again, or a higher ratio, or cancel",
			r.ID, r.RequestedRatio, r.TargetApp, r.RequestedRatio)
	}
	return c.goLive(before, r, in.Ratio, in.AllowDowngrade)
}

func finalizeRelease(c *call, in alipayplus.FinalizeInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	if r.Status == alipayplus.ReleaseGrayscale {
		return nil, conflict("release %s is in grayscale at %v; raise it to 100%% instead", r.ID, r.Grayscale.Ratio)
	}
	before := new(*r)
	if err := r.moveLive(alipayplus.ReleaseFull, "fully released"); err != nil {
		return nil, err
	}
	return c.goLive(before, r, alipayplus.FullRatio, in.AllowDowngrade)
}

// goLive records the ratio of a release whose status has moved.
func (c *call) goLive(before, r *releaseRecord, ratio alipayplus.Ratio, allowDowngrade bool) (*alipayplus.Release, error) {
	if err := c.mayCallTarget(before); err != nil {
		return nil, err
	}
	former, err := c.firstInStatus(r, alipayplus.ReleaseFull)
	if err != nil {
		return nil, err
	}
	if former != nil && !allowDowngrade {
		if err := r.Version.CheckDowngrade(former.Version); err != nil {
			return nil, err
		}
	}
	r.Grayscale.Ratio = ratio
	r.Grayscale.Steps = append(r.Grayscale.Steps, alipayplus.GrayscaleStep{Ratio: ratio, By: c.who(), At: c.at})
	if r.Status == alipayplus.ReleaseFull {
		r.ReleasedAt = c.at
		if err := c.replace(former, r); err != nil {
			return nil, err
		}
	}
	c.stage(func(c *call) error {
		r.Grayscale.Steps[len(r.Grayscale.Steps)-1].At = c.at
		if r.Status == alipayplus.ReleaseFull {
			r.ReleasedAt = c.at
		}
		return nil
	})
	return c.changeRelease(before, r, ""), nil
}

// replace archives the version that was fully released until r is; nil: none was. What was
// last asked for about it does not matter any more.
func (c *call) replace(former, r *releaseRecord) error {
	if former == nil {
		return nil
	}
	r.Replaced = former.key()
	before := new(*former)
	former.Unresolved = ""
	return c.moveAlong(before, former, alipayplus.ReleaseArchived, "")
}

// moveAlong moves a release because of what the call does with another one.
func (c *call) moveAlong(before, r *releaseRecord, to alipayplus.ReleaseStatus, note string) error {
	if err := r.move(to, "in "+string(to)); err != nil {
		return err
	}
	r.UpdatedBy = c.who()
	c.stage(func(c *call) error {
		r.UpdatedAt = c.at
		if to == alipayplus.ReleaseFull {
			r.ReleasedAt = c.at
		}
		return save(c.tx, before, r)
	})
	c.audit("release", r.ID, string(before.Status), string(r.Status), note)
	return nil
}

func cancelRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	if err := r.move(alipayplus.ReleaseCanceled, "canceled"); err != nil {
		return nil, err
	}
	if err := c.takesBack(before, r); err != nil {
		return nil, err
	}
	return c.changeRelease(before, r, ""), nil
}

func takeOffline(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	before, r, err := c.fullRelease(in.ReleaseID, "taken offline")
	if err != nil {
		return nil, err
	}
	return c.changeRelease(before, r, "taken offline"), nil
}

// rollBack answers the release that takes the place of the one that is rolled back.
func rollBack(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	before, r, err := c.fullRelease(in.ReleaseID, "rolled back")
	if err != nil {
		return nil, err
	}
	if r.Replaced == "" {
		return nil, conflict("release %s replaced none that was fully released, so there is none to go back to; take it offline instead", r.ID)
	}
	former, err := resolve[releaseRecord](c.tx, r.Replaced)
	if err != nil {
		return nil, err
	}
	c.goesBackTo = former.Version
	c.changeRelease(before, r, fmt.Sprintf("rolled back to %v", former.Version))
	if err := c.moveAlong(new(*former), former, alipayplus.ReleaseFull, fmt.Sprintf("version %v was rolled back", r.Version)); err != nil {
		return nil, err
	}
	return c.prefilled(former), nil
}

// fullRelease reads a release that is fully released and archives it. What was last asked
// for about it must be known: it may not be live any more.
func (c *call) fullRelease(id, what string) (before, r *releaseRecord, err error) {
	if r, err = c.releaseFor(alipayplus.ActionRelease, id); err != nil {
		return nil, nil, err
	}
	if r.Status != alipayplus.ReleaseFull {
		return nil, nil, conflict("release %s is %s; only one that is fully released can be %s", r.ID, state(&r.Release), what)
	}
	if r.Unresolved != c.in.op.Name {
		if err := r.checkResolved(); err != nil {
			return nil, nil, err
		}
	}
	before = new(*r)
	target, err := c.p.target(r.TargetApp)
	if err != nil {
		return nil, nil, err
	}
	if _, is := target.(TargetReverter); !is {
		return nil, nil, conflict("%s can take nothing back that is fully released; release another version instead", r.TargetApp)
	}
	if err := c.mayCallTarget(r); err != nil {
		return nil, nil, err
	}
	return before, r, r.move(alipayplus.ReleaseArchived, what)
}

// deleteRelease takes back a selection of the target app, which knows nothing of it:
// it was never applied for, or that application is over.
func deleteRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	if err := r.move(alipayplus.ReleaseDeleted, "deleted"); err != nil {
		return nil, err
	}
	if err := r.checkResolved(); err != nil {
		return nil, err
	}
	r.UpdatedBy, r.UpdatedAt = c.who(), c.at
	c.stage(func(c *call) error { return remove(c.tx, before) })
	c.audit("release", r.ID, state(&before.Release), state(&r.Release), "")
	return &r.Release, nil
}

// forTarget is a deep copy of the release as it will be, for a target app to keep.
func (r *releaseRecord) forTarget() (*alipayplus.Release, error) {
	text, err := json.Marshal(&r.Release)
	if err != nil {
		return nil, err
	}
	out := new(alipayplus.Release)
	return out, json.Unmarshal(text, out)
}

// raiseAtTarget is the effect of both ways to raise the ratio.
func raiseAtTarget(target TargetBackend, ctx context.Context, about TargetCall) error { //nolint:revive // the other effects are method expressions
	if about.Release.Status == alipayplus.ReleaseFull {
		return target.Publish(ctx, about)
	}
	return target.SetRatio(ctx, about, about.Release.Grayscale.Ratio)
}

// reverting is an effect at a target app that the handler has found to be a [TargetReverter].
func reverting(effect func(TargetReverter, context.Context, TargetCall) error) func(TargetBackend, context.Context, TargetCall) error {
	return func(target TargetBackend, ctx context.Context, about TargetCall) error {
		return effect(target.(TargetReverter), ctx, about) //nolint:forcetypeassert,errcheck // the handler has asked
	}
}
