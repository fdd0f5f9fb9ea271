package storagetest

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A suite is worth what it catches: each of these stores breaks one promise, and the cases named must fail for it.
func TestStoreCatches(t *testing.T) {
	for _, c := range []struct {
		breaks   string
		newStore func() storage.Store
		caughtBy []string
	}{
		{
			"forgets what is put", tweaked(func(tx storage.Tx) storage.Tx { return forgetfulTx{tx} }),
			[]string{"a record that was put is found by a later transaction", "a transaction sees its own writes"},
		},
		{
			"keeps the first value", tweaked(func(tx storage.Tx) storage.Tx { return firstValueTx{tx} }),
			[]string{"a second put replaces the value", "the last write of a transaction counts"},
		},
		{
			"takes an empty value for none", tweaked(func(tx storage.Tx) storage.Tx { return emptyIsNoneTx{tx} }),
			[]string{"an empty value is a value"},
		},
		{
			"accepts an empty key", tweaked(func(tx storage.Tx) storage.Tx { return emptyKeyTx{tx} }),
			[]string{"the empty key is refused"},
		},
		{
			"deletes nothing", tweaked(func(tx storage.Tx) storage.Tx { return noDeleteTx{tx} }),
			[]string{
				"a deleted record is gone", "a loop may change and delete what it meets", "the first of a queue is taken once",
				"a scan passes over what its transaction deleted", "a store is a sorted map, whatever is done",
			},
		},
		{
			"deletes by prefix", tweaked(func(tx storage.Tx) storage.Tx { return prefixDeleteTx{tx} }),
			[]string{"deleting what is not there changes nothing"},
		},
		{
			"finds by prefix", tweaked(func(tx storage.Tx) storage.Tx { return prefixGetTx{tx} }),
			[]string{"a key without a record is not found"},
		},
		{
			"orders without regard to case", tweaked(func(tx storage.Tx) storage.Tx { return collatedTx{tx} }),
			[]string{"keys are ordered by their bytes"},
		},
		{
			"scans up only", tweaked(func(tx storage.Tx) storage.Tx { return upOnlyTx{tx} }),
			[]string{"keys are ordered by their bytes", "a loop may stop at any record", "many records stay in order"},
		},
		{
			"includes the upper end", tweaked(func(tx storage.Tx) storage.Tx { return closedRangeTx{tx} }),
			[]string{"a range has its lower end and not its upper one", "many records stay in order"},
		},
		{
			"scans a sequence once", tweaked(func(tx storage.Tx) storage.Tx { return onceTx{tx} }),
			[]string{"a sequence starts anew each time"},
		},
		{
			"has one cursor per transaction", tweaked(func(tx storage.Tx) storage.Tx { return &oneCursorTx{Tx: tx} }),
			[]string{"a scan inside a scan disturbs neither"},
		},
		{
			"scans what is committed only", func() storage.Store { return committedScans{storage.NewMemory()} },
			[]string{"a transaction sees its own writes"},
		},
		{
			"keeps the caller's bytes", func() storage.Store { return &lateCopy{Store: storage.NewMemory()} },
			[]string{"the caller may change a value after putting it"},
		},
		{
			"hides errors", func() storage.Store { return hidesErrors{storage.NewMemory()} },
			[]string{"an error discards the writes and is returned as it is", "nobody sees what is not committed"},
		},
		{
			"turns a panic into an error", func() storage.Store { return recovers{storage.NewMemory()} },
			[]string{"a panic discards the writes and holds nobody up"},
		},
		{
			"lets a view write", func() storage.Store { return viewWrites{storage.NewMemory()} },
			[]string{"a view refuses to write"},
		},
		{
			"ignores the context", func() storage.Store { return ignoresContext{storage.NewMemory()} },
			[]string{"a context that is over runs nothing", "a context that ends before the commit discards the writes"},
		},
		{
			"writes before the commit", func() storage.Store { return direct{storage.NewMemory()} },
			[]string{
				"nobody sees what is not committed", "an error discards the writes and is returned as it is",
				"a panic discards the writes and holds nobody up", "a context that ends before the commit discards the writes",
			},
		},
		{
			"reads what was committed last", func() storage.Store { return readCommitted{storage.NewMemory()} },
			[]string{
				"a view sees one moment", "an update sees one moment", "a transaction that is over refuses everything",
				"a context that is over runs nothing",
			},
		},
		{
			"commits whatever others did", func() storage.Store { return unguarded{storage.NewMemory(), false} },
			[]string{
				"no update is lost", "the next number is given once", "the first of a queue is taken once",
				"no write skew between two keys", "no write skew in a range", "no phantom appears in a counted range",
				"money is moved, not made",
			},
		},
		{
			"guards keys and no ranges", func() storage.Store { return unguarded{storage.NewMemory(), true} },
			[]string{
				"the next number is given once", "the first of a queue is taken once",
				"no write skew in a range", "no phantom appears in a counted range",
			},
		},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			var failed []string
			for _, promise := range allCases() {
				synctest.Test(t, func(t *testing.T) { // nobody waits for those who never come
					if fails(t.Context(), promise, c.newStore()) {
						failed = append(failed, promise.name)
					}
				})
			}
			require.Subset(t, failed, c.caughtBy)
		})
	}
}

// One after the other is serializable too: transactions that wait for each other never meet, and the suite accepts it.
func TestStoreAcceptsOneAfterTheOther(t *testing.T) {
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.check(t.Context(), t, oneAfterTheOther{storage.NewMemory(), make(chan struct{}, 1)})
			})
		})
	}
}

// fails tells whether a case fails, be it by a panic.
func fails(ctx context.Context, c testCase, s storage.Store) bool {
	var r recorder
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			if recover() != nil {
				r.failed = true
			}
		}()
		c.check(ctx, &r, s)
	})
	wg.Wait()
	return r.failed
}

// recorder is a testing.T that notes a failure.
type recorder struct{ failed bool }

func (r *recorder) Errorf(string, ...any) { r.failed = true }

func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}

// tweaked makes a memory store whose transactions are wrapped.
func tweaked(wrap func(storage.Tx) storage.Tx) func() storage.Store {
	return func() storage.Store { return wrapped{storage.NewMemory(), wrap} }
}

type wrapped struct {
	storage.Store
	wrap func(storage.Tx) storage.Tx
}

func (s wrapped) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.View(ctx, func(tx storage.Tx) error { return fn(s.wrap(tx)) })
}

func (s wrapped) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error { return fn(s.wrap(tx)) })
}

type forgetfulTx struct{ storage.Tx }

func (forgetfulTx) Put(string, []byte) error { return nil }

type firstValueTx struct{ storage.Tx }

func (tx firstValueTx) Put(key string, value []byte) error {
	if _, found, _ := tx.Get(key); found {
		return nil
	}
	return tx.Tx.Put(key, value)
}

type emptyIsNoneTx struct{ storage.Tx }

func (tx emptyIsNoneTx) Get(key string) ([]byte, bool, error) {
	value, _, err := tx.Tx.Get(key)
	return value, len(value) > 0, err
}

type emptyKeyTx struct{ storage.Tx }

func (tx emptyKeyTx) Put(key string, value []byte) error { return tx.Tx.Put(key+"\x00", value) }

type noDeleteTx struct{ storage.Tx }

func (noDeleteTx) Delete(string) error { return nil }

type prefixDeleteTx struct{ storage.Tx }

func (tx prefixDeleteTx) Delete(string) error { return tx.Tx.Delete("a") }

type prefixGetTx struct{ storage.Tx }

func (tx prefixGetTx) Get(key string) ([]byte, bool, error) {
	for e, err := range tx.Scan(key, storage.PrefixEnd(key), false) {
		return e.Value, true, err
	}
	return nil, false, nil
}

type collatedTx struct{ storage.Tx }

func (tx collatedTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	entries, err := collect(tx.Tx.Scan(from, to, descending))
	slices.SortStableFunc(entries, func(a, b storage.Entry) int {
		return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key))
	})
	return sequence(entries, err)
}

type upOnlyTx struct{ storage.Tx }

func (tx upOnlyTx) Scan(from, to string, _ bool) iter.Seq2[storage.Entry, error] {
	return tx.Tx.Scan(from, to, false)
}

type closedRangeTx struct{ storage.Tx }

func (tx closedRangeTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	if to != "" {
		to += "\x00"
	}
	return tx.Tx.Scan(from, to, descending)
}

type onceTx struct{ storage.Tx }

func (tx onceTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	scan := tx.Tx.Scan(from, to, descending)
	return func(yield func(storage.Entry, error) bool) {
		scan(yield)
		scan = sequence(nil, nil)
	}
}

type oneCursorTx struct {
	storage.Tx
	scans int
}

func (tx *oneCursorTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		tx.scans++
		mine := tx.scans
		for e, err := range tx.Tx.Scan(from, to, descending) {
			if mine != tx.scans || !yield(e, err) {
				return
			}
		}
	}
}

func sequence(entries []storage.Entry, err error) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err != nil {
			yield(storage.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// committedScans scans past what the transaction has written.
type committedScans struct{ storage.Store }

func (s committedScans) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error { return fn(committedScansTx{tx, ctx, s.Store}) })
}

type committedScansTx struct {
	storage.Tx
	ctx   context.Context
	store storage.Store
}

func (tx committedScansTx) Scan(from, to string, descending bool) (scan iter.Seq2[storage.Entry, error]) {
	_ = tx.store.View(tx.ctx, func(tx storage.Tx) error {
		scan = sequence(collect(tx.Scan(from, to, descending)))
		return nil
	})
	return scan
}

// lateCopy copies values at the commit.
type lateCopy struct{ storage.Store }

func (s *lateCopy) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error {
		late := &recordingTx{Tx: tx}
		if err := fn(late); err != nil {
			return err
		}
		return late.replay(tx)
	})
}

// recordingTx notes what was written, in order, and what Get read before that when read is there.
type recordingTx struct {
	storage.Tx
	writes []func(storage.Tx) error
	read   map[string]string
}

func (tx *recordingTx) Get(key string) ([]byte, bool, error) {
	value, found, err := tx.Tx.Get(key)
	if tx.read != nil && len(tx.writes) == 0 {
		tx.read[key] = string(value)
	}
	return value, found, err
}

func (tx *recordingTx) Put(key string, value []byte) error {
	tx.writes = append(tx.writes, func(tx storage.Tx) error { return tx.Put(key, value) })
	return tx.Tx.Put(key, value)
}

func (tx *recordingTx) Delete(key string) error {
	tx.writes = append(tx.writes, func(tx storage.Tx) error { return tx.Delete(key) })
	return tx.Tx.Delete(key)
}

func (tx *recordingTx) replay(on storage.Tx) error {
	for _, write := range tx.writes {
		if err := write(on); err != nil {
			return err
		}
	}
	return nil
}

type hidesErrors struct{ storage.Store }

func (s hidesErrors) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error {
		_ = fn(tx)
		return nil
	})
}

type recovers struct{ storage.Store }

func (s recovers) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) (err error) {
		defer func() {
			if recover() != nil {
				err = context.Canceled
			}
		}()
		return fn(tx)
	})
}

type viewWrites struct{ storage.Store }

func (s viewWrites) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Update(ctx, fn)
}

type ignoresContext struct{ storage.Store }

func (s ignoresContext) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.View(context.WithoutCancel(ctx), fn)
}

func (s ignoresContext) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(context.WithoutCancel(ctx), fn)
}

// direct writes each record at once.
type direct struct{ storage.Store }

func (s direct) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return fn(directTx{context.WithoutCancel(ctx), s.Store})
}

// readCommitted makes a transaction of each read and write, whose Tx goes on afterwards.
type readCommitted struct{ storage.Store }

func (s readCommitted) View(ctx context.Context, fn func(storage.Tx) error) error {
	return fn(directTx{ctx, s.Store})
}

func (s readCommitted) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return fn(directTx{ctx, s.Store})
}

// directTx makes a transaction of each operation.
type directTx struct {
	ctx   context.Context
	store storage.Store
}

func (tx directTx) Get(key string) (value []byte, found bool, err error) {
	err = tx.store.View(tx.ctx, func(tx storage.Tx) (err error) {
		value, found, err = tx.Get(key)
		return err
	})
	return value, found, err
}

func (tx directTx) Put(key string, value []byte) error {
	return tx.store.Update(tx.ctx, func(tx storage.Tx) error { return tx.Put(key, value) })
}

func (tx directTx) Delete(key string) error {
	return tx.store.Update(tx.ctx, func(tx storage.Tx) error { return tx.Delete(key) })
}

func (tx directTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return committedScansTx{ctx: tx.ctx, store: tx.store}.Scan(from, to, descending)
}

// unguarded runs an update on a copy of its own and writes the outcome whatever others did meanwhile, or, when it checks
// keys, unless one that was read by Get has changed.
type unguarded struct {
	storage.Store
	checksKeys bool
}

func (s unguarded) Update(ctx context.Context, fn func(storage.Tx) error) error {
	for {
		tx, err := s.runOnCopy(ctx, fn)
		if err != nil {
			return err
		}
		time.Sleep(time.Millisecond) // in the bubble's time: whoever runs beside this one has read by now
		outdated := false
		err = s.Store.Update(ctx, func(on storage.Tx) error {
			outdated = false
			for key, was := range tx.read {
				now, _, _ := on.Get(key)
				outdated = outdated || string(now) != was
			}
			if s.checksKeys && outdated {
				return nil
			}
			return tx.replay(on)
		})
		if !s.checksKeys || !outdated {
			return err
		}
	}
}

func (s unguarded) runOnCopy(ctx context.Context, fn func(storage.Tx) error) (*recordingTx, error) {
	own := storage.NewMemory()
	err := s.View(ctx, func(from storage.Tx) error {
		return own.Update(ctx, func(to storage.Tx) error {
			for e, err := range from.Scan("", "", false) {
				if err != nil {
					return err
				}
				if err := to.Put(e.Key, e.Value); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	tx := &recordingTx{read: map[string]string{}}
	return tx, own.Update(ctx, func(inner storage.Tx) error {
		tx.Tx, tx.writes = inner, nil
		return fn(tx)
	})
}

// oneAfterTheOther lets nobody in while somebody is in.
type oneAfterTheOther struct {
	storage.Store
	lock chan struct{}
}

func (s oneAfterTheOther) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.alone(ctx, func() error { return s.Store.View(ctx, fn) })
}

func (s oneAfterTheOther) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.alone(ctx, func() error { return s.Store.Update(ctx, fn) })
}

func (s oneAfterTheOther) alone(ctx context.Context, do func() error) error {
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}
