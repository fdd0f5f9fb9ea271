package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// fieldPath says where a figure is in a JSON document: data.result[0].value[1].
// The name of a field that holds a dot or a bracket is quoted: data["http.errors"].
type fieldPath []fieldStep

// fieldStep leads one level down: into the field of an object, or into the entry of a
// list.
type fieldStep struct {
	name string
	list bool
	at   int
}

// parseFieldPath reads a path.
func parseFieldPath(text string) (fieldPath, error) {
	var path fieldPath
	rest := text
	for first := true; rest != "" || first; first = false {
		step, after, err := parseFieldStep(rest, first)
		if err != nil {
			return nil, fmt.Errorf(`is not the path of a field, such as data.result[0].value: %w`, err)
		}
		path, rest = append(path, step), after
	}
	return path, nil
}

// parseFieldStep reads the first step of what is left of a path.
func parseFieldStep(text string, first bool) (step fieldStep, rest string, err error) {
	if strings.HasPrefix(text, "[") {
		return parseBracket(text)
	}
	if !first {
		var dotted bool
		if text, dotted = strings.CutPrefix(text, "."); !dotted {
			return step, "", fmt.Errorf("a dot or a bracket must follow before %q", text)
		}
	}
	end := strings.IndexAny(text, `.[]"`)
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return step, "", errors.New("a name is missing")
	}
	if rest = text[end:]; rest != "" && rest[0] != '.' && rest[0] != '[' {
		return step, "", fmt.Errorf("a name with %q must be quoted", rest[:1])
	}
	return fieldStep{name: text[:end]}, rest, nil
}

// parseBracket reads [0] or ["name"].
func parseBracket(text string) (step fieldStep, rest string, err error) {
	inner := text[1:]
	if strings.HasPrefix(inner, `"`) {
		quoted, err := strconv.QuotedPrefix(inner)
		if err != nil {
			return step, "", errors.New("a quoted name has no end")
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return step, "", errors.New("a quoted name cannot be read")
		}
		step, inner = fieldStep{name: name}, inner[len(quoted):]
	} else {
		digits := inner[:len(inner)-len(strings.TrimLeft(inner, "0123456789"))]
		const most = 9 // far above the entries of any answer
		at, err := strconv.Atoi(digits)
		if err != nil || len(digits) > most {
			return step, "", errors.New("a bracket must hold the number of an entry, from 0, or a quoted name")
		}
		step, inner = fieldStep{list: true, at: at}, inner[len(digits):]
	}
	rest, closed := strings.CutPrefix(inner, "]")
	if !closed {
		return step, "", errors.New("a bracket is not closed")
	}
	return step, rest, nil
}

// String writes the path so that parseFieldPath reads it.
func (p fieldPath) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.list:
			fmt.Fprintf(&b, "[%d]", step.at)
		case step.name == "" || strings.ContainsAny(step.name, `.[]"`):
			fmt.Fprintf(&b, "[%q]", step.name)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step.name)
		}
	}
	return b.String()
}

// givenTwice is the value of a name that an object has twice: which of the two is meant
// depends on the reader.
type givenTwice struct{}

// decodeAnswer reads one JSON document and nothing else, but for a byte order mark before it. Numbers stay as they were
// written, and a name that is there twice has no value but [givenTwice].
func decodeAnswer(body []byte) (any, error) {
	var document json.RawMessage // is valid, and not nested too deeply
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &document); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	return decodeValue(decoder)
}

func decodeValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := make(map[string]any)
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			text, _ := name.(string)
			value, err := decodeValue(decoder)
			if err != nil {
				return nil, err
			}
			if _, twice := object[text]; twice {
				value = givenTwice{}
			}
			object[text] = value
		}
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := decodeValue(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	default:
		return token, nil
	}
}

// figure finds the number that stands at the path. Whatever else stands there is an error.
// When nothing does, because a field or an entry is missing, null or NaN, it matches
// [ErrNoData].
func (p fieldPath) figure(document any) (float64, error) {
	at := document
	for i, step := range p {
		var err error
		if at, err = step.descend(at); err != nil {
			return 0, fmt.Errorf("the answer has no %s: %s %w", p, p[:i].orDocument(), err)
		}
	}
	figure, err := number(at)
	if err != nil {
		return 0, fmt.Errorf("%s %w", p, err)
	}
	return figure, nil
}

// orDocument names the place of a path, which is the whole document for an empty one.
func (p fieldPath) orDocument() string {
	if len(p) == 0 {
		return "the whole"
	}
	return p.String()
}

func (s fieldStep) descend(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		if s.list {
			return nil, errors.New("is an object, not a list")
		}
		if inner, ok := v[s.name]; ok {
			return inner, nil
		}
		return nil, noDataError(fmt.Sprintf("has no field %q", s.name))
	case []any:
		if !s.list {
			return nil, errors.New("is a list, not an object")
		}
		if s.at < len(v) {
			return v[s.at], nil
		}
		return nil, noDataError(fmt.Sprintf("has %d entries", len(v)))
	case nil:
		return nil, noDataError("is null")
	default:
		return nil, fmt.Errorf("is %s", kindOf(value))
	}
}

// number reads a number, or a text that is one, as Prometheus writes figures. Errors do not
// repeat any other text, which is not ours.
func number(value any) (float64, error) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	case nil:
		return 0, noDataError("is null, not a number")
	default:
		return 0, fmt.Errorf("is %s, not a number", kindOf(value))
	}
	if strings.EqualFold(text, "NaN") {
		return 0, noDataError("is NaN, not a number")
	}
	if text == "" || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, errors.New(`is a text that is not a number; "NaN" and "Inf" are none`)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, errors.New("cannot be read as a number of 64 bits")
	}
	return x, nil
}

// noDataError is an error that matches [ErrNoData] and says more.
type noDataError string

func (e noDataError) Error() string { return string(e) }
func (e noDataError) Unwrap() error { return ErrNoData }

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a truth value"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	case givenTwice:
		return "there twice"
	default:
		return "an object"
	}
}
