package console_test

import (
	"net/http"
	"net/url"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// Both sides click through an order, from the market to its completion.
func TestAnOrderFromItsPlacingToItsCompletion(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.online()
		ravi, program := w.merchant()
		merchant, provider := w.signedIn(ravi), w.signedIn(w.owner)
		merchant.get("market/"+s.ID).submit("market/"+s.ID+"/order", url.Values{"programId": {program.ID}})
		id := path.Base(merchant.at)
		act := func(b *browser, action string, entered url.Values) *browser {
			b.Helper()
			return b.get("orders/"+id).submit("orders/"+id+"/"+action, entered)
		}

		provider.get("orders?side=PROVIDER&status=NEW_ORDER&number="+id[len(id)-4:]).shows("Coffee", "Red Hill Coffee", "Provider")
		provider.get("orders?status=COMPLETED").hides("Red Hill Coffee")
		require.Equal(w, http.StatusNotFound, provider.get("programs/"+program.ID).status, "no access yet")
		act(provider, "ACCEPT", nil).shows("Pending Confirmation").hides("Accept")
		act(merchant, "CONFIRM", nil).shows("In Development", "may configure, upload and release")
		provider.get("orders/" + id).get("programs/" + program.ID).shows("Coffee")
		dan := w.signedIn(w.member("dan", alipayplus.RoleDeveloper))
		require.Equal(w, http.StatusForbidden, dan.get("programs/"+program.ID).status)
		dan.get("orders/" + id).hides("Developers who work by this order")
		act(provider, "ASSIGN", url.Values{"members": {"dan"}}).shows("Developers assigned", "dan")
		dan.get("programs/" + program.ID).shows("Coffee")
		require.Equal(w, []string{"dan"}, provider.get("orders/" + id).form("orders/" + id + "/ASSIGN")["members"])
		provider.post("orders/"+id+"/ASSIGN", url.Values{"csrf": {provider.form("sign-out").Get("csrf")}, "members": {"<b>"}, "requestId": {"other"}})
		require.Equal(w, http.StatusUnprocessableEntity, provider.status)
		act(provider, "SUBMIT", nil).shows("Under Approval")
		act(merchant, "TURN_DOWN", url.Values{"reason": {"The logo\nis missing"}}).shows("In Development", "The logo\nis missing")
		act(provider, "SUBMIT", nil)
		act(merchant, "APPROVE", nil).shows("Completed").hides("What you can do")
		require.Equal(w, http.StatusNotFound, provider.get("programs/"+program.ID).status, "no access any more")
	})
}

func TestWhatAnOrderDoesNotAllow(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.online()
		ravi, program := w.merchant()
		o, err := ravi.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: s.ID, ProgramID: program.ID})
		require.NoError(w, err)
		merchant, provider := w.signedIn(ravi), w.signedIn(w.owner)
		form := provider.get("orders/" + o.ID).form("orders/" + o.ID + "/ACCEPT")
		_, err = ravi.Orders.Cancel(w.Context(), alipayplus.RefuseOrderInput{OrderID: o.ID})
		require.NoError(w, err)
		provider.post("orders/"+o.ID+"/ACCEPT", form)
		require.Equal(w, http.StatusConflict, provider.status)
		provider.shows("not possible in the present state", "Canceled", "Cancel the order")
		provider.post("orders/"+o.ID+"/DANCE", form)
		require.Equal(w, http.StatusNotFound, provider.status)

		o, err = ravi.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: s.ID, ProgramID: program.ID})
		require.NoError(w, err)
		provider.get("orders/"+o.ID).submit("orders/"+o.ID+"/ACCEPT", nil)
		merchant.get("orders/"+o.ID).submit("orders/"+o.ID+"/CONFIRM", nil)
		merchant.submit("orders/"+o.ID+"/REVOKE_ACCESS", nil).shows("taken the provider's access back", "In Development")
		require.Equal(w, http.StatusNotFound, provider.get("programs/"+program.ID).status)
	})
}
