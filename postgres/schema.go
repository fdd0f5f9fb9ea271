package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNewerSchema is what [Migrate] returns for a schema that a newer version of this package made.
var ErrNewerSchema = errors.New("a newer version made the schema: update this program")

// schemaVersion is the version of the schema that this package works on.
const schemaVersion = 1

// migrations returns the statements of each step, which leads to the version of its number, counted from 1.
func migrations() [schemaVersion]string {
	return [...]string{`
create table alipayplus.records (
	key bytea primary key,
	value bytea not null
);
-- Has no rows: its lock is what makes writers of records come one after another.
create table alipayplus.writer ();

create table alipayplus.rollouts (
	id bytea primary key, -- SHA-256 of the name: a name may be longer than an index entry
	name bytea not null,
	checkpoint bytea,
	token bytea, -- names the lease; null: nobody has it
	holder bytea,
	until timestamptz
);
create table alipayplus.rollout_commands (
	rollout bytea not null,
	id bytea not null, -- SHA-256 of the command's id
	seq bigint generated always as identity,
	command bytea not null,
	primary key (rollout, id)
);
create table alipayplus.rollout_audit (
	rollout bytea not null,
	seq bigint generated always as identity,
	save bytea not null, -- names the Save, so that one that is repeated is one
	entries bytea not null,
	primary key (rollout, seq),
	unique (rollout, save)
);

create table alipayplus.tokens (
	app bytea primary key,
	token bytea not null -- encrypted
);

create table alipayplus.seen (
	id bytea primary key,
	added_by bytea not null, -- names the Add, so that one that is repeated is one
	until timestamptz not null
);
create index seen_until on alipayplus.seen (until);
`}
}

// Migrate creates the schema, or brings it up to date, in one transaction. Where nothing is to be done it only reads, so
// that the right to create tables is needed once; several processes may call it at the same time. The error matches
// [ErrNewerSchema] for a schema of a newer version, which stays as it is.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	version, err := readVersion(ctx, pool)
	if err == nil && version < schemaVersion {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return migrate(ctx, tx) })
	}
	if err == nil && version > schemaVersion {
		err = newerSchema(version)
	}
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

func newerSchema(version int) error {
	return fmt.Errorf("%w (it is version %d, this one knows %d)", ErrNewerSchema, version, schemaVersion)
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readVersion returns the version of the schema; 0 when there is none.
func readVersion(ctx context.Context, from querier) (version int, err error) {
	err = from.QueryRow(ctx, `select version from alipayplus.schema_version`).Scan(&version)
	if isMissing(err) || errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// isMissing says whether a table, or the schema as a whole, is not there.
func isMissing(err error) bool {
	const undefinedTable, invalidSchemaName = "42P01", "3F000"
	pg, is := errors.AsType[*pgconn.PgError](err)
	return is && (pg.Code == undefinedTable || pg.Code == invalidSchemaName)
}

func migrate(ctx context.Context, tx pgx.Tx) error {
	const prepare = `
-- Others who migrate wait until this one has; the number is this package's own.
select pg_advisory_xact_lock(7310294412089643378);
create schema if not exists alipayplus;
create table if not exists alipayplus.schema_version (version int not null);
`
	if _, err := tx.Exec(ctx, prepare); err != nil {
		return err
	}
	var version int
	err := tx.QueryRow(ctx, `select version from alipayplus.schema_version`).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = tx.Exec(ctx, `insert into alipayplus.schema_version values (0)`)
	}
	if err != nil {
		return err
	}
	if version > schemaVersion { // another process was quicker
		return newerSchema(version)
	}
	steps := migrations()
	for _, step := range steps[version:] {
		if _, err := tx.Exec(ctx, step); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `update alipayplus.schema_version set version = $1`, schemaVersion)
	return err
}
