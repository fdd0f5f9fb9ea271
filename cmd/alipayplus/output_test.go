package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
)

// printed is what a command prints in a form.
func printed(t *testing.T, form string, value any, columns ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := newApp(&out, &out)
	cmd := &cobra.Command{Use: "list"}
	a.result(cmd, value, columns...)
	require.NoError(t, cmd.Flags().Set("output", form))
	require.NoError(t, a.print(cmd, value))
	return out.String()
}

func someReleases() []*alipayplus.Release {
	return []*alipayplus.Release{{
		ID: "rel_1", Version: alipayplus.VersionNumber{Major: 1}, Status: alipayplus.ReleaseGrayscale,
		Grayscale: alipayplus.Grayscale{Ratio: 10, Ladder: alipayplus.DefaultLadder()},
		Reviews:   []alipayplus.Review{{Party: "ALIPAY_PLUS", Status: "APPROVED"}, {Party: "ALIPAY_CN", Status: "PENDING"}},
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Blue Lake Tea"}},
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 8*3600)),
	}, {ID: "rel_2", Version: alipayplus.VersionNumber{Major: 2}, CreatedBy: "mei\u202e\x1b[2J\n"}}
}

func TestAListIsATableOfColumns(t *testing.T) {
	t.Parallel()

	got := printed(t, formatTable, someReleases(),
		"id", "version", "status", "grayscale.ratio", "reviews.status", "name=languages.0.name", "createdBy", "createdAt")

	require.Equal(t, ""+
		"ID     VERSION  STATUS             RATIO  STATUS             NAME           CREATED BY  CREATED AT\n"+
		"rel_1  1.0.0    GRAYSCALE_RELEASE  10     APPROVED, PENDING  Blue Lake Tea              2026-01-01T19:04:05Z\n"+
		"rel_2  2.0.0                       0                                        mei [2J\n", got)
}

func TestAThingIsALineAField(t *testing.T) {
	t.Parallel()

	got := printed(t, formatTable, someReleases()[0].Grayscale)

	require.Equal(t, "ratio   10\nladder  1, 5, 10, 20, 30, 50, 100\n", got)
}

func TestJSONAndYAMLHoldTheSame(t *testing.T) {
	t.Parallel()

	asJSON := printed(t, formatJSON, someReleases())
	asYAML := printed(t, formatYAML, someReleases()[1:])

	var read []*alipayplus.Release
	require.NoError(t, json.Unmarshal([]byte(asJSON), &read))
	require.Equal(t, "mei\u202e\x1b[2J\n", read[1].CreatedBy)
	require.NotContains(t, asJSON, "\u202e")
	require.Contains(t, asYAML, "- id: rel_2\n  programId: \"\"\n  version: 2.0.0\n")
	require.Contains(t, asYAML, `createdBy: "mei\u202e\e[2J\n"`)
	require.Equal(t, "[]\n", printed(t, formatJSON, []*alipayplus.Release(nil)))
	require.Equal(t, "[]\n", printed(t, formatYAML, []*alipayplus.Release(nil)))
	require.Equal(t, "ID\n", printed(t, formatTable, []*alipayplus.Release(nil), "id"))
}

func TestATableFitsIntoTheTerminal(t *testing.T) {
	t.Parallel()

	got, err := encode([]map[string]string{{"id": "sha256-of-something", "text": "ten columns", "name": "蓝湖茶 蓝湖茶"}}, formatTable,
		[]string{"id", "text", "name"}, terminal.Options{Width: 40, Color: true})

	require.NoError(t, err)
	require.Equal(t, "\x1b[1mID                   TEXT      NAME\x1b[0m\nsha256-of-something  ten c...  蓝湖茶...\n", got)
}

func TestAChoiceNamesItsWords(t *testing.T) {
	t.Parallel()

	c := choice{of: []string{"json", "yaml"}}

	require.NoError(t, c.Set("YAML"))
	require.Equal(t, "yaml", c.String())
	require.EqualError(t, c.Set("jsn"), `"jsn" is not known; did you mean "json"?`)
	require.EqualError(t, c.Set("picture"), "it must be one of json, yaml")
}

var updateSchemas = flag.Bool("update", false, "write "+schemaFile+" again")

// schemaFile says of each command what -o json prints.
const schemaFile = "../../api/output.schema.json"

// schemas are what commands print, by their paths, and the types in that.
type schemas struct {
	commands, types map[string]*jsonschema.Schema
}

// outputSchemas makes the schemas of the Go types.
func outputSchemas(t require.TestingT) schemas {
	a, commands := leafCommands()
	s := schemas{make(map[string]*jsonschema.Schema), make(map[string]*jsonschema.Schema)}
	for path, cmd := range commands {
		if r, prints := a.results[cmd]; prints {
			s.commands[path] = s.of(t, r.of)
		}
	}
	return s
}

// of is the schema of a type, in which structs that have a name are references.
func (s schemas) of(t require.TestingT, of reflect.Type) *jsonschema.Schema {
	switch {
	case of.Kind() == reflect.Pointer:
		return s.of(t, of.Elem())
	case written(of) != nil:
		return written(of)
	case of.Kind() == reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: s.of(t, of.Elem())}
	case of.Kind() == reflect.Struct:
		name := strings.TrimPrefix(of.String(), "main.")
		if _, done := s.types[name]; !done {
			s.types[name] = nil // it may contain itself
			s.types[name] = s.object(t, of)
		}
		return &jsonschema.Schema{Ref: "#/$defs/" + name}
	default:
		schema, err := jsonschema.ForType(of, &jsonschema.ForOptions{})
		require.NoError(t, err, of)
		return schema
	}
}

// object is the schema of a struct.
func (s schemas) object(t require.TestingT, of reflect.Type) *jsonschema.Schema {
	object := &jsonschema.Schema{Type: "object", Properties: make(map[string]*jsonschema.Schema)}
	for _, f := range reflect.VisibleFields(of) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "-" {
			continue
		}
		require.NotEmpty(t, name, "%v.%s: what is printed has a name in JSON", of, f.Name)
		if object.Properties[name] = s.of(t, f.Type); !strings.Contains(rest, "omit") {
			object.Required = append(object.Required, name)
		}
		object.PropertyOrder = append(object.PropertyOrder, name)
	}
	return object
}

// written is the schema of a type that is written in a form of its own; nil: it is not.
func written(of reflect.Type) *jsonschema.Schema {
	switch of {
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{} // whatever AlipayCN answers
	case reflect.TypeFor[alipayplus.Ladder]():
		return &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "integer"}}
	}
	writer := of.Implements(reflect.TypeFor[json.Marshaler]()) || of.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	if writer { // all others write texts, as their zero values show
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// document is what is published.
func (s schemas) document() map[string]any {
	return map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "Output of alipayplus",
		"description": "What each command prints with -o json. Fields may be added; those that are there keep their names and types.",
		"commands":    s.commands,
		"$defs":       s.types,
	}
}

// check says whether what a command printed is as its schema says; a field that the schema
// does not have is wrong here.
func (s schemas) check(command string, output []byte) error {
	schema := s.commands[command].CloneSchemas()
	schema.Defs = make(map[string]*jsonschema.Schema)
	for name, object := range s.types {
		closed := object.CloneSchemas()
		closed.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
		schema.Defs[name] = closed
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(output, &value); err != nil {
		return err
	}
	return resolved.Validate(value)
}

func TestTheSchemasOfAllOutputsArePublished(t *testing.T) {
	t.Parallel()

	want, err := json.MarshalIndent(outputSchemas(t).document(), "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *updateSchemas {
		require.NoError(t, os.WriteFile(schemaFile, want, 0o600))
	}
	got, err := os.ReadFile(schemaFile)

	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "write it again: go test -run Schemas -update ./cmd/alipayplus")
}
