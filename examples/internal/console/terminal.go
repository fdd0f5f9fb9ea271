package console

import (
	"io"
	"os"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// Terminal shows rollouts in the way that suits what is behind out: a block that is
// painted over and over on a terminal, lines anywhere else.
func Terminal(out io.Writer) *rollout.Terminal {
	file, _ := out.(*os.File)
	return rollout.NewTerminal(out, rollout.DetectTerminal(file))
}
