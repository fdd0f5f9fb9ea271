package console_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
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

func TestABarIsALineForEachTenthWhereNothingPaints(t *testing.T) {
	var out strings.Builder
	bar := console.NewBar(&out, "releasing", 200)
	require.False(t, bar.Paint)
	for done := range 201 {
		bar.Show(done, "some\x1b[2J")
	}
	bar.End()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 11)
	require.Equal(t, "releasing  [###############...............]  50%  some [2J", lines[5])
	require.Equal(t, "releasing  [##############################] 100%  some [2J", lines[10])
}

func TestABarIsPaintedInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		bar := console.NewBar(&out, "", 0)
		bar.Paint, bar.Width = true, 60
		bar.Show(0, "a")
		bar.Show(0, "too soon")
		time.Sleep(time.Second)
		bar.Show(0, "b")
		bar.Show(1, "at the end, as far as there is room")
		bar.End()
		const empty, full = "           [..............................]   0%  ", "           [##############################] 100%  "
		require.Equal(t, "\r"+empty+"a\x1b[K\r"+empty+"b\x1b[K\r"+full+"at the en\x1b[K\n", out.String())
	})
}

func TestABarEndsWithWhatWasToldLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, paint := range []bool{false, true} {
			var out strings.Builder
			bar := console.NewBar(&out, "releasing", 100)
			bar.Paint, bar.Width = paint, 80
			bar.Show(0, "1 QUEUED")
			bar.Show(1, "1 RUNNING")
			bar.Show(2, "1 PAUSED")
			bar.End()

			first, last := "releasing  [..............................]   0%  1 QUEUED", "releasing  [..............................]   2%  1 PAUSED"
			want := first + "\n" + last + "\n"
			if paint {
				want = "\r" + first + "\x1b[K\r" + last + "\x1b[K\n"
			}
			require.Equal(t, want, out.String())
		}
	})
}

func TestATerminalTicksUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		terminal := console.Terminal(&out)
		waiting := rollout.Event{Kind: rollout.EventWaiting, Rollout: "tea", What: "watching 10%", At: time.Now(), Until: time.Now().Add(time.Hour)}
		require.NoError(t, terminal.Sink()(t.Context(), waiting))
		stop := terminal.Ticking(t.Context())
		time.Sleep(90 * time.Second)
		stop()
		require.Equal(t, 2, strings.Count(out.String(), "watching 10%"), "once, and after a minute again")
	})
}
