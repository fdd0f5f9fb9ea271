package alipayplus

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
)

// TargetApp is where a release goes. It is open to values unknown to this
// version of the library.
type TargetApp string

// TargetAlipayCN is AlipayCN, the target of "Release mini programs".
const TargetAlipayCN TargetApp = "ALIPAY_CN"

// ReleaseStatus is the status of a release. It is open to unknown values.
type ReleaseStatus string

// The release statuses. The first five are the steps of "Release mini
// programs"; CANCELED and ARCHIVED are documented for the same platform family,
// not on the AlipayCN page; DELETED is this project's own, as are the ways to ARCHIVED
// by [ReleasesClient.TakeOffline] and [ReleasesClient.RollBack].
const (
	// ReleaseNewVersionCreated: may be configured and applied for.
	ReleaseNewVersionCreated ReleaseStatus = "NEW_VERSION_CREATED"
	// ReleaseUnderReview: Alipay+ and AlipayCN review it.
	ReleaseUnderReview ReleaseStatus = "UNDER_REVIEW"
	// ReleasePreparation: both approved; grayscale or final release is chosen.
	ReleasePreparation ReleaseStatus = "RELEASE_PREPARATION"
	// ReleaseGrayscale: live for a share of the users.
	ReleaseGrayscale ReleaseStatus = "GRAYSCALE_RELEASE"
	// ReleaseFull: live for all users.
	ReleaseFull ReleaseStatus = "FULL_RELEASE"
	// ReleaseCanceled: given up; this version cannot go to this target again.
	ReleaseCanceled ReleaseStatus = "CANCELED"
	// ReleaseArchived: was live for all users, until another version became fully
	// released or this one was taken offline or rolled back.
	ReleaseArchived ReleaseStatus = "ARCHIVED"
	// ReleaseDeleted: the selection of the target app was taken back, see
	// [ReleasesClient.Delete]. Only its answer and the history have this status: the
	// release is not there any more.
	ReleaseDeleted ReleaseStatus = "DELETED"
)

// ReleaseStatuses returns every status that this version of the library knows.
func ReleaseStatuses() []ReleaseStatus {
	return []ReleaseStatus{
		ReleaseNewVersionCreated, ReleaseUnderReview, ReleasePreparation, ReleaseGrayscale,
		ReleaseFull, ReleaseCanceled, ReleaseArchived, ReleaseDeleted,
	}
}

// releaseTransitions is the rule for how a release moves.
func releaseTransitions() []transition[ReleaseStatus] {
	return []transition[ReleaseStatus]{
		{ReleaseNewVersionCreated, "apply", ReleaseUnderReview},
		{ReleaseNewVersionCreated, "delete (own)", ReleaseDeleted},
		{ReleaseUnderReview, "all parties approve", ReleasePreparation},
		{ReleaseUnderReview, "a party rejects", ReleaseNewVersionCreated},
		{ReleaseUnderReview, "withdraw", ReleaseNewVersionCreated},
		{ReleasePreparation, "grayscale release", ReleaseGrayscale},
		{ReleasePreparation, "final release", ReleaseFull},
		{ReleasePreparation, "cancel", ReleaseCanceled},
		{ReleasePreparation, "target app returns it (own)", ReleaseNewVersionCreated},
		{ReleaseGrayscale, "a higher ratio", ReleaseGrayscale},
		{ReleaseGrayscale, "ratio 100 %", ReleaseFull},
		{ReleaseGrayscale, "cancel", ReleaseCanceled},
		{ReleaseGrayscale, "target app ends it (own)", ReleasePreparation},
		{ReleaseFull, "another version is fully released", ReleaseArchived},
		{ReleaseFull, "take offline, roll back (own)", ReleaseArchived},
		{ReleaseArchived, "the next one rolls back (own)", ReleaseFull},
	}
}

// Known says whether this version of the library knows the status.
func (s ReleaseStatus) Known() bool { return known(releaseTransitions(), s) }

// Terminal says whether nothing leads out of the status.
func (s ReleaseStatus) Terminal() bool { return terminal(releaseTransitions(), s) }

// CanBecome says whether the rules lead from s to next in one step.
func (s ReleaseStatus) CanBecome(next ReleaseStatus) bool {
	return canBecome(releaseTransitions(), s, next)
}

// BlocksApply says whether a release in this status keeps other versions of the
// same program and target from being applied for: while it is under review, in
// preparation or in grayscale.
func (s ReleaseStatus) BlocksApply() bool {
	return s == ReleaseUnderReview || s == ReleasePreparation || s == ReleaseGrayscale
}

// BusinessRegistration is what a company registered when it signed up. As a
// company's it is read-only; as the basic information of a release it is
// confirmed, and may be updated, with the application. The fields are not
// documented.
type BusinessRegistration struct {
	// CompanyName is the registered name.
	CompanyName string `json:"companyName" validate:"required,max=256"`
	// RegistrationNumber is the number in the commercial register.
	RegistrationNumber string `json:"registrationNumber" validate:"required,max=64"`
	// Country is the country of registration, two letters (ISO 3166-1).
	Country string `json:"country" validate:"required,iso3166_1_alpha2"`
	// Address is the registered address.
	Address string `json:"address" validate:"required,max=512" text:"lines"`
	// ContactName is who may be asked.
	ContactName string `json:"contactName" validate:"required,max=128"`
	// ContactEmail is the contact's e-mail address.
	ContactEmail string `json:"contactEmail" validate:"required,email,max=254"`
	// ContactPhone is the contact's phone number; may be empty.
	ContactPhone string `json:"contactPhone,omitempty" validate:"max=32"`
}

// Validate checks the fields.
func (b BusinessRegistration) Validate() error { return validate("business registration", b, nil) }

// Release is one version of a mini program on its way to one target app.
type Release struct {
	// ID is the platform's id of the release.
	ID string `json:"id"`
	// ProgramID is the mini program.
	ProgramID string `json:"programId"`
	// Version is the version that goes out.
	Version VersionNumber `json:"version"`
	// TargetApp is where it goes.
	TargetApp TargetApp `json:"targetApp"`
	// Status is its present status.
	Status ReleaseStatus `json:"status"`
	// Configuration is the release's own, first copied from the mini program.
	Configuration Configuration `json:"configuration"`
	// BasicInfo is what was applied with last; before the first application it is the
	// company's registration as it is now, to be confirmed or changed.
	BasicInfo *BusinessRegistration `json:"basicInfo,omitempty"`
	// Languages are the mini program's names as they were applied with: a name that
	// is changed later is reviewed with the next release. Empty before the first
	// application.
	Languages []Localization `json:"languages,omitempty"`
	// Compatibility is the report of the newest compatibility test, see
	// [ReleasesClient.TestCompatibility]; nil: never tested.
	Compatibility *CompatibilityReport `json:"compatibility,omitempty"`
	// ReleaseRequestID is the newest release request, see [RequestsClient.Get];
	// empty before the first application.
	ReleaseRequestID string `json:"releaseRequestId,omitempty"`
	// Reviews are the verdicts on the newest application, one a party. They
	// stay readable after a rejection.
	Reviews []Review `json:"reviews,omitempty"`
	// Grayscale is the live ratio and the ladder.
	Grayscale Grayscale `json:"grayscale"`
	// CreatedBy is the member who created it.
	CreatedBy string `json:"createdBy"`
	// CreatedAt is when it was created.
	CreatedAt time.Time `json:"createdAt"`
	// UpdatedBy is the member who changed it last.
	UpdatedBy string `json:"updatedBy"`
	// UpdatedAt is when it last changed.
	UpdatedAt time.Time `json:"updatedAt"`
	// ReleasedAt is when it became fully released, by a rollback of the version after it
	// too; zero until then.
	ReleasedAt time.Time `json:"releasedAt,omitzero"`
}

// CreateReleaseInput is what [ReleasesClient.Create] takes.
type CreateReleaseInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Version is the uploaded version to release.
	Version VersionNumber `json:"version" validate:"required"`
	// TargetApp is where it goes.
	TargetApp TargetApp `json:"targetApp" validate:"required,max=64"`
	// Program is the mini program as last read; may be nil. With Target, the
	// languages are checked before anything is sent.
	Program *Program `json:"-" validate:"-"`
	// Target is the target app as last read, see [Workspace.Target]; may be nil.
	Target *TargetAppInfo `json:"-" validate:"-"`
	// Known are the mini program's releases to the target app as last read; may
	// be nil. With Target, the limits are checked before anything is sent.
	Known []*Release `json:"-" validate:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields, and the languages and limits as far as they are
// known. The error is a [ValidationError] or a [LimitError].
func (in CreateReleaseInput) Validate() error {
	err := validate("release", in, func(p *problems) {
		in.Version.check(p, "version")
		if in.Program != nil && in.Program.ID != in.ProgramID {
			p.Add("program", fmt.Sprintf("is %q, and not %q, which programId names", in.Program.ID, in.ProgramID))
		}
		if in.Target != nil && in.Target.App != in.TargetApp {
			p.Add("target", fmt.Sprintf("is of %q, and not of %q, which targetApp names", in.Target.App, in.TargetApp))
		}
		if in.Program == nil || in.Target == nil || len(*p) > 0 {
			return
		}
		if missing := in.Program.MissingLanguages(in.Target.Languages); len(missing) > 0 {
			p.Add("program.languages", languagesNeeded(in.TargetApp, missing))
		}
	})
	if err != nil || in.Target == nil || in.Known == nil {
		return err
	}
	return in.checkLimits()
}

func (in CreateReleaseInput) checkLimits() error {
	going, waiting, underReview := false, 0, false
	for _, r := range in.Known {
		if r == nil || r.ProgramID != in.ProgramID || r.TargetApp != in.TargetApp {
			continue
		}
		going = going || r.Status != ReleaseCanceled && r.Status != ReleaseDeleted
		underReview = underReview || r.Status == ReleaseUnderReview
		if r.Status == ReleaseNewVersionCreated {
			waiting++
		}
	}
	if !going {
		if err := in.Target.Limits.CheckProgramLimit(in.TargetApp, in.Target.ProgramsUsed); err != nil {
			return err
		}
	}
	return in.Target.Limits.CheckVersionLimit(in.TargetApp, waiting, underReview)
}

func languagesNeeded(app TargetApp, missing []string) string {
	return fmt.Sprintf("%s needs %v; add them with Programs.AddLanguages", app, missing)
}

// ApplyInput is what [ReleasesClient.Apply] takes.
type ApplyInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// BasicInfo is the business registration as confirmed by the applicant,
	// unchanged ([Release] BasicInfo) or newer. A changed one is part of the review, and
	// becomes the company's once all parties approve (this project's own rule).
	BasicInfo *BusinessRegistration `json:"basicInfo" validate:"required"`
	// Known are the mini program's releases to the target app as last read, the
	// one to apply for among them; may be nil. When another one is on its way,
	// nothing is sent.
	Known []*Release `json:"-" validate:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields, and whether another release is on its way as far
// as that is known. The error is a [ValidationError] or matches [ErrConflict].
func (in ApplyInput) Validate() error {
	if err := validate("application", in, nil); err != nil {
		return err
	}
	i := slices.IndexFunc(in.Known, func(r *Release) bool { return r != nil && r.ID == in.ReleaseID })
	if i < 0 {
		return nil
	}
	if other := in.Known[i].BlockedBy(in.Known); other != nil {
		return fmt.Errorf("%w: release %s of version %v is %s; finish, withdraw or cancel it first",
			ErrConflict, other.ID, other.Version, other.Status)
	}
	return nil
}

// UpdateReleaseConfigurationInput is what [ReleasesClient.UpdateConfiguration]
// takes.
type UpdateReleaseConfigurationInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// Configuration replaces the release's former one whole.
	Configuration Configuration `json:"configuration"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in UpdateReleaseConfigurationInput) Validate() error {
	return validate("configuration", in, nil)
}

// ReleaseInput names a release for an operation that needs nothing else.
type ReleaseInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks that the id is there.
func (in ReleaseInput) Validate() error { return validate("release", in, nil) }

// FinalizeInput is what [ReleasesClient.Finalize] takes.
type FinalizeInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// AllowDowngrade releases the version also when a higher one is fully released,
	// so that users go back to it; see [DowngradeError].
	AllowDowngrade bool `json:"allowDowngrade,omitempty"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks that the id is there.
func (in FinalizeInput) Validate() error { return validate("release", in, nil) }

// ListReleasesInput chooses releases.
type ListReleasesInput struct {
	ListOptions
	// ProgramID keeps releases of one mini program; empty: all.
	ProgramID string `json:"programId,omitempty" validate:"max=64"`
	// TargetApp keeps releases to one target app; empty: all.
	TargetApp TargetApp `json:"targetApp,omitempty" validate:"max=64"`
	// Status keeps releases in one status; empty: all.
	Status ReleaseStatus `json:"status,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in ListReleasesInput) Validate() error { return validate("releases", in, nil) }

// ListHistoryInput chooses what [ReleasesClient.History] reads.
type ListHistoryInput struct {
	ListOptions
	// ReleaseID is the release, also one that was deleted.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
}

// Validate checks the fields.
func (in ListHistoryInput) Validate() error { return validate("history", in, nil) }

// ReleaseEvent is one thing that happened to a release.
type ReleaseEvent struct {
	// At is when.
	At time.Time `json:"at"`
	// By is who: the member, or the reviewing party; "operator" for who runs the
	// platform. A member of a provider is company and member, "Acme/dev": no member's own name
	// holds a slash.
	By string `json:"by"`
	// OrderID is the order by which a member of a provider did it for the merchant; empty
	// for the workspace's own members.
	OrderID string `json:"orderId,omitempty"`
	// Operation is the call that did it, for example "releases.apply" or
	// "reviews.decide"; empty for the operator.
	Operation string `json:"operation,omitempty"`
	// From is the status before; empty for the first event.
	From ReleaseStatus `json:"from,omitempty"`
	// FromRatio is the live ratio before, in percent; 0 where the status has none.
	FromRatio Ratio `json:"fromRatio,omitempty"`
	// To is the status after; equal to From for a change within a status.
	To ReleaseStatus `json:"to"`
	// ToRatio is the live ratio after, in percent; 0 where the status has none.
	ToRatio Ratio `json:"toRatio,omitempty"`
	// Verdict is what the party said, where it was a verdict; else empty.
	Verdict ReviewStatus `json:"verdict,omitempty"`
	// Reason is the party's reason; may be empty.
	Reason string `json:"reason,omitempty"`
	// Note says more, for people; may be empty.
	Note string `json:"note,omitempty"`
}

// ReleasesClient works on the releases of the workspace. It is safe for
// concurrent use.
type ReleasesClient struct{ client *Client }

// Create selects the target app for an uploaded version: the release begins in
// NEW_VERSION_CREATED. Errors: [AuthorizationRequiredError], [LimitError],
// [ErrInvalid] with code LANGUAGE_REQUIRED, [ErrConflict] when the version went
// to this target before, [ErrNotFound], [ErrPermission].
func (c *ReleasesClient) Create(ctx context.Context, in CreateReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseCreate, &in, &in.RequestID)
}

// Get reads a release. Errors: [ErrNotFound].
func (c *ReleasesClient) Get(ctx context.Context, id string) (*Release, error) {
	return get(ctx, c.client, contract.ReleaseQuery, ReleaseInput{ReleaseID: id}, func(r *Release) bool { return r.ID == id })
}

// List reads a page of releases, newest first unless in.Order says otherwise.
func (c *ReleasesClient) List(ctx context.Context, in ListReleasesInput) (*Page[Release], error) {
	return list(ctx, c.client, contract.ReleaseList, in, in.Limit, func(r *Release) bool {
		return matchesFilter(in.ProgramID, r.ProgramID) && matchesFilter(in.TargetApp, r.TargetApp) && matchesFilter(in.Status, r.Status)
	})
}

// All ranges over all releases that in chooses, page by page as they are needed.
// It ends after the first error, which it yields.
func (c *ReleasesClient) All(ctx context.Context, in ListReleasesInput) iter.Seq2[*Release, error] {
	return all(ctx, contract.ReleaseList, in, c.List)
}

// History reads a page of what happened to a release, oldest first unless in.Order
// says otherwise: who did what and when, from which status and ratio to which, and the
// verdicts with their reasons. Every member may read it, also that of a release that
// was deleted. Not documented: this project's own. Errors: [ErrNotFound].
func (c *ReleasesClient) History(ctx context.Context, in ListHistoryInput) (*Page[ReleaseEvent], error) {
	return list(ctx, c.client, contract.ReleaseHistory, in, in.Limit, anything[ReleaseEvent])
}

// AllHistory ranges over the whole history of a release, page by page as it is needed.
// It ends after the first error, which it yields.
func (c *ReleasesClient) AllHistory(ctx context.Context, in ListHistoryInput) iter.Seq2[*ReleaseEvent, error] {
	return all(ctx, contract.ReleaseHistory, in, c.History)
}

// UpdateConfiguration changes the configuration of a release that is in
// NEW_VERSION_CREATED. Errors: [ValidationError], [ErrConflict], [ErrNotFound],
// [ErrPermission].
func (c *ReleasesClient) UpdateConfiguration(ctx context.Context, in UpdateReleaseConfigurationInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseConfigure, &in, &in.RequestID)
}

// Apply sends the release to review by Alipay+ and the target app. Errors:
// [ValidationError], [ErrConflict] when it is not in NEW_VERSION_CREATED or
// another version of the program is under review, in preparation or in
// grayscale, [AuthorizationRequiredError], [ErrNotFound], [ErrPermission].
func (c *ReleasesClient) Apply(ctx context.Context, in ApplyInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseApply, &in, &in.RequestID)
}

// Withdraw takes back an application that is under review; the release is in
// NEW_VERSION_CREATED again, also when the platform is no longer allowed to call the
// target app. Documented for the same platform family, not for AlipayCN. Errors: [ErrConflict] after the verdict, [ErrNotFound], [ErrPermission].
func (c *ReleasesClient) Withdraw(ctx context.Context, in ReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseWithdraw, &in, &in.RequestID)
}

// Finalize releases to all users at once a release that is in preparation
// ("Final Release"). A release in grayscale is finished by raising it to 100 %.
// Errors: [ErrConflict], also when a higher version is fully released and
// in.AllowDowngrade is not set (this project's own rule), [AuthorizationRequiredError]
// as for [ReleasesClient.StartGrayscale], [ErrNotFound], [ErrPermission].
func (c *ReleasesClient) Finalize(ctx context.Context, in FinalizeInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseFinalize, &in, &in.RequestID)
}

// Cancel gives up a release in preparation or in grayscale for good: this
// version cannot go to this target again. What users who already have it will
// see is not documented. Documented for the same platform family, not for
// AlipayCN. Errors: [ErrConflict], [ErrNotFound], [ErrPermission], and
// [AuthorizationRequiredError] for a release that is live somewhere, when the
// platform is no longer allowed to call the target app: it names the share that
// stays live. What is not live yet can be canceled without a call to the app
// (both this project's own rules).
func (c *ReleasesClient) Cancel(ctx context.Context, in ReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseCancel, &in, &in.RequestID)
}

// TakeOffline takes a fully released version away from all users; it is ARCHIVED, and
// none is in its place. AlipayCN's own API has this call, and the product documents do
// not: it is this project's own here. Errors: [ErrConflict] when it is not fully
// released, when the target app has no such call, or when the app refuses, as AlipayCN
// does while another version is in grayscale; [AuthorizationRequiredError];
// [ErrNotFound]; [ErrPermission].
func (c *ReleasesClient) TakeOffline(ctx context.Context, in ReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseTakeOffline, &in, &in.RequestID)
}

// RollBack takes a fully released version back, and makes the one that it replaced live
// for all users again, without review. The named release is ARCHIVED, the one before it
// FULL_RELEASE; what is returned is the latter. AlipayCN's own API has this call, and the
// product documents do not: it is this project's own here. Errors: those of
// [ReleasesClient.TakeOffline], and [ErrConflict] when it replaced no version, or when
// the app refuses, as AlipayCN does after another rollback.
func (c *ReleasesClient) RollBack(ctx context.Context, in ReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseRollBack, &in, &in.RequestID)
}

// Delete takes back a mistaken selection of the target app: a release in
// NEW_VERSION_CREATED, applied for before or not. Its places within the limits are
// free, and the version can be selected again. It returns the release as it was, in
// DELETED; from then on it is [ErrNotFound]. This is this project's own rule: no
// document speaks of it. Errors: [ErrConflict] in any other status, [ErrNotFound],
// [ErrPermission].
func (c *ReleasesClient) Delete(ctx context.Context, in ReleaseInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseDelete, &in, &in.RequestID)
}

// WaitReviewed waits until all parties have approved a release that was applied
// for, and returns it: it is in RELEASE_PREPARATION or already further. When a
// party rejects or the applicant withdraws, the error is a [WaitError] with a
// [ReviewError] in it, and the release is returned all the same. A release that
// was never applied for is [ErrConflict]. The context is the deadline.
func (c *ReleasesClient) WaitReviewed(ctx context.Context, id string, opts ReleaseWait) (*Release, error) {
	return wait(ctx, "releases.waitReviewed", id, opts, polling.Condition[Release]{
		Poll: func(ctx context.Context) (*Release, error) { return c.Get(ctx, id) },
		State: func(r *Release) string {
			return string(r.Status) + " " + reviewState(r.Reviews)
		},
		Done: func(ctx context.Context, r *Release) (bool, error) {
			switch r.Status {
			case ReleasePreparation, ReleaseGrayscale, ReleaseFull, ReleaseArchived:
				return true, nil
			case ReleaseNewVersionCreated:
				return false, c.client.reviewError(ctx, "release "+r.ID, r.ReleaseRequestID)
			case ReleaseCanceled:
				return false, notUnderReview("release "+r.ID, "it is canceled")
			default:
				return false, nil
			}
		},
	})
}

// BlockedBy returns the first of the releases that keeps r from being applied
// for, see [ReleaseStatus.BlocksApply], or nil.
func (r *Release) BlockedBy(others []*Release) *Release {
	i := slices.IndexFunc(others, func(o *Release) bool {
		return o != nil && o.ID != r.ID && o.ProgramID == r.ProgramID && o.TargetApp == r.TargetApp && o.Status.BlocksApply()
	})
	if i < 0 {
		return nil
	}
	return others[i]
}

// CheckDowngrade says whether version v may go live while live is fully released for
// the same mini program and target app (zero: none is): it must not be lower. The
// error is a [DowngradeError]. Not documented: this project's own rule.
func (v VersionNumber) CheckDowngrade(live VersionNumber) error {
	if v.Compare(live) >= 0 {
		return nil
	}
	return &DowngradeError{Version: v, Live: live}
}

// DowngradeError says that a release would take users back to a lower version than
// the one that is fully released. It matches [ErrConflict].
type DowngradeError struct {
	// Version is the version to release.
	Version VersionNumber `json:"version"`
	// Live is the version that is fully released.
	Live VersionNumber `json:"live"`
}

// Error names both versions and the way out.
func (e *DowngradeError) Error() string {
	return fmt.Sprintf("version %v is lower than %v, which is fully released: users would go back to it; set AllowDowngrade if that is meant", e.Version, e.Live)
}

// Unwrap returns [ErrConflict].
func (e *DowngradeError) Unwrap() error { return ErrConflict }

// transition is one line of a status's transition table.
type transition[S ~string] struct {
	from S
	by   string
	to   S
}

func canBecome[S ~string](table []transition[S], from, to S) bool {
	return slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == from && t.to == to })
}

// known says whether the table mentions the status.
func known[S ~string](table []transition[S], s S) bool {
	return slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == s || t.to == s })
}

// terminal says whether the table mentions the status and leads nowhere from it.
func terminal[S ~string](table []transition[S], s S) bool {
	leaves := slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == s })
	return !leaves && known(table, s)
}
