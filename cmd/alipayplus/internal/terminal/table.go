package terminal

import (
	"slices"
	"strings"
)

// narrowest is how narrow a column of texts may become when a table is wider than the
// terminal.
const narrowest = 8

// gap is between two columns.
const gap = "  "

// more stands in the titles for columns that are left out.
const more = "..."

// Table shows rows of foreign texts below their titles. Where the view has a width and the
// rows are wider, texts of several words are cut, the widest first; then columns are left out
// from the right. A part of an id, a status or a time says nothing, so these are never cut.
func Table(titles []string, rows [][]string, view Options) string {
	shown := make([][]string, 0, len(rows)+1)
	shown = append(shown, slices.Clone(titles))
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, text := range row {
			safe[i] = harmless(text)
		}
		shown = append(shown, safe)
	}
	widths := fit(shown, view.Width)
	var b strings.Builder
	for i, row := range shown {
		line := tableLine(row, widths)
		if i == 0 && len(widths) < len(row) {
			line += more
		}
		line = strings.TrimRight(line, " ")
		if i == 0 && view.Color {
			line = "\x1b[1m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// fit returns the widths of the columns that are shown; 0: whatever the width of a line.
func fit(rows [][]string, width int) []int {
	widths, least := make([]int, len(rows[0])), make([]int, len(rows[0]))
	for i, row := range rows {
		for k, text := range row {
			n := columns(text)
			widths[k] = max(widths[k], n)
			if k > 0 && strings.Contains(text, " ") || i == 0 {
				n = min(n, narrowest)
			}
			least[k] = max(least[k], n)
		}
	}
	if width <= 0 {
		return widths
	}
	for all := len(least); len(least) > 1 && lineWidth(least) > width; {
		if len(least) == all {
			width -= len(gap + more)
		}
		least = least[:len(least)-1]
	}
	widths = widths[:len(least)]
	narrow(widths, least, width)
	return widths
}

// narrow takes from the widest columns, down to the least that each needs, until a line fits.
func narrow(widths, least []int, width int) {
	for lineWidth(widths) > width {
		widest := -1
		for k := range widths {
			if widths[k] > least[k] && (widest < 0 || widths[k] > widths[widest]) {
				widest = k
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// lineWidth is how many columns of the terminal a line takes.
func lineWidth(widths []int) (total int) {
	for _, w := range widths {
		total += w + len(gap)
	}
	return total - len(gap)
}

func tableLine(row []string, widths []int) string {
	var b strings.Builder
	for i, width := range widths {
		text := cut(row[i], width)
		b.WriteString(text + strings.Repeat(" ", width-columns(text)) + gap)
	}
	return b.String()
}

// columns is how many columns a text takes at most.
func columns(text string) (n int) {
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}
