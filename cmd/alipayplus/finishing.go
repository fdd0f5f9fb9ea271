package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

const finishingText = "finishing the change that was begun; Ctrl-C ends it now, nothing is lost"

// finishingAfter is how long the program may take to end before it says why.
const finishingAfter = 300 * time.Millisecond

// finishing says why the program is still there after its context has ended, by a signal
// or --max-time, and ends it at once by a signal then, with its result and reports: what was
// about to be done is stored, and the next run finds out whether it was. Until that is said,
// a further signal is taken for the same one: terminals and whatever started the program
// send it twice.
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
		signal.Notify(again, ending()...)
		defer signal.Stop(again)
		late := time.NewTimer(finishingAfter)
		defer late.Stop()
		said := false
		for {
			select {
			case <-over:
				return
			case s := <-again:
				if said {
					j.endAtOnce(context.WithoutCancel(ctx), s)
				}
			case <-late.C:
				if !j.show.say(context.WithoutCancel(ctx), "FINISHING", finishingText) {
					_, _ = fmt.Fprintln(j.stderr, finishingText)
				}
				said = true
			}
		}
	})
	return func() { close(over); waiting.Wait() }
}

// opened is what is known once the rollout was opened.
type opened struct {
	store  rollout.Store
	target rollout.Target
	name   string
}

// endAtOnce ends the program by its second signal, with a result that rests on what is
// stored.
func (j *job) endAtOnce(ctx context.Context, s os.Signal) {
	j.concluding.Lock() // never unlocked: nothing else is reported any more
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(causeOf(s))
	last := &job{opts: j.opts, stdout: j.stdout, stderr: j.stderr, width: j.width, show: j.show}
	if o := j.opened.Load(); o != nil {
		last.opened.Store(o)
		last.store, last.target, last.name = o.store, o.target, o.name
		last.state, _ = rollout.ReadState(context.WithoutCancel(ctx), o.store, o.name) // the result does without
	}
	last.message = fmt.Sprintf("%v: ended at once; the next run finds out what became of the change that was begun", causeOf(s))
	last.conclude(ctx, &rollout.PendingError{Rollout: last.name, Err: ctx.Err()})
	last.publish()
	os.Exit(int(last.result.ExitStatus))
}
