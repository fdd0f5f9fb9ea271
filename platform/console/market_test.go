package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// online gives a service that is in the Service Market.
func (w *fixture) online() *alipayplus.Service {
	w.Helper()
	s := w.submitted()
	_, err := w.reviewer(alipayplus.PartyAlipayPlus).Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: s.ReleaseRequestID, Approve: true})
	require.NoError(w, err)
	return s
}

// merchant gives the owner of another workspace, with a mini program.
func (w *fixture) merchant() (owner *alipayplus.Client, program *alipayplus.Program) {
	w.Helper()
	theirs := company()
	theirs.CompanyName = "Red Hill Coffee"
	owner, err := w.p.AddOwner(w.Context(), theirs, "ravi")
	require.NoError(w, err)
	program, err = owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Coffee"}},
	})
	require.NoError(w, err)
	return owner, program
}

func TestAServiceIsOrderedInTheMarket(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.online()
		ravi, program := w.merchant()
		b := w.signedIn(ravi)
		b.get("market").shows("Tea shop in a week", "Blue Lake Tea")
		b.get("market?name=tea&industry=Food+and+beverage&type=MINI_PROGRAM_DEVELOPMENT&app=ALIPAY_CN").shows("Tea shop in a week")
		b.get("market?name=coffee").hides("Tea shop in a week").shows("No service is online that matches.")
		b.get("market/"+s.ID).shows("Half now, half at release.", "201900123A", "Coffee")
		picture := b.get("market/" + s.ID + "/files/" + s.ImageFileID)
		require.Equal(w, alipayplus.ContentPNG, picture.header.Get("Content-Type"))

		b.get("market/"+s.ID).submit("market/"+s.ID+"/order", url.Values{"programId": {"nothing"}, "note": {"Please with <b>matcha</b>"}})
		require.Equal(w, http.StatusNotFound, b.status)
		b.shows("There is no such thing here", "Please with <b>matcha</b>")
		form := b.form("market/" + s.ID + "/order")
		form.Set("programId", program.ID)
		form.Set("note", "Please with matcha")
		b.post("market/"+s.ID+"/order", form)
		b.shows("New Order", "Please with matcha", "Red Hill Coffee", "The provider has no access")
		ordered := b.at
		b.post("market/"+s.ID+"/order", form) // sent twice
		require.Equal(w, ordered, b.at)
		b.get("orders?side=MERCHANT").shows("Tea shop in a week", "Coffee")
	})
}

func TestAServiceThatIsNotOnlineIsNotInTheMarket(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		ravi, _ := w.merchant()
		b := w.signedIn(ravi)
		b.get("market").hides("Tea shop in a week")
		require.Equal(w, http.StatusNotFound, b.get("market/"+s.ID).status)
		require.Equal(w, http.StatusNotFound, b.get("market/"+s.ID+"/files/"+s.ImageFileID).status)
	})
}

func TestAMerchantWithoutAMiniProgramIsToldSo(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.online()
		w.signedIn(w.owner).get("market/"+s.ID).shows("there is none yet", "Create a mini program")
	})
}
