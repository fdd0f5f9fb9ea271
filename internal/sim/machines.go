package sim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// machine is where rollouts are run: with a clock of its own, and a disk.
type machine struct {
	name string
	// offset is how far its clock is ahead. It changes only while nothing runs there, which running counts.
	offset  time.Duration
	running atomic.Int32
	disk    *volume
	// exact says that a freeze begins and ends there by the true time: its hours may be any.
	exact bool
}

// minutes is how far the clock is ahead for a freeze, which begins and ends with a minute.
func (m *machine) minutes() time.Duration {
	if m.exact {
		return 0
	}
	return m.offset.Round(time.Minute)
}

// volume keeps rollouts: a disk of one machine, whose leases end with their process, or a database that machines share, whose
// leases end by time.
type volume struct {
	shared bool

	mu       sync.Mutex
	rollouts map[string]*kept
}

// kept is what is stored of a rollout.
type kept struct {
	contents
	// synced is what is left when the power fails.
	synced contents

	term   int
	holder string
	until  time.Time
	posted chan struct{}
}

type contents struct {
	checkpoint []byte
	audit      []rollout.AuditEntry
	commands   []rollout.Command
}

// The lease of a database, and that of a disk, which its process has to its end.
const (
	leaseTime = 30 * time.Minute
	lifelong  = 100 * 365 * day
)

func newVolume(shared bool) *volume { return &volume{shared: shared, rollouts: map[string]*kept{}} }

func (d *volume) of(name string) *kept {
	if d.rollouts[name] == nil {
		d.rollouts[name] = &kept{}
	}
	return d.rollouts[name]
}

// lost are the checkpoints that are left when the power has failed, by rollout.
type lost map[string][]byte

// losePower leaves what was really written.
func (d *volume) losePower() lost {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := lost{}
	for name, k := range d.rollouts {
		k.contents = k.synced
		left[name] = k.checkpoint
	}
	return left
}

// store is a disk as a process reaches it, whose clock is that of its machine.
type store struct {
	w       *world
	machine *machine
	disk    *volume
	process *process
}

// saved is a checkpoint that was stored.
type saved struct {
	rollout, process string
	checkpoint       []byte
	// offset is how far ahead the clock was by which it has its times, and minutes that for a freeze.
	offset, minutes time.Duration
	audit           []rollout.AuditEntry
}

// loaded is that a process has read where a rollout stands, in place of what it knew.
type loaded struct{ rollout, process string }

// posted is a command that was stored, with the time of the machine on which it was given.
type posted struct {
	rollout string
	command rollout.Command
}

// operate does something with what is kept of a rollout, as well as the disk lets it.
func (s store) operate(ctx context.Context, name, what string, do func(*kept) error) error {
	f, err := s.w.scheduler.pass(ctx, s.process, disk, what+" "+name)
	if err != nil {
		return err
	}
	if f.fault != none {
		s.w.history.add(s.process.name, what+" "+name, string(f.fault), nil)
	}
	if f.fault == full || f.fault == torn && f.choice&1 == 0 {
		return errFull
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	k := s.disk.of(name)
	if err := do(k); err != nil {
		return err
	}
	if f.fault != lied {
		k.synced = contents{k.checkpoint, slices.Clip(k.audit), slices.Clone(k.commands)}
	}
	if f.fault == torn || f.fault == unconfirmed {
		return errUnconfirmed
	}
	return nil
}

// Acquire implements [rollout.Store].
func (s store) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	l := &lease{store: s, rollout: name}
	err := s.operate(ctx, name, "acquire", func(k *kept) error {
		now := time.Now()
		if now.Before(k.until) {
			return &rollout.LeasedError{Rollout: name, Holder: k.holder}
		}
		k.term++
		k.holder, k.until, k.posted = holder, now.Add(s.disk.leaseTime()), make(chan struct{}, 1)
		l.term, l.posted = k.term, k.posted
		return nil
	})
	if err != nil {
		l.abandon()
		return nil, err
	}
	if !s.disk.shared {
		context.AfterFunc(s.process.ctx, l.abandon) // the lock of a file ends with its process
	}
	return l, nil
}

func (d *volume) leaseTime() time.Duration {
	if d.shared {
		return leaseTime
	}
	return lifelong
}

// Read implements [rollout.Store].
func (s store) Read(ctx context.Context, name string) (checkpoint []byte, err error) {
	err = s.operate(ctx, name, "read", func(k *kept) error {
		checkpoint = s.read(k.checkpoint)
		return nil
	})
	return checkpoint, err
}

// Post implements [rollout.Store].
func (s store) Post(ctx context.Context, name string, c rollout.Command) error {
	return s.operate(ctx, name, "post", func(k *kept) error {
		if slices.ContainsFunc(k.commands, func(other rollout.Command) bool { return other.ID == c.ID }) {
			return nil
		}
		c.At = c.At.Add(s.machine.offset)
		s.w.history.add(s.process.name, fmt.Sprintf("%s %v of %s", c.Kind, c.Ratio, name), "posted", &posted{name, c})
		k.commands = append(k.commands, c)
		select {
		case k.posted <- struct{}{}:
		default:
		}
		return nil
	})
}

// Audit implements [rollout.Store].
func (s store) Audit(ctx context.Context, name string) iter.Seq2[rollout.AuditEntry, error] {
	return func(yield func(rollout.AuditEntry, error) bool) {
		var all []rollout.AuditEntry
		err := s.operate(ctx, name, "audit", func(k *kept) error {
			all = slices.Clone(k.audit)
			return nil
		})
		if err != nil {
			yield(rollout.AuditEntry{}, err)
		}
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// lease is a [rollout.Lease], and a [rollout.Listener].
type lease struct {
	store

	rollout string
	term    int
	posted  chan struct{}
}

// holding is operate for whoever still has the lease.
func (l *lease) holding(ctx context.Context, what string, do func(*kept)) error {
	return l.operate(ctx, l.rollout, what, func(k *kept) error {
		if k.term != l.term || !time.Now().Before(k.until) {
			return fmt.Errorf("rollout %s: %w", l.rollout, rollout.ErrLeaseLost)
		}
		k.until = time.Now().Add(l.disk.leaseTime())
		do(k)
		return nil
	})
}

func (l *lease) Posted() <-chan struct{} { return l.posted }

func (l *lease) Load(ctx context.Context) (checkpoint []byte, err error) {
	err = l.holding(ctx, "load", func(k *kept) {
		checkpoint = l.read(k.checkpoint)
		l.w.history.add(l.process.name, "load "+l.rollout, "", &loaded{l.rollout, l.process.name})
	})
	return checkpoint, err
}

func (l *lease) Save(ctx context.Context, checkpoint []byte, audit []rollout.AuditEntry) error {
	return l.holding(ctx, "save", func(k *kept) {
		k.checkpoint = shifted(checkpoint, l.machine.offset, l.machine.minutes())
		k.audit = append(k.audit, audit...)
		l.w.history.add(l.process.name, "save "+l.rollout, stateOf(checkpoint), &saved{l.rollout, l.process.name, k.checkpoint, l.machine.offset, l.machine.minutes(), audit})
	})
}

func (l *lease) Commands(ctx context.Context) (commands []rollout.Command, err error) {
	err = l.holding(ctx, "commands", func(k *kept) {
		commands = slices.Clone(k.commands)
		for i := range commands {
			commands[i].At = commands[i].At.Add(-l.machine.offset)
		}
	})
	return commands, err
}

func (l *lease) Forget(ctx context.Context, ids []string) error {
	return l.holding(ctx, "forget", func(k *kept) {
		k.commands = slices.DeleteFunc(slices.Clone(k.commands), func(c rollout.Command) bool { return slices.Contains(ids, c.ID) })
	})
}

func (l *lease) RenewEvery() time.Duration {
	if l.disk.shared {
		return leaseTime / 3
	}
	return 0
}

func (l *lease) Renew(ctx context.Context) error { return l.holding(ctx, "renew", func(*kept) {}) }

func (l *lease) Release(ctx context.Context) error {
	err := l.holding(ctx, "release", func(k *kept) { k.holder, k.until = "", time.Time{} })
	if err != nil {
		l.abandon()
	}
	return err
}

// abandon leaves the lease: a file is not locked any more, and a database waits for the end of the lease.
func (l *lease) abandon() {
	if l.disk.shared {
		return
	}
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if k := l.disk.of(l.rollout); k.term == l.term {
		k.holder, k.until = "", time.Time{}
	}
}

// read is a checkpoint by the clock of the machine that reads it. All that leaves or reaches a machine has its times by the
// machine's clock; as nothing in the machine can tell, its own times may as well stay those of the bubble.
func (s store) read(checkpoint []byte) []byte {
	return shifted(bytes.Clone(checkpoint), -s.machine.offset, -s.machine.minutes())
}

// shifted is a checkpoint with all its times later, and the hours of a freeze by minutes, with the sum that fits them.
func shifted(checkpoint []byte, by, minutes time.Duration) []byte {
	const sum, of = `"sha256":"`, `,"state":`
	head, state, is := bytes.Cut(checkpoint, []byte(of))
	before, _, summed := bytes.Cut(head, []byte(sum))
	if by == 0 || !is || !summed {
		return checkpoint
	}
	state = later(bytes.TrimSuffix(state, []byte("}")), by)
	const hours = `"hours":"`
	if minutes != 0 && bytes.Contains(state, []byte(hours)) {
		state = hoursOfFreeze.ReplaceAllFunc(state, func(text []byte) []byte {
			return fmt.Appendf(nil, `%s%s"`, hours, moved(string(text[len(hours):len(text)-1]), minutes))
		})
	}
	return fmt.Appendf(nil, `%s%s%x"%s%s}`, before, sum, sha256.Sum256(state), of, state)
}

var hoursOfFreeze = regexp.MustCompile(`"hours":"[-:0-9]+"`)

// indexOfTime is where a time may begin in JSON, -1 for nowhere: in 2000 or later, or by a clock that is behind when a world
// begins.
func indexOfTime(text []byte) int {
	begin := bytes.Index(text, []byte(`"2`))
	if begin >= 0 {
		text = text[:begin]
	}
	return cmp.Or(1+bytes.Index(text, []byte(`"1999-12-31T`)), 1+begin) - 1
}

// later is JSON with all its times later.
func later(text []byte, by time.Duration) []byte {
	const format = `"` + time.RFC3339Nano + `"`
	out := make([]byte, 0, len(text)+len(format))
	for {
		begin := indexOfTime(text)
		if begin < 0 {
			return append(out, text...)
		}
		end := begin + 1 + bytes.IndexByte(text[begin+1:], '"') + 1
		stamp := text[begin:end]
		out, text = append(out, text[:begin]...), text[end:]
		if at, err := time.Parse(format, string(stamp)); err == nil {
			stamp = at.Add(by).UTC().AppendFormat(nil, format)
		}
		out = append(out, stamp...)
	}
}

// stateOf is a checkpoint in few words.
func stateOf(checkpoint []byte) string {
	s, err := decodeCheckpoint(checkpoint)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%s at %d%%", s.Status, s.Ratio)
	if s.Intent != nil {
		text += fmt.Sprintf(", about to %s", s.Intent.Kind)
		if s.Intent.To > 0 {
			text += fmt.Sprintf(" %d%%", s.Intent.To)
		}
	}
	if s.Stop != nil {
		text += ", " + s.Stop.Cause
	}
	return text
}

// checkpoint is what the rules read of a rollout.
type checkpoint struct {
	Status      string          `json:"status"`
	Ratio       int             `json:"ratio"`
	Since       time.Time       `json:"since"`
	Application string          `json:"application"`
	Seq         uint64          `json:"seq"`
	Spec        json.RawMessage `json:"spec"`
	Approvals   []struct {
		Ratio int       `json:"ratio"`
		At    time.Time `json:"at"`
	} `json:"approvals"`
	Gates map[string]struct {
		At time.Time `json:"at"`
	} `json:"gates"`
	Stop    *stop   `json:"stop"`
	Intent  *intent `json:"intent"`
	Changes []struct {
		Outside bool `json:"outside"`
	} `json:"changes"`
}

// stop is why a rollout does not go on.
type stop struct {
	Cause string `json:"cause"`
	Seq   uint64 `json:"seq"`
}

func (s *stop) is(cause string) bool { return s != nil && s.Cause == cause }

// intent is a change that a rollout is about to make.
type intent struct {
	Kind      string    `json:"kind"`
	RequestID string    `json:"requestId"`
	From      int       `json:"from"`
	To        int       `json:"to"`
	At        time.Time `json:"at"`
	Stop      *stop     `json:"stop"`
}

func decodeCheckpoint(data []byte) (*checkpoint, error) {
	var c struct {
		State *checkpoint `json:"state"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.State == nil {
		return nil, errors.New("sim: a checkpoint without a state")
	}
	return c.State, nil
}
