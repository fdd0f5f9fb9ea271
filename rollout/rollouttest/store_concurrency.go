package rollouttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func storeConcurrencyCases() []contractCase[StoreHarness] {
	return []contractCase[StoreHarness]{
		{"of many who want a lease at once, one has it at a time", oneHolderAtATime},
		{"commands left at the same time are all there", noCommandIsLost},
		{"rollouts do not disturb each other", rolloutsRunSideBySide},
	}
}

const crowd = 8

// oneHolderAtATime lets a crowd count up a number in the checkpoint: two holders at a
// time would count one less.
func oneHolderAtATime(ctx context.Context, t require.TestingT, h StoreHarness) {
	var holders atomic.Int64
	var acquired atomic.Int64
	errs := together(h, func(i int) error {
		for range h.times(25, 3) {
			lease, err := h.Store.Acquire(ctx, climb, fmt.Sprint("holder ", i))
			if errors.Is(err, rollout.ErrLeased) {
				continue
			}
			if err != nil {
				return err
			}
			if n := holders.Add(1); n != 1 {
				return fmt.Errorf("%d hold the lease", n)
			}
			n := int(acquired.Add(1))
			err = lease.Save(ctx, checkpoint(n), []rollout.AuditEntry{entry(n)})
			holders.Add(-1)
			if err := errors.Join(err, lease.Release(ctx)); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		_, err := h.Store.Read(ctx, climb)
		return err
	})
	require.NoError(t, errs)
	n := int(acquired.Load())
	require.Positive(t, n)
	var log []rollout.AuditEntry
	for i := range n {
		log = append(log, entry(i+1))
	}
	requireStored(ctx, t, h.Store, climb, checkpoint(n), log...)
}

func noCommandIsLost(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	each := h.times(10, 1)
	errs := together(h, func(i int) error {
		var all error
		for n := range each {
			c := command(fmt.Sprintf("c%d.%d", i, n), n)
			all = errors.Join(all, h.Store.Post(ctx, climb, c), h.Store.Post(ctx, climb, c))
		}
		return all
	}, func() error {
		_, err := lease.Commands(ctx)
		return err
	})
	require.NoError(t, errs)
	commands, err := lease.Commands(ctx)
	require.NoError(t, err)
	var got, want []string
	for _, c := range commands {
		got = append(got, c.ID)
	}
	for i := range crowd {
		for n := range each {
			want = append(want, fmt.Sprintf("c%d.%d", i, n))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(t, want, got)
	require.NoError(t, lease.Release(ctx))
}

func rolloutsRunSideBySide(ctx context.Context, t require.TestingT, h StoreHarness) {
	name := func(i int) string { return fmt.Sprint("release ", i) }
	each := h.times(10, 2)
	errs := together(h, func(i int) error {
		lease, err := h.Store.Acquire(ctx, name(i), name(i))
		if err != nil {
			return err
		}
		for n := range each {
			err = errors.Join(err, lease.Save(ctx, checkpoint(100*i+n), []rollout.AuditEntry{entry(n)}), lease.Renew(ctx))
		}
		return errors.Join(err, lease.Release(ctx))
	}, func() error {
		for _, err := range h.Store.Audit(ctx, name(0)) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errs)
	for i := range crowd {
		read, err := h.Store.Read(ctx, name(i))
		require.NoError(t, err)
		require.Equal(t, string(checkpoint(100*i+each-1)), string(read))
		require.Len(t, readAudit(ctx, t, h.Store, name(i)), each)
	}
}

// together runs work by a crowd, and beside it a reader.
func together(h StoreHarness, work func(i int) error, beside func() error) error {
	errs := make([]error, crowd+1)
	var done sync.WaitGroup
	for i := range crowd {
		done.Go(func() { errs[i] = work(i) })
	}
	done.Go(func() {
		for range h.times(50, 5) {
			if err := beside(); err != nil {
				errs[crowd] = err
			}
		}
	})
	done.Wait()
	return errors.Join(errs...)
}
