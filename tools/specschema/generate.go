package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// addresses is the folder in which editors find the published schemas.
const addresses = "https://raw.githubusercontent.com/alipayplus-go/alipayplus/main/api/"

// schema is a published schema.
type schema struct {
	// file is its name in the folder api.
	file, title string
	of          reflect.Type
}

// schemas are all that are published.
func schemas() []schema {
	return []schema{
		{"rollout-spec.schema.json", "rollout spec", reflect.TypeFor[rollout.Spec]()},
		{"ship.schema.json", "ship file", reflect.TypeFor[manifest.Ship]()},
		{"service.schema.json", "service file", reflect.TypeFor[manifest.Service]()},
	}
}

// generate returns the schema as it is published. The doc comments are those of the packages
// of its types.
func (s schema) generate(docs comments) ([]byte, error) {
	made, err := s.make(docs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(made); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (s schema) make(docs comments) (*jsonschema.Schema, error) {
	made, err := jsonschema.ForType(s.of, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[rollout.Duration]():         {Ref: "#/$defs/duration"},
		reflect.TypeFor[alipayplus.VersionNumber](): {Type: "string", Pattern: versionForm},
	}})
	if err != nil {
		return nil, err
	}
	g := generator{docs: docs}
	if err := g.refine(made, s.of); err != nil {
		return nil, err
	}
	made.Schema, made.ID, made.Title = "https://json-schema.org/draft/2020-12/schema", addresses+s.file, s.title
	if s.of != reflect.TypeFor[manifest.Service]() { // the one without times
		made.Defs = map[string]*jsonschema.Schema{"duration": duration(docs)}
	}
	return made, nil
}

// generator adds to an inferred schema what the types alone do not say.
type generator struct{ docs comments }

// refine goes through a schema and the type that it was inferred from. That a null is
// allowed, as inferred for pointers, lists and maps, it takes back.
func (g *generator) refine(s *jsonschema.Schema, t reflect.Type) error {
	if t == reflect.TypeFor[alipayplus.VersionNumber]() {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if others := slices.DeleteFunc(s.Types, func(name string) bool { return name == "null" }); len(others) > 0 {
			s.Type = others[0]
		}
		s.Types = nil
		return g.refine(s, t.Elem())
	case reflect.Slice:
		s.Type, s.Types = "array", nil
		return g.refine(s.Items, t.Elem())
	case reflect.Map:
		s.Type, s.Types = "object", nil
		return g.refine(s.AdditionalProperties, t.Elem())
	case reflect.Struct:
		s.Type, s.Types, s.Description = "object", nil, g.docs.of(t, "")
		if err := g.fields(s, t); err != nil {
			return err
		}
		addRelations(s, t)
	case reflect.Float64:
		s.Type, s.Types = "number", nil
	}
	return nil
}

// fields goes through the fields of a struct, also those that it embeds.
func (g *generator) fields(s *jsonschema.Schema, t reflect.Type) error {
	for field := range t.Fields() {
		if field.Anonymous {
			if err := g.fields(s, field.Type); err != nil {
				return err
			}
			addRelations(s, field.Type)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property := s.Properties[name]
		if property == nil {
			return fmt.Errorf("%v.%s has no property %q", t, field.Name, name)
		}
		if err := g.refine(property, field.Type); err != nil {
			return err
		}
		property.Description = g.docs.of(t, field.Name)
		if err := addTagRules(property, field); err != nil {
			return err
		}
	}
	return nil
}
