package alipaycn

// BaseInfo is the answer of baseInfo.get (alipay.open.mini.baseinfo.query): what
// AlipayCN has saved about a mini program.
type BaseInfo struct {
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
		p.add("", "must have at least one field to change")
	}
	p.appTexts(appTexts{
		name: in.AppName, englishName: in.AppEnglishName, slogan: in.AppSlogan, description: in.AppDescription,
		phone: in.ServicePhone, email: in.ServiceEmail, old: in.OldCategories, categories: in.Categories,
	})
	p.onlyOf("app_english_name", in.AppEnglishName, "Chinese characters, digits, letters, _, + and -", isNameRune)
	p.file("app_logo", in.AppLogo, logoRule())
	return p.err("base information")
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
	return p.err("name")
}

// NameFine is the check code of a name that nothing is wrong with.
const NameFine = "NONE"

// NameCheck is the answer of baseInfo.checkName.
type NameCheck struct {
	// Code is [NameFine], or what is wrong; the other codes are not documented.
	Code string `json:"check_code,omitempty"`
	// Memo says what is wrong, in words.
	Memo string `json:"check_memo,omitempty"`
}

// Fine says whether nothing is wrong with the name.
func (c NameCheck) Fine() bool { return c.Code == NameFine }
