package alipaycn

import (
	"context"
	"strings"
	"unicode"

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
	return b.c.write(ctx, safeWrite{op: cnwire.BaseInfoModify, in: in, prove: prover(func(ctx context.Context) (*BaseInfo, error) { return whole(b.Get(ctx)) }, func(after *BaseInfo) (effect, string) {
		return provenByBaseInfo(in, *after), "baseInfo.get does not prove that it was done"
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

// provenByBaseInfo decides baseInfo.modify. A logo and categories cannot be
// compared, so a change of these alone is not proven.
func provenByBaseInfo(in ModifyBaseInfoInput, after BaseInfo) effect {
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
			return effectNotDone
		}
	}
	if !given || in.AppLogo != nil || len(in.Categories) > 0 || len(in.OldCategories) > 0 {
		return effectUnknown
	}
	return effectDone
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
	return s.c.write(ctx, safeWrite{op: op, in: in, prove: prover(func(ctx context.Context) (*BaseInfo, error) { return whole(s.c.BaseInfo.Get(ctx)) }, func(after *BaseInfo) (effect, string) {
		return provenBySafeDomains(op, in, *after), "baseInfo.get does not show the change"
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

// provenBySafeDomains decides safeDomains.add and safeDomains.remove by baseInfo.get.
// In which form AlipayCN lists a domain is not documented: the same with another
// scheme may be this one or another.
func provenBySafeDomains(op cnwire.Operation, in SafeDomainInput, after BaseInfo) effect {
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
		return effectUnknown
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
