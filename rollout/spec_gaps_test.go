package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestAFieldWithoutAValueIsForgottenRatherThanMeant(t *testing.T) {
	for name, tt := range map[string]struct{ text, line string }{
		"a bake time":      {"version: 1\nsteps:\n- ratio: 10\n  bake:\n- ratio: 100\n", "line 4: a value is missing; give one, or remove the field"},
		"a tilde":          {"version: 1\nsteps:\n- {ratio: 10, bake: ~}\n- ratio: 100\n", "line 3: a value is missing"},
		"null":             {"version: 1\ndeadline: null\nsteps: [{ratio: 100}]\n", "line 2: a value is missing"},
		"null in JSON":     {"{\"version\": 1,\n\"gates\": null, \"steps\": [{\"ratio\": 100}]}", "line 2: a value is missing"},
		"the gates":        {"version: 1\nsteps:\n- ratio: 10\n  gates:\n- ratio: 100\n", "line 4: a value is missing"},
		"one gate":         {"version: 1\ngates:\n  errors:\nsteps:\n- {ratio: 10, gates: [errors]}\n- ratio: 100\n", "line 3: a value is missing"},
		"a step":           {"version: 1\nsteps:\n-\n- ratio: 100\n", "line 3: a value is missing"},
		"a maximum":        {"version: 1\ngates:\n  errors:\n    http: {url: 'https://a.example', field: n, min: 1, max: }\nsteps:\n- {ratio: 10, gates: [errors]}\n- ratio: 100\n", "line 4: a value is missing"},
		"the approval":     {"version: 1\nsteps:\n- ratio: 100\n  approval:\n", "line 4: a value is missing"},
		"the first of two": {"version: 1\ndeadline:\nsteps:\n- ratio: 100\n  approval:\n", "line 2: a value is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := rollout.ParseSpec([]byte(tt.text))
			require.Nil(t, spec)
			require.ErrorContains(t, err, "rollout spec: 1 field not valid: cannot be read: "+tt.line)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		})
	}
}

func TestAGateThatNoStepAsksProtectsNothing(t *testing.T) {
	_, err := rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, bake: 1h, gates: [errors]}\n- ratio: 100\n"))
	require.EqualError(t, err, "rollout spec: 1 field not valid: gates[latency] is asked by no step; name it in the gates of one, or remove it")
	_, err = rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, bake: 1h}\n- ratio: 100\n"))
	require.EqualError(t, err, "rollout spec: 2 fields not valid: gates[errors] is asked by no step; name it in the gates of one, or remove it; gates[latency] is asked by no step; name it in the gates of one, or remove it")
	_, err = rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, gates: [errors]}\n- {ratio: 50, gates: [latency]}\n- ratio: 100\n"))
	require.NoError(t, err)
	spec := plain()
	spec.Gates = map[string]rollout.GateSpec{"errors": {}}
	require.ErrorIs(t, spec.Validate(), alipayplus.ErrInvalid)
}

func TestADefaultThatIsSaidIsTheSameSpec(t *testing.T) {
	for name, say := range map[string]func(*rollout.Spec){
		"the review policy":   func(s *rollout.Spec) { s.Review = rollout.ReviewFail },
		"the failure policy":  func(s *rollout.Spec) { s.OnGateFailure = rollout.FailurePause },
		"the deadline":        func(s *rollout.Spec) { s.Deadline = rollout.Duration(30 * day) },
		"the clock tolerance": func(s *rollout.Spec) { s.ClockTolerance = rollout.Duration(5 * time.Minute) },
		"those of a gate": func(s *rollout.Spec) {
			s.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Minute), Timeout: rollout.Duration(30 * time.Second), Tolerate: 3}
		},
	} {
		spec, without := hourly(), hourly()
		say(&spec)
		require.NotEqual(t, without, spec)
		require.Equal(t, without.Hash(), spec.Hash(), name)
	}
	spec := hourly()
	before := spec.Hash()
	require.Equal(t, hourly(), spec, "asking for the hash fills nothing in")
	require.Equal(t, before, spec.Hash())

	// No gates and an empty set of them are the same too.
	none, empty := plain(), plain()
	none.Gates, empty.Gates = nil, map[string]rollout.GateSpec{}
	require.Equal(t, none.Hash(), empty.Hash())
}
