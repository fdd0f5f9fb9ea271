package rollout

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// The ANSI sequences.
const (
	ansiReset  = "\x1b[0m"
	ansiRed    = "\x1b[31m"
	ansiGreen  = "\x1b[32m"
	ansiYellow = "\x1b[33m"
	// ansiToEnd erases the line behind the cursor, ansiBelow the screen below it.
	ansiToEnd = "\x1b[K"
	ansiBelow = "\x1b[J"
)

const (
	labelWidth = 9
	// maxGateLines is how many gates are shown, so that the block fits on any screen.
	maxGateLines = 6
	// ladderLegend says what the star of [LadderBar] is.
	ladderLegend = "   (* step)"
)

// blockLine is a line of the block.
type blockLine struct{ label, text, color string }

// paint paints the block over the one before.
func (t *Terminal) paint(now time.Time) {
	if t.shown == nil {
		return
	}
	var b strings.Builder
	if t.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", t.lines)
	}
	// One column stays free: some terminals wrap as soon as the last is written.
	room := t.options.Width - 1 - labelWidth
	lines := t.shown.block(now, room)
	for _, line := range lines {
		text := cut(line.text, room)
		fmt.Fprintf(&b, "%-*s%s%s\n", labelWidth, line.label, t.colored(text, line.color), ansiToEnd)
	}
	b.WriteString(ansiBelow)
	t.lines = len(lines)
	t.write(b.String())
}

// block is what is shown at a time, in lines that may be cut to the room.
func (v *view) block(now time.Time, room int) []blockLine {
	e := v.last
	lines := []blockLine{
		{"rollout", e.name(), ""},
		{"status", v.status(), e.Status.color()},
	}
	lines = append(lines, e.reviewLines()...)
	ladder := e.ladder()
	if e.Status != "" && len(ladder+ladderLegend) <= room {
		ladder += ladderLegend
	}
	lines = append(lines, blockLine{"ladder", ladder, ""})
	if v.waiting != nil {
		lines = append(lines, blockLine{"now", v.waiting.words(now), colorOf(*v.waiting)})
	}
	lines = append(lines, v.gateLines()...)
	if v.message.Kind != "" {
		lines = append(lines, blockLine{"last", clockTime(v.message.At) + " " + v.message.words(now), colorOf(v.message)})
	}
	return lines
}

// status says how the rollout and its target stand, and when that was read.
func (v *view) status() string {
	e := v.last
	if e.Observation == nil {
		return harmless(cmp.Or(string(e.Status), "not known"))
	}
	status := fmt.Sprintf("%s, %s", e.Status, e.Observation.Status)
	if e.Observation.Detail != "" {
		status += " (" + e.Observation.Detail + ")"
	}
	return harmless(status) + ", seen " + clockTime(v.seen)
}

func (e Event) reviewLines() []blockLine {
	var lines []blockLine
	for i, text := range e.reviews() {
		lines = append(lines, blockLine{"review", text, reviewColor(e.Observation.Reviews[i].Status)})
	}
	if lines == nil {
		lines = []blockLine{{"review", "no verdict yet", ""}}
	}
	return lines
}

func (v *view) gateLines() []blockLine {
	var lines []blockLine
	for i, e := range v.sortedGates() {
		if i == maxGateLines-1 && len(v.gates) > maxGateLines {
			return append(lines, blockLine{"gate", fmt.Sprintf("and %d more", len(v.gates)-i), ""})
		}
		lines = append(lines, blockLine{"gate", strings.TrimPrefix(e.words(e.At), "gate "), colorOf(e)})
	}
	return lines
}

// colored colors a text where that is asked for.
func (t *Terminal) colored(text, color string) string {
	if !t.options.Color || color == "" {
		return text
	}
	return color + text + ansiReset
}

// colorOf is the color of an event: red for what stops a rollout, yellow for what may
// delay it, green for progress.
func colorOf(e Event) string {
	switch e.Kind {
	case EventPaused, EventAborted, EventEnded, EventFailed:
		return ansiRed
	case EventRetrying, EventRefused:
		return ansiYellow
	case EventRaised, EventDone, EventApproved:
		return ansiGreen
	case EventGate:
		return verdictColor(e.Verdict)
	default:
		return ""
	}
}

func verdictColor(v *Verdict) string {
	switch {
	case v == nil || v.Decision == Wait:
		return ansiYellow
	case v.Decision == Pass:
		return ansiGreen
	default:
		return ansiRed
	}
}

func (s Status) color() string {
	switch s {
	case Done:
		return ansiGreen
	case Paused, Aborted, Ended:
		return ansiRed
	default:
		return ""
	}
}

func reviewColor(s alipayplus.ReviewStatus) string {
	switch s {
	case alipayplus.ReviewApproved:
		return ansiGreen
	case alipayplus.ReviewRejected:
		return ansiRed
	default:
		return ""
	}
}
