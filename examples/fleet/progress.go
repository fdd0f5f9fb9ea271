package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// progress shows how far all releases have come together: the sum of their ratios, where
// one that is over counts in full, released or not.
type progress struct {
	bar  *console.Bar
	come map[string]alipayplus.Ratio
	sum  int
}

func newProgress(bar *console.Bar) *progress {
	return &progress{bar: bar, come: make(map[string]alipayplus.Ratio)}
}

// show takes what became of one release.
func (p *progress) show(now rollout.FleetProgress) {
	come := now.Member.Ratio
	if over(now.Member.Status) {
		come = alipayplus.FullRatio
	}
	p.sum += int(come - p.come[now.Member.Target])
	p.come[now.Member.Target] = come
	parts := make([]string, 0, len(now.Counts))
	for _, status := range slices.Sorted(maps.Keys(now.Counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", now.Counts[status], status))
	}
	p.bar.Show(p.sum, strings.Join(parts, ", "))
}

// over says whether nothing more becomes of a release in this run.
func over(s rollout.FleetStatus) bool {
	return s != rollout.FleetQueued && s != rollout.FleetStatus(rollout.Running)
}

// table is the summary's, of 20 releases at most: what was begun comes first.
func table(summary *rollout.FleetSummary) string {
	const most = 20
	sorted := rollout.FleetSummary{Members: slices.Clone(summary.Members), Elapsed: summary.Elapsed}
	slices.SortStableFunc(sorted.Members, func(a, b rollout.FleetMember) int {
		return cmp.Compare(rank(a.Status), rank(b.Status))
	})
	var text strings.Builder
	rows := -2 // the header and the line below it
	for line := range strings.Lines(sorted.Markdown()) {
		if strings.HasPrefix(line, "|") {
			rows++
		}
		if rows <= most {
			text.WriteString(line)
		}
	}
	if rows > most {
		fmt.Fprintf(&text, "\nand %d more\n", rows-most)
	}
	return text.String()
}

// rank is less for what tells more.
func rank(s rollout.FleetStatus) int {
	switch {
	case over(s):
		return 0
	case s == rollout.FleetStatus(rollout.Running):
		return 1
	default:
		return 2
	}
}

// counted is "1 release", "2 releases".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
