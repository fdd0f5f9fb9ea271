package testkey

import (
	"fmt"
	"iter"
	"reflect"
)

// EachText returns, for every text that a struct can hold, a zero struct of the same
// type in which that one text is given: where it is, and the struct. Texts behind an
// interface with methods are left out, and those of a type that is inside itself.
func EachText(of any, text string) iter.Seq2[string, any] {
	return func(yield func(where string, filled any) bool) {
		more := true
		for n := 0; more; n++ {
			filled := reflect.New(reflect.TypeOf(of)).Elem()
			left := n
			where := setText(filled, &left, text, 8)
			more = where != "" && yield(where, filled.Interface())
		}
	}
}

// setText gives the text number left of v, counted from 0, and returns where that is;
// empty when there are fewer.
func setText(v reflect.Value, left *int, text string, depth int) string {
	if depth == 0 || !v.CanSet() {
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		if *left--; *left < 0 {
			v.SetString(text)
			return "a text"
		}
	case reflect.Pointer:
		return setInside(v, reflect.New(v.Type().Elem()), func(p reflect.Value) reflect.Value { return p.Elem() }, left, text, depth)
	case reflect.Slice:
		return setInside(v, reflect.MakeSlice(v.Type(), 2, 2), func(s reflect.Value) reflect.Value { return s.Index(1) }, left, text, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			if where := setText(v.Field(i), left, text, depth-1); where != "" {
				return fmt.Sprintf("%s of %s", where, v.Type().Field(i).Name)
			}
		}
	}
	return ""
}

// setInside gives a text inside of a new value, and sets v to it then.
func setInside(v, made reflect.Value, element func(reflect.Value) reflect.Value, left *int, text string, depth int) string {
	where := setText(element(made), left, text, depth-1)
	if where != "" {
		v.Set(made)
	}
	return where
}
