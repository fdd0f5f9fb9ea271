package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// address is where editors find the published schema.
const address = "https://raw.githubusercontent.com/alipayplus-go/alipayplus/main/api/rollout-spec.schema.json"

// generate returns the schema as it is published. source is the folder of package
// rollout, for its doc comments.
func generate(source string) ([]byte, error) {
	docs, err := readComments(source)
	if err != nil {
		return nil, err
	}
	schema, err := schemaOf(docs)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// schemaOf makes the schema of a spec.
func schemaOf(docs comments) (*jsonschema.Schema, error) {
	spec := reflect.TypeFor[rollout.Spec]()
	schema, err := jsonschema.ForType(spec, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[rollout.Duration](): {Ref: "#/$defs/duration"},
	}})
	if err != nil {
		return nil, err
	}
	g := generator{docs: docs}
	if err := g.refine(schema, spec); err != nil {
		return nil, err
	}
	schema.Schema, schema.ID, schema.Title = "https://json-schema.org/draft/2020-12/schema", address, "rollout spec"
	schema.Defs = map[string]*jsonschema.Schema{"duration": duration(docs)}
	return schema, nil
}

// generator adds to an inferred schema what the types alone do not say.
type generator struct{ docs comments }

// refine goes through a schema and the type that it was inferred from. That a null is
// allowed, as inferred for pointers, lists and maps, it takes back.
func (g *generator) refine(s *jsonschema.Schema, t reflect.Type) error {
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
