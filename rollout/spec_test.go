package rollout_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestASpecSaysAllThatIsWrongWithIt(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*rollout.Spec)
		line string // empty: nothing is
	}{
		"nothing":                      {func(*rollout.Spec) {}, ""},
		"all defaults":                 {func(s *rollout.Spec) { *s = rollout.Spec{Version: 1, Steps: []rollout.StepSpec{{Ratio: 100}}} }, ""},
		"no version":                   {func(s *rollout.Spec) { s.Version = 0 }, "1 field not valid: version is required"},
		"a newer version":              {func(s *rollout.Spec) { s.Version = 2 }, "1 field not valid: version must be 1; this library reads no other"},
		"no steps":                     {func(s *rollout.Spec) { s.Steps = nil }, "1 field not valid: steps must have at least 1 entry"},
		"a policy":                     {func(s *rollout.Spec) { s.Review = "ask" }, "1 field not valid: review must be one of fail, adopt, replace"},
		"a failure policy":             {func(s *rollout.Spec) { s.OnGateFailure = "shrug" }, "1 field not valid: onGateFailure must be one of pause, abort"},
		"a deadline before the start":  {func(s *rollout.Spec) { s.Deadline = -1 }, "1 field not valid: deadline must be at least 0"},
		"a ratio that stays":           {func(s *rollout.Spec) { s.Steps[1].Ratio = 10 }, "1 field not valid: steps[1].ratio must be above 10%, the ratio of the step before"},
		"a ratio that falls":           {func(s *rollout.Spec) { s.Steps[1].Ratio = 5 }, "1 field not valid: steps[1].ratio must be above 10%, the ratio of the step before"},
		"no full release":              {func(s *rollout.Spec) { s.Steps = s.Steps[:1]; s.Steps[0].Bake, s.Steps[0].Gates = 0, nil }, "1 field not valid: steps[0].ratio must be 100: the last step is the full release, and nothing is released to all users unless the spec says so"},
		"a bake time of all users":     {func(s *rollout.Spec) { s.Steps[2].Bake = 1 }, "1 field not valid: steps[2] must have no bake time, gates or deadline: nothing comes after all users have the version"},
		"gates of all users":           {func(s *rollout.Spec) { s.Steps[2].Gates = []string{"errors"} }, "1 field not valid: steps[2] must have no bake time, gates or deadline: nothing comes after all users have the version"},
		"a deadline of all users":      {func(s *rollout.Spec) { s.Steps[2].Deadline = 1 }, "1 field not valid: steps[2] must have no bake time, gates or deadline: nothing comes after all users have the version"},
		"a gate that is not there":     {func(s *rollout.Spec) { s.Steps[1].Gates = []string{"latency"} }, `1 field not valid: steps[1].gates names "latency", which is not among the gates`},
		"a gate without a name":        {func(s *rollout.Spec) { s.Gates[""] = rollout.GateSpec{} }, "1 field not valid: gates must not have an entry without a name"},
		"a gate that asks nobody else": {func(s *rollout.Spec) { s.Gates["errors"] = rollout.GateSpec{Command: command(), Every: 1} }, ""},
		"a gate of two kinds": {func(s *rollout.Spec) {
			s.Gates["errors"] = rollout.GateSpec{Command: command(), HTTP: &rollout.HTTPGate{URL: "https://a.example", Field: "n", Bound: rollout.Bound{Min: new(1.0)}}}
		}, "1 field not valid: gates[errors] must be one of http, prometheus and command"},
		"gates of command and Prometheus": {func(s *rollout.Spec) {
			s.Gates["errors"] = rollout.GateSpec{Command: command(), Prometheus: &rollout.PrometheusGate{Address: "https://a.example", Query: "up", Bound: rollout.Bound{Min: new(1.0)}}}
		}, "1 field not valid: gates[errors] must be one of http, prometheus and command"},
		"much": {func(s *rollout.Spec) { s.Version, s.Steps[2].Ratio = 3, 50 }, "3 fields not valid: version must be 1; this library reads no other; steps[2].ratio must be above 50%, the ratio of the step before; steps[2].ratio must be 100: the last step is the full release, and nothing is released to all users unless the spec says so"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := hourly()
			tt.edit(&spec)
			err := spec.Validate()
			if tt.line == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "rollout spec: "+tt.line)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		})
	}
}

func command() *rollout.CommandGate { return &rollout.CommandGate{Args: []string{"true"}} }

func TestASpecIsReadFromYAML(t *testing.T) {
	spec, err := rollout.ParseSpec([]byte(`
version: 1
review: replace
reviewDeadline: 2d
deadline: 10d
onGateFailure: abort
clockTolerance: 90s
gates:
  errors: {every: 5m, timeout: 10s, tolerate: 2}
steps:
  - {ratio: 10, bake: 1d12h, gates: [errors], deadline: 3d}
  - {ratio: 100, approval: true}
`))
	require.NoError(t, err)
	require.Equal(t, &rollout.Spec{
		Version: 1, Review: rollout.ReviewReplace, ReviewDeadline: rollout.Duration(2 * day), Deadline: rollout.Duration(10 * day),
		OnGateFailure: rollout.FailureAbort, ClockTolerance: rollout.Duration(90 * time.Second),
		Gates: map[string]rollout.GateSpec{"errors": {Every: rollout.Duration(5 * time.Minute), Timeout: rollout.Duration(10 * time.Second), Tolerate: 2}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: rollout.Duration(36 * time.Hour), Gates: []string{"errors"}, Deadline: rollout.Duration(3 * day)},
			{Ratio: 100, Approval: true},
		},
	}, spec)
	data, err := json.Marshal(spec)
	require.NoError(t, err)
	again, err := rollout.ParseSpec(data)
	require.NoError(t, err)
	require.Equal(t, spec, again, "JSON is YAML")
	require.Equal(t, spec.Hash(), again.Hash())
}

func TestWhatIsNoSpecIsAnErrorThatTellsWhere(t *testing.T) {
	const good = "version: 1\nsteps: [{ratio: 100}]\n"
	for name, tt := range map[string]struct{ text, line string }{
		"nothing":            {"", "cannot be read: it is empty"},
		"a comment":          {"# later\n", "cannot be read: it is empty"},
		"two documents":      {good + "---\n" + good, "cannot be read: it must be one document"},
		"an unknown field":   {good + "speed: high\n", "cannot be read: line 3: field speed is not known"},
		"no duration":        {good + "deadline: 5\n", `is not a duration`},
		"no YAML":            {"{", "cannot be read: yaml: "},
		"not valid":          {"version: 1\nsteps: [{ratio: 50}]\n", "steps[0].ratio must be 100"},
		"a byte too long":    {good + "#" + strings.Repeat("x", 1<<20-len(good)), "cannot be read: it has 1048577 bytes; at most 1048576 are read"},
		"a value left out":   {"version: 1\nsteps:\n- ratio: 100\n  bake:\n", "cannot be read: line 4: a value is missing; give one, or remove the field"},
		"two left out":       {"version: 1\nsteps:\n- ratio:\n  bake: ~\n", "cannot be read: line 3: a value is missing; give one, or remove the field"},
		"another in between": {good + "---\n", "cannot be read: it must be one document"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := rollout.ParseSpec([]byte(tt.text))
			require.Nil(t, spec)
			require.ErrorContains(t, err, "rollout spec: 1 field not valid: ")
			require.ErrorContains(t, err, tt.line)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := rollout.ParseSpec(append([]byte(good+"#"), bytes.Repeat([]byte("x"), 1<<20-len(good)-1)...))
	require.NoError(t, err, "the longest")
}

func TestTheLadderOfTheTargetIsHeldAgainstTheSteps(t *testing.T) {
	spec := hourly()
	require.NoError(t, spec.CheckLadder(alipayplus.DefaultLadder()))
	require.NoError(t, spec.CheckLadder(alipayplus.Ladder{}))
	narrow, err := alipayplus.NewLadder(5, 50, 100)
	require.NoError(t, err)
	require.EqualError(t, spec.CheckLadder(narrow), "rollout spec: 1 field not valid: steps[0].ratio is 10%, which the target does not offer; it offers 5%, 50%, 100%")
}

func TestASpecsHashChangesWithItsContent(t *testing.T) {
	hashes := map[string]bool{new(hourly()).Hash(): true}
	for _, edit := range []func(*rollout.Spec){
		func(s *rollout.Spec) { s.Review = rollout.ReviewAdopt },
		func(s *rollout.Spec) { s.Deadline++ },
		func(s *rollout.Spec) { s.ClockTolerance++ },
		func(s *rollout.Spec) { s.Steps[1].Bake++ },
		func(s *rollout.Spec) { s.Steps[1].Gates = nil },
		func(s *rollout.Spec) { s.Gates["latency"] = rollout.GateSpec{} },
	} {
		spec := hourly()
		edit(&spec)
		require.Regexp(t, `^[0-9a-f]{16}$`, spec.Hash())
		require.False(t, hashes[spec.Hash()])
		hashes[spec.Hash()] = true
	}
}

func TestAllThatCannotBeReadIsSaidInWordsOfASpec(t *testing.T) {
	_, err := rollout.ParseSpec([]byte("version: 1\ndeadline: soon\nsteps:\n  - {ratio: 1%, bake: 10}\n  - {ratio: 100, speed: 2}\n"))
	const cannot = "cannot be read: line "
	require.EqualError(t, err, "rollout spec: 4 fields not valid: "+
		cannot+`2: "soon" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h; `+
		cannot+"4: cannot read str `1%` as a ratio, which is a whole number of percent; "+
		cannot+`4: "10" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h; `+
		cannot+"5: field speed is not known in a step")
}
