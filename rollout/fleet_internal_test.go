package rollout

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
)

// batchedTarget is a target that is read together with all others.
type batchedTarget struct {
	Target
	id string
}

type emptyBatch struct{}

func (emptyBatch) ObserveAll(context.Context, []Target, func(context.Context) error) []BatchResult {
	return nil
}

func (b batchedTarget) ID() string { return b.id }

func (b batchedTarget) Batch() Batch { return emptyBatch{} }

// waitingSchedule is the schedule of a fleet of n targets that all wait, each for a moment of its
// own within an hour, in no command.
func waitingSchedule(tb testing.TB, n int) *schedule {
	tb.Helper()
	targets := make([]Target, n)
	for i := range n {
		targets[i] = batchedTarget{id: fmt.Sprint("release ", i)}
	}
	fleet, err := NewFleet(targets, Spec{Version: SpecVersion, Steps: []StepSpec{{Ratio: 100}}}, NewMemoryStore(), FleetOptions{}, WithHost("a"))
	require.NoError(tb, err)
	s := newSchedule(fleet)
	require.Len(tb, s.waiting, n)
	for i := range s.waiting {
		s.waiting[i].at = s.waiting[i].at.Add(time.Duration(i*7919%n) * time.Hour / time.Duration(n))
	}
	heap.Init(&s.waiting)
	return s
}

// tick is what the scheduler does when all targets are due, are read together, are acted on, and wait
// for another hour. It says in how many lists they were read.
func (s *schedule) tick() (lists int) {
	now := time.Now()
	next := &Next{State: &State{Status: Running}, What: "watching", At: now.Add(time.Hour)}
	for _, list := range s.dueNow(now.Add(2 * time.Hour)) {
		lists++
		for _, j := range list {
			s.busy++
			s.complete(result{index: j.index, next: next})
		}
	}
	return lists
}

// released is a target that all users have.
type released struct{ batchedTarget }

func (released) Observe(context.Context) (*Observation, error) {
	return &Observation{Status: alipayplus.ReleaseFull, Ratio: alipayplus.FullRatio, Ladder: alipayplus.DefaultLadder()}, nil
}

// What is over is never due again.
func TestALargeFleetHoldsNoStateOfWhatIsOver(t *testing.T) {
	targets := make([]Target, mostDecoded+1)
	for i := range targets {
		targets[i] = released{batchedTarget{id: fmt.Sprint("release ", i)}}
	}
	fleet, err := NewFleet(targets, Spec{Version: SpecVersion, Steps: []StepSpec{{Ratio: 100}}}, NewMemoryStore(), FleetOptions{}, WithHost("a"))
	require.NoError(t, err)
	summary, err := fleet.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, "10001 DONE", summary.String())
	for _, r := range fleet.runners {
		require.Nil(t, r.decoded.Load(), r.Name())
	}
}

// counted counts the comparisons and the moves of a heap.
type counted struct {
	dueHeap
	less, swap int
}

func (c *counted) Less(i, j int) bool {
	c.less++
	return c.dueHeap.Less(i, j)
}

func (c *counted) Swap(i, j int) {
	c.swap++
	c.dueHeap.Swap(i, j)
}

// When all of n targets are due at once, and then wait again, the heap makes no more than n log n
// comparisons for taking them out, and as many for putting them back, each by a factor of less than two.
func TestATickOfTheSchedulerGrowsNoWorseThanNLogN(t *testing.T) {
	t.Parallel()
	for _, n := range []int{100, 1000, 10_000} {
		all := &counted{dueHeap: waitingSchedule(t, n).waiting}
		var out []due
		for all.Len() > 0 {
			out = append(out, heap.Pop(all).(due))
		}
		require.Len(t, out, n)
		for i := range out[1:] {
			require.True(t, out[i].at.Before(out[i+1].at), "what is due first comes first")
		}
		taken := all.less
		for i := range out { // the latest first is the worst order
			heap.Push(all, out[n-1-i])
		}
		nlogn := float64(n) * math.Log2(float64(n))
		t.Logf("%d releases: %d comparisons out, %d in, %d moves; %.2f, %.2f and %.2f n log n", n, taken, all.less-taken, all.swap,
			float64(taken)/nlogn, float64(all.less-taken)/nlogn, float64(all.swap)/nlogn)
		require.Less(t, float64(taken), 2*nlogn)
		require.Less(t, float64(all.less-taken), 2*nlogn)
		require.Less(t, float64(all.swap), 2*nlogn)
	}
}

// All else is done once for each target, whatever their number is.
func TestATickOfTheSchedulerAllocatesTheSameForEachRelease(t *testing.T) {
	for _, n := range []int{100, 1000, 10_000} {
		s := waitingSchedule(t, n)
		each := testing.AllocsPerRun(5, func() {
			require.Equal(t, n/maxBatch, s.tick(), "a hundred are read together")
			require.Len(t, s.waiting, n)
		}) / float64(n)
		t.Logf("%d releases: %.2f allocations each", n, each)
		require.LessOrEqual(t, each, 4.0)
	}
}

// BenchmarkATickOfTheScheduler is what it costs the scheduler alone when all are due at once.
func BenchmarkATickOfTheScheduler(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := waitingSchedule(b, n)
			b.ReportAllocs()
			for b.Loop() {
				s.tick()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/release")
		})
	}
}

// What waits long is moved to moments that others are moved to as well: never before it is due, and
// by no more than an eighth of its wait.
func TestAWaitIsMadeLongerByAnEighthAtMost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, rapid.Int64Range(0, 1<<61).Draw(t, "now"))
		wait := time.Duration(rapid.Int64Range(-10, 1<<rapid.IntRange(1, 55).Draw(t, "magnitude")).Draw(t, "wait"))
		at := now.Add(wait)

		moved := alignedTime(now, at)

		require.False(t, moved.Before(at))
		require.LessOrEqual(t, moved.Sub(at), max(0, wait/8))
		shared := time.Duration(1) << bits.TrailingZeros64(uint64(moved.UnixNano()))
		require.GreaterOrEqual(t, shared, wait/16, "a moment of its own")
	})
	shared := time.Unix(0, 1<<60)
	for wait := time.Duration(1); wait < 24*time.Hour; wait *= 3 {
		require.Equal(t, shared, alignedTime(shared.Add(-wait), shared), "what is due at such a moment stays there")
	}
}
