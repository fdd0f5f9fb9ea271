package rollout

import (
	"context"
	"iter"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// Store keeps the checkpoints, commands and audit logs of rollouts. [FileStore]
// and [MemoryStore] are two; rollouttest.TestStore checks yet another. A Store
// must be safe for concurrent use, by several processes too where it is shared.
type Store interface {
	// Acquire acquires the lease of a rollout for the holder, whom the [LeasedError] of
	// others names. While a living holder has it, the error is a [LeasedError]; after a
	// holder died, it can be acquired.
	Acquire(ctx context.Context, rollout, holder string) (Lease, error)
	// Read returns the checkpoint without the lease, for showing; nil when there
	// is none.
	Read(ctx context.Context, rollout string) ([]byte, error)
	// Post stores a command for whoever has, or next acquires, the lease. It is durable
	// when Post returns. A command whose ID is there already is ignored.
	Post(ctx context.Context, rollout string, c Command) error
	// Audit ranges over the audit log, oldest first. It ends after the first
	// error, which it yields. While somebody has the lease, entries may come a moment
	// later than the checkpoint of the same Save.
	Audit(ctx context.Context, rollout string) iter.Seq2[AuditEntry, error]
}

// Lease is the right to change a rollout, which one runner has at a time. When it
// is lost, every method returns an error that matches [ErrLeaseLost]. A Lease must be
// safe for concurrent use: it is renewed while other methods are called.
type Lease interface {
	// Load returns the checkpoint byte for byte as it was saved, nil when there is none.
	Load(ctx context.Context) ([]byte, error)
	// Save stores the checkpoint, a JSON object, and appends to the audit log:
	// durably, and after a crash either both or neither.
	Save(ctx context.Context, checkpoint []byte, audit []AuditEntry) error
	// Commands returns the posted commands, oldest first.
	Commands(ctx context.Context) ([]Command, error)
	// Forget removes commands by their ids; ids that are not there are no error.
	Forget(ctx context.Context, ids []string) error
	// RenewEvery is how often Renew must be called to keep the lease; 0: never.
	RenewEvery() time.Duration
	// Renew keeps the lease.
	Renew(ctx context.Context) error
	// Release ends the lease. After an error it ends as if its holder had died.
	Release(ctx context.Context) error
}

// Listener is a [Lease] that announces commands. A waiting run checks for them every few
// seconds otherwise.
type Listener interface {
	// Posted receives a value when a command is posted.
	Posted() <-chan struct{}
}

// CommandKind is what a command asks for.
type CommandKind string

// The kinds of command.
const (
	// CommandPause pauses a running rollout.
	CommandPause CommandKind = "PAUSE"
	// CommandResume lets a paused rollout go on.
	CommandResume CommandKind = "RESUME"
	// CommandAbort gives the version up.
	CommandAbort CommandKind = "ABORT"
	// CommandApprove approves a ratio.
	CommandApprove CommandKind = "APPROVE"
)

// Command is what a person asks of a rollout.
type Command struct {
	// ID names the command.
	ID string `json:"id"`
	// Kind is what is asked.
	Kind CommandKind `json:"order"`
	// Ratio is what is approved, in percent; 0 for other kinds.
	Ratio alipayplus.Ratio `json:"ratio,omitempty"`
	// By is who asks.
	By string `json:"by"`
	// Reason says why; may be empty.
	Reason string `json:"reason,omitempty"`
	// At is when.
	At time.Time `json:"at"`
}

// AuditEntry is one line of the audit log of a rollout.
type AuditEntry struct {
	// Seq is the checkpoint that the entry was stored with; several entries may
	// have the same.
	Seq uint64 `json:"seq"`
	// At is when.
	At time.Time `json:"at"`
	// By is who: a person, or the runner.
	By string `json:"by"`
	// Action is what was done.
	Action EventKind `json:"action"`
	// From is the ratio before, in percent.
	From alipayplus.Ratio `json:"from"`
	// To is the ratio after, in percent.
	To alipayplus.Ratio `json:"to"`
	// Why says more.
	Why string `json:"why,omitempty"`
}
