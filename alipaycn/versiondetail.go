package alipaycn

import (
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// VersionStatus is the status of a version. It is open to values unknown to this
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
	return slices.Contains([]VersionStatus{
		StatusAuditing, StatusAuditReject, StatusWaitRelease, StatusBaseAuditPass, StatusPromoteAuditReject, StatusGray,
	}, s)
}

// ReleaseStatus translates the status into the words of "Release mini programs"; false
// when this version of the library does not know it. How the two correspond is not
// documented; this table is this project's own. canRelease is can_release of the version.
//
//	INIT                  NEW_VERSION_CREATED
//	AUDITING              UNDER_REVIEW
//	AUDIT_REJECT          NEW_VERSION_CREATED, rejected
//	PROMOTE_AUDIT_REJECT  the same, or RELEASE_PREPARATION when can_release says so
//	WAIT_RELEASE          RELEASE_PREPARATION
//	BASE_AUDIT_PASS       RELEASE_PREPARATION
//	GRAY                  GRAYSCALE_RELEASE
//	RELEASE               FULL_RELEASE
//	OFFLINE               ARCHIVED
//	AUDIT_OFFLINE         CANCELED
func (s VersionStatus) ReleaseStatus(canRelease bool) (_ alipayplus.ReleaseStatus, known bool) {
	switch s {
	case StatusInit, StatusAuditReject:
		return alipayplus.ReleaseNewVersionCreated, true
	case StatusPromoteAuditReject:
		if canRelease {
			return alipayplus.ReleasePreparation, true
		}
		return alipayplus.ReleaseNewVersionCreated, true
	case StatusAuditing:
		return alipayplus.ReleaseUnderReview, true
	case StatusWaitRelease, StatusBaseAuditPass:
		return alipayplus.ReleasePreparation, true
	case StatusGray:
		return alipayplus.ReleaseGrayscale, true
	case StatusRelease:
		return alipayplus.ReleaseFull, true
	case StatusOffline:
		return alipayplus.ReleaseArchived, true
	case StatusAuditOffline:
		return alipayplus.ReleaseCanceled, true
	default:
		return "", false
	}
}

// Review returns AlipayCN's verdict on the version, with the reasons and pictures of both
// parts of its review, each once; nil once it is in development again or taken down.
func (d *VersionDetail) Review() *alipayplus.Review {
	r := &alipayplus.Review{Party: alipayplus.PartyAlipayCN, StartedAt: d.AppliedAt.UTC()}
	switch status, _ := d.Status.ReleaseStatus(bool(d.CanRelease)); {
	case d.Status == StatusInit, d.Status == StatusAuditOffline:
		return nil
	case status == alipayplus.ReleaseUnderReview:
		r.Status = alipayplus.ReviewPending
	case status == alipayplus.ReleaseNewVersionCreated:
		r.Status, r.DecidedAt = alipayplus.ReviewRejected, d.AuditedAt.UTC()
		r.Reason, r.Pictures = d.reasons()
	default:
		r.Status, r.DecidedAt = alipayplus.ReviewApproved, d.AuditedAt.UTC()
		if d.PromoteAudit == AuditResultReject { // it may be released, but is not promoted: why is worth reading
			r.Reason, r.Pictures = d.reasons()
		}
	}
	return r
}

// reasons are why the version was rejected.
func (d *VersionDetail) reasons() (text string, pictures []string) {
	var all []string
	add := func(to *[]string, more ...string) {
		for _, one := range more {
			if one = strings.TrimSpace(one); one != "" && !slices.Contains(*to, one) {
				*to = append(*to, one)
			}
		}
	}
	add(&all, d.RejectReason)
	for _, record := range []*AuditRecord{d.BaseAuditRecord, d.PromoteAuditRecord} {
		if record == nil {
			continue
		}
		add(&pictures, record.Images...)
		for _, memo := range record.Memos {
			add(&all, memo.Memo)
			add(&pictures, memo.Images...)
		}
	}
	return strings.Join(all, "; "), pictures
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

// ScanResult is the result of the security scan. It is open to unknown values.
type ScanResult string

// The results that AlipayCN documents.
const (
	// ScanPassed: the scan found nothing.
	ScanPassed ScanResult = "True"
	// ScanFailed: the scan found something.
	ScanFailed ScanResult = "False"
	// ScanRunning: the scan is not finished.
	ScanRunning ScanResult = "NAN"
)

// Known says whether AlipayCN documents the result.
func (s ScanResult) Known() bool {
	return s == ScanPassed || s == ScanFailed || s == ScanRunning
}

// AuditResult is the verdict of one part of a review. It is open to unknown values.
type AuditResult string

// The verdicts that AlipayCN documents.
const (
	// AuditResultPass: passed.
	AuditResultPass AuditResult = "PASS"
	// AuditResultReject: rejected.
	AuditResultReject AuditResult = "REJECT"
)

// Known says whether AlipayCN documents the verdict.
func (r AuditResult) Known() bool { return r == AuditResultPass || r == AuditResultReject }

// VersionDetail is the answer of versions.get
// (alipay.open.mini.version.detail.query). Its times are Beijing time.
type VersionDetail struct {
	Answer

	// Version is its number.
	Version Version `json:"app_version,omitempty"`
	// Status is its present status.
	Status VersionStatus `json:"status,omitempty"`
	// Description says what changed.
	Description string `json:"version_desc,omitempty"`
	// RejectReason is why the review rejected it.
	RejectReason string `json:"reject_reason,omitempty"`
	// ScanResult is the result of the security scan.
	ScanResult ScanResult `json:"scan_result,omitempty"`
	// GrayStrategy is the share of users who have it; empty outside GRAY.
	GrayStrategy GrayStrategy `json:"gray_strategy,omitempty"`

	// CreatedAt is when it was created.
	CreatedAt Time `json:"gmt_create,omitzero"`
	// AppliedAt is when it was last applied for.
	AppliedAt Time `json:"gmt_apply_audit,omitzero"`
	// AuditedAt is when its review ended.
	AuditedAt Time `json:"gmt_audit_end,omitzero"`
	// OnlineAt is when it was published.
	OnlineAt Time `json:"gmt_online,omitzero"`
	// OfflineAt is when it went offline.
	OfflineAt Time `json:"gmt_offline,omitzero"`

	// BaseAudit is the verdict on admission; only with [AuditRuleBasePromote].
	BaseAudit AuditResult `json:"base_audit,omitempty"`
	// BaseAuditRecord are the reasons of the verdict on admission; nil without any.
	BaseAuditRecord *AuditRecord `json:"base_audit_record,omitempty"`
	// PromoteAudit is the verdict on promotion; only with [AuditRuleBasePromote].
	PromoteAudit AuditResult `json:"promote_audit,omitempty"`
	// PromoteAuditRecord are the reasons of the verdict on promotion; nil without any.
	PromoteAuditRecord *AuditRecord `json:"promote_audit_record,omitempty"`
	// CanRelease says whether it may be published although promotion was
	// rejected; only with [AuditRuleBasePromote].
	CanRelease TextBool `json:"can_release,omitempty"`

	// AppName is the mini program's name.
	AppName string `json:"app_name,omitempty"`
	// AppEnglishName is its English name.
	AppEnglishName string `json:"app_english_name,omitempty"`
	// AppLogo is the URL of its logo.
	AppLogo string `json:"app_logo,omitempty"`
	// AppSlogan says in one line what it does.
	AppSlogan string `json:"app_slogan,omitempty"`
	// AppDescription is its description.
	AppDescription string `json:"app_desc,omitempty"`
	// Memo is the note for the reviewers.
	Memo string `json:"memo,omitempty"`
	// ServicePhone is the phone number of its customer service.
	ServicePhone string `json:"service_phone,omitempty"`
	// ServiceEmail is the e-mail address of its customer service.
	ServiceEmail string `json:"service_email,omitempty"`
	// RegionType is where it is offered.
	RegionType RegionType `json:"service_region_type,omitempty"`
	// Regions are the regions, when RegionType is LOCATION.
	Regions []Region `json:"service_region_info,omitempty"`
	// ScreenShots are the URLs of its screenshots. AlipayCN's description says
	// that one entry may hold several, joined by commas.
	ScreenShots []string `json:"screen_shot_list,omitempty"`
	// OldCategories are its categories of the old tree of two levels.
	OldCategories []CategoryPath `json:"mini_app_category_info_list,omitempty"`
	// Categories are its categories of the new tree.
	Categories []CategoryPath `json:"mini_category_info_list,omitempty"`
	// Packages are the feature packages that it has.
	Packages []FeaturePackage `json:"package_info_list,omitempty"`
}

// differs: the version is the one that was asked for.
func (d *VersionDetail) differs(input any) string {
	in, _ := input.(VersionInput)
	if d.Version != "" && !d.Version.Is(in.Version) {
		return notAsked("app_version", d.Version, Version(in.Version.String()))
	}
	return ""
}

// beside: what names no version may be about any.
func (d *VersionDetail) beside(any) []OddField {
	if d.Version == "" && d.Status != "" {
		return []OddField{{Path: "app_version", Problem: "is missing"}}
	}
	return nil
}

// AuditRecord are the reasons of a verdict.
type AuditRecord struct {
	// Images are the URLs of the pictures of the review.
	Images []string `json:"audit_images,omitempty"`
	// Memos are the reasons.
	Memos []AuditMemo `json:"memos,omitempty"`
}

// AuditMemo is one reason of a verdict.
type AuditMemo struct {
	// Memo is the reason.
	Memo string `json:"memo,omitempty"`
	// Images are the URLs of pictures of the rule.
	Images []string `json:"memo_image_list,omitempty"`
}

// CategoryPath is a category with those above it.
type CategoryPath struct {
	// FirstID is the id of the top category.
	FirstID string `json:"first_category_id,omitempty"`
	// FirstName is the name of the top category.
	FirstName string `json:"first_category_name,omitempty"`
	// SecondID is the id of the category below it.
	SecondID string `json:"second_category_id,omitempty"`
	// SecondName is the name of the category below it.
	SecondName string `json:"second_category_name,omitempty"`
	// ThirdID is the id of the third level; may be empty.
	ThirdID string `json:"third_category_id,omitempty"`
	// ThirdName is the name of the third level; may be empty.
	ThirdName string `json:"third_category_name,omitempty"`
}

// FeaturePackage is a set of features that a mini program may use.
type FeaturePackage struct {
	// Name is its name.
	Name string `json:"package_name,omitempty"`
	// Description says what is in it.
	Description string `json:"package_desc,omitempty"`
	// DocURL is its documentation.
	DocURL string `json:"doc_url,omitempty"`
	// Status is the state of the contract, for example "valid".
	Status string `json:"status,omitempty"`
	// OpenType says how it is obtained, for example "APPLY".
	OpenType string `json:"package_open_type,omitempty"`
}
