package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
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
	for _, command := range []string{"plan", "run", "step"} {
		got, stderr := s.run(command)
		require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
		require.Contains(t, got.Message, "gate errors: set the variable TEST_METRICS; gate smoke: the command cannot be run: ")
		require.Contains(t, got.Message, "none-of-that-name.sh")
	}
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

func TestGatesThatLackNothing(t *testing.T) {
	t.Setenv("TEST_TOKEN", "x")
	self, err := os.Executable()
	require.NoError(t, err)
	var spec rollout.Spec
	spec.Gates = map[string]rollout.GateSpec{
		"errors":  {HTTP: &rollout.HTTPGate{HeadersFrom: map[string]string{"Authorization": "TEST_TOKEN"}}},
		"latency": {Prometheus: &rollout.PrometheusGate{TokenFrom: "TEST_TOKEN"}},
		"open":    {Prometheus: &rollout.PrometheusGate{}},
		"smoke":   {Command: &rollout.CommandGate{Args: []string{self}}},
		"go":      {},
	}
	require.NoError(t, checkGates(&spec))
	t.Setenv("TEST_TOKEN", "")
	require.EqualError(t, checkGates(&spec),
		"gates need what is not here: gate errors: set the variable TEST_TOKEN; gate latency: set the variable TEST_TOKEN")
}

func TestABlockedPlanIsAConflict(t *testing.T) {
	s := newPlace(t, patient, approving)
	_, _ = s.run("step")
	_, _ = s.run("pause")
	var stdout, stderr bytes.Buffer
	require.Equal(t, report.ExitConflict, call(t.Context(), []string{"plan"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "blocked")
}
