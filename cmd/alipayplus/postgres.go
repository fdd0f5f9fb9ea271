package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/postgres"
)

// isPostgres says whether an address is that of a PostgreSQL database.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// connectTimeout is how long opening a connection may take, where the address does not say.
const connectTimeout = 5 * time.Second

// openPostgres opens the database whose address a flag gives, and creates its schema or brings it up to date. No error
// holds the password.
func openPostgres(ctx context.Context, flag, address string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil || !isPostgres(address) {
		return nil, misused("%s: %s", flag, wrongAddress(address, err))
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if params := config.ConnConfig.RuntimeParams; params["application_name"] == "" {
		params["application_name"] = "alipayplus"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		if err = postgres.Migrate(ctx, pool); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		return nil, failure{fmt.Errorf("%s: %w", flag, err)}
	}
	return pool, nil
}

// wrongAddress says what is wrong with an address. One that holds a password, or may, is not quoted.
func wrongAddress(address string, err error) string {
	const way = "give postgres://USER@HOST:PORT/DATABASE, and the password in PGPASSWORD or PGPASSFILE; in the address its special characters are percent-encoded"
	why := errors.Unwrap(err)
	if why == nil || !isPostgres(address) || withoutPassword(address) != address {
		return "it is not the address of a PostgreSQL database; " + way
	}
	return why.Error() + "; " + way
}

// withoutPassword is an address to show; what is not the address of a database stays as it is.
func withoutPassword(address string) string {
	if !isPostgres(address) {
		return address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://..."
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	query.Del("password")
	query.Del("sslpassword")
	u.RawQuery = query.Encode()
	return u.String()
}
