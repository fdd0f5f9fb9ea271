package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// saysIncomplete says whether the field is one by which metrics stores say that their answer is
// incomplete or wrong, and does so here. Other names mean nothing.
func saysIncomplete(name string, value any) bool {
	switch name {
	case "isPartial", // VictoriaMetrics
		"is_partial", "is_running", // Elasticsearch: asynchronous searches, ES|QL
		"partial",                       // InfluxDB 1
		"timed_out", "terminated_early": // Elasticsearch, OpenSearch
		return isSet(value)
	case "_shards":
		return hasCount(value, "failed")
	case "_clusters": // Elasticsearch: across clusters
		return hasCount(value, "failed", "partial", "skipped")
	case "warnings", // Prometheus, Thanos, Loki
		"errors",          // GraphQL
		"error",           // Prometheus, InfluxDB, Azure Monitor
		"executionErrors": // Google Cloud Monitoring
		return isMessage(value)
	case "status": // Prometheus, Datadog
		return isBadStatus(value)
	default:
		return false
	}
}

// isSet says whether a flag is anything but false, zero, empty or null.
func isSet(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case json.Number:
		x, err := v.Float64()
		return err != nil || x != 0
	case string:
		return v != "" && v != "0" && !strings.EqualFold(v, "false")
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}

// hasCount says whether an object has one of the fields, and it is set.
func hasCount(value any, fields ...string) bool {
	object, ok := value.(map[string]any)
	return !ok && isSet(value) || slices.ContainsFunc(fields, func(name string) bool { return isSet(object[name]) })
}

// isMessage says whether the value is a message, or true, rather than a figure or several,
// such as the number of errors.
func isMessage(value any) bool {
	switch v := value.(type) {
	case nil, json.Number:
		return false
	case bool:
		return v
	case string:
		_, err := number(v)
		return v != "" && err != nil
	case []any:
		return slices.ContainsFunc(v, func(entry any) bool {
			object, ok := entry.(map[string]any)
			return ok && len(object) > 0 || isMessage(entry)
		})
	case map[string]any:
		for _, field := range v {
			if isMessage(field) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

func isBadStatus(value any) bool {
	if text, ok := value.(string); ok {
		return strings.EqualFold(text, "error") || strings.EqualFold(text, "partial")
	}
	_, twice := value.(givenTwice)
	return twice
}

// complete is an error when an object around what one of the paths leads to says that the
// answer is incomplete, or a path chooses one of several entries of a list. Names of fields
// that a path goes through, and those to ignore, say nothing.
func complete(document any, ignore []string, paths ...fieldPath) error {
	ignored := make(map[string]bool)
	for _, name := range ignore {
		ignored[name] = true
	}
	figures := make(map[string]bool)
	for _, path := range paths {
		for _, step := range path {
			figures[step.name] = figures[step.name] || !step.list
		}
	}
	for _, path := range paths {
		if err := path.complete(document, ignored, figures); err != nil {
			return err
		}
	}
	return nil
}

func (p fieldPath) complete(document any, ignored, figures map[string]bool) error {
	at, list := document, ""
	for i, step := range p {
		for _, name := range marks(at) {
			if !ignored[name] && !figures[name] {
				return fmt.Errorf("the answer says itself that it is incomplete or wrong, in %s; if that field says something else, name it in ignore: [%s]",
					append(slices.Clone(p[:i]), fieldStep{name: name}), name)
			}
		}
		if entries, ok := at.([]any); ok && step.list && !ignored[list] && several(entries, step.at) {
			return fmt.Errorf("%s has %d entries where one is expected: ask for one, or, if their order is fixed, name the list in ignore: [%s]", p[:i].orDocument(), len(entries), list)
		}
		if !step.list {
			list = step.name
		}
		inner, err := step.descend(at)
		if err != nil {
			return nil //nolint:nilerr // whoever reads the figure says so
		}
		at = inner
	}
	return nil
}

// marks are the names of the fields of an object that say that the answer is incomplete.
func marks(value any) (names []string) {
	object, _ := value.(map[string]any)
	for name, field := range object {
		if saysIncomplete(name, field) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// several says whether entry n is one of several, which may be in any order. What is chosen
// from a list of plain values by another number than 0 is not: [time, "value"].
func several(entries []any, n int) bool {
	return len(entries) > 1 && (n == 0 || slices.ContainsFunc(entries, func(entry any) bool {
		kind := kindOf(entry)
		return kind == "a list" || kind == "an object"
	}))
}

// fresh is an error when a cache says that its answer is older than the time given (RFC 9111,
// section 5.1), or stale (RFC 7234, section 5.5), or a store that it cut the results (M3).
func fresh(h http.Header, atMost time.Duration) error {
	for _, age := range h.Values("Age") {
		seconds, err := strconv.ParseUint(strings.TrimSpace(age), 10, 31)
		if err != nil {
			return errors.New("the answer comes out of a cache and has an Age that cannot be read")
		}
		if old := time.Duration(seconds) * time.Second; old > atMost {
			return fmt.Errorf("the answer comes out of a cache and is %v old, more than the %v between two evaluations", old, atMost)
		}
	}
	for _, warning := range h.Values("Warning") {
		if code, _, _ := strings.Cut(strings.TrimSpace(warning), " "); code == "110" || code == "111" || code == "112" {
			return fmt.Errorf("the answer comes out of a cache that says that it is stale (Warning: %s)", code)
		}
	}
	if h.Get("M3-Results-Limited") != "" {
		return errors.New("the answer says itself that it is incomplete, in the header M3-Results-Limited")
	}
	return nil
}

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
