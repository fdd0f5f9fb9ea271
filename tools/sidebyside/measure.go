package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"syscall"
	"testing"
	"time"
)

// noLimit says that a row's allocations are not limited.
const noLimit = math.MaxFloat64

// row is a subject beside its floor.
type row struct {
	name           string
	floor, subject func(context.Context) error
	// most is how many allocations the subject may make more than the floor.
	most float64
	// times is how often each is run in a round.
	times int
	// elsewhere says that the work is done in other processes, whose allocations are not seen.
	elsewhere bool

	rounds []round
}

// round is what one round took: the floor, the subject, and the floor again.
type round struct{ floor, subject, again cost }

// cost is what one run took.
type cost struct{ elapsed, cpu time.Duration }

// measure adds a round. The subject is before and behind the floor in turns.
func (r *row) measure(ctx context.Context) (err error) {
	timed := func(do func(context.Context) error) (c cost) {
		began, cpu := time.Now(), r.used()
		for range r.times {
			err = errors.Join(err, do(ctx))
		}
		n := time.Duration(r.times)
		return cost{elapsed: time.Since(began) / n, cpu: (r.used() - cpu) / n}
	}
	var next round
	if len(r.rounds)%2 == 0 {
		next = round{floor: timed(r.floor), subject: timed(r.subject), again: timed(r.floor)}
	} else {
		again := timed(r.floor)
		subject := timed(r.subject)
		next = round{floor: timed(r.floor), subject: subject, again: again}
	}
	r.rounds = append(r.rounds, next)
	return err
}

// used is the CPU time so far, of this process or of those that it started.
func (r *row) used() time.Duration {
	who := syscall.RUSAGE_SELF
	if r.elsewhere {
		who = syscall.RUSAGE_CHILDREN
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// ratios are what the subject took of what the floor took.
type ratios struct {
	// min compares the cheapest run of each, median the two of each round.
	min, median float64
	// noise is the median of what one floor differs from the other by.
	noise float64
}

func (r *row) cpu() ratios { return r.ratios(func(c cost) time.Duration { return c.cpu }) }

func (r *row) elapsed() ratios { return r.ratios(func(c cost) time.Duration { return c.elapsed }) }

func (r *row) ratios(of func(cost) time.Duration) ratios {
	least := [2]float64{math.Inf(1), math.Inf(1)}
	var each, noise []float64
	for _, n := range r.rounds {
		floor, subject, again := float64(of(n.floor)), float64(of(n.subject)), float64(of(n.again))
		least[0], least[1] = min(least[0], floor, again), min(least[1], subject)
		each = append(each, 2*subject/(floor+again))
		noise = append(noise, math.Abs(again/floor-1))
	}
	return ratios{min: least[1] / least[0], median: median(each), noise: median(noise)}
}

func (r *row) floorMicroseconds() float64 {
	var all []float64
	for _, n := range r.rounds {
		all = append(all, float64(n.floor.elapsed.Microseconds()))
	}
	return median(all)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// allocations are those of one run of the floor and of the subject: the fewest of some measurements, because now and then
// another goroutine allocates meanwhile.
func (r *row) allocations(ctx context.Context) (floor, subject float64, err error) {
	fewest := func(do func(context.Context) error) float64 {
		least := math.Inf(1)
		for range 5 {
			least = min(least, testing.AllocsPerRun(min(r.times, 7), func() { err = errors.Join(err, do(ctx)) }))
		}
		return least
	}
	return fewest(r.floor), fewest(r.subject), err
}
