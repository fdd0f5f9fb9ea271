// Command waiting measures what releases cost that wait for their reviews: memory and processor time of a fleet in real time,
// its store and targets in memory.
//
//	go run ./tools/waiting
//	go run ./tools/waiting -releases 10000 -for 10m -interval 1m
//
// It is for Linux: the memory of the process is read from /proc.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func main() {
	log.SetFlags(0)
	n := flag.Int("releases", 100_000, "how many releases wait")
	during := flag.Duration("for", 5*time.Minute, "how long they are watched after all were applied for")
	interval := flag.Duration("interval", 5*time.Minute, "the longest time between two observations of a release")
	flag.Parse()
	if err := run(context.Background(), *n, *during, *interval); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, n int, during, interval time.Duration) error {
	if n < 1 {
		return fmt.Errorf("-releases: %d cannot wait; give one or more", n)
	}
	before := live()
	targets, applied := makeTargets(n)
	spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(time.Hour)}, {Ratio: 100}}}
	fleet, err := rollout.NewFleet(targets, spec, rollout.NewMemoryStore(), rollout.FleetOptions{}, rollout.WithInterval(interval))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := fleet.Run(ctx)
		ended <- err
	}()
	begun, used := time.Now(), cpu()
	for range n {
		select {
		case <-applied:
		case err := <-ended:
			return err
		}
	}
	fmt.Printf("%d releases are under review after %s, which took %s of CPU\n", n, time.Since(begun).Round(time.Second), (cpu() - used).Round(time.Millisecond))
	begun, used = time.Now(), cpu()
	for time.Since(begun) < during {
		time.Sleep(during / 5)
		elapsed := time.Since(begun)
		rss, err := residentBytes()
		if err != nil {
			return err
		}
		fmt.Printf("%8s  rss %d MB, %.1f %% of a core\n", elapsed.Round(time.Second), rss/1_000_000, 100*float64(cpu()-used)/float64(elapsed))
	}
	all := live() - before
	cancel()
	if err := <-ended; !errors.Is(err, rollout.ErrPending) {
		return err
	}
	fmt.Printf("live: %d bytes a release, the store and the targets in memory included\n", all/uint64(n))
	return nil
}

// makeTargets makes releases that nobody reviews, and a channel that receives a value for each that was applied for.
func makeTargets(n int) ([]rollout.Target, <-chan struct{}) {
	applied := make(chan struct{}, n)
	group, ladder := rollouttest.NewFakes(), alipayplus.DefaultLadder()
	after := func(_ context.Context, c rollouttest.Call) error {
		if c.Op == rollouttest.OpApply {
			applied <- struct{}{}
		}
		return nil
	}
	targets := make([]rollout.Target, n)
	for i := range targets {
		fake := group.New("release "+strconv.Itoa(i), ladder)
		fake.After(after)
		targets[i] = fake
	}
	return targets, applied
}

// live are the bytes of the heap in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// cpu is the processor time of the process so far.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// residentBytes is how much memory the process has.
func residentBytes() (uint64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseUint(string(bytes.Fields(data)[1]), 10, 64)
	return pages * uint64(os.Getpagesize()), err
}
