package rollout_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAnAmbiguousOrIncompleteAnswerNeverPasses(t *testing.T) {
	t.Parallel()
	const rate = "data.rate"
	for _, tt := range []struct{ name, field, answer, want string }{
		{"the figure twice", rate, `{"data": {"rate": 0.5, "rate": 0}}`, "data.rate is there twice"},
		{"an object around it twice", rate, `{"data": {"rate": 0.5}, "data": {"rate": 0}}`, "the answer has no data.rate: data is there twice"},
		{"a name in other escapes", rate, `{"data": {"rate": 0.5, "r\u0061te": 0}}`, "data.rate is there twice"},
		{"a flag twice", rate, `{"isPartial": true, "isPartial": false, "data": {"rate": 0}}`, "incomplete or wrong, in isPartial"},
		{"VictoriaMetrics", "data.result[0].value[1]", `{"status": "success", "isPartial": true, "data": {"resultType": "vector", "result": [{"value": [1, "0"]}]}}`, "incomplete or wrong, in isPartial"},
		{"partial beside the figure", rate, `{"data": {"rate": 0, "partial": true}}`, "in data.partial; if that field says something else, name it in ignore: [partial]"},
		{"InfluxDB", "results[0].series[0].values[0][1]", `{"results": [{"series": [{"values": [["t", 0]], "partial": true}]}]}`, "in results[0].series[0].partial"},
		{"an asynchronous search", "response.aggregations.rate.value", `{"is_partial": true, "is_running": true, "response": {"aggregations": {"rate": {"value": 0}}}}`, "in is_partial"},
		{"a flag in words", rate, `{"is_partial": "TRUE", "data": {"rate": 0}}`, "in is_partial"},
		{"failed shards", "aggregations.rate.value", `{"timed_out": false, "_shards": {"total": 5, "successful": 4, "failed": 1}, "aggregations": {"rate": {"value": 0}}}`, "in _shards"},
		{"failed shards of one of several searches", "responses[0].hits.total.value", `{"responses": [{"_shards": {"failed": 2}, "hits": {"total": {"value": 0}}}]}`, "in responses[0]._shards"},
		{"a cluster that was left out", "hits.total.value", `{"_shards": {"failed": 0}, "_clusters": {"total": 2, "successful": 1, "skipped": 1}, "hits": {"total": {"value": 0}}}`, "in _clusters"},
		{"out of time", "hits.total.value", `{"timed_out": true, "_shards": {"failed": 0}, "hits": {"total": {"value": 0}}}`, "in timed_out"},
		{"ended early", "hits.total.value", `{"terminated_early": true, "hits": {"total": {"value": 0}}}`, "in terminated_early"},
		{"warnings", rate, `{"status": "success", "warnings": ["a store did not answer: hush"], "data": {"rate": 0}}`, "in warnings"},
		{"one warning", rate, `{"warnings": "hush", "data": {"rate": 0}}`, "in warnings"},
		{"warnings by store", rate, `{"warnings": {"store-1": "hush"}, "data": {"rate": 0}}`, "in warnings"},
		{"GraphQL", rate, `{"errors": [{"message": "hush", "path": ["rate"]}], "data": {"rate": 0}}`, "in errors"},
		{"an error of a statement", "results[0].rate", `{"results": [{"rate": 0, "error": "hush"}]}`, "in results[0].error"},
		{"a partial error", "tables[0].rows[0][0]", `{"tables": [{"rows": [[0]]}], "error": {"code": "PartialError"}}`, "in error"},
		{"an error without words", rate, `{"error": true, "data": {"rate": 0}}`, "in error"},
		{"errors of an execution", rate, `{"executionErrors": [{"code": 4}], "data": {"rate": 0}}`, "in executionErrors"},
		{"a status", rate, `{"status": "error", "data": {"rate": 0}}`, "in status"},
		{"two series", "data.result[0].value[1]", `{"data": {"result": [{"value": [1, "0"]}, {"value": [1, "0.5"]}]}}`, "data.result has 2 entries where one is expected"},
		{"the second of two series", "data.result[1].value[1]", `{"data": {"result": [{"value": [1, "0.5"]}, {"value": [1, "0"]}]}}`, "data.result has 2 entries where one is expected"},
		{"two rows", "values[0][1]", `{"values": [["t", 0], ["u", 0.5]]}`, "values has 2 entries"},
		{"two figures", "rates[0]", `{"rates": [0, 0.5]}`, "rates has 2 entries where one is expected: ask for one, or, if their order is fixed, name the list in ignore: [rates]"},
		{"two answers", "[0].rate", `[{"rate": 0}, {"rate": 0.5}]`, "the whole has 2 entries"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gate := figures(t, answering(http.StatusOK, "application/json", tt.answer))
			gate.Field = tt.field

			verdict, err := gate.Gate()(t.Context(), rollout.Step{})

			require.ErrorContains(t, err, tt.want)
			require.Zero(t, verdict)
			require.NotContains(t, err.Error(), "hush")
			require.NotErrorIs(t, err, rollout.ErrNoData)
		})
	}
	for name, header := range map[string][2]string{
		"comes out of a cache and is 1m1s old": {"Age", "61"},
		"has an Age that cannot be read":       {"Age", "a while"},
		"says that it is stale (Warning: 110)": {"Warning", `110 - "Response is Stale"`},
		"in the header M3-Results-Limited":     {"M3-Results-Limited", "max_fetch_series_limit_applied"},
	} {
		gate := figures(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header[0], header[1])
			_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
		})

		verdict, err := gate.Gate()(t.Context(), rollout.Step{})

		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hush")
		require.Zero(t, verdict)
	}
}

func TestACompleteAnswerIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, field, answer string
		ignore              []string
	}{
		{"all well", "hits.total.value", `{"timed_out": false, "_shards": {"total": 5, "failed": 0}, "_clusters": {"skipped": 0}, "is_partial": false, "hits": {"total": {"value": 0}}}`, nil},
		{"nothing to say", "data.rate", `{"status": "success", "isPartial": false, "warnings": [], "errors": null, "error": "", "data": {"rate": 0}}`, nil},
		{"remarks", "data.rate", `{"infos": ["hush"], "messages": ["hush"], "data": {"rate": 0}}`, nil},
		{"the figure is called so", "errors", `{"errors": "0"}`, nil},
		{"the figure is below it", "errors.rate", `{"errors": {"rate": 0, "service": "shop"}}`, nil},
		{"other figures are called so", "rate", `{"rate": 0, "errors": 12, "error": "0.5", "warnings": {"count": 3}}`, nil},
		{"elsewhere", "data.rate", `{"data": {"rate": 0}, "other": {"partial": true, "a": 1, "a": 2}}`, nil},
		{"a sample is a list", "data.result[0].value[1]", `{"data": {"result": [{"value": [1, "0"]}]}}`, nil},
		{"ignored", "rate", `{"rate": 0, "errors": ["E1"], "partial": 3}`, []string{"partial", "errors"}},
		{"in a fixed order", "results[0].rate", `{"results": [{"rate": 0}, {"rate": 9}]}`, []string{"results"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gate := figures(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Age", "60")
				w.Header().Set("Warning", `299 - "deprecated"`)
				_, _ = w.Write([]byte(tt.answer))
			})
			gate.Field, gate.Ignore = tt.field, tt.ignore

			verdict, err := gate.Gate()(t.Context(), rollout.Step{})

			require.NoError(t, err)
			require.Equal(t, rollout.Pass, verdict.Decision)
		})
	}
}

func TestACacheMayKeepAnAnswerForTheTimeBetweenTwoEvaluations(t *testing.T) {
	t.Parallel()
	for age, want := range map[int]string{600: "", 601: "is 10m1s old, more than the 10m0s between two evaluations"} {
		gate := figures(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Age", fmt.Sprint(age))
			_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
		})
		spec := plain()
		spec.Gates = map[string]rollout.GateSpec{"errors": {HTTP: gate, Every: rollout.Duration(10 * time.Minute)}}
		spec.Steps = []rollout.StepSpec{{Ratio: 10, Gates: []string{"errors"}}, {Ratio: 100}}
		r, err := rollout.New(rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), spec, rollout.NewMemoryStore())
		require.NoError(t, err)

		_, err = r.CheckGates(t.Context())

		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}
