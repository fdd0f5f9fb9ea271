package console

import (
	"io"
	"os"

	"github.com/alipayplus-go/alipayplus/examples/ci/terminal"
)

// Terminal shows rollouts in the way that suits what is behind out: a block that is
// painted over and over on a terminal, lines anywhere else.
func Terminal(out io.Writer) *terminal.View {
	file, _ := out.(*os.File)
	return terminal.New(out, terminal.Detect(file))
}
