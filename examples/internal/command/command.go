// Package command is the frame of the examples: flags, the line that says what
// went wrong, the exit status, and how a program is stopped.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit statuses.
const (
	// Done: all went well, or help was asked for.
	Done = 0
	// Failed: an error, which standard error tells.
	Failed = 1
	// Usage: the command line cannot be used.
	Usage = 2
	// Interrupted: Ctrl-C or SIGTERM came first, as shells count SIGINT.
	Interrupted = 130
)

// Main calls run and exits with its status. The context ends with Ctrl-C or
// SIGTERM.
func Main(run func(context.Context) (status int)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx)
	stop()
	os.Exit(status)
}

// Run parses the flags, calls do, and returns the exit status. An error becomes
// one line on stderr, behind which stands how to go on if it is [Resumable], and the
// usage if it is a [Misuse]. Words that are no flags are refused.
func Run(flags *flag.FlagSet, args []string, stderr io.Writer, do func() error) (status int) {
	flags.SetOutput(stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return Done
	case err != nil:
		return Usage
	}
	err := extra(flags)
	if err == nil {
		err = do()
	}
	if err == nil {
		return Done
	}
	if _, ok := errors.AsType[misuse](err); ok {
		_, _ = fmt.Fprintf(stderr, "error: %v\n", err)
		flags.Usage()
		return Usage
	}
	if e, ok := errors.AsType[interrupted](err); ok {
		_, _ = fmt.Fprintf(stderr, "interrupted: %v\n", err)
		if e.resumable {
			_, _ = fmt.Fprintln(stderr, "Run the same command again: what is done is not done twice.")
		}
		return Interrupted
	}
	_, _ = fmt.Fprintf(stderr, "error: %v\n", err)
	return Failed
}

// extra refuses words that no flag has taken.
func extra(flags *flag.FlagSet) error {
	if flags.NArg() == 0 {
		return nil
	}
	return Misuse(fmt.Errorf("there are flags only, and %q is none", flags.Arg(0)))
}

// Misuse returns the error of a command line that cannot be used: [Run] shows the usage
// with it.
func Misuse(err error) error { return misuse{err} }

type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// Resumable returns the error of a program that goes on where it was when it is
// run again. If the context has ended, that is what came of being interrupted.
func Resumable(ctx context.Context, err error) error {
	return stopped(ctx, err, true)
}

// Interruptible is [Resumable] for a program that begins anew when it is run again.
func Interruptible(ctx context.Context, err error) error {
	return stopped(ctx, err, false)
}

func stopped(ctx context.Context, err error, resumable bool) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return interrupted{err, resumable}
}

type interrupted struct {
	error

	resumable bool
}

func (i interrupted) Unwrap() error { return i.error }
