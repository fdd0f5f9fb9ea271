package rollout

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// variable is something of a step that a gate can name: as ${ROLLOUT_RATIO} in an address
// or a query, and as an environment variable of a program.
type variable struct {
	name  string
	value func(Step) string
}

// variables are all that there are.
func variables() []variable {
	return []variable{
		{"ROLLOUT_NAME", func(s Step) string { return s.Rollout }},
		{"ROLLOUT_TARGET", func(s Step) string { return s.Target }},
		{"ROLLOUT_VERSION", func(s Step) string { return s.Version }},
		{"ROLLOUT_STEP", func(s Step) string { return strconv.Itoa(s.Index) }},
		{"ROLLOUT_RATIO", func(s Step) string { return strconv.Itoa(int(s.Ratio)) }},
		{"ROLLOUT_SINCE", func(s Step) string { return s.Since.UTC().Format(time.RFC3339) }},
		{"ROLLOUT_LIVE_SECONDS", func(s Step) string {
			return strconv.FormatInt(int64(max(time.Since(s.Since), time.Second)/time.Second), 10)
		}},
	}
}

// environment are the variables as a program finds them.
func (s Step) environment() []string {
	var all []string
	for _, v := range variables() {
		all = append(all, v.name+"="+v.value(s))
	}
	return all
}

// Expand replaces each ${ROLLOUT_RATIO} and the like in a text by what it stands for, which
// escape makes fit for where it stands: see the README of this package for their names. A
// number, ${1}, is not replaced: PromQL's label_replace has such. Another name is an error, and
// so is one whose value is not known, or that escape refuses.
func (s Step) Expand(text string, escape func(value string) (string, error)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		text = after
		if closed && isNumber(name) {
			b.WriteString("${" + name + "}")
			continue
		}
		value, err := s.lookUp(name, closed)
		if err == nil {
			value, err = escape(value)
		}
		if err != nil {
			return "", fmt.Errorf("${%s} %w", name, err)
		}
		b.WriteString(value)
	}
}

func (s Step) lookUp(name string, closed bool) (string, error) {
	if !closed {
		return "", errors.New("is not closed by a brace")
	}
	var names []string
	for _, v := range variables() {
		names = append(names, v.name)
		if v.name != name {
			continue
		}
		value := v.value(s)
		if value == "" {
			return "", errors.New("is not known: the target does not say it")
		}
		return value, nil
	}
	return "", fmt.Errorf("is not known; there are %s", strings.Join(names, ", "))
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// checkVariables reports a variable that there is not.
func checkVariables(path, text string, add report) {
	all := Step{Rollout: "x", Target: "x", Version: "x"}
	if _, err := all.Expand(text, func(value string) (string, error) { return value, nil }); err != nil {
		add(path, "%s", validation.OneLine(err.Error()))
	}
}

// plainValue are the values that mean nothing but themselves in a query of any language.
var plainValue = regexp.MustCompile(`^[\pL\pN ._:/+-]*$`)

// ExpandQuery is [Step.Expand] for a query in a language such as PromQL: a value that holds
// more than letters, digits, spaces and . _ : / + - is an error, for it could change what the
// query asks.
func (s Step) ExpandQuery(text string) (string, error) {
	return s.Expand(text, func(value string) (string, error) {
		if !plainValue.MatchString(value) {
			return "", fmt.Errorf("is %q, which cannot stand in a query", value)
		}
		return value, nil
	})
}

// expandURL is [Step.Expand] for an address, in its path and in its query.
func (s Step) expandURL(text string) (string, error) {
	path, query, hasQuery := strings.Cut(text, "?")
	path, err := s.Expand(path, func(value string) (string, error) { return url.PathEscape(value), nil })
	if err != nil || !hasQuery {
		return path, err
	}
	query, err = s.Expand(query, func(value string) (string, error) { return url.QueryEscape(value), nil })
	return path + "?" + query, err
}
