package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAQRCodeIsDrawnWithItsQuietEdge(t *testing.T) {
	t.Parallel()

	drawn, width := drawQRCode("https://example.com/qr?appId=2171000000000001")

	lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
	require.Equal(t, "\x1b[97;40m"+strings.Repeat("█", width)+"\x1b[0m", lines[0])
	require.Len(t, lines, (width+1)/2)
	require.Contains(t, lines[1], "██ ▄▄▄▄▄ █", "the finder in the corner")
	for _, line := range lines {
		require.Equal(t, width, len([]rune(line))-len("\x1b[97;40m\x1b[0m"))
	}
	_, width = drawQRCode(strings.Repeat("x", 5000))
	require.Zero(t, width, "it does not fit")
}
