package rollout

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// specLines are the lines on which the fields of a spec stand, by their paths.
type specLines map[string]int

// addTo adds to each field of an [alipayplus.ValidationError] its line, or that of what it
// is missing in.
func (l specLines) addTo(err error) error {
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return err
	}
	for i, field := range invalid.Fields {
		for path := field.Path; path != ""; path = parentPath(path) {
			if line := l[path]; line > 0 {
				invalid.Fields[i].Message += fmt.Sprintf(" (line %d)", line)
				break
			}
		}
	}
	return err
}

// parentPath is what a field is in: "steps[0]" of "steps[0].ratio"; empty for the whole.
func parentPath(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// readStrictly checks that each number of a spec is written as what it is read as. The YAML
// library reads 12.9 as 12 where a whole number belongs, 010 as 8, and 1_0 as 10. A field
// without a value is an error too: "bake:" is more likely a forgotten bake time than none.
func readStrictly(data []byte) (*strictText, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	t := &strictText{lines: make(specLines)}
	for _, root := range document.Content {
		t.checkNoEmptyValue(root)
		t.check(root, reflect.TypeFor[Spec](), "", "")
	}
	return t, nil
}

// strictText is what readStrictly found.
type strictText struct {
	lines  specLines
	faults []alipayplus.FieldError
}

// add adds faults of the whole.
func (t *strictText) add(faults ...error) {
	for _, err := range faults {
		t.fault("", "cannot be read: %v", err)
	}
}

func (t *strictText) fault(path, format string, args ...any) {
	t.faults = append(t.faults, alipayplus.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
}

// checkNoEmptyValue reports the first field without a value.
func (t *strictText) checkNoEmptyValue(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" && t.faults == nil {
		t.fault("", "cannot be read: line %d: a value is missing; give one, or remove the field", node.Line)
	}
	for _, inner := range node.Content {
		t.checkNoEmptyValue(inner)
	}
}

// check goes through a node and the type that it will be read as. What does not fit the type
// is left to the YAML library. rules are those of the field.
func (t *strictText) check(node *yaml.Node, as reflect.Type, path, rules string) {
	t.lines[path] = node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if as.Kind() == reflect.Pointer {
		as = as.Elem()
	}
	switch {
	case node.Kind == yaml.ScalarNode:
		t.checkScalar(node, as, path, rules)
	case node.Kind == yaml.SequenceNode && as.Kind() == reflect.Slice:
		for i, entry := range node.Content {
			t.check(entry, as.Elem(), fmt.Sprintf("%s[%d]", path, i), "")
		}
	case node.Kind == yaml.MappingNode && as.Kind() == reflect.Map:
		for i := 0; i+1 < len(node.Content); i += 2 {
			t.check(node.Content[i+1], as.Elem(), fmt.Sprintf("%s[%s]", path, node.Content[i].Value), "")
		}
	case node.Kind == yaml.MappingNode && as.Kind() == reflect.Struct:
		t.checkStruct(node, as, path)
	}
}

func (t *strictText) checkStruct(node *yaml.Node, as reflect.Type, path string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			t.check(value, as, path, "")
			if value.Kind == yaml.SequenceNode {
				for _, part := range value.Content {
					t.check(part, as, path, "")
				}
			}
			continue
		}
		for _, field := range reflect.VisibleFields(as) {
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if name != "" && name == key.Value {
				t.check(value, field.Type, strings.TrimPrefix(path+"."+name, "."), field.Tag.Get("validate"))
			}
		}
	}
}

var (
	wholeNumber = regexp.MustCompile(`^(?:0|[1-9][0-9]*)$`)
	// decimalNumber has no leading zero, with which YAML's older form is octal.
	decimalNumber = regexp.MustCompile(`^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$`)
)

func (t *strictText) checkScalar(node *yaml.Node, as reflect.Type, path, rules string) {
	if node.ShortTag() == "!!null" {
		return
	}
	shown := validation.OneLine(node.Value)
	if most := 40; len(shown) > most {
		shown = strings.ToValidUTF8(shown[:most], "") + "..."
	}
	zero, quoted := false, isQuoted(node)
	switch as.Kind() {
	case reflect.Bool:
		if node.ShortTag() != "!!bool" {
			t.fault(path, "must be true or false, not %q", shown)
		}
		return
	case reflect.Int:
		zero = t.checkWhole(node, path, shown, quoted)
	case reflect.Float64:
		t.checkDecimal(node, path, shown, quoted)
	case reflect.Int64: // a duration, which YAML reads by ParseDuration
		d, err := ParseDuration(node.Value)
		zero = err == nil && d == 0
	default:
		return
	}
	list := strings.Split(rules, ",")
	if zero && slices.Contains(list, "omitempty") && (slices.Contains(list, "gt=0") || slices.Contains(list, "min=1")) {
		t.fault(path, "must be above 0; without it, the default holds")
	}
}

// isQuoted says that a value is a text whatever it looks like.
func isQuoted(node *yaml.Node) bool {
	if tag := node.ShortTag(); node.Style&yaml.TaggedStyle != 0 && tag != "!!int" && tag != "!!float" {
		return true // !!str 10, which the YAML library would leave out
	}
	return node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// checkWhole checks a whole number, and says whether it is 0.
func (t *strictText) checkWhole(node *yaml.Node, path, shown string, quoted bool) (zero bool) {
	n, err := strconv.ParseInt(node.Value, 10, 32)
	switch {
	case quoted && wholeNumber.MatchString(node.Value):
		t.fault(path, "must be a number, and is a text; write %s without quotes", shown)
	case !wholeNumber.MatchString(node.Value):
		t.fault(path, "must be a whole number in plain digits, such as 10, and not %q", shown)
	case err != nil:
		t.fault(path, "is too large: %s", shown)
	}
	return err == nil && n == 0
}

// checkDecimal checks a number that need not be whole.
func (t *strictText) checkDecimal(node *yaml.Node, path, shown string, quoted bool) {
	x, err := strconv.ParseFloat(node.Value, 64)
	switch {
	case quoted && decimalNumber.MatchString(node.Value):
		t.fault(path, "must be a number, and is a text; write %s without quotes", shown)
	case !decimalNumber.MatchString(node.Value):
		t.fault(path, "must be a number in plain digits, such as 0.01, and not %q", shown)
	case err != nil, x == 0 && strings.ContainsAny(mantissa(node.Value), "123456789"):
		t.fault(path, "is further from or nearer to 0 than a number of 64 bits can be: %s", shown)
	}
}

// mantissa is a number without its exponent.
func mantissa(number string) string {
	before, _, _ := strings.Cut(strings.ToLower(number), "e")
	return before
}
