package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"
)

const finishingText = "finishing the change that was begun; Ctrl-C ends it now, nothing is lost"

// finishingAfter is how long the program may take to end before it says why.
const finishingAfter = 300 * time.Millisecond

// finishing says why the program is still there after its context has ended, by a signal
// or -max-time, and ends it at once by a Ctrl-C then: what was about to be done is stored,
// and the next run finds out whether it was. A SIGTERM that follows, as CI runners send
// it, ends nothing.
func (j *job) finishing(ctx context.Context) (stop func()) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt)
		defer signal.Stop(again)
		late := time.NewTimer(finishingAfter)
		defer late.Stop()
		for {
			select {
			case <-over:
				return
			case <-again:
				_, _ = fmt.Fprintln(j.stderr, "interrupted: ended at once; the next run finds out what became of the change that was begun")
				os.Exit(exitInterrupted)
			case <-late.C:
				if !j.show.say(context.WithoutCancel(ctx), "FINISHING", finishingText) {
					_, _ = fmt.Fprintln(j.stderr, finishingText)
				}
			}
		}
	})
	return func() { close(over); waiting.Wait() }
}
