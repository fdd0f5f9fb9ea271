package console

import (
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// parsePages reads the templates, once a language.
func (c *console) parsePages() (map[language]*template.Template, error) {
	pages := map[language]*template.Template{}
	for _, lang := range languages() {
		parsed, err := template.New("").Funcs(c.functions(lang)).ParseFS(embedded, "templates/*.html")
		if err != nil {
			return nil, err
		}
		pages[lang] = parsed
	}
	return pages, nil
}

// functions are what templates call.
func (c *console) functions(lang language) template.FuncMap {
	texts, names, fieldNames, tones := texts(), names(), fieldNames(), tones()
	return template.FuncMap{
		// at is an address of the console: at "requests" .ID
		"at": func(parts ...any) string {
			words := make([]string, len(parts))
			for i, part := range parts {
				words[i] = fmt.Sprint(part)
			}
			return c.at(words...)
		},
		// t is a text in the language of the page.
		"t": func(key string, args ...any) (string, error) {
			text, has := texts[key]
			if !has {
				return "", fmt.Errorf("there is no text %q", key)
			}
			return fmt.Sprintf(text.in(lang), args...), nil
		},
		// name is a status, category or party in the language of the page; one that is not
		// known is shown as the platform spells it.
		"name": func(value any) string {
			text, has := names[fmt.Sprint(value)]
			if !has {
				return fmt.Sprint(value)
			}
			return text.in(lang)
		},
		// field is a field of the contract in the language of the page, with the rest of its
		// path: "paymentInformation[1].text".
		"field": func(path string) string {
			for _, whole := range []string{"configuration.", "basicInfo."} {
				path = strings.TrimPrefix(path, whole)
			}
			own := 0
			if strings.HasPrefix(path, "alipayCn.") {
				own = len("alipayCn.")
			}
			end := len(path)
			if at := strings.IndexAny(path[own:], "[."); at >= 0 {
				end = own + at
			}
			text, has := fieldNames[path[:end]]
			if !has {
				return path
			}
			return text.in(lang) + strings.NewReplacer("[", " ", "].", " ", "]", "", ".", " ").Replace(path[end:])
		},
		// tone is how a status is coloured.
		"tone": func(value any) string { return tones[fmt.Sprint(value)] },
		"time": func(at time.Time) string {
			if at.IsZero() {
				return "–"
			}
			return at.UTC().Format("2006-01-02 15:04")
		},
		"iso":         func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"compare":     compare,
		"application": applicationOf,
		// registration are all fields of a business registration.
		"registration": func(of any) []difference {
			var all alipayplus.BusinessRegistration
			switch of := of.(type) {
			case alipayplus.BusinessRegistration:
				all = of
			case *alipayplus.BusinessRegistration:
				if of != nil {
					all = *of
				}
			}
			return sides(&all, &all)
		},
		"add":         func(a, b int) int { return a + b },
		"words":       func(words ...string) []string { return words },
		"buttonName":  func(button string) string { return texts["button."+button].in(lang) },
		"lines":       func(words []string) string { return strings.Join(words, "\n") },
		"stepName":    func(step string) string { return texts["step."+step].in(lang) },
		"stepWarning": func(step string) string { return texts["warning."+step].in(lang) },
		"of":          pairs,
	}
}

// pairs makes a map of what a template hands to another one: of "Content" .Details "Files" "x".
func pairs(of ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(of); i += 2 {
		key, ok := of[i].(string)
		if !ok {
			return nil, errors.New("of: a name must be a string")
		}
		out[key] = of[i+1]
	}
	return out, nil
}

// difference is one field of two values, side by side.
type difference struct {
	// Field is the field's name on the wire, which the texts know.
	Field         string
	Before, After string
	// Changed says that they differ.
	Changed bool
}

// compare puts the text fields of two structs of one type side by side; a nil one has none.
// A field that is empty in both is left out.
func compare(before, after any) []difference {
	return slices.DeleteFunc(sides(before, after), func(d difference) bool { return d.Before == "" && d.After == "" })
}

// sides is compare with the fields that are empty.
func sides(before, after any) []difference {
	old, young := fields(before), fields(after)
	if young == nil {
		return nil
	}
	of := reflect.TypeOf(after).Elem()
	var out []difference
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		d := difference{Field: name, Before: old[name], After: young[name]}
		d.Changed = old != nil && d.Before != d.After
		if _, is := young[name]; is {
			out = append(out, d)
		}
	}
	return out
}

// fields are the text fields of a struct by their names on the wire; nil for a nil pointer.
func fields(pointer any) map[string]string {
	value := reflect.ValueOf(pointer)
	if value.Kind() != reflect.Pointer || value.IsNil() {
		return nil
	}
	value = value.Elem()
	out := map[string]string{}
	for i := range value.NumField() {
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		switch field := value.Field(i); {
		case field.Kind() == reflect.String:
			out[name] = field.String()
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.String:
			words := make([]string, field.Len())
			for j := range words {
				words[j] = field.Index(j).String()
			}
			out[name] = strings.Join(words, "\n")
		}
	}
	return out
}
