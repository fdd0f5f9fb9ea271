package manifest

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/rollout"
)

const (
	// maxSize is far above what a file needs, in bytes.
	maxSize = 1 << 20
	// maxNodes is far above the values that a file needs, with what its aliases repeat.
	maxNodes = 100_000
)

// Fault is one thing that is wrong in a file.
type Fault struct {
	// Line and Column are where it is, counted from 1. A field that is missing is where it
	// belongs.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path is the field, such as "program.languages[0].name"; empty: the whole.
	Path string `json:"path,omitempty"`
	// Message says what is wrong, to be read behind the path.
	Message string `json:"message"`
}

// String is the fault in one line, without its place.
func (f Fault) String() string { return strings.TrimSpace(f.Path + " " + f.Message) }

// Error says what is wrong in a file. It matches [alipayplus.ErrInvalid].
type Error struct {
	// Faults are all that were found, in the order of the file.
	Faults []Fault
}

// Error lists the faults in one line.
func (e *Error) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = fmt.Sprintf("%d:%d: %v", f.Line, f.Column, f)
	}
	return validation.OneLine(strings.Join(texts, "; "))
}

// Unwrap returns [alipayplus.ErrInvalid].
func (e *Error) Unwrap() error { return alipayplus.ErrInvalid }

// document is a file that is read, with the place of each field.
type document struct {
	root   *yaml.Node
	places map[string]*yaml.Node
	faults []Fault
	// unread are the faults of what could not be read, of which rules need not be checked.
	unread []Fault
	// nodes counts those that were read, with each use of an alias.
	nodes int
}

// read reads one YAML document, of which JSON is a part, into a struct by the names of its
// fields in JSON. Unlike the YAML library it takes nothing for another type, and it finds all
// that is wrong. The error is that of a text that has no fields; else the faults are in the
// document, for the rules of the file to add theirs.
func read(content []byte, into any) (*document, error) {
	d := &document{places: make(map[string]*yaml.Node)}
	if len(content) > maxSize {
		return d, d.failed(1, fmt.Sprintf("has %d bytes; at most %d are read", len(content), maxSize))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var first yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return d, d.failed(1, "is empty")
	case err != nil:
		return d, d.syntax(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return d, d.failed(1, "must be one document")
	}
	d.root = first.Content[0]
	if d.root.Kind != yaml.MappingNode {
		d.set(d.root, reflect.ValueOf(into).Elem(), "")
		return d, d.err()
	}
	d.set(d.root, reflect.ValueOf(into).Elem(), "")
	d.unread = slices.Clone(d.faults)
	return d, nil
}

// failed is the error of a file that cannot be read.
func (d *document) failed(line int, message string) error {
	d.faults = append(d.faults, Fault{Line: line, Column: 1, Message: message})
	return d.err()
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)

// syntax is the error of a text that is no YAML.
func (d *document) syntax(err error) error {
	text := err.Error()
	line := 1
	if found := syntaxLine.FindStringSubmatch(text); found != nil {
		line = max(1, atoi(found[1]))
		text = text[len(found[0]):]
	}
	return d.failed(line, "is no YAML: "+text)
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// err is an [Error] with the faults in the order of the file, or nil.
func (d *document) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return &Error{Faults: d.faults}
}

// fault adds what is wrong at a place.
func (d *document) fault(at *yaml.Node, path, format string, args ...any) {
	d.faults = append(d.faults, Fault{Line: at.Line, Column: at.Column, Path: path, Message: fmt.Sprintf(format, args...)})
}

// faultAt adds what is wrong with a field, or with what it is missing in, unless that could
// not be read anyway.
func (d *document) faultAt(path, message string) {
	for _, f := range d.unread {
		if f.Path == path || f.Path != "" && (isIn(path, f.Path) || isIn(f.Path, path)) {
			return
		}
	}
	at := d.root
	for p := path; p != ""; p = p[:max(0, strings.LastIndexAny(p, ".["))] {
		if place := d.places[p]; place != nil {
			at = place
			break
		}
	}
	d.fault(at, path, "%s", message)
}

// isUnread says whether something in a field could not be read.
func (d *document) isUnread(path string) bool {
	return slices.ContainsFunc(d.unread, func(f Fault) bool { return f.Path == path || isIn(f.Path, path) })
}

// isIn says whether a path is within another one.
func isIn(path, within string) bool {
	rest, ok := strings.CutPrefix(path, within)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// add adds what an error says, with the fields of one of validation at their places below
// the prefix.
func (d *document) add(prefix string, err error) {
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		if err != nil {
			d.faultAt(prefix, err.Error())
		}
		return
	}
	for _, f := range invalid.Fields {
		d.faultAt(joined(prefix, f.Path), withoutLine.ReplaceAllString(f.Message, ""))
	}
}

// withoutLine is the line of a text that is not the whole file.
var withoutLine = regexp.MustCompile(` \(line [0-9]+\)$`)

// check adds what the rules of a struct's tags say, and texts that nobody could read.
func (d *document) check(v any) {
	for _, p := range append(validation.PlainTexts(v), validation.Struct(v)...) {
		d.faultAt(p.Path, p.Message)
	}
}

func joined(prefix, path string) string { return strings.Trim(prefix+"."+path, ".") }

// enter says whether a node can be read, and remembers where it is.
func (d *document) enter(node *yaml.Node, path string) bool {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fault(node, path, "repeats too much by aliases; at most %d values are read", maxNodes)
		}
		return false
	}
	if d.places[path] == nil {
		d.places[path] = node
	}
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		d.fault(node, path, "has no value; give one, or remove the field")
		return false
	}
	return true
}

// set reads a node into a value.
func (d *document) set(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if !d.enter(node, path) {
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.setText(node, text, path)
		return
	}
	switch {
	case into.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		d.setStruct(node, into, path)
	case into.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		d.setMap(node, into, path)
	case into.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		into.Set(reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content)))
		for i, entry := range node.Content {
			d.set(entry, into.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case node.Kind == yaml.ScalarNode:
		d.setScalar(node, into, path)
	default:
		d.fault(node, path, "must be %s, and is %s", kindOf(into.Type()), nodeKind(node))
	}
}

func (d *document) setText(node *yaml.Node, into encoding.TextUnmarshaler, path string) {
	if node.Kind != yaml.ScalarNode {
		d.fault(node, path, "must be a text, and is %s", nodeKind(node))
		return
	}
	err := into.UnmarshalText([]byte(node.Value))
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok && len(invalid.Fields) == 1 {
		d.fault(node, path, "%s", invalid.Fields[0].Message)
	} else if err != nil {
		d.fault(node, path, "cannot be read: %v", err)
	}
}

func (d *document) setStruct(node *yaml.Node, into reflect.Value, path string) {
	seen := make(map[string]bool)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			d.merge(value, into, path)
			continue
		}
		field := fieldNamed(into.Type(), key.Value)
		switch {
		case field == nil:
			d.fault(key, path, "%s", unknownField(key.Value, into.Type()))
		case seen[key.Value]:
			d.fault(key, joined(path, key.Value), "is given twice")
		default:
			seen[key.Value] = true
			at := joined(path, key.Value)
			d.places[at] = key
			d.set(value, into.FieldByIndex(field.Index), at)
		}
	}
}

// merge reads the fields of "<<" first, so that those beside it replace them.
func (d *document) merge(node *yaml.Node, into reflect.Value, path string) {
	if node.Kind != yaml.SequenceNode {
		d.set(node, into, path)
		return
	}
	for _, part := range node.Content {
		d.set(part, into, path)
	}
}

func (d *document) setMap(node *yaml.Node, into reflect.Value, path string) {
	into.Set(reflect.MakeMap(into.Type()))
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := fmt.Sprintf("%s[%s]", path, key.Value)
		d.places[at] = key
		entry := reflect.New(into.Type().Elem()).Elem()
		d.set(value, entry, at)
		into.SetMapIndex(reflect.ValueOf(key.Value).Convert(into.Type().Key()), entry)
	}
}

var (
	wholeNumber   = regexp.MustCompile(`^(?:0|-?[1-9][0-9]*)$`)
	decimalNumber = regexp.MustCompile(`^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$`)
)

func (d *document) setScalar(node *yaml.Node, into reflect.Value, path string) {
	text := node.Value
	quoted := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch into.Kind() {
	case reflect.String:
		into.SetString(text) // a number or a date that belongs in a text is one, as it is written
	case reflect.Bool:
		if node.ShortTag() != "!!bool" || quoted {
			d.fault(node, path, "must be true or false, and is %.40q", text)
			return
		}
		into.SetBool(strings.EqualFold(text, "true"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || quoted || !wholeNumber.MatchString(text) {
			d.fault(node, path, "must be a whole number, such as 10, and is %.40q", text)
			return
		}
		into.SetInt(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || quoted || !decimalNumber.MatchString(text) {
			d.fault(node, path, "must be a number, such as 0.01, and is %.40q", text)
			return
		}
		into.SetFloat(x)
	default:
		d.fault(node, path, "must be %s, and is %.40q", kindOf(into.Type()), text)
	}
}

// fieldNamed is the field of a struct that has a name in JSON; nil when there is none.
func fieldNamed(t reflect.Type, name string) *reflect.StructField {
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && jsonName(f) == name {
			return &f
		}
	}
	return nil
}

// jsonName is the name of a field in JSON; empty when it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func unknownField(name string, in reflect.Type) string {
	var names []string
	for _, f := range reflect.VisibleFields(in) {
		if known := jsonName(f); known != "" {
			names = append(names, known)
		}
	}
	if meant := validation.Nearest(name, names); meant != "" {
		return fmt.Sprintf("has no field %.40q; did you mean %s?", name, meant)
	}
	return fmt.Sprintf("has no field %.40q; it can have %s", name, strings.Join(names, ", "))
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "fields with values"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return "a number"
	default:
		return "a text"
	}
}

func nodeKind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "fields with values"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

// checkSpec checks a rollout spec that is part of a file, or all of it.
func (d *document) checkSpec(path string) {
	node := d.places[path]
	for i := 0; path != "" && i+1 < len(d.root.Content); i += 2 {
		if d.root.Content[i].Value == path {
			node = d.root.Content[i+1]
		}
	}
	if node == nil {
		return
	}
	content, err := yaml.Marshal(node)
	if err == nil {
		_, err = rollout.ParseSpec(content)
	}
	d.add(path, err)
}
