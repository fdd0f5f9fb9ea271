package prometheus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/prometheus"
)

// server answers instant queries as the documentation of Prometheus' HTTP API has it,
// each query by the answer of that name.
type server struct {
	*httptest.Server
	asked []*http.Request
}

type answer struct {
	status int
	body   string
}

func serve(t *testing.T, answers map[string]answer) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.URL.Path != "/prom/api/v1/query" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		s.asked = append(s.asked, r)
		a := answers[r.Form.Get("query")]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(s.Close)
	return s
}

// success is an answer with data, and whatever else goes beside it.
func success(resultType, result, beside string) answer {
	return answer{http.StatusOK, fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":%s}%s}`, resultType, result, beside)}
}

// sample is a sample of a series with a figure, so long ago.
func sample(figure string, ago time.Duration) string {
	at := time.Now().Add(-ago)
	return fmt.Sprintf(`{"metric":{"__name__":"errors","instance":"a:9090"},"value":[%d.%03d,%q]}`, at.Unix(), at.Nanosecond()/1e6, figure)
}

// vector is an answer with samples.
func vector(samples ...string) answer {
	return success("vector", "["+strings.Join(samples, ",")+"]", "")
}

// ask asks what the spec says at the server.
func (s *server) ask(t *testing.T, spec rollout.PrometheusGate, options prometheus.Options) (rollout.Verdict, error) {
	t.Helper()
	spec.Address = s.URL + "/prom"
	gate, err := prometheus.Maker(options)("errors", rollout.GateSpec{Prometheus: &spec})
	require.NoError(t, err)
	require.NotNil(t, gate)
	return gate(t.Context(), rollout.Step{Ratio: 10})
}

// below is a spec with a maximum.
func below(most float64) rollout.PrometheusGate {
	return rollout.PrometheusGate{Query: "q", Bound: rollout.Bound{Max: &most}}
}

func TestAGateComparesOneFigure(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer answer
		want   rollout.Verdict
	}{
		{"a vector below", vector(sample("0.002", 0)), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0.002"}},
		{"a vector above", vector(sample("0.02", 0)), rollout.Verdict{Decision: rollout.Fail, Reason: "errors is 0.02, above 0.01"}},
		{"a scalar", success("scalar", fmt.Sprintf(`[%d,"0"]`, time.Now().Unix()), ""), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0"}},
		{"with a remark", success("vector", "["+sample("0", 0)+"]", `,"infos":["metric might not be a counter"]`), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0"}},
		{"of all stores", success("vector", "["+sample("0", 0)+"]", `,"isPartial":false`), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0"}},
		{"a little old", vector(sample("0", 4*time.Minute)), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, map[string]answer{"q": tt.answer})

			verdict, err := s.ask(t, below(0.01), prometheus.Options{})

			require.NoError(t, err)
			require.Equal(t, tt.want, verdict)
			require.Len(t, s.asked, 1)
			require.Equal(t, "5m0s", s.asked[0].Form.Get("lookback_delta"))
			require.Empty(t, s.asked[0].Form.Get("time"), "the time is the server's")
		})
	}
}

func TestWhatIsNotOneFigureNeverPasses(t *testing.T) {
	problem := func(status int, kind, text string) answer {
		return answer{status, fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, text)}
	}
	for _, tt := range []struct {
		name   string
		answer answer
		want   string
	}{
		{"no series", vector(), "the answer is empty: no series has data"},
		{"two series", vector(sample("0", 0), sample("0", 0)), "the answer has 2 series where one is expected"},
		{"NaN", vector(sample("NaN", 0)), "the answer is NaN, which is no figure"},
		{"too much", vector(sample("+Inf", 0)), "the answer is +Inf, which is no figure"},
		{"too little", vector(sample("-Inf", 0)), "the answer is -Inf, which is no figure"},
		{"a scalar NaN", success("scalar", fmt.Sprintf(`[%d,"NaN"]`, time.Now().Unix()), ""), "the answer is NaN"},
		{"a warning", success("vector", "["+sample("0", 0)+"]", `,"warnings":["a store did\nnot answer","another"]`), "the server warns that the answer may be wrong: a store did not answer; another"},
		{"an answer of some stores only", success("vector", "["+sample("0", 0)+"]", `,"isPartial":true`), "the server says that the answer is incomplete (isPartial)"},
		{"an answer of some stores only, in words", success("vector", "["+sample("0", 0)+"]", `,"isPartial":"yes"`), "the server says that the answer is incomplete (isPartial)"},
		{"an old figure", vector(sample("0", 6*time.Minute)), "which is 6m0s from now; at most 5m0s are accepted"},
		{"a figure of the future", vector(sample("0", -6*time.Minute)), "from now; at most 5m0s are accepted"},
		{"an old scalar", success("scalar", `[1435781451.781,"0"]`, ""), "the answer is of 2015-07-01T20:10:51Z"},
		{"a histogram", success("vector", fmt.Sprintf(`[{"metric":{},"histogram":[%d,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]}]`, time.Now().Unix()), ""), "the answer is a histogram"},
		{"a matrix", success("matrix", `[{"metric":{},"values":[[1435781430.781,"1"]]}]`, ""), "the answer is a matrix where a scalar or a vector is expected"},
		{"a text", success("string", `[1435781451.781,"0"]`, ""), "unexpected value type"},
		{"no result", answer{200, `{"status":"success"}`}, "the answer holds no result"},
		{"an empty object", answer{200, `{}`}, "the answer holds no result"},
		{"an error that is a success", answer{200, `{"status":"error","errorType":"execution","error":"broken"}`}, "execution: broken"},
		{"a query that is wrong", problem(400, "bad_data", "1:2: parse error: unexpected end of input"), "bad_data: 1:2: parse error: unexpected end of input"},
		{"a query that fails", problem(422, "execution", "many-to-many\nmatching"), "execution: many-to-many matching"},
		{"a server that is not ready", problem(503, "unavailable", "not ready"), "server_error: server error: 503"},
		{"a bad gateway", answer{502, "<html>hush</html>"}, "server_error: server error: 502"},
		{"HTML", answer{200, "<html>hush</html>"}, "bad_response: "},
		{"unauthenticated", answer{401, "hush"}, "client_error: client error: 401"},
		{"forbidden, by GET too", answer{403, "hush"}, "client_error: client error: 403"},
		{"a redirect", answer{302, ""}, "bad response code 302"},
		{"too long", answer{200, `{"status":"success","data":{"resultType":"vector","result":[]},"more":"` + strings.Repeat("x", 1<<20) + `"}`}, "the answer is larger than 1048576 bytes"},
		{"an error without end", problem(400, "bad_data", strings.Repeat("x", 100_000)), "xxx..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, map[string]answer{"q": tt.answer})

			verdict, err := s.ask(t, below(0.01), prometheus.Options{})

			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "ask "+s.URL+"/prom for query: ")
			require.Zero(t, verdict)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "hush")
			require.Less(t, len(err.Error()), 700)
		})
	}
}

func TestAGateWaitsForEnoughSamples(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples answer
		want    rollout.Verdict
		err     string
		asked   int
	}{
		{"enough", vector(sample("1000", 0)), rollout.Verdict{Decision: rollout.Pass, Reason: "errors is 0"}, "", 2},
		{"too few", vector(sample("999", 0)), rollout.Verdict{Decision: rollout.Wait, Reason: "999 of 1000 samples"}, "", 1},
		{"none", vector(), rollout.Verdict{}, "for samples: no data: the answer is empty", 1},
		{"NaN", vector(sample("NaN", 0)), rollout.Verdict{}, "for samples: no data: the answer is NaN", 1},
		{"less than none", vector(sample("-1", 0)), rollout.Verdict{}, "for samples: the number of samples is -1", 1},
		{"of long ago", vector(sample("1000", time.Hour)), rollout.Verdict{}, "for samples: the answer is of", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, map[string]answer{"q": vector(sample("0", 0)), "n": tt.samples})
			spec := below(0.01)
			spec.Samples, spec.MinSamples = "n", 1000

			verdict, err := s.ask(t, spec, prometheus.Options{})

			require.Equal(t, tt.want, verdict)
			require.Len(t, s.asked, tt.asked)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestTheTokenComesFromTheEnvironmentWhenTheGateIsAsked(t *testing.T) {
	s := serve(t, map[string]answer{"q": vector(sample("0", 0))})
	spec := below(0.01)
	_, err := s.ask(t, spec, prometheus.Options{})
	require.NoError(t, err)
	require.Empty(t, s.asked[0].Header.Get("Authorization"))

	spec.TokenFrom = "PROM_TOKEN"
	spec.Address = s.URL + "/prom"
	gate, err := prometheus.Maker(prometheus.Options{})("errors", rollout.GateSpec{Prometheus: &spec})
	require.NoError(t, err)
	for _, token := range []string{"one", "two"} {
		t.Setenv("PROM_TOKEN", token)
		_, err = gate(t.Context(), rollout.Step{})
		require.NoError(t, err)
		require.Equal(t, "Bearer "+token, s.asked[len(s.asked)-1].Header.Get("Authorization"))
	}
	before := len(s.asked)
	for value, want := range map[string]string{
		"":             "the environment variable PROM_TOKEN, for the bearer token, is not set",
		"secret\n":     "the environment variable PROM_TOKEN, for the bearer token, ends in a line break",
		"secret\nX: 1": "the environment variable PROM_TOKEN, for the bearer token, holds a space, a line break",
	} {
		t.Setenv("PROM_TOKEN", value)
		_, err = gate(t.Context(), rollout.Step{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	require.Len(t, s.asked, before, "nothing is sent")
}

func TestTheTokenDoesNotFollowARedirect(t *testing.T) {
	t.Setenv("PROM_TOKEN", "secret")
	elsewhere := serve(t, map[string]answer{"q": vector(sample("0", 0))})
	spec := below(0.01)
	spec.TokenFrom = "PROM_TOKEN"
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/prom/api/v1/query?query=q", status)
		}))
		_, err := (&server{Server: here}).ask(t, spec, prometheus.Options{})
		require.ErrorContains(t, err, fmt.Sprint(status))
		here.Close()
	}
	require.Empty(t, elsewhere.asked)
}

func TestAGateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		cancel()
		<-r.Context().Done()
	}))
	defer s.Close()
	spec := below(1)
	spec.Address = s.URL
	gate, err := prometheus.Maker(prometheus.Options{})("errors", rollout.GateSpec{Prometheus: &spec})
	require.NoError(t, err)

	verdict, err := gate(ctx, rollout.Step{})

	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, verdict)
}

func TestMaxAgeIsHowFarTheServerLooksBack(t *testing.T) {
	s := serve(t, map[string]answer{"q": vector(sample("0", 90*time.Second))})

	_, err := s.ask(t, below(1), prometheus.Options{MaxAge: 2 * time.Minute})
	require.NoError(t, err)
	require.Equal(t, "2m0s", s.asked[0].Form.Get("lookback_delta"))

	_, err = s.ask(t, below(1), prometheus.Options{MaxAge: time.Minute})
	require.ErrorContains(t, err, "at most 1m0s are accepted")

	for _, age := range []time.Duration{-1, time.Millisecond, 1500 * time.Millisecond} {
		spec := below(1)
		spec.Address = s.URL
		_, err := prometheus.Maker(prometheus.Options{MaxAge: age})("errors", rollout.GateSpec{Prometheus: &spec})
		require.ErrorContains(t, err, "MaxAge must be whole seconds")
	}
}

// carried answers through a function.
type carried func(*http.Request) (*http.Response, error)

func (c carried) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func TestAnErrorShowsTheAddressWithoutItsSecrets(t *testing.T) {
	spec := below(1)
	spec.Address = "http://user:secret@prometheus.example/prom?token=secret"
	fails := carried(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	gate, err := prometheus.Maker(prometheus.Options{Transport: fails})("errors", rollout.GateSpec{Prometheus: &spec})
	require.NoError(t, err)

	_, err = gate(t.Context(), rollout.Step{})

	require.EqualError(t, err, "ask http://prometheus.example/prom for query: connection refused")

	spec.Address = "http://secret:80:80"
	_, err = prometheus.Maker(prometheus.Options{})("errors", rollout.GateSpec{Prometheus: &spec})
	require.ErrorContains(t, err, "cannot be read")
	require.NotContains(t, err.Error(), "secret")
}

func TestAMakerMakesItsOwnKindAlone(t *testing.T) {
	for _, spec := range []rollout.GateSpec{{}, {HTTP: new(rollout.HTTPGate)}, {Command: new(rollout.CommandGate)}} {
		gate, err := prometheus.Maker(prometheus.Options{})("other", spec)
		require.NoError(t, err)
		require.Nil(t, gate)
	}
}

func TestARunnerTakesTheMaker(t *testing.T) {
	spec, err := rollout.ParseSpec([]byte(`
version: 1
gates:
  errors: {prometheus: {address: "https://prometheus.example", query: up, min: 1}}
steps: [{ratio: 10, bake: 1h, gates: [errors]}, {ratio: 100}]
`))
	require.NoError(t, err)
	target := rollout.ForRelease(nil, "rel_1")

	_, err = rollout.New(target, *spec, rollout.NewMemoryStore())
	require.ErrorContains(t, err, "rollout/prometheus")
	_, err = rollout.New(target, *spec, rollout.NewMemoryStore(), rollout.WithGates(prometheus.Maker(prometheus.Options{})))
	require.NoError(t, err)
}

func TestAGateLeavesNoConnectionBehind(t *testing.T) {
	closed := make(chan struct{}, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(vector(sample("0", 0)).body))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()

	_, err := (&server{Server: s}).ask(t, below(1), prometheus.Options{})

	require.NoError(t, err)
	<-closed // or the test would never end
}

func TestAMinimumOfSamplesThatAreNotCountedNeverPasses(t *testing.T) {
	s := serve(t, map[string]answer{"q": vector(sample("0", 0))})
	spec := below(0.01)
	spec.MinSamples = 1000
	verdict, err := s.ask(t, spec, prometheus.Options{})
	require.ErrorContains(t, err, "samples")
	require.NotEqual(t, rollout.Pass, verdict.Decision)
}
