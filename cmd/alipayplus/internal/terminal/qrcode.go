package terminal

import (
	"image"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the empty edge of a QR code, in modules. Its standard asks for 4; phones read it
// with 2, which fits into a terminal of 24 rows.
const quiet = 2

// QRCode draws a text as a QR code that a phone can read from the terminal: two modules a
// character, one above the other. In color it is dark on light whatever the terminal's own
// colors are; without, it expects a dark background. The width is in columns. The error says
// that the text does not fit into a code.
func QRCode(text string, view Options) (drawn string, width int, err error) {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return "", 0, err
	}
	size := code.Bounds()
	light := func(x, y int) bool {
		if !(image.Point{X: x, Y: y}).In(size) {
			return true
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r != 0
	}
	var b strings.Builder
	for y := -quiet; y < size.Dy()+quiet; y += 2 {
		if view.Color {
			b.WriteString("\x1b[97;40m")
		}
		for x := -quiet; x < size.Dx()+quiet; x++ {
			switch top, bottom := light(x, y), light(x, y+1); {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		if view.Color {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String(), size.Dx() + 2*quiet, nil
}
