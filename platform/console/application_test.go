package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What AlipayCN reviews is entered with its pictures, changed, and taken away again.
func TestTheApplicationToAlipayCN(t *testing.T) {
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		at := "releases/" + release
		b.get(at).attach(at+"/configure", "alipayCn.logoFileId.0.file", picture(w), url.Values{
			"alipayCn.name": {"蓝湖茶"}, "alipayCn.slogan": {"湖畔好茶送到家门口"}, "alipayCn.categories": {"XS1001_XS2001_XS3002\r\nXS1002_XS2002_XS3003"},
			"alipayCn.twoStageReview": {"yes"},
		})
		require.Equal(w, http.StatusOK, b.status, b.page)
		r, err := w.owner.Releases.Get(w.Context(), release)
		require.NoError(w, err)
		entered := r.Configuration.AlipayCN
		require.Equal(w, "蓝湖茶", entered.Name)
		require.Equal(w, []string{"XS1001_XS2001_XS3002", "XS1002_XS2002_XS3003"}, entered.Categories)
		require.True(w, entered.TwoStageReview)
		require.Len(w, entered.FileIDs(), 1)

		b.attach(at+"/configure", "alipayCn.screenshotFileIds.0.file", picture(w), url.Values{"alipayCn.memo": {"Second time"}})
		r, err = w.owner.Releases.Get(w.Context(), release)
		require.NoError(w, err)
		require.Equal(w, entered.LogoFileID, r.Configuration.AlipayCN.LogoFileID, "what was not touched stays")
		require.Len(w, r.Configuration.AlipayCN.ScreenshotFileIDs, 1)
		require.Equal(w, "Second time", r.Configuration.AlipayCN.Memo)

		b.get(at).submit(at+"/configure", url.Values{"alipayCn.screenshotFileIds.0.remove": {"yes"}, "alipayCn.slogan": {strings.Repeat("湖畔好茶", 9)}})
		require.Equal(w, http.StatusUnprocessableEntity, b.status)
		b.shows("Slogan", "Second time")
		b.get(at).submit(at+"/configure", url.Values{"alipayCn.screenshotFileIds.0.remove": {"yes"}})
		r, err = w.owner.Releases.Get(w.Context(), release)
		require.NoError(w, err)
		require.Empty(w, r.Configuration.AlipayCN.ScreenshotFileIDs)
	})
}
