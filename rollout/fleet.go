package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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
	shared   config
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
	if c.name != "" {
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
