// Package postgres keeps what several processes on several machines share in a PostgreSQL database, version 13 or newer:
//
//   - the platform's records ([NewStore]), so that any number of gateways serve one platform;
//   - rollouts ([NewRolloutStore]), so that one survives the loss of the machine that drives it;
//   - the tokens of AlipayCN's merchants ([NewTokenStore]) and the notifications that were handled ([NewSeenStore]).
//
// All are over a connection pool, which belongs to the caller, and can share one:
//
//	pool, err := pgxpool.New(ctx, "postgres://gateway@db.example/release")
//	...
//	defer pool.Close()
//	err = postgres.Migrate(ctx, pool)
//	...
//	p, err := platform.New(platform.WithStore(postgres.NewStore(pool)), platform.WithSigner(key))
//
// # The schema
//
// The tables are in a schema of their own, named alipayplus. [Migrate] creates it and brings an older one up to date; it
// refuses a newer one.
//
// # When the database is away
//
// What failed for certain, because the connection was lost before the commit or another transaction got in the way, is
// tried again for a short while. When the connection is lost during a commit, the database is asked what became of it.
// What remains is an error that names the operation. No error holds the password.
package postgres
