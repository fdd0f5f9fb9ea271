package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// addTagRules adds the rules in the tag of a field, which the library checks by package
// validator. Those of a duration are part of its form.
func addTagRules(s *jsonschema.Schema, field reflect.StructField) error {
	rules := field.Tag.Get("validate")
	if field.Type == reflect.TypeFor[rollout.Duration]() || field.Type == reflect.TypeFor[*rollout.Duration]() {
		addDurationRules(s, rules)
		return nil
	}
	for rule := range strings.SplitSeq(rules, ",") {
		name, value, _ := strings.Cut(rule, "=")
		switch name {
		case "", "-", "omitempty":
		case "dive": // the rules that follow are those of the entries
			if s.Items != nil {
				s = s.Items
			}
		case "required":
			if s.Type == "string" {
				s.MinLength = new(1)
			}
		case "unique":
			s.UniqueItems = true
		case "oneof":
			for value := range strings.FieldsSeq(value) {
				s.Enum = append(s.Enum, value)
			}
		case "min", "max":
			if err := addBound(s, name, value); err != nil {
				return err
			}
		default:
			pattern, ok := patterns()[name]
			if !ok {
				return fmt.Errorf("%s: the rule %q is not known here", field.Name, rule)
			}
			s.Pattern = pattern
		}
	}
	return nil
}

// patterns are the rules about the form of a text.
func patterns() map[string]string {
	return map[string]string{
		"http_url":                  "^[Hh][Tt][Tt][Pp][Ss]?://.",
		"iso3166_1_alpha2":          "^[A-Z]{2}$",
		"bcp47_strict_language_tag": "^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$",
		"email":                     "^[^@]+@[^@]+$",
		"fqdn":                      `^[^:/]+\.[^:/]+$`,
	}
}

func addDurationRules(s *jsonschema.Schema, rules string) {
	if strings.Contains(rules, "gt=0") {
		s.Not = &jsonschema.Schema{Pattern: noTime}
	}
}

// addBound adds a bound of a number, a length or a count.
func addBound(s *jsonschema.Schema, name, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	lowest := name == "min"
	switch s.Type {
	case "string":
		*either(lowest, &s.MinLength, &s.MaxLength) = &n
	case "array":
		*either(lowest, &s.MinItems, &s.MaxItems) = &n
	case "object":
		*either(lowest, &s.MinProperties, &s.MaxProperties) = &n
	default:
		*either(lowest, &s.Minimum, &s.Maximum) = new(float64(n))
	}
	return nil
}

func either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// versionForm is the form of a version number, x.y.z.
const versionForm = `^(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)$`

// The forms of a duration, as rollout.ParseDuration reads it, without a minus.
const (
	number       = `(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)`
	time         = `(?:` + number + `(?:ns|us|µs|μs|ms|s|m|h))`
	durationForm = `^(?:\+?` + time + `+|` + number + `d` + time + `*)$`
	// noTime is what is left of them for no time at all.
	noTime = `^[^1-9]*$`
)

func duration(docs comments) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "string", Pattern: durationForm, Description: docs.of(reflect.TypeFor[rollout.Duration](), ""),
		Examples: []any{"90s", "30m", "12h", "2d", "1d12h"},
	}
}

// addRelations adds what the fields of a type have to do with each other: the rules that
// Validate of rollout.Spec knows, as far as a schema can say them. It cannot say that
// ratios rise, nor that a gate which a step names is among the gates.
func addRelations(s *jsonschema.Schema, t reflect.Type) {
	switch t {
	case reflect.TypeFor[rollout.Spec]():
		s.Properties["version"].Const = new(any(rollout.SpecVersion))
		s.Properties["gates"].PropertyNames = &jsonschema.Schema{MinLength: new(1)}
		steps := s.Properties["steps"]
		steps.Contains, steps.MaxContains = having("ratio", full()), new(1)
	case reflect.TypeFor[manifest.Ship]():
		s.Properties["version"].Const = new(any(manifest.Version))
		s.OneOf = []*jsonschema.Schema{{Required: []string{"rollout"}}, {Required: []string{"rolloutFile"}}}
	case reflect.TypeFor[manifest.Block]():
		s.OneOf = []*jsonschema.Schema{{Required: []string{"text"}}, {Required: []string{"image"}}, {Required: []string{"table"}}}
		s.DependentRequired = map[string][]string{"description": {"image"}}
	case reflect.TypeFor[rollout.StepSpec]():
		s.If = having("ratio", full())
		s.Then = &jsonschema.Schema{Properties: map[string]*jsonschema.Schema{
			"bake": {Pattern: noTime}, "deadline": {Pattern: noTime}, "gates": {MaxItems: new(0)},
		}}
	case reflect.TypeFor[rollout.GateSpec]():
		s.Not = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "object", Required: []string{"http", "prometheus"}},
			{Type: "object", Required: []string{"http", "command"}},
			{Type: "object", Required: []string{"prometheus", "command"}},
		}}
	case reflect.TypeFor[rollout.FreezeWindow]():
		const clock, day = "(?:[01][0-9]|2[0-3]):[0-5][0-9]", "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
		s.Properties["hours"].Pattern = "^(?:" + clock + "-(?:" + clock + "|24:00))?$"
		s.Properties["dates"].Items.Pattern = "^" + day + "(?:/" + day + ")?$"
		s.AnyOf = []*jsonschema.Schema{
			having("weekdays", &jsonschema.Schema{MinItems: new(1)}),
			having("hours", &jsonschema.Schema{MinLength: new(1)}),
			having("dates", &jsonschema.Schema{MinItems: new(1)}),
		}
	case reflect.TypeFor[rollout.Bound]():
		s.AnyOf = []*jsonschema.Schema{{Required: []string{"min"}}, {Required: []string{"max"}}}
	case reflect.TypeFor[rollout.HTTPGate](), reflect.TypeFor[rollout.PrometheusGate]():
		counted := having("samples", &jsonschema.Schema{MinLength: new(1)})
		enough := having("minSamples", &jsonschema.Schema{ExclusiveMinimum: new(0.0)})
		s.If, s.Then, s.Else = counted, enough, &jsonschema.Schema{Not: enough.CloneSchemas()}
		if headers := s.Properties["headersFrom"]; headers != nil {
			headers.AdditionalProperties.MinLength = new(1)
		}
	}
}

func full() *jsonschema.Schema { return &jsonschema.Schema{Const: new(any(int(alipayplus.FullRatio)))} }

// having is an object with a property.
func having(name string, property *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Required: []string{name}, Properties: map[string]*jsonschema.Schema{name: property}}
}
