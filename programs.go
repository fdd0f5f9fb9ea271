package alipayplus

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// MaxLanguages is how many languages a mini program may have. Alipay+ documents
// no limit; this one keeps a mini program readable.
const MaxLanguages = 50

// Localization is what a mini program is called in one language.
type Localization struct {
	// Language is a language tag such as "zh-CN". Which codes AlipayCN expects
	// is not documented.
	Language string `json:"language" validate:"required,bcp47_strict_language_tag"`
	// Name is the mini program's name. Its length is not documented here;
	// AlipayCN has rules of its own.
	Name string `json:"name" validate:"required,max=64"`
	// Tagline is a line about it; may be empty.
	Tagline string `json:"tagline,omitempty" validate:"max=128"`
	// Description says what it does; may be empty.
	Description string `json:"description,omitempty" validate:"max=2000"`
}

// Configuration are the domains that a mini program may talk to.
type Configuration struct {
	// ServerDomains are the hosts that it may call, as host names. AlipayCN
	// takes HTTPS only and at most 30.
	ServerDomains []string `json:"serverDomains,omitempty" validate:"max=30,unique,dive,fqdn"`
	// H5Domains are the hosts whose pages its web view may show.
	H5Domains []string `json:"h5Domains,omitempty" validate:"max=30,unique,dive,fqdn"`
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
		if l.Language == p.DefaultLanguage {
			return l.Name
		}
	}
	return ""
}

// MissingLanguages returns those of the needed languages that the mini program
// lacks, in the order given.
func (p *Program) MissingLanguages(needed []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(language string) bool {
		return slices.ContainsFunc(p.Languages, func(l Localization) bool { return strings.EqualFold(l.Language, language) })
	})
}

// CreateProgramInput is what [ProgramsClient.Create] takes.
type CreateProgramInput struct {
	// Languages are the names; the first is the default language.
	Languages []Localization `json:"languages" validate:"min=1,max=50,unique=Language,dive"`
	// LogoFileID is the uploaded logo, see [FilesClient.Upload]; may be empty. For
	// AlipayCN it must be square and have at most 256 KiB ("Create mini program
	// for AlipayCN").
	LogoFileID string `json:"logoFileId,omitempty" validate:"omitempty,sha256"`
	// Configuration may be left empty and set later.
	Configuration Configuration `json:"configuration,omitzero"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty"`
}

// Validate checks the fields.
func (in CreateProgramInput) Validate() error { return validate("mini program", in, nil) }

// AddLanguagesInput is what [ProgramsClient.AddLanguages] takes.
type AddLanguagesInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required"`
	// Languages are added; a language that is there already is replaced.
	Languages []Localization `json:"languages" validate:"min=1,max=50,unique=Language,dive"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty"`
}

// Validate checks the fields.
func (in AddLanguagesInput) Validate() error { return validate("languages", in, nil) }

// UpdateProgramConfigurationInput is what [ProgramsClient.UpdateConfiguration]
// takes.
type UpdateProgramConfigurationInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required"`
	// Configuration replaces the former one whole.
	Configuration Configuration `json:"configuration"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty"`
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
	ProgramID string `json:"programId" validate:"required"`
	// Version is the number; it must be above all uploaded so far.
	Version VersionNumber `json:"version" validate:"required"`
	// Description says what changed; may be empty.
	Description string `json:"description,omitempty" validate:"max=500"`
	// Package is the zip with the build; it is read in pieces, more than once
	// ([os.File] and [bytes.Reader] will do). Its largest size is the platform's.
	Package io.ReaderAt `json:"-" validate:"required,nostructlevel"`
	// Size is the package's size in bytes.
	Size int64 `json:"-" validate:"required,min=1"`
	// Progress is called as in [UploadFileInput]; may be nil.
	Progress func(sent, size int64) `json:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty"`
}

// Validate checks the fields.
func (in UploadVersionInput) Validate() error { return validate("version", in, nil) }

// RegisterVersionInput is the second half of an upload on the wire: it makes an
// uploaded package a version of a mini program.
type RegisterVersionInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required"`
	// Version is the number; it must be above all uploaded so far.
	Version VersionNumber `json:"version" validate:"required"`
	// Description says what changed; may be empty.
	Description string `json:"description,omitempty" validate:"max=500"`
	// FileID is the uploaded package.
	FileID string `json:"fileId" validate:"required,sha256"`
	// RequestID is the idempotency key.
	RequestID string `json:"requestId,omitempty"`
}

// Validate checks the fields.
func (in RegisterVersionInput) Validate() error { return validate("version", in, nil) }

// ProgramInput names a mini program.
type ProgramInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required"`
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
	ProgramID string `json:"programId" validate:"required"`
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
		p.add("logoFileId", fmt.Sprintf("must be a square image; it has %d x %d pixels", f.Width, f.Height))
	}
	if f.Size > most {
		p.add("logoFileId", fmt.Sprintf("must have at most %d bytes; has %d", most, f.Size))
	}
	return p.err("logo")
}

// Create makes a mini program. Owner and masters may. Errors:
// [ValidationError], [ErrPermission].
func (c *ProgramsClient) Create(ctx context.Context, in CreateProgramInput) (*Program, error) {
	in.RequestID = newRequestID(in.RequestID)
	return send[Program](ctx, c.client, contract.ProgramCreate, in.RequestID, in)
}

// Get reads a mini program with its languages and configuration. Errors:
// [ErrNotFound].
func (c *ProgramsClient) Get(ctx context.Context, id string) (*Program, error) {
	return send[Program](ctx, c.client, contract.ProgramQuery, "", ProgramInput{ProgramID: id})
}

// List reads a page of mini programs, newest first unless in.Order says otherwise.
func (c *ProgramsClient) List(ctx context.Context, in ListProgramsInput) (*Page[Program], error) {
	return send[Page[Program]](ctx, c.client, contract.ProgramList, "", in)
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
	in.RequestID = newRequestID(in.RequestID)
	return send[Program](ctx, c.client, contract.ProgramAddLanguages, in.RequestID, in)
}

// UpdateConfiguration replaces the domains that later releases start with. It
// does not touch releases that exist; see [ReleasesClient.UpdateConfiguration].
// Owner and masters may. Errors: [ValidationError], [ErrNotFound], [ErrPermission].
func (c *ProgramsClient) UpdateConfiguration(ctx context.Context, in UpdateProgramConfigurationInput) (*Program, error) {
	in.RequestID = newRequestID(in.RequestID)
	return send[Program](ctx, c.client, contract.ProgramConfigure, in.RequestID, in)
}

// UploadVersion uploads a build and makes it a version. The package goes up
// under its SHA-256, so that a repetition sends nothing twice in effect; then it
// is registered under in.RequestID. Errors: [ValidationError] for a bad or too
// low version number or a package that is no zip, [ErrNotFound], [ErrPermission].
func (c *ProgramsClient) UploadVersion(ctx context.Context, in UploadVersionInput) (*Version, error) {
	if err := checkInput(in, in.RequestID); err != nil {
		return nil, refused(contract.VersionUpload, err)
	}
	file, err := c.client.Files.upload(ctx, contract.VersionUpload.Name, UploadFileInput{
		Content: in.Package, Size: in.Size, Progress: in.Progress,
	}, packageTypes())
	if err != nil {
		return nil, err
	}
	register := RegisterVersionInput{
		ProgramID: in.ProgramID, Version: in.Version, Description: in.Description,
		FileID: file.ID, RequestID: newRequestID(in.RequestID),
	}
	return send[Version](ctx, c.client, contract.VersionUpload, register.RequestID, register)
}

// ListVersions reads a page of the versions of a mini program, newest first
// unless in.Order says otherwise. Errors: [ErrNotFound].
func (c *ProgramsClient) ListVersions(ctx context.Context, in ListVersionsInput) (*Page[Version], error) {
	return send[Page[Version]](ctx, c.client, contract.VersionList, "", in)
}

// AllVersions ranges over all versions of a mini program, page by page as they
// are needed. It ends after the first error, which it yields.
func (c *ProgramsClient) AllVersions(ctx context.Context, in ListVersionsInput) iter.Seq2[*Version, error] {
	return all(ctx, contract.VersionList, in, c.ListVersions)
}
