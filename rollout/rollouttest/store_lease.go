package rollouttest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func leasePromises() []promise[StoreHarness] {
	return []promise[StoreHarness]{
		{"a lease is of one holder, who is named to others", aLeaseIsOfOneHolder},
		{"a lease that was given back can be taken", aLeaseGivenBackCanBeTaken},
		{"a lease that was given back is no right any more", aLeaseGivenBackIsNoRight},
		{"the lease of one rollout does not concern another", leasesAreOfRollouts},
		{"after its holder died a lease can be taken, with all that was stored", aDeadHoldersLeaseCanBeTaken},
		{"a lost lease refuses everything and changes nothing", aLostLeaseRefusesEverything},
		{"a lost lease does not end that of its successor", aLostLeaseDoesNotEndItsSuccessors},
		{"a lease that is renewed is kept", aRenewedLeaseIsKept},
		{"an ended context takes no lease", anEndedContextTakesNoLease},
	}
}

const climb = "release 1"

func aLeaseIsOfOneHolder(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first holder")
	for range 2 { // asking changes nothing
		requireLeased(ctx, t, h.Store, climb, "first holder")
	}
	if h.Reopen != nil {
		requireLeased(ctx, t, h.Reopen(), climb, "first holder")
	}
	require.NoError(t, lease.Save(ctx, checkpoint(1), nil), "the lease must not suffer from being asked for")
	require.NoError(t, lease.Release(ctx))
}

func aLeaseGivenBackCanBeTaken(ctx context.Context, t require.TestingT, h StoreHarness) {
	for _, holder := range []string{"first", "second", "third"} {
		lease := acquire(ctx, t, h.Store, climb, holder)
		requireLeased(ctx, t, h.Store, climb, holder)
		require.NoError(t, lease.Release(ctx))
	}
}

func aLeaseGivenBackIsNoRight(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, lease.Release(ctx))
	requireRefused(ctx, t, lease)
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
}

func leasesAreOfRollouts(ctx context.Context, t require.TestingT, h StoreHarness) {
	one := acquire(ctx, t, h.Store, "one", "first")
	other := acquire(ctx, t, h.Store, "other", "second")
	require.NoError(t, one.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, other.Save(ctx, checkpoint(2), []rollout.AuditEntry{entry(2)}))
	require.NoError(t, one.Release(ctx))
	requireLeased(ctx, t, h.Store, "other", "second")
	requireStored(ctx, t, h.Store, "one", checkpoint(1), entry(1))
	requireStored(ctx, t, h.Store, "other", checkpoint(2), entry(2))
	require.NoError(t, other.Release(ctx))
}

func aDeadHoldersLeaseCanBeTaken(ctx context.Context, t require.TestingT, h StoreHarness) {
	dead := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, dead.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	h.Die(dead)

	next := acquire(ctx, t, h.Store, climb, "second")
	requireLeased(ctx, t, h.Store, climb, "second")
	requireLoads(ctx, t, next, checkpoint(1))
	requireCommands(ctx, t, next, "c1")
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, next.Release(ctx))
}

func aLostLeaseRefusesEverything(ctx context.Context, t require.TestingT, h StoreHarness) {
	lost := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lost.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	h.Die(lost)
	next := acquire(ctx, t, h.Store, climb, "second")

	requireRefused(ctx, t, lost)

	requireLoads(ctx, t, next, checkpoint(1))
	requireCommands(ctx, t, next, "c1")
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, next.Release(ctx))
}

func aLostLeaseDoesNotEndItsSuccessors(ctx context.Context, t require.TestingT, h StoreHarness) {
	lost := acquire(ctx, t, h.Store, climb, "first")
	h.Die(lost)
	next := acquire(ctx, t, h.Store, climb, "second")
	if err := lost.Release(ctx); err != nil {
		require.ErrorIs(t, err, rollout.ErrLeaseLost)
	}
	requireLeased(ctx, t, h.Store, climb, "second")
	require.NoError(t, next.Save(ctx, checkpoint(2), nil))
	require.NoError(t, next.Release(ctx))
}

func aRenewedLeaseIsKept(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	every := lease.RenewEvery()
	require.GreaterOrEqual(t, every, time.Duration(0))
	for range 50 {
		if every > 0 {
			require.NotNil(t, h.Elapse, "a lease that must be renewed needs Elapse to be checked")
			h.Elapse(every)
		}
		requireLeased(ctx, t, h.Store, climb, "first")
		require.NoError(t, lease.Renew(ctx))
	}
	require.NoError(t, lease.Save(ctx, checkpoint(1), nil))
	require.NoError(t, lease.Release(ctx))
}

func anEndedContextTakesNoLease(ctx context.Context, t require.TestingT, h StoreHarness) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err := h.Store.Acquire(over, climb, "first")
	require.ErrorIs(t, err, context.Canceled)
	lease := acquire(ctx, t, h.Store, climb, "second")
	require.NoError(t, lease.Release(ctx))
}

func acquire(ctx context.Context, t require.TestingT, s rollout.Store, name, holder string) rollout.Lease {
	lease, err := s.Acquire(ctx, name, holder)
	require.NoError(t, err)
	require.NotNil(t, lease)
	return lease
}

func requireLeased(ctx context.Context, t require.TestingT, s rollout.Store, name, holder string) {
	_, err := s.Acquire(ctx, name, "intruder")
	require.ErrorIs(t, err, rollout.ErrLeased)
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	var leased *rollout.LeasedError
	require.ErrorAs(t, err, &leased)
	require.Equal(t, rollout.LeasedError{Rollout: name, Holder: holder}, *leased)
}

// requireRefused checks that a lease is no right any more.
func requireRefused(ctx context.Context, t require.TestingT, lease rollout.Lease) {
	_, err := lease.Load(ctx)
	require.ErrorIs(t, err, rollout.ErrLeaseLost, "Load")
	require.ErrorIs(t, lease.Save(ctx, checkpoint(99), []rollout.AuditEntry{entry(99)}), rollout.ErrLeaseLost, "Save")
	_, err = lease.Commands(ctx)
	require.ErrorIs(t, err, rollout.ErrLeaseLost, "Commands")
	require.ErrorIs(t, lease.Forget(ctx, []string{"c1"}), rollout.ErrLeaseLost, "Forget")
	require.ErrorIs(t, lease.Renew(ctx), rollout.ErrLeaseLost, "Renew")
}
