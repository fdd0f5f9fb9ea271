package terminal

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
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
	// ladderLegend says what the star of [report.LadderBar] is.
	ladderLegend = "   (* step)"
)

// blockLine is a line of the block.
type blockLine struct{ label, text, color string }

// paint paints the block over the one before.
func (t *View) paint(now time.Time) {
	if t.shown == nil {
		return
	}
	var b strings.Builder
	if t.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", t.lines)
	}
	// One column stays free: some terminals wrap as soon as the last is written.
	room := t.options.Width - 1 - labelWidth
	lines := t.shown.block(now, room, t.hint(t.shown.waiting), t.pause(t.shown))
	for _, line := range lines {
		text := cut(line.text, room)
		fmt.Fprintf(&b, "%-*s%s%s\n", labelWidth, line.label, t.colored(text, line.color), ansiToEnd)
	}
	b.WriteString(ansiBelow)
	t.lines = len(lines)
	t.write(b.String())
}

// block is what is shown at a time, in lines that may be cut to the room, with what a person
// can do, and the command that pauses it.
func (v *progress) block(now time.Time, room int, hint, pause string) []blockLine {
	e := v.last
	lines := []blockLine{
		{"rollout", nameOf(e), ""},
		{"status", v.status(), statusColor(e.Status)},
	}
	lines = append(lines, reviewLines(e)...)
	ladder := ladderOf(e)
	if e.Status != "" && len(ladder+ladderLegend) <= room {
		ladder += ladderLegend
	}
	lines = append(lines, blockLine{"ladder", ladder, ""})
	if v.waiting != nil {
		lines = append(lines, blockLine{"now", message(*v.waiting, now), colorOf(*v.waiting)})
		lines = append(lines, broken("next", cmp.Or(hint, nextOf(e)), room)...)
	}
	lines = append(lines, v.gateLines()...)
	if v.message.Kind != "" {
		lines = append(lines, blockLine{"last", clockTime(v.message.At) + " " + message(v.message, now), colorOf(v.message)})
	}
	return append(lines, broken("pause", pause, room)...)
}

// nextOf is the next ratio of the spec; empty when it is not known, or there is none.
func nextOf(e rollout.Event) string {
	if e.Status != rollout.Running {
		return ""
	}
	for _, ratio := range e.Steps {
		switch {
		case ratio <= e.Ratio:
		case ratio == alipayplus.FullRatio:
			return "release to all users"
		default:
			return fmt.Sprintf("raise to %v", ratio)
		}
	}
	return ""
}

// broken is a text that must be whole, such as a command, in as many lines as it takes; none
// for an empty one.
func broken(label, text string, room int) (lines []blockLine) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= room:
			line += " " + word
		default:
			lines = append(lines, blockLine{label, line, ""})
			label, line = "", word
		}
	}
	if line != "" {
		lines = append(lines, blockLine{label, line, ""})
	}
	return lines
}

// status says how the rollout and its target stand, and when that was read.
func (v *progress) status() string {
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

func reviewLines(e rollout.Event) []blockLine {
	var lines []blockLine
	for i, text := range reviewsOf(e) {
		lines = append(lines, blockLine{"review", text, reviewColor(e.Observation.Reviews[i].Status)})
	}
	if lines == nil {
		lines = []blockLine{{"review", "no verdict yet", ""}}
	}
	return lines
}

func (v *progress) gateLines() []blockLine {
	var lines []blockLine
	for i, e := range v.sortedGates() {
		if i == maxGateLines-1 && len(v.gates) > maxGateLines {
			return append(lines, blockLine{"gate", fmt.Sprintf("and %d more", len(v.gates)-i), ""})
		}
		lines = append(lines, blockLine{"gate", strings.TrimPrefix(message(e, e.At), "gate "), colorOf(e)})
	}
	return lines
}

// colored colors a text where that is asked for.
func (t *View) colored(text, color string) string {
	if !t.options.Color || color == "" {
		return text
	}
	return color + text + ansiReset
}

// colorOf is the color of an event: red for what stops a rollout, yellow for what may
// delay it, green for progress.
func colorOf(e rollout.Event) string {
	switch e.Kind {
	case rollout.EventPaused, rollout.EventAborted, rollout.EventEnded, rollout.EventFailed:
		return ansiRed
	case rollout.EventRetrying, rollout.EventRefused:
		return ansiYellow
	case rollout.EventRaised, rollout.EventDone, rollout.EventApproved:
		return ansiGreen
	case rollout.EventGate:
		return verdictColor(e.Verdict)
	default:
		return ""
	}
}

func verdictColor(v *rollout.Verdict) string {
	switch {
	case v == nil || v.Decision == rollout.Wait:
		return ansiYellow
	case v.Decision == rollout.Pass:
		return ansiGreen
	default:
		return ansiRed
	}
}

func statusColor(s rollout.Status) string {
	switch s {
	case rollout.Done:
		return ansiGreen
	case rollout.Paused, rollout.Aborted, rollout.Ended:
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
