package alipayplus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// MaxLanguages is how many languages a mini program may have. Alipay+ documents
// no limit; this one keeps a mini program readable.
const MaxLanguages = 50

// Localization is what a mini program is called in one language.
type Localization struct {
	// Language is a language tag such as "zh-CN", in any spelling; the platform keeps
	// it in its canonical one, see [CanonicalLanguage]. Which codes AlipayCN expects is
	// not documented.
	Language string `json:"language" validate:"required,bcp47_strict_language_tag"`
	// Name is the mini program's name. Its length is not documented here;
	// AlipayCN has rules of its own.
	Name string `json:"name" validate:"required,max=64"`
	// Tagline is a line about it; may be empty.
	Tagline string `json:"tagline,omitempty" validate:"max=128"`
	// Description says what it does; may be empty.
	Description string `json:"description,omitempty" validate:"max=2000" text:"lines"`
}

// CanonicalLanguage returns a language tag as it is stored and compared (BCP 47): "ZH-cn"
// and "zh-cn" are zh-CN, and iw is he. What is no language tag is returned as it is.
func CanonicalLanguage(tag string) string {
	parsed, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	return parsed.String()
}

// uniqueLanguages finds a language that is named twice, however it is spelled.
func uniqueLanguages(languages []Localization) func(*problems) {
	return func(p *problems) {
		for i, l := range languages {
			if l.Language != "" && (&Program{Languages: languages[:i]}).findLanguage(l.Language) >= 0 {
				p.Add("languages", "must not name the same thing twice")
				return
			}
		}
	}
}

// Configuration are the domains that a mini program may talk to.
type Configuration struct {
	// ServerDomains are the hosts that it may call, as host names. AlipayCN
	// takes HTTPS only and at most 30.
	ServerDomains []string `json:"serverDomains,omitempty" validate:"max=30,unique,dive,fqdn"`
	// H5Domains are the hosts whose pages its web view may show.
	H5Domains []string `json:"h5Domains,omitempty" validate:"max=30,unique,dive,fqdn"`
	// AlipayCN is what AlipayCN is applied to with; nil: nothing but the version. A
	// platform that releases to AlipayCN itself needs it, see platform/alipaycnapp.
	AlipayCN *AlipayCNApplication `json:"alipayCn,omitempty"`
}

// AlipayCNApplication is what AlipayCN's reviewers see of a mini program and its
// version. What is left out stays as AlipayCN saved it last, and must be given where
// it never was. The lengths are AlipayCN's, where a Chinese character counts 2; they are
// checked when a release is applied for. Files are uploaded ones, by their id.
type AlipayCNApplication struct {
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
	// LogoFileID is the logo: PNG or JPEG, square, at most 2 MB.
	LogoFileID string `json:"logoFileId,omitempty" validate:"max=64"`
	// ScreenshotFileIDs are up to 5 screenshots: PNG or JPEG, at most 4 MB each.
	ScreenshotFileIDs []string `json:"screenshotFileIds,omitempty" validate:"max=5,dive,max=64"`
	// LicenseFileIDs are up to 5 pictures of the business licence.
	LicenseFileIDs []string `json:"licenseFileIds,omitempty" validate:"max=5,dive,max=64"`
	// Template is what the version is built from when it is not at AlipayCN; nil: the
	// version must have been uploaded there.
	Template *AlipayCNTemplate `json:"template,omitempty"`
}

// FileIDs returns the files that the application names.
func (a *AlipayCNApplication) FileIDs() []string {
	if a == nil {
		return nil
	}
	ids := slices.Concat([]string{a.LogoFileID}, a.ScreenshotFileIDs, a.LicenseFileIDs)
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// AlipayCNTemplate is a template of the platform's third-party app at AlipayCN.
type AlipayCNTemplate struct {
	// ID is the app id of the template.
	ID string `json:"id" validate:"required,max=32"`
	// Version is the version of the template; zero: the newest that is online.
	Version VersionNumber `json:"version,omitzero"`
	// Ext is JSON that the mini program reads with my.getExtConfig; empty: none.
	Ext string `json:"ext,omitempty" validate:"max=65536"`
}

// Program is a mini program of the workspace.
type Program struct {
	// ID is the mini program's id, 16 digits.
	ID string `json:"id"`
	// DefaultLanguage is the language that others fall back to.
	DefaultLanguage string `json:"defaultLanguage"`
	// Languages are its names, one entry a language, the default one first.
	Languages []Localization `json:"languages"`
	// LogoFileID is the uploaded logo; empty: none.
	LogoFileID string `json:"logoFileId,omitempty"`
	// Configuration holds for all versions released later.
	Configuration Configuration `json:"configuration"`
	// LatestVersion is the highest uploaded version; zero before the first.
	LatestVersion VersionNumber `json:"latestVersion,omitzero"`
	// CreatedBy is the member who created it.
	CreatedBy string `json:"createdBy"`
	// CreatedAt is when it was created.
	CreatedAt time.Time `json:"createdAt"`
	// UpdatedAt is when it last changed.
	UpdatedAt time.Time `json:"updatedAt"`
}

// Name returns the name in the default language.
func (p *Program) Name() string {
	for _, l := range p.Languages {
		if CanonicalLanguage(l.Language) == CanonicalLanguage(p.DefaultLanguage) {
			return l.Name
		}
	}
	return ""
}

// MissingLanguages returns those of the needed languages that the mini program
// lacks, in the order given. Languages are compared as tags, see [CanonicalLanguage].
func (p *Program) MissingLanguages(needed []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(tag string) bool { return p.findLanguage(tag) >= 0 })
}

// findLanguage is the index of a language among the mini program's; -1 when it has none.
func (p *Program) findLanguage(tag string) int {
	tag = CanonicalLanguage(tag)
	return slices.IndexFunc(p.Languages, func(l Localization) bool { return CanonicalLanguage(l.Language) == tag })
}

// WithLanguages returns the names of the mini program after those given were added:
// one of a language that it has already is replaced. Their tags are canonical.
func (p *Program) WithLanguages(added []Localization) []Localization {
	after := Program{Languages: slices.Clone(p.Languages)}
	for _, l := range added {
		l.Language = CanonicalLanguage(l.Language)
		if i := after.findLanguage(l.Language); i >= 0 {
			after.Languages[i] = l
			continue
		}
		after.Languages = append(after.Languages, l)
	}
	return after.Languages
}

// CreateProgramInput is what [ProgramsClient.Create] takes.
type CreateProgramInput struct {
	// Languages are the names; the first is the default language.
	Languages []Localization `json:"languages" validate:"min=1,max=50,dive"`
	// LogoFileID is the uploaded logo, see [FilesClient.Upload]; may be empty. For
	// AlipayCN it must be square and have at most 256 KiB ("Create mini program
	// for AlipayCN").
	LogoFileID string `json:"logoFileId,omitempty" validate:"omitempty,sha256"`
	// Configuration may be left empty and set later.
	Configuration Configuration `json:"configuration,omitzero"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in CreateProgramInput) Validate() error {
	return validate("mini program", in, uniqueLanguages(in.Languages))
}

// AddLanguagesInput is what [ProgramsClient.AddLanguages] takes.
type AddLanguagesInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Languages are added; a language that is there already is replaced.
	Languages []Localization `json:"languages" validate:"min=1,max=50,dive"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in AddLanguagesInput) Validate() error {
	return validate("languages", in, uniqueLanguages(in.Languages))
}

// UpdateProgramConfigurationInput is what [ProgramsClient.UpdateConfiguration]
// takes.
type UpdateProgramConfigurationInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Configuration replaces the former one whole.
	Configuration Configuration `json:"configuration"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in UpdateProgramConfigurationInput) Validate() error {
	return validate("configuration", in, nil)
}

// Version is an uploaded build of a mini program.
type Version struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId"`
	// Number is the version's number.
	Number VersionNumber `json:"version"`
	// FileID is the uploaded package; it is the package's SHA-256 in hexadecimal.
	FileID string `json:"fileId"`
	// Size is the package's size in bytes.
	Size int64 `json:"size"`
	// Description says what changed; may be empty.
	Description string `json:"description,omitempty"`
	// UploadedBy is the member who uploaded it.
	UploadedBy string `json:"uploadedBy"`
	// UploadedAt is when.
	UploadedAt time.Time `json:"uploadedAt"`
}

// UploadVersionInput is what [ProgramsClient.UploadVersion] takes.
type UploadVersionInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Version is the number; it must be above all uploaded so far.
	Version VersionNumber `json:"version" validate:"required"`
	// Description says what changed; may be empty.
	Description string `json:"description,omitempty" validate:"max=500" text:"lines"`
	// Package is the zip with the build; it is read in pieces, more than once
	// ([os.File] and [bytes.Reader] will do). Its largest size is the platform's.
	Package io.ReaderAt `json:"-" validate:"required,nostructlevel"`
	// Size is the package's size in bytes.
	Size int64 `json:"-" validate:"required,min=1"`
	// Progress is called as in [UploadFileInput]; may be nil.
	Progress func(sent, size int64) `json:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in UploadVersionInput) Validate() error {
	return validate("version", in, func(p *problems) { in.Version.check(p, "version") })
}

// RegisterVersionInput is the second half of an upload on the wire: it makes an
// uploaded package a version of a mini program.
type RegisterVersionInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Version is the number; it must be above all uploaded so far.
	Version VersionNumber `json:"version" validate:"required"`
	// Description says what changed; may be empty.
	Description string `json:"description,omitempty" validate:"max=500" text:"lines"`
	// FileID is the uploaded package.
	FileID string `json:"fileId" validate:"required,sha256"`
	// RequestID is the idempotency key.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in RegisterVersionInput) Validate() error {
	return validate("version", in, func(p *problems) { in.Version.check(p, "version") })
}

// ProgramInput names a mini program.
type ProgramInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
}

// Validate checks that the id is there.
func (in ProgramInput) Validate() error { return validate("mini program", in, nil) }

// ListProgramsInput chooses mini programs.
type ListProgramsInput struct {
	ListOptions
}

// ListVersionsInput chooses versions of one mini program.
type ListVersionsInput struct {
	ListOptions
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
}

// Validate checks that the id is there.
func (in ListVersionsInput) Validate() error { return validate("versions", in, nil) }

// ProgramsClient works on the mini programs of the workspace. It is safe for
// concurrent use.
type ProgramsClient struct{ client *Client }

// CheckLogo says whether an uploaded file can be a mini program's logo: a square
// PNG or JPEG of at most 256 KiB ("Create mini program for AlipayCN"). The error
// is a [ValidationError].
func (f *File) CheckLogo() error {
	const most = 256 << 10
	var p problems
	if f.Width == 0 || f.Width != f.Height {
		p.Add("logoFileId", fmt.Sprintf("must be a square image; it has %d x %d pixels", f.Width, f.Height))
	}
	if f.Size > most {
		p.Add("logoFileId", fmt.Sprintf("must have at most %d bytes; has %d", most, f.Size))
	}
	return invalid("logo", p)
}

// Create makes a mini program. Owner and masters may. Errors:
// [ValidationError], [ErrPermission].
func (c *ProgramsClient) Create(ctx context.Context, in CreateProgramInput) (*Program, error) {
	return sendWrite[Program](ctx, c.client, contract.ProgramCreate, &in, &in.RequestID)
}

// Get reads a mini program with its languages and configuration. Errors:
// [ErrNotFound].
func (c *ProgramsClient) Get(ctx context.Context, id string) (*Program, error) {
	return get(ctx, c.client, contract.ProgramQuery, ProgramInput{ProgramID: id}, func(p *Program) bool { return p.ID == id })
}

// List reads a page of mini programs, newest first unless in.Order says otherwise.
func (c *ProgramsClient) List(ctx context.Context, in ListProgramsInput) (*Page[Program], error) {
	return list(ctx, c.client, contract.ProgramList, in, in.Limit, anything[Program])
}

// All ranges over all mini programs, page by page as they are needed. It ends
// after the first error, which it yields.
func (c *ProgramsClient) All(ctx context.Context, in ListProgramsInput) iter.Seq2[*Program, error] {
	return all(ctx, contract.ProgramList, in, c.List)
}

// AddLanguages adds names in more languages, as a target app may ask for
// ("Release mini programs", Add languages). Errors: [ValidationError],
// [ErrNotFound], [ErrPermission].
func (c *ProgramsClient) AddLanguages(ctx context.Context, in AddLanguagesInput) (*Program, error) {
	return sendWrite[Program](ctx, c.client, contract.ProgramAddLanguages, &in, &in.RequestID)
}

// UpdateConfiguration replaces the domains that later releases start with. It
// does not touch releases that exist; see [ReleasesClient.UpdateConfiguration].
// Owner and masters may. Errors: [ValidationError], [ErrNotFound], [ErrPermission].
func (c *ProgramsClient) UpdateConfiguration(ctx context.Context, in UpdateProgramConfigurationInput) (*Program, error) {
	return sendWrite[Program](ctx, c.client, contract.ProgramConfigure, &in, &in.RequestID)
}

// UploadVersion uploads a build and makes it a version. The mini program is read
// first, so that nothing is uploaded for a version that cannot be made; the package
// goes up under its SHA-256, so that a repetition sends nothing twice in effect; then
// it is registered under in.RequestID. Errors: [ValidationError] for a bad or too
// low version number or a package that is no zip, [ErrNotFound], [ErrPermission].
func (c *ProgramsClient) UploadVersion(ctx context.Context, in UploadVersionInput) (*Version, error) {
	if err := in.Validate(); err != nil {
		return nil, notSent(contract.VersionUpload, err)
	}
	file, err := c.uploadPackage(ctx, in)
	if err != nil {
		return nil, err
	}
	register := RegisterVersionInput{
		ProgramID: in.ProgramID, Version: in.Version, Description: in.Description,
		FileID: file.ID, RequestID: in.RequestID,
	}
	return sendWrite[Version](ctx, c.client, contract.VersionUpload, &register, &register.RequestID)
}

// uploadPackage uploads a build, unless the version is too low already: the platform
// says so without the package, or gives the outcome of the call that is repeated.
func (c *ProgramsClient) uploadPackage(ctx context.Context, in UploadVersionInput) (*File, error) {
	read := contract.ProgramQuery
	read.Name = contract.VersionUpload.Name
	program, err := send[Program](ctx, c.client, read, "", ProgramInput{ProgramID: in.ProgramID})
	if err != nil {
		return nil, err
	}
	upload := UploadFileInput{Content: in.Package, Size: in.Size, Progress: in.Progress}
	if in.Version.CheckHigher(program.LatestVersion) == nil {
		return c.client.Files.upload(ctx, contract.VersionUpload.Name, upload, packageTypes())
	}
	file, err := describe(upload, packageTypes())
	if err != nil {
		return nil, notSent(contract.VersionUpload, err)
	}
	return &file, nil
}

// ListVersions reads a page of the versions of a mini program, newest first
// unless in.Order says otherwise. Errors: [ErrNotFound].
func (c *ProgramsClient) ListVersions(ctx context.Context, in ListVersionsInput) (*Page[Version], error) {
	return list(ctx, c.client, contract.VersionList, in, in.Limit, func(v *Version) bool { return matchesFilter(in.ProgramID, v.ProgramID) })
}

// AllVersions ranges over all versions of a mini program, page by page as they
// are needed. It ends after the first error, which it yields.
func (c *ProgramsClient) AllVersions(ctx context.Context, in ListVersionsInput) iter.Seq2[*Version, error] {
	return all(ctx, contract.VersionList, in, c.ListVersions)
}

// VersionNumber is the number x.y.z of an uploaded version. Each part is 0 to
// 2147483647, as AlipayCN documents; Alipay+'s own rules are not documented.
// VersionNumbers can be compared with ==. It marshals as the text "x.y.z".
type VersionNumber struct {
	// Major is x.
	Major int32
	// Minor is y.
	Minor int32
	// Patch is z.
	Patch int32
}

// ParseVersion reads "x.y.z": three decimal numbers without sign, spaces or
// leading zeros. The error matches [ErrInvalid] and says what is wrong.
func ParseVersion(s string) (VersionNumber, error) {
	var v VersionNumber
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return v, versionError(s, "it must have three numbers, as in 1.2.0")
	}
	for i, part := range []*int32{&v.Major, &v.Minor, &v.Patch} {
		n, problem := versionPart(parts[i])
		if problem != "" {
			return VersionNumber{}, versionError(s, problem)
		}
		*part = n
	}
	return v, nil
}

func versionPart(s string) (n int32, problem string) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, "each part must be a decimal number"
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, "a part must not begin with 0"
	}
	n64, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, fmt.Sprintf("a part must be at most %d", math.MaxInt32)
	}
	return int32(n64), ""
}

// check adds what keeps a number that was not parsed from being one.
func (v VersionNumber) check(p *problems, path string) {
	_, err := ParseVersion(v.String())
	if broken, ok := errors.AsType[*ValidationError](err); ok {
		p.Add(path, broken.Fields[0].Message)
	}
}

func versionError(s, problem string) error {
	const shown = 32
	if len(s) > shown {
		s = s[:shown] + "..."
	}
	return &ValidationError{Subject: "version number", Fields: []FieldError{
		{Path: "version", Message: fmt.Sprintf("%.40q is not of the form x.y.z: %s", s, problem)},
	}}
}

// String returns "x.y.z".
func (v VersionNumber) String() string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// Compare returns -1, 0 or +1 as v is lower than, equal to, or higher than w.
func (v VersionNumber) Compare(w VersionNumber) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// IsZero says whether v is 0.0.0, which no uploaded version has.
func (v VersionNumber) IsZero() bool { return v == VersionNumber{} }

// MarshalText writes "x.y.z".
func (v VersionNumber) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what [ParseVersion] reads.
func (v *VersionNumber) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// CheckHigher says whether v may be uploaded after highest, the highest version
// so far (zero when there is none): it must be above it. That is documented for
// AlipayCN's own API; for Alipay+ it is not documented.
func (v VersionNumber) CheckHigher(highest VersionNumber) error {
	if v.Compare(highest) > 0 {
		return nil
	}
	return &ValidationError{Subject: "version", Fields: []FieldError{
		{Path: "version", Message: fmt.Sprintf("must be higher than %v, the highest so far; got %v", highest, v)},
	}}
}

// QRCodeType is the kind of a QR code. It is open to unknown values.
type QRCodeType string

// QRCodePromo is the one type that Alipay+ documents.
const QRCodePromo QRCodeType = "PROMO"

// CreateQRCodeInput is what [QRCodesClient.Create] takes: the fields that Alipay+
// documents for /v2/miniprogram/qrcode/create. Their lengths are not documented
// there; the bounds are this library's.
type CreateQRCodeInput struct {
	// AppID is the mini program.
	AppID string `json:"appId" validate:"required,max=32"`
	// Type is the kind; empty: PROMO.
	Type QRCodeType `json:"appQrCodeType" validate:"required,max=32"`
	// Page is the page that the code opens; empty: the first.
	Page string `json:"appQrCodePage,omitempty" validate:"max=256"`
	// Params are the parameters that the page gets, as in a query.
	Params string `json:"appQrCodeParams,omitempty" validate:"max=256"`
	// Description is for people.
	Description string `json:"appQrCodeDesc,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in CreateQRCodeInput) Validate() error { return validate("QR code", in, nil) }

// QRCode is a QR code as the platform returns it.
type QRCode struct {
	// Value is the text in the code.
	Value string `json:"appQrCode"`
	// Picture is the picture, in base64.
	Picture string `json:"appQrCodePicValue"`
	// PictureType is the kind of picture. Its values are not documented; the
	// platform of this project says "PNG".
	PictureType string `json:"appQrCodeResultPicType"`
}

// PNG returns the picture's bytes, which must be a PNG.
func (q *QRCode) PNG() ([]byte, error) {
	picture, err := base64.StdEncoding.DecodeString(q.Picture)
	if err != nil {
		return nil, errors.New("QR code: the picture is not base64")
	}
	if _, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil {
		return nil, fmt.Errorf("QR code: the picture (type %q) is no PNG", q.PictureType)
	}
	return picture, nil
}

// Save writes the picture to a PNG file of the given name, which it replaces.
func (q *QRCode) Save(name string) error {
	picture, err := q.PNG()
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, picture, 0o644); err != nil { //nolint:gosec // a QR code is for everybody
		return fmt.Errorf("QR code: save the picture: %w", err)
	}
	return nil
}

// qrAnswer is the documented answer: its fields stand beside the result.
type qrAnswer struct {
	answerHead
	QRCode
}

func (a *qrAnswer) reset() { *a = qrAnswer{} }

func (a *qrAnswer) empty() bool { return a.QRCode == QRCode{} }

// QRCodesClient makes QR codes. It is safe for concurrent use.
type QRCodesClient struct{ client *Client }

// Create makes a QR code for a mini program. The same mini program, type, page
// and parameters give the same code, as documented. Errors: [ValidationError],
// [ErrConflict] when no version is live, [ErrNotFound], [ErrPermission].
func (c *QRCodesClient) Create(ctx context.Context, in CreateQRCodeInput) (*QRCode, error) {
	if in.Type == "" {
		in.Type = QRCodePromo
	}
	var got qrAnswer
	if err := sendTo(ctx, c.client, contract.QRCodeCreate, "", in, &got); err != nil {
		return nil, err
	}
	return &got.QRCode, nil
}
