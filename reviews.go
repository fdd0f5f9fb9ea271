package alipayplus

import (
	"context"
	"iter"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// DecideInput is what [ReviewsClient.Decide] takes.
type DecideInput struct {
	// ID is the id of the request, see [Request].
	ID string `json:"id" validate:"required"`
	// Approve is the verdict: true approves, false rejects.
	Approve bool `json:"approve"`
	// Reason is required for a rejection.
	Reason string `json:"reason,omitempty" validate:"max=2000"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty"`
}

// Validate checks the fields.
func (in DecideInput) Validate() error {
	return validate("verdict", in, func(p *problems) {
		if !in.Approve && in.Reason == "" {
			p.add("reason", "is required to reject: the applicant must know what to mend")
		}
	})
}

// ListReviewsInput chooses requests that wait for the caller's verdict.
type ListReviewsInput struct {
	ListOptions
}

// ReviewsClient is for reviewers: their credentials belong to a [Party], not to
// a workspace. It is safe for concurrent use.
type ReviewsClient struct{ client *Client }

// List reads a page of the requests, of all workspaces, that wait for the
// verdict of the caller's party, oldest first unless in.Order says otherwise.
// Errors: [ErrPermission] for who is no reviewer.
func (c *ReviewsClient) List(ctx context.Context, in ListReviewsInput) (*Page[Request], error) {
	return send[Page[Request]](ctx, c.client, contract.ReviewList, "", in)
}

// All ranges over all requests that wait, page by page as they are needed. It
// ends after the first error, which it yields.
func (c *ReviewsClient) All(ctx context.Context, in ListReviewsInput) iter.Seq2[*Request, error] {
	return all(ctx, contract.ReviewList, in, c.List)
}

// Decide gives the verdict of the caller's party. Errors: [ErrConflict] when
// the party has decided before or the request is closed, [ErrNotFound],
// [ErrPermission].
func (c *ReviewsClient) Decide(ctx context.Context, in DecideInput) (*Request, error) {
	in.RequestID = newRequestID(in.RequestID)
	return send[Request](ctx, c.client, contract.ReviewDecide, in.RequestID, in)
}
