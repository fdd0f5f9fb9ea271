package platform

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
)

// decode reads the JSON of a call. The error leaves out the offset and Go's
// own text: they help nobody who does not see the code.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if invalidValue, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		return invalidValue
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return invalid(mismatch.Field, "has the wrong JSON type (%s)", mismatch.Value)
	}
	return notThisJSON()
}

func notThisJSON() error { return invalid("body", "is not the JSON of this operation") }

// fieldNames are the JSON names of an input's fields, however deep, by how
// encoding/json compares them: without regard to case.
type fieldNames map[string]string

func namesOf[T any]() fieldNames {
	names := fieldNames{}
	names.add(reflect.TypeFor[T](), map[reflect.Type]bool{})
	return names
}

func (f fieldNames) add(t reflect.Type, seen map[reflect.Type]bool) {
	if reads := reflect.PointerTo(t); reads.Implements(reflect.TypeFor[json.Unmarshaler]()) || reads.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return // its own form has none of its fields' names
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		f.add(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] {
			return
		}
		seen[t] = true
		for field := range t.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			if name == "" {
				name = field.Name
			}
			f[folded(name)] = name
			f.add(field.Type, seen)
		}
	}
}

// folded is equal for names that encoding/json takes for each other.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(next) {
			if next <= r {
				return next
			}
		}
	}, name)
}

// check refuses a body that another reader could read in another way: a name that
// is there twice or differs from a field's in case only, one with characters that
// are not seen, and text that is no UTF-8 or half a character. Names that the
// operation does not know are ignored all the same, as the contract says.
func (f fieldNames) check(body []byte) error {
	if !utf8.Valid(body) || hasLoneSurrogate(body) {
		return invalid("body", "must be valid UTF-8 without halves of surrogate pairs")
	}
	return f.checkNames(body)
}

func (f fieldNames) checkNames(body []byte) error {
	// open are the objects and arrays around a token; an array has no names.
	type object struct {
		names   map[string]bool
		atValue bool
	}
	var open []*object
	for tokens := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := tokens.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return notThisJSON()
		}
		var in *object
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		switch name, isText := token.(string); {
		case token == json.Delim('}') || token == json.Delim(']'):
			open = open[:len(open)-1]
			continue
		case isText && in != nil && in.names != nil && !in.atValue:
			if err := f.checkName(name, in.names); err != nil {
				return err
			}
			in.names[name], in.atValue = true, true
			continue
		}
		if in != nil {
			in.atValue = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &object{})
		}
	}
}

func (f fieldNames) checkName(name string, before map[string]bool) error {
	switch exact, known := f[folded(name)]; {
	case strings.ContainsFunc(name, isUnseen):
		return invalid("body", "has a name with a control or bidirectional character: %s", strconv.QuoteToASCII(shorten(name)))
	case before[name]:
		return invalid("body", "has the name %q twice in one object", shorten(name))
	case known && exact != name:
		return invalid(exact, "is spelled %q in the body; names are exact in case", shorten(name))
	}
	return nil
}

// isUnseen is a character that can make a text look like another.
func isUnseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// hasLoneSurrogate finds an escape of half a character in valid UTF-8, which
// encoding/json reads as U+FFFD. What is no JSON is left to whoever decodes it.
func hasLoneSurrogate(body []byte) bool {
	escape := func(at int) (unit uint64, ok bool) {
		if at+6 > len(body) || body[at] != '\\' || body[at+1] != 'u' {
			return 0, false
		}
		unit, err := strconv.ParseUint(string(body[at+2:at+6]), 16, 16)
		return unit, err == nil
	}
	for at := 0; at < len(body); at++ {
		if body[at] != '\\' {
			continue
		}
		first, ok := escape(at)
		switch {
		case !ok:
			at++ // a short escape, such as \\ or \n
		case first < 0xd800 || first > 0xdfff:
			at += 5
		default:
			second, ok := escape(at + 6)
			if first > 0xdbff || !ok || second < 0xdc00 || second > 0xdfff {
				return true
			}
			at += 11
		}
	}
	return false
}
