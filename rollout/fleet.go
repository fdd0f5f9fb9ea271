package rollout

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Fleet drives many targets by one spec. A waiting target costs a little memory and no
// goroutine: one scheduler knows what is due when, and gives it to a few workers. Targets
// that can be observed together are (see [Batched]). It is safe for concurrent use, but one
// Run at a time makes progress.
type Fleet struct {
	// shared is what all runners have in common.
	shared   *config
	runners  []*Runner
	options  FleetOptions
	canaries int
}

// FleetOptions say how a fleet is driven. The zero value is good for a start.
type FleetOptions struct {
	// Workers is how many targets make a step at a time; 0: 8.
	Workers int
	// Limiter limits the calls of all targets together, and each call that a
	// [Batch].ObserveAll makes; nil: no limit.
	Limiter *rate.Limiter
	// Canaries is the share of the targets, from 0 to 1, that goes ahead: rounded up, in
	// the order given. The others begin when all canaries have reached all users, and are
	// skipped when one did not. 0: all begin at once.
	Canaries float64
	// OnProgress is called after each step of a target, in the goroutine of Run; may be nil.
	OnProgress func(FleetProgress)
}

// FleetProgress is the result of one step of one target, and the state of all.
type FleetProgress struct {
	// Member is the target that made a step.
	Member FleetMember
	// Counts is the number of targets in each status.
	Counts map[FleetStatus]int
}

// FleetStatus is the status of a target in a fleet: a [Status], or one of those below.
type FleetStatus string

// The statuses that only targets of a fleet have.
const (
	// FleetQueued: it has not begun, because the canaries have not ended.
	FleetQueued FleetStatus = "QUEUED"
	// FleetSkipped: it will not begin, because a canary was not released.
	FleetSkipped FleetStatus = "SKIPPED"
	// FleetFailed: it ended with an error that needs a person.
	FleetFailed FleetStatus = "FAILED"
)

// FleetMember is one target of a fleet and where its rollout stands.
type FleetMember struct {
	// Target is its id.
	Target string `json:"target"`
	// Subject is the mini program and its version; zero before this run observed the target.
	Subject Subject `json:"subject,omitzero"`
	// Canary says that it is one of those that go ahead.
	Canary bool `json:"canary,omitempty"`
	// Status is its present status.
	Status FleetStatus `json:"status"`
	// Ratio is live, in percent, as far as this run knows; 0 before it observed the target.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Wait is the kind of what it waits for; empty when it waits for nothing.
	Wait WaitKind `json:"wait,omitempty"`
	// What says what it waits for, or why it ended.
	What string `json:"what,omitempty"`
	// Err is why it ended without being released; nil otherwise.
	Err error `json:"-"`
}

// FleetSummary is the result of a run of a fleet.
type FleetSummary struct {
	// Members are all targets, in the order given.
	Members []FleetMember `json:"targets"`
	// Elapsed is how long the run lasted.
	Elapsed time.Duration `json:"tookNanoseconds"`
}

// NewFleet makes a fleet of targets. Each is a rollout of its own in the store, under
// its id. Options are those of a [Runner], but for [WithName]. It does no I/O.
func NewFleet(targets []Target, spec Spec, store Store, options FleetOptions, opts ...Option) (*Fleet, error) {
	if options.Canaries < 0 || options.Canaries > 1 || math.IsNaN(options.Canaries) {
		return nil, fmt.Errorf("rollout: the share of canaries must be from 0 to 1, not %v: %w", options.Canaries, alipayplus.ErrInvalid)
	}
	if options.Workers < 0 {
		return nil, fmt.Errorf("rollout: there cannot be %d workers: %w", options.Workers, alipayplus.ErrInvalid)
	}
	if l := options.Limiter; l != nil && l.Burst() == 0 && l.Limit() != rate.Inf {
		return nil, fmt.Errorf("rollout: a limiter with a burst of 0 lets no call through: %w", alipayplus.ErrInvalid)
	}
	options.Workers = cmp.Or(options.Workers, 8)
	c, err := newConfig(spec, store, opts)
	if err != nil {
		return nil, err
	}
	if c.givenName != "" {
		return nil, fmt.Errorf("rollout: a fleet's rollouts are named after their targets, WithName cannot be given: %w", alipayplus.ErrInvalid)
	}
	f := &Fleet{shared: c, options: options, canaries: options.canaryCount(len(targets))}
	seen := make(map[string]bool, len(targets))
	for _, target := range targets {
		r, err := newRunner(target, c)
		if err != nil {
			return nil, err
		}
		if seen[r.Name()] {
			return nil, fmt.Errorf("rollout: %s is in the fleet twice: %w", r.Name(), alipayplus.ErrInvalid)
		}
		seen[r.Name()] = true
		f.runners = append(f.runners, r)
	}
	return f, nil
}

// Runner returns the runner of a target by its id, so that people can pause, resume, abort
// or approve it, and read its status, while the fleet runs or later. The error matches
// [alipayplus.ErrNotFound].
func (f *Fleet) Runner(target string) (*Runner, error) {
	for _, r := range f.runners {
		if r.Name() == target {
			return r, nil
		}
	}
	return nil, fmt.Errorf("rollout: %q is not in the fleet: %w", target, alipayplus.ErrNotFound)
}

// canaryCount is how many of n targets go ahead.
func (o FleetOptions) canaryCount(n int) int {
	if o.Canaries == 0 || n == 0 {
		return 0
	}
	const noise = 1e-9 // 0.07 of 100 is 7, and not the 7.000000000000001 of floating point
	return max(1, int(math.Ceil(o.Canaries*float64(n)-noise)))
}

// Counts is the number of targets in each status.
func (s *FleetSummary) Counts() map[FleetStatus]int {
	counts := make(map[FleetStatus]int)
	for _, t := range s.Members {
		counts[t.Status]++
	}
	return counts
}

// String shows the counts in one line: "998 DONE, 2 PAUSED".
func (s *FleetSummary) String() string {
	counts := s.Counts()
	parts := make([]string, 0, len(counts))
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[status], status))
	}
	return strings.Join(parts, ", ")
}

// Markdown shows the counts, and a table of the targets that were not released.
func (s *FleetSummary) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d targets: %s\n", len(s.Members), s)
	header := "\n| target | status | live | why |\n|---|---|---|---|\n"
	for _, t := range s.Members {
		if t.Status == FleetStatus(Done) {
			continue
		}
		fmt.Fprintf(&b, "%s| %s | %s | %v | %s |\n", header, MarkdownCode(titleOf(t.Target, "", t.Subject)), t.Status, t.Ratio, MarkdownCode(t.What))
		header = ""
	}
	return b.String()
}

// asError is nil when all targets are released, else a [FleetError].
func (s *FleetSummary) asError(ended error) error {
	e := &FleetError{Summary: s}
	for _, t := range s.Members {
		if t.Err != nil {
			e.errs = append(e.errs, t.Err)
		}
	}
	if ended != nil {
		e.errs = append(e.errs, ErrPending, ended)
	}
	if len(e.errs) == 0 {
		return nil
	}
	return e
}

// FleetError says that not all targets of a fleet were released. It matches whatever
// the errors of its targets match, and [ErrPending] when the run was stopped.
type FleetError struct {
	// Summary says where each target stands.
	Summary *FleetSummary

	errs []error
}

// Error gives the counts, and the first failures.
func (e *FleetError) Error() string {
	const shown = 3
	var text strings.Builder
	text.WriteString("fleet: " + e.Summary.String())
	n := 0
	for _, t := range e.Summary.Members {
		if t.Err != nil {
			if n++; n <= shown {
				text.WriteString("; " + t.Err.Error())
			}
		}
	}
	if n > shown {
		text.WriteString(fmt.Sprintf("; and %d more", n-shown))
	}
	if errors.Is(e, ErrPending) {
		text.WriteString("; run it again to go on")
	}
	return validation.OneLine(text.String())
}

// Unwrap returns the errors of the targets.
func (e *FleetError) Unwrap() []error { return e.errs }

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
	// observed are jobs for the next free worker; before them, nothing else is observed, so that no
	// observation gets old, and few are held.
	observed []job
	// ready are jobs for a worker after that; several in one are to be observed together.
	ready [][]job
	// busy is how many workers have a job, open how many canaries have not ended.
	busy, open int
	failed     bool
	// what is what the last target waits for.
	what    string
	jobs    chan []job
	results chan result
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
		s.targets[i] = FleetMember{Target: r.name, Canary: i < f.canaries, Status: FleetStatus(Running), What: "not observed yet"}
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
	timer := time.NewTimer(0)
	defer timer.Stop()
	for s.busy > 0 || len(s.observed) > 0 || len(s.ready) > 0 || len(s.waiting) > 0 {
		if ctx.Err() != nil {
			for s.busy > 0 {
				s.complete(<-s.results)
			}
			return ctx.Err()
		}
		s.ready = append(s.ready, s.dueNow(time.Now())...)
		var jobs chan []job
		first := s.next()
		if len(first) > 0 {
			jobs = s.jobs
		}
		timer.Reset(s.untilNext())
		select {
		case jobs <- first:
			s.begun()
		case r := <-s.results:
			s.complete(r)
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// next are the jobs for the next free worker; none when nothing is ready.
func (s *schedule) next() []job {
	if len(s.observed) > 0 {
		return s.observed[:1:1]
	}
	if len(s.ready) > 0 {
		return s.ready[0]
	}
	return nil
}

// begun removes what next gave, which a worker has.
func (s *schedule) begun() {
	s.busy++
	if len(s.observed) > 0 {
		s.observed = s.observed[1:]
		return
	}
	s.ready[0] = nil // it is not to be held by what is left
	s.ready = s.ready[1:]
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
		next := s.pop()
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
		runner.settle(sinkTimeout)
		soon := r.next != nil && !r.next.Over && time.Until(r.next.At) <= longWait
		if len(s.fleet.runners) > mostDecoded && !soon {
			runner.decoded.Store(nil)
		}
		s.results <- r
	}
}

// In a fleet of more than mostDecoded targets, the state of one that waits for longer than longWait, or is over, is not held,
// but decoded again for its next step: that many need memory more than the little time it takes.
const (
	mostDecoded = 10_000
	longWait    = time.Minute
)

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
	ctx, cancel := context.WithTimeout(ctx, s.fleet.runners[jobs[0].index].callTimeout*time.Duration(len(jobs)))
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
		s.observed = append(s.observed, r.observed...)
		return
	}
	t := &s.targets[r.index]
	before := t.Status
	if r.state != nil {
		t.Status, t.Ratio, t.Subject = FleetStatus(r.state.Status), r.state.Ratio, r.state.Subject
	}
	if r.next != nil {
		if r.next.What != s.what { // many wait for the same
			s.what = r.next.What
		}
		t.What, t.Wait = s.what, r.next.Wait
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
	s.waiting = append(s.waiting, due{at: alignedTime(now, at), index: index})
	heap.Fix(&s.waiting, len(s.waiting)-1) // heap.Push would allocate
}

// pop removes the target that is due first.
func (s *schedule) pop() due {
	last := len(s.waiting) - 1
	first := s.waiting[0]
	s.waiting[0] = s.waiting[last]
	if s.waiting = s.waiting[:last]; last > 0 {
		heap.Fix(&s.waiting, 0)
	}
	return first
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
