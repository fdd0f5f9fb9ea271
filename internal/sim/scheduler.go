package sim

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// scheduler decides in which order everything goes on that leaves a process. A goroutine that is about to do so waits at a
// point; once all goroutines of the bubble are blocked, the scheduler lets exactly one of those at a point go on, at an
// instant that no other has. So no two goroutines run at a time whose order could matter, and virtual time moves while
// nobody may go on. Only the scheduler draws from its random numbers, in an order that does not depend on the machine.
type scheduler struct {
	disturbance

	random *rand.Rand
	// faults decides what goes wrong at a point that was just reached.
	faults *faults
	// settled is called whenever all goroutines are blocked.
	settled func()

	mu      sync.Mutex
	arrived []*point // since all goroutines were blocked last
	waiting []*point
	// wake gets a value when a point is reached.
	wake chan struct{}
	// last is when a goroutine was let go on last, and released how many were.
	last     time.Time
	released int
}

// kind is the kind of a point, by which its faults are chosen.
type kind string

const (
	request  kind = "request"  // a message on its way to a server
	reply    kind = "reply"    // its answer on the way back
	closed   kind = "closed"   // the end of a connection to a server that was killed
	record   kind = "record"   // a transaction of a platform's store
	disk     kind = "disk"     // an operation of a rollout's store
	decision kind = "decision" // a person or a job does something
)

// point is where a goroutine waits for the scheduler.
type point struct {
	process *process
	kind    kind
	what    string
	due     time.Time
	fate    fate
	pass    chan struct{}
	// gone says that the goroutine does not wait any more.
	gone bool
}

// process is what can be killed, and stopped for a while, at any point.
type process struct {
	name string
	// robust says that it is neither killed nor stopped: a person, AlipayCN.
	robust bool
	ctx    context.Context //nolint:containedctx // the life of the process
	kill   context.CancelFunc
	// stopped is until when it does not go on; only the scheduler uses it.
	stopped time.Time
}

func newProcess(ctx context.Context, name string, robust bool) *process {
	p := &process{name: name, robust: robust}
	p.ctx, p.kill = context.WithCancel(ctx)
	return p
}

func (p *process) dead() bool { return p.ctx.Err() != nil }

var errKilled = errors.New("sim: the process was killed")

func newScheduler(c Config, f *faults, settled func()) *scheduler {
	return &scheduler{disturbance: disturbance(c.Disturbed), random: rand.New(rand.NewPCG(c.Seed, 1)), faults: f, settled: settled, wake: make(chan struct{}, 1)}
}

// pass waits until the process may go on, and says what goes wrong there. An error says that
// it was killed, or that the context ended.
func (s *scheduler) pass(ctx context.Context, p *process, k kind, what string) (fate, error) {
	if p.dead() {
		return fate{}, errKilled
	}
	s.disturb()
	at := &point{process: p, kind: k, what: what, pass: make(chan struct{})}
	s.mu.Lock()
	s.arrived = append(s.arrived, at)
	s.mu.Unlock()
	s.awake()
	var err error
	select {
	case <-at.pass:
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.ctx.Done():
	}
	s.disturb()
	s.mu.Lock()
	at.gone = true
	s.mu.Unlock()
	if p.dead() {
		return fate{}, errKilled
	}
	return at.fate, err
}

func (s *scheduler) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run lets goroutines go on until over says so. Nothing else may run in the bubble that
// neither waits at a point nor for time or others.
func (s *scheduler) run(over func() bool) {
	const idle = time.Hour
	for {
		synctest.Wait()
		s.admit()
		s.settled()
		if over() {
			return
		}
		wait, next := idle, s.next()
		if next != nil {
			wait = time.Until(next.due)
			if now := time.Now(); wait <= 0 && !now.After(s.last) {
				wait = s.last.Sub(now) + s.moment()
			}
		}
		if wait > 0 {
			s.sleep(wait)
			continue
		}
		s.release(next)
	}
}

// moment makes the instants of two releases differ.
func (s *scheduler) moment() time.Duration { return 1 + time.Duration(s.random.Int64N(1000)) }

func (s *scheduler) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.wake:
	case <-timer.C:
	}
}

// admit gives those who have reached a point their time and what goes wrong there. They are taken in an order that does not
// depend on which of several processors was faster.
func (s *scheduler) admit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.arrived, func(a, b *point) int {
		return cmp.Or(cmp.Compare(a.process.name, b.process.name), cmp.Compare(a.kind, b.kind), cmp.Compare(a.what, b.what))
	})
	now := time.Now()
	for _, at := range s.arrived {
		at.fate = s.faults.at(at.kind)
		at.due = now.Add(at.fate.delay)
	}
	s.waiting = append(s.waiting, s.arrived...)
	s.arrived = nil
	s.waiting = slices.DeleteFunc(s.waiting, func(at *point) bool { return at.gone })
}

// next is who goes on next: whose time comes first, of those that are not stopped.
func (s *scheduler) next() *point {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *point
	for _, at := range s.waiting {
		if at.due.Before(at.process.stopped) {
			at.due = at.process.stopped
		}
		if first == nil || at.due.Before(first.due) {
			first = at
		}
	}
	return first
}

func (s *scheduler) release(at *point) {
	s.last = time.Now()
	s.released++
	switch s.faults.befalls(at.process) {
	case killed:
		at.process.kill()
	case halted:
		at.process.stopped = s.last.Add(s.faults.halt())
	default:
		close(at.pass)
	}
}
