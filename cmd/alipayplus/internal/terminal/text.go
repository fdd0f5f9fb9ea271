package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// harmless makes foreign text safe for a terminal: one line of valid UTF-8 without
// control characters, nor those that turn the direction of the text behind them.
func harmless(text string) string {
	text = validation.OneLine(strings.ToValidUTF8(text, "?"))
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}

// cut shortens text to a number of columns.
func cut(text string, width int) string {
	const dots = "..."
	columns, kept := 0, 0
	for i, r := range text {
		columns += columnsOf(r)
		if columns > width {
			return text[:kept] + dots[:min(max(width, 0), len(dots))]
		}
		if columns <= width-len(dots) {
			kept = i + len(string(r))
		}
	}
	return text
}

// columnsOf is how many columns a character takes at most: whatever may be wide is
// taken for wide, because a line that is too short does no harm, and one that wraps
// ruins a block that is painted over.
func columnsOf(r rune) int {
	const firstWide = 0x1100 // Hangul; nothing before it is wide
	if r < firstWide {
		return 1
	}
	return 2
}

// clockTime is a point in time as the terminal shows it, which is as events have it in
// their words.
func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// left says how long it is until then, in begun seconds, so that a countdown begins at
// its full length: "1d 02:03:04 left".
func left(until, now time.Time) string {
	d := until.Sub(now)
	if d <= 0 {
		return "due now"
	}
	const day = 24 * time.Hour
	d = (d + time.Second - 1).Truncate(time.Second)
	seconds := int64((d % day) / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d left", seconds/3600, seconds/60%60, seconds%60)
	if days := int64(d / day); days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}
