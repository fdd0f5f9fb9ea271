package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Store is a [storage.Store] in a PostgreSQL database; [NewStore] makes one. It is safe for concurrent use, and any number
// of processes may have one over the same database.
//
// View runs on a snapshot and waits for nobody. Updates run one after another, over all processes: each has the records
// to itself, for as long as its function and its commit take. So what a function reads cannot be changed by another, no
// transaction has to be run again because of another one, and what it refuses by what it read is right. An Update whose
// process hangs loses its turn after ten seconds.
type Store struct {
	pool *pgxpool.Pool
	// updating is full while an Update of this process has, or waits for, the lock of the database, so that those that
	// wait take no connections.
	updating chan struct{}
}

var _ storage.Store = (*Store)(nil)

// NewStore returns the store in the database of a pool. It does no I/O; the schema must have been made by [Migrate]. The
// pool is the caller's to close, when nobody uses the store any more.
func NewStore(pool *pgxpool.Pool) *Store {
	return &Store{pool: pool, updating: make(chan struct{}, 1)}
}

// View runs fn on a snapshot; see [storage.Store]. When the connection is lost, fn runs again.
func (s *Store) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.run(ctx, "view", func(ctx context.Context) error { return s.view(ctx, fn) })
}

// Update runs fn in a transaction, as often as it takes; see [storage.Store]. When it returns nil, the writes are durable
// as far as the database's synchronous_commit says. When the connection is lost during the commit, Update asks the
// database what became of it; an error that says that it could not is the only one after which the writes may be there.
//
// A key of more than 2,600 bytes is refused.
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.run(ctx, "update", func(ctx context.Context) error { return s.update(ctx, fn) })
}

// functionError is an error of the caller's function, which is returned as it is.
type functionError struct{ err error }

func (e *functionError) Error() string { return e.err.Error() }

// run runs do, which may fail for the moment, and says whose failure it is.
func (s *Store) run(ctx context.Context, operation string, do func(context.Context) error) error {
	err := retry(ctx, storePatience, func(ctx context.Context) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return do(ctx)
	})
	if own, is := err.(*functionError); is { //nolint:errorlint // it is never wrapped, and what it holds may be another
		return own.err
	}
	if err != nil {
		return fmt.Errorf("postgres: %s: %w", operation, err)
	}
	return nil
}

const (
	beginView = `begin isolation level serializable read only`
	// The lock comes before the snapshot, which the first query takes; so every writer sees what those before it wrote,
	// and together they are serializable. The table of the lock has no rows: a lock on that of the records would keep it
	// from being vacuumed. The id of the transaction tells what became of its commit.
	beginUpdate = `begin isolation level serializable;
set local idle_in_transaction_session_timeout = 10000;
lock table alipayplus.writer in share row exclusive mode;
select pg_current_xact_id()::text`
)

func (s *Store) view(ctx context.Context, fn func(storage.Tx) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release(ctx, conn)
	if _, err := conn.Exec(ctx, beginView); err != nil {
		return explain(err)
	}
	return runFunction(&transaction{ctx: ctx, conn: conn, readOnly: true}, fn)
}

func (s *Store) update(ctx context.Context, fn func(storage.Tx) error) error {
	select {
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release(ctx, conn)
	results, err := conn.Conn().PgConn().Exec(ctx, beginUpdate).ReadAll()
	if err != nil {
		return explain(err)
	}
	id := string(results[len(results)-1].Rows[0][0])
	tx := &transaction{ctx: ctx, conn: conn, writes: map[string][]byte{}}
	if err := runFunction(tx, fn); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.commit(context.WithoutCancel(ctx), tx, id)
}

// runFunction runs fn once. A failure of the database counts more than what fn returns: fn may have been misled by it.
func runFunction(tx *transaction, fn func(storage.Tx) error) error {
	defer func() { tx.done = true }()
	err := fn(tx)
	if tx.failure != nil && (err == nil || mayPass(tx.failure)) {
		return tx.failure
	}
	if err != nil {
		return &functionError{err}
	}
	return nil
}

// endTimeout is how long the end of a transaction may take: its commit, or finding out what became of it.
const endTimeout = 10 * time.Second

// commit writes what the function has written and commits. It does not end with the caller's context, so that what
// became of it is known.
func (s *Store) commit(ctx context.Context, tx *transaction, id string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	batch := tx.batch()
	batch.Queue("commit")
	err := tx.conn.SendBatch(ctx, batch).Close()
	if err == nil || !tx.conn.Conn().IsClosed() {
		return explain(err)
	}
	committed, unknown := s.committed(ctx, id)
	switch {
	case unknown != nil:
		return fmt.Errorf("%w: %w", errUndecided, errors.Join(err, unknown))
	case committed:
		return nil
	default:
		return err
	}
}

// committed asks whether a transaction was committed, which may still be under way.
func (s *Store) committed(ctx context.Context, id string) (committed bool, err error) {
	var status *string
	err = retry(ctx, endTimeout, func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, `select pg_xact_status($1::text::xid8)`, id).Scan(&status)
		if err == nil && status != nil && *status == "in progress" {
			err = errInProgress
		}
		return err
	})
	if err == nil && status == nil {
		err = errors.New("it was too long ago")
	}
	return err == nil && *status == "committed", err
}

// errInProgress is a failure that passes: the server has not noticed yet that the connection is lost.
var errInProgress = errors.New("the commit is still under way")

// release ends the transaction, if it has not ended, and gives the connection back. One that cannot do that is closed.
func release(ctx context.Context, conn *pgxpool.Conn) {
	defer conn.Release()
	const idle = 'I'
	if conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback") // Release closes a connection that is not idle
}
