package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestAMiniProgramGetsLanguagesAndConfiguration(t *testing.T) {
	withFixture(t, func(w *fixture) {
		p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}})
		require.NoError(w, err)
		at := "programs/" + p.ID
		b := w.signedIn(w.owner).get(at).shows("Tea", `<span class="status bad">zh-CN</span>`)
		b.submit(at+"/languages", url.Values{"language": {"zh-CN"}, "name": {"茶"}}).shows("茶").hides(`<span class="status bad">`)
		b.submit(at+"/configure", url.Values{"serverDomains": {"api.example.com"}}).shows("api.example.com")
		b.attach(at+"/versions", "package", []byte("no zip"), url.Values{"version": {"1.0.0"}}).shows("Something is missing or wrong:")
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
		b.attach(at+"/versions", "package", zipPackage(w), url.Values{"version": {"one"}})
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
		b.attach(at+"/versions", "package", make([]byte, 34<<20), url.Values{"version": {"1.0.0"}})
		require.Equal(w, http.StatusRequestEntityTooLarge, b.status)
	})
}

// A developer sees what a developer may see, and is told who may do more.
func TestADeveloperMayNotConfigure(t *testing.T) {
	withFixture(t, func(w *fixture) {
		p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}})
		require.NoError(w, err)
		b := w.signedIn(w.member("dan", alipayplus.RoleDeveloper)).get("programs/" + p.ID).hides("Audit log")
		b.submit("programs/"+p.ID+"/configure", nil).shows("You may not do this.", "ask OWNER or MASTER")
		require.Equal(w, http.StatusForbidden, b.status)
		require.Equal(w, http.StatusForbidden, b.get("audit").status)
		w.signedIn(w.owner).get("audit").shows("DENIED", "programs.updateConfiguration", "dan")
	})
}
