package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// progress shows how far all releases have come together: the sum of their ratios.
type progress struct {
	bar  *console.Bar
	live map[string]alipayplus.Ratio
	sum  int
}

func newProgress(bar *console.Bar) *progress {
	return &progress{bar: bar, live: make(map[string]alipayplus.Ratio)}
}

// show takes what became of one release.
func (p *progress) show(now rollout.FleetProgress) {
	p.sum += int(now.Target.Ratio - p.live[now.Target.Target])
	p.live[now.Target.Target] = now.Target.Ratio
	parts := make([]string, 0, len(now.Counts))
	for _, status := range slices.Sorted(maps.Keys(now.Counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", now.Counts[status], status))
	}
	p.bar.Show(p.sum, strings.Join(parts, ", "))
}
