package sim_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/sim"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// TestEveryRuleHasSomethingToJudge: a rule that never had would hold whatever happens.
func TestEveryRuleHasSomethingToJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some worlds")
	}
	missing := rules(t)
	plan := &sim.Plan{
		Spec:      rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 10}, {Ratio: 100}}},
		Unnoticed: 365 * 24 * time.Hour,
	}
	const ofPlans = "no more users get a version that makes trouble"
	for seed := uint64(1); missing[ofPlans] && seed <= 20; seed++ {
		r := sim.Run(t, sim.Config{Seed: seed, Faults: -1, Plan: plan})
		require.Nil(t, r.Violation)
		if r.Checked[ofPlans] > 0 {
			delete(missing, ofPlans)
		}
	}
	for seed := uint64(1); len(missing) > 0 && seed <= 40; seed++ {
		r := sim.Run(t, sim.Config{Seed: seed, Faults: -1})
		require.Nil(t, r.Violation)
		for rule := range r.Checked {
			delete(missing, rule)
		}
	}
	require.Empty(t, missing)
}

// rules are the names of all rules, as the source has them.
func rules(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files, err := filepath.Glob("rules*.go")
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			if f, is := call.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "must" {
				if text, is := call.Args[0].(*ast.BasicLit); is {
					rule, err := strconv.Unquote(text.Value)
					require.NoError(t, err)
					found[rule] = true
				}
			}
			return true
		})
	}
	require.Greater(t, len(found), 30)
	return found
}
