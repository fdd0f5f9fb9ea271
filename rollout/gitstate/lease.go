package gitstate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// lease is a lease of a [Store]: the token in the branch is its own.
type lease struct {
	store   *Store
	rollout string
	token   string
	posted  chan struct{}
}

// renewEvery is how often the branch is looked at while a run waits: that is how soon it
// notices a command.
const renewEvery = 20 * time.Second

// hold calls fn with the rollout, if the lease is still held.
func (l *lease) hold(fn func(*record) error) func(*record) error {
	return func(r *record) error {
		if r.Lease.Token != l.token {
			return fmt.Errorf("rollout %s: %w", l.rollout, rollout.ErrLeaseLost)
		}
		l.noticed(r.Commands)
		return fn(r)
	}
}

// noticed announces commands.
func (l *lease) noticed(commands []rollout.Command) {
	if len(commands) == 0 {
		return
	}
	select {
	case l.posted <- struct{}{}:
	default: // announced already
	}
}

// read reads the rollout as it is now.
func (l *lease) read(ctx context.Context) (r record, err error) {
	if r, err = l.store.read(ctx, l.rollout); err == nil {
		err = l.hold(func(*record) error { return nil })(&r)
	}
	return r, err
}

// Posted implements [rollout.Listener].
func (l *lease) Posted() <-chan struct{} { return l.posted }

func (l *lease) Load(ctx context.Context) ([]byte, error) {
	r, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(r.Checkpoint), nil
}

func (l *lease) Save(ctx context.Context, checkpoint []byte, audit []rollout.AuditEntry) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	what := "checkpoint"
	for _, entry := range audit {
		if err := encoder.Encode(entry); err != nil {
			return fmt.Errorf("rollout %s: encode the audit log: %w", l.rollout, err)
		}
		what = string(entry.Action)
	}
	return l.store.change(ctx, l.rollout, known, what, l.hold(func(r *record) error {
		r.Checkpoint = bytes.Clone(checkpoint)
		r.Audit = slices.Concat(r.Audit, lines.Bytes())
		r.Lease.Until = l.store.now().Add(l.store.leaseTime)
		return nil
	}))
}

func (l *lease) Commands(ctx context.Context) ([]rollout.Command, error) {
	r, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.Commands), nil
}

func (l *lease) Forget(ctx context.Context, ids []string) error {
	return l.store.change(ctx, l.rollout, known, "commands executed", l.hold(func(r *record) error {
		r.Commands = slices.DeleteFunc(slices.Clone(r.Commands), func(c rollout.Command) bool { return slices.Contains(ids, c.ID) })
		return nil
	}))
}

func (l *lease) RenewEvery() time.Duration { return min(renewEvery, l.store.leaseTime/3) }

// Renew looks for commands too, and renews the lease when a third of it is over.
func (l *lease) Renew(ctx context.Context) error {
	return l.store.change(ctx, l.rollout, fresh, "lease renewed", l.hold(func(r *record) error {
		if left := r.Lease.Until.Sub(l.store.now()); left > l.store.leaseTime*2/3 && left <= l.store.leaseTime {
			return nil
		}
		r.Lease.Until = l.store.now().Add(l.store.leaseTime)
		return nil
	}))
}

func (l *lease) Release(ctx context.Context) error {
	return l.store.change(ctx, l.rollout, known, "lease released", func(r *record) error {
		if r.Lease.Token == l.token {
			r.Lease = leaseRecord{}
		}
		return nil
	})
}
