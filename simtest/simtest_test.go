package simtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/simtest"
)

// careful is a plan as a team may have one.
func careful() rollout.Spec {
	return rollout.Spec{
		Version: rollout.SpecVersion,
		Gates:   map[string]rollout.GateSpec{"errors": {Every: rollout.Duration(10 * time.Minute)}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: rollout.Duration(6 * time.Hour), Gates: []string{"errors"}},
			{Ratio: 50, Bake: rollout.Duration(12 * time.Hour), Gates: []string{"errors"}, Approval: true},
			{Ratio: 100},
		},
	}
}

// errorRate asks for the error rate; closed says that no answer is no good answer.
func errorRate(p simtest.Process, closed bool) rollout.Gate {
	return func(ctx context.Context, _ rollout.Step) (rollout.Verdict, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://metrics.example/errors", http.NoBody)
		if err != nil {
			return rollout.Verdict{}, err
		}
		resp, err := p.Client.Do(r)
		if err != nil {
			if closed {
				return rollout.Verdict{}, err
			}
			return rollout.Passed("no figures"), nil
		}
		text, err := io.ReadAll(resp.Body)
		switch err = errors.Join(err, resp.Body.Close()); {
		case err != nil:
			return rollout.Verdict{}, err
		case string(text) == "0.01":
			return rollout.Passed("1 of 100 fails"), nil
		case string(text) == "0.20":
			return rollout.Failed("20 of 100 fail"), nil
		default:
			return rollout.Verdict{}, rollout.ErrNoData
		}
	}
}

// metrics is what the gates ask.
func metrics(version simtest.Health) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rate := "0.01"
		if version.Bad() {
			rate = "0.20"
		}
		_, _ = io.WriteString(w, rate)
	})
}

func plan(closed bool) simtest.Plan {
	return simtest.Plan{
		Spec: careful(),
		Gates: func(p simtest.Process) map[string]rollout.Gate {
			return map[string]rollout.Gate{"errors": errorRate(p, closed)}
		},
		Servers: map[string]func(simtest.Health) http.Handler{"metrics.example": metrics},
		Weeks:   weeks(),
	}
}

// weeks are fewer where that is asked for.
func weeks() int {
	if testing.Short() {
		return 10
	}
	return 40
}

// A plan that holds, whatever happens.
func TestACarefulPlan(t *testing.T) {
	report, err := simtest.Try(t, plan(true))
	require.NoError(t, err)
	require.Equal(t, weeks(), report.Weeks)
	require.NotZero(t, report.Changes)
	t.Logf("%d weeks, %v, %d changes, faults %v", report.Weeks, report.Took.Round(time.Hour), report.Changes, report.Faults)
}

// The same plan with a gate that takes a missing answer for a good one. It works for months, until the network to the
// metrics fails while the version makes trouble.
func TestAGateThatFailsOpen(t *testing.T) {
	_, err := simtest.Try(t, plan(false))
	failure, is := errors.AsType[*simtest.Failure](err)
	require.True(t, is, err)
	require.Equal(t, "no more users get a version that makes trouble", failure.Rule)
	require.Contains(t, failure.History, "metrics.example")
	require.Contains(t, failure.History, fmt.Sprintf("again: a Plan with From: %d, Weeks: 1", failure.Seed))
	require.NotContains(t, failure.History, "internal/sim", "which knows no plan of others")
	t.Log(failure)

	again := plan(false)
	again.From, again.Weeks = failure.Seed, 1
	_, err = simtest.Try(t, again)
	require.EqualError(t, err, failure.Error())
}

func TestAPlanThatCannotBeTried(t *testing.T) {
	for what, change := range map[string]func(*simtest.Plan){
		"no steps":           func(p *simtest.Plan) { p.Spec.Steps = nil },
		"a ratio of its own": func(p *simtest.Plan) { p.Spec.Steps[0].Ratio = 7 },
		"no gates":           func(p *simtest.Plan) { p.Gates = nil },
		"a number of weeks":  func(p *simtest.Plan) { p.Weeks = -1 },
	} {
		t.Run(what, func(t *testing.T) {
			p := plan(true)
			change(&p)
			_, err := simtest.Try(t, p)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		})
	}
}
