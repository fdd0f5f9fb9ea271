package alipayplus

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// ServiceStatus is the status of a service. It is open to unknown values.
type ServiceStatus string

// The six service statuses that Alipay+ documents ("ISV orders").
const (
	// ServiceDraft: being written.
	ServiceDraft ServiceStatus = "DRAFT"
	// ServicePendingReview: submitted; its request is under review.
	ServicePendingReview ServiceStatus = "PENDING_REVIEW"
	// ServiceOnline: approved, in the Service Market, merchants can order it.
	ServiceOnline ServiceStatus = "ONLINE"
	// ServiceTurnedDown: the review ended without approval.
	ServiceTurnedDown ServiceStatus = "TURNED_DOWN"
	// ServiceWithdrawn: the applicant took the request back.
	ServiceWithdrawn ServiceStatus = "WITHDRAWN"
	// ServiceArchived: taken out of the Service Market.
	ServiceArchived ServiceStatus = "ARCHIVED"
)

// serviceTransitions is the rule for how a service moves. The statuses are
// documented; the transitions, but for approval, are not.
func serviceTransitions() []transition[ServiceStatus] {
	return []transition[ServiceStatus]{
		{ServiceDraft, "submit", ServicePendingReview},
		{ServiceTurnedDown, "submit", ServicePendingReview},
		{ServiceWithdrawn, "submit", ServicePendingReview},
		{ServicePendingReview, "approve", ServiceOnline},
		{ServicePendingReview, "turn down", ServiceTurnedDown},
		{ServicePendingReview, "withdraw", ServiceWithdrawn},
		{ServiceOnline, "a revision is approved (own)", ServiceOnline},
		{ServiceOnline, "archive", ServiceArchived},
	}
}

// Known says whether this version of the library knows the status.
func (s ServiceStatus) Known() bool { return known(serviceTransitions(), s) }

// Terminal says whether nothing leads out of the status.
func (s ServiceStatus) Terminal() bool { return terminal(serviceTransitions(), s) }

// CanBecome says whether the rules lead from s to next in one step.
func (s ServiceStatus) CanBecome(next ServiceStatus) bool {
	return canBecome(serviceTransitions(), s, next)
}

// Editable says whether the text of a service in this status is changed in place:
// DRAFT, TURNED_DOWN and WITHDRAWN (not documented). One that is ONLINE is changed
// by a [ServiceRevision].
func (s ServiceStatus) Editable() bool {
	return s == ServiceDraft || s == ServiceTurnedDown || s == ServiceWithdrawn
}

// ServiceType is the kind of a service. It is open to unknown values.
type ServiceType string

// ServiceMiniProgramDevelopment is the one type that "Release services"
// documents as supported today.
const ServiceMiniProgramDevelopment ServiceType = "MINI_PROGRAM_DEVELOPMENT"

// ServicePolicy are the limits of a service's fields. None of them is
// documented by Alipay+; a platform announces its own, see [Workspace]. A limit of 0
// is none, and the zero ServicePolicy limits nothing.
type ServicePolicy struct {
	// MaxBytes is the largest description as JSON, in bytes: what a platform accepts
	// as the body of a call, without what else is in it.
	MaxBytes int64 `json:"maxBytes,omitempty"`
	// MaxName is the longest name and industry, in characters.
	MaxName int `json:"maxName"`
	// MaxText is the longest description, of the service or of an image, paragraph or
	// table cell, in characters.
	MaxText int `json:"maxText"`
	// MaxBlocks is how many blocks a content may have.
	MaxBlocks int `json:"maxBlocks"`
	// MaxTableCells is how many cells a table may have, its header included.
	MaxTableCells int `json:"maxTableCells"`
	// MaxImageBytes is the largest image, in bytes.
	MaxImageBytes int64 `json:"maxImageBytes"`
	// Industries are the industries to choose from; empty: any.
	Industries []string `json:"industries,omitempty"`
	// Types are the service types to choose from; empty: any.
	Types []ServiceType `json:"types,omitempty"`
	// Apps are the apps to choose from; empty: any.
	Apps []TargetApp `json:"apps,omitempty"`
}

// DefaultServicePolicy returns cautious limits for use until the platform has
// announced its own. They are not documented by Alipay+, but for the one type.
func DefaultServicePolicy() ServicePolicy {
	return ServicePolicy{
		MaxBytes: 1_000_000, MaxName: 100, MaxText: 5000, MaxBlocks: 50, MaxTableCells: 500, MaxImageBytes: 2 << 20,
		Types: []ServiceType{ServiceMiniProgramDevelopment},
	}
}

// ServiceDescription is all that an ISV enters for a service ("Release
// services", Enter information). Which fields are required is not documented;
// here the basic information and the payment information are.
type ServiceDescription struct {
	// Name is the service's name.
	Name string `json:"name" validate:"required"`
	// Industry is the industry; the list to choose from is not documented.
	Industry string `json:"industry" validate:"required"`
	// Type is the service type.
	Type ServiceType `json:"type" validate:"required,max=64"`
	// Description says what the service does and how it benefits users.
	Description string `json:"description" validate:"required" text:"lines"`
	// ImageFileID is the uploaded service image, see [FilesClient.Upload].
	ImageFileID string `json:"imageFileId" validate:"required,sha256"`
	// ApplicableApps are the apps that the service supports, one or more.
	ApplicableApps []TargetApp `json:"applicableApps" validate:"min=1,max=50,unique,dive,required,max=64"`
	// PaymentInformation tells merchants the payment schedule.
	PaymentInformation Content `json:"paymentInformation" validate:"min=1"`
	// Details are scenarios, purposes, benefits; may be empty.
	Details Content `json:"details,omitempty"`
	// Tutorial are the steps for merchants; may be empty.
	Tutorial Content `json:"tutorial,omitempty"`
	// SuccessStory are cases; may be empty.
	SuccessStory Content `json:"successStory,omitempty"`
}

// Validate checks the description by [DefaultServicePolicy] and returns one
// [ValidationError] with all broken fields, or nil.
func (d ServiceDescription) Validate() error { return DefaultServicePolicy().Check(d) }

// Check checks a description by this policy and returns one [ValidationError]
// with all broken fields, or nil. The platform calls the same.
func (s ServicePolicy) Check(d ServiceDescription) error {
	return validate("service", d, s.rules(d))
}

// rules are those of the policy, which tags cannot say.
func (s ServicePolicy) rules(d ServiceDescription) func(*problems) {
	return func(p *problems) {
		tooLong(p, "name", d.Name, s.MaxName)
		tooLong(p, "industry", d.Industry, s.MaxName)
		tooLong(p, "description", d.Description, s.MaxText)
		oneOf(p, "industry", d.Industry, s.Industries)
		oneOf(p, "type", d.Type, s.Types)
		for i, app := range d.ApplicableApps {
			oneOf(p, fmt.Sprintf("applicableApps[%d]", i), app, s.Apps)
		}
		d.PaymentInformation.check(p, "paymentInformation", s)
		d.Details.check(p, "details", s)
		d.Tutorial.check(p, "tutorial", s)
		d.SuccessStory.check(p, "successStory", s)
		s.checkSize(p, d)
	}
}

// checkSize adds a description that is too large as a whole. What broke another rule
// has been reported already.
func (s ServicePolicy) checkSize(p *problems, d ServiceDescription) {
	if s.MaxBytes <= 0 || len(*p) > 0 {
		return
	}
	if text, err := json.Marshal(d); err == nil && int64(len(text)) > s.MaxBytes {
		p.Add("", fmt.Sprintf("all texts and tables together must have at most %d bytes as JSON; have %d", s.MaxBytes, len(text)))
	}
}

// Images ranges over the images that the description shows: the JSON path of
// the field that names it, and the file's id.
func (d ServiceDescription) Images() iter.Seq2[string, string] {
	return func(yield func(path, fileID string) bool) {
		if !yield("imageFileId", d.ImageFileID) {
			return
		}
		for _, section := range []struct {
			path    string
			content Content
		}{
			{"paymentInformation", d.PaymentInformation},
			{"details", d.Details},
			{"tutorial", d.Tutorial},
			{"successStory", d.SuccessStory},
		} {
			for i, block := range section.content {
				if block.Image != nil && !yield(fmt.Sprintf("%s[%d].image.fileId", section.path, i), block.Image.FileID) {
					return
				}
			}
		}
	}
}

// tooLong checks a length in characters; a limit of 0 is none.
func tooLong(p *problems, path, text string, most int) {
	if n := utf8.RuneCountInString(text); most > 0 && n > most {
		p.Add(path, fmt.Sprintf("must have at most %d characters; has %d", most, n))
	}
}

// oneOf checks a choice; what is empty is the business of "is required".
func oneOf[S ~string](p *problems, path string, value S, choices []S) {
	if value == "" || len(choices) == 0 || slices.Contains(choices, value) {
		return
	}
	p.Add(path, fmt.Sprintf("must be one of %v; got %.40q", choices, value))
}

// ServiceRevision is a changed text of a service that is online. It has a request of
// its own, and moves as a service does: a DRAFT is submitted, and is TURNED_DOWN or
// WITHDRAWN, or takes the place of the former text once it is approved. Until then the
// former text stays online, untouched. How an online service is changed is not
// documented; this is this project's own rule.
type ServiceRevision struct {
	// ServiceDescription is the changed text, whole.
	ServiceDescription
	// Status is the state of the revision: DRAFT, PENDING_REVIEW, TURNED_DOWN or
	// WITHDRAWN.
	Status ServiceStatus `json:"status"`
	// ReleaseRequestID is its newest request, see [RequestsClient.Get]; empty before
	// the first submit.
	ReleaseRequestID string `json:"releaseRequestId,omitempty"`
	// UpdatedAt is when it last changed, its status included.
	UpdatedAt time.Time `json:"updatedAt"`
}

// Service is an ISV's offer in the Service Market.
type Service struct {
	// ID is the platform's id of the service.
	ID string `json:"id"`
	// ServiceDescription is what was entered.
	ServiceDescription
	// Company is the offering company, from sign-up; it cannot be entered.
	Company BusinessRegistration `json:"company"`
	// Status is the state of the service.
	Status ServiceStatus `json:"status"`
	// ImageBytes is what the images of the text that was entered last, a revision's
	// included, take in bytes; one that is named twice counts once.
	ImageBytes int64 `json:"imageBytes"`
	// ReleaseRequestID is the newest release request; empty before the first submit.
	ReleaseRequestID string `json:"releaseRequestId,omitempty"`
	// Revision is the change of an online service that is not approved yet; nil: none.
	Revision *ServiceRevision `json:"revision,omitempty"`
	// CreatedBy is the member who created it.
	CreatedBy string `json:"createdBy"`
	// CreatedAt is when it was created.
	CreatedAt time.Time `json:"createdAt"`
	// UpdatedAt is when it last changed, its status included.
	UpdatedAt time.Time `json:"updatedAt"`
}

// CreateServiceInput is what [ServicesClient.Create] takes.
type CreateServiceInput struct {
	ServiceDescription
	// Policy are the limits that the platform announced in [Workspace]; nil:
	// [DefaultServicePolicy]. They are checked before anything is sent.
	Policy *ServicePolicy `json:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the description by the policy.
func (in CreateServiceInput) Validate() error {
	return validate("service", in, policyOr(in.Policy).rules(in.ServiceDescription))
}

// UpdateServiceInput is what [ServicesClient.Update] takes. The description
// replaces the former one whole.
type UpdateServiceInput struct {
	// ServiceID is the service to change.
	ServiceID string `json:"serviceId" validate:"required,max=64"`
	ServiceDescription
	// Policy is as in [CreateServiceInput].
	Policy *ServicePolicy `json:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the id and the description.
func (in UpdateServiceInput) Validate() error {
	return validate("service", in, policyOr(in.Policy).rules(in.ServiceDescription))
}

// policyOr is the announced policy, or the default one.
func policyOr(announced *ServicePolicy) ServicePolicy {
	if announced == nil {
		return DefaultServicePolicy()
	}
	return *announced
}

// ServiceInput names a service for an operation that needs nothing else.
type ServiceInput struct {
	// ServiceID is the service.
	ServiceID string `json:"serviceId" validate:"required,max=64"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks that the id is there.
func (in ServiceInput) Validate() error { return validate("service", in, nil) }

// ListServicesInput chooses services.
type ListServicesInput struct {
	ListOptions
	// Status keeps only services in this status; empty: all.
	Status ServiceStatus `json:"status,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in ListServicesInput) Validate() error { return validate("services", in, nil) }

// ServicesClient works on the services of the workspace. It is safe for
// concurrent use.
type ServicesClient struct{ client *Client }

// Create writes a new service as a draft. Errors: [ValidationError],
// [ErrPermission].
func (c *ServicesClient) Create(ctx context.Context, in CreateServiceInput) (*Service, error) {
	return sendWrite[Service](ctx, c.client, contract.ServiceCreate, &in, &in.RequestID)
}

// Update replaces the description of a service that is [ServiceStatus.Editable], and
// of one that is ONLINE makes, or replaces, a [ServiceRevision]; the text that is
// online already takes the revision away. Errors: [ValidationError], [ErrConflict], [ErrNotFound], [ErrPermission].
func (c *ServicesClient) Update(ctx context.Context, in UpdateServiceInput) (*Service, error) {
	return sendWrite[Service](ctx, c.client, contract.ServiceUpdate, &in, &in.RequestID)
}

// Submit sends a service to review, or the revision of one that is ONLINE: it becomes
// PENDING_REVIEW and a request is opened. Errors: [ErrConflict], [ErrNotFound], [ErrPermission].
func (c *ServicesClient) Submit(ctx context.Context, in ServiceInput) (*Service, error) {
	return sendWrite[Service](ctx, c.client, contract.ServiceSubmit, &in, &in.RequestID)
}

// Withdraw takes back a service, or the revision of one, that is under review. That this is possible is
// documented for the status, not for the console's page. Errors: [ErrConflict]
// after the verdict, [ErrNotFound], [ErrPermission].
func (c *ServicesClient) Withdraw(ctx context.Context, in ServiceInput) (*Service, error) {
	return sendWrite[Service](ctx, c.client, contract.ServiceWithdraw, &in, &in.RequestID)
}

// Archive takes an online service out of the Service Market for good; a revision of
// it is withdrawn. The status is documented, how it is reached is not. Errors: [ErrConflict],
// [ErrNotFound], [ErrPermission].
func (c *ServicesClient) Archive(ctx context.Context, in ServiceInput) (*Service, error) {
	return sendWrite[Service](ctx, c.client, contract.ServiceArchive, &in, &in.RequestID)
}

// Get reads a service. Errors: [ErrNotFound].
func (c *ServicesClient) Get(ctx context.Context, id string) (*Service, error) {
	return get(ctx, c.client, contract.ServiceQuery, ServiceInput{ServiceID: id}, func(s *Service) bool { return s.ID == id })
}

// List reads a page of services, newest first unless in.Order says otherwise.
func (c *ServicesClient) List(ctx context.Context, in ListServicesInput) (*Page[Service], error) {
	return list(ctx, c.client, contract.ServiceList, in, in.Limit, func(s *Service) bool { return matchesFilter(in.Status, s.Status) })
}

// All ranges over all services that in chooses, page by page as they are needed.
// It ends after the first error, which it yields.
func (c *ServicesClient) All(ctx context.Context, in ListServicesInput) iter.Seq2[*Service, error] {
	return all(ctx, contract.ServiceList, in, c.List)
}

// WaitOnline waits until what was submitted is online, the service or the revision of
// one that is ONLINE, and returns the service. When the review ends otherwise, or the service was never submitted, the error is a
// [WaitError] with a [ReviewError] or [ErrConflict] in it; the service as last
// seen is returned all the same. The context is the deadline.
func (c *ServicesClient) WaitOnline(ctx context.Context, id string, opts ServiceWait) (*Service, error) {
	return wait(ctx, "services.waitOnline", id, opts, polling.Condition[Service]{
		Poll: func(ctx context.Context) (*Service, error) { return c.Get(ctx, id) },
		State: func(s *Service) string {
			if s.Revision == nil {
				return string(s.Status)
			}
			return string(s.Status) + ", revision " + string(s.Revision.Status)
		},
		Done: func(ctx context.Context, s *Service) (bool, error) {
			switch s.Status {
			case ServiceOnline:
				return c.revisionOnline(ctx, s)
			case ServiceTurnedDown, ServiceWithdrawn:
				return false, c.client.reviewError(ctx, "service "+s.ID, s.ReleaseRequestID)
			case ServiceDraft:
				return false, notUnderReview("service "+s.ID, "submit it first")
			case ServiceArchived:
				return false, notUnderReview("service "+s.ID, "it is archived")
			default:
				return false, nil
			}
		},
	})
}

// revisionOnline says whether nothing of an online service waits any more.
func (c *ServicesClient) revisionOnline(ctx context.Context, s *Service) (bool, error) {
	if s.Revision == nil {
		return true, nil
	}
	switch s.Revision.Status {
	case ServicePendingReview:
		return false, nil
	case ServiceTurnedDown, ServiceWithdrawn:
		return false, c.client.reviewError(ctx, "the revision of service "+s.ID, s.Revision.ReleaseRequestID)
	default:
		return true, nil
	}
}

// BlockType is the kind of a block of content. It is open to unknown values.
type BlockType string

// The kinds of block that "Release services" documents: "texts, images, or tables".
const (
	// BlockText is a paragraph.
	BlockText BlockType = "TEXT"
	// BlockImage is an uploaded image.
	BlockImage BlockType = "IMAGE"
	// BlockTable is a table with a header.
	BlockTable BlockType = "TABLE"
)

// Content is an ordered list of text, image and table blocks.
type Content []Block

// Block is one paragraph, image or table.
type Block struct {
	// Type says which of the other fields is set.
	Type BlockType `json:"type"`
	// Text is the paragraph of a TEXT block.
	Text string `json:"text,omitempty" text:"lines"`
	// Image is the picture of an IMAGE block.
	Image *Image `json:"image,omitempty"`
	// Table is the table of a TABLE block.
	Table *Table `json:"table,omitempty"`
}

// Image names an uploaded image.
type Image struct {
	// FileID is the id that [FilesClient.Upload] returned.
	FileID string `json:"fileId" validate:"sha256"`
	// Description says in words what the image shows; may be empty.
	Description string `json:"description,omitempty"`
}

// Table is a rectangular table: every row has as many cells as the header.
type Table struct {
	// Header holds the column titles.
	Header []string `json:"header"`
	// Rows hold the cells, row by row.
	Rows [][]string `json:"rows" text:"lines"`
}

// TextBlock returns a TEXT block.
func TextBlock(text string) Block { return Block{Type: BlockText, Text: text} }

// ImageBlock returns an IMAGE block of an uploaded file.
func ImageBlock(fileID, description string) Block {
	return Block{Type: BlockImage, Image: &Image{FileID: fileID, Description: description}}
}

// TableBlock returns a TABLE block.
func TableBlock(header []string, rows ...[]string) Block {
	return Block{Type: BlockTable, Table: &Table{Header: header, Rows: rows}}
}

// check adds the broken fields of the content to p.
func (c Content) check(p *problems, path string, policy ServicePolicy) {
	if policy.MaxBlocks > 0 && len(c) > policy.MaxBlocks {
		p.Add(path, fmt.Sprintf("must have at most %d blocks; has %d", policy.MaxBlocks, len(c)))
		return
	}
	for i, b := range c {
		b.check(p, fmt.Sprintf("%s[%d]", path, i), policy)
	}
}

func (b Block) check(p *problems, path string, policy ServicePolicy) {
	set := 0
	for _, isSet := range []bool{b.Text != "", b.Image != nil, b.Table != nil} {
		if isSet {
			set++
		}
	}
	if set > 1 {
		p.Add(path, "must hold one of text, image and table, not several")
		return
	}
	switch b.Type {
	case BlockText:
		checkText(p, path+".text", b.Text, policy.MaxText)
	case BlockImage:
		b.Image.check(p, path+".image", policy)
	case BlockTable:
		b.Table.check(p, path+".table", policy)
	default:
		p.Add(path+".type", "must be one of TEXT, IMAGE, TABLE")
	}
}

func (i *Image) check(p *problems, path string, policy ServicePolicy) {
	if i == nil || i.FileID == "" {
		p.Add(path+".fileId", "is required; upload the image first")
		return
	}
	for _, problem := range validation.Struct(i) {
		p.Add(path+"."+problem.Path, problem.Message)
	}
	tooLong(p, path+".description", i.Description, policy.MaxText)
}

func checkText(p *problems, path, text string, most int) {
	if text == "" {
		p.Add(path, "is required")
	}
	tooLong(p, path, text, most)
}

func (t *Table) check(p *problems, path string, policy ServicePolicy) {
	if t == nil || len(t.Header) == 0 {
		p.Add(path+".header", "is required")
		return
	}
	if len(t.Rows) == 0 {
		p.Add(path+".rows", "must have at least 1 row")
	}
	if cells := len(t.Header) * (len(t.Rows) + 1); policy.MaxTableCells > 0 && cells > policy.MaxTableCells {
		p.Add(path, fmt.Sprintf("must have at most %d cells; has %d", policy.MaxTableCells, cells))
		return
	}
	for i, title := range t.Header {
		checkText(p, fmt.Sprintf("%s.header[%d]", path, i), title, policy.MaxText)
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Header) {
			p.Add(fmt.Sprintf("%s.rows[%d]", path, i), fmt.Sprintf("must have %d cells like the header; has %d", len(t.Header), len(row)))
		}
		for j, cell := range row {
			tooLong(p, fmt.Sprintf("%s.rows[%d][%d]", path, i, j), cell, policy.MaxText)
		}
	}
}
