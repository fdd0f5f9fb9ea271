package console_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

var relNext = regexp.MustCompile(`<a href="([^"]*)" rel="next"`)

func unescape(s string) string { return html.UnescapeString(s) }

func TestAReviewerDecides(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		b := w.signedIn(w.reviewer(alipayplus.PartyAlipayPlus)).get("reviews")
		b.shows("Release service Tea shop in a week")
		at := "reviews/" + s.ReleaseRequestID
		b.get(at).shows("We build your mini program.", "Half now, half at release.", "50 %", "A plan", "201900123A")

		b.submit(at+"/decide", url.Values{"verdict": {"reject"}}).shows("Something is missing or wrong:", "is required to reject")
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
		b.submit(at+"/decide", url.Values{"verdict": {"reject"}, "reason": {"The plan\r\nis not readable"}})
		require.Equal(w, origin+"/release/console/"+at, b.at)
		b.shows("Rejected", "The plan\nis not readable", "This review does not wait for you.")

		r, err := w.owner.Requests.Get(w.Context(), s.ReleaseRequestID)
		require.NoError(w, err)
		require.Equal(w, alipayplus.RequestRejected, r.Status)
		w.signedIn(w.owner).get("requests/" + r.ID).shows("The plan\nis not readable")
	})
}

// A form that is sent twice does nothing twice, and says the same twice.
func TestADoubleClickDecidesOnce(t *testing.T) {
	withFixture(t, func(w *fixture) {
		at := "reviews/" + w.submitted().ReleaseRequestID
		b := w.signedIn(w.reviewer(alipayplus.PartyAlipayPlus)).get(at)
		form := b.form(at + "/decide")
		form.Set("verdict", "approve")
		for range 2 {
			b.post(at+"/decide", form)
			require.Equal(w, http.StatusOK, b.status, b.page)
			b.shows("Approved")
		}
		form.Set("requestId", "another")
		b.post(at+"/decide", form)
		require.Equal(w, http.StatusConflict, b.status)
		b.shows("This is not possible in the present state.")
	})
}

func TestARevisionIsReviewedBesideWhatIsOnline(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		reviewer := w.reviewer(alipayplus.PartyAlipayPlus)
		_, err := reviewer.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: s.ReleaseRequestID, Approve: true})
		require.NoError(w, err)
		s.ServiceDescription.Description = "We build it in three days."
		_, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: s.ServiceDescription})
		require.NoError(w, err)
		s, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		b := w.signedIn(reviewer).get("reviews/" + s.Revision.ReleaseRequestID)
		b.shows("Online now", "We build your mini program.", "We build it in three days.", `<tr class="changed"><th scope="row">Service Description`)
		picture := b.get("reviews/" + s.Revision.ReleaseRequestID + "/files/" + s.ImageFileID)
		require.Equal(w, alipayplus.ContentPNG, picture.header.Get("Content-Type"))
		require.Equal(w, "default-src 'none'; sandbox", picture.header.Get("Content-Security-Policy"))
		require.Equal(w, http.StatusNotFound, b.get("reviews/"+s.Revision.ReleaseRequestID+"/files/none").status)
		require.Equal(w, http.StatusForbidden, b.get("files/"+s.ImageFileID).status)
	})
}
