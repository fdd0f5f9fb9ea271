package rollout_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestTheSinksOfAFleetAreCalledOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 20)
		var events, now, most [2]atomic.Int64
		sink := func(i int) rollout.Option {
			return rollout.WithSink(func(context.Context, rollout.Event) error {
				most[i].Store(max(most[i].Load(), now[i].Add(1)))
				for range 50 {
					runtime.Gosched() // whoever else has something to tell may
				}
				now[i].Add(-1)
				events[i].Add(1)
				return nil
			})
		}
		h.opts = []rollout.Option{sink(0), sink(1)}
		_, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
		for i := range 2 {
			require.Greater(t, events[i].Load(), int64(20*8))
			require.Equal(t, int64(1), most[i].Load())
		}
	})
}

func TestPeopleGiveOrdersThroughTheRunnersOfAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		h.spec.Steps[1].Approval = true
		fleet := h.fleet(rollout.FleetOptions{})
		order := func(target string, do func(*rollout.Runner) error) {
			r, err := fleet.Runner(target)
			require.NoError(t, err)
			require.Equal(t, target, r.Name())
			require.NoError(t, do(r))
		}
		h.after(90*time.Minute, func() {
			order("release 0", func(r *rollout.Runner) error { _, err := r.Pause(t.Context(), "lin", "lunch"); return err })
			order("release 1", func(r *rollout.Runner) error { _, err := r.Approve(t.Context(), "lin", "", 50); return err })
			order("release 2", func(r *rollout.Runner) error { _, err := r.Abort(t.Context(), "lin", "no"); return err })
		})

		summary, err := fleet.Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorIs(t, err, rollout.ErrAborted)
		for i, status := range []rollout.FleetStatus{"PAUSED", "DONE", "ABORTED"} {
			require.Equal(t, status, summary.Members[i].Status)
			order(summary.Members[i].Target, func(r *rollout.Runner) error {
				state, err := r.Status(t.Context())
				require.Equal(t, status, rollout.FleetStatus(state.Status))
				return err
			})
		}
		_, err = fleet.Runner("release 3")
		require.EqualError(t, err, `rollout: "release 3" is not in the fleet: not found`)
		require.ErrorIs(t, err, alipayplus.ErrNotFound)
	})
}

func TestASinkOfAFleetMayWaitInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		h.opts = []rollout.Option{rollout.WithSink(func(context.Context, rollout.Event) error {
			time.Sleep(time.Millisecond)
			return nil
		})}
		_, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
	})
}
