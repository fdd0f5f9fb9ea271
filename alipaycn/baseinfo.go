package alipaycn

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// BaseInfoClient reads and changes what AlipayCN has saved about the mini
// program. Every error is an [Error].
type BaseInfoClient struct{ c *Client }

// Get reads the saved information (alipay.open.mini.baseinfo.query).
func (b *BaseInfoClient) Get(ctx context.Context) (*BaseInfo, error) {
	return read[BaseInfo](ctx, b.c, cnwire.BaseInfoGet, nil)
}

// Modify changes the saved information (alipay.open.mini.baseinfo.modify). It
// works only before the first release; later, information changes with an
// application for review.
func (b *BaseInfoClient) Modify(ctx context.Context, in ModifyBaseInfoInput) error {
	return b.c.write(ctx, safeWrite{op: cnwire.BaseInfoModify, in: in, prove: prover(func(ctx context.Context) (*BaseInfo, error) { return whole(b.Get(ctx)) }, func(after *BaseInfo) (evidence, string) {
		return evidenceOfBaseInfo(in, *after), "baseInfo.get does not prove that it was done"
	})})
}

// CheckName says whether a name may be used
// (alipay.open.mini.baseinfo.name.check). A name that may not is no error; see
// [NameCheck.Fine].
func (b *BaseInfoClient) CheckName(ctx context.Context, in CheckNameInput) (*NameCheck, error) {
	return read[NameCheck](ctx, b.c, cnwire.BaseInfoCheckName, in)
}

// BaseInfo is the answer of baseInfo.get (alipay.open.mini.baseinfo.query): what
// AlipayCN has saved about a mini program.
type BaseInfo struct {
	Answer

	// AppName is its name.
	AppName string `json:"app_name,omitempty"`
	// AppEnglishName is its English name.
	AppEnglishName string `json:"app_english_name,omitempty"`
	// AppSlogan says in one line what it does.
	AppSlogan string `json:"app_slogan,omitempty"`
	// AppLogo is the URL of its logo.
	AppLogo string `json:"app_logo,omitempty"`
	// AppDescription is its description.
	AppDescription string `json:"app_desc,omitempty"`
	// CategoryNames are the names of its categories, the levels joined by "_" and
	// the categories by ";".
	CategoryNames string `json:"category_names,omitempty"`
	// ServicePhone is the phone number of its customer service.
	ServicePhone string `json:"service_phone,omitempty"`
	// ServiceEmail is the e-mail address of its customer service.
	ServiceEmail string `json:"service_email,omitempty"`
	// SafeDomains are the servers that it may talk to.
	SafeDomains []string `json:"safe_domains,omitempty"`
	// PackageNames are the names of the feature packages that it has.
	PackageNames []string `json:"package_names,omitempty"`
}

// ModifyBaseInfoInput is the input of baseInfo.modify
// (alipay.open.mini.baseinfo.modify), which works only before the first release.
// What is left out stays as it is. All lengths are documented, and whether a Chinese
// character counts 2, as in an application for review, is not: it may count 1 or 2.
type ModifyBaseInfoInput struct {
	// AppName is the name: 3 to 30 Chinese characters, digits, letters, "_", "+" and "-".
	AppName string `json:"app_name,omitempty"`
	// AppEnglishName is the English name: 3 to 30 of the characters of AppName,
	// which is more than an application for review allows: there it is letters
	// and digits.
	AppEnglishName string `json:"app_english_name,omitempty"`
	// AppSlogan says in one line what it does: 10 to 32 characters.
	AppSlogan string `json:"app_slogan,omitempty"`
	// AppDescription is the description: 20 to 400 characters.
	AppDescription string `json:"app_desc,omitempty"`
	// OldCategories are the categories of the old tree, which AlipayCN is retiring.
	OldCategories CategoryIDs `json:"app_category_ids,omitempty"`
	// Categories are the categories, 1 to 4.
	Categories CategoryIDs `json:"mini_category_ids,omitempty"`
	// ServicePhone is the phone number of the customer service: 5 to 30 digits and hyphens.
	ServicePhone string `json:"service_phone,omitempty"`
	// ServiceEmail is the e-mail address of the customer service.
	ServiceEmail string `json:"service_email,omitempty"`

	// AppLogo is the logo, by the rules of [ApplyInput]; nil: as it is.
	AppLogo *File `json:"-"`
}

// Validate checks the fields and the logo, which it reads in part.
func (in ModifyBaseInfoInput) Validate() error {
	var p problems
	if in.empty() {
		p.Add("", "must have at least one field to change")
	}
	p.appTexts(appTexts{
		name: in.AppName, englishName: in.AppEnglishName, slogan: in.AppSlogan, description: in.AppDescription,
		phone: in.ServicePhone, email: in.ServiceEmail, old: in.OldCategories, categories: in.Categories,
	})
	p.onlyOf("app_english_name", in.AppEnglishName, "Chinese characters, digits, letters, _, + and -", isNameRune)
	p.file("app_logo", in.AppLogo, logoRule())
	return p.of(in, "base information")
}

func (in ModifyBaseInfoInput) empty() bool {
	texts := in.AppName + in.AppEnglishName + in.AppSlogan + in.AppDescription + in.ServicePhone + in.ServiceEmail
	return texts == "" && len(in.OldCategories) == 0 && len(in.Categories) == 0 && in.AppLogo == nil
}

// files returns the logo, where one is given, under the name of its part.
func (in ModifyBaseInfoInput) files() []filePart {
	if in.AppLogo == nil {
		return nil
	}
	return []filePart{{"app_logo", in.AppLogo}}
}

// CheckNameInput is the input of baseInfo.checkName
// (alipay.open.mini.baseinfo.name.check).
type CheckNameInput struct {
	// AppName is the name to check: 3 to 30 Chinese characters, digits, letters,
	// "_", "+" and "-". Required.
	AppName string `json:"app_name,omitempty"`
}

// Validate checks the name's form.
func (in CheckNameInput) Validate() error {
	var p problems
	if p.required("app_name", in.AppName) {
		p.appTexts(appTexts{name: in.AppName})
	}
	return p.of(in, "name")
}

// NameFine is the check code of a name that nothing is wrong with.
const NameFine = "NONE"

// NameCheck is the answer of baseInfo.checkName.
type NameCheck struct {
	Answer

	// Code is [NameFine], or what is wrong; the other codes are not documented.
	Code string `json:"check_code,omitempty"`
	// Memo describes what is wrong.
	Memo string `json:"check_memo,omitempty"`
}

// Fine says whether nothing is wrong with the name.
func (c NameCheck) Fine() bool { return c.Code == NameFine }

// evidenceOfBaseInfo decides baseInfo.modify. A logo and categories cannot be
// compared, so a change of these alone is not proven.
func evidenceOfBaseInfo(in ModifyBaseInfoInput, after BaseInfo) evidence {
	texts := []struct{ asked, is string }{
		{in.AppName, after.AppName},
		{in.AppEnglishName, after.AppEnglishName},
		{in.AppSlogan, after.AppSlogan},
		{in.AppDescription, after.AppDescription},
		{in.ServicePhone, after.ServicePhone},
		{in.ServiceEmail, after.ServiceEmail},
	}
	given := false
	for _, text := range texts {
		if text.asked == "" {
			continue
		}
		given = true
		if text.asked != text.is {
			return evidenceNotDone
		}
	}
	if !given || in.AppLogo != nil || len(in.Categories) > 0 || len(in.OldCategories) > 0 {
		return evidenceNone
	}
	return evidenceDone
}

// SafeDomainsClient manages the servers that the mini program may talk to; they
// are listed in [BaseInfo]. Every error is an [Error].
type SafeDomainsClient struct{ c *Client }

// Add allows a server (alipay.open.mini.safedomain.create), for versions that
// are uploaded afterwards.
func (s *SafeDomainsClient) Add(ctx context.Context, in SafeDomainInput) error {
	return s.change(ctx, cnwire.SafeDomainAdd, in)
}

// Remove no longer allows a server (alipay.open.mini.safedomain.delete), for
// versions that are uploaded afterwards.
func (s *SafeDomainsClient) Remove(ctx context.Context, in SafeDomainInput) error {
	return s.change(ctx, cnwire.SafeDomainRemove, in)
}

func (s *SafeDomainsClient) change(ctx context.Context, op cnwire.Operation, in SafeDomainInput) error {
	return s.c.write(ctx, safeWrite{op: op, in: in, prove: prover(func(ctx context.Context) (*BaseInfo, error) { return whole(s.c.BaseInfo.Get(ctx)) }, func(after *BaseInfo) (evidence, string) {
		return evidenceOfSafeDomains(op, in, *after), "baseInfo.get does not show the change"
	})})
}

// SafeDomainInput is the input of safeDomains.add
// (alipay.open.mini.safedomain.create) and safeDomains.remove
// (alipay.open.mini.safedomain.delete). They answer nothing; the domains are in
// [BaseInfo]. A mini program may have 30. A change takes effect in versions that
// are uploaded afterwards.
type SafeDomainInput struct {
	// Domain is the server that the mini program may talk to, for example
	// "example.com". Required.
	Domain string `json:"safe_domain,omitempty"`
}

// Validate checks that there is a domain. Its form is not documented.
func (in SafeDomainInput) Validate() error {
	var p problems
	if p.required("safe_domain", in.Domain) && strings.ContainsFunc(in.Domain, notInDomain) {
		p.Add("safe_domain", "must be one domain, without spaces, commas and control characters")
	}
	return p.of(in, "server domain")
}

func notInDomain(r rune) bool {
	return r == ',' || r == ';' || unicode.IsSpace(r) || unicode.IsControl(r)
}

// evidenceOfSafeDomains decides safeDomains.add and safeDomains.remove by baseInfo.get.
// In which form AlipayCN lists a domain is not documented: the same with another
// scheme may be this one or another.
func evidenceOfSafeDomains(op cnwire.Operation, in SafeDomainInput, after BaseInfo) evidence {
	scheme, domain := schemeAndDomain(in.Domain)
	perhaps := false
	for _, text := range after.SafeDomains {
		theirs, listed := schemeAndDomain(text)
		switch {
		case listed != domain:
		case theirs == scheme || theirs == "" || scheme == "":
			return doneIf(op == cnwire.SafeDomainAdd)
		default:
			perhaps = true
		}
	}
	if perhaps {
		return evidenceNone
	}
	return doneIf(op == cnwire.SafeDomainRemove)
}

// schemeAndDomain splits a domain as it is given or listed, without what makes no difference.
func schemeAndDomain(text string) (scheme, domain string) {
	text = strings.ToLower(strings.TrimSuffix(text, "/"))
	if scheme, domain, found := strings.Cut(text, "://"); found {
		return scheme, domain
	}
	return "", text
}

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
func (r *CategoryRequirements) differs(input any) string {
	in, _ := input.(CategoryRequirementsInput)
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
