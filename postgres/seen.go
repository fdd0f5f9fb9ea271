package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// SeenStore is an [alipaycn.SeenStore] in a PostgreSQL database; [NewSeenStore] makes one. An id ends at its time by the
// clock of the database. It is safe for concurrent use, by several processes too.
type SeenStore struct{ pool *pgxpool.Pool }

var _ alipaycn.SeenStore = (*SeenStore)(nil)

// NewSeenStore returns the store in the database of a pool. It does no I/O; the schema must have been made by [Migrate].
func NewSeenStore(pool *pgxpool.Pool) *SeenStore { return &SeenStore{pool: pool} }

// Seen reports whether the id is recorded.
func (s *SeenStore) Seen(ctx context.Context, id string) (seen bool, err error) {
	err = retry(ctx, storePatience, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, `select exists (select from alipayplus.seen where id = $1 and until > clock_timestamp())`, []byte(id)).Scan(&seen)
	})
	if err != nil {
		return false, fmt.Errorf("postgres: seen: %w", explain(err))
	}
	return seen, nil
}

// Add records the id until the time, and reports whether it did. It removes some of the ids whose time has come, more than
// it adds.
func (s *SeenStore) Add(ctx context.Context, id string, until time.Time) (added bool, err error) {
	const add = `
with forgotten as (
	delete from alipayplus.seen where id in (
		select id from alipayplus.seen where until <= clock_timestamp() and id <> $1 order by until limit 8 for update skip locked
	)
), added as (
	insert into alipayplus.seen as s (id, added_by, until) values ($1, $2, $3)
	on conflict (id) do update set added_by = excluded.added_by, until = excluded.until
	where s.until <= clock_timestamp() or s.added_by = excluded.added_by
	returning true
)
select exists (select from added)`
	by := []byte(rand.Text()) // tells an attempt whose answer was lost from somebody else's
	err = retry(ctx, storePatience, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, add, []byte(id), by, until).Scan(&added)
	})
	if err != nil {
		return false, fmt.Errorf("postgres: add a seen id: %w", explain(err))
	}
	return added, nil
}
