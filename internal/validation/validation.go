// Package validation collects what is wrong with an input: it runs the tag rules of
// go-playground/validator, and says in plain words, by JSON path, what they found.
package validation

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
)

// Problem is one thing that is wrong with an input or with the options of a client. It holds no secret.
type Problem struct { //nolint:errname // it is what a ValidationError is made of
	// Path is the JSON path of a field, "paymentInformation[0].text", or the name of an option, "retry".
	Path string
	// Message says what is wrong, to be read behind the path: "is required".
	Message string
}

// Error joins the two.
func (p *Problem) Error() string { return strings.TrimSpace(p.Path + " " + p.Message) }

// Problems collects all that is wrong. The zero value is empty.
type Problems []Problem

// Add adds a problem.
func (p *Problems) Add(path, message string) {
	*p = append(*p, Problem{Path: path, Message: message})
}

// AddError adds the problems that err consists of, or else its text; nil adds nothing.
func (p *Problems) AddError(err error) {
	if err == nil {
		return
	}
	if several, ok := errors.AsType[Problems](err); ok {
		*p = append(*p, several...)
	} else if one, ok := errors.AsType[*Problem](err); ok {
		*p = append(*p, *one)
	} else {
		p.Add("", err.Error())
	}
}

// Has says whether something is wrong at a path.
func (p Problems) Has(path string) bool {
	return slices.ContainsFunc(p, func(problem Problem) bool { return problem.Path == path })
}

// Err returns the problems as an error, nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Error joins all in one line.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i := range p {
		texts[i] = p[i].Error()
	}
	return strings.Join(texts, "; ")
}

// Struct checks the tag rules of v, a struct or a pointer to one, and returns every
// broken field; nil when all hold. What its texts hold is for [Texts] and [PlainTexts].
func Struct(v any) Problems {
	err := rules().Struct(v)
	if err == nil {
		return nil
	}
	broken, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return Problems{{Message: "is missing"}}
	}
	var problems Problems
	root := reflect.Indirect(reflect.ValueOf(v)).Type().Name() + "."
	for _, field := range broken {
		path := strings.TrimPrefix(field.Namespace(), root)
		path = strings.ReplaceAll(path, embedded+".", "")
		problems = append(problems, Problem{Path: path, Message: message(field)})
	}
	return problems
}

// Texts finds every text in v, however deep, that is not valid UTF-8: encoding/json
// would send U+FFFD in its place. Nil when there is none.
func Texts(v any) Problems { return walk(v, notUTF8) }

// PlainTexts is Texts, and finds besides every text that people could not read as it is
// meant: white space alone, control characters, and controls of the writing direction.
// A line feed and a tab are for fields with the tag `text:"lines"`. These are rules of
// this project's own.
func PlainTexts(v any) Problems { return walk(v, notPlain) }

// textRule says what is wrong with a text; empty: nothing. lines says that it may have
// several lines.
type textRule func(text string, lines bool) string

func notUTF8(text string, _ bool) string {
	if utf8.ValidString(text) {
		return ""
	}
	return "must be valid UTF-8: convert a text of another encoding, such as GBK"
}

func notPlain(text string, lines bool) string {
	if wrong := notUTF8(text, lines); wrong != "" {
		return wrong
	}
	for _, r := range text {
		if wrong := notPlainRune(r, lines); wrong != "" {
			return wrong
		}
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && unicode.IsGraphic(r) }) {
		return "must not be white space alone"
	}
	return ""
}

func notPlainRune(r rune, lines bool) string {
	switch {
	case lines && (r == '\n' || r == '\r' || r == '\t'):
		return ""
	case r == '\n' || r == '\r' || unicode.In(r, unicode.Zl, unicode.Zp) && !lines:
		return "must be one line"
	case unicode.Is(unicode.Cc, r):
		return fmt.Sprintf("must not hold the control character %U", r)
	case unicode.Is(unicode.Bidi_Control, r) && !unicode.In(r, marks):
		return fmt.Sprintf("must not hold the control %U of the writing direction", r)
	}
	return ""
}

// marks are the controls of the writing direction that change nothing around them.
//
//nolint:gochecknoglobals // a constant that Go cannot write as one
var marks = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x061c, Hi: 0x061c, Stride: 1}, {Lo: 0x200e, Hi: 0x200f, Stride: 1}}}

func walk(v any, rule textRule) Problems {
	value := reflect.ValueOf(v)
	if rule.holds(value, false) {
		return nil // without the cost of paths
	}
	var problems Problems
	problems.texts("", value, false, rule)
	return problems
}

// holds says whether texts would find nothing.
func (rule textRule) holds(v reflect.Value, lines bool) bool {
	switch v.Kind() {
	case reflect.String:
		return rule(v.String(), lines) == ""
	case reflect.Pointer, reflect.Interface:
		return rule.holds(v.Elem(), lines)
	case reflect.Struct:
		for i := range v.NumField() {
			if isSent(v, i) && !rule.holds(v.Field(i), hasLines(v.Type().Field(i))) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		return rule.holdsInAll(v, lines)
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if !rule.holds(entries.Key(), false) || !rule.holds(entries.Value(), lines) {
				return false
			}
		}
	}
	return true
}

// holdsInAll is holds for the elements of a list.
func (rule textRule) holdsInAll(v reflect.Value, lines bool) bool {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return v.Type() != reflect.TypeFor[json.RawMessage]() || utf8.Valid(v.Bytes())
	}
	for i := range v.Len() {
		if !rule.holds(v.Index(i), lines) {
			return false
		}
	}
	return true
}

func hasLines(field reflect.StructField) bool { return field.Tag.Get("text") == "lines" }

// isSent tells what goes into a call from what is not shown, and from what is read from.
func isSent(v reflect.Value, i int) bool {
	field := v.Field(i)
	if !field.CanInterface() {
		return v.Type().Field(i).Anonymous
	}
	return field.Kind() != reflect.Interface || field.NumMethod() == 0
}

func (p *Problems) texts(path string, v reflect.Value, lines bool, rule textRule) {
	if rule.holds(v, lines) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		p.texts(path, v.Elem(), lines, rule)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name := jsonName(field)
			switch {
			case !isSent(v, i):
			case name == embedded:
				p.texts(path, v.Field(i), false, rule)
			default:
				p.texts(strings.TrimPrefix(path+"."+name, "."), v.Field(i), hasLines(field), rule)
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			p.texts(path, entries.Key(), false, rule)
			p.texts(fmt.Sprintf("%s[%v]", path, entries.Key()), entries.Value(), lines, rule)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				p.texts(fmt.Sprintf("%s[%d]", path, i), v.Index(i), lines, rule)
			}
			return
		}
		p.Add(path, notUTF8(string(v.Bytes()), lines))
	default:
		p.Add(path, rule(v.String(), lines))
	}
}

// rules returns the one instance. It caches what it learns of a struct type,
// which makes a check ten times cheaper; nothing outside can register on it.
//
//nolint:gochecknoglobals // a cache that never changes what a check finds
var rules = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	return v
})

// embedded stands for a struct whose fields JSON shows as its parent's.
const embedded = "\x00"

// jsonName is what a field is called in JSON; a field that does not go over the
// wire is called as it would be.
func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	switch {
	case field.Anonymous && name == "":
		return embedded
	case name == "-" || name == "":
		return strings.ToLower(field.Name[:1]) + field.Name[1:]
	default:
		return name
	}
}

// message puts a broken rule into words. It never shows the value: that may be
// long, or not for a log.
func message(field validator.FieldError) string {
	if text, ok := plain(field.Tag()); ok {
		return text
	}
	param := field.Param()
	switch field.Tag() {
	case "min", "gte":
		return bound("at least", param, field.Kind())
	case "gt":
		return bound("above", param, field.Kind())
	case "max", "lte":
		return bound("at most", param, field.Kind())
	case "len":
		return bound("exactly", param, field.Kind())
	case "oneof":
		return "must be one of " + strings.Join(strings.Fields(param), ", ")
	default:
		return fmt.Sprintf("breaks the rule %q", strings.TrimSpace(field.Tag()+" "+param))
	}
}

func plain(tag string) (string, bool) {
	switch tag {
	case "required":
		return "is required", true
	case "email":
		return "must be an e-mail address", true
	case "http_url":
		return "must be an http or https address", true
	case "fqdn":
		return "must be a host name such as api.example.com, without scheme, port or path", true
	case "bcp47_strict_language_tag", "bcp47_language_tag":
		return "must be a language tag such as zh-CN", true
	case "iso3166_1_alpha2":
		return "must be a country code of two letters such as CN", true
	case "unique":
		return "must not name the same thing twice", true
	case "sha256":
		return "must be a SHA-256 in 64 lower-case hexadecimal digits", true
	case "printascii":
		return "must be printable ASCII", true
	default:
		return "", false
	}
}

// bound words a limit by what it counts: characters of a text, entries of a list.
func bound(relation, param string, kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return fmt.Sprintf("must have %s %s characters", relation, param)
	case reflect.Slice, reflect.Map, reflect.Array:
		if param == "1" {
			return fmt.Sprintf("must have %s 1 entry", relation)
		}
		return fmt.Sprintf("must have %s %s entries", relation, param)
	default:
		return fmt.Sprintf("must be %s %s", relation, param)
	}
}

// OneLine returns s in one line: control characters, line separators and bidirectional
// controls, and the spaces around them, become one space.
func OneLine(s string) string {
	if !strings.ContainsFunc(s, breaksLine) {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || breaksLine(r) }), " ")
}

// Visible leaves out the characters that nobody sees, among them those that turn the text
// behind them around. It keeps line feeds.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}

func breaksLine(r rune) bool {
	if r < unicode.MaxASCII { // most are
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
