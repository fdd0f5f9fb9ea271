package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/storagetest"
	"github.com/alipayplus-go/alipayplus/postgres"
)

func TestStoreKeepsThePromises(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	storagetest.TestStore(t, func() storage.Store {
		execute(t, pool, "truncate alipayplus.records")
		return postgres.NewStore(pool)
	})
}

// cuttingConn is a connection that is lost once, when the client commits.
type cuttingConn struct {
	net.Conn
	armed *atomic.Bool
	// reaches says whether the commit gets to the server before.
	reaches bool
	cut     bool
}

func (c *cuttingConn) Write(data []byte) (int, error) {
	if bytes.Contains(data, []byte("commit\x00")) && c.armed.CompareAndSwap(true, false) {
		c.cut = true
		if c.reaches {
			return len(data), c.commit(data)
		}
		return len(data), nil
	}
	return c.Conn.Write(data)
}

// commit sends the message and waits for the answer, which is lost then.
func (c *cuttingConn) commit(data []byte) error {
	if _, err := c.Conn.Write(data); err != nil {
		return err
	}
	var answer []byte
	for part := make([]byte, 1<<10); !bytes.Contains(answer, []byte("COMMIT\x00")); {
		n, err := c.Conn.Read(part)
		if err != nil {
			return err
		}
		answer = append(answer, part[:n]...)
	}
	return nil
}

func (c *cuttingConn) Read(data []byte) (int, error) {
	if c.cut {
		return 0, io.ErrUnexpectedEOF
	}
	return c.Conn.Read(data)
}

func TestAConnectionThatIsLostDuringTheCommit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reaches bool
		runs    int
	}{
		"the commit reached the server":       {reaches: true, runs: 1},
		"the commit did not reach the server": {reaches: false, runs: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := address(t)
			require.NoError(t, postgres.Migrate(t.Context(), connect(t, at)))
			config, err := pgxpool.ParseConfig(at)
			require.NoError(t, err)
			config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // each message holds its statement
			var armed atomic.Bool
			dial := config.ConnConfig.DialFunc
			config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				return &cuttingConn{Conn: conn, armed: &armed, reaches: tt.reaches}, err
			}
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			armed.Store(true)
			runs := 0
			require.NoError(t, postgres.NewStore(pool).Update(t.Context(), func(tx storage.Tx) error {
				runs++
				return tx.Put(fmt.Sprint("run ", runs), nil)
			}))
			require.False(t, armed.Load())
			require.Equal(t, tt.runs, runs)
			require.NoError(t, postgres.NewStore(pool).View(t.Context(), func(tx storage.Tx) error {
				var keys []string
				for e, err := range tx.Scan("", "", false) {
					require.NoError(t, err)
					keys = append(keys, e.Key)
				}
				require.Equal(t, []string{fmt.Sprint("run ", tt.runs)}, keys, "once")
				return nil
			}))
		})
	}
}

// A process that hangs in the middle of an update holds the others up for a while only.
func TestAnUpdateThatHangsLosesItsTurn(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	hangs, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = hangs.Rollback(t.Context()) }()
	_, err = hangs.Exec(t.Context(), "set local idle_in_transaction_session_timeout = 100; lock table alipayplus.writer in share row exclusive mode")
	require.NoError(t, err)
	require.NoError(t, postgres.NewStore(pool).Update(t.Context(), func(tx storage.Tx) error { return tx.Put("a", nil) }))
}

func TestALongKeyIsRefusedWithoutHarm(t *testing.T) {
	t.Parallel()
	store := postgres.NewStore(migrated(t))
	random := rand.New(rand.NewPCG(1, 2))
	key := func(n int) string {
		key := make([]byte, n)
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		return string(key)
	}
	require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
		require.EqualError(t, tx.Put(key(2601), nil), "postgres: put: the key has 2601 bytes, at most 2600 can be kept")
		return tx.Put(key(2600), nil)
	}))
}
