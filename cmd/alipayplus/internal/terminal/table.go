package terminal

import "strings"

// narrowest is how narrow a column may become when a table is wider than the terminal.
const narrowest = 8

// Table shows rows of foreign texts below their titles. Where the view has a width and the
// rows are wider, the widest columns are cut; the first one, which names things, never is.
func Table(titles []string, rows [][]string, view Options) string {
	shown := make([][]string, 0, len(rows)+1)
	shown = append(shown, titles)
	widths := make([]int, len(titles))
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, text := range row {
			safe[i] = harmless(text)
		}
		shown = append(shown, safe)
	}
	for _, row := range shown {
		for i, text := range row {
			widths[i] = max(widths[i], columns(text))
		}
	}
	fit(widths, view.Width)
	var b strings.Builder
	for i, row := range shown {
		line := tableLine(row, widths)
		if i == 0 && view.Color {
			line = "\x1b[1m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// fit makes the widest columns narrower until a line fits; 0: whatever its width.
func fit(widths []int, width int) {
	total := 0
	for _, w := range widths {
		total += w + len(gap)
	}
	for total -= len(gap); width > 0 && total > width; total-- {
		widest := 0
		for i := 1; i < len(widths); i++ {
			if widths[i] > narrowest && (widest == 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest == 0 {
			return
		}
		widths[widest]--
	}
}

// gap is between two columns.
const gap = "  "

func tableLine(row []string, widths []int) string {
	var b strings.Builder
	for i, text := range row {
		text = cut(text, widths[i])
		b.WriteString(text + strings.Repeat(" ", widths[i]-columns(text)) + gap)
	}
	return strings.TrimRight(b.String(), " ")
}

// columns is how many columns a text takes at most.
func columns(text string) (n int) {
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}
