package alipaycn

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// CategoriesClient lists the categories and what each needs. Every error is an
// [Error].
type CategoriesClient struct{ c *Client }

// List lists all categories (alipay.open.mini.category.query).
func (l *CategoriesClient) List(ctx context.Context, in ListCategoriesInput) (*CategoryList, error) {
	return read[CategoryList](ctx, l.c, cnwire.CategoryList, in)
}

// Requirements returns which licences categories need
// (alipay.open.mini.category.require.query); ask before applying for review.
func (l *CategoriesClient) Requirements(ctx context.Context, in CategoryRequirementsInput) (*CategoryRequirements, error) {
	return read[CategoryRequirements](ctx, l.c, cnwire.CategoryRequirements, in)
}

// ListCategoriesInput is the input of categories.list
// (alipay.open.mini.category.query).
type ListCategoriesInput struct {
	// OnlyAvailable leaves out the categories that the mini program cannot have.
	OnlyAvailable bool `json:"is_filter"`
}

// CategoryList is the answer of categories.list. Each list is a tree by the ids
// of the parents.
type CategoryList struct {
	Answer

	// Old are the categories of the old tree, which AlipayCN is retiring.
	Old []Category `json:"category_list,omitempty"`
	// Categories are the categories, in three levels.
	Categories []Category `json:"mini_category_list,omitempty"`
}

// Category is one category.
type Category struct {
	// ID is its id; see [CategoryIDs] for how a mini program names it.
	ID string `json:"category_id,omitempty"`
	// Name is its name.
	Name string `json:"category_name,omitempty"`
	// ParentID is the category above it.
	ParentID string `json:"parent_category_id,omitempty"`
	// HasChild says whether there are categories below it; then it cannot be
	// chosen itself.
	HasChild Bool `json:"has_child,omitempty"`
	// NeedLicense says whether a business licence is needed.
	NeedLicense Bool `json:"need_license,omitempty"`
	// NeedOutDoorPic says whether a picture of the shop front is needed.
	NeedOutDoorPic Bool `json:"need_out_door_pic,omitempty"`
	// NeedSpecialLicense says whether a special licence is needed.
	NeedSpecialLicense Bool `json:"need_special_license,omitempty"`
}

// CategoryRequirementsInput is the input of categories.requirements
// (alipay.open.mini.category.require.query).
type CategoryRequirementsInput struct {
	// Codes are 1 to 5 categories, as in [CategoryIDs]. Required.
	Codes []string `json:"category_code_list,omitempty"`
}

// Validate checks the codes.
func (in CategoryRequirementsInput) Validate() error {
	const most = 5
	var p problems
	if len(in.Codes) == 0 {
		p.Add("category_code_list", "must have at least 1 category")
	}
	p.count("category_code_list", len(in.Codes), most, "categories")
	for _, code := range in.Codes {
		p.required("category_code_list", code)
	}
	return p.of(in, "categories")
}

// CategoryRequirements is the answer of categories.requirements.
type CategoryRequirements struct {
	Answer

	// Requirements are what each category needs.
	Requirements []CategoryRequirement `json:"category_require_info_list,omitempty"`
}

// differs: each category was asked for.
func (r *CategoryRequirements) differs(question any) string {
	in, _ := question.(CategoryRequirementsInput)
	for _, of := range r.Requirements {
		if of.Code != "" && !slices.Contains(in.Codes, of.Code) {
			return notAsked("category_code", of.Code, in.Codes...)
		}
	}
	return ""
}

// CategoryRequirement is what a category needs.
type CategoryRequirement struct {
	// Code is the category, all levels joined by "_".
	Code string `json:"category_code,omitempty"`
	// Name is its name, all levels joined by "_".
	Name string `json:"category_name,omitempty"`
	// Text is AlipayCN's description of what it needs.
	Text string `json:"category_requirements,omitempty"`
	// BusinessLicence says whether a business licence is needed.
	BusinessLicence Bool `json:"business_licence_required,omitempty"`
	// DoorPhoto says whether a picture of the shop front is needed.
	DoorPhoto Bool `json:"door_photo_required,omitempty"`
	// SpecialLicence says whether a special licence is needed.
	SpecialLicence Bool `json:"special_licence_required,omitempty"`
}

// CategoryIDs are the categories of a mini program, 1 to 4. Each names its
// levels from the top, joined by "_": "XS1001_XS2001_XS3002" in the new tree,
// "11_12" in the old. On the wire the categories are one text, joined by ";".
type CategoryIDs []string

// MarshalJSON writes the categories joined by ";".
func (c CategoryIDs) MarshalJSON() ([]byte, error) { return json.Marshal(strings.Join(c, ";")) }

// UnmarshalJSON reads categories joined by ";".
func (c *CategoryIDs) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	if err != nil {
		return err
	}
	*c = nil
	for category := range strings.SplitSeq(text, ";") {
		if category != "" {
			*c = append(*c, category)
		}
	}
	return nil
}

// mostCategories is documented with the error code CATEGORY_NUM_IS_INVALID.
const mostCategories = 4

// categories checks categories that may be left out: their number and form. Both
// trees have two or three levels: the old one is documented with two, and with a
// third in AlipayCN's answer to INVALID_CATEGORY.
func (p *problems) categories(path string, c CategoryIDs) {
	p.count(path, len(c), mostCategories, "categories")
	if slices.ContainsFunc(c, func(category string) bool { return !isCategory(category) }) {
		p.Add(path, `must be ids of letters and digits, two or three levels joined by "_", as in XS1001_XS2001_XS3002`)
	}
}

func isCategory(text string) bool {
	levels := strings.Split(text, "_")
	return (len(levels) == 2 || len(levels) == 3) && !slices.ContainsFunc(levels, func(level string) bool {
		return level == "" || strings.ContainsFunc(level, func(r rune) bool { return !isDigit(r) && !isASCIILetter(r) })
	})
}

// TemplatesClient lists the mini programs built from a template. Every
// error is an [Error].
type TemplatesClient struct{ c *Client }

// Usages lists the mini programs built from a template
// (alipay.open.mini.template.usage.query), page by page.
func (t *TemplatesClient) Usages(ctx context.Context, in TemplateUsagesInput) (*TemplateUsages, error) {
	return read[TemplateUsages](ctx, t.c, cnwire.TemplateUsages, in)
}

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
		p.Add("page_num", "must be at least 1, or 0 for the first page")
	}
	if in.PageSize < 0 || in.PageSize > 50 {
		p.Add("page_size", "must be 1 to 50, or 0 for 10")
	}
	return p.of(in, "template usages")
}

// TemplateUsages is the answer of templates.usages.
type TemplateUsages struct {
	Answer

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
