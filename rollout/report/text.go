package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// OneLine makes text of others harmless: one line without control characters and without
// characters that nobody sees, among them those that turn the text behind them around.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, Visible(text))
}

// Visible leaves out the characters that nobody sees, among them those that turn the text
// behind them around. It keeps line feeds.
func Visible(text string) string { return validation.Visible(text) }

// Encode writes JSON in one line, readable where it holds command lines. Characters
// that nobody sees, among them those that turn text around, are written as escapes.
func Encode(v any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		_, _ = io.WriteString(&line, err.Error())
	}
	var shown bytes.Buffer
	for _, r := range strings.TrimSpace(line.String()) {
		if !unicode.Is(unicode.Cf, r) {
			shown.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			_, _ = fmt.Fprintf(&shown, `\u%04x`, half)
		}
	}
	return shown.Bytes()
}

// textWidth is how wide the lines of [Report.Text] are, in columns.
const textWidth = 80

// Text returns the report for people who sit before a terminal, in lines of 80 columns.
func (r *Report) Text() string {
	var b strings.Builder
	add := func(label, text string) {
		if text != "" {
			b.WriteString(Wrap(fmt.Sprintf("%-8s ", label), text, textWidth))
		}
	}
	add("rollout", r.Rollout)
	if r.Target != r.Rollout {
		add("of", r.Target)
	}
	add("version", strings.TrimSpace(r.Program+" "+r.Version))
	if r.Status != "" {
		add("status", fmt.Sprintf("%s at %v", r.Status, r.Ratio))
	}
	add("ladder", r.ladder)
	for _, s := range r.Steps {
		parts := []string{s.Why}
		if !s.LiveAt.IsZero() {
			parts = []string{"since " + since(s.LiveAt), s.Why}
		}
		for _, g := range s.Gates {
			part := fmt.Sprintf("gate %s %s", g.Name, g.State)
			if g.Why != "" {
				part += ": " + g.Why
			}
			parts = append(parts, part)
		}
		parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
		add(s.Name, OneLine(fmt.Sprintf("%-8s %s", s.State, strings.Join(parts, ", "))))
	}
	add("waiting", r.WaitingFor)
	if r.Stop != nil {
		add("why", OneLine(r.Stop.Reason))
	}
	add("approve", r.Approve)
	add("next", r.GoOn)
	return b.String()
}

// Wrap breaks text between words into lines of so many columns. The first one begins with
// the label, and the others as far from the edge. A word that is longer than a line, such as
// an address, stays whole. A width of 0 or less breaks nothing.
func Wrap(label, text string, width int) string {
	var b strings.Builder
	b.WriteString(label)
	indent := columns(label)
	at := indent
	for i, word := range strings.Split(text, " ") {
		switch n := columns(word); {
		case i == 0:
			at += n
		case width > 0 && at+1+n > width && at > indent:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent + n
		default:
			b.WriteByte(' ')
			at += 1 + n
		}
		b.WriteString(word)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// columns is how many columns of a terminal a text takes: Chinese characters take two.
func columns(text string) (n int) {
	const firstWide = 0x1100 // Hangul; nothing before it is wide
	for _, r := range text {
		n++
		if r >= firstWide {
			n++
		}
	}
	return n
}
