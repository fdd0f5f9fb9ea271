package rollout

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

// defaultWidth is that of a terminal which does not tell.
const defaultWidth = 80

// DetectTerminal says how to show a rollout on a file, standard error for example:
// repainted where it is a terminal that can do that, and in color unless the variable
// NO_COLOR is set (no-color.org); else in plain lines. TERM=dumb means plain lines,
// and so does a TERM that is not set, but in the terminal of Windows.
func DetectTerminal(file *os.File) TerminalOptions {
	if file == nil || !term.IsTerminal(int(file.Fd())) || !paints(os.Getenv, runtime.GOOS) {
		return TerminalOptions{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = defaultWidth
	}
	return TerminalOptions{Redraw: true, Width: width, Color: os.Getenv("NO_COLOR") == ""}
}

// paints says whether the terminal of the environment obeys ANSI sequences.
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
