package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// transaction is a [storage.Tx].
type transaction struct {
	ctx      context.Context //nolint:containedctx // of the call that the transaction is part of
	conn     *pgxpool.Conn
	readOnly bool
	done     bool
	// failure is what the database failed with first; nothing works after it.
	failure error
	// writes are not sent yet: values by key, nil for a key that is deleted.
	writes map[string][]byte
}

// usable returns an error when the transaction is over or has failed.
func (tx *transaction) usable() error {
	if tx.done {
		return storage.ErrTxDone
	}
	return tx.failure
}

// failed explains the failure and keeps it.
func (tx *transaction) failed(err error) error {
	err = explain(err)
	if err != nil && tx.failure == nil {
		tx.failure = err
	}
	return err
}

// Get implements [storage.Tx].
func (tx *transaction) Get(key string) (value []byte, found bool, err error) {
	if err := tx.usable(); err != nil {
		return nil, false, err
	}
	if value, found := tx.writes[key]; found {
		return value, value != nil, nil
	}
	err = tx.conn.QueryRow(tx.ctx, `select value from alipayplus.records where key = $1`, []byte(key)).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, tx.failed(err)
}

// Put implements [storage.Tx].
func (tx *transaction) Put(key string, value []byte) error {
	const longestKey = 2600 // what fits into an index
	switch {
	case tx.usable() != nil:
		return tx.usable()
	case tx.readOnly:
		return storage.ErrReadOnly
	case key == "":
		return storage.ErrEmptyKey
	case len(key) > longestKey:
		return fmt.Errorf("postgres: put: the key has %d bytes, at most %d can be kept", len(key), longestKey)
	}
	tx.writes[key] = append([]byte{}, value...) // never nil
	return nil
}

// Delete implements [storage.Tx].
func (tx *transaction) Delete(key string) error {
	switch {
	case tx.usable() != nil:
		return tx.usable()
	case tx.readOnly:
		return storage.ErrReadOnly
	}
	tx.writes[key] = nil
	return nil
}

// batch is what sends the writes, which are none any more.
func (tx *transaction) batch() *pgx.Batch {
	var deleted, keys, values [][]byte
	for key, value := range tx.writes {
		if value == nil {
			deleted = append(deleted, []byte(key))
		} else {
			keys, values = append(keys, []byte(key)), append(values, value)
		}
	}
	clear(tx.writes)
	batch := new(pgx.Batch)
	if len(deleted) > 0 {
		batch.Queue(`delete from alipayplus.records where key = any($1)`, deleted)
	}
	if len(keys) > 0 {
		batch.Queue(`insert into alipayplus.records (key, value) select * from unnest($1::bytea[], $2::bytea[])
on conflict (key) do update set value = excluded.value`, keys, values)
	}
	return batch
}

// flush sends the writes, so that a query sees them.
func (tx *transaction) flush() error {
	if len(tx.writes) == 0 {
		return nil
	}
	return tx.failed(tx.conn.SendBatch(tx.ctx, tx.batch()).Close())
}

// The first page of a scan is small, because many loops stop after a few records; the next ones are larger.
const (
	firstPage   = 25
	largestPage = 400
	pageGrowth  = 4
)

// Scan implements [storage.Tx]. It reads page by page, each from the key where the one before it ended. In an Update,
// the loop meets some of what is written during it.
func (tx *transaction) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		rest := keyRange{from: []byte(from), to: []byte(to)}
		for limit := firstPage; ; limit = min(limit*pageGrowth, largestPage) {
			entries, err := tx.page(rest, descending, limit)
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			for _, entry := range entries {
				if tx.done {
					yield(storage.Entry{}, storage.ErrTxDone)
					return
				}
				if !yield(entry, nil) {
					return
				}
			}
			if len(entries) < limit {
				return
			}
			rest.after(entries[len(entries)-1].Key, descending)
		}
	}
}

// keyRange is [from, to); an empty to is no upper end.
type keyRange struct{ from, to []byte }

// after leaves what comes after the key.
func (r *keyRange) after(key string, descending bool) {
	if descending {
		r.to = []byte(key)
	} else {
		r.from = append([]byte(key), 0)
	}
}

// page reads the first records of a range.
func (tx *transaction) page(of keyRange, descending bool, limit int) ([]storage.Entry, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	if err := tx.flush(); err != nil {
		return nil, err
	}
	rows, err := tx.conn.Query(tx.ctx, scanQuery(len(of.to) > 0, descending), scanArguments(of, limit)...)
	if err != nil {
		return nil, tx.failed(err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (entry storage.Entry, err error) {
		var key []byte
		if err := row.Scan(&key, &entry.Value); err != nil {
			return entry, err
		}
		entry.Key = string(key)
		return entry, nil
	})
	return entries, tx.failed(err)
}

func scanQuery(bounded, descending bool) string {
	switch {
	case bounded && descending:
		return `select key, value from alipayplus.records where key >= $1 and key < $3 order by key desc limit $2`
	case bounded:
		return `select key, value from alipayplus.records where key >= $1 and key < $3 order by key limit $2`
	case descending:
		return `select key, value from alipayplus.records where key >= $1 order by key desc limit $2`
	default:
		return `select key, value from alipayplus.records where key >= $1 order by key limit $2`
	}
}

func scanArguments(of keyRange, limit int) []any {
	args := []any{of.from, limit}
	if len(of.to) > 0 {
		args = append(args, of.to)
	}
	return args
}
