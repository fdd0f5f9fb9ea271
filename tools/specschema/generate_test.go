package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestThePublishedSchemasAreCurrent(t *testing.T) {
	docs, err := readComments(sources()...)
	require.NoError(t, err)
	for _, s := range schemas() {
		want, err := s.generate(docs)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(published, s.file))
		require.NoError(t, err)
		got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")) // as some systems check it out
		require.Equal(t, string(want), string(got), "to make it so: go generate -C tools/specschema")
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	var walk func(path string, s *jsonschema.Schema)
	walk = func(path string, s *jsonschema.Schema) {
		require.NotEmpty(t, s.Description, path)
		for name, property := range s.Properties {
			walk(path+"."+name, property)
		}
		for name, inner := range map[string]*jsonschema.Schema{"[]": s.Items, "{}": s.AdditionalProperties} {
			if inner != nil && inner.Properties != nil {
				walk(path+name, inner)
			}
		}
	}
	for _, s := range schemas() {
		walk(s.file, read(t, s.file))
	}
}

// What ParseSpec takes, the schema takes too.
func TestGoodSpecsAreValid(t *testing.T) {
	for name, text := range map[string]string{
		"the least":      "{version: 1, steps: [{ratio: 100}]}",
		"JSON":           `{"version": 1, "steps": [{"ratio": 10, "bake": "1h"}, {"ratio": 100}]}`,
		"policies":       "{version: 1, review: replace, onGateFailure: abort, steps: [{ratio: 100}]}",
		"approval":       "{version: 1, steps: [{ratio: 100, approval: true}]}",
		"all durations":  "{version: 1, reviewDeadline: 3d, deadline: 1.5d, clockTolerance: 90s, steps: [{ratio: 1, bake: 1d12h30m, deadline: +1h}, {ratio: 100}]}",
		"odd durations":  "{version: 1, deadline: .5h, reviewDeadline: 1.h, clockTolerance: 1h2m3s4ms5us6µs7ns, steps: [{ratio: 100}]}",
		"no time":        "{version: 1, clockTolerance: 0s, steps: [{ratio: 1, bake: 0d}, {ratio: 100, bake: 0h0m, gates: []}]}",
		"gates in Go":    "{version: 1, gates: {errors: {}, latency: {}}, steps: [{ratio: 1, gates: [errors, latency]}, {ratio: 100}]}",
		"times of gates": "{version: 1, gates: {errors: {every: 1m, timeout: 5s, tolerate: 2}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"HTTP": `{version: 1, gates: {errors: {http: {url: "https://metrics.example/errors", field: errorRate, max: 0.01, headersFrom: {Authorization: METRICS_AUTH}}}},
			steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"samples":          `{version: 1, gates: {errors: {http: {url: "HTTP://metrics.example", field: "a[0]", min: -1, samples: n, minSamples: 100}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"no samples":       `{version: 1, gates: {errors: {http: {url: "http://metrics.example", field: a, min: 1, samples: "", minSamples: 0}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"Prometheus":       `{version: 1, gates: {errors: {prometheus: {address: "https://prometheus.example", query: up, max: 1, tokenFrom: TOKEN}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"command":          `{version: 1, gates: {errors: {command: {args: [./check, "10"], waitStatus: 3}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"command, at 255":  `{version: 1, gates: {errors: {command: {args: [./check], waitStatus: 255}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"the whole ladder": "{version: 1, steps: [{ratio: 1}, {ratio: 5}, {ratio: 10}, {ratio: 20}, {ratio: 30}, {ratio: 50}, {ratio: 100}]}",
	} {
		t.Run(name, func(t *testing.T) { requireValid(t, text) })
	}
}

// So are the samples of the tool, each by the schema that it names.
func TestSamplesAreValid(t *testing.T) {
	samples, err := filepath.Glob("../../cmd/alipayplus/samples/*.yaml")
	require.NoError(t, err)
	checked := make(map[string]int)
	for _, sample := range samples {
		text, err := os.ReadFile(sample)
		require.NoError(t, err)
		_, named, ok := strings.Cut(string(text), "# yaml-language-server: $schema=")
		if !ok { // it is something else
			continue
		}
		named, _, _ = strings.Cut(named, "\n")
		file, published := strings.CutPrefix(named, addresses)
		if !published { // in this repository
			require.FileExists(t, filepath.Join(filepath.Dir(sample), named))
			file = filepath.Base(named)
		}
		checked[file]++
		t.Run(filepath.Base(sample), func(t *testing.T) { require.NoError(t, validate(t, file, string(text))) })
	}
	for _, s := range schemas() {
		require.NotZero(t, checked[s.file], s.file)
	}
}

// What the tool takes, the schemas of its files take too, and what they do not, neither does
// the tool.
func TestFilesOfTheTool(t *testing.T) {
	const spec, ship, service = "rollout: {version: 1, steps: [{ratio: 100}]}}", "ship.schema.json", "service.schema.json"
	named := "program: {languages: [{language: zh-CN, name: Tea}]}, "
	offer := "name: Tea, industry: Tea, type: MINI_PROGRAM_DEVELOPMENT, description: Tea, image: a.png, "
	for name, tt := range map[string]struct {
		file, text string
		good       bool
	}{
		"the least":                {ship, "{version: 1, " + named + "release: {}, " + spec, true},
		"a spec elsewhere":         {ship, "{version: 1, " + named + "release: {version: 1.0.0}, rolloutFile: a.yaml}", true},
		"both":                     {ship, "{version: 1, " + named + "release: {}, rolloutFile: a.yaml, " + spec, false},
		"no spec":                  {ship, "{version: 1, " + named + "release: {}}", false},
		"no version":               {ship, "{" + named + "release: {}, " + spec, false},
		"no language":              {ship, "{version: 1, program: {languages: []}, release: {}, " + spec, false},
		"no version number":        {ship, "{version: 1, " + named + "release: {version: v1}, " + spec, false},
		"no country":               {ship, "{version: 1, " + named + "release: {basicInfo: {country: Singapore}}, " + spec, false},
		"no address":               {ship, "{version: 1, " + named + "release: {basicInfo: {contactEmail: mei}}, " + spec, false},
		"an unknown field":         {ship, "{version: 1, " + named + "release: {build: a.zip}, " + spec, false},
		"a bad spec":               {ship, "{version: 1, " + named + "release: {}, rollout: {version: 1, steps: []}}", false},
		"a service":                {service, "{" + offer + "applicableApps: [ALIPAY_CN], paymentInformation: [{text: a}, {image: a.png, description: a}, {table: {header: [a], rows: [[b]]}}]}", true},
		"no app":                   {service, "{" + offer + "applicableApps: [], paymentInformation: [{text: a}]}", false},
		"no payment":               {service, "{" + offer + "applicableApps: [A]}", false},
		"a description of nothing": {service, "{" + offer + "paymentInformation: [{text: a, description: a}]}", false},
		"what has defaults":        {service, "{name: Tea, industry: Tea, description: Tea, image: a.png, paymentInformation: [{text: a}]}", true},
		"a block of nothing":       {service, "{" + offer + "applicableApps: [A], paymentInformation: [{}]}", false},
		"two in a block":           {service, "{" + offer + "applicableApps: [A], paymentInformation: [{text: a, table: {header: [a]}}]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if tt.file == ship {
				_, err = manifest.ParseShip([]byte(tt.text))
			} else {
				_, err = manifest.ParseService([]byte(tt.text))
			}
			require.Equal(t, tt.good, err == nil, "the tool: %v", err)
			err = validate(t, tt.file, tt.text)
			require.Equal(t, tt.good, err == nil, "the schema: %v", err)
		})
	}
}

// And those that the documents show.
func TestSpecsInDocumentsAreValid(t *testing.T) {
	text, err := os.ReadFile("../../rollout/README.md")
	require.NoError(t, err)
	specs := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, specs)
	for _, spec := range specs {
		require.Contains(t, spec[1], "# yaml-language-server: $schema="+addresses+specFile+"\n")
		requireValid(t, spec[1])
	}
}

func TestBadSpecsAreNot(t *testing.T) {
	http := func(more string) string {
		return `{version: 1, gates: {errors: {http: {url: "https://metrics.example", field: rate` + more + `}}}, steps: [{ratio: 100}]}`
	}
	for name, text := range map[string]string{
		"empty":                       "{}",
		"no version":                  "{steps: [{ratio: 100}]}",
		"another version":             "{version: 2, steps: [{ratio: 100}]}",
		"no steps":                    "{version: 1}",
		"an empty list of steps":      "{version: 1, steps: []}",
		"unknown field":               "{version: 1, stages: [], steps: [{ratio: 100}]}",
		"unknown field of a step":     "{version: 1, steps: [{ratio: 100, wait: 1h}]}",
		"unknown field of a gate":     "{version: 1, gates: {errors: {grpc: {}}}, steps: [{ratio: 100}]}",
		"a gate without a name":       `{version: 1, gates: {"": {}}, steps: [{ratio: 100}]}`,
		"unknown policy":              "{version: 1, review: ignore, steps: [{ratio: 100}]}",
		"unknown failure policy":      "{version: 1, onGateFailure: skip, steps: [{ratio: 100}]}",
		"no ratio":                    "{version: 1, steps: [{bake: 1h}, {ratio: 100}]}",
		"ratio 0":                     "{version: 1, steps: [{ratio: 0}, {ratio: 100}]}",
		"ratio 101":                   "{version: 1, steps: [{ratio: 101}]}",
		"half a percent":              "{version: 1, steps: [{ratio: 0.5}, {ratio: 100}]}",
		"never 100":                   "{version: 1, steps: [{ratio: 10}, {ratio: 50}]}",
		"100 twice":                   "{version: 1, steps: [{ratio: 100}, {ratio: 100, approval: true}]}",
		"bake time at 100":            "{version: 1, steps: [{ratio: 100, bake: 1s}]}",
		"deadline at 100":             "{version: 1, steps: [{ratio: 100, deadline: 1d}]}",
		"gates at 100":                "{version: 1, gates: {errors: {}}, steps: [{ratio: 100, gates: [errors]}]}",
		"a gate twice":                "{version: 1, gates: {errors: {}}, steps: [{ratio: 1, gates: [errors, errors]}, {ratio: 100}]}",
		"a duration without a unit":   "{version: 1, steps: [{ratio: 1, bake: 3600}, {ratio: 100}]}",
		"a bare zero":                 `{version: 1, deadline: "0", steps: [{ratio: 100}]}`,
		"a negative duration":         "{version: 1, deadline: -1h, steps: [{ratio: 100}]}",
		"a gate without a value":      "{version: 1, gates: {errors: }, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"weeks":                       "{version: 1, deadline: 1w, steps: [{ratio: 100}]}",
		"days last":                   "{version: 1, deadline: 12h1d, steps: [{ratio: 100}]}",
		"a duration of nothing":       `{version: 1, deadline: "", steps: [{ratio: 100}]}`,
		"a duration with a space":     `{version: 1, deadline: "1d 12h", steps: [{ratio: 100}]}`,
		"a sign before days":          `{version: 1, deadline: "+1d", steps: [{ratio: 100}]}`,
		"tolerate too much":           "{version: 1, gates: {errors: {tolerate: 1001}}, steps: [{ratio: 100}]}",
		"no bound":                    http(""),
		"two kinds":                   http(`, max: 1}, command: {args: [true]`),
		"no URL":                      "{version: 1, gates: {errors: {http: {field: rate, max: 1}}}, steps: [{ratio: 100}]}",
		"no HTTP":                     `{version: 1, gates: {errors: {http: {url: "ftp://metrics.example", field: rate, max: 1}}}, steps: [{ratio: 100}]}`,
		"an empty field":              `{version: 1, gates: {errors: {http: {url: "http://a.example", field: "", max: 1}}}, steps: [{ratio: 100}]}`,
		"a bound that is a text":      http(`, max: high`),
		"samples without a minimum":   http(`, max: 1, samples: n`),
		"a minimum without samples":   http(`, max: 1, minSamples: 1`),
		"a minimum of no samples":     http(`, max: 1, samples: n, minSamples: 0`),
		"fewer than no samples":       http(`, max: 1, samples: n, minSamples: -1`),
		"no query":                    `{version: 1, gates: {errors: {prometheus: {address: "https://prometheus.example", max: 1}}}, steps: [{ratio: 100}]}`,
		"no program":                  "{version: 1, gates: {errors: {command: {args: []}}}, steps: [{ratio: 100}]}",
		"an exit status that is none": "{version: 1, gates: {errors: {command: {args: [a], waitStatus: 256}}}, steps: [{ratio: 100}]}",
		"a header that is a list":     http(`, max: 1, headersFrom: {Authorization: [A]}`),
		"a freeze without a zone":     "{version: 1, freeze: [{weekdays: [sat]}], steps: [{ratio: 100}]}",
		"a freeze of nothing":         "{version: 1, freeze: [{zone: UTC}], steps: [{ratio: 100}]}",
		"a freeze on no day":          "{version: 1, freeze: [{zone: UTC, weekdays: [Saturday]}], steps: [{ratio: 100}]}",
		"a freeze at no time":         "{version: 1, freeze: [{zone: UTC, hours: 24:00-06:00}], steps: [{ratio: 100}]}",
		"a freeze on no date":         `{version: 1, freeze: [{zone: UTC, dates: ["1.1.2027"]}], steps: [{ratio: 100}]}`,
		"no failures":                 "{version: 1, gates: {errors: {failAfter: 0}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"no time to answer in":        "{version: 1, gates: {errors: {timeout: 0s}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"no time at all":              "{version: 1, deadline: 0d0h, steps: [{ratio: 100}]}",
		"a status that passes":        "{version: 1, gates: {errors: {command: {args: [a], waitStatus: 0}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"a version and a half":        "{version: 1.9, steps: [{ratio: 100}]}",
		"100.9 percent":               "{version: 1, steps: [{ratio: 100.9}]}",
		"a ratio that is a text":      `{version: 1, steps: [{ratio: "100"}]}`,
		"2.9 errors":                  "{version: 1, gates: {errors: {tolerate: 2.9}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"a bound in quotes":           http(`, max: "0.01"`),
		"an approval of yes":          "{version: 1, steps: [{ratio: 100, approval: yes}]}",
		"no data that passes":         "{version: 1, gates: {errors: {noData: pass}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"a header without a variable": http(`, max: 1, headersFrom: {Authorization: ""}`),
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, validate(t, specFile, text), "the schema")
			_, err := rollout.ParseSpec([]byte(text))
			require.Error(t, err, "the library")
		})
	}
}

// What a schema cannot say, the library does. When the schema rejects one of these, it can say more than
// before, and the case moves to the ones above.
func TestWhatOnlyTheLibrarySees(t *testing.T) {
	for name, text := range map[string]string{
		"ratios fall":             "{version: 1, steps: [{ratio: 50}, {ratio: 10}, {ratio: 100}]}",
		"100 is not last":         "{version: 1, steps: [{ratio: 100}, {ratio: 50}]}",
		"no such gate":            "{version: 1, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"min above max":           `{version: 1, gates: {errors: {http: {url: "http://a.example", field: a, min: 2, max: 1}}}, steps: [{ratio: 100}]}`,
		"a path that is none":     `{version: 1, gates: {errors: {http: {url: "http://a.example", field: "a[", max: 1}}}, steps: [{ratio: 100}]}`,
		"a ratio in octal":        "{version: 1, steps: [{ratio: 0144}]}",
		"a ratio in hexadecimal":  "{version: 1, steps: [{ratio: 0x64}]}",
		"a ratio of 1e2":          "{version: 1, steps: [{ratio: 1e2}]}",
		"a ratio of 100.0":        "{version: 1, steps: [{ratio: 100.0}]}",
		"a ratio with a sign":     "{version: 1, steps: [{ratio: +100}]}",
		"a bound with a gap":      `{version: 1, gates: {errors: {http: {url: "http://a.example", field: a, max: 1_000}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"no such zone":            "{version: 1, freeze: [{zone: Asia/Shanghei, weekdays: [sat]}], steps: [{ratio: 100}]}",
		"a freeze for ever":       "{version: 1, freeze: [{zone: UTC, hours: 00:00-24:00}], steps: [{ratio: 100}]}",
		"2 of the last 1":         "{version: 1, gates: {errors: {failAfter: 2, ofLast: 1}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}",
		"a variable that is none": `{version: 1, gates: {errors: {http: {url: "http://a.example?r=${RATIO}", field: a, max: 1}}}, steps: [{ratio: 1, gates: [errors]}, {ratio: 100}]}`,
		"a duration of centuries": "{version: 1, deadline: 200000d, steps: [{ratio: 100}]}",
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, validate(t, specFile, text), "the schema")
			_, err := rollout.ParseSpec([]byte(text))
			require.Error(t, err, "the library")
		})
	}
}

func requireValid(t *testing.T, text string) {
	t.Helper()
	_, err := rollout.ParseSpec([]byte(text))
	require.NoError(t, err, "the library")
	require.NoError(t, validate(t, specFile, text), "the schema")
}

// specFile is the schema of rollout specs.
const specFile = "rollout-spec.schema.json"

// validate checks a text in YAML by a published schema.
func validate(t *testing.T, file, text string) error {
	t.Helper()
	var parsed, instance any
	require.NoError(t, yaml.Unmarshal([]byte(text), &parsed))
	data, err := json.Marshal(parsed)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &instance))
	resolved, err := read(t, file).Resolve(nil)
	require.NoError(t, err)
	return resolved.Validate(instance)
}

// read reads a published schema.
func read(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(published, file))
	require.NoError(t, err)
	schema := new(jsonschema.Schema)
	require.NoError(t, json.Unmarshal(text, schema))
	return schema
}
