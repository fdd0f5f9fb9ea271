package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Classes of what a rollout came to, for errors.Is.
var (
	// ErrPaused: somebody paused the rollout; [Runner.Resume] lets it go on.
	ErrPaused = errors.New("paused")
	// ErrGateFailed: a gate failed.
	ErrGateFailed = errors.New("gate failed")
	// ErrRejected: a review ended without approval.
	ErrRejected = errors.New("not approved")
	// ErrDeadline: it took longer than the spec allows.
	ErrDeadline = errors.New("deadline exceeded")
	// ErrAborted: the version was given up.
	ErrAborted = errors.New("aborted")
	// ErrPending: the runner was stopped before the end; run it again.
	ErrPending = errors.New("still pending")
	// ErrLeased: another runner drives the rollout.
	ErrLeased = errors.New("driven by another runner")
	// ErrLeaseLost: another runner took over.
	ErrLeaseLost = errors.New("the lease was lost to another runner")
	// ErrStalePlan: the target has moved since the plan was made.
	ErrStalePlan = errors.New("the plan is out of date")
)

// StoppedError says that a rollout does not go on, and why. It matches the class
// of its cause, [ErrAborted] when the version was given up, and
// [alipayplus.ErrConflict] when somebody else got in the way.
type StoppedError struct {
	// Rollout is the rollout's name.
	Rollout string
	// Target is the id of the target.
	Target string
	// Subject is the mini program and its version; zero where that is not known.
	Subject Subject
	// Status is PAUSED, ABORTED or ENDED.
	Status Status
	// Stop is why.
	Stop Stop
}

// Error says what stopped, why, and the way out.
func (e *StoppedError) Error() string {
	text := fmt.Sprintf("rollout %s is %s at %v: %s", titleOf(e.Rollout, e.Target, e.Subject), strings.ToLower(string(e.Status)), e.Stop.Ratio, e.Stop.Reason)
	if e.Stop.By != "" && !strings.Contains(e.Stop.Reason, " by "+e.Stop.By) {
		text += " (by " + e.Stop.By + ")"
	}
	if e.Stop.Aftermath != "" {
		text += "; " + e.Stop.Aftermath
	}
	if way := e.wayOut(); way != "" {
		text += "; " + way
	}
	return validation.OneLine(text)
}

// titleOf is the rollout, its target where that has another name, and what is released.
func titleOf(rollout, target string, subject Subject) string {
	title := rollout
	if rollout != target && target != "" {
		title += " of " + target
	}
	if subject.Version != "" && strings.Contains(title, subject.Version) {
		subject.Version = "" // said already
	}
	if text := subject.String(); text != "" && !strings.Contains(title, text) {
		title += " (" + text + ")"
	}
	return title
}

func (e *StoppedError) wayOut() string {
	switch e.Status {
	case Aborted:
		return "it is over; the next attempt is a rollout under another name"
	case Ended:
		return "it is over; release a later version"
	case Running, Paused, Done:
	}
	switch e.Stop.Cause {
	case CauseGate:
		return "look into it, then resume, which evaluates the gates again, or abort"
	case CauseRejected:
		return "correct what the reviewers found, then resume, which applies again"
	case CauseWithdrawn:
		return "resume, which applies again, or abort"
	case CauseDeadline:
		return "resume, which starts the deadlines anew, or abort"
	case CauseOutside:
		return "resume to go on from what is live now, or abort"
	default:
		return "resume or abort"
	}
}

// Unwrap returns the classes, and an [alipayplus.ReviewError] for a review.
func (e *StoppedError) Unwrap() []error {
	var all []error
	if e.Status == Aborted {
		all = append(all, ErrAborted)
	}
	switch e.Stop.Cause {
	case CausePerson:
		if e.Status == Paused {
			all = append(all, ErrPaused)
		}
	case CauseGate:
		all = append(all, ErrGateFailed)
	case CauseRejected, CauseWithdrawn:
		outcome := alipayplus.RequestRejected
		if e.Stop.Cause == CauseWithdrawn {
			outcome = alipayplus.RequestWithdrawn
		}
		all = append(all, ErrRejected, &alipayplus.ReviewError{Outcome: outcome, Subject: e.Target, Reviews: e.Stop.Reviews})
	case CauseDeadline:
		all = append(all, ErrDeadline)
	case CauseOutside:
		all = append(all, alipayplus.ErrConflict)
	}
	return all
}

// PendingError says that a runner was stopped, by the end of its context, before
// the rollout was over. Nothing is lost: run it again. It matches [ErrPending] and
// the context's error.
type PendingError struct {
	// Rollout is the rollout's name.
	Rollout string
	// Next is what would have come next.
	Next Next
	// Err is the context's error.
	Err error
}

// Error says what the rollout waits for.
func (e *PendingError) Error() string {
	text := fmt.Sprintf("rollout %s is still pending: %s", e.Rollout, e.Next.What)
	if !e.Next.At.IsZero() {
		text += ", next at " + e.Next.At.UTC().Format(time.RFC3339)
	}
	return validation.OneLine(text + "; run it again to go on")
}

// Unwrap returns [ErrPending] and the context's error.
func (e *PendingError) Unwrap() []error { return []error{ErrPending, e.Err} }

// ConflictError says that the target is in a state in which the rollout may not
// go on by its spec. It matches [alipayplus.ErrConflict].
type ConflictError struct {
	// Rollout is the rollout's name.
	Rollout string
	// Reason says what is in the way, and the way out.
	Reason string
}

// Error gives the reason.
func (e *ConflictError) Error() string {
	return validation.OneLine(fmt.Sprintf("rollout %s: %s", e.Rollout, e.Reason))
}

// Unwrap returns [alipayplus.ErrConflict].
func (e *ConflictError) Unwrap() error { return alipayplus.ErrConflict }

// LeasedError says that another runner has the lease of the rollout. It matches
// [ErrLeased] and [alipayplus.ErrConflict].
type LeasedError struct {
	// Rollout is the rollout's name.
	Rollout string
	// Holder is who has it, as far as that is known.
	Holder string
}

// Error names the holder.
func (e *LeasedError) Error() string {
	holder := "another runner"
	if e.Holder != "" {
		holder = e.Holder
	}
	return validation.OneLine(fmt.Sprintf("rollout %s is driven by %s; let it end or stop it first", e.Rollout, holder))
}

// Unwrap returns [ErrLeased] and [alipayplus.ErrConflict].
func (e *LeasedError) Unwrap() []error { return []error{ErrLeased, alipayplus.ErrConflict} }

// CheckpointError says that the stored state of a rollout cannot be used. The
// runner never begins anew by itself: who removes the state decides that.
type CheckpointError struct {
	// Rollout is the rollout's name; empty where [ReadStates] cannot read it.
	Rollout string
	// Reason says what is wrong with the state.
	Reason string
	// Newer says that a newer version of the library stored it.
	Newer bool
}

// Error gives the reason and the way out.
func (e *CheckpointError) Error() string {
	wayOut := "restore it from a copy, or remove it to begin from what is live"
	if e.Newer {
		wayOut = "use the newer version"
	}
	return validation.OneLine(fmt.Sprintf("rollout %s: the stored state cannot be used: %s; %s", cmp.Or(e.Rollout, "of an unknown name"), e.Reason, wayOut))
}

// stopped is the error of a rollout that does not go on; nil for others.
func (state *State) stopped() error {
	if state.Stop == nil {
		return nil
	}
	return &StoppedError{Rollout: state.Rollout, Target: state.Target, Subject: state.Subject, Status: state.Status, Stop: *state.Stop}
}

// joinErrors is both errors in one line; either may be nil.
func joinErrors(err, second error) error {
	switch {
	case second == nil:
		return err
	case err == nil:
		return second
	}
	return fmt.Errorf("%w; besides: %w", err, second)
}
