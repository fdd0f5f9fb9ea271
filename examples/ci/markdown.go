package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// markdown shows how the rollout stands, with its ladder. Texts of others are shown
// as code, so that they are nothing but text.
func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Rollout %s: %s\n\n", code(cmp.Or(r.Rollout, "not begun")), strings.ReplaceAll(r.Outcome, "_", " "))
	fmt.Fprintf(&b, "```text\n%s\n", fenced(r.Message))
	if r.ladder != "" {
		fmt.Fprintf(&b, "%s\n", fenced(r.ladder))
	}
	b.WriteString("```\n")
	if len(r.Steps) > 0 {
		b.WriteString("\n| step | state | live since (UTC) | gates | |\n|---|---|---|---|---|\n")
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.Name, s.State, since(s.LiveAt), gateCell(s.Gates), code(s.Why))
	}
	if r.WaitingFor != "" {
		fmt.Fprintf(&b, "\nWaiting: %s\n", code(r.WaitingFor))
	}
	if r.GoOn != "" {
		fmt.Fprintf(&b, "\nTo go on:\n\n```sh\n%s\n```\n", fenced(r.GoOn))
	}
	return b.String()
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

func gateCell(gates []gateResult) string {
	cells := make([]string, len(gates))
	for i, g := range gates {
		cells[i] = fmt.Sprintf("%s %s", code(g.Name), g.State)
		if g.Why != "" {
			cells[i] += ": " + code(g.Why)
		}
	}
	return strings.Join(cells, "<br>")
}

// code shows text as code in a cell of a table.
func code(text string) string {
	if text = fenced(text); text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// fenced is text that cannot end the code that it stands in.
func fenced(text string) string {
	const longest = 2000 // a summary of GitHub may have 1 MiB
	runes := []rune(strings.ReplaceAll(oneLine(text), "`", "'"))
	if len(runes) > longest {
		runes = append(runes[:longest], []rune("...")...)
	}
	return string(runes)
}

// oneLine keeps foreign text from breaking a line or steering a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, visible(text))
}

// visible leaves out the characters that nobody sees, among them those that turn the
// text behind them around.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}
