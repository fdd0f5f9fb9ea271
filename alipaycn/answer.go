package alipaycn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Answer is what every answer has besides the fields that AlipayCN documents.
type Answer struct {
	// Raw is the whole answer as verified JSON: decrypted, in UTF-8, with the fields
	// that this version of the library does not know. Nil for an empty answer, and
	// where the state proved a write whose answer was lost. That of a call about
	// tokens holds them: it is a secret.
	Raw json.RawMessage `json:"-"`
	// Odd are the fields that came in another shape than AlipayCN documents. All
	// others are as usual.
	Odd []OddField `json:"-"`
}

// OddField is a field of an answer that came in another shape than AlipayCN documents.
type OddField struct {
	// Path is its JSON path, for example "package_info_list[0].status"; empty: the whole answer.
	Path string
	// Problem says what is odd, without the value: "is a number, not a text".
	Problem string
	// Read says that the value could be read all the same, such as 7 for "7"; if not,
	// the field of the answer is empty.
	Read bool
	// Value is what came; nil in an [Attempt], which holds no content.
	Value json.RawMessage
}

// String names the field and what is odd about it, without the value.
func (o OddField) String() string { return strings.TrimSpace(o.Path + " " + o.Problem) }

func (a *Answer) set(answer Answer) { *a = answer }

// lost is the error of an answer in which a field could not be read: it proves
// nothing about what became of a write.
func (a *Answer) lost() error {
	for _, odd := range a.Odd {
		if !odd.Read {
			return errors.New("the answer could be read in part only: " + odd.String())
		}
	}
	return nil
}

// whole passes an answer on when all of it could be read.
func whole[T interface{ lost() error }](got T, err error) (T, error) {
	if err == nil {
		err = got.lost()
	}
	return got, err
}

// boundAnswer is an answer that repeats a part of its input. A signature binds an
// answer to no input, so that only this shows one that was exchanged.
type boundAnswer interface {
	// differs returns what shows that the answer is about something else than was asked
	// for; empty when nothing does.
	differs(input any) string
}

// besideAnswer is an answer that may hold, or lack, what its input makes odd.
type besideAnswer interface{ beside(input any) []OddField }

// notAsked says what was asked for, and what came.
func notAsked[T ~string](what string, came T, asked ...T) string {
	texts := make([]string, len(asked))
	for i := range asked {
		texts[i] = shortened(string(asked[i]), longestWrong)
	}
	return fmt.Sprintf("%s %q came, not %q", what, shortened(string(came), longestWrong), strings.Join(texts, ", "))
}

// errNotRead says that nothing of an answer could be read.
var errNotRead = errors.New("is not readable")

// readJSON reads JSON of AlipayCN's into a value, as much of it as can be read, and
// returns what was odd. The error says that nothing could be read.
func readJSON(data []byte, into any) ([]OddField, error) {
	if !json.Valid(data) {
		return nil, errNotRead
	}
	return readValidJSON(data, into)
}

// readValidJSON is readJSON for what is known to be JSON.
func readValidJSON(data []byte, into any) ([]OddField, error) {
	value, _ := nextValue(data)
	r := answerReader{path: make([]byte, 0, 64)}
	if !r.read(value, reflect.ValueOf(into).Elem()) {
		return r.odd, errNotRead
	}
	return r.odd, nil
}

// answerReader reads JSON that is valid.
type answerReader struct {
	odd []OddField
	// path is that of the value being read.
	path []byte
}

func (r *answerReader) report(problem string, read bool, raw []byte) bool {
	r.odd = append(r.odd, OddField{Path: string(r.path), Problem: problem, Read: read, Value: bytes.Clone(raw)})
	return read
}

// at is the path of an element of the value being read.
func (r *answerReader) at(i int) []byte {
	return append(strconv.AppendInt(append(r.path, '['), int64(i), 10), ']')
}

// read sets v, which is zero, to a JSON value, and returns false when that could not be read at all.
func (r *answerReader) read(raw []byte, v reflect.Value) bool {
	documented := jsonKindOf(v.Type())
	came := kindOfJSON(raw[0])
	switch {
	case documented == kindPointer:
		if came == kindNull {
			return r.report("is null", true, raw)
		}
		v.Set(reflect.New(v.Type().Elem()))
		return r.read(raw, v.Elem())
	case documented == kindOther:
		return r.unmarshal(raw, v)
	case came == documented:
		return r.readAs(raw, v, documented)
	case came == kindNull:
		return r.report("is null", true, raw)
	}
	return r.readOdd(raw, v, came, documented)
}

// readAs reads a value of the documented kind.
func (r *answerReader) readAs(raw []byte, v reflect.Value, kind jsonKind) bool {
	switch {
	case kind == kindObject:
		r.readObject(raw, v)
		return true
	case kind == kindList:
		r.readList(raw, v)
		return true
	case v.Kind() == reflect.String && !isUnmarshaler(v.Type()):
		v.SetString(textOf(raw))
	default:
		usual, err := true, error(nil)
		switch of := v.Addr().Interface().(type) {
		case *Time:
			usual, err = of.read(raw)
		case json.Unmarshaler: // all types of such kinds are; json.Unmarshal would check the JSON again
			err = of.UnmarshalJSON(raw)
		}
		if err != nil {
			v.SetZero()
			return r.report(err.Error(), false, raw)
		}
		if !usual && kindOfJSON(raw[0]) == kindText {
			r.report("is a time of another form than yyyy-MM-dd HH:mm:ss", true, raw)
		}
	}
	if open, ok := v.Addr().Interface().(interface{ Known() bool }); ok && !v.IsZero() && !open.Known() {
		r.report("is a value that this version of the library does not know", true, raw)
	}
	return true
}

// readOdd reads a value that came as another kind than is documented, as far as
// there is no doubt what it means.
func (r *answerReader) readOdd(raw []byte, v reflect.Value, came, documented jsonKind) bool {
	problem := fmt.Sprintf("is %s, not %s", came, documented)
	inner := raw
	switch {
	case came == kindText && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0:
		return r.report("is empty, not "+string(documented), true, raw)
	case came == kindText: // the JSON in it; for a list also a text itself
		inner = []byte(textOf(raw))
		if !json.Valid(inner) {
			inner = raw
		} else if inner, _ = nextValue(inner); documented == kindList && kindOfJSON(inner[0]) != kindList {
			inner = raw
		}
	case came == kindList:
		rest := insideOf(raw)
		if len(rest) > 0 {
			inner, rest = nextValue(rest)
		}
		if len(insideOf(raw)) == 0 || len(rest) > 0 {
			return r.report(problem, false, raw)
		}
	case came == kindObject && documented != kindList:
		return r.report(problem, false, raw)
	case documented == kindText && v.Kind() == reflect.String: // a number or a boolean, as it is written
		inner = []byte(`"` + string(raw) + `"`)
	}
	return r.readInner(raw, inner, v, documented, problem)
}

// readInner reads what is meant by an odd value, and reports whether that worked.
func (r *answerReader) readInner(raw, inner []byte, v reflect.Value, documented jsonKind, problem string) bool {
	of := answerReader{path: bytes.Clone(r.path)}
	var read bool
	switch kind := kindOfJSON(inner[0]); {
	case documented == kindList && kind != kindList: // one instead of a list
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		of.path = of.at(0)
		read = of.read(inner, v.Index(0))
	case kind == documented || v.CanAddr() && isUnmarshaler(v.Type()) && kind != kindObject && kind != kindList:
		read = of.readAs(inner, v, documented)
	default:
		read = false
	}
	if !read {
		v.SetZero()
	} else {
		r.odd = append(r.odd, of.odd...)
	}
	return r.report(problem, read, raw)
}

// unmarshal reads into a type that only a caller has.
func (r *answerReader) unmarshal(raw []byte, v reflect.Value) bool {
	err := json.Unmarshal(raw, v.Addr().Interface())
	if err == nil {
		return true
	}
	v.SetZero()
	if kindOfJSON(raw[0]) == kindText && json.Unmarshal([]byte(textOf(raw)), v.Addr().Interface()) == nil {
		return r.report("is a text", true, raw)
	}
	v.SetZero()
	return r.report("cannot be read", false, raw)
}

func (r *answerReader) readList(raw []byte, v reflect.Value) {
	path := len(r.path)
	v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // an empty list is not no list
	for i, rest := 0, insideOf(raw); len(rest) > 0; i++ {
		var element []byte
		element, rest = nextValue(rest)
		v.Grow(1)
		v.SetLen(i + 1)
		v.Index(i).SetZero()
		r.path = r.at(i)
		r.read(element, v.Index(i))
		r.path = r.path[:path]
	}
}

func (r *answerReader) readObject(raw []byte, v reflect.Value) {
	path, fields := len(r.path), fieldsOf(v.Type())
	for rest := insideOf(raw); len(rest) > 0; {
		var name, value []byte
		name, rest = nextValue(rest)
		value, rest = nextValue(rest)
		name = name[1 : len(name)-1] // no name that is read has an escape
		index, known := fields[string(name)]
		for other := range fields {
			if known {
				break
			}
			if index, known = fields[other], strings.EqualFold(other, string(name)); !known {
				index = nil
			}
		}
		if !known {
			continue
		}
		field := v.FieldByIndex(index)
		field.SetZero() // a name that comes twice
		if path > 0 {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, name...)
		r.read(value, field)
		r.path = r.path[:path]
	}
}

// jsonKind is a kind of JSON value, in words.
type jsonKind string

const (
	kindObject  jsonKind = "an object"
	kindList    jsonKind = "a list"
	kindText    jsonKind = "a text"
	kindNumber  jsonKind = "a number"
	kindBoolean jsonKind = "a boolean"
	kindNull    jsonKind = "null"
	// kindPointer and kindOther are of Go types only.
	kindPointer jsonKind = "a pointer"
	kindOther   jsonKind = "of another kind"
)

func kindOfJSON(first byte) jsonKind {
	switch first {
	case '{':
		return kindObject
	case '[':
		return kindList
	case '"':
		return kindText
	case 't', 'f':
		return kindBoolean
	case 'n':
		return kindNull
	default:
		return kindNumber
	}
}

// jsonKindOf is the kind that AlipayCN documents for what a type holds.
func jsonKindOf(t reflect.Type) jsonKind {
	switch {
	case t == reflect.TypeFor[Bool]():
		return kindBoolean
	case t == reflect.TypeFor[Int]():
		return kindNumber
	case t == reflect.TypeFor[Time](), t.Kind() != reflect.Struct && t.PkgPath() == reflect.TypeFor[Answer]().PkgPath() && isUnmarshaler(t): // TextBool and the like
		return kindText
	case t.Kind() == reflect.Pointer && !isUnmarshaler(t):
		return kindPointer
	case isUnmarshaler(t):
		return kindOther
	}
	switch t.Kind() {
	case reflect.Struct:
		return kindObject
	case reflect.String:
		return kindText
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return kindList
		}
	}
	return kindOther
}

func isUnmarshaler(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// fieldsOf returns the fields of a struct by their JSON names.
func fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := fieldsOfTypes.Load(t); ok {
		return known.(map[string][]int) //nolint:forcetypeassert,errcheck // nothing else is stored
	}
	fields := map[string][]int{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !field.IsExported(), name == "-", field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			continue
		case name == "":
			name = field.Name
		}
		fields[name] = field.Index
	}
	fieldsOfTypes.Store(t, fields)
	return fields
}

//nolint:gochecknoglobals // a cache that never changes what is read
var fieldsOfTypes sync.Map

// nextValue splits off the first value of valid JSON, without the spaces around it.
func nextValue(data []byte) (value, rest []byte) {
	data = bytes.TrimLeft(data, " \t\r\n")
	end, depth := 0, 0
	for ; end < len(data); end++ {
		switch data[end] {
		case '"':
			end += textLength(data[end:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			continue
		default:
			for end+1 < len(data) && strings.IndexByte(",]} \t\r\n", data[end+1]) < 0 {
				end++
			}
		}
		if depth == 0 {
			end++
			break
		}
	}
	return data[:end], bytes.TrimLeft(data[end:], " \t\r\n,:]}")
}

// textLength is the number of bytes of the JSON text at the beginning of data, with both quotes.
func textLength(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// insideOf is what is between the brackets of a list or an object.
func insideOf(raw []byte) []byte { return bytes.TrimSpace(raw[1 : len(raw)-1]) }

// textOf is what a valid JSON text says.
func textOf(raw []byte) string {
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside) {
		return string(inside)
	}
	var text string
	_ = json.Unmarshal(raw, &text) // it is valid
	return text
}
