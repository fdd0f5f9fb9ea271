package validation_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// textField is a struct with one text, which has a rule.
func textField(rule, text string) any {
	v := reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: "F", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(`validate:"` + rule + `"`),
	}})).Elem()
	v.Field(0).SetString(text)
	return v.Interface()
}

func TestRulesForTexts(t *testing.T) {
	for rule, texts := range map[string]struct{ good, bad []string }{
		"email": {
			[]string{"a@b.example", "user+tag@sub.example.com", `"a b"@c.de`, "a@例子.中国"},
			[]string{"", "x", "a@b", "a@1.2", "A <a@b.example>", "<a@b.example>", "a..b@c.de", "a@b..de", "a@b.example, c@d.example"},
		},
		"http_url": {
			[]string{"http://a.example/x", "HTTPS://A", "http://user:pw@h.example:80/?q#f"},
			[]string{"", "x", "ftp://x", "https://", "//x.example", "a.example:80"},
		},
		"fqdn": {
			[]string{"api.example.com", "a.b.", "a-.b", "1.a", "xn--fsq.xn--p1ai"},
			[]string{"", "localhost", "127.0.0.1", "-a.b", "a..b", "a_b.c", "api.例子.com", "a.example:80", "https://a.b", strings.Repeat("a", 64) + ".b"},
		},
		"bcp47_strict_language_tag": {
			[]string{"en", "zh-CN", "zh-Hans-CN", "de-CH-1996", "yue", "EN-us", "en-US-x-twain"},
			[]string{"", "CN", "cn", "zh_CN", "zh-", "abcd", "chinese", "中文", "zh-a.b", "zh-123456789"},
		},
		"iso3166_1_alpha2": {[]string{"CN", "SG", "XK"}, []string{"", "cn", "XX", "CHN", " ", "C N"}},
		"sha256": {
			[]string{strings.Repeat("0f", 32)},
			[]string{"", strings.Repeat("f", 63), strings.Repeat("f", 65), strings.Repeat("F", 64), strings.Repeat("g", 64)},
		},
	} {
		for _, text := range texts.good {
			require.Empty(t, validation.Struct(textField(rule, text)), "%s %q", rule, text)
		}
		for _, text := range texts.bad {
			require.Len(t, validation.Struct(textField(rule, text)), 1, "%s %q", rule, text)
		}
	}
}

// An empty list is there, and so is what a pointer leads to; the first broken rule counts.
func TestWhatIsThere(t *testing.T) {
	type shape struct {
		List  []int          `json:"list" validate:"required"`
		Map   map[string]int `json:"map" validate:"required"`
		Count *int           `json:"count" validate:"required"`
		Least *int           `json:"least" validate:"omitempty,min=1"`
		Inner inner          `json:"inner" validate:"required"`
		Any   any            `json:"any" validate:"required,nostructlevel"`
		Out   inner          `json:"out" validate:"-"`
	}
	zero := 0
	require.Empty(t, found(shape{List: []int{}, Map: map[string]int{}, Count: &zero, Inner: inner{"x"}, Any: inner{}}))
	require.Equal(t, []string{
		"list: is required", "map: is required", "count: is required", "least: must be at least 1", "inner: is required", "any: is required",
	}, found(shape{Least: &zero}))
}

// A rule that does not exist is a mistake of this project's, found by whatever test checks the input.
func TestARuleThatDoesNotExistPanics(t *testing.T) {
	for _, rule := range []string{"no_such_rule", "min=x", "max"} {
		require.Panics(t, func() { validation.Struct(textField(rule, "x")) }, rule)
	}
}
