package alipaycn

import "github.com/alipayplus-go/alipayplus"

// TemplateUsagesInput is the input of templates.usages
// (alipay.open.mini.template.usage.query), which lists the mini programs built
// from a template of the third-party app.
type TemplateUsagesInput struct {
	// TemplateID is the app id of the template. Required.
	TemplateID string `json:"template_id,omitempty"`
	// TemplateVersion keeps the mini programs built from one version; zero: any.
	TemplateVersion alipayplus.VersionNumber `json:"template_version,omitzero"`
	// Page is the page, counted from 1; 0: the first.
	Page int `json:"page_num,omitempty"`
	// PageSize is the number of mini programs on a page, at most 50; 0: 10.
	PageSize int `json:"page_size,omitempty"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`
}

// Validate checks the fields.
func (in TemplateUsagesInput) Validate() error {
	var p problems
	p.required("template_id", in.TemplateID)
	p.optionalVersion("template_version", in.TemplateVersion)
	if in.Page < 0 {
		p.add("page_num", "must be at least 1, or 0 for the first page")
	}
	if in.PageSize < 0 || in.PageSize > 50 {
		p.add("page_size", "must be 1 to 50, or 0 for 10")
	}
	return p.err("template usages")
}

// TemplateUsages is the answer of templates.usages.
type TemplateUsages struct {
	// AppIDs are the mini programs.
	AppIDs []string `json:"app_ids,omitempty"`
	// Usages are the mini programs with their versions.
	Usages []TemplateUsage `json:"template_usage_info_list,omitempty"`
}

// TemplateUsage is a mini program built from a template.
type TemplateUsage struct {
	// AppID is the mini program.
	AppID string `json:"mini_app_id,omitempty"`
	// Version is its version.
	Version Version `json:"app_version,omitempty"`
}
