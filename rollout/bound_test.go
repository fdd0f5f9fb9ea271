package rollout_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestABoundJudgesAFigure(t *testing.T) {
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
	for _, tt := range []struct {
		gate string
		path string
		want string
	}{
		{"http: {url: 'https://m.example', field: a}", "gates[g].http", "must have min, max or both"},
		{"http: {url: 'https://m.example', field: a, min: 2, max: 1}", "gates[g].http.max", "must not be below min"},
		{"http: {url: 'https://m.example', field: a, min: .nan}", "gates[g].http.min", "must be a finite number"},
		{"http: {url: 'https://m.example', field: a, max: .inf}", "gates[g].http.max", "must be a finite number"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: -1}", "gates[g].http.minSamples", "must be at least 0"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: .nan}", "gates[g].http.minSamples", "must be at least 0"},
		{"http: {url: 'https://m.example', field: a, max: 1, samples: n, minSamples: .inf}", "gates[g].http.minSamples", "must be a finite number"},
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
		{"prometheus: {address: 'https://p.example', query: up, min: -.inf}", "gates[g].prometheus.min", "must be a finite number"},
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
