package alipaycn

import "slices"

// VersionStatus is where a version stands. It is open to values unknown to this
// version of the library.
type VersionStatus string

// The version statuses that AlipayCN documents. The last appears only in the
// description of can_release.
const (
	// StatusInit: in development.
	StatusInit VersionStatus = "INIT"
	// StatusAuditing: under review.
	StatusAuditing VersionStatus = "AUDITING"
	// StatusAuditReject: rejected.
	StatusAuditReject VersionStatus = "AUDIT_REJECT"
	// StatusWaitRelease: passed, may be released.
	StatusWaitRelease VersionStatus = "WAIT_RELEASE"
	// StatusBaseAuditPass: admission passed, promotion not.
	StatusBaseAuditPass VersionStatus = "BASE_AUDIT_PASS"
	// StatusGray: online for a share of the users.
	StatusGray VersionStatus = "GRAY"
	// StatusRelease: online for all users.
	StatusRelease VersionStatus = "RELEASE"
	// StatusOffline: was online and is no longer.
	StatusOffline VersionStatus = "OFFLINE"
	// StatusAuditOffline: taken down by AlipayCN.
	StatusAuditOffline VersionStatus = "AUDIT_OFFLINE"
	// StatusPromoteAuditReject: promotion rejected. What leads there and from
	// there is not documented; can_release says whether it may be published.
	StatusPromoteAuditReject VersionStatus = "PROMOTE_AUDIT_REJECT"
)

// VersionStatuses returns all documented statuses, in the order of a version's life.
func VersionStatuses() []VersionStatus {
	return []VersionStatus{
		StatusInit, StatusAuditing, StatusAuditReject, StatusWaitRelease, StatusBaseAuditPass,
		StatusPromoteAuditReject, StatusGray, StatusRelease, StatusOffline, StatusAuditOffline,
	}
}

// Known says whether this version of the library knows the status.
func (s VersionStatus) Known() bool { return slices.Contains(VersionStatuses(), s) }

// CanBecome says whether one step leads from s to next. AlipayCN documents no
// table of transitions; it is inferred from the descriptions and error codes of
// its operations. A poller may miss steps: with auto_online a version goes from
// AUDITING through WAIT_RELEASE to RELEASE by itself.
func (s VersionStatus) CanBecome(next VersionStatus) bool {
	return slices.Contains(s.successors(), next)
}

// Terminal says whether s is known and nothing leads out of it.
func (s VersionStatus) Terminal() bool { return s.Known() && len(s.successors()) == 0 }

// Reviewed says whether a review of the version has ended, with whatever
// verdict: it is neither in development nor under review.
func (s VersionStatus) Reviewed() bool {
	return s.Known() && s != StatusInit && s != StatusAuditing
}

// BlocksApply says whether a version in this status keeps other versions of the
// mini program from being applied for. AlipayCN documents that at most one
// version may be under review, passed, rejected or in grayscale.
func (s VersionStatus) BlocksApply() bool {
	switch s {
	case StatusAuditing, StatusAuditReject, StatusWaitRelease, StatusBaseAuditPass, StatusPromoteAuditReject, StatusGray:
		return true
	default:
		return false
	}
}

// successors is the table of transitions. The platform may take a version down
// at any time. A version in OFFLINE comes back when the one after it is rolled
// back, and one in RELEASE goes to OFFLINE when a later one is published.
func (s VersionStatus) successors() []VersionStatus {
	switch s {
	case StatusInit: // apply
		return []VersionStatus{StatusAuditing, StatusAuditOffline}
	case StatusAuditing: // a verdict; cancel
		return []VersionStatus{StatusWaitRelease, StatusBaseAuditPass, StatusAuditReject, StatusPromoteAuditReject, StatusInit, StatusAuditOffline}
	case StatusAuditReject: // return to development
		return []VersionStatus{StatusInit, StatusAuditOffline}
	case StatusWaitRelease: // grayscale; publish; return to development
		return []VersionStatus{StatusGray, StatusRelease, StatusInit, StatusAuditOffline}
	case StatusBaseAuditPass, StatusPromoteAuditReject: // publish, when can_release says so; return to development
		return []VersionStatus{StatusRelease, StatusInit, StatusAuditOffline}
	case StatusGray: // a larger share; end grayscale; publish
		return []VersionStatus{StatusGray, StatusWaitRelease, StatusRelease, StatusAuditOffline}
	case StatusRelease: // take offline; roll back
		return []VersionStatus{StatusOffline, StatusAuditOffline}
	case StatusOffline: // the later version is rolled back
		return []VersionStatus{StatusRelease, StatusAuditOffline}
	default:
		return nil
	}
}
