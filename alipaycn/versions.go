package alipaycn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// VersionsClient takes versions of a mini program from upload to release. Every
// error is an [Error]. Writes are never repeated blindly: see "Safe writes" in
// the package's documentation.
type VersionsClient struct{ c *Client }

// Upload builds a version from a template (alipay.open.mini.version.upload) and
// returns how far the build is; [VersionsClient.WaitBuilt] waits for its end. It
// reads the list of versions and the build before, to know afterwards what it did.
func (v *VersionsClient) Upload(ctx context.Context, in UploadInput) (*Build, error) {
	return writeVersion[Build](ctx, v, cnwire.VersionUpload, in)
}

// QueryBuild returns how far a build is (alipay.open.mini.version.build.query).
func (v *VersionsClient) QueryBuild(ctx context.Context, in VersionInput) (*Build, error) {
	return read[Build](ctx, v.c, cnwire.VersionBuild, in)
}

// Apply submits a version for review (alipay.open.mini.version.audit.apply), with
// what is new about the mini program. Files are read in pieces while they are
// sent; memory does not grow with their size. It reads the version before, to
// know afterwards what it did. When the answer was lost, but the state proves
// the application, the result is empty.
func (v *VersionsClient) Apply(ctx context.Context, in ApplyInput) (*ApplyResult, error) {
	return writeVersion[ApplyResult](ctx, v, cnwire.VersionApply, in)
}

// CancelAudit withdraws a version from review (alipay.open.mini.version.audit.cancel);
// it is in development again. Without a version, a lost answer proves nothing.
func (v *VersionsClient) CancelAudit(ctx context.Context, in CancelAuditInput) error {
	return v.change(ctx, cnwire.VersionCancelAudit, in)
}

// ReturnToDevelopment takes a version that was reviewed, with whatever verdict,
// back to development (alipay.open.mini.version.audited.cancel). It needs a new
// review then.
func (v *VersionsClient) ReturnToDevelopment(ctx context.Context, in VersionInput) error {
	return v.change(ctx, cnwire.VersionReturnToDevelopment, in)
}

// StartGray puts a version online for a share of the users
// (alipay.open.mini.version.gray.online).
func (v *VersionsClient) StartGray(ctx context.Context, in GrayInput) error {
	return v.change(ctx, cnwire.VersionGray, in)
}

// RaiseGray gives a version in grayscale to a larger share of the users. AlipayCN
// has one operation for this and for [VersionsClient.StartGray]; the two names
// are for the reader.
func (v *VersionsClient) RaiseGray(ctx context.Context, in GrayInput) error {
	return v.StartGray(ctx, in)
}

// CancelGray ends the grayscale release of a version
// (alipay.open.mini.version.gray.cancel): nobody has it then, and it waits for release.
func (v *VersionsClient) CancelGray(ctx context.Context, in VersionInput) error {
	return v.change(ctx, cnwire.VersionCancelGray, in)
}

// Publish puts a version online for all users (alipay.open.mini.version.online).
func (v *VersionsClient) Publish(ctx context.Context, in PublishInput) error {
	return v.change(ctx, cnwire.VersionPublish, in)
}

// TakeOffline takes the version that is online away from all users
// (alipay.open.mini.version.offline).
func (v *VersionsClient) TakeOffline(ctx context.Context, in VersionInput) error {
	return v.change(ctx, cnwire.VersionTakeOffline, in)
}

// Rollback takes the version that is online away, and puts the one before it
// online again, without review (alipay.open.mini.version.rollback). It names the
// version that is online now.
func (v *VersionsClient) Rollback(ctx context.Context, in VersionInput) error {
	return v.change(ctx, cnwire.VersionRollback, in)
}

// Delete removes a version in development (alipay.open.mini.version.delete).
func (v *VersionsClient) Delete(ctx context.Context, in VersionInput) error {
	return v.change(ctx, cnwire.VersionDelete, in)
}

// Get reads a version (alipay.open.mini.version.detail.query). What AlipayCN
// answers when there is no such version is not documented: [VersionsClient.List]
// shows which versions there are.
func (v *VersionsClient) Get(ctx context.Context, in VersionInput) (*VersionDetail, error) {
	return read[VersionDetail](ctx, v.c, cnwire.VersionGet, in)
}

// List lists versions by status (alipay.open.mini.version.list.query), at most 20.
func (v *VersionsClient) List(ctx context.Context, in ListVersionsInput) (*VersionList, error) {
	return read[VersionList](ctx, v.c, cnwire.VersionList, in)
}

// versionInput is the input of a write about a version.
type versionInput interface {
	// about returns what the input says about the version, without the operation.
	about() versionWrite
}

// writeVersion makes a write about a version and returns its answer.
func writeVersion[T any](ctx context.Context, v *VersionsClient, op cnwire.Operation, in versionInput) (*T, error) {
	got := new(T)
	if err := v.write(ctx, op, in, got); err != nil {
		return nil, err
	}
	return got, nil
}

// change makes a write that answers nothing.
func (v *VersionsClient) change(ctx context.Context, op cnwire.Operation, in versionInput) error {
	return v.write(ctx, op, in, nil)
}

// write makes a write about a version. It reads the version before and, after an unknown
// outcome, again. A write that names no version is proven by nothing.
func (v *VersionsClient) write(ctx context.Context, op cnwire.Operation, in versionInput, got any) error {
	w := in.about()
	w.op = op
	write := safeWrite{op: op, in: in, got: got}
	if !w.version.IsZero() {
		var before *versionState
		write.before = func(ctx context.Context) (err error) {
			before, err = v.stateBefore(ctx, w)
			return err
		}
		write.wasPending = func() bool { return before != nil && evidenceOf(w, before, before) != evidenceDone }
		write.prove = prover(func(ctx context.Context) (*versionState, error) { return v.state(ctx, w) }, func(after *versionState) (evidence, string) {
			seen := evidenceOf(w, before, after)
			if build, ok := got.(*Build); ok && seen == evidenceDone {
				*build = after.knownBuild()
			}
			return seen, after.describe()
		})
	}
	return v.c.write(ctx, write)
}

// stateBefore is the state before a write, nil when it is not needed or AlipayCN does not show it:
// then less is proven afterwards. The error says that the write must not be sent; the end of a grayscale
// release is worth more than what is proven by the state.
func (v *VersionsClient) stateBefore(ctx context.Context, w versionWrite) (*versionState, error) {
	if !w.readsBefore() {
		return nil, nil //nolint:nilnil // it is not needed
	}
	if w.known != nil && w.known.Version.Is(w.version) && w.known.lost() == nil {
		return &versionState{detail: w.known}, nil
	}
	if w.urgent() {
		limited, cancel := context.WithTimeout(ctx, stateTimeout(ctx))
		defer cancel()
		ctx = limited
	}
	state, known, err := readBefore(ctx, v.c, w.op, func(ctx context.Context, c *Client) (*versionState, error) {
		return c.Versions.state(ctx, w)
	})
	if w.op == cnwire.VersionCancelGray {
		err = nil
	}
	if !known {
		state = nil
	}
	return state, err
}

// stateTimeout is how long the read of the state before an urgent write may take. It
// leaves the write half of what the context allows.
func stateTimeout(ctx context.Context) time.Duration {
	const longest = 5 * time.Second
	if deadline, limited := ctx.Deadline(); limited {
		return min(longest, time.Until(deadline)/2)
	}
	return longest
}

// state reads what proves a write.
func (v *VersionsClient) state(ctx context.Context, w versionWrite) (*versionState, error) {
	var s versionState
	var err error
	if w.op == cnwire.VersionUpload {
		if s.detail, err = v.listed(ctx, w.version, w.bundle); err == nil {
			err = v.readBuild(ctx, &s, w)
		}
		return &s, err
	}
	s.detail, err = v.find(ctx, w.version, w.bundle)
	if err == nil && (w.op == cnwire.VersionRollback || w.op == cnwire.VersionTakeOffline) {
		err = v.readOnline(ctx, &s, w)
	}
	return &s, err
}

// find reads a version; nil when there is none. What AlipayCN answers then is not
// documented, so that the list must agree.
func (v *VersionsClient) find(ctx context.Context, version alipayplus.VersionNumber, bundle BundleID) (*VersionDetail, error) {
	detail, err := whole(v.Get(ctx, VersionInput{Version: version, BundleID: bundle}))
	if err == nil && detail.Version.Is(version) {
		return detail, nil
	}
	if err != nil && !isRefusal(err) && !isAnother(err) {
		return nil, err
	}
	summary, err := v.listed(ctx, version, bundle)
	if err == nil && summary != nil {
		err = inconclusive(cnwire.VersionGet, "the list shows a version that cannot be read")
	}
	return nil, err
}

// listed finds a version in the list of all; nil when there is none. The list has
// at most 20 versions, the highest first, so a low number may be missing.
func (v *VersionsClient) listed(ctx context.Context, version alipayplus.VersionNumber, bundle BundleID) (*VersionDetail, error) {
	const maxListed = 20 // of a list: the limit of 20 versions is [alipayplus.Limits]
	list, err := whole(v.List(ctx, ListVersionsInput{VersionStatuses(), bundle}))
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeNoTemplateInstantiateRelation {
		return nil, nil //nolint:nilnil // nothing was built here ever, and no version is an answer
	}
	if err != nil {
		return nil, err
	}
	below := len(list.Versions) < maxListed
	for _, s := range list.Versions {
		if s.Version.Is(version) {
			return &VersionDetail{Version: s.Version, Status: s.Status}, nil
		}
		n, err := s.Version.Number()
		below = below || err == nil && n.Compare(version) < 0
	}
	if !below {
		return nil, inconclusive(cnwire.VersionList, "the list is too long to show the version")
	}
	return nil, nil //nolint:nilnil // no version is an answer
}

func (v *VersionsClient) readBuild(ctx context.Context, s *versionState, w versionWrite) error {
	build, err := whole(v.QueryBuild(ctx, VersionInput{Version: w.version, BundleID: w.bundle}))
	if s.noBuild = knowsNoBuild(err); s.noBuild {
		return nil
	}
	s.build = build
	return err
}

func (v *VersionsClient) readOnline(ctx context.Context, s *versionState, w versionWrite) error {
	list, err := whole(v.List(ctx, ListVersionsInput{StatusList{StatusRelease}, w.bundle}))
	if err != nil {
		return err
	}
	for _, summary := range list.Versions {
		if summary.Status != StatusRelease {
			return inconclusive(cnwire.VersionList, "the list shows versions in a status that was not asked for")
		}
		s.online = summary.Version
	}
	return nil
}

// isAnother says whether an answer was about something else than was asked for.
func isAnother(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.another
}

// isRefusal says whether AlipayCN answered, and will not answer otherwise soon.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code != "" && !e.Retryable
}

// knowsNoBuild says whether AlipayCN answered that nothing was built.
func knowsNoBuild(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains([]Code{CodeBuildVersionNotExisted, CodePollingBuildVersionNotExist, CodeNoTemplateInstantiateRelation}, e.Code)
}

func inconclusive(op cnwire.Operation, message string) error {
	return &Error{Operation: op.Name, Message: message}
}

// BundleID is the client that a version runs in. It is open to unknown values.
type BundleID string

// The clients that AlipayCN documents.
const (
	// BundleAlipay is the Alipay wallet, the default.
	BundleAlipay BundleID = "com.alipay.alipaywallet"
	// BundleDingTalk is DingTalk.
	BundleDingTalk BundleID = "com.alibaba.android.rimet"
	// BundleAmap is Amap.
	BundleAmap BundleID = "com.amap.app"
	// BundleGenie is Tmall Genie.
	BundleGenie BundleID = "com.alibaba.ailabs.genie.webapps"
	// BundleIoT is Alipay's devices.
	BundleIoT BundleID = "com.alipay.iot.xpaas"
)

// Known says whether AlipayCN documents the client.
func (b BundleID) Known() bool {
	return slices.Contains([]BundleID{BundleAlipay, BundleDingTalk, BundleAmap, BundleGenie, BundleIoT}, b)
}

// VersionInput names a version, for an operation that needs nothing else:
// versions.get, versions.build, versions.returnToDevelopment,
// versions.cancelGray, versions.takeOffline, versions.rollback,
// versions.delete, and those of the trial version.
//
// A rollback names the version that is online now: it goes offline, and the one
// that was online before comes back without review.
type VersionInput struct {
	// Version is the version. Required.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`

	// Known is the version as read right before by versions.get; may be nil. When it is
	// given, returnToDevelopment, cancelGray and delete do not read
	// the state before the write again; the others ignore it, and one of another version.
	// One that is out of date can have a write repeated that somebody undid: nil when in doubt.
	Known *VersionDetail `json:"-"`
}

// Validate checks that the version is named.
func (in VersionInput) Validate() error {
	var p problems
	p.version(in.Version)
	return p.of(in, "version")
}

func (in VersionInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID, known: in.Known}
}

// CancelAuditInput is the input of versions.cancelAudit
// (alipay.open.mini.version.audit.cancel).
type CancelAuditInput struct {
	// Version is the version under review; zero: whichever it is.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`

	// Known is the version as read right before by versions.get; may be nil. When it is
	// given, the state before the write is not read again. One of another version is ignored.
	// One that is out of date can have a write repeated that somebody undid: nil when in doubt.
	Known *VersionDetail `json:"-"`
}

// Validate checks the version where one is named.
func (in CancelAuditInput) Validate() error {
	var p problems
	p.optionalVersion("app_version", in.Version)
	return p.of(in, "review")
}

func (in CancelAuditInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID, known: in.Known}
}

// PublishInput is the input of versions.publish
// (alipay.open.mini.version.online), which puts a version online for all users.
type PublishInput struct {
	// Version is a version that passed its review or is in grayscale. Required.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`
	// Downgrade prefers performance to coverage (a pilot of AlipayCN); by
	// default coverage comes first.
	Downgrade bool `json:"downgrade,omitempty"`
	// PermitRegistrationLimitRelease lets a first release go up before the ICP
	// filing is done, restricted: by scanning only, 50 users a day, taken down
	// after 90 days.
	PermitRegistrationLimitRelease bool `json:"permit_registration_limit_release,omitempty"`

	// Known is the version as read right before by versions.get; may be nil. When it is
	// given, the state before the write is not read again. One of another version is ignored.
	// One that is out of date can have a write repeated that somebody undid: nil when in doubt.
	Known *VersionDetail `json:"-"`
}

// Validate checks that the version is named.
func (in PublishInput) Validate() error {
	var p problems
	p.version(in.Version)
	return p.of(in, "version")
}

func (in PublishInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID, known: in.Known}
}

// StatusList is a list of version statuses. On the wire it is one text, joined by commas.
type StatusList []VersionStatus

// MarshalJSON writes the statuses joined by commas.
func (s StatusList) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(s))
	for i, status := range s {
		texts[i] = string(status)
	}
	return json.Marshal(strings.Join(texts, ","))
}

// UnmarshalJSON reads statuses joined by commas.
func (s *StatusList) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	if err != nil {
		return err
	}
	*s = nil
	for status := range strings.SplitSeq(text, ",") {
		if status != "" {
			*s = append(*s, VersionStatus(status))
		}
	}
	return nil
}

// ListVersionsInput is the input of versions.list
// (alipay.open.mini.version.list.query).
type ListVersionsInput struct {
	// Statuses are the statuses to list, one or more; see [VersionStatuses].
	// AlipayCN returns nothing without one.
	Statuses StatusList `json:"version_status,omitempty"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`
}

// Validate checks that a status is named.
func (in ListVersionsInput) Validate() error {
	var p problems
	if len(in.Statuses) == 0 {
		p.Add("version_status", "must name at least 1 status; without one AlipayCN returns no versions")
	}
	for _, status := range in.Statuses {
		if status == "" || strings.Contains(string(status), ",") {
			p.Add("version_status", "must not have an empty status or one with a comma")
			break
		}
	}
	return p.of(in, "version list")
}

// VersionList is the answer of versions.list. AlipayCN returns at most 20
// versions and has no further pages.
type VersionList struct {
	Answer

	// Versions are the versions, the highest number first.
	Versions []VersionSummary `json:"app_version_infos,omitempty"`
	// AppVersions are the highest number in each status: an old form that
	// AlipayCN is retiring.
	AppVersions []Version `json:"app_versions,omitempty"`
}

// differs: a client that was asked for is that of all versions.
func (l *VersionList) differs(input any) string {
	in, _ := input.(ListVersionsInput)
	for _, v := range l.Versions {
		if in.BundleID != "" && v.BundleID != "" && v.BundleID != in.BundleID {
			return notAsked("bundle_id", v.BundleID, in.BundleID)
		}
	}
	return ""
}

// beside: a status is one of those that were asked for.
func (l *VersionList) beside(input any) (odd []OddField) {
	in, _ := input.(ListVersionsInput)
	for i, v := range l.Versions {
		if v.Status != "" && !slices.Contains(in.Statuses, v.Status) {
			path := fmt.Sprintf("app_version_infos[%d].version_status", i)
			value, _ := json.Marshal(v.Status) // a text
			odd = append(odd, OddField{Path: path, Problem: "was not asked for", Read: true, Value: value})
		}
	}
	return odd
}

// VersionSummary is a version as a list shows it.
type VersionSummary struct {
	// Version is its number.
	Version Version `json:"app_version,omitempty"`
	// Description says what changed.
	Description string `json:"version_description,omitempty"`
	// Status is its present status.
	Status VersionStatus `json:"version_status,omitempty"`
	// BundleID is the client.
	BundleID BundleID `json:"bundle_id,omitempty"`
	// CreatedAt is when it was created.
	CreatedAt Time `json:"create_time,omitzero"`
	// BaseAudit is the verdict on admission; only with [AuditRuleBasePromote].
	BaseAudit AuditResult `json:"base_audit,omitempty"`
	// PromoteAudit is the verdict on promotion; only with [AuditRuleBasePromote].
	PromoteAudit AuditResult `json:"promote_audit,omitempty"`
	// CanRelease says whether it may be published although promotion was
	// rejected; only with [AuditRuleBasePromote].
	CanRelease TextBool `json:"can_release,omitempty"`
}

// BuildStatus is the state of a build, a digit. It is open to unknown values.
type BuildStatus string

// The build statuses that AlipayCN documents. There is no 4.
const (
	// BuildQueued: waits to be built.
	BuildQueued BuildStatus = "0"
	// BuildRunning: is being built.
	BuildRunning BuildStatus = "1"
	// BuildDone: built.
	BuildDone BuildStatus = "2"
	// BuildFailed: could not be built.
	BuildFailed BuildStatus = "3"
	// BuildTimedOut: took too long.
	BuildTimedOut BuildStatus = "5"
	// BuildCreated: built, and the version exists; of create_status only.
	BuildCreated BuildStatus = "6"
)

// Known says whether AlipayCN documents the status.
func (s BuildStatus) Known() bool {
	return slices.Contains([]BuildStatus{BuildQueued, BuildRunning, BuildDone, BuildFailed, BuildTimedOut, BuildCreated}, s)
}

// Failed says whether the build ended without a version.
func (s BuildStatus) Failed() bool { return s == BuildFailed || s == BuildTimedOut }

// UnmarshalJSON reads the digit as a text or as a number.
func (s *BuildStatus) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	*s = BuildStatus(text)
	return err
}

// UploadInput is the input of versions.upload (alipay.open.mini.version.upload),
// which builds a version of the merchant's mini program from a template of the
// third-party app. AlipayCN's public API takes no source packages.
type UploadInput struct {
	// TemplateID is the app id of the template. Required.
	TemplateID string `json:"template_id,omitempty"`
	// TemplateVersion is the version of the template; zero: the newest online one.
	TemplateVersion alipayplus.VersionNumber `json:"template_version,omitzero"`
	// Version is the number of the new version; it must be above the merchant's
	// newest. Required. It is what makes a repeated upload harmless.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// Ext is JSON that the mini program reads with my.getExtConfig; empty: none.
	Ext string `json:"ext,omitempty"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`
}

// Validate checks the fields.
func (in UploadInput) Validate() error {
	var p problems
	p.required("template_id", in.TemplateID)
	p.optionalVersion("template_version", in.TemplateVersion)
	p.version(in.Version)
	if in.Ext != "" && !json.Valid([]byte(in.Ext)) {
		p.Add("ext", `must be JSON, for example {"extEnable": true}`)
	}
	return p.of(in, "upload")
}

func (in UploadInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID}
}

// Build is the answer of versions.upload and versions.build
// (alipay.open.mini.version.build.query).
type Build struct {
	Answer

	// BuildStatus is the state of the build.
	BuildStatus BuildStatus `json:"build_status,omitempty"`
	// CreateStatus is the state of the build and, after it, of the creation of
	// the version.
	CreateStatus BuildStatus `json:"create_status,omitempty"`
	// NeedRotation says to ask again later.
	NeedRotation TextBool `json:"need_rotation,omitempty"`
	// VersionCreated says that the version exists.
	VersionCreated TextBool `json:"version_created,omitempty"`
}

// Created says whether the version exists and can be applied for.
func (b Build) Created() bool {
	return bool(b.VersionCreated) || b.CreateStatus == BuildCreated
}

// Failed says whether the build ended without a version.
func (b Build) Failed() bool {
	return !b.Created() && (b.BuildStatus.Failed() || b.CreateStatus.Failed())
}

// ExperienceClient makes trial versions, which members can try before the
// review. Every error is an [Error].
type ExperienceClient struct{ c *Client }

// Create makes a version the trial version (alipay.open.mini.experience.create).
// It is packaged for a while; [ExperienceClient.Get] shows when it can be tried.
func (x *ExperienceClient) Create(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCreate, in)
}

// Get reads the state of a trial version and its QR code
// (alipay.open.mini.experience.query).
func (x *ExperienceClient) Get(ctx context.Context, in VersionInput) (*Experience, error) {
	return read[Experience](ctx, x.c, cnwire.ExperienceGet, in)
}

// Cancel ends a trial version (alipay.open.mini.experience.cancel).
func (x *ExperienceClient) Cancel(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCancel, in)
}

func (x *ExperienceClient) change(ctx context.Context, op cnwire.Operation, in VersionInput) error {
	get := func(ctx context.Context) (*Experience, error) { return whole(x.Get(ctx, in)) }
	return x.c.write(ctx, safeWrite{op: op, in: in, prove: prover(get, func(after *Experience) (evidence, string) {
		return evidenceOfExperience(op, *after), "experience.get shows " + string(after.Status)
	})})
}

// ExperienceStatus is the state of a trial version. It is open to unknown values.
type ExperienceStatus string

// ExperienceNone says that the version is no trial version. It is the only value that
// AlipayCN documents, as an example.
const ExperienceNone ExperienceStatus = "notExpVersion"

// Known says whether AlipayCN documents the status.
func (s ExperienceStatus) Known() bool { return s == ExperienceNone }

// Experience is the answer of experience.get
// (alipay.open.mini.experience.query). Its input is a [VersionInput], as is that
// of experience.create and experience.cancel, which answer nothing.
type Experience struct {
	Answer

	// Status is the state of the packaging.
	Status ExperienceStatus `json:"status,omitempty"`
	// QRCodeURL is the QR code with which members try the version; 7 days
	// (AlipayCN's page on QR codes).
	QRCodeURL string `json:"exp_qr_code_url,omitempty"`
	// SchemaURL is the link that opens it in the Alipay app.
	SchemaURL string `json:"exp_schema_url,omitempty"`
}

// evidenceOfExperience decides experience.create and experience.cancel.
func evidenceOfExperience(op cnwire.Operation, after Experience) evidence {
	switch {
	case after.Status == ExperienceNone:
		return doneIf(op == cnwire.ExperienceCancel)
	case after.QRCodeURL != "":
		return doneIf(op == cnwire.ExperienceCreate)
	default:
		return evidenceNone // being packaged, or a status that is not documented
	}
}
