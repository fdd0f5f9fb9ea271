package storage_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{
		"":          "",
		"a":         "b",
		"release/":  "release0",
		"a\xff":     "b",
		"a\xff\xff": "b",
		"\xff\xff":  "",
		"a\x00":     "a\x01",
		"\x7f":      "\x80",
	} {
		require.Equal(t, want, storage.PrefixEnd(prefix), "prefix %q", prefix)
	}
}

// A key begins with the prefix exactly if it is in the range.
func TestPrefixEndFitsThePrefix(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'b', '\x00', '\u07ff', '\uffff'}), 0, 4, -1)
	raw := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff}), 0, 4), func(b []byte) string { return string(b) })
	either := rapid.OneOf(text, raw)
	rapid.Check(t, func(t *rapid.T) {
		prefix := either.Draw(t, "prefix")
		key := either.Draw(t, "key")
		if rapid.Bool().Draw(t, "key begins with prefix") {
			key = prefix + key
		}
		end := storage.PrefixEnd(prefix)
		inRange := key >= prefix && (end == "" || key < end)
		require.Equal(t, strings.HasPrefix(key, prefix), inRange, "prefix %q, end %q, key %q", prefix, end, key)
	})
}
