package rollout

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
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

// Lister is a [Store] that can say which rollouts it keeps. Every store of this module is one.
type Lister interface {
	Store
	// Checkpoints ranges over the checkpoints of all rollouts, in no particular order and without
	// their leases. It ends after the first error, which it yields, but for a
	// [CheckpointError], which is about one rollout.
	Checkpoints(ctx context.Context) iter.Seq2[[]byte, error]
}

// Lease is the right to change a rollout, which one runner has at a time. When it
// is lost, every method returns an error that matches [ErrLeaseLost]. A Lease must be
// safe for concurrent use: it is renewed while other methods are called.
type Lease interface {
	// Load returns the checkpoint byte for byte as it was saved, nil when there is none. The
	// caller must not change the bytes, which may be those that the store keeps.
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
	// CommandRevoke revokes the approval of a ratio.
	CommandRevoke CommandKind = "REVOKE"
)

// Command is what a person asks of a rollout.
type Command struct {
	// ID names the command.
	ID string `json:"id"`
	// Kind is what is asked.
	Kind CommandKind `json:"order"`
	// Ratio is what is approved, or not any more, in percent; 0 for other kinds.
	Ratio alipayplus.Ratio `json:"ratio,omitempty"`
	// By is who asks.
	By string `json:"by"`
	// Reason says why; may be empty.
	Reason string `json:"reason,omitempty"`
	// Seq is the stored state that an approval is for, as in State.Seq; 0 for other kinds.
	Seq uint64 `json:"seq,omitempty"`
	// At is when.
	At time.Time `json:"at"`
	// Seen is the Seq of the state that the person saw, for RESUME; 0 when that is unknown.
	Seen uint64 `json:"seen,omitempty"`
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

// MemoryStore keeps rollouts in memory, for tests and for programs that need the events
// only. A lease that is not renewed for 30 seconds ends. It is safe for concurrent use.
type MemoryStore struct {
	mu       sync.Mutex
	rollouts map[string]*memoryRollout
}

// leaseTime is how long a lease of a [MemoryStore] lives without being renewed.
const leaseTime = 30 * time.Second

type memoryRollout struct {
	// checkpoint is never changed, but replaced.
	checkpoint []byte
	audit      []AuditEntry
	commands   []Command
	// lease is the present one; nil when it was released.
	lease *memoryLease
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore { return new(MemoryStore) }

// rollout returns the rollout of a name. The caller holds the lock.
func (m *MemoryStore) rollout(name string) *memoryRollout {
	if m.rollouts == nil {
		m.rollouts = make(map[string]*memoryRollout)
	}
	r := m.rollouts[name]
	if r == nil {
		r = new(memoryRollout)
		m.rollouts[name] = r
	}
	return r
}

// Acquire implements [Store].
func (m *MemoryStore) Acquire(ctx context.Context, rollout, holder string) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, now := m.rollout(rollout), time.Now()
	if r.lease != nil && now.Before(r.lease.until) {
		return nil, &LeasedError{Rollout: rollout, Holder: r.lease.holder}
	}
	r.lease = &memoryLease{store: m, name: rollout, rollout: r, holder: holder, until: now.Add(leaseTime)}
	return r.lease, nil
}

// Read implements [Store].
func (m *MemoryStore) Read(_ context.Context, rollout string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.rollout(rollout).checkpoint), nil
}

// Post implements [Store].
func (m *MemoryStore) Post(_ context.Context, rollout string, c Command) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rollout(rollout)
	if !slices.ContainsFunc(r.commands, func(other Command) bool { return other.ID == c.ID }) {
		r.commands = append(r.commands, c)
	}
	if r.lease != nil {
		select {
		case r.lease.announcements() <- struct{}{}:
		default: // announced already
		}
	}
	return nil
}

// Audit implements [Store].
func (m *MemoryStore) Audit(_ context.Context, rollout string) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		m.mu.Lock()
		audit := m.rollout(rollout).audit // only ever appended to
		m.mu.Unlock()
		for _, entry := range audit {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Checkpoints implements [Lister].
func (m *MemoryStore) Checkpoints(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		m.mu.Lock()
		var all [][]byte
		for _, r := range m.rollouts {
			if r.checkpoint != nil {
				all = append(all, bytes.Clone(r.checkpoint))
			}
		}
		m.mu.Unlock()
		for _, checkpoint := range all {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(checkpoint, nil) {
				return
			}
		}
	}
}

// memoryLease is a lease of a [MemoryStore].
type memoryLease struct {
	store   *MemoryStore
	name    string
	rollout *memoryRollout
	holder  string
	until   time.Time
	// posted announces a new command; nil before the first use.
	posted chan struct{}
}

// announcements returns posted. The caller holds the lock of the store.
func (l *memoryLease) announcements() chan struct{} {
	if l.posted == nil {
		l.posted = make(chan struct{}, 1)
	}
	return l.posted
}

// withRollout calls fn with the rollout under the lock of the store.
func (l *memoryLease) withRollout(fn func(*memoryRollout)) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.rollout.lease != l {
		return fmt.Errorf("rollout %s: %w", l.name, ErrLeaseLost)
	}
	l.until = time.Now().Add(leaseTime)
	fn(l.rollout)
	return nil
}

// Posted implements [Listener].
func (l *memoryLease) Posted() <-chan struct{} {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return l.announcements()
}

func (l *memoryLease) Load(context.Context) (checkpoint []byte, err error) {
	err = l.withRollout(func(r *memoryRollout) { checkpoint = r.checkpoint })
	return checkpoint, err
}

func (l *memoryLease) Save(_ context.Context, checkpoint []byte, audit []AuditEntry) error {
	return l.withRollout(func(r *memoryRollout) {
		r.checkpoint = bytes.Clone(checkpoint)
		r.audit = append(r.audit, audit...)
	})
}

func (l *memoryLease) Commands(context.Context) (commands []Command, err error) {
	err = l.withRollout(func(r *memoryRollout) { commands = slices.Clone(r.commands) })
	return commands, err
}

func (l *memoryLease) Forget(_ context.Context, ids []string) error {
	return l.withRollout(func(r *memoryRollout) {
		r.commands = slices.DeleteFunc(r.commands, func(c Command) bool { return slices.Contains(ids, c.ID) })
	})
}

func (l *memoryLease) RenewEvery() time.Duration { return leaseTime / 3 }

func (l *memoryLease) Renew(context.Context) error { return l.withRollout(func(*memoryRollout) {}) }

func (l *memoryLease) Release(context.Context) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.rollout.lease == l {
		l.rollout.lease = nil
	}
	return nil
}
