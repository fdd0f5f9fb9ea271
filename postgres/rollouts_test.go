package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/postgres"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestRolloutStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	at := address(t)
	pool := connect(t, at)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	rollouttest.TestStore(t, func(t *testing.T) rollouttest.StoreHarness {
		t.Helper()
		execute(t, pool, "truncate alipayplus.rollouts, alipayplus.rollout_commands, alipayplus.rollout_audit")
		elapse := func(d time.Duration) {
			execute(t, pool, "update alipayplus.rollouts set until = until - $1::interval", d)
		}
		return rollouttest.StoreHarness{
			Store: postgres.NewRolloutStore(pool), Elapse: elapse,
			Reopen: func() rollout.Store { return postgres.NewRolloutStore(connect(t, at)) },
			Die:    func(rollout.Lease) { elapse(30 * time.Second) },
		}
	})
}

func acquired(t testing.TB, s rollout.Store, name string) rollout.Lease {
	t.Helper()
	lease, err := s.Acquire(t.Context(), name, "job 1")
	require.NoError(t, err)
	return lease
}

// requireAnnounced waits for the announcement, which is what a waiting run does.
func requireAnnounced(t testing.TB, lease rollout.Lease) {
	t.Helper()
	listener, is := lease.(rollout.Listener)
	require.True(t, is)
	select {
	case <-listener.Posted():
	case <-time.After(30 * time.Second):
		require.Fail(t, "no command was announced")
	}
}

func TestACommandOfAnotherProcessIsAnnounced(t *testing.T) {
	t.Parallel()
	at := address(t)
	pool := connect(t, at)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	store, other := postgres.NewRolloutStore(pool), postgres.NewRolloutStore(connect(t, at))
	lease := acquired(t, store, "release 1")
	bystander := acquired(t, store, "release 2")
	requireAnnounced(t, lease) // what was posted before somebody listened
	requireAnnounced(t, bystander)

	require.NoError(t, other.Post(t.Context(), "release 1", rollout.Command{ID: "c1", Kind: rollout.CommandPause, By: "mei"}))
	requireAnnounced(t, lease)
	select {
	case <-bystander.(rollout.Listener).Posted():
		require.Fail(t, "it is none of the other rollout's business")
	default:
	}

	// After the connection was lost, what may have been missed meanwhile is announced.
	disconnect(t, pool)
	requireAnnounced(t, lease)
	requireAnnounced(t, bystander)
	require.NoError(t, lease.Release(t.Context()))
	require.NoError(t, bystander.Release(t.Context()))
	require.NoError(t, bystander.Release(t.Context()), "twice does no harm")
}

// Where announcements do not arrive, as behind a pooler, a renewal finds the command.
func TestARenewalFindsACommand(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	store := postgres.NewRolloutStore(pool)
	lease := acquired(t, store, "r")
	requireAnnounced(t, lease)
	execute(t, pool, `insert into alipayplus.rollout_commands (rollout, id, command) select id, 'c1', '{"id":"c1"}' from alipayplus.rollouts`)
	require.NoError(t, lease.Renew(t.Context()))
	requireAnnounced(t, lease)
	require.NoError(t, lease.Release(t.Context()))
}

func TestALeaseSurvivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	lease := acquired(t, postgres.NewRolloutStore(pool), "r")
	for n, step := range []func() error{
		func() error {
			return lease.Save(t.Context(), []byte(`{"n":1}`), []rollout.AuditEntry{{Seq: 1, By: "job 1", Action: rollout.EventApplied}})
		},
		func() error { return lease.Renew(t.Context()) },
		func() error { return lease.Release(t.Context()) },
	} {
		disconnect(t, pool)
		require.NoError(t, step(), "step %d", n)
	}
}

func TestRolloutStoreNamesItsDatabaseWithoutThePassword(t *testing.T) {
	t.Parallel()
	store := postgres.NewRolloutStore(connect(t, "postgres://gateway:se%2Fcret@db.example:5433/release"))
	require.Equal(t, "database release on db.example", store.String())
}
