package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAFleetOverThePlatformReadsTogetherAndReleasesAll(t *testing.T) {
	t.Parallel() // one of the longest of the package
	synctest.Test(t, func(t *testing.T) {
		given := newWorld(t, approving())
		releases := rollout.NewReleases(given.owner)
		var targets []rollout.Target
		for range 5 {
			targets = append(targets, releases.Release(given.release(given.program(), "1.0.0").ID))
		}
		spec := rollout.Spec{Version: 1, Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(time.Minute)}, {Ratio: 100}}}
		fleet, err := rollout.NewFleet(targets, spec, rollout.NewFileStore(t.TempDir()), rollout.FleetOptions{Canaries: 0.2})
		require.NoError(t, err)

		summary, err := fleet.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, "5 DONE", summary.String())
		for i, target := range summary.Members {
			require.Equal(t, i == 0, target.Canary, fmt.Sprint(i))
			require.Equal(t, alipayplus.FullRatio, target.Ratio)
		}
	})
}

// harbor is a fleet of releases in memory, which are approved after an hour.
type harbor struct {
	*testing.T
	group *rollouttest.Fakes
	fakes []*rollouttest.Fake
	store *rollout.MemoryStore
	spec  rollout.Spec
	began time.Time
	opts  []rollout.Option
}

func newHarbor(t *testing.T, n int) *harbor {
	t.Helper()
	h := &harbor{T: t, group: rollouttest.NewFakes(), store: rollout.NewMemoryStore(), spec: plain(), began: time.Now()}
	for i := range n {
		fake := h.group.New(fmt.Sprintf("release %d", i), alipayplus.DefaultLadder())
		fake.ApproveAfter(time.Hour)
		h.fakes = append(h.fakes, fake)
	}
	return h
}

func (h *harbor) targets() []rollout.Target {
	var all []rollout.Target
	for _, fake := range h.fakes {
		all = append(all, fake)
	}
	return all
}

func (h *harbor) fleet(options rollout.FleetOptions) *rollout.Fleet {
	h.Helper()
	fleet, err := rollout.NewFleet(h.targets(), h.spec, h.store, options, append([]rollout.Option{rollout.WithHost("a")}, h.opts...)...)
	require.NoError(h, err)
	return fleet
}

// alone hides that a target can be read together with others.
type alone struct{ rollout.Target }

func TestTheShareOfCanariesIsRoundedUp(t *testing.T) {
	for _, tt := range []struct {
		targets int
		share   float64
		ahead   int
	}{
		{10, 0, 0},
		{10, 1e-12, 1},
		{10, 0.01, 1},
		{10, 0.1, 1},
		{10, 0.11, 2},
		{3, 0.5, 2},
		{100, 0.07, 7}, // 0.07 * 100 is a little above 7 in floating point
		{100, 0.29, 29},
		{10, 1, 10},
		{0, 0.5, 0},
	} {
		t.Run(fmt.Sprint(tt.share, " of ", tt.targets), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarbor(t, tt.targets)
				stopped, cancel := context.WithCancel(t.Context())
				cancel()
				summary, _ := h.fleet(rollout.FleetOptions{Canaries: tt.share}).Run(stopped)
				require.Len(t, summary.Members, tt.targets)
				for i, target := range summary.Members {
					require.Equal(t, i < tt.ahead, target.Canary)
				}
			})
		})
	}
}

func TestAFleetOfNoneIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		summary, err := newHarbor(t, 0).fleet(rollout.FleetOptions{Canaries: 0.5}).Run(t.Context())
		require.NoError(t, err)
		require.Empty(t, summary.Members)
		require.Empty(t, summary.String())
	})
}

func TestTheOthersBeginWhenAllCanariesAreThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 6)
		h.fakes[1].ApproveAfter(3 * day) // the slower canary
		queued := 0
		stand := make(map[string]rollout.FleetStatus)
		for i, fake := range h.fakes {
			stand[fake.ID()] = "RUNNING"
			if i >= 2 {
				stand[fake.ID()] = rollout.FleetQueued
			}
		}
		summary, err := h.fleet(rollout.FleetOptions{Canaries: 0.3, OnProgress: func(p rollout.FleetProgress) {
			stand[p.Member.Target] = p.Member.Status
			if stand["release 0"] == "DONE" && stand["release 1"] == "DONE" {
				for target, status := range stand {
					if status == rollout.FleetQueued {
						stand[target] = "RUNNING"
					}
				}
			}
			counts := make(map[rollout.FleetStatus]int)
			for _, status := range stand {
				counts[status]++
			}
			require.Equal(t, counts, p.Counts)
			queued = max(queued, p.Counts[rollout.FleetQueued])
			total := 0
			for status, n := range p.Counts {
				require.Positive(t, n, status)
				total += n
			}
			require.Equal(t, 6, total)
		}}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "6 DONE", summary.String())
		require.Equal(t, 4, queued)
		through := h.fakes[1].Now().ChangedAt
		require.True(t, h.fakes[0].Now().ChangedAt.Before(through))
		for _, other := range h.fakes[2:] {
			require.False(t, other.Effects()[0].At.Before(through))
		}
		require.Equal(t, time.Since(h.began), summary.Elapsed)
	})
}

func TestACanaryThatIsNotReleasedStopsTheRest(t *testing.T) {
	for name, tt := range map[string]struct {
		do     func(*harbor)
		status rollout.FleetStatus
		is     error
	}{
		"rejected": {func(h *harbor) {
			h.after(30*time.Minute, func() { require.NoError(h, h.fakes[0].Reject(alipayplus.PartyAlipayCN, "no")) })
		}, "PAUSED", rollout.ErrRejected},
		"canceled in the console": {func(h *harbor) {
			h.after(90*time.Minute, func() { require.NoError(h, h.fakes[0].Cancel("pat")) })
		}, "ENDED", alipayplus.ErrConflict},
		"failed": {func(h *harbor) {
			h.fakes[0].FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)
		}, "FAILED", alipayplus.ErrPermission},
		"a gate failed": {func(h *harbor) {
			h.spec = hourly()
			h.spec.OnGateFailure = rollout.FailureAbort
			h.opts = append(h.opts, rollout.WithGate("errors", func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
				if step.Target == "release 0" && step.Ratio == 50 {
					return rollout.Failed("too many"), nil
				}
				return rollout.Passed("fine"), nil
			}))
		}, "ABORTED", rollout.ErrGateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarbor(t, 5)
				tt.do(h)

				var last map[rollout.FleetStatus]int
				summary, err := h.fleet(rollout.FleetOptions{Canaries: 0.4, OnProgress: func(p rollout.FleetProgress) { last = p.Counts }}).Run(t.Context())

				require.Equal(t, summary.Counts(), last)
				require.ErrorIs(t, err, tt.is)
				require.NotErrorIs(t, err, rollout.ErrPending)
				require.Equal(t, tt.status, summary.Members[0].Status)
				require.Equal(t, rollout.FleetStatus(rollout.Done), summary.Members[1].Status, "the other canary goes on")
				for i, target := range summary.Members[2:] {
					require.Equal(t, rollout.FleetMember{Target: fmt.Sprint("release ", i+2), Status: rollout.FleetSkipped, What: "a canary was not released"}, target)
					require.Zero(t, h.fakes[i+2].Calls(rollouttest.OpAny), "it is not touched")
				}
				require.Contains(t, summary.String(), "3 SKIPPED")
			})
		})
	}
}

// after calls do in a goroutine.
func (h *harbor) after(d time.Duration, do func()) {
	go func() {
		time.Sleep(time.Until(h.began.Add(d)))
		do()
	}()
}

func TestALimiterLimitsTheCallsOfAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 8)
		var calls []time.Time
		var single []rollout.Target
		for _, fake := range h.fakes {
			single = append(single, alone{fake})
			fake.Before(func(context.Context, rollouttest.Call) error {
				calls = append(calls, time.Now())
				return nil
			})
		}
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		fleet, err := rollout.NewFleet(single, h.spec, h.store, rollout.FleetOptions{Limiter: limiter, Workers: 1})
		require.NoError(t, err)
		summary, err := fleet.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "8 DONE", summary.String())
		for i := range calls[1:] {
			require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), 10*time.Second-time.Millisecond)
		}
		require.Greater(t, len(calls), 8*8)
	})
}

func TestALimiterThatIsSlowerThanTheContextLeavesTheRestForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 8)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		limiter := rate.NewLimiter(rate.Every(time.Minute), 1)
		summary, err := h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, "8 RUNNING", summary.String())
		require.Equal(t, 5*time.Minute, summary.Elapsed)
	})
}

func TestALimiterCountsWhatIsReadTogetherOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 50)
		limiter := rate.NewLimiter(rate.Every(time.Second), 1)
		summary, err := h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "50 DONE", summary.String())
		changes := 0
		for _, fake := range h.fakes {
			changes += fake.Calls(rollouttest.OpAny) - fake.Calls(rollouttest.OpObserve)
		}
		require.Equal(t, 50*4, changes)
		took := int(summary.Elapsed / time.Second)
		require.LessOrEqual(t, changes+h.group.Reads(), took+1)
	})
}

func TestNoMoreIsDoneAtATimeThanThereAreWorkers(t *testing.T) {
	for workers, most := range map[int]int64{1: 1, 3: 3, 0: 8} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarbor(t, 20)
				var now, seen atomic.Int64
				for _, fake := range h.fakes {
					fake.Before(func(_ context.Context, c rollouttest.Call) error {
						if c.Op != rollouttest.OpObserve { // those that are read together are one call
							seen.Store(max(seen.Load(), now.Add(1)))
							time.Sleep(time.Second)
							now.Add(-1)
						}
						return nil
					})
				}
				_, err := h.fleet(rollout.FleetOptions{Workers: workers}).Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, most, seen.Load())
			})
		})
	}
}

func TestAReleaseThatSomebodyElseDrivesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		lease, err := h.store.Acquire(t.Context(), "release 1", "lin's shell")
		require.NoError(t, err)
		h.after(0, func() {
			for time.Since(h.began) < 10*time.Hour {
				require.NoError(t, lease.Renew(t.Context()))
				time.Sleep(lease.RenewEvery())
			}
			require.NoError(t, lease.Release(t.Context()))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()

		summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)

		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "fleet: 2 DONE, 1 RUNNING; run it again to go on")
		require.Equal(t, "rollout release 1 is driven by lin's shell; let it end or stop it first", summary.Members[1].What)
		require.Empty(t, h.fakes[1].Effects())
		summary, err = h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "3 DONE", summary.String())
		require.False(t, h.fakes[1].Effects()[0].At.Before(h.began.Add(10*time.Hour)))
	})
}

func TestAFleetThatIsStoppedFinishesWhatItBeganAndGoesOnLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 4)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var stopped atomic.Bool
		for _, fake := range h.fakes {
			fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpRaise && c.Change.To == 50 && !stopped.Swap(true) {
					cancel()
					time.Sleep(time.Minute)
				}
				return nil
			})
		}

		summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)

		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "4 RUNNING", summary.String())
		raised := 0
		for i, fake := range h.fakes {
			if fake.Now().Ratio == 50 {
				raised++
			}
			state, err := rollout.New(fake, h.spec, h.store)
			require.NoError(t, err)
			now, err := state.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, fake.Now().Ratio, now.Ratio, "release %d", i)
			require.Nil(t, now.Intent)
		}
		require.Positive(t, raised)

		time.Sleep(time.Hour)
		summary, err = h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "4 DONE", summary.String())
		for _, fake := range h.fakes {
			require.Equal(t, []alipayplus.Ratio{10, 50, 100}, fake.Ratios())
		}

		// What is done stays so, and nobody is asked anything.
		calls := h.fakes[0].Calls(rollouttest.OpAny)
		summary, err = h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "4 DONE", summary.String())
		require.Equal(t, "all users have the version", summary.Members[0].What)
		require.LessOrEqual(t, h.fakes[0].Calls(rollouttest.OpAny), calls+1)
	})
}

func TestAFleetOfManyEndsTellsEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 8)
		h.fakes[1].FailNext(rollouttest.OpObserve, 3, unavailable()) // passes
		h.after(30*time.Minute, func() { require.NoError(t, h.fakes[2].Reject(alipayplus.PartyAlipayCN, "a | b")) })
		h.after(90*time.Minute, func() { require.NoError(t, h.fakes[3].Cancel("pat")) })
		h.fakes[4].Revoke()
		h.fakes[5].FailNext(rollouttest.OpObserve, 1, fmt.Errorf("no such release: %w", alipayplus.ErrNotFound))
		h.fakes[6].Edit("pat", func(o *rollout.Observation) {
			o.Blocker = &rollout.Blocker{ID: "release x", Version: "0.9.0", Status: alipayplus.ReleaseGrayscale}
		})

		summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())

		require.Equal(t, "3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED", summary.String())
		require.Equal(t, map[rollout.FleetStatus]int{"DONE": 3, "ENDED": 1, "FAILED": 3, "PAUSED": 1}, summary.Counts())
		for _, class := range []error{rollout.ErrRejected, alipayplus.ErrConflict, alipayplus.ErrAuthorizationRequired, alipayplus.ErrNotFound} {
			require.ErrorIs(t, err, class)
		}
		require.NotErrorIs(t, err, rollout.ErrPending)
		require.NotErrorIs(t, err, rollout.ErrGateFailed)
		var fleet *rollout.FleetError
		require.ErrorAs(t, err, &fleet)
		require.Same(t, summary, fleet.Summary)
		require.EqualError(t, err, "fleet: 3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED"+
			"; rollout release 2 is paused at 0%: ALIPAY_CN rejected it: a | b; mend what the reviewers found, then resume, which applies anew"+
			"; rollout release 3 is ended at 10%: the release was canceled by pat; it is over; release a later version"+
			"; rollout release 4: mini program release 4 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns"+
			"; and 2 more")
		for i, target := range summary.Members {
			require.Equal(t, i == 0 || i == 1 || i == 7, target.Err == nil)
			if target.Err != nil {
				require.ErrorContains(t, target.Err, target.What)
			}
		}
		require.Equal(t, `8 targets: 3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED

| target | status | live | why |
|---|---|---|---|
| release 2 | PAUSED | 0% | ALIPAY_CN rejected it: a \| b |
| release 3 | ENDED | 10% | the release was canceled by pat |
| release 4 | FAILED | 0% | rollout release 4: mini program release 4 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns |
| release 5 | FAILED | 0% | no such release: not found |
| release 6 | FAILED | 0% | rollout release 6: version 0.9.0 is GRAYSCALE_RELEASE and must be out of the way before this one can be applied for; finish, withdraw or cancel it first |
`, summary.Markdown())

		// Once each was mended, a later run releases what can be.
		h.fakes[4].Grant()
		h.fakes[6].Edit("pat", func(o *rollout.Observation) { o.Blocker = nil })
		summary, err = h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.Equal(t, "6 DONE, 1 ENDED, 1 PAUSED", summary.String())
		require.ErrorIs(t, err, rollout.ErrRejected)
	})
}

func TestWhatWaitsLongIsReadTogether(t *testing.T) {
	t.Parallel() // one of the longest of the package
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 90)
		for _, fake := range h.fakes {
			fake.ApproveAfter(day)
		}
		h.opts = []rollout.Option{rollout.WithInterval(30 * time.Minute)}
		_, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.NoError(t, err)
		observed := 0
		for _, fake := range h.fakes {
			// No target is read more often than every half hour, but at the beginnings.
			require.LessOrEqual(t, fake.Calls(rollouttest.OpObserve), 26*2*11/9+130)
			require.GreaterOrEqual(t, fake.Calls(rollouttest.OpObserve), 26*2*9/11)
			observed += fake.Calls(rollouttest.OpObserve)
		}
		require.Greater(t, observed/h.group.Reads(), 4, "%d were read in %d readings", observed, h.group.Reads())
	})
}

func TestWhatWaitsCostsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 200)
		before := runtime.NumGoroutine()
		most := 0
		h.after(30*time.Minute, func() { most = runtime.NumGoroutine() - before })
		ctx, cancel := context.WithTimeout(t.Context(), 31*time.Minute)
		defer cancel()
		summary, err := h.fleet(rollout.FleetOptions{Workers: 4}).Run(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, "200 RUNNING", summary.String())
		require.Less(t, most, 20)
		require.Positive(t, most)
	})
}

// shortBatch answers for some of its targets only.
type shortBatch struct{}

func (shortBatch) ObserveAll(ctx context.Context, targets []rollout.Target, _ func(context.Context) error) []rollout.BatchResult {
	o, err := targets[0].Observe(ctx)
	return []rollout.BatchResult{{Observation: o, Err: err}}
}

type inShortBatch struct{ rollout.Target }

func (inShortBatch) Batch() rollout.Batch { return shortBatch{} }

func TestWhatABatchLeavesOutIsReadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		var targets []rollout.Target
		for _, fake := range h.fakes {
			targets = append(targets, inShortBatch{fake})
		}
		fleet, err := rollout.NewFleet(targets, h.spec, h.store, rollout.FleetOptions{})
		require.NoError(t, err)
		summary, err := fleet.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "3 DONE", summary.String())
		require.Zero(t, h.group.Reads())
	})
}

func TestAFleetHeedsOrdersToOneOfItsRollouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		h.after(90*time.Minute, func() {
			r, err := rollout.New(h.fakes[1], h.spec, h.store, rollout.WithHost("b"))
			require.NoError(t, err)
			_, err = r.Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
		})
		summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, "2 DONE, 1 PAUSED", summary.String())
		require.Equal(t, alipayplus.Ratio(10), summary.Members[1].Ratio)
	})
}

func TestThreeFailuresAreAllShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		for _, fake := range h.fakes {
			fake.FailNext(rollouttest.OpObserve, 1, fmt.Errorf("no such release: %w", alipayplus.ErrNotFound))
		}
		_, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.EqualError(t, err, "fleet: 3 FAILED; no such release: not found; no such release: not found; no such release: not found")
	})
}

func TestAFleetIsRefusedWhatItCannotBe(t *testing.T) {
	targets := newHarbor(t, 2).targets()
	for name, tt := range map[string]struct {
		targets []rollout.Target
		spec    rollout.Spec
		store   rollout.Store
		options rollout.FleetOptions
		opts    []rollout.Option
		line    string
	}{
		"a negative share": {options: rollout.FleetOptions{Canaries: -0.1}, line: "rollout: the share of canaries must be from 0 to 1, not -0.1: invalid input"},
		"more than all":    {options: rollout.FleetOptions{Canaries: 1.1}, line: "rollout: the share of canaries must be from 0 to 1, not 1.1: invalid input"},
		"no share":         {options: rollout.FleetOptions{Canaries: math.NaN()}, line: "rollout: the share of canaries must be from 0 to 1, not NaN: invalid input"},
		"negative workers": {options: rollout.FleetOptions{Workers: -1}, line: "rollout: there cannot be -1 workers: invalid input"},
		"a closed limiter": {options: rollout.FleetOptions{Limiter: rate.NewLimiter(1, 0)}, line: "rollout: a limiter with a burst of 0 lets no call through: invalid input"},
		"a name":           {opts: []rollout.Option{rollout.WithName("tea")}, line: "rollout: a fleet's rollouts are named after their targets, WithName cannot be given: invalid input"},
		"one twice":        {targets: append(slices.Clone(targets), targets[0]), line: "rollout: release 0 is in the fleet twice: invalid input"},
		"none":             {targets: []rollout.Target{nil}, line: "rollout: a target is needed: invalid input"},
		"no spec":          {spec: rollout.Spec{Version: 1}, line: "rollout spec: 1 field not valid: steps must have at least 1 entry"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.targets == nil {
				tt.targets = targets
			}
			if tt.spec.Version == 0 {
				tt.spec = plain()
			}
			fleet, err := rollout.NewFleet(tt.targets, tt.spec, rollout.NewMemoryStore(), tt.options, tt.opts...)
			require.Nil(t, fleet)
			require.EqualError(t, err, tt.line)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		})
	}
	_, err := rollout.NewFleet(targets, plain(), nil, rollout.FleetOptions{})
	require.EqualError(t, err, "rollout: a store is needed: invalid input")
}

func TestATargetThatFailsAloneDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 3)
		h.fakes[1].FailNext(rollouttest.OpObserve, 1_000_000, rollout.Transient(errors.New("reset by peer")))
		h.spec.Deadline = rollout.Duration(day)
		var others time.Time
		summary, err := h.fleet(rollout.FleetOptions{OnProgress: func(p rollout.FleetProgress) {
			if p.Counts["DONE"] == 2 && others.IsZero() {
				others = time.Now()
			}
		}}).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.Equal(t, "2 DONE, 1 PAUSED", summary.String())
		require.Less(t, others.Sub(h.began), 4*time.Hour)
	})
}
