package validation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

func TestText(t *testing.T) {
	for given, want := range map[string]string{
		"plain  text stays":     "plain  text stays",
		"two\nlines":            "two lines",
		"a \r\n b":              "a b",
		"\x1b[31mred":           "[31mred",
		"one\u2028two\u2029end": "one two end",
		"中文\t字":                 "中文 字",
	} {
		require.Equal(t, want, validation.OneLine(given))
	}
}
