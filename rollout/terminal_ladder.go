package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// LadderBar draws how far a version has come, in one line of ASCII: the share of the
// users who have it, and the ratios of the ladder, where a star marks the steps of a
// rollout and brackets what is live:
//
//	[#########.....................]  30%   1* 5 10* 20 (30*) 50 100*
//
// A step and a live ratio that are not on the ladder are shown in their places. The
// steps may be nil, and the ladder zero.
func LadderBar(ladder alipayplus.Ladder, steps []alipayplus.Ratio, live alipayplus.Ratio) string {
	const width = 30
	filled := width * int(min(max(live, 0), alipayplus.FullRatio)) / int(alipayplus.FullRatio)
	if live > 0 {
		filled = max(filled, 1)
	}
	bar := strings.Repeat("#", filled) + strings.Repeat(".", width-filled)
	return strings.TrimRight(fmt.Sprintf("[%s] %4v   %s", bar, live, rungs(ladder, steps, live)), " ")
}

func rungs(ladder alipayplus.Ladder, steps []alipayplus.Ratio, live alipayplus.Ratio) string {
	all := append(ladder.Ratios(), steps...)
	if live > 0 {
		all = append(all, live)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	shown := make([]string, len(all))
	for i, ratio := range all {
		shown[i] = fmt.Sprint(int(ratio))
		if slices.Contains(steps, ratio) {
			shown[i] += "*"
		}
		if ratio == live {
			shown[i] = "(" + shown[i] + ")"
		}
	}
	return strings.Join(shown, " ")
}
