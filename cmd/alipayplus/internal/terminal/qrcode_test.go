package terminal

import (
	"image"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/boombuler/barcode/qr"
	"github.com/stretchr/testify/require"
)

// Whoever scans the drawing must get the modules of the code.
func TestAQRCodeIsDrawnModuleByModule(t *testing.T) {
	const text = "https://qr.example/menu"
	code, err := qr.Encode(text, qr.L, qr.Auto)
	require.NoError(t, err)

	drawn, width, err := QRCode(text, Options{})

	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	size := code.Bounds().Dx()
	for y := range size {
		line := []rune(lines[(y+quiet)/2])
		require.Len(t, line, size+2*quiet)
		for x := range size {
			black, _, _, _ := code.At(x, y).RGBA()
			halves := map[rune][2]bool{'█': {}, '▀': {false, true}, '▄': {true, false}, ' ': {true, true}}
			require.Equal(t, black == 0, halves[line[x+quiet]][(y+quiet)%2], "%v", image.Pt(x, y))
		}
	}
	require.Equal(t, width, utf8.RuneCountInString(lines[0]))
	require.Less(t, len(lines), 24)
	_, _, err = QRCode(strings.Repeat("x", 5000), Options{})
	require.Error(t, err, "it does not fit")
}

func TestAQRCodeIsDarkOnLightInColor(t *testing.T) {
	drawn, _, err := QRCode("x", Options{Color: true})

	require.NoError(t, err)
	for line := range strings.Lines(drawn) {
		require.True(t, strings.HasPrefix(line, "\x1b[97;40m") && strings.HasSuffix(line, "\x1b[0m\n"))
	}
}
