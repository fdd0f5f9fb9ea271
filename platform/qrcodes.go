package platform

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/alipayplus-go/alipayplus"
)

// maxQRText is how many bytes fit into the largest QR code at the level used here.
const maxQRText = 2331

// createQRCode makes the code for a mini program that is live somewhere. Only the
// audit log keeps it: the same fields give the same code, as documented.
func createQRCode(c *call, in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error) {
	program, err := c.programFor(alipayplus.ActionRelease, in.AppID)
	if err != nil {
		return nil, err
	}
	live, err := c.isLive(program.ID)
	if err != nil {
		return nil, err
	}
	if !live {
		return nil, conflict("no version of mini program %s is released; a QR code would lead nowhere", program.ID)
	}
	value := qrText(in)
	if len(value) > maxQRText {
		return nil, invalid("appQrCodeParams", "is too long for a QR code, together with appQrCodePage")
	}
	picture, err := qrPicture(value)
	if err != nil {
		return nil, fmt.Errorf("draw the QR code: %w", err)
	}
	c.audit("QR code", program.ID, "", "CREATED", strings.TrimSpace(string(in.Type)+" "+in.Page))
	return &alipayplus.QRCode{Value: value, Picture: base64.StdEncoding.EncodeToString(picture), PictureType: "PNG"}, nil
}

// isLive says whether any version is in grayscale or fully released.
func (c *call) isLive(program string) (bool, error) {
	for _, target := range c.p.targets {
		at := &releaseRecord{Workspace: c.workspace(), Release: alipayplus.Release{ProgramID: program, TargetApp: target.App()}}
		for _, status := range []alipayplus.ReleaseStatus{alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull} {
			n, err := count(c.tx, c.releasesIn(at, status), 1)
			if err != nil || n > 0 {
				return n > 0, err
			}
		}
	}
	return false, nil
}

// qrText is the content of the code. The real form is not documented; this one
// is the platform's own.
func qrText(in alipayplus.CreateQRCodeInput) string {
	query := url.Values{"appId": {in.AppID}, "type": {string(in.Type)}}
	if in.Page != "" {
		query.Set("page", in.Page)
	}
	if in.Params != "" {
		query.Set("query", in.Params)
	}
	return "https://platform.invalid/qr?" + query.Encode()
}

// qrPicture draws a code as PNG, with the white margin of four modules that
// scanners need.
func qrPicture(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	const module, margin = 8, 4
	modules := code.Bounds().Dx()
	side := (modules + 2*margin) * module
	out := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range modules {
		for x := range modules {
			if code.At(x, y) == color.Black {
				fillSquare(out, (margin+x)*module, (margin+y)*module, module)
			}
		}
	}
	var buf bytes.Buffer
	err = png.Encode(&buf, out)
	return buf.Bytes(), err
}

// fillSquare blackens a square, row by row: image/draw looks up the color of
// every pixel, which makes a large code take a third of a second.
func fillSquare(picture *image.Paletted, left, top, side int) {
	for y := range side {
		row := picture.Pix[picture.PixOffset(left, top+y):]
		for x := range side {
			row[x] = 1
		}
	}
}
