package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// created gives the page of a release of version 1.0.0 in a browser, made by clicking alone.
func (w *fixture) created() (b *browser, release string) {
	w.Helper()
	b = w.signedIn(w.owner).get("programs").shows("There is nothing here yet.")
	b.submit("programs", url.Values{"language": {"zh-CN"}, "name": {"蓝湖茶"}}).shows("蓝湖茶", "Not authorized")
	program := strings.TrimPrefix(b.at, origin+"/release/console/programs/")
	b.attach("programs/"+program+"/versions", "package", zipPackage(w), url.Values{"version": {"1.0.0"}, "description": {"First"}}).shows("1.0.0", "First")
	b.submit("programs/"+program+"/releases", url.Values{"version": {"1.0.0"}, "targetApp": {"ALIPAY_CN"}}).shows("The platform must be authorized first.")
	require.Equal(w, http.StatusConflict, b.status)
	b.get("programs/"+program).submit("programs/"+program+"/authorize", nil).shows("Open the page that authorizes")
	require.NoError(w, w.p.GrantAuthorization(w.Context(), w.workspace, program, alipayplus.TargetAlipayCN))
	b.get("programs/" + program).shows("Authorized").hides("Open the page that authorizes")
	b.submit("programs/"+program+"/releases", url.Values{"version": {"1.0.0"}, "targetApp": {"ALIPAY_CN"}}).shows("New version created")
	require.Equal(w, http.StatusOK, b.status, b.page)
	return b, strings.TrimPrefix(b.at, origin+"/release/console/releases/")
}

// decided has both parties approve or reject all that waits, each in a browser of its own.
func (w *fixture) decided(verdict url.Values) {
	w.Helper()
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		b := w.signedIn(w.reviewer(party))
		for _, found := range regexp.MustCompile(`href="/release/console/(reviews/\w+)"`).FindAllStringSubmatch(b.page, -1) {
			b.get(found[1]).submit(found[1]+"/decide", verdict)
			require.Equal(w, http.StatusOK, b.status, b.page)
		}
	}
}

func TestAReleaseFromItsCreationToAllUsers(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		at := "releases/" + release
		b.submit(at+"/configure", url.Values{"serverDomains": {"api.example.com\r\nwww.example.com"}, "h5Domains": {""}}).shows("api.example.com\nwww.example.com")
		b.submit(at+"/configure", url.Values{"serverDomains": {"not a domain"}}).shows("Something is missing or wrong:", "not a domain", "Server domains 0")
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
		b.get(at).submit(at+"/apply", url.Values{"contactName": {"Wang Fang"}}).shows("Under review")
		b.submit(at+"/withdraw", nil).shows("New version created").submit(at+"/apply", url.Values{"contactName": {"Wang Fang"}})

		reviewer := w.signedIn(w.reviewer(alipayplus.PartyAlipayCN))
		reviewer.get(regexp.MustCompile(`reviews/\w+`).FindString(reviewer.page))
		reviewer.shows("Lin Mei", "Wang Fang", "changed", "api.example.com", "蓝湖茶")
		w.decided(url.Values{"verdict": {"approve"}})

		b.get(at).shows("Release preparation", "Alipay+", "AlipayCN")
		for _, ratio := range []string{"5", "30"} {
			time.Sleep(10 * time.Minute)
			b.submit(at+"/grayscale", url.Values{"ratio": {ratio}}).shows("Grayscale release", ratio+"%", "<circle")
		}
		b.hides(`<option value="5">`)
		stale := b.form(at + "/grayscale")
		b.submit(at+"/grayscale", url.Values{"ratio": {"100"}}).shows("Full release").hides("from\" value")
		stale.Set("ratio", "50")
		b.post(at+"/grayscale", stale)
		require.Equal(w, http.StatusConflict, b.status)
		b.get(at).submit(at+"/offline", nil).shows("Archived")
		b.get("releases?status=ARCHIVED").shows("1.0.0").get("releases?status=FULL_RELEASE").hides("1.0.0")
	})
}

func TestARejectionIsRead(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		at := "releases/" + release
		b.submit(at+"/apply", nil)
		w.decided(url.Values{"verdict": {"reject"}, "reason": {"The icon is <b>too</b> small"}})
		b.get(at).shows("New version created", "The icon is <b>too</b> small")
		require.NotContains(w, b.page, "<b>")
		b.submit(at+"/delete", nil)
		require.Equal(w, origin+"/release/console/releases", b.at)
		require.Equal(w, http.StatusNotFound, b.get(at).status)
		b.get("releases").hides("1.0.0")
	})
}

func TestAnUnknownStepIsNone(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		form := b.form("sign-out")
		b.post("releases/r/destroy", form)
		require.Equal(w, http.StatusNotFound, b.status)
	})
}

// "Next steps: Generate QR codes": a mini program that users have gets one, another one does not.
func TestAQRCode(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		r, err := w.owner.Releases.Get(w.Context(), release)
		require.NoError(w, err)
		program := "programs/" + r.ProgramID
		b.get(program).submit(program+"/qrcode", nil).shows("not possible in the present state")
		require.Equal(w, http.StatusConflict, b.status)
		b.get("releases/"+release).submit("releases/"+release+"/apply", nil)
		w.decided(url.Values{"verdict": {"approve"}})
		b.get("releases/"+release).submit("releases/"+release+"/finalize", nil).shows("Full release")
		b.get(program).submit(program+"/qrcode", url.Values{"page": {"pages/index/index"}})
		require.Equal(w, alipayplus.ContentPNG, b.header.Get("Content-Type"))
		require.True(w, strings.HasPrefix(b.page, "\x89PNG"))
	})
}

// brokenOff is an AlipayCN that refuses a withdrawal when it has done a part of it.
type brokenOff struct{ *platform.SimulatedAlipayCN }

func (brokenOff) Withdraw(context.Context, platform.TargetCall) error {
	return fmt.Errorf("%w: it moves (%w)", alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown)
}

// What is refused may be done in part: that comes first.
func TestARefusalOfWhichTheOutcomeIsUnknown(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		at := "releases/" + release
		b.get(at).submit(at+"/apply", nil).submit(at+"/withdraw", nil)
		b.shows("It is not known whether this was done. Send the same form again", "it moves")
		require.Equal(w, http.StatusConflict, b.status)
	}, platform.WithTargetBackends(brokenOff{platform.NewSimulatedAlipayCN()}))
}

// A partner app has the step of compatibility testing, and its page shows the report.
func TestACompatibilityTest(t *testing.T) {
	device := alipayplus.TestDevice{System: "Android 16", Network: "5G", Device: "Pixel 9"}
	app := platform.NewPartnerApp("LAKE_WALLET", platform.PartnerAppOptions{
		TestDevices: []alipayplus.TestDevice{device}, Test: func(*alipayplus.Release, alipayplus.TestDevice) string { return "The <b>logo</b> is cut" },
	})
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner)
		b.get("programs").submit("programs", url.Values{"language": {"en-US"}, "name": {"Tea"}})
		program := strings.TrimPrefix(b.at, origin+"/release/console/")
		b.attach(program+"/versions", "package", zipPackage(w), url.Values{"version": {"1.0.0"}})
		b.submit(program+"/releases", url.Values{"version": {"1.0.0"}, "targetApp": {"LAKE_WALLET"}}).shows("New version created", "Test Compatibility")
		release := strings.TrimPrefix(b.at, origin+"/release/console/")
		b.submit(release+"/test", nil)
		b.get(release).shows("Failed", "Pixel 9", "Android 16", "5G", "The <b>logo</b> is cut")
		b.submit(release+"/configure", url.Values{"serverDomains": {"api.example.com"}}).shows("The configuration has changed since.")
	}, platform.WithTargetBackends(app))
}
