package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// RolloutStore is a [rollout.Store] in a PostgreSQL database; [NewRolloutStore] makes one. It is safe for concurrent use, and
// any number of processes may have one over the same database.
//
// A lease ends 30 seconds after it was renewed last, by the clock of the database, whatever those of the machines say. What
// is stored under it names it: once somebody else has the lease, nothing of its former holder is stored any more. While
// the store has leases, it keeps one connection outside of the pool, on which the database announces commands, so that a
// waiting run hears of them at once; behind a pooler that shares sessions it hears within ten seconds.
type RolloutStore struct {
	pool     *pgxpool.Pool
	listener *listener
}

var _ rollout.Lister = (*RolloutStore)(nil)

// rolloutLeaseTime is how long a lease lives without being renewed.
const rolloutLeaseTime = 30 * time.Second

// NewRolloutStore returns the store in the database of a pool. It does no I/O; the schema must have been made by [Migrate].
// The pool is the caller's to close, when nobody uses the store any more.
func NewRolloutStore(pool *pgxpool.Pool) *RolloutStore {
	return &RolloutStore{pool: pool, listener: &listener{pool: pool}}
}

// String names the server and the database.
func (s *RolloutStore) String() string {
	config := s.pool.Config().ConnConfig
	return fmt.Sprintf("database %s on %s", config.Database, config.Host)
}

// digest is the key of a name, which itself may be too long for one.
func digest(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// do runs a statement, as often as it takes. It must come to the same when it is repeated after it was done.
func (s *RolloutStore) do(ctx context.Context, name string, statement func(context.Context) error) error {
	err := retry(ctx, rolloutPatience, statement)
	if err == nil || errors.Is(err, rollout.ErrLeased) || errors.Is(err, rollout.ErrLeaseLost) {
		return err
	}
	return fmt.Errorf("rollout %s: the store failed: %w", name, explain(err))
}

// Acquire implements [rollout.Store].
func (s *RolloutStore) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	// Who has the lease already, by an attempt whose answer was lost, gets it again.
	const acquire = `
insert into alipayplus.rollouts as r (id, name, token, holder, until) values ($1, $2, $3, $4, clock_timestamp() + $5)
on conflict (id) do update set token = excluded.token, holder = excluded.holder, until = clock_timestamp() + $5
where r.token is null or r.token = excluded.token or r.until <= clock_timestamp()`
	l := &rolloutLease{store: s, name: name, id: digest(name), token: []byte(rand.Text()), posted: make(chan struct{}, 1)}
	err := s.do(ctx, name, func(ctx context.Context) error {
		done, err := s.pool.Exec(ctx, acquire, l.id, []byte(name), l.token, []byte(holder), rolloutLeaseTime)
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		var other []byte
		err = s.pool.QueryRow(ctx, `select holder from alipayplus.rollouts where id = $1`, l.id).Scan(&other)
		if err != nil {
			return err
		}
		return &rollout.LeasedError{Rollout: name, Holder: string(other)}
	})
	if err != nil {
		return nil, err
	}
	s.listener.add(l) //nolint:contextcheck // it listens as long as there are leases
	return l, nil
}

// Read implements [rollout.Store].
func (s *RolloutStore) Read(ctx context.Context, name string) (checkpoint []byte, err error) {
	err = s.do(ctx, name, func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, `select checkpoint from alipayplus.rollouts where id = $1`, digest(name)).Scan(&checkpoint)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return checkpoint, err
}

// Post implements [rollout.Store].
func (s *RolloutStore) Post(ctx context.Context, name string, c rollout.Command) error {
	const post = `
with posted as (
	insert into alipayplus.rollout_commands (rollout, id, command) values ($1, $2, $3) on conflict do nothing returning rollout
)
select pg_notify('` + channel + `', encode(rollout, 'hex')) from posted`
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("rollout %s: encode a command: %w", name, err)
	}
	return s.do(ctx, name, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, post, digest(name), digest(c.ID), data)
		return err
	})
}

// Audit implements [rollout.Store].
func (s *RolloutStore) Audit(ctx context.Context, name string) iter.Seq2[rollout.AuditEntry, error] {
	return func(yield func(rollout.AuditEntry, error) bool) {
		for after, more := int64(0), true; more; {
			var entries []rollout.AuditEntry
			err := s.do(ctx, name, func(ctx context.Context) (err error) {
				entries, after, more, err = s.auditAfter(ctx, name, after)
				return err
			})
			if err != nil {
				yield(rollout.AuditEntry{}, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

// Checkpoints implements [rollout.Lister].
func (s *RolloutStore) Checkpoints(ctx context.Context) iter.Seq2[[]byte, error] {
	const atOnce = 100
	return func(yield func([]byte, error) bool) {
		for after, more := []byte{}, true; more; {
			var some []keptCheckpoint
			err := retry(ctx, rolloutPatience, func(ctx context.Context) error {
				rows, err := s.pool.Query(ctx, `
select id, checkpoint from alipayplus.rollouts where id > $1 and checkpoint is not null order by id limit $2`, after, atOnce)
				if err == nil {
					some, err = pgx.CollectRows(rows, pgx.RowToStructByPos[keptCheckpoint])
				}
				return err
			})
			if err != nil {
				yield(nil, fmt.Errorf("rollouts: the store failed: %w", explain(err)))
				return
			}
			for _, kept := range some {
				if !yield(kept.Checkpoint, nil) {
					return
				}
				after = kept.ID
			}
			more = len(some) == atOnce
		}
	}
}

// keptCheckpoint is that of one rollout.
type keptCheckpoint struct{ ID, Checkpoint []byte }

// savedAudit is what one Save has appended to an audit log.
type savedAudit struct {
	Seq     int64
	Entries []byte
}

// auditAfter reads some of the audit log, and says whether there may be more and after what.
func (s *RolloutStore) auditAfter(ctx context.Context, name string, after int64) (entries []rollout.AuditEntry, last int64, more bool, err error) {
	const atOnce = 100
	rows, err := s.pool.Query(ctx, `
select seq, entries from alipayplus.rollout_audit where rollout = $1 and seq > $2 order by seq limit $3`, digest(name), after, atOnce)
	if err != nil {
		return nil, after, true, err
	}
	saved, err := pgx.CollectRows(rows, pgx.RowToStructByPos[savedAudit])
	if err != nil {
		return nil, after, true, err
	}
	last = after
	for _, save := range saved {
		var some []rollout.AuditEntry
		if err := json.Unmarshal(save.Entries, &some); err != nil {
			return nil, after, true, &rollout.CheckpointError{Rollout: name, Reason: fmt.Sprintf("read its audit log in %v: %v", s, err)}
		}
		entries, last = append(entries, some...), save.Seq
	}
	return entries, last, len(saved) == atOnce, nil
}

// rolloutLease is a lease of a [RolloutStore]: the token in the database is its own.
type rolloutLease struct {
	store  *RolloutStore
	name   string
	id     []byte
	token  []byte
	posted chan struct{}
	ended  sync.Once
}

// Posted implements [rollout.Listener].
func (l *rolloutLease) Posted() <-chan struct{} { return l.posted }

// announce announces that there may be commands.
func (l *rolloutLease) announce() {
	select {
	case l.posted <- struct{}{}:
	default: // announced already
	}
}

// held runs a statement that begins with the id of the rollout and the token, and returns a row only as long as the lease
// is held.
func (l *rolloutLease) held(ctx context.Context, to any, sql string, args ...any) error {
	return l.store.do(ctx, l.name, func(ctx context.Context) error {
		err := l.store.pool.QueryRow(ctx, sql, append([]any{l.id, l.token}, args...)...).Scan(to)
		return l.lost(err)
	})
}

// lost says that the lease is lost when there was no row.
func (l *rolloutLease) lost(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("rollout %s: %w", l.name, rollout.ErrLeaseLost)
	}
	return err
}

func (l *rolloutLease) Load(ctx context.Context) (checkpoint []byte, err error) {
	err = l.held(ctx, &checkpoint, `select checkpoint from alipayplus.rollouts where id = $1 and token = $2`)
	return checkpoint, err
}

func (l *rolloutLease) Save(ctx context.Context, checkpoint []byte, audit []rollout.AuditEntry) error {
	const save = `
with held as (
	update alipayplus.rollouts set checkpoint = $3, until = clock_timestamp() + $4 where id = $1 and token = $2 returning id
), logged as (
	insert into alipayplus.rollout_audit (rollout, save, entries) select id, $5, $6 from held where $6::bytea is not null
	on conflict (rollout, save) do nothing
)
select true from held`
	var entries []byte
	if len(audit) > 0 {
		var err error
		if entries, err = json.Marshal(audit); err != nil {
			return fmt.Errorf("rollout %s: encode the audit log: %w", l.name, err)
		}
	}
	return l.held(ctx, new(bool), save, checkpoint, rolloutLeaseTime, []byte(rand.Text()), entries)
}

func (l *rolloutLease) Commands(ctx context.Context) (commands []rollout.Command, err error) {
	const read = `
select c.command from alipayplus.rollouts r left join alipayplus.rollout_commands c on c.rollout = r.id
where r.id = $1 and r.token = $2 order by c.seq`
	var stored [][]byte
	err = l.store.do(ctx, l.name, func(ctx context.Context) error {
		rows, err := l.store.pool.Query(ctx, read, l.id, l.token)
		if err != nil {
			return err
		}
		stored, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err == nil && len(stored) == 0 {
			err = l.lost(pgx.ErrNoRows)
		}
		return err
	})
	for _, data := range stored {
		if err != nil || data == nil { // there is the rollout, and no command
			break
		}
		var c rollout.Command
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("rollout %s: the store failed: a command in %v cannot be read; delete it from alipayplus.rollout_commands: %w", l.name, l.store, err)
		}
		commands = append(commands, c)
	}
	return commands, err
}

func (l *rolloutLease) Forget(ctx context.Context, ids []string) error {
	const forget = `
with held as (
	select id from alipayplus.rollouts where id = $1 and token = $2 for share
), forgotten as (
	delete from alipayplus.rollout_commands c using held where c.rollout = held.id and c.id = any($3)
)
select true from held`
	digests := make([][]byte, len(ids))
	for i, id := range ids {
		digests[i] = digest(id)
	}
	return l.held(ctx, new(bool), forget, digests)
}

func (l *rolloutLease) RenewEvery() time.Duration { return rolloutLeaseTime / 3 }

// Renew looks for commands too, in case that the announcement of one was lost.
func (l *rolloutLease) Renew(ctx context.Context) error {
	const renew = `
update alipayplus.rollouts set until = clock_timestamp() + $3 where id = $1 and token = $2
returning exists (select from alipayplus.rollout_commands where rollout = $1)`
	var commands bool
	err := l.held(ctx, &commands, renew, rolloutLeaseTime)
	if commands {
		l.announce()
	}
	return err
}

func (l *rolloutLease) Release(ctx context.Context) error {
	l.ended.Do(func() { l.store.listener.remove(l) })
	return l.store.do(ctx, l.name, func(ctx context.Context) error {
		_, err := l.store.pool.Exec(ctx, `
update alipayplus.rollouts set token = null, holder = null, until = null where id = $1 and token = $2`, l.id, l.token)
		return err
	})
}
