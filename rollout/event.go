package rollout

import (
	"context"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// EventSchema is the version of the form of an [Event].
const EventSchema = 1

// EventKind is what happened. It is open: later versions may add kinds.
type EventKind string

// The kinds of event, which are the actions of the audit log too as far as they
// change something.
const (
	// EventStarted: a run began or continued the rollout.
	EventStarted EventKind = "STARTED"
	// EventObserved: the target's status or a verdict changed.
	EventObserved EventKind = "OBSERVED"
	// EventAdopted: somebody else applied or raised the ratio, perhaps before the rollout
	// began; the rollout goes on from there.
	EventAdopted EventKind = "ADOPTED"
	// EventChanging: a change is about to be made, see Event.Change.
	EventChanging EventKind = "CHANGING"
	// EventApplied: the version is under review.
	EventApplied EventKind = "APPLIED"
	// EventWithdrawn: an application was withdrawn, by [ReviewReplace].
	EventWithdrawn EventKind = "WITHDRAWN"
	// EventRaised: a ratio was set, 100 included.
	EventRaised EventKind = "RAISED"
	// EventGate: a gate gave a verdict, or none.
	EventGate EventKind = "GATE"
	// EventWaiting: the rollout waits, see Event.What and Event.Until.
	EventWaiting EventKind = "WAITING"
	// EventApproved: a person approved a ratio.
	EventApproved EventKind = "APPROVED"
	// EventRevoked: a person revoked the approval of a ratio.
	EventRevoked EventKind = "REVOKED"
	// EventPaused: the rollout does not go on until it is resumed.
	EventPaused EventKind = "PAUSED"
	// EventResumed: a person let it go on.
	EventResumed EventKind = "RESUMED"
	// EventAborted: the version was given up.
	EventAborted EventKind = "ABORTED"
	// EventEnded: somebody else ended the release.
	EventEnded EventKind = "ENDED"
	// EventDone: all users have the version.
	EventDone EventKind = "DONE"
	// EventRetrying: a call of the target failed, and will be retried.
	EventRetrying EventKind = "RETRYING"
	// EventFailed: a run ended with an error that needs a person; see Event.Error. A later
	// run goes on.
	EventFailed EventKind = "FAILED"
	// EventRefused: a person asked for something that is not possible now.
	EventRefused EventKind = "REFUSED"
	// EventClock: a stored time could not be right, because clocks of machines disagree or a
	// ratio was set again, and was replaced.
	EventClock EventKind = "CLOCK"
	// EventReplanned: the rollout goes on by another spec; see [WithNewSpec].
	EventReplanned EventKind = "REPLANNED"
)

// Event is something that happened in a rollout. It holds no secrets.
type Event struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// At is when.
	At time.Time `json:"at"`
	// Rollout is the rollout's name.
	Rollout string `json:"rollout"`
	// Target is the id of the target.
	Target string `json:"target"`
	// Subject is the mini program and its version; zero before the target was observed.
	Subject Subject `json:"subject,omitzero"`
	// Kind is what happened.
	Kind EventKind `json:"kind"`
	// What describes it in one line.
	What string `json:"what"`
	// Status is the rollout's; empty when what is stored is not known, or another target's.
	Status Status `json:"status"`
	// Ratio is live, in percent.
	Ratio alipayplus.Ratio `json:"ratio"`
	// From is the ratio before a change, in percent.
	From alipayplus.Ratio `json:"from,omitempty"`
	// To is the ratio after a change, in percent, or the ratio that an approval is about.
	To alipayplus.Ratio `json:"to,omitempty"`
	// Change is the kind of change that is being made; empty for other events.
	Change ChangeKind `json:"change,omitempty"`
	// Gate is the gate, for GATE.
	Gate string `json:"gate,omitempty"`
	// Verdict is its verdict; nil when it gave none.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Wait is what is waited for, for WAITING and RETRYING.
	Wait WaitKind `json:"wait,omitempty"`
	// Until is when the rollout acts next at the earliest, for WAITING and
	// RETRYING; zero when that depends on others.
	Until time.Time `json:"until,omitzero"`
	// By is who did it; empty for the runner.
	By string `json:"by,omitempty"`
	// Error is the failure, in one line; empty without one.
	Error string `json:"error,omitempty"`
	// Observation is where the target stood when it was last observed; nil before that.
	Observation *Observation `json:"seen,omitempty"`
	// Steps are the ratios of the spec.
	Steps []alipayplus.Ratio `json:"steps,omitempty"`
}

// Sink receives events: one after another, in their order, in a [Fleet] too, in a goroutine
// that is not the run's. Two sinks may be called at once. What the rollout does comes first: a
// run waits for its sinks only when nothing is due, a second at most, and 6 when it ends. The
// context ends after 30 seconds. A sink that fails after more than a second, or does not
// return, is given up for a minute, for two after the next failure, and so on up to an hour;
// meanwhile up to 4,096 events wait for it. Its errors are logged (see [WithLogger]) and change
// nothing.
type Sink func(ctx context.Context, e Event) error
