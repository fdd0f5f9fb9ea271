package rollouttest

import (
	"slices"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// StoreHarness is a store to check, and what its surroundings can do to it.
type StoreHarness struct {
	// Store is empty.
	Store rollout.Store
	// Die ends the holder of a lease as a crash does: nothing is released in order,
	// and when it returns the lease can be taken by another. Where leases live on
	// for a while without being renewed, it waits that long.
	Die func(lease rollout.Lease)
	// Elapse lets time pass, for a store whose leases must be renewed; nil for
	// others.
	Elapse func(d time.Duration)
	// Reopen returns a store over the same data, as another process has it; nil for
	// a store that ends with its process.
	Reopen func() rollout.Store
}

// TestStore checks that a store keeps the promises of [rollout.Store] and
// [rollout.Lease]. It calls newHarness once for each case; what is to be cleaned up
// newHarness registers on its t.
//
// What only a crash in the middle of Save can show, it cannot check: that belongs into
// the store's own tests.
func TestStore(t *testing.T, newHarness func(t *testing.T) StoreHarness, opts ...CheckOption) {
	t.Helper()
	check(t, newHarness, storePromises(), opts)
}

func storePromises() []promise[StoreHarness] {
	return slices.Concat(leasePromises(), checkpointPromises(), commandPromises(), storeCrowdPromises())
}
