package sim_test

import (
	"cmp"
	"flag"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/sim"
)

// The worlds of TestSeeds, after -args.
var (
	seeds   = flag.Int("seeds", 5, "how many worlds; with -for, at most")
	from    = flag.Uint64("from", 1, "the seed of the first")
	lasting = flag.Duration("for", 0, "begin no further world after this time; 0: all of them")
)

var (
	alike   = flag.Int("alike", 0, "how many worlds are run twice and must be alike, from the first; 0: three that have many kills")
	explain = flag.Bool("explain", true, "show the shortest history that breaks a rule, which takes several times as long")

	show  = flag.Bool("show", false, "show the history")
	limit = flag.Int("events", 0, "how many events a world has at most; 0: any number")
)

func TestSeeds(t *testing.T) {
	n, began := *seeds, time.Now()
	if testing.Short() {
		n = min(n, 2)
	}
	events, took := 0, time.Duration(0)
	checked, faults := map[string]int{}, map[string]int{}
	seed := *from
	for ; seed < *from+uint64(n) && (*lasting == 0 || time.Since(began) < *lasting); seed++ {
		r := sim.Run(t, sim.Config{Seed: seed, Faults: -1, Events: most(), Keep: *show})
		if *show {
			t.Log(r.Table)
		}
		if r.Violation != nil && !*explain {
			t.Fatalf("seed %d: %v", seed, r.Violation)
		}
		if r.Violation != nil {
			t.Fatal(sim.Explain(t, r))
		}
		events, took = events+r.Events, took+r.Took
		add(checked, r.Checked)
		add(faults, r.Faults)
	}
	t.Logf("seeds %d to %d: %d events in %v of virtual time, %v of real", *from, seed-1, events, took.Round(time.Hour), time.Since(began).Round(time.Second))
	for _, all := range []map[string]int{checked, faults} {
		for _, what := range slices.Sorted(maps.Keys(all)) {
			t.Logf("%9d %s", all[what], what)
		}
	}
}

// most is how many events a world has at most.
func most() int {
	if testing.Short() {
		return 500
	}
	return *limit
}

func add(to, more map[string]int) {
	for what, n := range more {
		to[what] += n
	}
}

// TestASeedGivesOneHistoryOnAnyNumberOfProcessors compares worlds with many kills, each of which wakes several who wait.
func TestASeedGivesOneHistoryOnAnyNumberOfProcessors(t *testing.T) {
	run := func(seed uint64, processors int, keep bool) *sim.Result {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		return sim.Run(t, sim.Config{Seed: seed, Faults: -1, Events: most(), Keep: keep, Disturbed: processors > 1})
	}
	const few, manyKills = 3, 10
	chosen := *alike == 0 && !testing.Short()
	n, several := cmp.Or(*alike, few), max(runtime.NumCPU(), 4)
	hashes := map[string]bool{}
	for seed := *from; len(hashes) < n; seed++ {
		once := run(seed, 1, false)
		if chosen && once.Faults["killed"] < manyKills {
			continue
		}
		require.NotContains(t, hashes, once.Hash, "seed %d has the history of another one", seed)
		hashes[once.Hash] = true
		if run(seed, several, false).Hash != once.Hash {
			t.Errorf("seed %d has two histories: %s", seed, firstDifference(run(seed, 1, true).Table, run(seed, several, true).Table))
		}
	}
}

// firstDifference is where two histories become different.
func firstDifference(one, other string) string {
	before, others := "", strings.Split(other, "\n")
	for i, line := range strings.Split(one, "\n") {
		if i >= len(others) || others[i] != line {
			return "after\n" + before + "\none goes on with\n" + line + "\nand the other with\n" + strings.Join(others[i:min(i+1, len(others))], "")
		}
		before = line
	}
	return "but not in each run"
}
