package platform

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// openRequest asks all parties for their verdict on a submission. former is the id of the request
// before it for the same release or service; empty for the first.
func (c *call) openRequest(request alipayplus.Request, submission alipayplus.Submission, former string, parties []alipayplus.Party) *alipayplus.Request {
	request.ID, request.Status = c.derivedID("req_", request.ReleaseID, request.ServiceID, former), alipayplus.RequestUnderReview
	request.Applicant, request.CreatedAt = c.who(), c.at
	for _, party := range parties {
		request.Reviews = append(request.Reviews, alipayplus.Review{Party: party, Status: alipayplus.ReviewPending, StartedAt: c.at})
	}
	r := &requestRecord{Request: request, Workspace: c.workspace(), Sort: c.p.sortKey(c.at), Due: map[alipayplus.Party]dueVerdict{}}
	for _, party := range parties {
		c.p.autoReview(r, submission, party, c.at)
	}
	opened := c.at
	c.stage(func(c *call) error {
		r.begin(c.at, c.at.Sub(opened)) // when the effect is done
		opened = c.at                   // for the next run, which may come
		r.Sort = c.p.sortKey(c.at)
		return nil
	})
	c.save(nil, r)
	c.save(nil, &submissionRecord{Submission: submission, At: submissionKey(r.Workspace, r.ID)})
	c.audit("request", r.ID, "", string(r.Status), "")
	return &r.Request
}

// submission reads what a request is about.
func (r *requestRecord) submission(tx storage.Tx) (*alipayplus.Submission, error) {
	s, err := load[submissionRecord](tx, submissionKey(r.Workspace, r.ID))
	if err != nil || s == nil {
		return nil, err
	}
	return &s.Submission, nil
}

// begin lets the reviews begin, later than was thought when their verdicts became due.
func (r *requestRecord) begin(at time.Time, later time.Duration) {
	r.CreatedAt = at
	for i := range r.Reviews {
		r.Reviews[i].StartedAt = at
	}
	for party, due := range r.Due {
		due.At = due.At.Add(later)
		r.Due[party] = due
	}
}

// copy is deep where a verdict changes things.
func (r *requestRecord) copy() *requestRecord {
	copied := *r
	copied.Reviews = slices.Clone(r.Reviews)
	copied.Due = maps.Clone(r.Due)
	return &copied
}

// move changes the status by the root's transition table, and closes the
// reviews that are no longer needed.
func (r *requestRecord) move(to alipayplus.RequestStatus, at time.Time) error {
	if !r.Status.CanBecome(to) {
		return conflict("request %s is %s and cannot become %s", r.ID, r.Status, to)
	}
	r.Status, r.FinishedAt = to, at
	for i := range r.Reviews {
		if r.Reviews[i].Status == alipayplus.ReviewPending {
			r.Reviews[i].Status = alipayplus.ReviewClosed
		}
	}
	return nil
}

// request reads a request of the workspace that the call is about.
func (c *call) request(id string) (*requestRecord, error) {
	return find[requestRecord](c, "request", id, requestKey(c.workspace(), id))
}

// closeRequest withdraws a request of the caller's workspace.
func (c *call) closeRequest(id string) (*alipayplus.Request, error) {
	r, err := c.request(id)
	if err != nil {
		return nil, err
	}
	before := r.copy()
	if err := r.move(alipayplus.RequestWithdrawn, c.at); err != nil {
		return nil, err
	}
	c.stage(func(c *call) error {
		r.FinishedAt = c.at // when the effect is done
		return nil
	})
	c.save(before, r)
	c.audit("request", r.ID, string(before.Status), string(r.Status), "")
	return &r.Request, nil
}

func queryRequest(c *call, in alipayplus.RequestInput) (*alipayplus.Request, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	r, err := actingFind[requestRecord](c, "request", in.ID, requestKey(c.home(), in.ID), requestIDKey(in.ID))
	if err != nil {
		return nil, err
	}
	return &r.Request, c.may(alipayplus.ActionView, r.ProgramID)
}

func listRequests(c *call, in alipayplus.ListRequestsInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	by := "all"
	switch {
	case in.Status != "":
		by = "status=" + string(in.Status)
	case in.Category != "":
		by = "category=" + string(in.Category)
	}
	title := strings.ToLower(in.Title)
	return listing{
		prefix: key("i/request", c.workspace(), by) + "/", opts: in.ListOptions,
		filter: key(string(in.Status), string(in.Category), in.Applicant, title),
		keep: func(r stored) bool {
			return r.matches("status", string(in.Status)) && r.matches("category", string(in.Category)) && r.matches("applicant", in.Applicant) &&
				(title == "" || strings.Contains(strings.ToLower(r.text("title")), title))
		},
	}.page(c.tx)
}
