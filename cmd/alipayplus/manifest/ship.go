package manifest

import (
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Ship says what is shipped and how: the file ship.yaml. Paths in it begin in its folder.
type Ship struct {
	// Version is the version of this form: 1.
	Version int `json:"version" validate:"required"`
	// Program is the mini program. It is found by its id or its name, or made.
	Program Program `json:"program" validate:"required"`
	// Release is the version that is released, and where it goes.
	Release Release `json:"release"`
	// Rollout is the rollout spec by which the release reaches all users; see
	// api/rollout-spec.schema.json.
	Rollout *rollout.Spec `json:"rollout,omitempty" validate:"-"`
	// RolloutFile is the path of a file with the rollout spec, in place of rollout.
	RolloutFile string `json:"rolloutFile,omitempty" validate:"max=4096"`
	// QRCode is the QR code that is made at the end; without it there is none.
	QRCode *QRCode `json:"qrCode,omitempty"`
}

// Program is a mini program.
type Program struct {
	// ID is the id of one that is there already. Without it the mini program is the one of
	// the workspace that is called so in the first language, and is made when there is none.
	ID string `json:"id,omitempty" validate:"max=64"`
	// Languages are its names, the first in its default language. Those of a mini program
	// that is there already are added or replaced. AlipayCN asks for zh-CN.
	Languages []alipayplus.Localization `json:"languages" validate:"required,min=1,max=50,dive"`
	// Logo is the path of its logo, a square PNG or JPEG of at most 256 KiB, for a mini
	// program that is made.
	Logo string `json:"logo,omitempty" validate:"max=4096"`
	// Configuration are the domains that it may talk to, and what AlipayCN is applied to
	// with; without it, what the mini program has stays.
	Configuration *Configuration `json:"configuration,omitempty"`
}

// Configuration is the configuration of a mini program and its release.
type Configuration struct {
	// ServerDomains are the hosts that it may call, as host names; HTTPS only.
	ServerDomains []string `json:"serverDomains,omitempty" validate:"max=30,unique,dive,fqdn"`
	// H5Domains are the hosts whose pages its web view may show.
	H5Domains []string `json:"h5Domains,omitempty" validate:"max=30,unique,dive,fqdn"`
	// AlipayCN is what AlipayCN is applied to with, on a platform that releases to AlipayCN
	// itself; without it, nothing but the version.
	AlipayCN *AlipayCN `json:"alipayCn,omitempty"`
}

// AlipayCN is what AlipayCN's reviewers see. What is left out stays as AlipayCN saved it
// last. In its lengths a Chinese character counts 2.
type AlipayCN struct {
	// Description says what changed in the version: 30 to 500 characters. Needed to apply.
	Description string `json:"description,omitempty" validate:"max=500"`
	// Name is the mini program's name: 3 to 40 characters.
	Name string `json:"name,omitempty" validate:"max=40"`
	// EnglishName is its English name: 3 to 30 letters and digits.
	EnglishName string `json:"englishName,omitempty" validate:"max=30"`
	// Slogan says in one line what it does: 10 to 32 characters.
	Slogan string `json:"slogan,omitempty" validate:"max=32"`
	// Introduction describes it: 20 to 400 characters.
	Introduction string `json:"introduction,omitempty" validate:"max=400"`
	// Categories are its categories, 1 to 4, such as XS1001_XS2001_XS3002.
	Categories []string `json:"categories,omitempty" validate:"max=4,dive,max=64"`
	// ServicePhone is the phone number of its customer service: 5 to 30 digits and hyphens.
	ServicePhone string `json:"servicePhone,omitempty" validate:"max=30"`
	// ServiceEmail is the e-mail address of its customer service.
	ServiceEmail string `json:"serviceEmail,omitempty" validate:"max=254"`
	// RegionType is where it is offered: GLOBAL or CHINA.
	RegionType string `json:"regionType,omitempty" validate:"max=16"`
	// LicenseNo is the number of the business licence, where a category needs it.
	LicenseNo string `json:"licenseNo,omitempty" validate:"max=128"`
	// LicenseName is the name on it.
	LicenseName string `json:"licenseName,omitempty" validate:"max=256"`
	// LicenseValidDate is its last day, as yyyy-MM-dd; 9999-12-31 for no end.
	LicenseValidDate string `json:"licenseValidDate,omitempty" validate:"max=10"`
	// Memo is a note for the reviewers: at most 500 characters.
	Memo string `json:"memo,omitempty" validate:"max=500"`
	// TwoStageReview splits the review into admission and promotion, as AlipayCN recommends.
	TwoStageReview bool `json:"twoStageReview,omitempty"`
	// Logo is the path of the logo: PNG or JPEG, square, at most 2 MB.
	Logo string `json:"logo,omitempty" validate:"max=4096"`
	// Screenshots are the paths of up to 5 screenshots: PNG or JPEG, at most 4 MB each.
	Screenshots []string `json:"screenshots,omitempty" validate:"max=5,dive,required,max=4096"`
	// LicensePictures are the paths of up to 5 pictures of the business licence.
	LicensePictures []string `json:"licensePictures,omitempty" validate:"max=5,dive,required,max=4096"`
	// Template is what the version is built from when it is not at AlipayCN; without it, the
	// version must have been uploaded there.
	Template *alipayplus.AlipayCNTemplate `json:"template,omitempty"`
}

// Release is the version that is released, and where it goes.
type Release struct {
	// Version is its number x.y.z, above all that were uploaded before. --version replaces it.
	Version alipayplus.VersionNumber `json:"version,omitzero"`
	// Package is the path of the zip with the build. It need not be there any more once the
	// version is uploaded. --package replaces it.
	Package string `json:"package,omitempty" validate:"max=4096"`
	// Description says what changed, for the list of versions.
	Description string `json:"description,omitempty" validate:"max=500" text:"lines"`
	// TargetApp is where it goes; without it: ALIPAY_CN.
	TargetApp alipayplus.TargetApp `json:"targetApp,omitempty" validate:"max=64"`
	// BasicInfo is the business registration that is applied with, as far as it differs from
	// the company's. What differs is reviewed too.
	BasicInfo *BasicInfo `json:"basicInfo,omitempty"`
	// AllowDowngrade lets the version go live although a higher one is fully released.
	AllowDowngrade bool `json:"allowDowngrade,omitempty"`
}

// BasicInfo is what of a business registration differs from the company's. The fields are not
// documented by Alipay+.
type BasicInfo struct {
	// CompanyName is the registered name.
	CompanyName string `json:"companyName,omitempty" validate:"max=256"`
	// RegistrationNumber is the number in the commercial register.
	RegistrationNumber string `json:"registrationNumber,omitempty" validate:"max=64"`
	// Country is the country of registration, two letters (ISO 3166-1).
	Country string `json:"country,omitempty" validate:"omitempty,iso3166_1_alpha2"`
	// Address is the registered address.
	Address string `json:"address,omitempty" validate:"max=512" text:"lines"`
	// ContactName is who may be asked.
	ContactName string `json:"contactName,omitempty" validate:"max=128"`
	// ContactEmail is the contact's e-mail address.
	ContactEmail string `json:"contactEmail,omitempty" validate:"omitempty,email,max=254"`
	// ContactPhone is the contact's phone number.
	ContactPhone string `json:"contactPhone,omitempty" validate:"max=32"`
}

// QRCode is a QR code that opens the mini program.
type QRCode struct {
	// File is the path of the PNG file that it is written to.
	File string `json:"file" validate:"required,max=4096"`
	// Page is the page that it opens; without it: the first.
	Page string `json:"page,omitempty" validate:"max=256"`
	// Params are the parameters that the page gets, as in a query.
	Params string `json:"params,omitempty" validate:"max=256"`
	// Description says for people what it is for.
	Description string `json:"description,omitempty" validate:"max=64"`
}

// ParseShip reads a ship file in YAML, of which JSON is a part, and checks it. It does not
// look for the files that it names. The error is an [Error] with all that is wrong.
func ParseShip(content []byte) (*Ship, error) {
	ship := new(Ship)
	d, err := read(content, ship)
	if err != nil {
		return nil, err
	}
	d.check(ship)
	d.checkVersion(ship.Version)
	d.checkLanguages(ship.Program.Languages)
	switch {
	case ship.Rollout == nil && ship.RolloutFile == "":
		d.faultAt("", "has no rollout: give the rollout spec by which the release reaches all users, or rolloutFile")
	case ship.Rollout != nil && ship.RolloutFile != "":
		d.faultAt("rolloutFile", "is given beside rollout; give one of them")
	}
	if ship.Rollout != nil && !d.isUnread("rollout") {
		d.checkSpec("rollout")
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return ship, nil
}

func (d *document) checkVersion(version int) {
	if version != Version && version != 0 {
		d.faultAt("version", fmt.Sprintf("must be %d; this program reads no other", Version))
	}
}

// checkLanguages finds a language that is named twice, however it is spelled.
func (d *document) checkLanguages(languages []alipayplus.Localization) {
	seen := make(map[string]bool)
	for i, l := range languages {
		tag := alipayplus.CanonicalLanguage(l.Language)
		if tag != "" && seen[tag] {
			d.faultAt(fmt.Sprintf("program.languages[%d].language", i), "names a language that is there already")
		}
		seen[tag] = true
	}
}

// ParseSpec checks a file with a rollout spec as [rollout.ParseSpec] does, and says where
// what is wrong is. The error is an [Error] with all that is wrong.
func ParseSpec(content []byte) (*rollout.Spec, error) {
	spec := new(rollout.Spec)
	d, err := read(content, spec)
	if err != nil {
		return nil, err
	}
	parsed := spec
	if len(d.faults) == 0 { // the library takes some of them for one
		parsed, err = rollout.ParseSpec(content)
		d.add("", err)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return parsed, nil
}

// Pictures are the paths of the pictures, the logo first.
func (a *AlipayCN) Pictures() []string {
	var all []string
	if a.Logo != "" {
		all = append(all, a.Logo)
	}
	return append(append(all, a.Screenshots...), a.LicensePictures...)
}
