package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAMinimumOfSamplesMustBeCountedSomewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		least   float64
		where   string
		counted bool
		fails   bool
	}{
		{0, "", false, false},
		{0, "data.n", true, false},
		{10, "data.n", true, false},
		{10, "", false, true},
		{-1, "", false, true},
		{math.NaN(), "", false, true},
	} {
		counted, err := rollout.Bound{MinSamples: tt.least}.CountsSamples(tt.where)
		require.Equal(t, tt.counted, counted, tt)
		require.Equal(t, tt.fails, err != nil, tt)
	}
}

func TestABoundEvaluatesAFigure(t *testing.T) {
	t.Parallel()
	low, high := new(0.5), new(2.0)
	for _, tt := range []struct {
		name   string
		bound  rollout.Bound
		figure float64
		want   rollout.Decision
		reason string
	}{
		{"at the minimum", rollout.Bound{Min: low}, 0.5, rollout.Pass, "errors is 0.5"},
		{"below the minimum", rollout.Bound{Min: low}, 0.49, rollout.Fail, "errors is 0.49, below 0.5"},
		{"at the maximum", rollout.Bound{Max: high}, 2, rollout.Pass, "errors is 2"},
		{"above the maximum", rollout.Bound{Max: high}, 2.01, rollout.Fail, "errors is 2.01, above 2"},
		{"between", rollout.Bound{Min: low, Max: high}, 1, rollout.Pass, "errors is 1"},
		{"below both", rollout.Bound{Min: low, Max: high}, -1, rollout.Fail, "errors is -1, below 0.5"},
		{"above both", rollout.Bound{Min: low, Max: high}, 3, rollout.Fail, "errors is 3, above 2"},
		{"large", rollout.Bound{Max: high}, 1e6, rollout.Fail, "errors is 1000000, above 2"},
		{"very large", rollout.Bound{Max: high}, 1e300, rollout.Fail, "errors is 1e+300, above 2"},
		{"zero", rollout.Bound{Max: high}, 0, rollout.Pass, "errors is 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verdict, err := tt.bound.Evaluate("errors", tt.figure)

			require.NoError(t, err)
			require.Equal(t, rollout.Verdict{Decision: tt.want, Reason: tt.reason}, verdict)
		})
	}
}

func TestWhatIsNoFigureNeverPasses(t *testing.T) {
	t.Parallel()
	bounds := map[string]rollout.Bound{
		"min":  {Min: new(0.0)},
		"max":  {Max: new(1.0)},
		"both": {Min: new(0.0), Max: new(1.0)},
	}
	for name, bound := range bounds {
		for _, figure := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			verdict, err := bound.Evaluate("errors", figure)
			require.ErrorContains(t, err, "no figure", name)
			require.Zero(t, verdict, name)

			wait, err := bound.EvaluateSamples(figure)
			require.Error(t, err, name)
			require.Nil(t, wait, name)
		}
	}
	verdict, err := rollout.Bound{}.Evaluate("errors", 1)
	require.Error(t, err, "a bound that bounds nothing")
	require.Zero(t, verdict)
}

func TestABoundWaitsForEnoughSamples(t *testing.T) {
	t.Parallel()
	bound := rollout.Bound{Max: new(1.0), MinSamples: 1000}

	wait, err := bound.EvaluateSamples(999.5)
	require.NoError(t, err)
	require.Equal(t, &rollout.Verdict{Decision: rollout.Wait, Reason: "999.5 of 1000 samples"}, wait)

	enough, err := bound.EvaluateSamples(1000)
	require.NoError(t, err)
	require.Nil(t, enough)

	_, err = bound.EvaluateSamples(-1)
	require.ErrorContains(t, err, "number of samples is -1")
	bound.MinSamples = math.NaN()
	_, err = bound.EvaluateSamples(1)
	require.Error(t, err)
}

// everyGate has one gate of each kind.
const everyGate = `
version: 1
gates:
  errors:
    http: {url: "https://metrics.example/errors", field: "data[0].rate", samples: data.n, max: 0.01, minSamples: 100, headersFrom: {Authorization: METRICS_AUTH}}
    every: 30s
  latency:
    prometheus: {address: "https://prometheus.example", query: "latency", min: 0, max: 1.5, tokenFrom: PROM_TOKEN}
  smoke:
    command: {args: [./smoke, -v], waitStatus: 3}
    timeout: 5m
steps:
- {ratio: 10, bake: 1d, gates: [errors, latency, smoke]}
- {ratio: 100}
`

func TestGatesAndTheirBoundsAreReadFromYAMLAndJSON(t *testing.T) {
	t.Parallel()
	spec, err := rollout.ParseSpec([]byte(everyGate))
	require.NoError(t, err)

	require.Equal(t, rollout.Bound{Max: new(0.01), MinSamples: 100}, spec.Gates["errors"].HTTP.Bound)
	require.Equal(t, map[string]string{"Authorization": "METRICS_AUTH"}, spec.Gates["errors"].HTTP.HeadersFrom)
	require.Equal(t, rollout.Bound{Min: new(0.0), Max: new(1.5)}, spec.Gates["latency"].Prometheus.Bound, "a bound of 0 is one")
	require.Equal(t, &rollout.CommandGate{Args: []string{"./smoke", "-v"}, WaitStatus: 3}, spec.Gates["smoke"].Command)

	t.Run("as JSON", func(t *testing.T) {
		for name, write := range map[string]func(any) ([]byte, error){
			"compact":  json.Marshal,
			"indented": func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "\t") },
		} {
			data, err := write(spec)
			require.NoError(t, err, name)

			again, err := rollout.ParseSpec(data)
			require.NoError(t, err, name)
			require.Equal(t, spec, again, name)
			require.Equal(t, spec.Hash(), again.Hash(), name)

			var plain rollout.Spec
			require.NoError(t, json.Unmarshal(data, &plain), name)
			require.Equal(t, *spec, plain, name)
		}
	})
	t.Run("another bound is another spec", func(t *testing.T) {
		before := spec.Hash()
		spec.Gates["latency"].Prometheus.Max = new(1.6)
		require.NotEqual(t, before, spec.Hash())
	})
}

func TestAFieldOfAGateThatIsNotKnownIsAnError(t *testing.T) {
	t.Parallel()
	for _, gate := range []string{
		"http: {url: 'https://metrics.example', field: a, max: 1, maximum: 2}",
		"prometheus: {address: 'https://prometheus.example', query: up, bound: {min: 1}}",
		"command: {args: [x], shell: true}",
	} {
		_, err := rollout.ParseSpec([]byte("version: 1\ngates: {g: {" + gate + "}}\nsteps: [{ratio: 100}]"))
		require.ErrorIs(t, err, alipayplus.ErrInvalid, gate)
	}
}

func TestWhatIsWrongWithAGateIsReportedByItsPath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		gate string
		path string
		want string
	}{
		{"http: {url: 'https://m.example', field: a}", "gates[g].http", "must have min, max or both"},
		{"http: {url: 'https://m.example', field: a, min: 2, max: 1}", "gates[g].http.max", "must not be below min"},
		{"http: {url: 'https://m.example', field: a, min: .nan}", "gates[g].http.min", "must be a number in plain digits"},
		{"http: {url: 'https://m.example', field: a, max: .inf}", "gates[g].http.max", "must be a number in plain digits"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: -1}", "gates[g].http.minSamples", "must be at least 0"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: .nan}", "gates[g].http.minSamples", "must be a number in plain digits"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: .inf}", "gates[g].http.minSamples", "must be a number in plain digits"},
		{"http: {url: 'https://m.example', field: a, max: 1, minSamples: 5}", "gates[g].http.samples", "is required"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n}", "gates[g].http.minSamples", "is required"},
		{"http: {url: 'ftp://m.example', field: a, max: 1}", "gates[g].http.url", "must be an http or https address"},
		{"http: {url: 'https://user:pass@m.example', field: a, max: 1}", "gates[g].http.url", "must hold no user"},
		{"http: {url: 'https://m.example', max: 1}", "gates[g].http.field", "is required"},
		{"http: {url: 'https://m.example', field: 'a..b', max: 1}", "gates[g].http.field", "a name is missing"},
		{"http: {url: 'https://m.example', field: a, max: 1, minSamples: 1, samples: 'n['}", "gates[g].http.samples", "not the path of a field"},
		{"http: {url: 'https://m.example', field: a, max: 1, headersFrom: {'X Y': V}}", "gates[g].http.headersFrom[X Y]", "must be the name of a header"},
		{"http: {url: 'https://m.example', field: a, max: 1, headersFrom: {host: V}}", "gates[g].http.headersFrom[host]", "must not be Host"},
		{"http: {url: 'https://m.example', field: a, max: 1, headersFrom: {X-Key: ''}}", "gates[g].http.headersFrom[X-Key]", "must name an environment variable"},
		{"prometheus: {address: 'https://p.example', query: up}", "gates[g].prometheus", "must have min, max or both"},
		{"prometheus: {address: 'https://p.example', query: up, min: -.inf}", "gates[g].prometheus.min", "must be a number in plain digits"},
		{"prometheus: {address: 'https://p.example', query: up, min: 1, minSamples: 5}", "gates[g].prometheus.samples", "is required"},
		{"prometheus: {address: 'https://p.example?token=x', query: up, min: 1}", "gates[g].prometheus.address", "must have no user, query or fragment"},
		{"command: {args: []}", "gates[g].command.args", "must have at least 1 entry"},
		{"command: {args: ['']}", "gates[g].command.args[0]", "must name a program"},
		{"command: {args: [x], waitStatus: 256}", "gates[g].command.waitStatus", "must be at most 255"},
	} {
		t.Run(tt.gate, func(t *testing.T) {
			_, err := rollout.ParseSpec([]byte("version: 1\ngates: {g: {" + tt.gate + "}}\nsteps: [{ratio: 100}]"))

			invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
			require.True(t, ok, "%v", err)
			require.Len(t, invalid.Fields, 1, "%v", err)
			require.Equal(t, tt.path, invalid.Fields[0].Path)
			require.Contains(t, invalid.Fields[0].Message, tt.want)
			require.NotContains(t, err.Error(), "pass@")
		})
	}
}

func TestAMinimumOfSamplesThatAreNotCountedNeverPasses(t *testing.T) {
	t.Parallel()
	gate := figures(t, answering(http.StatusOK, "application/json", `{"data": {"rate": 0.005, "n": 50}}`))
	gate.MinSamples = 10
	verdict, err := gate.Gate()(t.Context(), rollout.Step{})
	require.EqualError(t, err, "the gate has a minimum of samples, and does not say where they are counted; give Samples")
	require.Empty(t, verdict)
	gate.Samples = "data.n"
	verdict, err = gate.Gate()(t.Context(), rollout.Step{})
	require.NoError(t, err)
	require.Equal(t, rollout.Pass, verdict.Decision)
}

// failing is a gate that fails at a ratio, until it is mended.
func failing(at alipayplus.Ratio, mended *bool) rollout.Gate {
	return func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		if step.Ratio == at && !*mended {
			return rollout.Failed("error rate 0.02 is above 0.01"), nil
		}
		return rollout.Passed("error rate 0.001"), nil
	}
}

func TestAGateThatFailsPausesTheRollout(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		mended := false
		s.gate = failing(50, &mended)

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 50%: gate errors failed: error rate 0.02 is above 0.01; look into it, then resume, which evaluates the gates again, or abort")
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		require.NotErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, rollout.Paused, state.Status)
		require.Equal(t, "errors", state.Stop.Gate)
		require.Equal(t, alipayplus.Ratio(50), state.Stop.Ratio)
		require.Equal(t, alipayplus.ReleaseGrayscale, s.fake.Now().Status, "what is live stays live")
		require.Less(t, time.Since(s.began), 2*time.Hour+20*time.Minute, "at the first question, not at the end of the bake time")

		// It stays paused until a person says otherwise, whatever the gate says now.
		mended = true
		_, again := s.runner().Run(t.Context())
		require.EqualError(t, again, err.Error())
		_, err = s.runner().Resume(t.Context(), "lin", "a false alarm")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[50], time.Hour)
	})
}

func TestAResumedRolloutAsksItsGatesAgain(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		mended := false
		s.gate = failing(50, &mended)
		_, first := s.runner().Run(t.Context())
		time.Sleep(day)
		s.resume()
		_, second := s.runner().Run(t.Context())
		require.EqualError(t, second, first.Error())
		require.Equal(t, []alipayplus.Ratio{10, 50}, s.fake.Ratios())
	})
}

func TestAGateThatFailsAbortsWhereTheSpecSaysSo(t *testing.T) {
	onStage(t, aborting(), func(t *testing.T, s *stage) {
		s.gate = failing(50, new(bool))

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is aborted at 50%: gate errors failed: error rate 0.02 is above 0.01; the version is canceled; 50% of the users have it; it is over; the next attempt is a rollout under another name")
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, rollout.Aborted, state.Status)
		require.Nil(t, state.Intent)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "ABORTED 50-50"}, s.audit())
		_, again := s.runner().Run(t.Context())
		require.EqualError(t, again, err.Error())
		require.Equal(t, 1, s.fake.Calls(rollouttest.OpAbort))
	})
}

func TestAnAbortThatIsRefusedPauses(t *testing.T) {
	onStage(t, aborting(), func(t *testing.T, s *stage) {
		s.gate = failing(50, new(bool))
		s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrPermission)

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 50%: gate errors failed: error rate 0.02 is above 0.01; giving the version up was refused: permission denied; look into it, then resume, which evaluates the gates again, or abort")
		require.Equal(t, rollout.Paused, state.Status)
		require.Nil(t, state.Intent)
		require.Equal(t, []alipayplus.Ratio{10, 50}, s.fake.Ratios(), "it does not climb on")
	})
}

func TestAGateThatDoesNotAnswerNeverPasses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(ctx context.Context) (rollout.Verdict, error)
		why    string
	}{
		"an error": {func(context.Context) (rollout.Verdict, error) {
			return rollout.Verdict{}, errors.New("connection refused")
		}, "connection refused"},
		"a pass and error": {func(context.Context) (rollout.Verdict, error) { return rollout.Passed("?"), errors.New("half read") }, "half read"},
		"no verdict": {
			func(context.Context) (rollout.Verdict, error) { return rollout.Verdict{}, nil },
			`the gate decided "", which is neither pass, fail nor wait`,
		},
		"a verdict of its own": {
			func(context.Context) (rollout.Verdict, error) { return rollout.Verdict{Decision: "NaN"}, nil },
			`the gate decided "NaN", which is neither pass, fail nor wait`,
		},
		"a panic": {func(context.Context) (rollout.Verdict, error) { panic("nil map") }, "the gate panicked: nil map"},
		"a hang": {func(ctx context.Context) (rollout.Verdict, error) {
			<-ctx.Done()
			return rollout.Verdict{}, ctx.Err()
		}, "context deadline exceeded"},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			asked := 0
			s.gate = func(ctx context.Context, _ rollout.Step) (rollout.Verdict, error) {
				asked++
				return tt.answer(ctx)
			}
			state, err := s.runner().Run(t.Context())
			require.EqualError(t, err, "rollout release 1 is paused at 10%: gate errors did not answer 4 times in a row, which counts as failed: "+tt.why+"; look into it, then resume, which evaluates the gates again, or abort")
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.Equal(t, 4, asked, "three in a row are tolerated")
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			require.Equal(t, rollout.CauseGate, state.Stop.Cause)
			require.Equal(t, []string{"gate errors did not answer: " + tt.why}, s.emitted(rollout.EventGate))
		})
	}
}

func TestAFewAnswersMayBeMissing(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Tolerate: new(2)}
		asked := 0
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if asked++; asked%3 != 0 {
				return rollout.Verdict{}, errors.New("connection refused")
			}
			return rollout.Passed("fine"), nil
		}
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAMissingAnswerTakesAFormerPassAway(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{Tolerate: new(1000)}
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if time.Since(s.began) > 90*time.Minute { // it passed during the bake time
				return rollout.Verdict{}, errors.New("connection refused")
			}
			return rollout.Passed("fine"), nil
		}
		s.runUntil(5 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Contains(t, s.emitted(rollout.EventWaiting), "gate errors does not pass yet: connection refused")
	})
}

func TestAGateThatWaitsIsWaitedForUntilTheDeadline(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Deadline = rollout.Duration(3 * time.Hour)
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Waiting("%d of %d samples", 3, 100), nil
		}
		state, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is paused at 10%: the step at 10% took longer than 3h; resume, which starts the deadlines anew, or abort")
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.Equal(t, rollout.CauseDeadline, state.Stop.Cause)
		require.Contains(t, s.emitted(rollout.EventWaiting), "gate errors does not pass yet: 3 of 100 samples")
		waited := time.Since(s.fake.Effects()[1].At)
		require.GreaterOrEqual(t, waited, 3*time.Hour)
		require.Less(t, waited, 3*time.Hour+2*time.Minute)
	})
}

func TestAGateThatWaitsAndThenPassesLetsItGoOn(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if time.Since(step.Since) < 2*time.Hour {
				return rollout.Waiting("too few samples"), nil
			}
			return rollout.Passed("enough"), nil
		}
		s.requireDone(s.runner().Run(t.Context()))
		for _, ratio := range []alipayplus.Ratio{10, 50} {
			require.GreaterOrEqual(t, liveFor(s.fake)[ratio], 2*time.Hour)
			require.Less(t, liveFor(s.fake)[ratio], 2*time.Hour+2*time.Minute)
		}
	})
}

func TestGatesAreEvaluatedAtTheirIntervalsAndAllAtTheEnd(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates = map[string]rollout.GateSpec{"often": {Every: rollout.Duration(10 * time.Minute)}, "seldom": {Every: rollout.Duration(25 * time.Minute)}}
		s.spec.Steps[0].Gates, s.spec.Steps[1].Gates = []string{"often", "seldom"}, nil
		var mu sync.Mutex // gates are asked side by side
		asked := make(map[string][]time.Duration)
		gate := func(name string) rollout.Option {
			return rollout.WithGate(name, func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
				require.Equal(t, rollout.Step{Rollout: "release 1", Target: "release 1", Index: 0, Ratio: 10, Since: s.fake.Effects()[1].At}, step)
				mu.Lock()
				defer mu.Unlock()
				asked[name] = append(asked[name], time.Since(step.Since))
				return rollout.Passed("fine"), nil
			})
		}
		s.requireDone(s.runner(gate("often"), gate("seldom")).Run(t.Context()))
		const m = time.Minute
		require.Equal(t, map[string][]time.Duration{
			"often":  {10 * m, 20 * m, 30 * m, 40 * m, 50 * m, 60 * m},
			"seldom": {25 * m, 50 * m, 60 * m},
		}, asked)
	})
}

func TestAGateWithAnOldVerdictIsEvaluatedAgain(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Steps[1].Approval = true
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if time.Since(step.Since) > 5*time.Hour {
				return rollout.Failed("worse at night"), nil
			}
			return rollout.Passed("fine"), nil
		}
		// Nobody approves for hours, and meanwhile it goes wrong.
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrGateFailed)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Less(t, time.Since(s.fake.Effects()[1].At), 5*time.Hour+2*time.Minute)
	})
}

func TestOneGateOfManyIsEnoughToStop(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["latency"] = rollout.GateSpec{}
		s.spec.Steps[0].Gates = []string{"latency", "errors"}
		_, err := s.runner(rollout.WithGate("errors", func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Failed("many"), nil
		})).Run(t.Context())
		require.ErrorContains(t, err, "gate errors failed: many")
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

func TestGatesAreEvaluatedSideBySide(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["latency"] = rollout.GateSpec{}
		s.spec.Steps[0].Gates = []string{"latency", "errors"}
		var atOnce, most atomic.Int64
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			most.Store(max(most.Load(), atOnce.Add(1)))
			time.Sleep(time.Second)
			atOnce.Add(-1)
			return rollout.Passed("fine"), nil
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, int64(2), most.Load())
	})
}

func TestTheEndOfTheContextIsNoVerdict(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.gate = func(ctx context.Context, _ rollout.Step) (rollout.Verdict, error) {
			<-ctx.Done()
			return rollout.Failed("stopped"), nil
		}
		// The first question begins a minute after 10 % went live, and is asked for 30 seconds.
		ctx, cancel := context.WithCancel(t.Context())
		s.onEvent = func(e rollout.Event) {
			if e.Kind == rollout.EventRaised {
				s.at(time.Since(s.began)+70*time.Second, cancel)
			}
		}
		_, err := s.runner().Run(ctx)
		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, s.state().Gates)
		require.Equal(t, rollout.Running, s.state().Status)
		s.gate = nil
		s.onEvent = nil
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// answers makes a gate of decisions, the last of which it repeats.
func answers(decisions string) rollout.Gate {
	at := 0
	return func(context.Context, rollout.Step) (rollout.Verdict, error) {
		d := decisions[min(at, len(decisions)-1)]
		at++
		switch d {
		case 'p':
			return rollout.Passed("fine"), nil
		case 'f':
			return rollout.Failed("slow"), nil
		case 'w':
			return rollout.Waiting("early"), nil
		case '0':
			return rollout.Verdict{}, fmt.Errorf("the answer is empty: %w", rollout.ErrNoData)
		default:
			return rollout.Verdict{}, errors.New("connection refused")
		}
	}
}

func TestAGateThatFlapsStopsTheRolloutOnlyAfterSoManyFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec    rollout.GateSpec
		answers string
		why     string // empty: it is released
	}{
		"the first one, by default":       {rollout.GateSpec{}, "pf", "gate errors failed: slow"},
		"one of three":                    {rollout.GateSpec{FailAfter: 3}, "pfp", ""},
		"two in a row of three":           {rollout.GateSpec{FailAfter: 3}, "ffpffp", ""},
		"three in a row":                  {rollout.GateSpec{FailAfter: 3}, "ffpfff", "gate errors failed 3 times in a row: slow"},
		"waiting does not break the row":  {rollout.GateSpec{FailAfter: 3}, "ffwf", "gate errors failed 3 times in a row: slow"},
		"nor does an answer that misses":  {rollout.GateSpec{FailAfter: 3}, "ffxf", "gate errors failed 3 times in a row: slow"},
		"two of four":                     {rollout.GateSpec{FailAfter: 2, OfLast: 4}, "pfppf", "gate errors failed 2 of the last 4 times: slow"},
		"two of five are not two of four": {rollout.GateSpec{FailAfter: 2, OfLast: 4}, "pfpppfp", ""},
		"no answer is counted apart":      {rollout.GateSpec{FailAfter: 9, Tolerate: new(1)}, "xx", "gate errors did not answer 2 times in a row, which counts as failed: connection refused"},
		"no missing answer is tolerated":  {rollout.GateSpec{Tolerate: new(0)}, "x", "gate errors did not answer 1 times in a row, which counts as failed: connection refused"},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			s.spec.Gates["errors"] = tt.spec
			s.gate = answers(tt.answers)
			state, err := s.runner().Run(t.Context())
			if tt.why == "" {
				s.requireDone(state, err)
				return
			}
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.Equal(t, tt.why, state.Stop.Reason)
		})
	}
}

// Nothing is raised while the last verdict is to fail, and what was counted outlives the process.
func TestAFailureThatIsNotTheLastKeepsTheRatio(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.spec.Gates["errors"] = rollout.GateSpec{FailAfter: 100, OfLast: 100, Every: rollout.Duration(30 * time.Minute)}
		s.gate = answers("f")
		for hour := 2; hour < 20; hour++ {
			s.runUntil(time.Duration(hour) * time.Hour)
		}
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Contains(t, s.emitted(rollout.EventWaiting), "gate errors does not pass yet: slow")
		failures := s.emitted(rollout.EventGate)
		require.Equal(t, fmt.Sprintf("gate errors: fail (%d of 100): slow", len(failures)), failures[len(failures)-1])
	})
}

func TestAnAnswerWithoutDataMeansWhatTheSpecSays(t *testing.T) {
	t.Parallel()
	for policy, why := range map[rollout.NoDataPolicy]string{
		"":                 "gate errors did not answer 4 times in a row, which counts as failed: the answer is empty: no data",
		rollout.NoDataFail: "gate errors failed: the answer is empty: no data",
		rollout.NoDataWait: "the rollout took longer than 1d",
	} {
		runOnStage(t, string(policy), hourly(), func(t *testing.T, s *stage) {
			s.spec.Deadline = rollout.Duration(day)
			s.spec.Gates["errors"] = rollout.GateSpec{NoData: policy}
			s.gate = answers("0")
			state, err := s.runner().Run(t.Context())
			require.Error(t, err)
			require.Equal(t, why, state.Stop.Reason)
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios(), "it never passes")
		})
	}
}

func TestWhatIsNoDataInAnAnswer(t *testing.T) {
	t.Parallel()
	for answer, noData := range map[string]bool{
		`{"data": {}}`:               true,
		`{"data": {"rate": null}}`:   true,
		`{"data": {"rate": "NaN"}}`:  true,
		`{"data": null}`:             true,
		`{}`:                         true,
		`{"data": {"rate": "Inf"}}`:  false,
		`{"data": {"rate": "high"}}`: false,
		`{"data": {"rate": {}}}`:     false,
		`{"data": []}`:               false,
		`null, 1`:                    false,
		`<html>`:                     false,
	} {
		verdict, err := figures(t, answering(200, "application/json", answer)).Gate()(t.Context(), rollout.Step{})
		require.Error(t, err, answer)
		require.Zero(t, verdict)
		require.Equal(t, noData, errors.Is(err, rollout.ErrNoData), "%s: %v", answer, err)
	}
}

func knownStep() rollout.Step {
	return rollout.Step{Rollout: "tea & co", Target: "release rel_1", Version: "1.2.0", Index: 2, Ratio: 10, Since: time.Now().Add(-90 * time.Second)}
}

func TestAnHTTPGateNamesWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	var asked string
	gate := figures(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath() + "?" + r.URL.RawQuery
		_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
	})
	gate.URL = gate.URL[:len(gate.URL)-len("/errors?token=hush")] +
		"/${ROLLOUT_TARGET}/${ROLLOUT_VERSION}?n=${ROLLOUT_NAME}&r=${ROLLOUT_RATIO}&s=${ROLLOUT_STEP}&live=${ROLLOUT_LIVE_SECONDS}"

	_, err := gate.Gate()(t.Context(), knownStep())

	require.NoError(t, err)
	require.Equal(t, "/release%20rel_1/1.2.0?n=tea+%26+co&r=10&s=2&live=90", asked)
	unknown := knownStep()
	unknown.Version = ""
	_, err = gate.Gate()(t.Context(), unknown)
	require.EqualError(t, err, "the url: ${ROLLOUT_VERSION} is not known: the target does not say it")
}

func TestAProgramFindsWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	step := knownStep()
	verdict, err := gateProgram("live").Gate()(t.Context(), step)
	require.NoError(t, err)
	require.Equal(t, rollout.Passed("1.2.0 %s 90", step.Since.UTC().Format(time.RFC3339)), verdict)
}

func TestAQueryNamesWhatIsKnownOfTheStep(t *testing.T) {
	t.Parallel()
	step := knownStep()
	query, err := step.ExpandQuery(`label_replace(sum(rate(errors{version="${ROLLOUT_VERSION}"}[${ROLLOUT_LIVE_SECONDS}s])), "a", "${1}", "b", "(.*)$")`)
	require.NoError(t, err)
	require.Equal(t, `label_replace(sum(rate(errors{version="1.2.0"}[90s])), "a", "${1}", "b", "(.*)$")`, query)
	_, err = step.ExpandQuery(`up{rollout="${ROLLOUT_NAME}"}`)
	require.EqualError(t, err, `${ROLLOUT_NAME} is "tea & co", which cannot stand in a query`)
	step.Version = `1"} or vector(0) #`
	_, err = step.ExpandQuery(`up{version="${ROLLOUT_VERSION}"}`)
	require.ErrorContains(t, err, "cannot stand in a query")
	step.Since = time.Now().Add(time.Hour)
	query, err = step.ExpandQuery("[${ROLLOUT_LIVE_SECONDS}s]")
	require.NoError(t, err)
	require.Equal(t, "[1s]", query, "no range of 0 s or less, which Prometheus refuses")
}

// gatesChecked makes a runner of a spec with such gates, asked in turn by the steps 10, 20, 30 and so on.
func gatesChecked(t *testing.T, fake *rollouttest.Fake, gates map[string]rollout.GateSpec, opts ...rollout.Option) *rollout.Runner {
	t.Helper()
	spec := rollout.Spec{Version: 1, Gates: gates, Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(time.Hour)}, {Ratio: 100}}}
	for name := range gates {
		spec.Steps[0].Gates = append(spec.Steps[0].Gates, name)
	}
	r, err := rollout.New(fake, spec, rollout.NewMemoryStore(), opts...)
	require.NoError(t, err)
	return r
}

func TestEveryGateIsEvaluatedOnceBeforeTheReview(t *testing.T) {
	t.Setenv("GIVEN_BY_TEST", "inherited")
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	fake.Edit("pat", func(o *rollout.Observation) { o.Subject.Version = "1.2.0" })
	asked := 0
	figure := figures(t, answering(http.StatusOK, "application/json", `{"data": {"rate": 0.5}}`))
	r := gatesChecked(t, fake, map[string]rollout.GateSpec{
		"command": {Command: gateProgram("environment")}, "figure": {HTTP: figure}, "go": {}, "none": {}, "wait": {Command: gateProgram("exit", "75", "no data yet")},
	}, rollout.WithGate("go", func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
		asked++
		require.Equal(t, "1.2.0", step.Version)
		require.GreaterOrEqual(t, time.Since(step.Since), time.Hour)
		return rollout.Passed("fine"), nil
	}), rollout.WithGate("none", func(context.Context, rollout.Step) (rollout.Verdict, error) {
		return rollout.Verdict{}, errors.New("no way\nout")
	}))

	checks, err := r.CheckGates(t.Context())

	require.EqualError(t, err, "rollout release 1: 1 of 5 gates gave no verdict: gate none: no way out")
	for i := range checks {
		checks[i].Err = nil
	}
	require.Equal(t, []rollout.GateCheck{
		{Gate: "command", Ratio: 10, Verdict: rollout.Passed("release 1 release 1 10 0 inherited")},
		{Gate: "figure", Ratio: 10, Verdict: rollout.Failed("data.rate is 0.5, above 0.01")},
		{Gate: "go", Ratio: 10, Verdict: rollout.Passed("fine")},
		{Gate: "none", Ratio: 10, Error: "no way out"},
		{Gate: "wait", Ratio: 10, Verdict: rollout.Waiting("no data yet")},
	}, checks)
	require.Equal(t, 1, asked)
	require.Empty(t, fake.Effects())
	state, err := r.Status(t.Context())
	require.NoError(t, err)
	require.Nil(t, state, "nothing is stored")
}

// script writes a program for the gates, and returns its path.
func script(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "smoke-test")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

func TestAGateThatCannotWorkIsFoundBeforeTheReview(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("scripts have no interpreter line here")
		return
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("smoke-here", []byte("#!/bin/sh\n"), 0o700))
	t.Setenv("TWO_LINES", "secret\nX-Other: 1")
	t.Setenv("ENDS_IN_A_LINE", "secret\n")
	command := func(program string) rollout.GateSpec {
		return rollout.GateSpec{Command: &rollout.CommandGate{Args: []string{program}}}
	}
	header := func(variable string) rollout.GateSpec {
		return rollout.GateSpec{HTTP: &rollout.HTTPGate{
			URL: "http://metrics.example", Field: "n", Bound: rollout.Bound{Max: new(1.0)}, HeadersFrom: map[string]string{"Authorization": variable},
		}}
	}
	for name, tt := range map[string]struct {
		gate rollout.GateSpec
		want string
	}{
		"no such program":            {command("no-such-program"), "no-such-program is no program in PATH"},
		"one in the working folder":  {command("smoke-here"), "smoke-here is no program in PATH; for the one in the working directory write ./smoke-here"},
		"a relative path":            {command("./smoke-test"), "./smoke-test is not there; it is looked for from the working directory /"},
		"an absolute path":           {command("/no/such/program"), "/no/such/program is not there"},
		"a folder":                   {command("/"), "/ is a folder, and no program"},
		"not executable":             {command(script(t, 0o600, "#!/bin/sh\n")), "is not executable; chmod +x makes it so"},
		"the line ends of Windows":   {command(script(t, 0o700, "#!/bin/sh\r\nexit 0\r\n")), "ends in a carriage return, so its interpreter is not found"},
		"those behind env":           {command(script(t, 0o700, "#!/usr/bin/env sh\r\nexit 0\r\n")), "ends in a carriage return"},
		"a byte order mark":          {command(script(t, 0o700, "\ufeff#!/bin/sh\nexit 0\n")), "begins with a byte order mark"},
		"no such interpreter":        {command(script(t, 0o700, "#!/usr/bin/pyhton\n")), "/usr/bin/pyhton, is not there or not executable"},
		"no such one behind env":     {command(script(t, 0o700, "#!/usr/bin/env pyhton\n")), "pyhton, is no program in PATH"},
		"no interpreter":             {command(script(t, 0o700, "#!\n")), "names no interpreter"},
		"a header of two lines":      {header("TWO_LINES"), "the environment variable TWO_LINES, for the header Authorization, holds a line break"},
		"a header that ends in one":  {header("ENDS_IN_A_LINE"), "the environment variable ENDS_IN_A_LINE, for the header Authorization, ends in a line break; set it without"},
		"a header that is not there": {header("NOT_SET_AT_ALL"), "the environment variable NOT_SET_AT_ALL, for the header Authorization, is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
			r := gatesChecked(t, fake, map[string]rollout.GateSpec{"smoke": tt.gate})

			checks, err := r.CheckGates(t.Context())
			require.ErrorContains(t, err, "rollout release 1: 1 of 1 gates gave no verdict: gate smoke: ")
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "secret")
			require.Contains(t, checks[0].Error, tt.want)

			plan, err := r.Plan(t.Context())
			require.NoError(t, err)
			require.True(t, plan.Blocked())
			require.Contains(t, plan.String(), "  blocked  gate smoke: ")
			require.Contains(t, plan.String(), tt.want)
			require.Contains(t, plan.Markdown(), "| blocked | `gate smoke: ")

			_, err = r.Run(t.Context())
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, fake.Effects(), "no review is spent")
		})
	}
}

// A plan says the same whoever makes it, so that it can be reviewed elsewhere.
func TestWhatIsMissingOnOneMachineDoesNotMakeAPlanStale(t *testing.T) {
	t.Setenv("METRICS_AUTH", "secret")
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	gate := figures(t, answering(http.StatusOK, "application/json", `{"data": {"rate": 0.001}}`))
	gate.HeadersFrom = map[string]string{"Authorization": "METRICS_AUTH"}
	r := gatesChecked(t, fake, map[string]rollout.GateSpec{"errors": {HTTP: gate}})
	here, err := r.Plan(t.Context())
	require.NoError(t, err)
	require.False(t, here.Blocked())
	require.NoError(t, os.Unsetenv("METRICS_AUTH"))
	elsewhere, err := r.Plan(t.Context())
	require.NoError(t, err)
	require.True(t, elsewhere.Blocked())
	require.Equal(t, here.Hash, elsewhere.Hash)
}
