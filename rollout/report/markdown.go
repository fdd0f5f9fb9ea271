package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Markdown shows how the rollout stands, with its ladder, as for the summary of a CI job.
// Texts of others are shown as code, so that they are nothing but text.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Rollout %s: %s\n\n", rollout.MarkdownCode(r.title()), strings.ReplaceAll(r.Outcome, "_", " "))
	if r.Rollout != "" && r.Rollout != r.title() {
		fmt.Fprintf(&b, "%s\n\n", rollout.MarkdownCode(r.Rollout))
	}
	fmt.Fprintf(&b, "```text\n%s\n", fenced(r.Message))
	if r.ladder != "" {
		fmt.Fprintf(&b, "%s\n", fenced(r.ladder))
	}
	b.WriteString("```\n")
	if len(r.Steps) > 0 {
		b.WriteString("\n| step | state | live since (UTC) | gates | |\n|---|---|---|---|---|\n")
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.Name, s.State, since(s.LiveAt), gateCell(s.Gates), rollout.MarkdownCode(s.Why))
	}
	if r.WaitingFor != "" {
		fmt.Fprintf(&b, "\nWaiting: %s\n", rollout.MarkdownCode(r.WaitingFor))
	}
	if r.Approve != "" {
		fmt.Fprintf(&b, "\nTo approve:\n\n```sh\n%s\n```\n", fenced(r.Approve))
	}
	if r.GoOn != "" {
		fmt.Fprintf(&b, "\nTo continue:\n\n```sh\n%s\n```\n", fenced(r.GoOn))
	}
	return b.String()
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

func gateCell(gates []Gate) string {
	cells := make([]string, len(gates))
	for i, g := range gates {
		cells[i] = fmt.Sprintf("%s %s", rollout.MarkdownCode(g.Name), g.State)
		if g.Why != "" {
			cells[i] += ": " + rollout.MarkdownCode(g.Why)
		}
	}
	return strings.Join(cells, "<br>")
}

// fenced is text that cannot end the code that it stands in.
func fenced(text string) string {
	const longest = 2000 // a summary of GitHub may have 1 MiB
	runes := []rune(strings.ReplaceAll(OneLine(text), "`", "'"))
	if len(runes) > longest {
		runes = append(runes[:longest], []rune("...")...)
	}
	return string(runes)
}

// ladder is the bar of the ladder.
func ladder(in Input) string {
	var offered alipayplus.Ladder
	if in.Observation != nil {
		offered = in.Observation.Ladder
	}
	ratios := make([]alipayplus.Ratio, len(in.State.Spec.Steps))
	for i, step := range in.State.Spec.Steps {
		ratios[i] = step.Ratio
	}
	return LadderBar(offered, ratios, in.State.Ratio)
}

// LadderBar draws how far a version has come, in one line of ASCII: the share of the
// users who have it, and the ratios of the ladder, where a star marks the steps of a
// rollout and brackets what is live:
//
//	[#########.....................]  30%   1* 5 10* 20 (30*) 50 100*
//
// A step and a live ratio that are not on the ladder are shown in their places. The
// steps may be nil, and the ladder zero.
func LadderBar(ladder alipayplus.Ladder, steps []alipayplus.Ratio, live alipayplus.Ratio) string {
	const width = 30
	filled := width * int(min(max(live, 0), alipayplus.FullRatio)) / int(alipayplus.FullRatio)
	if live > 0 {
		filled = max(filled, 1)
	}
	bar := strings.Repeat("#", filled) + strings.Repeat(".", width-filled)
	return strings.TrimRight(fmt.Sprintf("[%s] %4v   %s", bar, live, rungs(ladder, steps, live)), " ")
}

func rungs(ladder alipayplus.Ladder, steps []alipayplus.Ratio, live alipayplus.Ratio) string {
	all := append(ladder.Ratios(), steps...)
	if live > 0 {
		all = append(all, live)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	shown := make([]string, len(all))
	for i, ratio := range all {
		shown[i] = fmt.Sprint(int(ratio))
		if slices.Contains(steps, ratio) {
			shown[i] += "*"
		}
		if ratio == live {
			shown[i] = "(" + shown[i] + ")"
		}
	}
	return strings.Join(shown, " ")
}
