package console

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// Terminal shows rollouts in the way that suits what is behind out: a block that is
// painted over and over on a terminal, lines anywhere else.
func Terminal(out io.Writer) *rollout.Terminal {
	file, _ := out.(*os.File)
	return rollout.NewTerminal(out, rollout.DetectTerminal(file))
}

// Ticking lets the countdown of a terminal run, until stop is called.
func Ticking(ctx context.Context, t *rollout.Terminal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ticking sync.WaitGroup
	ticking.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				t.Tick(now)
			}
		}
	})
	return func() { cancel(); ticking.Wait() }
}
