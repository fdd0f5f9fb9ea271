package console

import (
	"github.com/alipayplus-go/alipayplus"
)

// requests is To-Do List > My Requests: filtered by title and status, sorted by date.
func (v *visit) requests() error {
	query := v.r.URL.Query()
	in := alipayplus.ListRequestsInput{
		ListOptions: v.options(), Title: query.Get("title"),
		Status: alipayplus.RequestStatus(query.Get("status")), Category: alipayplus.RequestCategory(query.Get("category")),
	}
	found, err := v.client.Requests.List(v.ctx(), in)
	if err != nil {
		return err
	}
	return v.show("requests", "requests.title", struct {
		In         alipayplus.ListRequestsInput
		Statuses   []alipayplus.RequestStatus
		Categories []alipayplus.RequestCategory
		Requests   []*alipayplus.Request
		Next       string
	}{
		in,
		[]alipayplus.RequestStatus{alipayplus.RequestUnderReview, alipayplus.RequestApproved, alipayplus.RequestRejected, alipayplus.RequestWithdrawn},
		[]alipayplus.RequestCategory{alipayplus.CategoryServiceRelease, alipayplus.CategoryProgramRelease},
		found.Items, v.next(found.NextCursor),
	})
}

// request shows one request, with the verdict of each party.
func (v *visit) request() error {
	request, err := v.client.Requests.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show("request", "request.title", request)
}
