package rollout_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
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

// alone hides that a target can be read together with others.
type alone struct{ rollout.Target }

func TestTheShareOfCanariesIsRoundedUp(t *testing.T) {
	t.Parallel()
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
		runInVirtualTime(t, fmt.Sprint(tt.share, " of ", tt.targets), func(t *testing.T) {
			h := newFleetFixture(t, tt.targets)
			stopped, cancel := context.WithCancel(t.Context())
			cancel()
			summary, _ := h.fleet(rollout.FleetOptions{Canaries: tt.share}).Run(stopped)
			require.Len(t, summary.Members, tt.targets)
			for i, target := range summary.Members {
				require.Equal(t, i < tt.ahead, target.Canary)
			}
		})
	}
}

func TestAFleetOfNoneIsReleased(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		summary, err := newFleetFixture(t, 0).fleet(rollout.FleetOptions{Canaries: 0.5}).Run(t.Context())
		require.NoError(t, err)
		require.Empty(t, summary.Members)
		require.Empty(t, summary.String())
	})
}

func TestALimiterLimitsTheCallsOfAllTogether(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 8)
		var calls []time.Time
		for _, fake := range h.fakes {
			fake.Before(func(context.Context, rollouttest.Call) error {
				calls = append(calls, time.Now())
				return nil
			})
		}
		single := h.targets(func(f *rollouttest.Fake) rollout.Target { return alone{f} })
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		h.finish(h.fleetOf(single, rollout.FleetOptions{Limiter: limiter, Workers: 1}))
		for i := range calls[1:] {
			require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), 10*time.Second-time.Millisecond)
		}
		require.Greater(t, len(calls), 8*8)
	})
}

func TestALimiterThatIsSlowerThanTheContextLeavesTheRestForLater(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 8)
		limiter := rate.NewLimiter(rate.Every(time.Minute), 1)
		summary, err := h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(deadline(t, 5*time.Minute))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, "8 RUNNING", summary.String())
		require.Equal(t, 5*time.Minute, summary.Elapsed)
	})
}

func TestALimiterCountsWhatIsReadTogetherOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 50)
		limiter := rate.NewLimiter(rate.Every(time.Second), 1)
		summary := h.finish(h.fleet(rollout.FleetOptions{Limiter: limiter}))
		changes := 0
		for _, fake := range h.fakes {
			changes += fake.Calls(rollouttest.OpAny) - fake.Calls(rollouttest.OpObserve)
		}
		require.Equal(t, 50*4, changes)
		elapsed := int(summary.Elapsed / time.Second)
		require.LessOrEqual(t, changes+h.group.Reads(), elapsed+1)
	})
}

func TestNoMoreIsDoneAtATimeThanThereAreWorkers(t *testing.T) {
	t.Parallel()
	for workers, most := range map[int]int64{1: 1, 3: 3, 0: 8} {
		runInVirtualTime(t, fmt.Sprint(workers), func(t *testing.T) {
			h := newFleetFixture(t, 20)
			var now, seen atomic.Int64
			for i := range h.spec.Steps {
				h.spec.Steps[i].Bake /= 60 // there is always something to do
			}
			for _, fake := range h.fakes {
				fake.ApproveAfter(time.Minute)
				fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op != rollouttest.OpObserve { // those that are read together are one call
						seen.Store(max(seen.Load(), now.Add(1)))
						time.Sleep(time.Second)
						now.Add(-1)
					}
					return nil
				})
			}
			h.finish(h.fleet(rollout.FleetOptions{Workers: workers}))
			require.Equal(t, most, seen.Load())
		})
	}
}

func TestWhatWaitsLongIsReadTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 90)
		for _, fake := range h.fakes {
			fake.ApproveAfter(day)
		}
		h.opts = []rollout.Option{rollout.WithInterval(30 * time.Minute)}
		h.finish(h.fleet(rollout.FleetOptions{}))
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
		h := newFleetFixture(t, 200)
		before := runtime.NumGoroutine()
		most := 0
		h.at(30*time.Minute, func() { most = runtime.NumGoroutine() - before })
		summary, err := h.fleet(rollout.FleetOptions{Workers: 4}).Run(deadline(t, 31*time.Minute))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, "200 RUNNING", summary.String())
		synctest.Wait() // for the race detector: most is another goroutine's
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
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		targets := h.targets(func(f *rollouttest.Fake) rollout.Target { return inShortBatch{f} })
		h.finish(h.fleetOf(targets, rollout.FleetOptions{}))
		require.Zero(t, h.group.Reads())
	})
}

func TestThreeFailuresAreAllShown(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		for _, fake := range h.fakes {
			fake.FailNext(rollouttest.OpObserve, 1, fmt.Errorf("no such release: %w", alipayplus.ErrNotFound))
		}
		_, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.EqualError(t, err, "fleet: 3 FAILED; no such release: not found; no such release: not found; no such release: not found")
	})
}

func TestAFleetIsRefusedWhatItCannotBe(t *testing.T) {
	t.Parallel()
	targets := newFleetFixture(t, 2).targets(asIs)
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

// watchedBatch reports how many targets it reads, and then calls after.
type watchedBatch struct {
	group *rollouttest.Fakes
	read  func(n int)
	after func()
}

func (b *watchedBatch) ObserveAll(ctx context.Context, targets []rollout.Target, wait func(context.Context) error) []rollout.BatchResult {
	inner := make([]rollout.Target, len(targets))
	for i, target := range targets {
		inner[i] = target.(inWatchedBatch).Fake
	}
	b.read(len(targets))
	all := b.group.ObserveAll(ctx, inner, wait)
	b.after()
	return all
}

type inWatchedBatch struct {
	*rollouttest.Fake
	batch *watchedBatch
}

func (t inWatchedBatch) Batch() rollout.Batch { return t.batch }

// watched are the targets of the fleetFixture in one watched batch.
func (h *fleetFixture) watched(read func(n int), after func()) []rollout.Target {
	batch := &watchedBatch{h.group, read, after}
	return h.targets(func(f *rollouttest.Fake) rollout.Target { return inWatchedBatch{f, batch} })
}

// Between the reading of many and the acting on one of them, another process raises that
// one. What was read is lower than what is stored then, and nothing fell.
func TestAReadingFromBeforeWhatIsStoredDoesNotPause(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 2)
		for _, fake := range h.fakes {
			require.NoError(t, fake.ApplyAs("pat"))
			require.NoError(t, fake.Approve())
		}
		readings := 0
		targets := h.watched(func(int) {}, func() {
			if readings++; readings == 1 {
				r, err := rollout.New(h.fakes[0], h.spec, h.store, rollout.WithHost("b"))
				require.NoError(t, err)
				next, err := r.Step(t.Context())
				require.NoError(t, err)
				require.Equal(t, alipayplus.Ratio(10), next.State.Ratio)
			}
		})

		h.finish(h.fleetOf(targets, rollout.FleetOptions{}))

		require.Positive(t, readings)
		require.Equal(t, []alipayplus.Ratio{10, 50, 100}, h.fakes[0].Ratios())
	})
}

func TestAHundredTargetsAreTheMostThatAreReadInOneGo(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 250)
		var mu sync.Mutex
		var sizes []int
		targets := h.watched(func(n int) {
			mu.Lock()
			sizes = append(sizes, n)
			mu.Unlock()
		}, func() {})
		_, err := h.fleetOf(targets, rollout.FleetOptions{Workers: 1}).Run(deadline(t, time.Second))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, []int{100, 100, 50}, sizes)
	})
}

// Reading many takes longer than reading one, and is given the time of all of them.
func TestTargetsThatAreReadTogetherHaveTheTimeOfAllOfThem(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 30)
		retried := 0
		for _, fake := range h.fakes {
			fake.Before(func(ctx context.Context, _ rollouttest.Call) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Second):
					return nil
				}
			})
		}
		h.opts = []rollout.Option{rollout.WithCallTimeout(5 * time.Second), rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			if e.Kind == rollout.EventRetrying {
				retried++
			}
			return nil
		})}
		_, err := h.fleet(rollout.FleetOptions{}).Run(deadline(t, 10*time.Minute))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Zero(t, retried)
		for _, fake := range h.fakes {
			require.Equal(t, alipayplus.ReleaseUnderReview, fake.Now().Status)
		}
	})
}

// endsWhileAsked is a context that ends right after it said that it has not, and lets
// everybody who waits for its end act before it answers.
type endsWhileAsked struct {
	context.Context
	end   context.CancelFunc
	ready chan struct{}
	ended *atomic.Bool
}

func (c endsWhileAsked) Err() error {
	err := c.Context.Err()
	select {
	case <-c.ready:
		if !c.ended.Swap(true) {
			c.end()
			time.Sleep(time.Second)
		}
	default:
	}
	return err
}

// What comes of the last step and the end of the context are there at the same moment;
// which of the two is taken is chance. Whichever it is, nothing was released.
func TestAFleetThatIsStoppedInItsLastStepIsPending(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			h := newFleetFixture(t, 1)
			inner, cancel := context.WithCancel(t.Context())
			defer cancel()
			ctx := endsWhileAsked{inner, cancel, make(chan struct{}), new(atomic.Bool)}
			h.fakes[0].Before(func(reading context.Context, _ rollouttest.Call) error {
				close(ctx.ready)
				<-reading.Done()
				return reading.Err()
			})
			h.opts = []rollout.Option{rollout.WithCallTimeout(day)}

			summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)

			require.ErrorIs(t, err, rollout.ErrPending)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, "1 RUNNING", summary.String())
		})
	}
}

// In one step a target is applied for and raised, and then goes wrong, or is stopped. What
// it came to until then is what the summary says, and so is what an earlier run came to.
func TestASummarySaysWhatIsLiveHoweverAStepEnded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end    func(cancel context.CancelFunc) error
		status rollout.FleetStatus
		is     error
	}{
		"it failed": {func(context.CancelFunc) error { return alipayplus.ErrNotFound }, rollout.FleetFailed, alipayplus.ErrNotFound},
		"it was ended": {func(cancel context.CancelFunc) error {
			cancel()
			return context.Canceled
		}, rollout.FleetStatus(rollout.Running), rollout.ErrPending},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			h := newFleetFixture(t, 1)
			h.fakes[0].ApproveAfter(0)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			fails := func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpObserve && h.fakes[0].Now().Ratio > 0 {
					return tt.end(cancel)
				}
				return nil
			}
			h.fakes[0].Before(fails)
			for range 2 {
				summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)
				require.ErrorIs(t, err, tt.is)
				require.Equal(t, "1 "+fmt.Sprint(tt.status), summary.String())
				require.Equal(t, alipayplus.Ratio(10), summary.Members[0].Ratio)
				ctx, cancel = context.WithCancel(t.Context())
				defer cancel()
			}
		})
	}
}

func TestTheSinksOfAFleetAreCalledOneAtATime(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 20)
		var events, now, most [2]atomic.Int64
		sink := func(i int) rollout.Option {
			return rollout.WithSink(func(context.Context, rollout.Event) error {
				most[i].Store(max(most[i].Load(), now[i].Add(1)))
				for range 50 {
					runtime.Gosched() // other workers may emit
				}
				now[i].Add(-1)
				events[i].Add(1)
				return nil
			})
		}
		h.opts = []rollout.Option{sink(0), sink(1)}
		h.finish(h.fleet(rollout.FleetOptions{}))
		for i := range 2 {
			require.Greater(t, events[i].Load(), int64(20*8))
			require.Equal(t, int64(1), most[i].Load())
		}
	})
}

func TestASinkOfAFleetMayWaitInVirtualTime(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		h.opts = []rollout.Option{rollout.WithSink(func(context.Context, rollout.Event) error {
			time.Sleep(time.Millisecond)
			return nil
		})}
		h.finish(h.fleet(rollout.FleetOptions{}))
	})
}

// waitingFleet runs a fleet of n releases, calls inspect a second after it began, when all
// are under review, and again after so long.
func waitingFleet(t *testing.T, n int, more time.Duration, inspect func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newFleetFixture(t, n)
		fleet := h.fleet(rollout.FleetOptions{})
		h.at(time.Second, func() {
			for _, fake := range h.fakes {
				require.Equal(t, alipayplus.ReleaseUnderReview, fake.Now().Status)
			}
			inspect()
			time.Sleep(more)
			inspect()
		})
		_, err := fleet.Run(deadline(t, time.Second+more+1))
		require.ErrorIs(t, err, rollout.ErrPending)
	})
}

// heap is what lives, and how much was ever allocated.
func heap() (live, allocated, times uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.TotalAlloc, m.Mallocs
}

// The store in memory is included, which is about half of it.
func TestWaitingReleasesNeedLittleMemory(t *testing.T) {
	for _, tt := range []struct {
		releases int
		after    time.Duration
		most     float64
	}{
		{1000, 0, 2100},
		{10_000, 0, 1900},
		{10_001, 5 * time.Minute, 1350}, // what waits for more than a minute is not held decoded
	} {
		if testing.Short() && tt.releases > 1000 {
			break
		}
		before, _, _ := heap()
		var live uint64
		waitingFleet(t, tt.releases, tt.after, func() {
			now, _, _ := heap()
			live = now - before
		})
		each := float64(live)/float64(tt.releases) - bytesOfATarget(tt.releases)
		t.Logf("%d releases after %v: %.0f bytes live each", tt.releases, tt.after, each)
		require.Positive(t, each)
		require.LessOrEqual(t, each, tt.most)
	}
}

// bytesOfATarget is what each of n targets in memory needs that are under review.
func bytesOfATarget(n int) float64 {
	before, _, _ := heap()
	group, ladder := rollouttest.NewFakes(), alipayplus.DefaultLadder()
	fakes := make([]*rollouttest.Fake, n)
	for i := range fakes {
		fakes[i] = group.New(fmt.Sprintf("release %d", i), ladder)
		_ = fakes[i].Apply(context.Background(), rollout.Change{RequestID: rand.Text()})
	}
	after, _, _ := heap()
	runtime.KeepAlive(fakes)
	return float64(after-before) / float64(n)
}

// What the scheduler does for a release while all wait must not grow with the others,
// but for the logarithm of a heap, which allocates nothing.
func TestWhatAWaitingReleaseCostsDoesNotGrowWithTheFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	cost := make(map[int][2]float64)
	for _, n := range []int{100, 1000} {
		var bytes, times []uint64
		waitingFleet(t, n, 30*time.Second, func() {
			_, b, m := heap()
			bytes, times = append(bytes, b), append(times, m)
		})
		cost[n] = [2]float64{float64(bytes[1]-bytes[0]) / float64(n), float64(times[1]-times[0]) / float64(n)}
	}
	t.Log("bytes and allocations of a release in 30 seconds of waiting:", cost)
	for i, what := range []string{"bytes", "allocations"} {
		require.Positive(t, cost[100][i])
		require.LessOrEqual(t, cost[1000][i], 1.3*cost[100][i], what)
	}
}

// A step of a rollout asks the store for lease, checkpoint and commands, however many there are; what
// it knows it does not read anew. Most of the steps of a ladder find that there is nothing to do.
func TestALadderOfAFleetAllocatesLittle(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" || s.Key == "GOEXPERIMENT" }) {
		t.Skip("the race detector empties pools at random, and an experiment changes encoding/json")
	}
	const ladders, most = 100, 5000
	synctest.Test(t, func(t *testing.T) {
		h := newFleetFixture(t, ladders)
		h.spec = everyRatio()
		fleet := h.fleet(rollout.FleetOptions{})
		_, _, before := heap()
		h.finish(fleet)
		_, _, after := heap()
		for _, fake := range h.fakes {
			require.Equal(t, ratiosOf(h.spec), fake.Ratios())
		}
		each := (after - before) / ladders
		t.Logf("%d allocations a ladder, those of the targets and the store in memory included", each)
		require.LessOrEqual(t, each, uint64(most))
	})
}

// BenchmarkAFleetUntilAllWait applies for all releases of a fleet and then stops.
func BenchmarkAFleetUntilAllWait(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				runUntilAllWait(b, n)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/release")
		})
	}
}

func runUntilAllWait(b *testing.B, n int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var applied atomic.Int64
	group := rollouttest.NewFakes()
	targets := make([]rollout.Target, n)
	for i := range n {
		fake := group.New(fmt.Sprintf("release %d", i), alipayplus.DefaultLadder())
		fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpApply && applied.Add(1) == int64(n) {
				cancel()
			}
			return nil
		})
		targets[i] = fake
	}
	fleet, err := rollout.NewFleet(targets, plain(), rollout.NewMemoryStore(), rollout.FleetOptions{})
	require.NoError(b, err)
	_, err = fleet.Run(ctx)
	require.ErrorIs(b, err, rollout.ErrPending)
}
