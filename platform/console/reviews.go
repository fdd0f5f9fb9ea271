package console

import (
	"net/http"
	"slices"

	"github.com/alipayplus-go/alipayplus"
)

// reviews are the requests that wait for the verdict of the reviewer's party.
func (v *visit) reviews() error {
	found, err := v.client.Reviews.List(v.ctx(), alipayplus.ListReviewsInput{ListOptions: v.options()})
	if err != nil {
		return err
	}
	return v.show("reviews", "reviews.title", struct {
		Requests []*alipayplus.Request
		Next     string
	}{found.Items, v.next(found.NextCursor)})
}

// review shows what is reviewed beside what it replaces, and takes the verdict.
func (v *visit) review() error {
	request, err := v.client.Reviews.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	waits := slices.ContainsFunc(request.Reviews, func(r alipayplus.Review) bool {
		return r.Party == v.session.Party && r.Status == alipayplus.ReviewPending
	})
	return v.show("review", "review.title", struct {
		*alipayplus.Request
		// Waits says that the party has not decided.
		Waits bool
	}{request, waits})
}

func (v *visit) decide() error {
	id := v.r.PathValue("id")
	_, err := v.client.Reviews.Decide(v.ctx(), alipayplus.DecideInput{
		ID: id, Approve: v.posted("verdict") == "approve", Reason: v.posted("reason"), RequestID: v.requestID(),
	})
	return v.done(err, "reviews/"+id, v.review)
}

func (v *visit) reviewFile() error {
	file, err := v.client.Reviews.File(v.ctx(), alipayplus.ReviewFileInput{ID: v.r.PathValue("id"), FileID: v.r.PathValue("file")})
	if err != nil {
		return err
	}
	return v.picture(file)
}

// file is a picture of the member's workspace.
func (v *visit) file() error {
	file, err := v.session.File(v.ctx(), v.r.PathValue("file"))
	if err != nil {
		return err
	}
	return v.picture(file)
}

// picture answers with an uploaded picture, and with no file of another kind: a browser
// takes it for nothing else.
func (v *visit) picture(file *alipayplus.FileContent) error {
	if file.ContentType != alipayplus.ContentPNG && file.ContentType != alipayplus.ContentJPEG {
		return alipayplus.ErrNotFound
	}
	header := v.w.Header()
	header.Set("Content-Type", file.ContentType)
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "private, max-age=3600, immutable") // it is named by its content
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(file.Content)
	return nil
}
