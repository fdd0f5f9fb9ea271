package platform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png" // the codes are PNG
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAQRCodeNeedsAVersionThatIsLive(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram()
		create := func() error {
			_, err := w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{AppID: program.ID})
			return err
		}
		notYet := "no version of mini program " + program.ID + " is released; a QR code would lead nowhere"
		require.ErrorContains(w, create(), notYet)
		r := w.prepared(program.ID, "1.0.0")
		require.ErrorIs(w, create(), alipayplus.ErrConflict)

		r, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(1))
		require.NoError(w, err)
		require.NoError(w, create(), "in grayscale some users can open it")
		w.cancel(r)
		require.ErrorContains(w, create(), notYet)
		w.full(program.ID, "1.0.1")
		require.NoError(w, create())
	})
}

func TestTheSameFieldsGiveTheSameQRCode(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.full(w.authorizedProgram().ID, "1.0.0").ProgramID
		in := alipayplus.CreateQRCodeInput{AppID: program, Page: "pages/tea", Params: "table=4&x=茶", Description: "table four"}
		first, err := w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err)
		again, err := w.owner.QRCodes.Create(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, first, again)
		require.Equal(w, "PNG", first.PictureType)

		picture, err := first.PNG()
		require.NoError(w, err)
		img, format, err := image.Decode(bytes.NewReader(picture))
		require.NoError(w, err)
		require.Equal(w, "png", format)
		require.Equal(w, img.Bounds().Dx(), img.Bounds().Dy())
		for _, edge := range []image.Point{{0, 0}, {31, 31}, {img.Bounds().Dx() - 1, 5}} {
			r, g, b, _ := img.At(edge.X, edge.Y).RGBA()
			require.Equal(w, []uint32{0xffff, 0xffff, 0xffff}, []uint32{r, g, b}, "a white margin at %v", edge)
		}
		r, _, _, _ := img.At(32, 32).RGBA()
		require.Zero(w, r, "a finder pattern begins right inside the margin")

		for name, change := range map[string]func(*alipayplus.CreateQRCodeInput){
			"page":       func(in *alipayplus.CreateQRCodeInput) { in.Page = "pages/other" },
			"parameters": func(in *alipayplus.CreateQRCodeInput) { in.Params = "table=5" },
			"type":       func(in *alipayplus.CreateQRCodeInput) { in.Type = "POSTER" },
		} {
			other := in
			change(&other)
			code, err := w.owner.QRCodes.Create(w.Context(), other)
			require.NoError(w, err)
			require.NotEqual(w, first.Value, code.Value, name)
			require.NotEqual(w, first.Picture, code.Picture, name)
		}
	})
}

func TestTheLargestFieldsStillFitIntoAQRCode(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	withFixture(t, func(w *fixture) {
		program := w.full(w.authorizedProgram().ID, "1.0.0").ProgramID
		code, err := w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{
			AppID: program, Page: strings.Repeat("p", 256), Params: strings.Repeat("q", 256),
		})
		require.NoError(w, err)
		_, err = code.PNG()
		require.NoError(w, err)
		w.Log("Signs that take nine bytes in an address may be too many; where the border is, is no failure either.")
		fits := 0
		for n := 250; n <= 256; n += 2 {
			_, err := w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{AppID: program, Params: strings.Repeat("茶", n)})
			if err == nil {
				fits = n
				continue
			}
			require.ErrorIs(w, err, alipayplus.ErrInvalid)
			require.ErrorContains(w, err, "appQrCodeParams is too long for a QR code, together with appQrCodePage")
			break
		}
		require.Positive(w, fits)
	})
}

// TestTheAnswerOfAQRCodeIsTheDocumentedOne: its fields stand beside the result.
func TestTheAnswerOfAQRCodeIsTheDocumentedOne(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.full(w.authorizedProgram().ID, "1.0.0").ProgramID
		log := len(w.auditLog())
		got := w.rawClient("olga").call(contract.QRCodeCreate, `{"appId":"`+program+`","appQrCodeType":"PROMO"}`)
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		var body map[string]any
		require.NoError(w, json.Unmarshal([]byte(got.Body), &body))
		require.Len(w, body, 4)
		require.Equal(w, "PNG", body["appQrCodeResultPicType"])
		require.NotEmpty(w, body["appQrCode"])
		require.NotEmpty(w, body["appQrCodePicValue"])
		require.Equal(w, map[string]any{"resultStatus": "S", "resultCode": "SUCCESS", "resultMessage": "success"}, body["result"])
		require.Equal(w, []string{"QR code olga " + program + " CREATED PROMO"}, kinds(w.auditLog()[log:]))
	})
}

// kinds says what entries are about.
func kinds(entries []platform.AuditEntry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s %s %s %s %s", e.Kind, e.Who, e.ID, e.To, e.Note))
	}
	return all
}

func TestALiveVersionAtAnyTargetWillDo(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner})
		require.NoError(w, err)
		w.apply(r.ID)
		w.approve()
		_, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		_, err = w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{AppID: program.ID})
		require.NoError(w, err)
	}, platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
}
