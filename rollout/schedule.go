package rollout

import (
	"container/heap"
	"context"
	"errors"
	"maps"
	"math/bits"
	"sync"
	"time"
)

// Run drives all targets to their ends and returns where each stands. The error is nil when
// all are released, and otherwise a [FleetError]. The failure of one target does not stop
// the others, except that of a canary: see [FleetOptions]. When the context ends, changes
// that were begun are finished, and a later Run goes on.
func (f *Fleet) Run(ctx context.Context) (*FleetSummary, error) {
	begun := time.Now()
	s := newSchedule(f)
	err := s.run(ctx)
	f.shared.closeSinks(ctx)
	summary := &FleetSummary{Members: s.targets, Elapsed: time.Since(begun)}
	return summary, summary.asError(err)
}

// schedule is one run of a fleet. It belongs to the goroutine of Run; workers get jobs and
// send results.
type schedule struct {
	fleet   *Fleet
	targets []FleetMember
	counts  map[FleetStatus]int
	waiting dueHeap
	// ready are jobs for the next free worker; several in one are to be observed together.
	ready [][]job
	// busy is how many workers have a job, open how many canaries have not ended.
	busy, open int
	failed     bool
	jobs       chan []job
	results    chan result
}

// job is a target that is due, with an observation that was just made; nil for none.
type job struct {
	index    int
	observed *BatchResult
}

// result is the result of a job.
type result struct {
	// observed are jobs that were observed together and whose steps are still to be made;
	// nil for the result of a step.
	observed []job
	index    int
	// state is the state of the rollout, nil when that is not known.
	state *State
	next  *Next
	err   error
}

func newSchedule(f *Fleet) *schedule {
	s := &schedule{
		fleet: f, targets: make([]FleetMember, len(f.runners)), counts: make(map[FleetStatus]int),
		open: f.canaries, jobs: make(chan []job), results: make(chan result),
	}
	now := time.Now()
	for i, r := range f.runners {
		s.targets[i] = FleetMember{Target: r.target.ID(), Canary: i < f.canaries, Status: FleetStatus(Running), What: "not observed yet"}
		if f.canaries > 0 && i >= f.canaries {
			s.targets[i].Status, s.targets[i].What = FleetQueued, "waiting for the canaries"
		} else {
			s.waiting = append(s.waiting, due{at: now, index: i})
		}
		s.counts[s.targets[i].Status]++
	}
	heap.Init(&s.waiting)
	return s
}

// run gives what is due to workers until nothing waits any more. Its error is the context's.
func (s *schedule) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range s.fleet.options.Workers {
		workers.Go(func() { s.work(ctx) })
	}
	defer workers.Wait()
	defer close(s.jobs)
	for s.busy > 0 || len(s.ready) > 0 || len(s.waiting) > 0 {
		if ctx.Err() != nil {
			for s.busy > 0 {
				s.complete(<-s.results)
			}
			return ctx.Err()
		}
		s.ready = append(s.ready, s.dueNow(time.Now())...)
		var jobs chan []job
		var first []job
		if len(s.ready) > 0 {
			jobs, first = s.jobs, s.ready[0]
		}
		timer := time.NewTimer(s.untilNext())
		select {
		case jobs <- first:
			s.busy++
			s.ready = s.ready[1:]
		case r := <-s.results:
			s.complete(r)
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// untilNext is how long nothing will be due.
func (s *schedule) untilNext() time.Duration {
	if len(s.waiting) == 0 {
		return time.Hour // a result comes before
	}
	return time.Until(s.waiting[0].at)
}

// dueNow removes what is due: one list of jobs for targets that are observed together, one
// for each other target.
func (s *schedule) dueNow(now time.Time) [][]job {
	var lists [][]job
	together := make(map[Batch]int)
	for len(s.waiting) > 0 && !now.Before(s.waiting[0].at) {
		next := heap.Pop(&s.waiting).(due) //nolint:errcheck,forcetypeassert // the heap holds nothing else
		j := job{index: next.index}
		batched, ok := s.fleet.runners[next.index].target.(Batched)
		if !ok {
			lists = append(lists, []job{j})
			continue
		}
		batch := batched.Batch()
		at, ok := together[batch]
		if !ok || len(lists[at]) == maxBatch {
			at = len(lists)
			together[batch] = at
			lists = append(lists, nil)
		}
		lists[at] = append(lists[at], j)
	}
	return lists
}

// work does jobs until there are no more.
func (s *schedule) work(ctx context.Context) {
	for jobs := range s.jobs {
		if len(jobs) > 1 {
			s.observeBatch(ctx, jobs)
			s.results <- result{observed: jobs}
			continue
		}
		j := jobs[0]
		r := result{index: j.index}
		runner := s.fleet.runners[j.index]
		r.state, r.next, r.err = runner.stepOnce(ctx, j.observed, s.fleet.options.Limiter)
		runner.settle(sinkPatience)
		s.results <- r
	}
}

// maxBatch limits how many targets are observed together, so that none of them waits long
// for the others.
const maxBatch = 100

// observeBatch observes targets together. Each may take as long as if it were alone.
func (s *schedule) observeBatch(ctx context.Context, jobs []job) {
	targets := make([]Target, len(jobs))
	for i, j := range jobs {
		targets[i] = s.fleet.runners[j.index].target
	}
	batch := targets[0].(Batched).Batch() //nolint:errcheck,forcetypeassert // dueNow puts only such together
	wait := func(ctx context.Context) error { return waitForLimiter(ctx, s.fleet.options.Limiter) }
	ctx, cancel := context.WithTimeout(ctx, s.fleet.runners[jobs[0].index].callTime*time.Duration(len(jobs)))
	defer cancel()
	seen := batch.ObserveAll(ctx, targets, wait)
	for i := range jobs {
		if i < len(seen) {
			jobs[i].observed = &seen[i]
		}
	}
}

// complete records the result of one job.
func (s *schedule) complete(r result) {
	s.busy--
	if r.observed != nil {
		for _, j := range r.observed {
			s.ready = append(s.ready, []job{j})
		}
		return
	}
	t := &s.targets[r.index]
	before := t.Status
	if r.state != nil {
		t.Status, t.Ratio, t.Subject = FleetStatus(r.state.Status), r.state.Ratio, r.state.Subject
	}
	if r.next != nil {
		t.What, t.Wait = r.next.What, r.next.Wait
	}
	over := s.reschedule(t, r)
	s.count(before, t.Status)
	if over && t.Canary {
		s.canaryFinished(t)
	}
	if s.fleet.options.OnProgress != nil {
		s.fleet.options.OnProgress(FleetProgress{Member: *t, Counts: maps.Clone(s.counts)})
	}
}

// reschedule puts a target back that is due again, and says whether it never is.
func (s *schedule) reschedule(t *FleetMember, r result) (over bool) {
	now := time.Now()
	_, leased := errors.AsType[*LeasedError](r.err)
	switch {
	case leased:
		t.What = r.err.Error()
		s.push(r.index, now, now.Add(s.fleet.runners[r.index].interval))
		return false
	case errors.Is(r.err, ErrPending): // the context ended; run returns its error while something waits
		s.push(r.index, now, now)
		return false
	case r.err != nil:
		t.Err, t.Wait = r.err, ""
		if _, stopped := errors.AsType[*StoppedError](r.err); !stopped {
			t.Status, t.What = FleetFailed, r.err.Error()
		}
		return true // FleetMember.What has the reason of a stopped one already
	case r.next.Over:
		return true
	default:
		s.push(r.index, now, r.next.At)
		return false
	}
}

func (s *schedule) count(before, after FleetStatus) {
	if s.counts[before]--; s.counts[before] == 0 {
		delete(s.counts, before)
	}
	s.counts[after]++
}

// push puts a target back that is due later.
func (s *schedule) push(index int, now, at time.Time) {
	heap.Push(&s.waiting, due{at: alignedTime(now, at), index: index})
}

// alignedTime lengthens a wait by up to an eighth, to a moment that other waits are moved to
// as well, so that targets that wait long are observed together.
func alignedTime(now, at time.Time) time.Time {
	wait := at.Sub(now)
	if wait <= 8 {
		return at
	}
	grain := time.Duration(1) << (bits.Len64(uint64(wait/8)) - 1) // the power of two below
	return time.Unix(0, (at.UnixNano()+int64(grain)-1)/int64(grain)*int64(grain))
}

// canaryFinished lets the others begin after the last canary, or skips them.
func (s *schedule) canaryFinished(t *FleetMember) {
	s.open--
	if s.failed { // the others are skipped already
		return
	}
	if t.Status != FleetStatus(Done) {
		s.failed = true
		s.eachQueued(func(_ int, other *FleetMember) {
			other.Status, other.What = FleetSkipped, "a canary was not released"
		})
		return
	}
	if s.open > 0 {
		return
	}
	now := time.Now()
	s.eachQueued(func(i int, other *FleetMember) {
		other.Status, other.What = FleetStatus(Running), "not observed yet"
		s.push(i, now, now)
	})
}

// eachQueued calls fn for each target that waits for the canaries.
func (s *schedule) eachQueued(fn func(int, *FleetMember)) {
	for i := s.fleet.canaries; i < len(s.targets); i++ {
		if t := &s.targets[i]; t.Status == FleetQueued {
			fn(i, t)
			s.count(FleetQueued, t.Status)
		}
	}
}

// due is a waiting target.
type due struct {
	at    time.Time
	index int
}

// dueHeap has the target that is due first on top.
type dueHeap []due

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *dueHeap) Push(x any) { *h = append(*h, x.(due)) } //nolint:errcheck,forcetypeassert // see dueNow

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
