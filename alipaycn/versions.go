package alipaycn

import (
	"encoding/json"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

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
	switch b {
	case BundleAlipay, BundleDingTalk, BundleAmap, BundleGenie, BundleIoT:
		return true
	default:
		return false
	}
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
}

// Validate checks that the version is named.
func (in VersionInput) Validate() error {
	var p problems
	p.version(in.Version)
	return p.err("version")
}

// CancelAuditInput is the input of versions.cancelAudit
// (alipay.open.mini.version.audit.cancel).
type CancelAuditInput struct {
	// Version is the version under review; zero: whichever it is.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`
}

// Validate checks the version where one is named.
func (in CancelAuditInput) Validate() error {
	var p problems
	p.optionalVersion("app_version", in.Version)
	return p.err("review")
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
}

// Validate checks that the version is named.
func (in PublishInput) Validate() error {
	var p problems
	p.version(in.Version)
	return p.err("version")
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
		p.add("version_status", "must name at least 1 status; without one AlipayCN returns no versions")
	}
	for _, status := range in.Statuses {
		if status == "" || strings.Contains(string(status), ",") {
			p.add("version_status", "must not have an empty status or one with a comma")
			break
		}
	}
	return p.err("version list")
}

// VersionList is the answer of versions.list. AlipayCN returns at most 20
// versions and has no further pages.
type VersionList struct {
	// Versions are the versions, the highest number first.
	Versions []VersionSummary `json:"app_version_infos,omitempty"`
	// AppVersions are the highest number in each status: an old form that
	// AlipayCN is retiring.
	AppVersions []Version `json:"app_versions,omitempty"`
}

// VersionSummary is a version as a list shows it.
type VersionSummary struct {
	// Version is its number.
	Version Version `json:"app_version,omitempty"`
	// Description says what changed.
	Description string `json:"version_description,omitempty"`
	// Status is where it stands.
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
