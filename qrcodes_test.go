package alipayplus_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func qrPicture(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, image.NewGray(image.Rect(0, 0, 4, 4))))
	return buf.Bytes()
}

func TestQRCodePicture(t *testing.T) {
	picture := qrPicture(t)
	code := alipayplus.QRCode{Picture: base64.StdEncoding.EncodeToString(picture), PictureType: "PNG"}

	got, err := code.PNG()
	require.NoError(t, err)
	require.Equal(t, picture, got)

	// saving replaces what was there
	name := filepath.Join(t.TempDir(), "code.png")
	require.NoError(t, os.WriteFile(name, bytes.Repeat([]byte("x"), 2*len(picture)), 0o600))
	require.NoError(t, code.Save(name))
	saved, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, picture, saved)
}

func TestQRCodePictureThatIsNone(t *testing.T) {
	var photo bytes.Buffer
	require.NoError(t, jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 4, 4)), nil))
	for _, tt := range []struct{ name, picture, want string }{
		{"empty", "", `QR code: the picture (type "JPG") is no PNG`},
		{"not base64", "<html>", "QR code: the picture is not base64"},
		{"not a PNG", base64.StdEncoding.EncodeToString(photo.Bytes()), `QR code: the picture (type "JPG") is no PNG`},
		{"cut off", base64.StdEncoding.EncodeToString(qrPicture(t)[:20]), `QR code: the picture (type "JPG") is no PNG`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := alipayplus.QRCode{Picture: tt.picture, PictureType: "JPG"}
			_, err := code.PNG()
			require.EqualError(t, err, tt.want)

			name := filepath.Join(t.TempDir(), "code.png")
			require.EqualError(t, code.Save(name), tt.want)
			require.NoFileExists(t, name)
		})
	}
}

func TestQRCodeCannotBeSavedWhereNothingIs(t *testing.T) {
	code := alipayplus.QRCode{Picture: base64.StdEncoding.EncodeToString(qrPicture(t))}
	err := code.Save(filepath.Join(t.TempDir(), "missing", "code.png"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "QR code: save the picture: ")
}
