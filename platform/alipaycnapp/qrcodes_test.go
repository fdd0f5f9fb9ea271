package alipaycnapp_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// TestQRCodesAreAlipayCNs: one for the same fields, with the picture that AlipayCN drew.
func TestQRCodesAreAlipayCNs(t *testing.T) {
	given(t, func(w *fixture) {
		in := alipayplus.CreateQRCodeInput{AppID: w.program, Page: "pages/index/index", Params: "table=5"}
		r := w.prepared()
		_, err := w.owner.QRCodes.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrConflict, "no version is live")
		_, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)

		code, err := w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err)
		require.Regexp(w, `^https://openapi\.alipay\.com/pictures/qrcode-\d+\.png$`, code.Value)
		_, err = code.PNG()
		require.NoError(w, err)
		again, err := w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, code, again)
		in.Params = "table=6"
		another, err := w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err)
		require.NotEqual(w, code.Value, another.Value)
		require.Equal(w, 2, w.g.Effects(mini)["qrcodes.create"])
	})
}

// TestAQRCodeThatAlipayCNDoesNotMake: the answer says why, and nothing is kept.
func TestAQRCodeThatAlipayCNDoesNotMake(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		_, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		_, err = w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{AppID: w.program})
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "appQrCodePage is required for AlipayCN")
		in := alipayplus.CreateQRCodeInput{AppID: w.program, Page: "pages/index/index", Params: "table"}
		_, err = w.owner.QRCodes.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		in.Params = ""
		w.g.Inject(alipaycntest.Fault{Operation: "qrcodes.create", Status: http.StatusServiceUnavailable})
		_, err = w.owner.QRCodes.Create(w.Context(), in)
		require.Error(w, err)
		_, err = w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err, "it may be asked for again")
		require.NoError(w, w.g.RevokeAuthorization(mini))
		in.Page = "pages/other/other"
		_, err = w.owner.QRCodes.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
	})
}
