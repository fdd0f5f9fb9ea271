package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Why a run is cut short, as context.Cause tells.
var (
	errInterrupted = errors.New("interrupted")
	errOutOfTime   = errors.New("the time of --max-time is up")
)

// ending are the signals by which terminals, CI systems and container runtimes end a job:
// Ctrl-C; "docker stop" and the like; the end of the terminal or its connection; Ctrl-\ and
// the stop signal of some images. On Windows Ctrl-Break comes as the first, and the end of
// the console, of the session and of the system as the second.
func ending() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // as nohup asks
			all = append(all, s)
		}
	}
	return all
}

// untilSignal returns a context that ends with the first signal that ends a job; what the
// next one does, finishing says. A reader of the outputs who goes away ends nothing.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, ending()...)
	go func() {
		if s, ok := <-signals; ok {
			cancel(causeOf(s))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// causeOf is why a run ends that gets the signal.
func causeOf(s os.Signal) error {
	if s == os.Interrupt {
		return errInterrupted
	}
	return fmt.Errorf("asked to end by %s", signalName(s))
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	default:
		return s.String()
	}
}
