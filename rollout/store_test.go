package rollout_test

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// storeCall is a call of a [rollout.Store] or [rollout.Lease] and what was given to it.
type storeCall struct {
	method string
	data   []byte
	audit  []rollout.AuditEntry
	ids    []string
}

// hookedStore calls hook instead of each method; do calls the method of the store itself.
// The method returns the error of the hook.
type hookedStore struct {
	rollout.Store
	hook func(ctx context.Context, c storeCall, do func() error) error
	// lasting: its leases need no renewal. listens: its leases announce commands.
	lasting, listens bool
}

func (s hookedStore) Acquire(ctx context.Context, name, holder string) (lease rollout.Lease, err error) {
	err = s.hook(ctx, storeCall{method: "Acquire"}, func() error { lease, err = s.Store.Acquire(ctx, name, holder); return err })
	if err != nil {
		return nil, err
	}
	hooked := hookedLease{lease, s}
	if s.listens {
		return listeningLease{hooked}, nil
	}
	return hooked, nil
}

func (s hookedStore) Read(ctx context.Context, name string) (data []byte, err error) {
	err = s.hook(ctx, storeCall{method: "Read"}, func() error { data, err = s.Store.Read(ctx, name); return err })
	return data, err
}

func (s hookedStore) Post(ctx context.Context, name string, c rollout.Command) error {
	return s.hook(ctx, storeCall{method: "Post"}, func() error { return s.Store.Post(ctx, name, c) })
}

// hookedLease is a lease of a hookedStore. It hides that the lease announces commands.
type hookedLease struct {
	rollout.Lease
	store hookedStore
}

func (l hookedLease) Load(ctx context.Context) (data []byte, err error) {
	err = l.store.hook(ctx, storeCall{method: "Load"}, func() error { data, err = l.Lease.Load(ctx); return err })
	return data, err
}

func (l hookedLease) Save(ctx context.Context, data []byte, audit []rollout.AuditEntry) error {
	return l.store.hook(ctx, storeCall{method: "Save", data: data, audit: audit}, func() error { return l.Lease.Save(ctx, data, audit) })
}

func (l hookedLease) Commands(ctx context.Context) (all []rollout.Command, err error) {
	err = l.store.hook(ctx, storeCall{method: "Commands"}, func() error { all, err = l.Lease.Commands(ctx); return err })
	return all, err
}

func (l hookedLease) Forget(ctx context.Context, ids []string) error {
	return l.store.hook(ctx, storeCall{method: "Forget", ids: ids}, func() error { return l.Lease.Forget(ctx, ids) })
}

func (l hookedLease) RenewEvery() time.Duration {
	if l.store.lasting {
		return 0
	}
	return l.Lease.RenewEvery()
}

func (l hookedLease) Renew(ctx context.Context) error {
	return l.store.hook(ctx, storeCall{method: "Renew"}, func() error { return l.Lease.Renew(ctx) })
}

func (l hookedLease) Release(ctx context.Context) error {
	return l.store.hook(ctx, storeCall{method: "Release"}, func() error { return l.Lease.Release(ctx) })
}

type listeningLease struct{ hookedLease }

func (l listeningLease) Posted() <-chan struct{} { return l.Lease.(rollout.Listener).Posted() }

// storeHooked is a store whose method does do instead.
func storeHooked(store rollout.Store, method string, instead func(ctx context.Context, c storeCall, do func() error) error) hookedStore {
	return hookedStore{Store: store, hook: func(ctx context.Context, c storeCall, do func() error) error {
		if c.method != method {
			return do()
		}
		return instead(ctx, c, do)
	}}
}

// storeFailing is a store whose method fails.
func storeFailing(store rollout.Store, method string, err error) hookedStore {
	return storeHooked(store, method, func(context.Context, storeCall, func() error) error { return err })
}

// storeFailingFrom is a store whose method fails from a point in time on.
func storeFailingFrom(store rollout.Store, method string, from time.Time, err error) hookedStore {
	return storeHooked(store, method, func(_ context.Context, _ storeCall, do func() error) error {
		if time.Now().Before(from) {
			return do()
		}
		return err
	})
}

// fullStore is a store that cannot save from its n-th saving on. saves counts them.
func fullStore(store rollout.Store, saves *int, n int, err error) hookedStore {
	return storeHooked(store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
		if *saves++; *saves >= n {
			return err
		}
		return do()
	})
}

// lasting is a store whose leases need no renewal. It counts renewals and lists of commands.
func lasting(store rollout.Store, renewed, listed *int) hookedStore {
	return hookedStore{Store: store, lasting: true, hook: func(_ context.Context, c storeCall, do func() error) error {
		switch c.method {
		case "Renew":
			*renewed++
		case "Commands":
			*listed++
		}
		return do()
	}}
}

// storeFailingOnce is a store whose n-th saving fails, and no other.
func storeFailingOnce(store rollout.Store, saves *int, n int, err error) hookedStore {
	return storeHooked(store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
		if *saves++; *saves == n {
			return err
		}
		return do()
	})
}

func TestAStoreThatCannotSaveStopsBeforeTheTargetIsChanged(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	spec := hourly()
	spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(25 * time.Minute)}
	for name, failure := range map[string]error{
		"disk full": &fs.PathError{Op: "write", Path: "/state/checkpoint.json", Err: syscall.ENOSPC},
		"read-only": &fs.PathError{Op: "open", Path: "/state/checkpoint.json", Err: syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			saves := 0 // of a climb without failure
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, spec)
				s.requireDone(s.runnerOf(s.fake, fullStore(s.store, &saves, 1<<30, nil)).Run(t.Context()))
			})
			require.Greater(t, saves, 8)
			for n := 1; n <= saves; n++ {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, spec)
					_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), n, failure)).Run(t.Context())

					require.ErrorIs(t, err, failure)
					require.Equal(t, failure.Error(), err.Error())
					stored, err := s.runner().Status(t.Context())
					require.NoError(t, err)
					for _, e := range s.fake.Effects() {
						// Whatever was changed was announced before.
						announced := stored.Intent != nil && stored.Intent.RequestID == e.RequestID
						require.True(t, announced || e.To <= stored.Ratio && (stored.Applied || e.Kind != rollout.ChangeApply), "%s to %v without an intent", e.Kind, e.To)
					}

					// The disk has room again.
					s.requireDone(s.runner().Run(t.Context()))
					require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
				})
			}
		})
	}
}

// The deadline counts from the first attempt, which is remembered though nothing came of it.
func TestAFirstAttemptThatCannotBeStoredIsTheStoresFailure(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		full := errors.New("disk full")
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, fullStore(s.store, new(int), 1, full)).Run(t.Context())), full)
		require.Zero(t, time.Since(s.began))
	})
}

func TestAnObservationWithoutNewsIsNotStored(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(day)
		s.runUntil(time.Hour)
		stored, observations := s.state().Seq, s.fake.Calls(rollouttest.OpObserve)
		s.runUntil(10 * time.Hour)
		require.Equal(t, stored, s.state().Seq)
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), observations+100)
	})
}

func TestAFailureThatTheNextRunNeedNotKnowIsNotStored(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 1000, unavailable())
		s.runUntil(time.Hour)
		require.Equal(t, uint64(1), s.state().Seq, "that it began, once")
		require.Greater(t, s.fake.Calls(rollouttest.OpObserve), 10)
	})
}

// What cannot be read is not taken for a rollout that has not begun.
func TestAStateThatCannotBeReadIsNoFreshStart(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		stored, calls := s.state(), s.fake.Calls(rollouttest.OpAny)
		worn := errors.New("input/output error")
		r := s.runnerOf(s.fake, storeFailing(s.store, "Load", worn))
		_, err := r.Run(t.Context())
		require.ErrorIs(t, err, worn)
		_, err = r.Step(t.Context())
		require.ErrorIs(t, err, worn)
		for _, command := range []func(context.Context, string, string) (*rollout.Receipt, error){r.Pause, r.Resume, r.Abort} {
			receipt, err := command(t.Context(), "lin", "")
			require.ErrorIs(t, err, worn)
			require.Nil(t, receipt)
		}
		require.Equal(t, stored, s.state())
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		s.requireNoCommands()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// A process that was killed then would not have remembered it.
func TestNothingIsDoneAfterWhatWasNotStored(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	full := errors.New("disk full")
	var total int
	for n := 1; n == 1 || n <= total; n++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, hourly())
			s.spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(25 * time.Minute)}
			s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
			var saves, wholeSaves int
			store := storeFailingOnce(s.store, &saves, n, full)
			var failed int // how many calls there were
			s.fake.Before(func(context.Context, rollouttest.Call) error {
				if saves >= n {
					failed++
				}
				return nil
			})
			require.ErrorIs(t, errOf(s.runnerOf(s.fake, store).Run(t.Context())), full)
			require.Zero(t, failed)
			s.fake.Before(nil)
			whole := storeFailingOnce(s.store, &wholeSaves, 0, nil)
			s.requireDone(s.runnerOf(s.fake, whole).Run(t.Context()))
			if n == 1 {
				total = wholeSaves
			}
		})
	}
	require.Greater(t, total, 8)
}

func TestNothingIsChangedAfterAnIntentThatWasNotStored(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		// The first saving has the beginning, and the intent to apply.
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 1, context.DeadlineExceeded)).Run(deadline(t, time.Hour))
		require.Error(t, err)
		require.Empty(t, s.fake.Effects(), "a store that times out is a store that did not store")
	})
}
