package validation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// found returns "path: message" of each broken field.
func found(v any) []string {
	var all []string
	for _, p := range validation.Struct(v) {
		all = append(all, p.Path+": "+p.Message)
	}
	return all
}

func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"required", struct {
			F string `json:"f" validate:"required"`
		}{}, "is required"},
		{"e-mail", struct {
			F string `json:"f" validate:"email"`
		}{"x"}, "must be an e-mail address"},
		{"address", struct {
			F string `json:"f" validate:"http_url"`
		}{"ftp://x"}, "must be an http or https address"},
		{"host name", struct {
			F string `json:"f" validate:"fqdn"`
		}{"https://x"}, "must be a host name such as api.example.com, without scheme, port or path"},
		{"language", struct {
			F string `json:"f" validate:"bcp47_language_tag"`
		}{"?"}, "must be a language tag such as zh-CN"},
		{"strict language", struct {
			F string `json:"f" validate:"bcp47_strict_language_tag"`
		}{"?"}, "must be a language tag such as zh-CN"},
		{"country", struct {
			F string `json:"f" validate:"iso3166_1_alpha2"`
		}{"XX"}, "must be a country code of two letters such as CN"},
		{"twice", struct {
			F []int `json:"f" validate:"unique"`
		}{[]int{1, 1}}, "must not name the same thing twice"},
		{"hash", struct {
			F string `json:"f" validate:"sha256"`
		}{"x"}, "must be a SHA-256 in 64 lower-case hexadecimal digits"},
		{"ASCII", struct {
			F string `json:"f" validate:"printascii"`
		}{"茶"}, "must be printable ASCII"},
		{"choice", struct {
			F string `json:"f" validate:"oneof=RED GREEN"`
		}{"BLUE"}, "must be one of RED, GREEN"},

		{"short text", struct {
			F string `json:"f" validate:"min=2"`
		}{"x"}, "must have at least 2 characters"},
		{"long text", struct {
			F string `json:"f" validate:"max=2"`
		}{"xxx"}, "must have at most 2 characters"},
		{"text of a length", struct {
			F string `json:"f" validate:"len=2"`
		}{"x"}, "must have exactly 2 characters"},
		{"short list", struct {
			F []int `json:"f" validate:"min=2"`
		}{}, "must have at least 2 entries"},
		{"empty list", struct {
			F []int `json:"f" validate:"min=1"`
		}{}, "must have at least 1 entry"},
		{"long list", struct {
			F []int `json:"f" validate:"max=1"`
		}{[]int{1, 2}}, "must have at most 1 entry"},
		{"map", struct {
			F map[string]int `json:"f" validate:"min=2"`
		}{}, "must have at least 2 entries"},
		{"array", struct {
			F [1]int `json:"f" validate:"len=2"`
		}{}, "must have exactly 2 entries"},
		{"small number", struct {
			F int `json:"f" validate:"gte=1"`
		}{}, "must be at least 1"},
		{"large number", struct {
			F float64 `json:"f" validate:"lte=1"`
		}{2}, "must be at most 1"},

		{"a rule without words", struct {
			F string `json:"f" validate:"startswith=x"`
		}{"y"}, `breaks the rule "startswith x"`},
		{"a rule without words or parameter", struct {
			F string `json:"f" validate:"lowercase"`
		}{"Y"}, `breaks the rule "lowercase"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, []string{"f: " + tt.want}, found(tt.v))
		})
	}
}

type inner struct {
	Name string `json:"name" validate:"required"`
}

type outer struct {
	inner

	Plain    string           `validate:"required"`
	Hidden   string           `json:"-" validate:"required"`
	Empty    string           `json:",omitempty" validate:"required"`
	Renamed  string           `json:"other,omitempty" validate:"required"`
	Pointer  *inner           `json:"pointer"`
	List     []inner          `json:"list" validate:"dive"`
	Lists    [][]string       `json:"lists" validate:"dive,dive,required"`
	ByName   map[string]inner `json:"byName" validate:"dive"`
	Optional string           `json:"optional" validate:"omitempty,max=1"`
}

// Named is embedded under a name of its own.
type Named struct {
	Value string `json:"value" validate:"required"`
}

func TestPaths(t *testing.T) {
	v := outer{
		Pointer: &inner{}, List: []inner{{"a"}, {}}, Lists: [][]string{{"a"}, {"b", ""}},
		ByName: map[string]inner{"k": {}},
	}
	want := []string{
		"name: is required", "plain: is required", "hidden: is required", "empty: is required", "other: is required",
		"pointer.name: is required", "list[1].name: is required", "lists[1][1]: is required", "byName[k].name: is required",
	}
	require.Equal(t, want, found(v))
	require.Equal(t, want, found(&v), "a pointer to it is the same")
}

// boxed has a type name with dots in it.
type boxed[T any] struct {
	Inside T `json:"inside"`
}

func TestPathsInAGenericType(t *testing.T) {
	require.Equal(t, []string{"inside.name: is required"}, found(boxed[inner]{}))
}

func TestEmbeddedStructs(t *testing.T) {
	type middle struct{ inner }
	type top struct {
		middle
		Named `json:"named"`
	}
	require.Equal(t, []string{"name: is required", "named.value: is required"}, found(top{}))
}

func TestNothingBroken(t *testing.T) {
	require.Nil(t, validation.Struct(inner{"x"}))
	require.Nil(t, validation.Struct(&inner{"x"}))
	require.Nil(t, validation.Struct(struct{}{}))
	require.Nil(t, validation.Struct(struct {
		F string `json:"f" validate:"omitempty,max=1"`
	}{}))
}

func TestWhatIsNoStructIsMissing(t *testing.T) {
	for _, v := range []any{nil, (*inner)(nil), "text", 7} {
		require.Equal(t, []string{": is missing"}, found(v), "%v", v)
	}
}

// A message may go to a log; what somebody entered may not.
func TestValuesAreNotShown(t *testing.T) {
	const secret = "s3cret"
	v := struct {
		A string   `json:"a" validate:"email"`
		B string   `json:"b" validate:"max=1"`
		C string   `json:"c" validate:"oneof=X Y"`
		D []string `json:"d" validate:"dive,fqdn"`
		E string   `json:"e" validate:"lowercase,len=1"`
	}{secret, secret, secret, []string{secret}, strings.ToUpper(secret)}
	require.Len(t, found(v), 5)
	require.NotContains(t, strings.ToLower(fmt.Sprint(found(v))), secret)
}

func TestChecksRunAtTheSameTime(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if n := len(validation.Struct(outer{})); n != 5 {
					t.Errorf("found %d broken fields", n)
				}
			}
		})
	}
	group.Wait()
}

func TestOneLine(t *testing.T) {
	for given, want := range map[string]string{
		"plain  text stays":     "plain  text stays",
		"two\nlines":            "two lines",
		"a \r\n b":              "a b",
		"\x1b[31mred":           "[31mred",
		"abc\u202egpj.exe":      "abc gpj.exe",
		"one\u2028two\u2029end": "one two end",
		"中文\t字":                 "中文 字",
	} {
		require.Equal(t, want, validation.OneLine(given))
	}
}

func TestProblemsAreCollected(t *testing.T) {
	var p validation.Problems
	require.NoError(t, p.Err())
	require.False(t, p.Has("a"))
	p.Add("a", "is odd")
	p.AddError(nil)
	p.AddError(validation.Problems{{"b", "is even"}, {"c", "is prime"}})
	p.AddError(fmt.Errorf("wrapped: %w", &validation.Problem{Path: "d", Message: "is a square"}))
	p.AddError(errors.New("something else"))
	require.True(t, p.Has("a"))
	require.True(t, p.Has("c"))
	require.True(t, p.Has("d"))
	require.False(t, p.Has("e"))
	require.EqualError(t, p.Err(), "a is odd; b is even; c is prime; d is a square; something else")
}

func TestTextsThatAreNoUTF8AreNamedWhereverTheyAre(t *testing.T) {
	const gbk = "\xc4\xe3"
	type inner struct {
		Text string `json:"text"`
	}
	type shape struct {
		inner
		Name    *string           `json:"name"`
		List    []inner           `json:"list"`
		Names   map[string]string `json:"names"`
		JSON    json.RawMessage   `json:"json"`
		Any     any               `json:"any"`
		Bytes   []byte            // no text
		Reader  io.Reader         // read from, not sent
		private string
	}
	name := gbk
	v := shape{
		inner: inner{gbk}, Name: &name, List: []inner{{"x"}, {gbk}}, Names: map[string]string{"a": gbk}, JSON: json.RawMessage(`"` + gbk + `"`),
		Any: []any{gbk, 1, nil}, Bytes: []byte(gbk), Reader: strings.NewReader(gbk), private: gbk,
	}
	require.Equal(t, gbk, v.private)
	var found []string
	for _, p := range validation.Texts(v) {
		require.Equal(t, "must be valid UTF-8: convert a text of another encoding, such as GBK", p.Message)
		found = append(found, p.Path)
	}
	require.Equal(t, []string{"text", "name", "list[1].text", "names[a]", "json", "any[0]"}, found)
	require.Empty(t, validation.Texts(shape{}))
	require.Len(t, validation.Texts(shape{inner: inner{gbk}}), 1)
	require.Empty(t, validation.Texts(nil))
}
