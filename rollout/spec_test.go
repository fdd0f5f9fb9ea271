package rollout_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestASpecSaysAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
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
		"a deadline before the start":  {func(s *rollout.Spec) { s.Deadline = -1 }, "1 field not valid: deadline must be above 0"},
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
		}, "1 field not valid: gates[errors] must be one of http, prometheus, command and compatibility"},
		"gates of command and Prometheus": {func(s *rollout.Spec) {
			s.Gates["errors"] = rollout.GateSpec{Command: command(), Prometheus: &rollout.PrometheusGate{Address: "https://a.example", Query: "up", Bound: rollout.Bound{Min: new(1.0)}}}
		}, "1 field not valid: gates[errors] must be one of http, prometheus, command and compatibility"},
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
	t.Parallel()
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
		OnGateFailure: rollout.FailureAbort, ClockTolerance: new(rollout.Duration(90 * time.Second)),
		Gates: map[string]rollout.GateSpec{"errors": {Every: rollout.Duration(5 * time.Minute), Timeout: rollout.Duration(10 * time.Second), Tolerate: new(2)}},
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

func TestWhatIsNoSpecIsAnErrorThatNamesTheLine(t *testing.T) {
	t.Parallel()
	const good = "version: 1\nsteps: [{ratio: 100}]\n"
	for name, tt := range map[string]struct{ text, line string }{
		"nothing":            {"", "cannot be read: it is empty"},
		"a comment":          {"# later\n", "cannot be read: it is empty"},
		"two documents":      {good + "---\n" + good, "cannot be read: it must be one document"},
		"an unknown field":   {good + "colour: red\n", "cannot be read: line 3: field colour is not known"},
		"a typing error":     {good + "reviewDedline: 1h\n", "line 3: field reviewDedline is not known; did you mean reviewDeadline?"},
		"one in a step":      {"version: 1\nsteps: [{raito: 100}]\n", "line 2: field raito is not known in a step; did you mean ratio?"},
		"one in a gate":      {good + "gates: {a: {http: {sample: y}}}\n", "did you mean samples?"},
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

func TestASpecsHashChangesWithItsContent(t *testing.T) {
	t.Parallel()
	hashes := map[string]bool{new(hourly()).Hash(): true}
	for _, edit := range []func(*rollout.Spec){
		func(s *rollout.Spec) { s.Review = rollout.ReviewAdopt },
		func(s *rollout.Spec) { s.Deadline++ },
		func(s *rollout.Spec) { s.ClockTolerance = new(rollout.Duration(0)) },
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

func TestErrorsAreInTheTermsOfASpec(t *testing.T) {
	t.Parallel()
	_, err := rollout.ParseSpec([]byte("version: 1\ndeadline: soon\nsteps:\n  - {ratio: 1%, bake: 10}\n  - {ratio: 100, speed: 2}\n"))
	const cannot = "cannot be read: line "
	require.EqualError(t, err, "rollout spec: 4 fields not valid: "+
		`steps[0].ratio must be a whole number in plain digits, such as 10, and not "1%" (line 4); `+
		cannot+`2: "soon" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h; `+
		cannot+`4: "10" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h; `+
		cannot+"5: field speed is not known in a step")
}

func TestWhatHasAnotherShapeIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"- a":                         "rollout spec: 1 field not valid: cannot be read: line 1: cannot read a list as a rollout spec",
		"version: 1\nsteps: [1, 100]": "rollout spec: 2 fields not valid: cannot be read: line 2: cannot read the number `1` as a step; cannot be read: line 2: cannot read the number `100` as a step",
		"version: 1\nsteps: {a: 1}":   "rollout spec: 1 field not valid: cannot be read: line 2: cannot read fields as a list of steps",
		"version: 1\nsteps: [{ratio: 100, gates: g}]":                               "rollout spec: 1 field not valid: cannot be read: line 2: cannot read the text `g` as a list of texts",
		"version: 1\nsteps: [{ratio: 100}]\ngates: {a: 1}":                          "rollout spec: 1 field not valid: cannot be read: line 3: cannot read the number `1` as a gate",
		"version: 1\nsteps: [{ratio: 100}]\ngates: [a]":                             "rollout spec: 1 field not valid: cannot be read: line 3: cannot read a list as gates with their names",
		"version: 1\nsteps: [{ratio: 100}]\nfreeze: {zone: UTC}":                    "rollout spec: 1 field not valid: cannot be read: line 3: cannot read fields as a list of freezes",
		"version: 1\nsteps: [{ratio: 100}]\ngates: {a: {http: {headersFrom: [x]}}}": "rollout spec: 1 field not valid: cannot be read: line 3: cannot read a list as texts with their names",
		"version: 1\nsteps: [{ratio: 0}, {ratio: 100}]":                             "rollout spec: 1 field not valid: steps[0].ratio must be at least 1 (line 2)",
		"version: 1\nsteps: [{ratio: 101}, {ratio: 100}]":                           "rollout spec: 1 field not valid: steps[0].ratio must be at most 100 (line 2)",
		"version: 1\nsteps: [{ratio: 100}]\nfreeze: [{zone: UTC}]":                  "rollout spec: 1 field not valid: freeze[0] must have weekdays, hours or dates: without them nothing would ever be released (line 3)",
		"version: 1\nsteps: [{ratio: 100}]\napprovalExpiry: 0s":                     "rollout spec: 1 field not valid: approvalExpiry must be above 0; without it, the default holds (line 3)",
		"version: 1\nsteps: [{ratio: 100}]\ngates: {a: {prometheus: {qury: up}}}":   "rollout spec: 1 field not valid: cannot be read: line 3: field qury is not known in prometheus; did you mean query?",
	} {
		_, err := rollout.ParseSpec([]byte(text))
		require.EqualError(t, err, want, text)
	}
}

func TestADurationIsReadWithDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "-5m": -5 * time.Minute, "0s": 0, "1.5h": 90 * time.Minute,
		"2d": 2 * day, "1d12h": 36 * time.Hour, "0d": 0, "1.5d": 36 * time.Hour, "0.5d1h": 13 * time.Hour, "1d0s": day, "01d": day,
		"106751d": 106751 * day, "106751d23h": 106751*day + 23*time.Hour,
	} {
		got, err := rollout.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Std(), text)
	}
}

func TestWhatIsNoDurationIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "0", "90", "d", "1", "1day", "-1d", "+1d", "1e3d", "0x1d", "infd", "nand", "1d0", "1d-1h", "1d+1h", "1d12", "1d1d", "12h1d", "1.2.3d", " 1d", "1d ", "1 d",
		"106752d", "106751d23h47m16.854775808s", "999999999999d", "106751d24h", "soon",
	} {
		_, err := rollout.ParseDuration(text)
		require.EqualError(t, err, `"`+text+`" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h`)
	}
}

func TestADurationIsWrittenAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "90ms": 90 * time.Millisecond, "45s": 45 * time.Second, "1m30s": 90 * time.Second, "5m": 5 * time.Minute, "1h": time.Hour,
		"1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "23h59m": day - time.Minute, "1d": day, "2d": 2 * day, "1d12h": 36 * time.Hour,
		"1d5m": day + 5*time.Minute, "10d1s": 10*day + time.Second, "-2m": -2 * time.Minute, "-36h": -36 * time.Hour, "20h": 20 * time.Hour, "10m": 10 * time.Minute,
	} {
		require.Equal(t, want, rollout.Duration(d).String())
	}
}

func TestADurationIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rollout.Duration(rapid.Int64Range(math.MinInt64, math.MaxInt64-int64(day)).Draw(t, "duration"))
		read, err := rollout.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, read)
		data, err := json.Marshal(map[string]rollout.Duration{"d": d})
		require.NoError(t, err)
		var again map[string]rollout.Duration
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, d, again["d"])
	})
}

func TestADurationInJSONIsText(t *testing.T) {
	t.Parallel()
	var d rollout.Duration
	require.Error(t, json.Unmarshal([]byte(`3600`), &d), "of what unit?")
	require.EqualError(t, json.Unmarshal([]byte(`"soon"`), &d), `"soon" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h`)
	require.Zero(t, d)
}

// Whatever is given as a spec is refused as not valid, or is a spec that ends with all users, keeps its meaning when it is
// written as JSON, and can be planned by.
func FuzzParseSpec(f *testing.F) {
	sample, err := os.ReadFile("../cmd/alipayplus/samples/release.yaml")
	require.NoError(f, err)
	f.Add(sample)
	f.Add([]byte(`{"version":1,"steps":[{"ratio":10,"bake":"1d12h","gates":["a"]},{"ratio":100,"approval":true}],"gates":{"a":{"every":"1m"}}}`))
	f.Add([]byte("version: 1\nsteps: &a\n  - {ratio: 100}\n<<: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := rollout.ParseSpec(data)
		if err != nil {
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Equal(t, alipayplus.FullRatio, spec.Steps[len(spec.Steps)-1].Ratio)
		again, err := json.Marshal(spec)
		require.NoError(t, err)
		same, err := rollout.ParseSpec(again)
		require.NoError(t, err, "%s", again)
		require.Equal(t, spec.Hash(), same.Hash())
		plan, err := rollout.MakePlan("release 1", *spec, &rollout.Observation{Status: alipayplus.ReleaseNewVersionCreated})
		require.NoError(t, err)
		require.False(t, plan.Blocked())
	})
}

func TestAFieldWithoutAValueIsForgottenRatherThanMeant(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	_, err := rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, bake: 1h, gates: [errors]}\n- ratio: 100\n"))
	require.EqualError(t, err, "rollout spec: 1 field not valid: gates[latency] is asked by no step; name it in the gates of one, or remove it (line 2)")
	_, err = rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, bake: 1h}\n- ratio: 100\n"))
	require.EqualError(t, err, "rollout spec: 2 fields not valid: gates[errors] is asked by no step; name it in the gates of one, or remove it (line 2); gates[latency] is asked by no step; name it in the gates of one, or remove it (line 2)")
	_, err = rollout.ParseSpec([]byte("version: 1\ngates: {errors: {}, latency: {}}\nsteps:\n- {ratio: 10, gates: [errors]}\n- {ratio: 50, gates: [latency]}\n- ratio: 100\n"))
	require.NoError(t, err)
	spec := plain()
	spec.Gates = map[string]rollout.GateSpec{"errors": {}}
	require.ErrorIs(t, spec.Validate(), alipayplus.ErrInvalid)
}

func TestADefaultThatIsSaidIsTheSameSpec(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]func(*rollout.Spec){
		"the review policy":   func(s *rollout.Spec) { s.Review = rollout.ReviewFail },
		"the failure policy":  func(s *rollout.Spec) { s.OnGateFailure = rollout.FailurePause },
		"the deadline":        func(s *rollout.Spec) { s.Deadline = rollout.Duration(30 * day) },
		"the clock tolerance": func(s *rollout.Spec) { s.ClockTolerance = new(rollout.Duration(5 * time.Minute)) },
		"those of a gate": func(s *rollout.Spec) {
			s.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Minute), Timeout: rollout.Duration(30 * time.Second), Tolerate: new(3)}
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

// A runner carries out the spec that it was given, whatever its caller makes of it for the
// next one.
func TestARunnersSpecIsItsOwn(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		most := 0.5
		s.spec.Gates["errors"] = rollout.GateSpec{HTTP: &rollout.HTTPGate{URL: "https://metrics.example", Field: "rate", Bound: rollout.Bound{Max: &most}}}
		hash := s.spec.Hash()
		r := s.runner()
		s.spec.Steps[0] = rollout.StepSpec{Ratio: 100}
		s.spec.Steps[1].Gates[0] = "latency"
		s.spec.Gates["latency"] = rollout.GateSpec{}
		s.spec.Gates["errors"].HTTP.URL = "https://elsewhere.example"
		most = 1

		state, err := r.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50, 100}, s.fake.Ratios())
		require.Equal(t, hash, state.Spec.Hash())
	})
}

// What is not limited in Go is stored, and read by the next process.
func TestTheLongestDurationIsStoredAndRead(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Deadline, s.spec.ReviewDeadline = math.MaxInt64, math.MaxInt64-1
		s.runUntil(time.Minute)
		require.Equal(t, rollout.Duration(math.MaxInt64), s.state().Spec.Deadline)
		s.requireDone(s.runner().Run(t.Context()))
	})
	for _, text := range []string{"106751d23h47m16.854775808s", "106751d24h", "106752d", "106751.999d"} {
		_, err := rollout.ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestAWaitStatusThatIsTheDefaultIsTheSameSpec(t *testing.T) {
	t.Parallel()
	spec, without := hourly(), hourly()
	args := []string{"./smoke-test"}
	without.Gates["errors"] = rollout.GateSpec{Command: &rollout.CommandGate{Args: args}}
	spec.Gates["errors"] = rollout.GateSpec{Command: &rollout.CommandGate{Args: args, WaitStatus: 75}}
	require.Equal(t, without.Hash(), spec.Hash())
	require.Zero(t, without.Gates["errors"].Command.WaitStatus, "asking for the hash fills nothing in")
	spec.Gates["errors"].Command.WaitStatus = 3
	require.NotEqual(t, without.Hash(), spec.Hash())
}

// specOf is a spec with something in the place of a number, on line 7.
func specOf(field, value string) string {
	fields := map[string]string{
		"version": "1", "ratio": "10", "tolerate": "3", "failAfter": "2", "ofLast": "2", "max": "0.5", "minSamples": "5", "waitStatus": "75", "deadline": "1d",
	}
	fields[field] = value
	lines := []string{
		"clockTolerance: 0s", "freeze: []", "gates:", "  a: {command: {args: [a]}}", "  b: {http: {url: \"http://a.example\", field: a, min: 0.0, samples: n, minSamples: 1}}",
		"steps:", "- {ratio: 9, gates: [a, b]}", "- ratio: 100",
	}
	switch field {
	case "version":
		return strings.Repeat("\n", 6) + "version: " + value + "\nsteps: [{ratio: 100}]\n"
	case "deadline":
		return "version: 1\n" + strings.Join(lines[5:], "\n") + "\n\n\n\ndeadline: " + value + "\n"
	case "ratio":
		lines[6] = "- {ratio: " + value + ", gates: [a, b]}"
		return "version: 1\n" + strings.Join(lines[1:], "\n")
	case "waitStatus":
		lines[3] = "  a: {command: {args: [a], waitStatus: " + value + "}}"
	case "max", "minSamples":
		lines[3] = "  a: {http: {url: \"http://a.example\", field: a, samples: n, max: " + fields["max"] + ", minSamples: " + fields["minSamples"] + "}}"
	default:
		lines[3] = "  a: {command: {args: [a]}, " + field + ": " + value + "}"
	}
	return "\n\nversion: 1\n" + strings.Join(lines[1:], "\n")
}

func TestANumberThatIsNotWhatIsMeantIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ field, value, want string }{
		{"version", "1.9", `version must be a whole number in plain digits, such as 10, and not "1.9" (line 7)`},
		{"version", "0x1", `version must be a whole number`},
		{"version", `"1"`, `version must be a number, and is a text; write 1 without quotes (line 7)`},
		{"ratio", "12.9", `steps[0].ratio must be a whole number in plain digits, such as 10, and not "12.9" (line 7)`},
		{"ratio", "010", "steps[0].ratio must be a whole number"},
		{"ratio", "0o12", "steps[0].ratio must be a whole number"},
		{"ratio", "0xa", "steps[0].ratio must be a whole number"},
		{"ratio", "0b11", "steps[0].ratio must be a whole number"},
		{"ratio", "1e1", "steps[0].ratio must be a whole number"},
		{"ratio", "10.0", "steps[0].ratio must be a whole number"},
		{"ratio", "1_0", "steps[0].ratio must be a whole number"},
		{"ratio", "+10", "steps[0].ratio must be a whole number"},
		{"ratio", "-10", "steps[0].ratio must be a whole number"},
		{"ratio", "10%", "steps[0].ratio must be a whole number"},
		{"ratio", "ten", "steps[0].ratio must be a whole number"},
		{"ratio", ".inf", "steps[0].ratio must be a whole number"},
		{"ratio", "'10'", "steps[0].ratio must be a number, and is a text; write 10 without quotes"},
		{"ratio", "!!str 10", "steps[0].ratio must be a number, and is a text; write 10 without quotes"},
		{"tolerate", "!!str 2", "gates[a].tolerate must be a number, and is a text; write 2 without quotes"},
		{"max", "!!str 2", "gates[a].http.max must be a number, and is a text; write 2 without quotes"},
		{"every", "[1s]", "a duration must be one value, such as 90s"},
		{"ratio", "4294967306", "steps[0].ratio is too large: 4294967306"},
		{"ratio", "99999999999999999999", "steps[0].ratio is too large"},
		{"ratio", "0", "steps[0].ratio must be at least 1 (line 7)"},
		{"ratio", "100", "(line 8)"},
		{"tolerate", "2.9", `gates[a].tolerate must be a whole number in plain digits, such as 10, and not "2.9" (line 6)`},
		{"tolerate", "1001", "gates[a].tolerate must be at most 1000 (line 6)"},
		{"failAfter", "0", "gates[a].failAfter must be above 0; without it, the default holds (line 6)"},
		{"failAfter", "1.5", "gates[a].failAfter must be a whole number"},
		{"ofLast", "0", "gates[a].ofLast must be above 0"},
		{"every", "0s", "gates[a].every must be above 0; without it, the default holds (line 6)"},
		{"timeout", "0s", "gates[a].timeout must be above 0"},
		{"timeout", "-1s", "gates[a].timeout must be above 0 (line 6)"},
		{"deadline", "0d", "deadline must be above 0; without it, the default holds (line 8)"},
		{"waitStatus", "0", "gates[a].command.waitStatus must be above 0"},
		{"waitStatus", "075", "gates[a].command.waitStatus must be a whole number"},
		{"max", "0x1p-2", "gates[a].http.max must be a number in plain digits"},
		{"max", "1_000", "gates[a].http.max must be a number in plain digits"},
		{"max", "010", "gates[a].http.max must be a number in plain digits"},
		{"max", "1e400", "gates[a].http.max is further from or nearer to 0"},
		{"max", "1e-400", "gates[a].http.max is further from or nearer to 0"},
		{"max", ".nan", "gates[a].http.max must be a number in plain digits"},
		{"max", "-.inf", "gates[a].http.max must be a number in plain digits"},
		{"max", "1,5", ""},
		{"max", `"0.5"`, "gates[a].http.max must be a number, and is a text; write 0.5 without quotes (line 6)"},
		{"minSamples", "1k", "gates[a].http.minSamples must be a number in plain digits"},
		{"minSamples", "-1", "gates[a].http.minSamples must be at least 0 (line 6)"},
	} {
		_, err := rollout.ParseSpec([]byte(specOf(tt.field, tt.value)))
		require.ErrorContains(t, err, tt.want, "%s: %s", tt.field, tt.value)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.NotContains(t, err.Error(), "\n")
	}
	for _, tt := range []struct{ field, value string }{
		{"version", "1"}, {"ratio", "10"}, {"tolerate", "0"}, {"failAfter", "2"}, {"max", "1e-3"}, {"max", ".5"}, {"max", "-0.5"}, {"max", "0"}, {"waitStatus", "1"}, {"every", "90s"},
	} {
		_, err := rollout.ParseSpec([]byte(specOf(tt.field, tt.value)))
		require.NoError(t, err, "%s: %s", tt.field, tt.value)
	}
}

func TestNumbersAreReadStrictlyWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"JSON":     {`{"version": 1, "steps": [{"ratio": 12.9}, {"ratio": 100}]}`, "steps[0].ratio must be a whole number"},
		"an alias": {"version: 1\ngates: {a: {every: &x 12.9}}\nsteps: [{ratio: *x, gates: [a]}, {ratio: 100}]", "steps[0].ratio must be a whole number"},
		"a merge":  {"version: 1\nsteps:\n- &a {ratio: 10.5}\n- <<: *a\n  ratio: 100", "steps[0].ratio must be a whole number"},
		"yes":      {"version: 1\nsteps:\n- {ratio: 100, approval: yes}", `steps[0].approval must be true or false, not "yes" (line 3)`},
		"several":  {"version: 1\nsteps:\n- {ratio: 0x1}\n- {ratio: 100.9}", `2 fields not valid: steps[0].ratio must be a whole number in plain digits, such as 10, and not "0x1" (line 3); steps[1].ratio must be a whole number in plain digits, such as 10, and not "100.9" (line 4)`},
		"a name":   {"version: 1\ngates: {a: {http: {url: \"http://a.example/${ROLLOUT_RATO}\", field: a, max: 1}}}\nsteps: [{ratio: 1, gates: [a]}, {ratio: 100}]", "gates[a].http.url ${ROLLOUT_RATO} is not known; there are ROLLOUT_NAME, ROLLOUT_TARGET, ROLLOUT_VERSION, ROLLOUT_STEP, ROLLOUT_RATIO, ROLLOUT_SINCE, ROLLOUT_LIVE_SECONDS (line 2)"},
		"a query":  {"version: 1\ngates:\n  a:\n    prometheus:\n      address: http://a.example\n      query: up${HOME}\n      max: 1\nsteps: [{ratio: 1, gates: [a]}, {ratio: 100}]", "gates[a].prometheus.query ${HOME} is not known; there are ROLLOUT_NAME, ROLLOUT_TARGET, ROLLOUT_VERSION, ROLLOUT_STEP, ROLLOUT_RATIO, ROLLOUT_SINCE, ROLLOUT_LIVE_SECONDS (line 6)"},
		"no end":   {"version: 1\ngates: {a: {http: {url: \"http://a.example/${ROLLOUT_RATIO\", field: a, max: 1}}}\nsteps: [{ratio: 1, gates: [a]}, {ratio: 100}]", "is not closed by a brace (line 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rollout.ParseSpec([]byte(tt.text))
			require.ErrorContains(t, err, tt.want)
		})
	}
	spec, err := rollout.ParseSpec([]byte("version: 1\nclockTolerance: 0s\ngates: {a: {tolerate: 0}}\nsteps: [{ratio: 1, bake: 0s, gates: [a]}, {ratio: 100}]"))
	require.NoError(t, err)
	require.Zero(t, *spec.ClockTolerance, "zero means zero")
	require.Zero(t, *spec.Gates["a"].Tolerate)
	absent, err := rollout.ParseSpec([]byte("version: 1\ngates: {a: {}}\nsteps: [{ratio: 1, gates: [a]}, {ratio: 100}]"))
	require.NoError(t, err)
	require.NotEqual(t, absent.Hash(), spec.Hash())
}

// A number is read as it is written, or not at all.
func TestWhatIsReadIsWhatIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[-+]?[0-9_]{0,4}([.][0-9]{0,3})?([eE][-+]?[0-9]{1,2})?|0[xob][0-9a-f]{1,3}`).Draw(rt, "number")
		spec, err := rollout.ParseSpec([]byte("version: 1\nsteps: [{ratio: " + text + "}, {ratio: 100}]"))
		if err == nil {
			require.Equal(rt, text, strconv.Itoa(int(spec.Steps[0].Ratio)))
		}
	})
}
