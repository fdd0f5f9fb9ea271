package alipaycn

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/alipayplus-go/alipayplus"
)

// AuditRule says how a version is reviewed. It is open to unknown values.
type AuditRule string

// AuditRuleBasePromote splits the review into admission and promotion: a version
// that passes admission alone may be released, and is then found by exact
// search and by scanning only. AlipayCN recommends it.
const AuditRuleBasePromote AuditRule = "BASE_PROMOTE"

// Known says whether AlipayCN documents the rule.
func (r AuditRule) Known() bool { return r == AuditRuleBasePromote }

// RegionType is where a mini program is offered. It is open to unknown values.
type RegionType string

// The region types that AlipayCN documents.
const (
	// RegionGlobal: everywhere.
	RegionGlobal RegionType = "GLOBAL"
	// RegionChina: in China.
	RegionChina RegionType = "CHINA"
	// RegionLocation: in the regions that are named.
	RegionLocation RegionType = "LOCATION"
)

// Known says whether AlipayCN documents the type.
func (r RegionType) Known() bool {
	return r == RegionGlobal || r == RegionChina || r == RegionLocation
}

// Region is a province, a city in it, or an area in that. The codes are those of
// AlipayCN's list.
type Region struct {
	// ProvinceCode is the province; alone it means all of it.
	ProvinceCode string `json:"province_code,omitempty"`
	// ProvinceName is the province's name.
	ProvinceName string `json:"province_name,omitempty"`
	// CityCode is the city; it needs ProvinceCode.
	CityCode string `json:"city_code,omitempty"`
	// CityName is the city's name.
	CityName string `json:"city_name,omitempty"`
	// AreaCode is the area; it needs CityCode and ProvinceCode.
	AreaCode string `json:"area_code,omitempty"`
	// AreaName is the area's name.
	AreaName string `json:"area_name,omitempty"`
}

// ApplyInput is the input of versions.apply
// (alipay.open.mini.version.audit.apply), which submits a version for review.
//
// Version and Description are needed each time. Information about the mini
// program that is left out stays as AlipayCN saved it last, and must be given
// where it never was. All lengths are documented; a Chinese character counts 2.
type ApplyInput struct {
	// Version is a version in INIT. Required.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// Description says what changed: 30 to 500 characters. Required.
	Description string `json:"version_desc,omitempty"`

	// AppName is the mini program's name: 3 to 40 Chinese characters, digits,
	// letters, "_", "+" and "-". Older pages of AlipayCN say 3 to 30 and 3 to 20.
	AppName string `json:"app_name,omitempty"`
	// AppEnglishName is its English name: 3 to 30 letters and digits.
	AppEnglishName string `json:"app_english_name,omitempty"`
	// AppSlogan says in one line what it does: 10 to 32 characters.
	AppSlogan string `json:"app_slogan,omitempty"`
	// AppDescription is its description: 20 to 400 characters.
	AppDescription string `json:"app_desc,omitempty"`
	// OldCategories are its categories of the old tree, which AlipayCN is
	// retiring; it does not read them when Categories are given.
	OldCategories CategoryIDs `json:"app_category_ids,omitempty"`
	// Categories are its categories, 1 to 4.
	Categories CategoryIDs `json:"mini_category_ids,omitempty"`
	// ServicePhone is the phone number of its customer service: 5 to 30 digits
	// and hyphens. There must be a phone number or an e-mail address, saved or given.
	ServicePhone string `json:"service_phone,omitempty"`
	// ServiceEmail is the e-mail address of its customer service.
	ServiceEmail string `json:"service_email,omitempty"`
	// RegionType is where it is offered.
	RegionType RegionType `json:"region_type,omitempty"`
	// Regions are the regions; needed for [RegionLocation].
	Regions []Region `json:"service_region_info,omitempty"`

	// LicenseNo is the number of the business licence; some categories need it,
	// see categories.requirements.
	LicenseNo string `json:"license_no,omitempty"`
	// LicenseName is the name on the licence.
	LicenseName string `json:"license_name,omitempty"`
	// LicenseValidDate is the last day of the licence, [NoEnd] for none.
	LicenseValidDate Date `json:"license_valid_date,omitempty"`
	// Memo is a note for the reviewers: at most 500 characters.
	Memo string `json:"memo,omitempty"`
	// TestAccount is a login with which the reviewers try the mini program.
	TestAccount string `json:"test_accout,omitempty"`
	// TestPassword is the password of TestAccount.
	TestPassword string `json:"test_password,omitempty"`

	// AuditRule says how it is reviewed; empty: as one.
	AuditRule AuditRule `json:"audit_rule,omitempty"`
	// AutoOnline publishes the version by itself when the review passes. Where
	// the ICP filing is not done it goes up restricted: not found by search, 50
	// users a day, unusable after 90 days.
	AutoOnline TextBool `json:"auto_online,omitempty"`
	// SpeedUp says whether to use a right to a faster review if there is one;
	// nil: AlipayCN's default, true. Set it with new(alipaycn.TextBool(false)).
	SpeedUp *TextBool `json:"speed_up,omitempty"`
	// BundleID is the client, [BundleAlipay] or [BundleIoT]; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`

	// AppLogo is the logo: PNG or JPEG in RGB, square, at most 2 MB; 180 x 180
	// pixels are advised. Nil: as saved.
	AppLogo *File `json:"-"`
	// ScreenShots are up to 5 screenshots: PNG or JPEG in RGB, at most 4 MB, at
	// most 2160 pixels wide and 3840 high. How many are needed is not documented
	// for this operation; for a sister operation it is 2, and none for a version
	// built from a template.
	ScreenShots []File `json:"-"`
	// LicensePics are up to 5 pictures of the business licence, by the rules of
	// ScreenShots.
	LicensePics []File `json:"-"`
	// SpecialLicensePics are up to 3 pictures of special licences, by the rules
	// of ScreenShots.
	SpecialLicensePics []File `json:"-"`
	// OutDoorPic is a picture of the shop front, by the rules of ScreenShots.
	OutDoorPic *File `json:"-"`
	// TestFile is a test report or recording: zip or rar, at most 10 MB.
	TestFile *File `json:"-"`

	// Saved is the mini program's information as last read (baseInfo.get); may be
	// nil. When it is given, what is neither in it nor in the application is found
	// missing before anything is sent.
	Saved *BaseInfo `json:"-"`
	// Known is the version as read right before by versions.get; may be nil. When it is
	// given, the state before the write is not read again. One of another version is ignored.
	// One that is out of date can have a write repeated that somebody undid: nil when in doubt.
	Known *VersionDetail `json:"-"`
}

// Validate checks the fields and the files, which it reads in part.
func (in ApplyInput) Validate() error {
	var p problems
	p.version(in.Version)
	if p.required("version_desc", in.Description) {
		p.length("version_desc", in.Description, 30, 500)
	}
	p.appliedTexts(in.texts())
	p.onlyOf("app_english_name", in.AppEnglishName, "letters and digits", isEnglishNameRune)
	p.regions(in.RegionType, in.Regions)
	if in.LicenseValidDate != "" && !in.LicenseValidDate.valid() {
		p.Add("license_valid_date", "must be a day of the form yyyy-MM-dd, 9999-12-31 for no end")
	}
	p.length("memo", in.Memo, 0, 500)
	oneOf(&p, "bundle_id", in.BundleID, BundleAlipay, BundleIoT)
	p.applyFiles(in)
	p.missing(in)
	return p.of(in, "application")
}

func (in ApplyInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID, description: in.Description, known: in.Known}
}

func (in ApplyInput) texts() appTexts {
	return appTexts{
		name: in.AppName, englishName: in.AppEnglishName, slogan: in.AppSlogan, description: in.AppDescription,
		phone: in.ServicePhone, email: in.ServiceEmail, old: in.OldCategories, categories: in.Categories,
	}
}

// regions checks where the mini program is offered.
func (p *problems) regions(kind RegionType, regions []Region) {
	oneOf(p, "region_type", kind, RegionGlobal, RegionChina, RegionLocation)
	if kind == RegionLocation && len(regions) == 0 {
		p.Add("service_region_info", "is required when region_type is LOCATION")
	}
	for i, r := range regions {
		path := fmt.Sprintf("service_region_info[%d]", i)
		if r.ProvinceCode == "" {
			p.Add(path+".province_code", "is required")
		}
		if r.AreaCode != "" && r.CityCode == "" {
			p.Add(path+".city_code", "is required with area_code")
		}
	}
}

func (p *problems) applyFiles(in ApplyInput) {
	p.count("screen_shots", len(in.ScreenShots), mostScreenShots, "pictures")
	p.count("license_pics", len(in.LicensePics), mostLicensePics, "pictures")
	p.count("special_license_pics", len(in.SpecialLicensePics), mostSpecialLicensePics, "pictures")
	for _, part := range in.files() {
		switch part.name {
		case "app_logo":
			p.file(part.name, part.file, logoRule())
		case "test_file_name":
			p.file(part.name, part.file, testFileRule())
		default:
			p.file(part.name, part.file, pictureRule())
		}
	}
}

// missing finds what a first application needs and nobody gave.
func (p *problems) missing(in ApplyInput) {
	if in.Saved == nil {
		return
	}
	need := func(path string, given ...string) {
		for _, text := range given {
			if text != "" {
				return
			}
		}
		p.Add(path, "is required: nothing is saved")
	}
	need("app_name", in.AppName, in.Saved.AppName)
	need("app_english_name", in.AppEnglishName, in.Saved.AppEnglishName)
	need("app_slogan", in.AppSlogan, in.Saved.AppSlogan)
	need("app_desc", in.AppDescription, in.Saved.AppDescription)
	if len(in.Categories) == 0 && len(in.OldCategories) == 0 && in.Saved.CategoryNames == "" {
		p.Add("mini_category_ids", "is required: nothing is saved")
	}
	if in.AppLogo == nil && in.Saved.AppLogo == "" {
		p.Add("app_logo", "is required: nothing is saved")
	}
	if in.ServicePhone+in.ServiceEmail+in.Saved.ServicePhone+in.Saved.ServiceEmail == "" {
		p.Add("service_phone", "or service_email is required: nothing is saved")
	}
}

// How many pictures there are parts for.
const (
	mostScreenShots        = 5
	mostLicensePics        = 5
	mostSpecialLicensePics = 3
)

// files returns the files that are given, under the names of their parts.
func (in ApplyInput) files() []filePart {
	var parts []filePart
	one := func(name string, file *File) {
		if file != nil {
			parts = append(parts, filePart{name, file})
		}
	}
	many := func(name string, files []File, most int) {
		for i, ordinal := range ordinals(min(most, len(files))) {
			parts = append(parts, filePart{ordinal + "_" + name, &files[i]})
		}
	}
	one("app_logo", in.AppLogo)
	many("screen_shot", in.ScreenShots, mostScreenShots)
	many("license_pic", in.LicensePics, mostLicensePics)
	many("special_license_pic", in.SpecialLicensePics, mostSpecialLicensePics)
	one("out_door_pic", in.OutDoorPic)
	one("test_file_name", in.TestFile)
	return parts
}

func (in ApplyInput) secrets() []string { return []string{in.TestPassword} }

func ordinals(n int) []string {
	return []string{"first", "second", "third", "fourth", "fifth"}[:n]
}

// ApplyResult is the answer of versions.apply.
type ApplyResult struct {
	Answer

	// SpeedUp says whether the review is a fast one.
	SpeedUp TextBool `json:"speed_up,omitempty"`
	// SpeedUpMemo says why, or why not.
	SpeedUpMemo string `json:"speed_up_memo,omitempty"`
}

// appTexts are the texts about a mini program that an application for review
// and a change of base information have in common.
type appTexts struct {
	name, englishName, slogan, description string
	phone, email                           string
	old, categories                        CategoryIDs
}

// appTexts checks what is given for a change; nothing is required. The documents do
// not say here that a Chinese character counts 2.
func (p *problems) appTexts(t appTexts) {
	p.appContent(t, 30, func(path, text string, least, most int) {
		p.counted(path, text, least, most, chineseOnceOrTwice, "")
	})
}

// appliedTexts is appTexts for an application. The longest name differs.
func (p *problems) appliedTexts(t appTexts) { p.appContent(t, 40, p.length) }

func (p *problems) appContent(t appTexts, longestName int, length func(path, text string, least, most int)) {
	length("app_name", t.name, 3, longestName)
	p.onlyOf("app_name", t.name, "Chinese characters, digits, letters, _, + and -", isNameRune)
	length("app_english_name", t.englishName, 3, 30)
	length("app_slogan", t.slogan, 10, 32)
	length("app_desc", t.description, 20, 400)
	p.categories("app_category_ids", t.old)
	p.categories("mini_category_ids", t.categories)
	length("service_phone", t.phone, 5, 30)
	p.onlyOf("service_phone", t.phone, "digits and hyphens", func(r rune) bool { return isDigit(r) || r == '-' })
	if t.email != "" && !isEmail(t.email) {
		p.Add("service_email", "must be an e-mail address")
	}
}

func isNameRune(r rune) bool {
	return isDigit(r) || isASCIILetter(r) || strings.ContainsRune("_+-", r) || unicode.Is(unicode.Han, r)
}

func isEnglishNameRune(r rune) bool { return isDigit(r) || isASCIILetter(r) }
