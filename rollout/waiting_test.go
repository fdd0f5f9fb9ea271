package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// reads says how often the target was read, and checks that each change was decided
// by what had just been read.
func (s *stage) reads() *int {
	reads := new(int)
	var before rollouttest.Call
	var at time.Time
	s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
		if c.Op == rollouttest.OpObserve {
			*reads++
		} else {
			require.Equal(s, rollouttest.OpObserve, before.Op, "before %s to %v", c.Op, c.Change.To)
			require.Equal(s, at, time.Now(), "before %s to %v", c.Op, c.Change.To)
		}
		before, at = c, time.Now()
		return nil
	})
	return reads
}

func TestTheTargetIsReadRightBeforeEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Review = rollout.ReviewReplace
		for i := range spec.Steps {
			spec.Steps[i].Approval = true
		}
		s := newStage(t, spec)
		s.other(alipayplus.ReleaseUnderReview)
		s.reads()
		for i, ratio := range []alipayplus.Ratio{10, 50, 100} {
			s.at(time.Duration(3+2*i)*time.Hour, func() {
				_, err := s.runner(rollout.WithHost("b")).Approve(t.Context(), "lin", "", ratio)
				require.NoError(t, err)
			})
		}
		s.requireDone(s.runner(rollout.WithInterval(20 * time.Minute)).Run(t.Context()))
	})
}

func TestAGateThatIsAskedOftenDoesNotMakeTheTargetBeReadOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Steps[0].Bake = rollout.Duration(10 * time.Hour)
		s := newStage(t, spec)
		asked := 0
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			asked++
			return rollout.Passed("fine"), nil
		}
		reads := s.reads()
		s.requireDone(s.runner(rollout.WithInterval(time.Hour)).Run(t.Context()))
		require.GreaterOrEqual(t, asked, 11*60)
		require.LessOrEqual(t, *reads, 150)
	})
}

func TestAReviewOfMinutesIsFollowedClosely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.ApproveAfter(10 * time.Minute)
		s.requireDone(s.runner(rollout.WithInterval(10 * time.Hour)).Run(t.Context()))
		seen := s.fake.Effects()[1].At.Sub(s.began)
		require.GreaterOrEqual(t, seen, 10*time.Minute)
		require.Less(t, seen, 13*time.Minute, "a quarter of the time it took, and a tenth of that")
	})
}

func TestAfterEachFailureTwiceAsLongIsWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 12, unavailable())
		var calls []time.Time
		s.fake.Before(func(context.Context, rollouttest.Call) error {
			calls = append(calls, time.Now())
			return nil
		})
		s.requireDone(s.runner(rollout.WithInterval(10 * time.Minute)).Run(t.Context()))
		even := true
		for i, want := range []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600} {
			waited, tenth := calls[i+1].Sub(calls[i]), time.Duration(want)*time.Second/10
			require.InDelta(t, 10*tenth, waited, float64(tenth), "after failure %d", i+1)
			even = even && waited == 10*tenth
		}
		require.False(t, even, "not all who wait for the same target ask at the same moment")
	})
}

func TestAFailureAfterASuccessIsTheFirstAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		fails := func(n int) bool { return n >= 2 && n <= 7 || n >= 9 && n <= 10 }
		var calls []time.Time
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			if c.Op != rollouttest.OpObserve {
				return nil
			}
			if calls = append(calls, time.Now()); fails(len(calls)) {
				return unavailable()
			}
			return nil
		})
		s.requireDone(s.runner().Run(t.Context()))
		for n, seconds := range map[int]int{2: 2, 3: 4, 7: 64, 9: 2, 10: 4} {
			want := time.Duration(seconds) * time.Second
			require.InDelta(t, want, calls[n].Sub(calls[n-1]), float64(want/10), "after call %d", n)
		}
	})
}

// Who watches sees what happens when it happens.
func TestEachEventIsToldAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.at(10*time.Minute, func() { s.fake.FailNext(rollouttest.OpObserve, 5, unavailable()) })
		s.at(20*time.Minute, func() {
			_, err := s.runner(rollout.WithHost("b")).Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
		})
		heard := make(map[rollout.EventKind]int)
		s.heard = func(e rollout.Event) {
			heard[e.Kind]++
			require.Equal(t, time.Now(), e.At, "%s: %s", e.Kind, e.What)
		}
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
		for _, kind := range []rollout.EventKind{
			rollout.EventStarted, rollout.EventChanging, rollout.EventApplied, rollout.EventObserved, rollout.EventWaiting, rollout.EventRetrying,
			rollout.EventPaused, rollout.EventResumed, rollout.EventGate, rollout.EventRaised, rollout.EventDone,
		} {
			require.Positive(t, heard[kind], kind)
		}
	})
}

// waitingFleet runs a fleet of n releases, calls look a second after it began, when all
// are under review, and again after so long.
func waitingFleet(t *testing.T, n int, more time.Duration, look func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, n)
		fleet := h.fleet(rollout.FleetOptions{})
		h.after(time.Second, func() {
			for _, fake := range h.fakes {
				require.Equal(t, alipayplus.ReleaseUnderReview, fake.Now().Status)
			}
			look()
			time.Sleep(more)
			look()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+more+1)
		defer cancel()
		_, err := fleet.Run(ctx)
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

func TestTenThousandWaitingReleasesNeedLittleMemory(t *testing.T) {
	for _, n := range []int{100, 1000, 10_000} {
		before, _, _ := heap()
		var live uint64
		waitingFleet(t, n, 0, func() {
			now, _, _ := heap()
			live = max(live, now-min(now, before))
		})
		t.Logf("%d releases: %d bytes live, %d each", n, live, live/uint64(n))
		require.Positive(t, live)
		require.LessOrEqual(t, live, uint64(max(n, 1000)*20_000), "the store and the targets in memory included")
	}
}

// What the scheduler does for a release while all wait must not grow with the others,
// but for the logarithm of a heap, which allocates nothing.
func TestWhatAWaitingReleaseCostsDoesNotGrowWithTheFleet(t *testing.T) {
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

// BenchmarkAStepOfARolloutThatWaits is what each reading of a release costs.
func BenchmarkAStepOfARolloutThatWaits(b *testing.B) {
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	r, err := rollout.New(fake, plain(), rollout.NewMemoryStore())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := r.Step(b.Context())
		require.NoError(b, err)
	}
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

func TestAStoreIsAskedForOrdersEveryThreeSecondsAndNotMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		var renewed, listed int
		store := lasting(s.store, &renewed, &listed)
		s.requireDone(s.runnerOf(s.fake, store).Run(t.Context()))
		seconds := int(time.Since(s.began) / time.Second)
		require.Zero(t, renewed, "what lasts needs no renewal")
		require.GreaterOrEqual(t, listed, seconds/3)
		require.LessOrEqual(t, listed, seconds/3+500)
	})
}

func TestAStoreThatTellsOfOrdersIsNotAskedForThemAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		var listed int
		store := hookedStore{Store: s.store, listens: true, hook: func(_ context.Context, c storeCall, do func() error) error {
			switch {
			case c.method == "Commands":
				listed++
			case c.method == "Forget" && len(c.ids) == 0:
				return errors.New("there is nothing to remove")
			}
			return do()
		}}
		s.requireDone(s.runnerOf(s.fake, store).Run(t.Context()))
		looks := s.fake.Calls(rollouttest.OpAny)
		require.LessOrEqual(t, listed, 3*looks, "once or so for each look at the target")
		require.Less(t, listed, int(time.Since(s.began)/(30*time.Second)))
	})
}
