package rollout_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// figures serves one answer, and is asked for by the gate that it returns.
func figures(t *testing.T, answer http.HandlerFunc) *rollout.HTTPGate {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return &rollout.HTTPGate{URL: server.URL + "/errors?token=hush", Field: "data.rate", Bound: rollout.Bound{Max: new(0.01)}}
}

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestAnHTTPGateComparesAFieldOfTheAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answer  string
		samples string
		want    rollout.Verdict
	}{
		{"pass", `{"data": {"rate": 0.005}}`, "", rollout.Verdict{Decision: rollout.Pass, Reason: "data.rate is 0.005"}},
		{"fail", `{"data": {"rate": "0.02"}}`, "", rollout.Verdict{Decision: rollout.Fail, Reason: "data.rate is 0.02, above 0.01"}},
		{"enough samples", `{"data": {"rate": 0.005, "n": 50}}`, "data.n", rollout.Verdict{Decision: rollout.Pass, Reason: "data.rate is 0.005"}},
		{"too few samples", `{"data": {"rate": 0.02, "n": "49"}}`, "data.n", rollout.Verdict{Decision: rollout.Wait, Reason: "49 of 50 samples"}},
		{"no samples yet, and no figure", `{"data": {"rate": null, "n": 0}}`, "data.n", rollout.Verdict{Decision: rollout.Wait, Reason: "0 of 50 samples"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gate := figures(t, answering(http.StatusOK, "application/json", tt.answer))
			if tt.samples != "" {
				gate.Samples, gate.MinSamples = tt.samples, 50
			}

			verdict, err := gate.Gate()(t.Context(), rollout.Step{})

			require.NoError(t, err)
			require.Equal(t, tt.want, verdict)
		})
	}
}

func TestAnHTTPGateNeverPassesWithoutTheFigure(t *testing.T) {
	t.Parallel()
	const html = "<html><body>hush</body></html>"
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"the field is missing", answering(200, "application/json", `{"data": {}}`), `the answer has no data.rate: data has no field "rate"`},
		{"null", answering(200, "application/json", `{"data": {"rate": null}}`), "data.rate is null"},
		{"a truth value", answering(200, "application/json", `{"data": {"rate": false}}`), "data.rate is a truth value"},
		{"not a number", answering(200, "application/json", `{"data": {"rate": "NaN"}}`), "data.rate is NaN, not a number"},
		{"HTML", answering(200, "text/html", html), `/errors: the answer is not JSON (30 bytes of "text/html")`},
		{"nothing", answering(200, "application/json", ""), "/errors: the answer is not JSON (0 bytes"},
		{"another success", answering(201, "application/json", `{"data": {"rate": 0}}`), "/errors: HTTP 201 where 200 is expected"},
		{"no content", answering(204, "", ""), "HTTP 204 where 200 is expected"},
		{"not found", answering(404, "application/json", `{"data": {"rate": 0}}`), "HTTP 404"},
		{"a failure of the server", answering(500, "application/json", `{"data": {"rate": 0}}`), "HTTP 500"},
		{"a bad gateway", answering(502, "text/html", html), "HTTP 502"},
		{"too much", answering(200, "application/json", `{"data": {"rate": 0}, "more": "`+strings.Repeat("x", 1<<20)+`"}`), "larger than the limit of 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gate := figures(t, tt.answer)

			verdict, err := gate.Gate()(t.Context(), rollout.Step{})

			require.ErrorContains(t, err, tt.want)
			require.Zero(t, verdict)
			require.NotContains(t, err.Error(), "hush", "neither the query nor the answer is shown")
		})
	}
	t.Run("samples that are missing", func(t *testing.T) {
		gate := figures(t, answering(200, "application/json", `{"data": {"rate": 0}}`))
		gate.Samples, gate.MinSamples = "data.n", 1
		_, err := gate.Gate()(t.Context(), rollout.Step{})
		require.ErrorContains(t, err, "the answer has no data.n")
	})
	for _, samples := range []string{"-1", `"-50"`} {
		t.Run("samples that are no number of anything", func(t *testing.T) {
			gate := figures(t, answering(200, "application/json", `{"data": {"rate": 0, "n": `+samples+`}}`))
			gate.Samples, gate.MinSamples = "data.n", 1
			verdict, err := gate.Gate()(t.Context(), rollout.Step{})
			require.ErrorContains(t, err, "which is no number of anything")
			require.Zero(t, verdict)
		})
	}
	t.Run("no path", func(t *testing.T) {
		gate := figures(t, answering(200, "application/json", `{"data": {"rate": 0}}`))
		gate.Field = "data..rate"
		_, err := gate.Gate()(t.Context(), rollout.Step{})
		require.ErrorContains(t, err, "data..rate is not the path of a field")
	})
	t.Run("nobody there", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		gate := &rollout.HTTPGate{URL: "http://user:secret@" + listener.Addr().String() + "/a?token=hush", Field: "a", Bound: rollout.Bound{Max: new(1.0)}}

		_, err = gate.Gate()(t.Context(), rollout.Step{})

		require.ErrorContains(t, err, "GET http://"+listener.Addr().String()+"/a: ")
		require.NotContains(t, err.Error(), "hush")
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "user")
	})
}

func TestAnHTTPGateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	gate := figures(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})

	verdict, err := gate.Gate()(ctx, rollout.Step{})

	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, verdict)
	require.NotContains(t, err.Error(), "hush")
}

func TestAnHTTPGateFollowsNoRedirect(t *testing.T) {
	t.Setenv("METRICS_AUTH", "Bearer secret")
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		gate := figures(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL+"/?code=hush", status) })
		gate.HeadersFrom = map[string]string{"Authorization": "METRICS_AUTH"}

		_, err := gate.Gate()(t.Context(), rollout.Step{})

		require.ErrorContains(t, err, fmt.Sprintf("HTTP %d: a gate follows no redirects", status))
		require.NotContains(t, err.Error(), "hush")
	}
	require.Zero(t, asked)
}

func TestHeadersOfAnHTTPGateComeFromTheEnvironmentWhenItIsAsked(t *testing.T) {
	var got http.Header
	gate := figures(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = w.Write([]byte(`{"data": {"rate": 0}}`))
	})
	gate.HeadersFrom = map[string]string{"Authorization": "METRICS_AUTH", "x-scope": "METRICS_SCOPE"}
	ask := gate.Gate()
	gate.HeadersFrom["X-Later"] = "METRICS_LATER" // the gate is made already

	t.Setenv("METRICS_AUTH", "Bearer one")
	t.Setenv("METRICS_SCOPE", "tea")
	_, err := ask(t.Context(), rollout.Step{})
	require.NoError(t, err)
	require.Equal(t, "Bearer one", got.Get("Authorization"))
	require.Equal(t, "tea", got.Get("X-Scope"))

	t.Setenv("METRICS_AUTH", "Bearer two")
	_, err = ask(t.Context(), rollout.Step{})
	require.NoError(t, err)
	require.Equal(t, "Bearer two", got.Get("Authorization"))

	for value, want := range map[string]string{
		"":                  "the environment variable METRICS_AUTH, for the header Authorization, is not set",
		"Bearer secret\n":   "METRICS_AUTH, for the header Authorization, ends in a line break",
		"Bearer \x1bsecret": "holds a line break or another control character",
	} {
		got = nil
		t.Setenv("METRICS_AUTH", value)
		_, err = ask(t.Context(), rollout.Step{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
		require.Nil(t, got, "nothing is sent")
	}
}

func TestAnHTTPGateLeavesNoConnectionBehind(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(answering(200, "application/json", `{"data": {"rate": 0}}`))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	gate := &rollout.HTTPGate{URL: server.URL, Field: "data.rate", Bound: rollout.Bound{Max: new(1.0)}}

	_, err := gate.Gate()(t.Context(), rollout.Step{})

	require.NoError(t, err)
	<-closed // or the test would never end
}

// The gates of a spec that needs no code are made by New.
func TestAGateThatTheSpecDescribesDecides(t *testing.T) {
	t.Parallel()
	rate := "0.005"
	gate := figures(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, `{"data": {"rate": %s}}`, rate) })
	spec := plain()
	spec.Gates = map[string]rollout.GateSpec{"errors": {HTTP: gate}, "tests": {Command: gateProgram("exit", "0")}}
	spec.Steps = []rollout.StepSpec{{Ratio: 10, Gates: []string{"errors", "tests"}}, {Ratio: 50, Gates: []string{"errors", "tests"}}, {Ratio: 100}}
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	fake.ApproveAfter(0)
	fake.After(func(_ context.Context, c rollouttest.Call) error {
		if c.Op == rollouttest.OpRaise && c.Change.To == 50 {
			rate = "0.02"
		}
		return nil
	})
	r, err := rollout.New(fake, spec, rollout.NewMemoryStore())
	require.NoError(t, err)

	state, err := r.Run(t.Context())

	require.ErrorIs(t, err, rollout.ErrGateFailed)
	require.Equal(t, "gate errors failed: data.rate is 0.02, above 0.01", state.Stop.Reason)
	require.Equal(t, rollout.Pass, state.Gates["tests"].Verdict.Decision)
	require.Equal(t, []alipayplus.Ratio{10, 50}, fake.Ratios())
}
