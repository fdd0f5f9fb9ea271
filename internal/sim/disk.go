package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// records is the store of the platforms, as one of them reaches it.
type records struct {
	storage.Store

	scheduler *scheduler
	history   *history
	process   *process
}

// commit is a transaction of a platform that wrote something.
type commit struct {
	by     string
	writes []write
	// call is what it was made for; nil where the rules need not know.
	call *call
}

// write is a record that was written; removed when its value is nil.
type write struct {
	key   string
	value []byte
}

var (
	errFull        = errors.New("sim: no space is left on the device")
	errUnconfirmed = errors.New("sim: the connection to the database was lost")
	errAgain       = errors.New("sim: others got in the way")
)

// View implements [storage.Store].
func (r records) View(ctx context.Context, fn func(storage.Tx) error) error {
	f, err := r.scheduler.pass(ctx, r.process, record, "view")
	if err != nil {
		return err
	}
	if f.fault == full || f.fault == unconfirmed {
		return errUnconfirmed
	}
	return r.Store.View(ctx, fn)
}

// Update implements [storage.Store].
func (r records) Update(ctx context.Context, fn func(storage.Tx) error) error {
	f, err := r.scheduler.pass(ctx, r.process, record, "update")
	if err != nil {
		return err
	}
	switch f.fault {
	case full:
		r.history.add(r.process.name, "update", string(full), nil)
		return errFull
	case again:
		_ = r.Store.Update(ctx, func(tx storage.Tx) error { return errors.Join(fn(tx), errAgain) })
	default:
	}
	c := &commit{by: r.process.name, call: callOf(ctx)}
	err = r.Store.Update(ctx, func(tx storage.Tx) error {
		c.writes = c.writes[:0]
		return fn(&writes{tx, c})
	})
	if err != nil {
		return err
	}
	if len(c.writes) > 0 {
		r.history.add(r.process.name, "commit", fmt.Sprintf("%d writes", len(c.writes)), c)
	}
	if f.fault == unconfirmed {
		r.history.add(r.process.name, "update", string(unconfirmed), nil)
		return errUnconfirmed
	}
	return nil
}

// writes notes what a transaction writes.
type writes struct {
	storage.Tx

	commit *commit
}

// Put implements [storage.Tx].
func (t *writes) Put(key string, value []byte) error {
	err := t.Tx.Put(key, value)
	if err == nil {
		t.commit.writes = append(t.commit.writes, write{key, append([]byte{}, value...)})
	}
	return err
}

// Delete implements [storage.Tx].
func (t *writes) Delete(key string) error {
	err := t.Tx.Delete(key)
	if err == nil {
		t.commit.writes = append(t.commit.writes, write{key, nil})
	}
	return err
}
