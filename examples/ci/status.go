package main

import (
	"context"
	"errors"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// The exit statuses.
const (
	// exitDone: all users have the version; for other commands, what was asked is done.
	exitDone = 0
	// exitInternal: something failed that has no status of its own.
	exitInternal = 1
	// exitUsage: the flags, the spec or the variables cannot be used.
	exitUsage = 2
	// exitAuthentication: the platform does not let the caller do it.
	exitAuthentication = 3
	// exitNotFound: there is no such release.
	exitNotFound = 4
	// exitConflict: somebody or something else is in the way.
	exitConflict = 5
	// exitGateFailed: a gate failed.
	exitGateFailed = 6
	// exitRejected: a review ended without approval.
	exitRejected = 7
	// exitPending: it is not over; the same command line goes on.
	exitPending = 8
	// exitTimeout: a deadline of the spec has passed.
	exitTimeout = 9
	// exitInterrupted: Ctrl-C; the same command line goes on.
	exitInterrupted = 130
)

// outcome is the exit status in a word.
func outcome(status int) string {
	return map[int]string{
		exitDone: "done", exitInternal: "internal", exitUsage: "usage", exitAuthentication: "authentication",
		exitNotFound: "not_found", exitConflict: "conflict", exitGateFailed: "gate_failed", exitRejected: "rejected",
		exitPending: "pending", exitTimeout: "timeout", exitInterrupted: "interrupted",
	}[status]
}

// exitStatus says by what status the program ends. The context is that which cut a
// run short, if one did.
func (j *job) exitStatus(ctx context.Context, err error) int {
	_, wrong := errors.AsType[wrongUse](err)
	_, forged := errors.AsType[*alipayplus.SignatureError](err)
	switch {
	case err == nil:
		return exitDone
	case wrong:
		return exitUsage
	case errors.Is(err, rollout.ErrPaused) && j.isRun():
		return exitPending // by a person, who lets it go on
	case cutShort(ctx, err):
		if errors.Is(context.Cause(ctx), errInterrupted) {
			return exitInterrupted
		}
		return exitPending
	case forged:
		return exitAuthentication
	}
	for _, of := range classes() {
		if errors.Is(err, of.class) {
			return of.status
		}
	}
	return exitInternal
}

// cutShort says whether the run ended because it had to, and not by itself.
func cutShort(ctx context.Context, err error) bool {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return errors.Is(err, rollout.ErrPending) || ctx.Err() != nil && ended
}

func (j *job) isRun() bool { return j.opts.command == commandRun || j.opts.command == commandStep }

type class struct {
	class  error
	status int
}

// classes are the classes of errors with their statuses. The first that fits counts.
func classes() []class {
	return []class{
		{rollout.ErrGateFailed, exitGateFailed},
		{rollout.ErrRejected, exitRejected},
		{rollout.ErrDeadline, exitTimeout},
		{rollout.ErrPaused, exitConflict}, // what was ordered was refused
		{rollout.ErrAborted, exitConflict},
		{rollout.ErrLeaseLost, exitConflict},
		{alipayplus.ErrUnauthenticated, exitAuthentication},
		{alipayplus.ErrPermission, exitAuthentication},
		{alipayplus.ErrAuthorizationRequired, exitAuthentication},
		{alipayplus.ErrNotFound, exitNotFound},
		{alipayplus.ErrConflict, exitConflict},
		{alipayplus.ErrLimit, exitConflict},
		{alipayplus.ErrInvalid, exitUsage},
	}
}
