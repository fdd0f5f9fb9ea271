package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestMyRequests(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		b := w.signedIn(w.owner)
		b.get("requests").shows("Release service Tea shop in a week", "Service release", "Under review", "olga")
		b.get("requests?title=tea&status=UNDER_REVIEW").shows("Tea shop in a week")
		b.get("requests?title=coffee").hides("Tea shop in a week").shows("There is nothing here yet.")
		b.get("requests?status=APPROVED").hides("Tea shop in a week")
		b.get("requests?category=MINI_PROGRAM_RELEASE&order=ASC").hides("Tea shop in a week")
		b.get("requests/"+s.ReleaseRequestID).shows("Release service Tea shop in a week", "Pending", "Alipay+")
		b.get("requests/none").shows("There is no such thing here")
		require.Equal(w, http.StatusNotFound, b.status)
		b.get("requests?cursor=x").shows("does not belong to this list")
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
	})
}

func TestRequestsOfOthersStayInvisible(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		theirs := company()
		theirs.CompanyName = "Red Hill Coffee"
		ravi, err := w.p.AddOwner(w.Context(), theirs, "ravi")
		require.NoError(w, err)
		b := w.signedIn(ravi)
		b.get("requests").hides("Tea shop")
		require.Equal(w, http.StatusNotFound, b.get("requests/"+s.ReleaseRequestID).status)
		require.Equal(w, http.StatusNotFound, b.get("files/"+s.ImageFileID).status)
		mine := w.signedIn(w.owner).get("files/" + s.ImageFileID)
		require.Equal(w, alipayplus.ContentPNG, mine.header.Get("Content-Type"))
		require.Equal(w, string(picture(w)), mine.page)
	})
}

func TestLongListsHavePages(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for range 21 {
			w.submitted()
		}
		b := w.signedIn(w.owner).get("requests?title=tea").shows("More")
		next := relNext.FindStringSubmatch(b.page)
		require.Len(w, next, 2)
		b.get("requests" + unescape(next[1])).shows("Tea shop in a week").hides(`rel="next"`)
	})
}
