package alipaycn

import (
	"context"
	"errors"
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
	if err := check(cnwire.VersionUpload, in); err != nil {
		return nil, err
	}
	w := write{op: cnwire.VersionUpload, version: in.Version}
	before := v.stateBefore(ctx, w, in.BundleID)
	got := new(Build)
	err := v.c.writeChecked(ctx, safeWrite{w.op, in, got, func(ctx context.Context) (effect, string, error) {
		after, err := v.state(ctx, w, in.BundleID)
		if err != nil {
			return effectUnknown, "", err
		}
		seen := provenBy(w, before, after)
		if seen == effectDone {
			*got = after.knownBuild()
		}
		return seen, after.describe(), nil
	}})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// QueryBuild tells how far a build is (alipay.open.mini.version.build.query).
func (v *VersionsClient) QueryBuild(ctx context.Context, in VersionInput) (*Build, error) {
	return read[Build](ctx, v.c, cnwire.VersionBuild, in)
}

// Apply submits a version for review (alipay.open.mini.version.audit.apply), with
// what is new about the mini program. Files are read in pieces while they are
// sent; memory does not grow with their size. It reads the version before, to
// know afterwards what it did. When the answer was lost, but the state proves
// the application, the result is empty.
func (v *VersionsClient) Apply(ctx context.Context, in ApplyInput) (*ApplyResult, error) {
	if err := check(cnwire.VersionApply, in); err != nil {
		return nil, err
	}
	w := write{op: cnwire.VersionApply, version: in.Version, description: in.Description}
	before := v.stateBefore(ctx, w, in.BundleID)
	got := new(ApplyResult)
	if err := v.c.writeChecked(ctx, safeWrite{w.op, in, got, v.prover(w, in.BundleID, before)}); err != nil {
		return nil, err
	}
	return got, nil
}

// CancelAudit withdraws a version from review (alipay.open.mini.version.audit.cancel);
// it is in development again. Without a version, a lost answer proves nothing.
func (v *VersionsClient) CancelAudit(ctx context.Context, in CancelAuditInput) error {
	return v.change(ctx, write{op: cnwire.VersionCancelAudit, version: in.Version}, in, in.BundleID)
}

// ReturnToDevelopment takes a version that was reviewed, with whatever verdict,
// back to development (alipay.open.mini.version.audited.cancel). It needs a new
// review then.
func (v *VersionsClient) ReturnToDevelopment(ctx context.Context, in VersionInput) error {
	return v.change(ctx, write{op: cnwire.VersionReturnToDevelopment, version: in.Version}, in, in.BundleID)
}

// StartGray puts a version online for a share of the users
// (alipay.open.mini.version.gray.online).
func (v *VersionsClient) StartGray(ctx context.Context, in GrayInput) error {
	return v.change(ctx, write{op: cnwire.VersionGray, version: in.Version, strategy: in.Strategy}, in, in.BundleID)
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
	return v.change(ctx, write{op: cnwire.VersionCancelGray, version: in.Version}, in, in.BundleID)
}

// Publish puts a version online for all users (alipay.open.mini.version.online).
func (v *VersionsClient) Publish(ctx context.Context, in PublishInput) error {
	return v.change(ctx, write{op: cnwire.VersionPublish, version: in.Version}, in, in.BundleID)
}

// TakeOffline takes the version that is online away from all users
// (alipay.open.mini.version.offline).
func (v *VersionsClient) TakeOffline(ctx context.Context, in VersionInput) error {
	return v.change(ctx, write{op: cnwire.VersionTakeOffline, version: in.Version}, in, in.BundleID)
}

// Rollback takes the version that is online away, and puts the one before it
// online again, without review (alipay.open.mini.version.rollback). It names the
// version that is online now.
func (v *VersionsClient) Rollback(ctx context.Context, in VersionInput) error {
	return v.change(ctx, write{op: cnwire.VersionRollback, version: in.Version}, in, in.BundleID)
}

// Delete removes a version in development (alipay.open.mini.version.delete).
func (v *VersionsClient) Delete(ctx context.Context, in VersionInput) error {
	return v.change(ctx, write{op: cnwire.VersionDelete, version: in.Version}, in, in.BundleID)
}

// Get reads a version (alipay.open.mini.version.detail.query). What AlipayCN
// answers when there is no such version is not documented: [VersionsClient.List]
// tells which versions there are.
func (v *VersionsClient) Get(ctx context.Context, in VersionInput) (*VersionDetail, error) {
	return read[VersionDetail](ctx, v.c, cnwire.VersionGet, in)
}

// List lists versions by status (alipay.open.mini.version.list.query), at most 20.
func (v *VersionsClient) List(ctx context.Context, in ListVersionsInput) (*VersionList, error) {
	return read[VersionList](ctx, v.c, cnwire.VersionList, in)
}

// stateTimeout is how long the state before a change is waited for. The change may
// have to be quick, because it may end a release that goes wrong, and what the context
// leaves is for the change too.
func stateTimeout(ctx context.Context) time.Duration {
	const longest = 5 * time.Second
	if deadline, limited := ctx.Deadline(); limited {
		return min(longest, time.Until(deadline)/2)
	}
	return longest
}

// change makes a write that answers nothing.
func (v *VersionsClient) change(ctx context.Context, w write, in any, bundle BundleID) error {
	if err := check(w.op, in); err != nil {
		return err
	}
	var before *versionState
	if w.readsBefore() && !w.version.IsZero() {
		limited, cancel := context.WithTimeout(ctx, stateTimeout(ctx))
		before = v.stateBefore(limited, w, bundle)
		cancel()
	}
	return v.c.writeChecked(ctx, safeWrite{w.op, in, nil, v.prover(w, bundle, before)})
}

// prover reads the version after a write whose outcome is unknown; nil when the
// write names no version.
func (v *VersionsClient) prover(w write, bundle BundleID, before *versionState) func(context.Context) (effect, string, error) {
	if w.version.IsZero() {
		return nil
	}
	return func(ctx context.Context) (effect, string, error) {
		after, err := v.state(ctx, w, bundle)
		if err != nil {
			return effectUnknown, "", err
		}
		return provenBy(w, before, after), after.describe(), nil
	}
}

// stateBefore is the state before a write, nil when it cannot be read: then less
// is proven afterwards, and whether the write is possible, AlipayCN says.
func (v *VersionsClient) stateBefore(ctx context.Context, w write, bundle BundleID) *versionState {
	state, err := v.state(ctx, w, bundle)
	if err != nil {
		return nil
	}
	return state
}

// state reads what proves a write.
func (v *VersionsClient) state(ctx context.Context, w write, bundle BundleID) (*versionState, error) {
	var s versionState
	var err error
	if w.op == cnwire.VersionUpload {
		s.detail, err = v.listed(ctx, w.version, bundle)
	} else {
		s.detail, err = v.find(ctx, w.version, bundle)
	}
	switch {
	case err != nil:
		return nil, err
	case w.op == cnwire.VersionUpload:
		err = v.readBuild(ctx, &s, w.version, bundle)
	case w.op == cnwire.VersionRollback, w.op == cnwire.VersionTakeOffline:
		err = v.readOnline(ctx, &s, bundle)
	}
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// find reads a version; nil when there is none. What AlipayCN answers then is not
// documented, so that the list must agree.
func (v *VersionsClient) find(ctx context.Context, version alipayplus.VersionNumber, bundle BundleID) (*VersionDetail, error) {
	detail, err := v.Get(ctx, VersionInput{version, bundle})
	if err == nil && detail.Version.Is(version) {
		return detail, nil
	}
	if err != nil && !isRefusal(err) {
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
	const most = 20
	list, err := v.List(ctx, ListVersionsInput{VersionStatuses(), bundle})
	if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeNoTemplateInstantiateRelation {
		return nil, nil //nolint:nilnil // nothing was built here ever, and no version is an answer
	}
	if err != nil {
		return nil, err
	}
	below := len(list.Versions) < most
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

func (v *VersionsClient) readBuild(ctx context.Context, s *versionState, version alipayplus.VersionNumber, bundle BundleID) error {
	build, err := v.QueryBuild(ctx, VersionInput{version, bundle})
	if s.noBuild = knowsNoBuild(err); s.noBuild {
		return nil
	}
	s.build = build
	return err
}

func (v *VersionsClient) readOnline(ctx context.Context, s *versionState, bundle BundleID) error {
	list, err := v.List(ctx, ListVersionsInput{StatusList{StatusRelease}, bundle})
	if err != nil {
		return err
	}
	for _, summary := range list.Versions {
		if summary.Status == StatusRelease {
			s.online = summary.Version
		}
	}
	return nil
}

// knownBuild is the build after an upload whose answer was lost.
func (s *versionState) knownBuild() Build {
	if s.build != nil {
		return *s.build
	}
	return Build{VersionCreated: s.detail != nil}
}

// isRefusal says whether AlipayCN answered, and will not answer otherwise soon.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code != "" && !e.Retryable
}

// knowsNoBuild says whether AlipayCN answered that nothing was built.
func knowsNoBuild(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case CodeBuildVersionNotExisted, CodePollingBuildVersionNotExist, CodeNoTemplateInstantiateRelation:
		return true
	default:
		return false
	}
}

func inconclusive(op cnwire.Operation, message string) error {
	return &Error{Operation: op.Name, Message: message}
}
