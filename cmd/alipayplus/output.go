package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// The forms in which a command prints what it read or changed, besides JSON.
const (
	formatTable = "table"
	formatYAML  = "yaml"
)

// result is what a command prints: its type, whose JSON form is documented, and the columns
// of the table.
type result struct {
	of      reflect.Type
	columns []string
	// show shows it to people in another way; may be nil.
	show func(value any) (string, error)
}

// result says what a command prints, and gives it the flag -o. of is any value of the type:
// a slice is printed as a table of the columns, and anything else as one line a field. A
// column is the path of a field in the JSON form, "grayscale.ratio", where a number names an
// element of a list and a name in front of it is the title: "name=languages.0.name".
func (a *app) result(cmd *cobra.Command, of any, columns ...string) {
	a.results[cmd] = result{of: reflect.TypeOf(of), columns: columns}
	form := choice{value: formatTable, of: []string{formatTable, formatJSON, formatYAML}}
	cmd.Flags().VarP(&form, "output", "o", "print the result as `"+strings.Join(form.of, "|")+"`")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(form.of, cobra.ShellCompDirectiveNoFileComp))
}

// shows has a command show its result to people in a way of its own, unless show is nil.
func (a *app) shows(cmd *cobra.Command, show func(value any) (string, error)) {
	r := a.results[cmd]
	r.show = show
	a.results[cmd] = r
}

// print prints what a command came to, in the form of its flag -o.
func (a *app) print(cmd *cobra.Command, value any) error {
	result, form := a.results[cmd], cmd.Flag("output").Value.String()
	encode := func() (string, error) { return encode(value, form, result.columns, a.view()) }
	if form == formatTable && result.show != nil {
		encode = func() (string, error) { return result.show(value) }
	}
	text, err := encode()
	if err == nil {
		_, err = io.WriteString(a.stdout, text)
	}
	if err != nil {
		return failure{fmt.Errorf("print the result: %w", err)}
	}
	return nil
}

// view says how tables are shown: in lines as wide as the terminal, uncut without one.
func (a *app) view() terminal.Options {
	file, ok := a.stdout.(*os.File)
	if !ok {
		return terminal.Options{}
	}
	view := terminal.Detect(file)
	view.Width = widthOf(file)
	return view
}

func encode(value any, form string, columns []string, view terminal.Options) (string, error) {
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.IsNil() {
		value = []any{} // [] and not null
	}
	content, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	switch form {
	case formatJSON:
		return string(report.Encode(json.RawMessage(content))) + "\n", nil
	case formatYAML:
		return encodeYAML(content)
	default:
		return encodeTable(content, columns, view)
	}
}

// encodeYAML writes JSON as YAML, with the fields in their order.
func encodeYAML(content []byte) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return "", err
	}
	block(&document)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return "", err
	}
	return escaped(b.String()), encoder.Close()
}

// block has a node written in lines, and texts in quotes only where they need them.
func block(n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
		if len(n.Content) > 0 {
			n.Style = 0
		}
	case n.Tag == "!!str" && strings.ContainsFunc(n.Value, unseen):
		n.Style = yaml.DoubleQuotedStyle // the one that has escapes
	default:
		n.Style = 0
	}
	for _, inner := range n.Content {
		block(inner)
	}
}

// unseen says whether a character is one that nobody sees, such as those that turn the text
// behind them around.
func unseen(r rune) bool { return unicode.Is(unicode.Cf, r) }

// escaped writes the characters that nobody sees as escapes of YAML.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case unseen(r) && r > 0xffff:
			_, _ = fmt.Fprintf(&b, `\U%08x`, r)
		case unseen(r):
			_, _ = fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// encodeTable writes a JSON list as a table, and anything else as one line a field.
func encodeTable(content []byte, columns []string, view terminal.Options) (string, error) {
	if !bytes.HasPrefix(content, []byte("[")) {
		rows, err := leaves(content)
		return fieldLines(rows, view), err
	}
	var items []any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&items); err != nil {
		return "", err
	}
	titles := make([]string, len(columns))
	paths := make([]string, len(columns))
	for i, column := range columns {
		titles[i], paths[i] = titled(column)
	}
	rows := make([][]string, len(items))
	for i, item := range items {
		for _, path := range paths {
			rows[i] = append(rows[i], cell(at(item, strings.Split(path, "."))))
		}
	}
	return terminal.Table(titles, rows, view), nil
}

// titled returns the title of a column, and the path of its field.
func titled(column string) (title, path string) {
	title, path, named := strings.Cut(column, "=")
	if !named {
		path = column
		title = column[strings.LastIndex(column, ".")+1:]
	}
	var b strings.Builder
	for i, r := range title {
		if i > 0 && unicode.IsUpper(r) || r == '_' {
			b.WriteByte(' ')
		}
		if r != '_' {
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String(), path
}

// at is what is at the path in a JSON value; of a list, what is there in each element.
func at(value any, path []string) any {
	if len(path) == 0 {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		return at(v[path[0]], path[1:])
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil {
			if i < len(v) {
				return at(v[i], path[1:])
			}
			return nil
		}
		all := make([]any, len(v))
		for i, element := range v {
			all[i] = at(element, path)
		}
		return all
	}
	return nil
}

// cell shows a JSON value in one line.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		switch {
		case err != nil:
			return v
		case t.IsZero():
			return ""
		default:
			return t.UTC().Format(time.RFC3339)
		}
	case []any:
		cells := make([]string, len(v))
		for i, element := range v {
			cells[i] = cell(element)
		}
		return strings.Join(cells, ", ")
	case map[string]any:
		return strconv.Itoa(len(v)) + " fields"
	default:
		return fmt.Sprint(v)
	}
}

// leaves returns the paths and values of all that is in a JSON object, in its order. Lists
// of plain values are one value.
func leaves(content []byte) (rows [][2]string, err error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch {
		case n.Kind == yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(strings.TrimPrefix(path+"."+n.Content[i].Value, "."), n.Content[i+1])
			}
		case n.Kind == yaml.SequenceNode && !slices.ContainsFunc(n.Content, nested):
			var all []string
			for _, inner := range n.Content {
				all = append(all, cell(inner.Value))
			}
			rows = append(rows, [2]string{path, strings.Join(all, ", ")})
		case n.Kind == yaml.SequenceNode:
			for i, inner := range n.Content {
				walk(fmt.Sprintf("%s[%d]", path, i), inner)
			}
		default:
			rows = append(rows, [2]string{path, cell(n.Value)})
		}
	}
	if len(document.Content) > 0 {
		walk("", document.Content[0])
	}
	return rows, nil
}

func nested(n *yaml.Node) bool { return n.Kind != yaml.ScalarNode }

// fieldLines shows fields in lines, the values below each other.
func fieldLines(rows [][2]string, view terminal.Options) string {
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(report.Wrap(fmt.Sprintf("%-*s  ", longest, report.OneLine(row[0])), report.OneLine(row[1]), view.Width))
	}
	return b.String()
}

// choice is the value of a flag that has one of a few words, whose letters may be of either
// case.
type choice struct {
	value string
	of    []string
}

// String returns the word.
func (c *choice) String() string { return c.value }

// Type is empty: the help names the words.
func (c *choice) Type() string { return "" }

// Set takes one of the words.
func (c *choice) Set(word string) error {
	for _, known := range c.of {
		if strings.EqualFold(word, known) {
			c.value = known
			return nil
		}
	}
	if meant := validation.Nearest(word, c.of); meant != "" {
		return fmt.Errorf("%q is not known; did you mean %q?", word, meant)
	}
	return errors.New("it must be one of " + strings.Join(c.of, ", "))
}
