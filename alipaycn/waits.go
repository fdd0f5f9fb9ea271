package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// How to wait for the two things that can be waited for.
type (
	// BuildWait says how to wait for a build.
	BuildWait = alipayplus.WaitOptions[BuildProgress]
	// ReviewWait says how to wait for a review.
	ReviewWait = alipayplus.WaitOptions[VersionDetail]
)

// BuildProgress is how far an uploaded version is: its build, and then the
// security scan.
type BuildProgress struct {
	// Build is the state of the build.
	Build Build `json:"build"`
	// Version is the version; nil until the build has made it.
	Version *VersionDetail `json:"version,omitempty"`
}

// WaitBuilt waits until a version is built and its security scan has ended, so
// that it can be applied for. The context is the deadline. A build or scan that
// failed is a [BuildError]. The progress last seen is returned with an error too,
// nil when none was seen. Errors are an [alipayplus.WaitError] around the cause.
func (v *VersionsClient) WaitBuilt(ctx context.Context, in VersionInput, opts BuildWait) (*BuildProgress, error) {
	var seen BuildProgress
	return wait(ctx, "versions.waitBuilt", in, opts, polling.Condition[BuildProgress]{
		Poll: func(ctx context.Context) (*BuildProgress, error) {
			if err := v.pollBuild(ctx, in, &seen); err != nil {
				return nil, err
			}
			copied := seen
			return &copied, nil
		},
		State: (*BuildProgress).state,
		Done:  func(_ context.Context, p *BuildProgress) (bool, error) { return p.done(in) },
	})
}

// WaitReviewed waits until the review of a version that was applied for has
// ended. The context is the deadline. A version that was not rejected is returned,
// whatever was done with it since: with auto_online it may be in RELEASE. It may
// be in BASE_AUDIT_PASS, where admission passed and promotion did not: such a
// version can mostly be published (CanRelease shows it, where AlipayCN sends it). A
// rejection is a [RejectedError]; one of promotion alone is none while AlipayCN
// says that the version can be released. A version that is in development, because
// its review was cancelled or it was not applied for, is an error that matches
// [alipayplus.ErrConflict], and one that AlipayCN answers nothing about is one that
// matches [alipayplus.ErrNotFound]. The version last seen is returned with an error
// too, nil when none was. Errors are an [alipayplus.WaitError] around the cause.
func (v *VersionsClient) WaitReviewed(ctx context.Context, in VersionInput, opts ReviewWait) (*VersionDetail, error) {
	return wait(ctx, "versions.waitReviewed", in, opts, polling.Condition[VersionDetail]{
		Poll:  func(ctx context.Context) (*VersionDetail, error) { return v.Get(ctx, in) },
		State: func(d *VersionDetail) string { return string(d.Status) },
		Done:  func(_ context.Context, d *VersionDetail) (bool, error) { return d.reviewed() },
	})
}

// wait is the loop of all waits of this package.
func wait[T any](ctx context.Context, operation string, in VersionInput, opts alipayplus.WaitOptions[T], condition polling.Condition[T]) (*T, error) {
	if err := in.Validate(); err != nil {
		return nil, &alipayplus.WaitError{Operation: operation, ID: in.Version.String(), Err: err}
	}
	condition.Transient = func(err error) bool {
		e, ok := errors.AsType[*Error](err)
		return ok && e.Retryable
	}
	condition.RetryAfter = func(err error) time.Duration {
		e, _ := errors.AsType[*Error](err) // only failures that pass are asked about
		return e.RetryAfter
	}
	seen, err := polling.Wait(ctx, polling.Options[T](opts), condition)
	if err == nil {
		return seen.Last, nil
	}
	return seen.Last, &alipayplus.WaitError{Operation: operation, ID: in.Version.String(), LastState: seen.State, Polls: seen.Polls, Err: err}
}

// pollBuild asks for the build until it has made the version, and for the version
// from then on.
func (v *VersionsClient) pollBuild(ctx context.Context, in VersionInput, p *BuildProgress) error {
	if !p.Build.Created() || bool(p.Build.NeedRotation) {
		build, err := v.QueryBuild(ctx, in)
		if err != nil {
			return err
		}
		p.Build = *build
		if !build.Created() || bool(build.NeedRotation) {
			return nil
		}
	}
	detail, err := v.Get(ctx, in)
	if err != nil {
		return err
	}
	if detail.Version != "" { // otherwise it does not show yet
		p.Version = detail
	}
	return nil
}

// state names the state, so that a change of it is noticed.
func (p *BuildProgress) state() string {
	if p.Version != nil {
		return "scan " + string(p.Version.ScanResult)
	}
	return strings.TrimSpace("build " + string(p.Build.CreateStatus))
}

func (p *BuildProgress) done(in VersionInput) (bool, error) {
	switch {
	case p.Build.Failed():
		return false, &BuildError{Version: in.Version, Build: p.Build}
	case p.Version == nil:
		return false, nil
	case p.Version.ScanResult == ScanFailed:
		return false, &BuildError{Version: in.Version, Build: p.Build, ScanFailed: true}
	default: // without a result it counts as passed; one that is not known keeps waiting
		return p.Version.ScanResult == ScanPassed || p.Version.ScanResult == "", nil
	}
}

// BuildError says that a version was not built, or that its security scan found
// something. Waiting longer does not help.
type BuildError struct {
	// Version is the version.
	Version alipayplus.VersionNumber
	// Build is the state of the build.
	Build Build
	// ScanFailed says that it was built, and the scan found something.
	ScanFailed bool
}

// Error says what failed and what to do.
func (e *BuildError) Error() string {
	if e.ScanFailed {
		return fmt.Sprintf("the security scan of version %s found something; change the template and upload a higher version", e.Version)
	}
	if e.Build.BuildStatus == BuildTimedOut || e.Build.CreateStatus == BuildTimedOut {
		return fmt.Sprintf("the build of version %s took too long; upload it again with a higher number", e.Version)
	}
	return fmt.Sprintf("the build of version %s failed; look into the template, and upload a higher version", e.Version)
}

func (d *VersionDetail) reviewed() (bool, error) {
	switch d.Status {
	case "":
		return false, fmt.Errorf("AlipayCN answers nothing about the version: look with versions.list whether it exists: %w", alipayplus.ErrNotFound)
	case StatusInit:
		return false, fmt.Errorf("the version is in development: it was not applied for, or its review was cancelled: %w", alipayplus.ErrConflict)
	case StatusAuditOffline:
		return false, fmt.Errorf("AlipayCN took the version down: %w", alipayplus.ErrConflict)
	case StatusAuditReject:
		return false, d.rejected()
	case StatusPromoteAuditReject:
		if !d.CanRelease {
			return false, d.rejected()
		}
		return true, nil
	default:
		return d.Status.Reviewed(), nil
	}
}

func (d *VersionDetail) rejected() error {
	return &RejectedError{
		Version: d.Version, Status: d.Status, Reason: d.RejectReason,
		BaseAudit: d.BaseAudit, BaseReasons: d.BaseAuditRecord,
		PromoteAudit: d.PromoteAudit, PromoteReasons: d.PromoteAuditRecord,
	}
}

// RejectedError says that a review rejected a version. Waiting longer does not
// help: return the version to development, change it, and apply again.
type RejectedError struct {
	// Version is the version.
	Version Version
	// Status is AUDIT_REJECT or PROMOTE_AUDIT_REJECT.
	Status VersionStatus
	// Reason is AlipayCN's text; may be empty where the records say it.
	Reason string
	// BaseAudit is the verdict on admission; only with [AuditRuleBasePromote].
	BaseAudit AuditResult
	// BaseReasons are the reasons and pictures of that verdict; nil without any.
	BaseReasons *AuditRecord
	// PromoteAudit is the verdict on promotion; only with [AuditRuleBasePromote].
	PromoteAudit AuditResult
	// PromoteReasons are the reasons and pictures of that verdict; nil without any.
	PromoteReasons *AuditRecord
}

// Error gives every reason in one line, without the pictures.
func (e *RejectedError) Error() string {
	var reasons []string
	add := func(part, reason string) {
		if reason != "" {
			reasons = append(reasons, part+reason)
		}
	}
	add("", e.Reason)
	for _, r := range []struct {
		part   string
		record *AuditRecord
	}{{"admission: ", e.BaseReasons}, {"promotion: ", e.PromoteReasons}} {
		if r.record == nil {
			continue
		}
		for _, memo := range r.record.Memos {
			add(r.part, memo.Memo)
		}
	}
	text := fmt.Sprintf("the review rejected version %s", e.Version)
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, "; ") + ")"
	}
	return validation.OneLine(text + "; return it to development, change it and apply again")
}
