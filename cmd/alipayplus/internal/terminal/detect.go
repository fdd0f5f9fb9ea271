package terminal

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

const (
	// defaultWidth is that of a terminal of unknown size.
	defaultWidth = 80
	// minHeight holds the highest block of two reviews, and the line behind it where the
	// cursor stays: one that has scrolled away cannot be painted over.
	minHeight = 9 + maxGateLines
)

// Detect says how to show a rollout on a file, standard error for example:
// repainted where it is a terminal that can do that, and in color unless the variable
// NO_COLOR is set (no-color.org); else in plain lines. TERM=dumb means plain lines,
// and so does a TERM that is not set, but in the terminal of Windows. So does a terminal
// of fewer than 15 rows, where what is repainted would not fit.
func Detect(file *os.File) Options {
	if file == nil || !term.IsTerminal(int(file.Fd())) || !paints(os.Getenv, runtime.GOOS) {
		return Options{}
	}
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		width, height = 0, 0
	}
	return sized(width, height, os.Getenv("NO_COLOR") == "")
}

// sized is how to show a rollout on a terminal of a size; 0: unknown.
func sized(width, height int, color bool) Options {
	if width <= 0 {
		width = defaultWidth
	}
	return Options{Redraw: height <= 0 || height >= minHeight, Width: width, Color: color}
}

// paints says whether the terminal of the environment understands ANSI sequences.
func paints(getenv func(string) string, system string) bool {
	switch getenv("TERM") {
	case "dumb":
		return false
	case "":
		return system == "windows" && getenv("WT_SESSION") != ""
	default:
		return true
	}
}
