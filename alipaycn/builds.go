package alipaycn

import (
	"encoding/json"

	"github.com/alipayplus-go/alipayplus"
)

// BuildStatus is the state of a build, a digit. It is open to unknown values.
type BuildStatus string

// The build statuses that AlipayCN documents. There is no 4.
const (
	// BuildQueued: waits for its turn.
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
	switch s {
	case BuildQueued, BuildRunning, BuildDone, BuildFailed, BuildTimedOut, BuildCreated:
		return true
	default:
		return false
	}
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
		p.add("ext", `must be JSON, for example {"extEnable": true}`)
	}
	return p.err("upload")
}

// Build is the answer of versions.upload and versions.build
// (alipay.open.mini.version.build.query).
type Build struct {
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
