package report

import (
	"context"
	"errors"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Exit is the exit status by which a program says how a rollout ended.
type Exit int

// The exit statuses.
const (
	// ExitDone: all users have the version; for other commands, what was asked is done.
	ExitDone Exit = 0
	// ExitInternal: something failed that has no status of its own.
	ExitInternal Exit = 1
	// ExitUsage: flags, variables, spec or input cannot be used.
	ExitUsage Exit = 2
	// ExitAuthentication: the platform does not let the caller do it.
	ExitAuthentication Exit = 3
	// ExitNotFound: there is no such release, version or rollout.
	ExitNotFound Exit = 4
	// ExitConflict: somebody or something else is in the way.
	ExitConflict Exit = 5
	// ExitGateFailed: a gate failed.
	ExitGateFailed Exit = 6
	// ExitRejected: a review ended without approval, or somebody said no to an order.
	ExitRejected Exit = 7
	// ExitPending: it is not over; the same command continues it.
	ExitPending Exit = 8
	// ExitTimeout: a deadline of the spec has passed.
	ExitTimeout Exit = 9
	// ExitInterrupted: Ctrl-C; the same command continues it. A shell reports 130 for a
	// program that SIGINT ended.
	ExitInterrupted Exit = 130
)

// Exits returns all exit statuses, in rising order.
func Exits() []Exit {
	return []Exit{
		ExitDone, ExitInternal, ExitUsage, ExitAuthentication, ExitNotFound, ExitConflict,
		ExitGateFailed, ExitRejected, ExitPending, ExitTimeout, ExitInterrupted,
	}
}

// ExitOf returns the exit status of what a run of a rollout, or any other call of this
// library, came to: [ExitDone] for nil, [ExitPending] for a rollout that is not over or that
// a person has paused, [ExitInternal] for what has no status of its own. Errors are
// examined by errors.Is, wrapped or not.
func ExitOf(err error) Exit {
	if err == nil {
		return ExitDone
	}
	if _, forged := errors.AsType[*alipayplus.SignatureError](err); forged {
		return ExitAuthentication
	}
	if _, ended := errors.AsType[*alipayplus.ReviewError](err); ended {
		return ExitRejected
	}
	if _, refused := errors.AsType[*alipayplus.OrderError](err); refused {
		return ExitRejected
	}
	for _, of := range classes() {
		if errors.Is(err, of.class) {
			return of.exit
		}
	}
	return ExitInternal
}

type class struct {
	class error
	exit  Exit
}

// classes are the classes of errors with their exit statuses. The first that fits counts.
func classes() []class {
	return []class{
		{rollout.ErrPending, ExitPending},
		{rollout.ErrGateFailed, ExitGateFailed},
		{rollout.ErrRejected, ExitRejected},
		{rollout.ErrDeadline, ExitTimeout},
		{rollout.ErrPaused, ExitPending}, // by a person, who lets it continue
		{rollout.ErrAborted, ExitConflict},
		{rollout.ErrLeaseLost, ExitConflict},
		{rollout.ErrStalePlan, ExitConflict},
		{alipayplus.ErrUnauthenticated, ExitAuthentication},
		{alipayplus.ErrPermission, ExitAuthentication},
		{alipayplus.ErrAuthorizationRequired, ExitAuthentication},
		{alipayplus.ErrNotFound, ExitNotFound},
		{alipayplus.ErrConflict, ExitConflict},
		{alipayplus.ErrLimit, ExitConflict},
		{alipayplus.ErrInvalid, ExitUsage},
		{context.Canceled, ExitPending},
		{context.DeadlineExceeded, ExitPending},
	}
}

// String returns the exit status as a word: "gate_failed". It is the outcome in a [Report].
func (e Exit) String() string {
	word, _, _ := e.describe()
	return word
}

// Meaning says in one line what the exit status means.
func (e Exit) Meaning() string {
	_, meaning, _ := e.describe()
	return meaning
}

// WayOut says in one line what to do; empty for [ExitDone].
func (e Exit) WayOut() string {
	_, _, wayOut := e.describe()
	return wayOut
}

func (e Exit) describe() (word, meaning, wayOut string) {
	switch e {
	case ExitDone:
		return "done", "what was asked is done; for a run: all users have the version", ""
	case ExitInternal:
		return "internal", "something else failed, or the result cannot be printed", "read the message"
	case ExitUsage:
		return "usage", "flags, variables or files cannot be used", "correct them"
	case ExitAuthentication:
		return "authentication", "key, client id, role or authorization", "correct it, run again"
	case ExitNotFound:
		return "not_found", "no such release, version or rollout", "correct its name"
	case ExitConflict:
		return "conflict", "something else is in the way", "read the message"
	case ExitGateFailed:
		return "gate_failed", "a gate failed, and the rollout is paused or aborted", "find the cause, then resume or abort"
	case ExitRejected:
		return "rejected", "a review ended without approval, or an order was refused", "correct it, then resume"
	case ExitPending:
		return "pending", "it is not over, or a person has paused it", "run it again; when paused, resume first"
	case ExitTimeout:
		return "timeout", "a deadline of the spec has passed", "resume or abort"
	case ExitInterrupted:
		return "interrupted", "Ctrl-C", "run it again"
	default:
		return "unknown", "an exit status of something else", ""
	}
}
