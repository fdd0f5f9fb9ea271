package console_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
)

func TestLadderShowsHowFarTheReleaseIs(t *testing.T) {
	for _, tt := range []struct {
		ratio alipayplus.Ratio
		want  string
	}{
		{0, "[..............................]   0%   1 5 10 20 30 50 100"},
		{1, "[#.............................]   1%   (1) 5 10 20 30 50 100"},
		{30, "[#########.....................]  30%   1 5 10 20 (30) 50 100"},
		{100, "[##############################] 100%   1 5 10 20 30 50 (100)"},
	} {
		got := console.Ladder(alipayplus.Grayscale{Ratio: tt.ratio, Ladder: alipayplus.DefaultLadder()})
		require.Equal(t, tt.want, got)
	}
}

func TestUploadTellsTenthsOfALargeFileAndTheEndOfAny(t *testing.T) {
	var out strings.Builder
	c := console.New(&out)
	large := c.Upload("package")
	const size = 4 << 20
	for sent := int64(0); sent <= size; sent += size / 64 {
		large(sent, size)
	}
	require.Equal(t, 10, strings.Count(out.String(), "\n"))

	out.Reset()
	small := c.Upload("image")
	small(10, 20)
	require.Empty(t, out.String())
	small(20, 20)
	require.Contains(t, out.String(), "image: 20 of 20 bytes")
}

func TestForeignTextDoesNotSteerTheTerminal(t *testing.T) {
	var out strings.Builder
	console.New(&out).Detail("reason: %s", "\x1b[2Jgone\nerror: none")
	require.Equal(t, "         reason:  [2Jgone error: none\n", out.String())
}

func TestReviewsTellEachPartyAndItsReason(t *testing.T) {
	got := console.Reviews([]alipayplus.Review{
		{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewApproved},
		{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewRejected, Reason: "no ICP filing"},
	})
	require.Equal(t, "ALIPAY_PLUS APPROVED, ALIPAY_CN REJECTED (no ICP filing)", got)
}

func TestQRCodeIsSquareWithAMargin(t *testing.T) {
	var out strings.Builder
	require.NoError(t, console.New(&out).QRCode("https://example.com/"))
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	width := len([]rune(strings.TrimPrefix(lines[0], "         ")))
	require.InDelta(t, width, 2*len(lines), 1)
	require.Equal(t, strings.Repeat("█", width), strings.TrimPrefix(lines[0], "         "))
}
