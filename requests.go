package alipayplus

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// RequestStatus is the status of a request. It is open to unknown values.
type RequestStatus string

// The request statuses. UNDER_REVIEW and APPROVED are documented in "Release
// services"; REJECTED and WITHDRAWN for the same platform family only.
const (
	// RequestUnderReview: waits for at least one verdict.
	RequestUnderReview RequestStatus = "UNDER_REVIEW"
	// RequestApproved: every party approved.
	RequestApproved RequestStatus = "APPROVED"
	// RequestRejected: a party rejected.
	RequestRejected RequestStatus = "REJECTED"
	// RequestWithdrawn: the applicant took it back.
	RequestWithdrawn RequestStatus = "WITHDRAWN"
)

func requestTransitions() []transition[RequestStatus] {
	return []transition[RequestStatus]{
		{RequestUnderReview, "all parties approve", RequestApproved},
		{RequestUnderReview, "a party rejects", RequestRejected},
		{RequestUnderReview, "withdraw", RequestWithdrawn},
	}
}

// Known says whether this version of the library knows the status.
func (s RequestStatus) Known() bool { return known(requestTransitions(), s) }

// Terminal says whether the request is decided.
func (s RequestStatus) Terminal() bool { return terminal(requestTransitions(), s) }

// CanBecome says whether the rules lead from s to next in one step.
func (s RequestStatus) CanBecome(next RequestStatus) bool {
	return canBecome(requestTransitions(), s, next)
}

// Party is who reviews. It is open to unknown values.
type Party string

// The reviewing parties of a release to AlipayCN ("Release mini programs").
const (
	// PartyAlipayPlus is the Alipay+ platform.
	PartyAlipayPlus Party = "ALIPAY_PLUS"
	// PartyAlipayCN is AlipayCN.
	PartyAlipayCN Party = "ALIPAY_CN"
)

// ReviewStatus is one party's verdict. It is open to unknown values. The names
// are not documented.
type ReviewStatus string

// The verdicts.
const (
	// ReviewPending: the party has not decided.
	ReviewPending ReviewStatus = "PENDING"
	// ReviewApproved: the party approved.
	ReviewApproved ReviewStatus = "APPROVED"
	// ReviewRejected: the party rejected; the reason is given.
	ReviewRejected ReviewStatus = "REJECTED"
	// ReviewClosed: no verdict is needed any more, because another party
	// rejected or the applicant withdrew.
	ReviewClosed ReviewStatus = "CLOSED"
)

// Review is one reviewing party's verdict.
type Review struct {
	// Party is who reviews.
	Party Party `json:"party"`
	// Status is the verdict.
	Status ReviewStatus `json:"status"`
	// Reason is why the party rejected; may be empty otherwise.
	Reason string `json:"reason,omitempty"`
	// Pictures are links to what the target app's reviewers show with a rejection.
	Pictures []string `json:"pictures,omitempty"`
	// StartedAt is when the party was asked.
	StartedAt time.Time `json:"startedAt"`
	// DecidedAt is when the verdict came; zero while pending.
	DecidedAt time.Time `json:"decidedAt,omitzero"`
}

// String says in one line how the review stands: "ALIPAY_CN rejected: the icon is too small".
func (r Review) String() string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s", r.Party, strings.ToLower(string(r.Status))))
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return validation.OneLine(text)
}

// ReviewOutcome is the rule for what the reviews of all parties come to together: one
// rejection rejects, all approvals approve, and until then it is under review.
// Without any review the outcome is under review as well.
func ReviewOutcome(reviews []Review) RequestStatus {
	approved := 0
	for _, r := range reviews {
		switch r.Status {
		case ReviewRejected:
			return RequestRejected
		case ReviewApproved:
			approved++
		}
	}
	if len(reviews) > 0 && approved == len(reviews) {
		return RequestApproved
	}
	return RequestUnderReview
}

// RequestCategory is what a request is for. It is open to unknown values; the
// names are not documented.
type RequestCategory string

// The categories.
const (
	// CategoryServiceRelease releases a service to the Service Market.
	CategoryServiceRelease RequestCategory = "SERVICE_RELEASE"
	// CategoryProgramRelease releases a mini program to a target app.
	CategoryProgramRelease RequestCategory = "MINI_PROGRAM_RELEASE"
)

// Request is an entry of To-Do List > My Requests.
type Request struct {
	// ID is the platform's id of the request.
	ID string `json:"id"`
	// Title says what it is about, for people.
	Title string `json:"title"`
	// Category is what it is for.
	Category RequestCategory `json:"category"`
	// Status is its present status.
	Status RequestStatus `json:"status"`
	// Applicant is the member who applied.
	Applicant string `json:"applicant"`
	// ServiceID is the service it is about; empty for a mini program.
	ServiceID string `json:"serviceId,omitempty"`
	// ReleaseID is the release it is about; empty for a service.
	ReleaseID string `json:"releaseId,omitempty"`
	// ProgramID is the mini program; empty for a service.
	ProgramID string `json:"programId,omitempty"`
	// Version is the version of the mini program; zero for a service.
	Version VersionNumber `json:"version,omitzero"`
	// TargetApp is where the mini program goes; empty for a service.
	TargetApp TargetApp `json:"targetApp,omitempty"`
	// BasicInfoChanged says that the basic information differs from the
	// company's and is reviewed with the release.
	BasicInfoChanged bool `json:"basicInfoChanged,omitempty"`
	// Submission is what is reviewed. Reviewers get it; it is nil for members, who
	// read the service or the release instead.
	Submission *Submission `json:"submission,omitempty"`
	// Reviews are the parties' verdicts, kept apart.
	Reviews []Review `json:"reviews"`
	// CreatedAt is when the request was made.
	CreatedAt time.Time `json:"createdAt"`
	// FinishedAt is when it was decided or withdrawn; zero until then.
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// Submission is what is reviewed, as it was when it was submitted: what changes
// afterwards is no part of it. What reviewers of Alipay+ see is not documented.
type Submission struct {
	// Service is the text of the service, with the ids of its pictures; nil for a
	// release.
	Service *ServiceDescription `json:"service,omitempty"`
	// Online is the text that is online until a revision of it is approved; nil for
	// a service that is not online, and for a release.
	Online *ServiceDescription `json:"online,omitempty"`
	// Company is the company's registration: what BasicInfo replaces when it differs
	// and is approved, and who offers a service.
	Company *BusinessRegistration `json:"company,omitempty"`
	// BasicInfo is the registration that a release was applied for with; nil for a
	// service.
	BasicInfo *BusinessRegistration `json:"basicInfo,omitempty"`
	// Configuration is that of the release; nil for a service.
	Configuration *Configuration `json:"configuration,omitempty"`
	// Languages are the names of the mini program; empty for a service.
	Languages []Localization `json:"languages,omitempty"`
	// LogoFileID is the logo of the mini program; empty: none.
	LogoFileID string `json:"logoFileId,omitempty"`
	// PackageFileID is the SHA-256 of the version's package; empty for a service.
	PackageFileID string `json:"packageFileId,omitempty"`
}

// Pictures are the ids of the files that the submission shows, which a reviewer
// reads with [ReviewsClient.File]: each once.
func (s *Submission) Pictures() []string {
	var all []string
	if s == nil {
		return nil
	}
	add := func(id string) {
		if id != "" && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	for _, description := range []*ServiceDescription{s.Service, s.Online} {
		if description == nil {
			continue
		}
		for _, id := range description.Images() {
			add(id)
		}
	}
	add(s.LogoFileID)
	return all
}

// RequestInput names a request.
type RequestInput struct {
	// ID is the id of the request, see [Request].
	ID string `json:"id" validate:"required,max=64"`
}

// Validate checks that the id is there.
func (in RequestInput) Validate() error { return validate("request", in, nil) }

// ListRequestsInput chooses requests ("Release services": filter by title or
// status, sort by date).
type ListRequestsInput struct {
	ListOptions
	// Title keeps requests whose title contains the text, upper and lower case
	// alike; empty: all.
	Title string `json:"title,omitempty" validate:"max=256"`
	// Status keeps requests in this status; empty: all.
	Status RequestStatus `json:"status,omitempty" validate:"max=64"`
	// Category keeps requests of this category; empty: all.
	Category RequestCategory `json:"category,omitempty" validate:"max=64"`
	// Applicant keeps requests of this member; empty: all. This filter is this
	// project's own.
	Applicant string `json:"applicant,omitempty" validate:"max=256"`
}

// Validate checks the fields.
func (in ListRequestsInput) Validate() error { return validate("requests", in, nil) }

// RequestsClient reads the workspace's requests. It is safe for concurrent use.
type RequestsClient struct{ client *Client }

// Get reads a request with all reviews. Errors: [ErrNotFound].
func (c *RequestsClient) Get(ctx context.Context, id string) (*Request, error) {
	return get(ctx, c.client, contract.RequestQuery, RequestInput{ID: id}, func(r *Request) bool { return r.ID == id })
}

// List reads a page of requests, sorted by date, newest first unless in.Order
// says otherwise.
func (c *RequestsClient) List(ctx context.Context, in ListRequestsInput) (*Page[Request], error) {
	return list(ctx, c.client, contract.RequestList, in, in.Limit, func(r *Request) bool {
		return matchesFilter(in.Status, r.Status) && matchesFilter(in.Category, r.Category)
	})
}

// All ranges over all requests that in chooses, page by page as they are needed.
// It ends after the first error, which it yields.
func (c *RequestsClient) All(ctx context.Context, in ListRequestsInput) iter.Seq2[*Request, error] {
	return all(ctx, contract.RequestList, in, c.List)
}

// WaitDecided waits until a request is APPROVED and returns it. When it is
// rejected or withdrawn the error is a [WaitError] with a [ReviewError] in it,
// and the request is returned all the same. The context is the deadline.
func (c *RequestsClient) WaitDecided(ctx context.Context, id string, opts RequestWait) (*Request, error) {
	return wait(ctx, "requests.waitDecided", id, opts, polling.Condition[Request]{
		Poll:  func(ctx context.Context) (*Request, error) { return c.Get(ctx, id) },
		State: func(r *Request) string { return string(r.Status) + " " + reviewState(r.Reviews) },
		Done: func(_ context.Context, r *Request) (bool, error) {
			switch r.Status {
			case RequestApproved:
				return true, nil
			case RequestRejected, RequestWithdrawn:
				return false, r.reviewError("request " + r.ID)
			default:
				return false, nil
			}
		},
	})
}

func (r *Request) reviewError(subject string) error {
	return &ReviewError{Outcome: r.Status, Subject: subject, Reviews: r.Reviews}
}

// reviewError reads the request that ended without approval and says so.
func (c *Client) reviewError(ctx context.Context, subject, requestID string) error {
	if requestID == "" {
		return notUnderReview(subject, "apply first")
	}
	request, err := c.Requests.Get(ctx, requestID)
	if err != nil {
		return fmt.Errorf("%s was not approved, and the reasons could not be read: %w", subject, err)
	}
	if request.Status == RequestApproved || !request.Status.Terminal() {
		return polling.ErrStateChanged
	}
	return request.reviewError(subject)
}

func notUnderReview(subject, wayOut string) error {
	return fmt.Errorf("%w: %s is not under review; %s", ErrConflict, subject, wayOut)
}

// reviewState names the verdicts, so that a change of one is a change of state.
func reviewState(reviews []Review) string {
	var text strings.Builder
	for i, r := range reviews {
		if i > 0 {
			text.WriteString(",")
		}
		text.WriteString(string(r.Party) + "=" + string(r.Status))
	}
	return text.String()
}

// DecideInput is what [ReviewsClient.Decide] takes.
type DecideInput struct {
	// ID is the id of the request, see [Request].
	ID string `json:"id" validate:"required,max=64"`
	// Approve is the verdict: true approves, false rejects.
	Approve bool `json:"approve"`
	// Reason is required for a rejection.
	Reason string `json:"reason,omitempty" validate:"max=2000" text:"lines"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in DecideInput) Validate() error {
	return validate("verdict", in, func(p *problems) {
		if !in.Approve && in.Reason == "" {
			p.Add("reason", "is required to reject: the applicant must know what to mend")
		}
	})
}

// ListReviewsInput chooses requests that wait for the caller's verdict.
type ListReviewsInput struct {
	ListOptions
}

// ReviewFileInput is what [ReviewsClient.File] takes.
type ReviewFileInput struct {
	// ID is the id of the request, see [Request].
	ID string `json:"id" validate:"required,max=64"`
	// FileID is one of [Submission.Pictures].
	FileID string `json:"fileId" validate:"required,max=64"`
}

// Validate checks the fields.
func (in ReviewFileInput) Validate() error { return validate("review file", in, nil) }

// FileContent is an uploaded file with its content.
type FileContent struct {
	File
	// Content are the bytes of the file, in base64 over the wire.
	Content []byte `json:"content"`
}

// ReviewsClient is for reviewers: their credentials belong to a [Party], not to
// a workspace. It is safe for concurrent use.
type ReviewsClient struct{ client *Client }

// List reads a page of the requests, of all workspaces, that wait for the
// verdict of the caller's party, oldest first unless in.Order says otherwise, each
// with its [Submission].
// Errors: [ErrPermission] for who is no reviewer.
func (c *ReviewsClient) List(ctx context.Context, in ListReviewsInput) (*Page[Request], error) {
	return list(ctx, c.client, contract.ReviewList, in, in.Limit, anything[Request])
}

// All ranges over all requests that wait, page by page as they are needed. It
// ends after the first error, which it yields.
func (c *ReviewsClient) All(ctx context.Context, in ListReviewsInput) iter.Seq2[*Request, error] {
	return all(ctx, contract.ReviewList, in, c.List)
}

// Get reads a request that the caller's party reviews or has reviewed, with its
// [Submission]. Errors: [ErrNotFound], also for one that the party has nothing to do
// with, [ErrPermission] for who is no reviewer.
func (c *ReviewsClient) Get(ctx context.Context, id string) (*Request, error) {
	return get(ctx, c.client, contract.ReviewQuery, RequestInput{ID: id}, func(r *Request) bool { return r.ID == id })
}

// File reads a picture that a submission shows. Errors: [ErrNotFound], also for a
// file that is no part of the request, [ErrPermission] for who is no reviewer.
func (c *ReviewsClient) File(ctx context.Context, in ReviewFileInput) (*FileContent, error) {
	return get(ctx, c.client, contract.ReviewFile, in, func(f *FileContent) bool { return f.isFile(in.FileID) })
}

// Decide gives the verdict of the caller's party. Errors: [ErrConflict] when
// the party has decided before or the request is closed, [ErrNotFound],
// [ErrPermission].
func (c *ReviewsClient) Decide(ctx context.Context, in DecideInput) (*Request, error) {
	return sendWrite[Request](ctx, c.client, contract.ReviewDecide, &in, &in.RequestID)
}

// ReviewError says that a review ended without approval. It is not transient:
// waiting longer does not help.
type ReviewError struct {
	// Outcome is REJECTED or WITHDRAWN.
	Outcome RequestStatus
	// Subject is what was reviewed, for example "release rel_1".
	Subject string
	// Reviews are the verdicts of all parties, with their reasons.
	Reviews []Review
}

// Error gives the outcome, every party's reason, and what to do.
func (e *ReviewError) Error() string {
	var reasons []string
	for _, r := range e.Reviews {
		if r.Status == ReviewRejected {
			reasons = append(reasons, fmt.Sprintf("%s: %s", r.Party, r.Reason))
		}
	}
	text := fmt.Sprintf("%s was %s", e.Subject, strings.ToLower(strings.ReplaceAll(string(e.Outcome), "_", " ")))
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, "; ") + "); correct it and send it to review again"
	}
	return validation.OneLine(text)
}
