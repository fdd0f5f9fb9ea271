package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestTheLadderBarMarksStepsAndWhatIsLive(t *testing.T) {
	steps := []alipayplus.Ratio{1, 10, 50, 100}
	for _, tt := range []struct {
		name   string
		ladder alipayplus.Ladder
		steps  []alipayplus.Ratio
		live   alipayplus.Ratio
		want   string
	}{
		{"nothing live", alipayplus.DefaultLadder(), steps, 0, "[..............................]   0%   1* 5 10* 20 30 50* 100*"},
		{"a little", alipayplus.DefaultLadder(), steps, 1, "[#.............................]   1%   (1*) 5 10* 20 30 50* 100*"},
		{"a step", alipayplus.DefaultLadder(), steps, 10, "[###...........................]  10%   1* 5 (10*) 20 30 50* 100*"},
		{"between the steps", alipayplus.DefaultLadder(), steps, 30, "[#########.....................]  30%   1* 5 10* 20 (30) 50* 100*"},
		{"all", alipayplus.DefaultLadder(), steps, 100, "[##############################] 100%   1* 5 10* 20 30 50* (100*)"},
		{"no rollout", alipayplus.DefaultLadder(), nil, 30, "[#########.....................]  30%   1 5 10 20 (30) 50 100"},
		{"no ladder", alipayplus.Ladder{}, steps, 10, "[###...........................]  10%   1* (10*) 50* 100*"},
		{"off the ladder", alipayplus.DefaultLadder(), steps, 15, "[####..........................]  15%   1* 5 10* (15) 20 30 50* 100*"},
		{"neither", alipayplus.Ladder{}, nil, 0, "[..............................]   0%"},
		{"what cannot be", alipayplus.Ladder{}, nil, 1000, "[##############################] 1000%   (1000)"},
	} {
		require.Equal(t, tt.want, report.LadderBar(tt.ladder, tt.steps, tt.live), tt.name)
	}
}

func TestASummaryIsTextAndNothingElse(t *testing.T) {
	r := report.New(report.Input{Rollout: "a|b`c", Command: "run"})
	r.Message = "```\n# big"
	r.Steps = []report.Step{{Name: "1%", State: report.StepLive, Why: "![](https://x.example/i.png)|" + strings.Repeat("x", 3000)}}
	text := r.Markdown()
	require.NotContains(t, text, "\n# big")
	require.Equal(t, 1, strings.Count(text, "`a¦b'c`"))
	require.Contains(t, text, "`![](https://x.example/i.png)¦xxx", "as code, not as an image")
	require.Less(t, len(text), 2500)
}
