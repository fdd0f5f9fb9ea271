package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

const needy = `
version: 1
gates:
  errors: {http: {url: "https://metrics.example/errors", field: rate, max: 0.01, headersFrom: {Authorization: TEST_METRICS}}}
  smoke: {command: {args: [./none-of-that-name.sh]}}
steps: [{ratio: 1, gates: [errors, smoke]}, {ratio: 100}]
`

func TestWhatGatesLackShowsBeforeTheReview(t *testing.T) {
	s := newPlace(t, needy, approving)
	for _, command := range []string{"run", "step"} {
		got, stderr := s.run(command)
		require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
		require.Contains(t, got.Message, "gates cannot work here: gate errors: ")
		require.Contains(t, got.Message, "none-of-that-name.sh")
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, report.ExitUsage, call(t.Context(), []string{"plan"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "  blocked  gate errors: ")
	require.Empty(t, s.changes())
	require.NoDirExists(t, s.path("state"))
}

func TestASpecThatReplacesAnotherIsCheckedToo(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	_, _ = s.run("step")
	s.write("release.yaml", needy)
	got, _ := s.run("step", "--new-spec")
	require.Equal(t, report.ExitUsage, got.ExitStatus)

	// Orders and the status ask no gates.
	for _, command := range []string{"status", "pause"} {
		got, stderr := s.run(command)
		require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	}
}

func TestGatesAreCheckedBeforeTheReview(t *testing.T) {
	s := newPlace(t, gated(t, "0.5"), leavingOpen)
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"rollout", "gates", "check"}, &stdout, &stderr), stderr.String())
	require.Equal(t, "fail    errors       rate is 0.5, above 0.01\n", stdout.String(), "nobody has the version yet, so that is no fault")
	require.Empty(t, s.changes())

	s.write("release.yaml", needy)
	stdout.Reset()
	require.Equal(t, int(report.ExitGateFailed), run(t.Context(), []string{"rollout", "gates", "check", "-o", "json"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "2 of 2 gates gave no verdict")
	var got gateChecks
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
	require.Len(t, got.Gates, 2)
	require.Contains(t, got.Gates[0].Error, "TEST_METRICS")
}

func TestAGateAsksPrometheus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"scalar","result":[%d,"0.002"]}}`, time.Now().Unix())
	}))
	t.Cleanup(server.Close)
	s := newPlace(t, `
version: 1
gates: {errors: {prometheus: {address: "`+server.URL+`", query: "errors", max: 0.01}}}
steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]
`, approving)
	got, stderr := s.run()
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, climbedToTheEnd(1), s.changes())
}

func TestABlockedPlanIsAConflict(t *testing.T) {
	s := newPlace(t, patient, approving)
	_, _ = s.run("step")
	_, _ = s.run("pause")
	var stdout, stderr bytes.Buffer
	require.Equal(t, report.ExitConflict, call(t.Context(), []string{"plan"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "blocked")
}
