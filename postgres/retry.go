package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// How long a failure that may pass is tried again. A caller of the platform is better off with an answer that asks to
// repeat the call; a rollout has nobody who would.
const (
	storePatience   = 2 * time.Second
	rolloutPatience = 15 * time.Second
	firstPause      = 5 * time.Millisecond
	longestPause    = 500 * time.Millisecond
)

// longestAttempt is how long one attempt may take, so that a server that does not answer any more holds nobody up for
// good.
const longestAttempt = 30 * time.Second

// retry runs do until it succeeds, fails for good, or would begin again after patience. An error that matches
// errUndecided is returned at once: what do did may be there.
func retry(ctx context.Context, patience time.Duration, do func(context.Context) error) error {
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := attempt(ctx, do)
		if err == nil || !mayPass(err) || errors.Is(err, errUndecided) {
			return err
		}
		wait := time.Duration((0.5 + rand.Float64()/2) * float64(pause)) //nolint:gosec // only spreads the load
		if time.Now().Add(wait).After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func attempt(ctx context.Context, do func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, longestAttempt)
	defer cancel()
	err := do(within)
	if errors.Is(err, context.DeadlineExceeded) && within.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("the database did not answer within %v; look whether it can be reached, and is not overloaded", longestAttempt)
	}
	return err
}

// errUndecided says that nobody can tell whether a commit happened.
var errUndecided = errors.New("the connection was lost during the commit, and what became of it could not be found out; all of it is kept or nothing, as reading shows")

// mayPass says whether a failure is of the moment: the connection, the server's start or end, or another transaction.
func mayPass(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if pg, is := errors.AsType[*pgconn.PgError](err); is {
		return passes(pg.Code)
	}
	if _, is := errors.AsType[*pgconn.ConnectError](err); is {
		return true
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, errInProgress) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// passes says whether the SQLSTATE is of the moment.
func passes(code string) bool {
	return strings.HasPrefix(code, "08") || slices.Contains([]string{
		"40001", // serialization failure
		"40P01", // deadlock
		"53300", // too many connections
		"57P01", // the server shuts down
		"57P02", // the server crashed
		"57P03", // the server starts
		"25006", // read-only: this server has just become a standby
		"25P03", // the transaction was idle for too long
	}, code)
}

// explain adds the way out where there is one.
func explain(err error) error {
	const insufficientPrivilege = "42501"
	pg, is := errors.AsType[*pgconn.PgError](err)
	switch {
	case isMissing(err):
		return fmt.Errorf("the schema is missing, create it by postgres.Migrate: %w", err)
	case is && pg.Code == insufficientPrivilege:
		return fmt.Errorf("the user of the database lacks a right on the schema alipayplus: %w", err)
	default:
		return err
	}
}
