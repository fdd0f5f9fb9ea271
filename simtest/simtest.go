// Package simtest tries a release plan of your own against bad weeks: it releases a version at a simulated AlipayCN,
// by several jobs on several machines, while networks, disks, clocks and processes fail, people give commands at
// wrong moments, and the version makes trouble at times. A week takes a fraction of a second, and the same seed gives
// the same week.
//
// What must hold in each week: your plan and your people decide what goes live, in order and once; all comes to an end
// when the trouble is over; and no more users get a version that makes trouble, which is what your gates are for.
package simtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/sim"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Plan is what is tried.
type Plan struct {
	// Spec is the plan. Its steps are among those of AlipayCN: 10, 30, 50 and 100 percent. What its gates ask is not used,
	// see Gates; how often, and what counts as failed, is.
	Spec rollout.Spec
	// Gates makes the gates of the spec for a process that runs the rollout, by their names; nil where it has none.
	Gates func(Process) map[string]rollout.Gate
	// Sinks makes what events go to; nil for nothing.
	Sinks func(Process) []rollout.Sink
	// Options are further ones of the runner, such as [rollout.WithInterval]. Name, machine and logger are the world's.
	Options []rollout.Option
	// Servers are what gates and sinks talk to, by their host ("metrics.example"). Health says what they are to answer.
	Servers map[string]func(Health) http.Handler
	// Unnoticed is how long a version may make trouble at a ratio before a higher ratio counts as a fault of the plan;
	// 0: the longest time between two evaluations of a gate, and 15 minutes.
	Unnoticed time.Duration
	// Weeks is how many are tried; 0: 100.
	Weeks int
	// From is the seed of the first one; 0: 1.
	From uint64
}

// Process is where the rollout runs.
type Process = sim.Process

// Health is how the version does that is being released.
type Health = sim.Health

// Report is what came of a plan.
type Report struct {
	// Weeks is how many were tried.
	Weeks int
	// Took is how long they were together, in their own time.
	Took time.Duration
	// Changes is how often a version was applied for, and a ratio set.
	Changes int
	// Faults counts what went wrong, by its kind.
	Faults map[string]int
}

// Failure is a week in which something happened that must not.
type Failure struct {
	// Seed is that of the week: [Plan].From, to try it again alone.
	Seed uint64
	// Rule is what does not hold, and What is what happened.
	Rule, What string
	// History is what had happened until then, as a table, with the fewest faults that lead there.
	History string
}

// Error says which week, and what happened.
func (f *Failure) Error() string {
	return fmt.Sprintf("simtest: week %d: %s: %s", f.Seed, f.Rule, f.What)
}

// Try tries a plan, one week after another, to the first that does not hold: then the error is a [*Failure]. One that
// matches [alipayplus.ErrInvalid] says why the plan cannot be tried. Gates, sinks and servers run inside testing/synctest:
// they may wait as long as they like, and must reach nothing but the plan's servers. Try replaces the source of random
// numbers of the test binary while it runs, so no other test may run beside it.
func Try(t *testing.T, p Plan) (*Report, error) {
	t.Helper()
	plan := &sim.Plan{Spec: p.Spec, Gates: p.Gates, Sinks: p.Sinks, Options: p.Options, Servers: p.Servers, Unnoticed: p.Unnoticed}
	if err := plan.Check(); err != nil {
		return nil, fmt.Errorf("simtest: %w", err)
	}
	if p.Weeks < 0 {
		return nil, fmt.Errorf("simtest: %d weeks: %w", p.Weeks, alipayplus.ErrInvalid)
	}
	if plan.Unnoticed == 0 {
		plan.Unnoticed = noticed(&p.Spec)
	}
	if p.Weeks == 0 {
		p.Weeks = 100
	}
	report := &Report{Faults: map[string]int{}}
	for seed := max(p.From, 1); report.Weeks < p.Weeks; seed++ {
		r := sim.Run(t, sim.Config{Seed: seed, Faults: -1, Plan: plan})
		report.Weeks++
		report.Took += r.Took
		report.Changes += r.Checked["a change is intended"]
		for what, n := range r.Faults {
			report.Faults[what] += n
		}
		if r.Violation != nil {
			return report, &Failure{Seed: seed, Rule: r.Violation.Rule, What: r.Violation.What, History: sim.Explain(t, r)}
		}
	}
	return report, nil
}

// noticed is how long it takes until gates notice trouble.
func noticed(s *rollout.Spec) (d time.Duration) {
	for _, gate := range s.Gates {
		d = max(d, gate.Every.Std())
	}
	return d + 15*time.Minute
}
