package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/examples/ci/terminal"
)

// Bar shows in one line how far something has come. It is not safe for concurrent use.
type Bar struct {
	// Paint paints the line over and over in its place, cut to the Width of the
	// terminal. Otherwise there is a new line for each tenth.
	Paint bool
	// Width is the number of columns of the terminal.
	Width int

	out     io.Writer
	what    string
	total   int
	tenth   int
	painted time.Time
	// line is the newest, shown the one that was written last.
	line, shown string
}

// NewBar makes a bar of what there is a total of. It paints if that suits what is
// behind out.
func NewBar(out io.Writer, what string, total int) *Bar {
	file, _ := out.(*os.File)
	shown := terminal.Detect(file)
	return &Bar{Paint: shown.Redraw, Width: shown.Width, out: out, what: what, total: max(total, 1), tenth: -1}
}

// Show shows how much is done, and a remark. It may be called often.
func (b *Bar) Show(done int, remark string) {
	const width, pause = 30, 100 * time.Millisecond
	filled := min(done*width/b.total, width)
	b.line = fmt.Sprintf("%-10s [%s%s] %3d%%  %s", b.what,
		strings.Repeat("#", filled), strings.Repeat(".", width-filled), min(done*100/b.total, 100), oneLine(remark))
	if !b.Paint {
		if tenth := done * 10 / b.total; tenth != b.tenth {
			b.tenth = tenth
			b.write()
		}
		return
	}
	if now := time.Now(); done >= b.total || now.Sub(b.painted) >= pause {
		b.painted = now
		b.write()
	}
}

// End shows what was told last, and ends the line.
func (b *Bar) End() {
	if b.line != b.shown {
		b.write()
	}
	if b.Paint {
		_, _ = fmt.Fprintln(b.out)
	}
}

func (b *Bar) write() {
	b.shown = b.line
	if !b.Paint {
		_, _ = fmt.Fprintln(b.out, strings.TrimRight(b.line, " "))
		return
	}
	line := b.line
	if columns := []rune(line); len(columns) >= b.Width {
		line = string(columns[:max(b.Width-1, 0)]) // a line that wraps cannot be painted over
	}
	_, _ = fmt.Fprint(b.out, "\r"+line+"\x1b[K")
}
