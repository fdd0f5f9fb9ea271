package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

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
