package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestAServiceFromItsCreationToTheMarket(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner).get("services").shows("+ Create Service", "There is nothing here yet.").get("services/new")
		basic := url.Values{
			"name": {"Tea shop in a week"}, "industry": {"Food"}, "type": {"MINI_PROGRAM_DEVELOPMENT"}, "description": {"We build it."},
			"applicableApps": {"ALIPAY_CN"},
		}
		with := func(more ...string) url.Values {
			out := url.Values{}
			maps.Copy(out, basic)
			for i := 0; i < len(more); i += 2 {
				out.Set(more[i], more[i+1])
			}
			return out
		}
		b.submit("services", with("do", "save")).shows("Something is missing or wrong:", "Service Image", "Tea shop in a week")
		require.Equal(w, http.StatusUnprocessableEntity, b.status)

		b.attach("services", "imageFileId.file", picture(w), with("do", "paymentInformation.table", "paymentInformation.0.text", "Half now\r\nhalf later")).shows("Half now\nhalf later", "Column 2")
		b.submit("services", with("do", "paymentInformation.1.addrow", "paymentInformation.0.text", "Half now",
			"paymentInformation.1.h.0", "When", "paymentInformation.1.h.1", "Share", "paymentInformation.1.0.0", "a|b", "paymentInformation.1.0.1", "50 %")).shows("Row 2, column 2", "a|b")
		b.submit("services", with("do", "details.image", "paymentInformation.0.text", "Half now",
			"paymentInformation.1.0.0", "a|b", "paymentInformation.1.0.1", "50 %", "paymentInformation.1.1.0", "c", "paymentInformation.1.1.1", "d"))
		last := with("do", "preview", "paymentInformation.0.text", "Half now", "details.0.description", "A shop",
			"paymentInformation.1.0.0", "a|b", "paymentInformation.1.0.1", "50 %", "paymentInformation.1.1.0", "c", "paymentInformation.1.1.1", "d")
		b.attach("services", "details.0.file", picture(w), last).shows("Preview", "<td class=\"lines\"><bdi>50 %</bdi></td>", "A shop")
		last.Set("do", "save")
		b.submit("services", last).shows("Draft", "a|b")
		id := strings.TrimPrefix(b.at, origin+"/release/console/services/")
		s, err := w.owner.Services.Get(w.Context(), id)
		require.NoError(w, err)
		require.Equal(w, alipayplus.Content{
			alipayplus.TextBlock("Half now"), alipayplus.TableBlock([]string{"When", "Share"}, []string{"a|b", "50 %"}, []string{"c", "d"}),
		}, s.PaymentInformation)
		require.Equal(w, "A shop", s.Details[0].Image.Description)

		b.submit("services/"+id+"/submit", nil).shows("Pending Review").hides(">Edit<")
		b.submit("services/"+id+"/withdrawservice", nil).shows("Withdrawn").submit("services/"+id+"/submit", nil)
		w.decided(url.Values{"verdict": {"approve"}})
		b.get("services/" + id).shows("Online").get("services?status=ONLINE").shows("Tea shop in a week")

		b.get("services/"+id+"/edit").submit("services/"+id, url.Values{
			"do": {"save"}, "description": {"We build it well."}, "type": {"MINI_PROGRAM_DEVELOPMENT"}, "industry": {"Food"},
			"paymentInformation.0.text": {"All now"}, "paymentInformation.1.0.0": {"1"}, "paymentInformation.1.0.1": {"2"},
			"paymentInformation.1.1.0": {"3"}, "paymentInformation.1.1.1": {"4"},
		}).shows("Revision", "Online now", "We build it.", "We build it well.", "All now")
		b.submit("services/"+id+"/archive", nil).shows("Archived")
	})
}

// Whatever a button says, the form is not lost.
func TestAButtonThatMakesNoSenseChangesNothing(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for _, button := range []string{"", "x", "details", "details.x", "details.0.up", "details.-1.remove", "paymentInformation.0.up", "paymentInformation.0.addrow", "paymentInformation.9.remove", "a.b.c.d"} {
			b := w.signedIn(w.owner).get("services/new")
			b.submit("services", url.Values{"do": {button}, "name": {"Tea <b>"}, "paymentInformation.0.text": {"Now"}, "paymentInformation.n": {"1"}, "details.n": {"-7"}, "tutorial.n": {"many"}})
			require.Equal(w, http.StatusOK, b.status, button)
			b.shows("Tea <b>", "Now")
			require.NotContains(w, b.page, "<b>")
		}
	})
}

func TestBlocksAreMovedAndRemoved(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner).get("services/new")
		two := url.Values{"paymentInformation.n": {"2"}, "paymentInformation.0.text": {"First"}, "paymentInformation.1.text": {"Second"}}
		two.Set("do", "paymentInformation.1.up")
		b.submit("services", two)
		require.Less(w, strings.Index(b.page, "Second"), strings.Index(b.page, "First"))
		two.Set("do", "paymentInformation.0.remove")
		b.submit("services", two).shows("Second").hides("First")
	})
}
