package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/alipayplus-go/alipayplus"
)

// finish makes the QR code after all users have the version.
func (s *shipment) finish(ctx context.Context) error {
	wanted := s.manifest.QRCode
	if wanted == nil {
		return nil
	}
	code, err := s.client.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{
		AppID: s.program.ID, Page: wanted.Page, Params: wanted.Params, Description: wanted.Description,
	})
	path := s.qrPath()
	if err == nil {
		err = code.Save(path)
	}
	if err != nil {
		return fmt.Errorf("all users have the version, but there is no QR code: %w", err)
	}
	s.showQRCode(code.Value)
	s.say("QR code", "%s, for", path)
	s.sayWhole(code.Value)
	return nil
}

// qrPath is the path of the PNG file.
func (s *shipment) qrPath() string { return cmp.Or(s.qrFile, besides(s.file, s.manifest.QRCode.File)) }

// showQRCode draws a QR code on the terminal that standard error is, if there is one that is
// large enough.
func (s *shipment) showQRCode(value string) {
	drawn, width := drawQRCode(value)
	if s.redraw && width > 0 && width < s.width {
		_, _ = io.WriteString(s.stderr, drawn)
	}
}

// quiet is the empty edge of a QR code, in modules.
const quiet = 2

// drawQRCode draws a QR code of half blocks, two modules a character, dark on light as
// scanners expect it. The width is in columns; 0: the text does not fit into one.
func drawQRCode(value string) (drawn string, width int) {
	code, err := qr.Encode(value, qr.L, qr.Auto)
	if err != nil {
		return "", 0
	}
	size := code.Bounds().Dx()
	light := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return true
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r > 0
	}
	var b strings.Builder
	for y := -quiet; y < size+quiet; y += 2 {
		// White on black whatever the colors of the terminal are.
		b.WriteString("\x1b[97;40m")
		for x := -quiet; x < size+quiet; x++ {
			switch upper, lower := light(x, y), light(x, y+1); {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), size + 2*quiet
}
