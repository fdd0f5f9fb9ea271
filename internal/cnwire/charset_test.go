package cnwire_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

func TestCharsets(t *testing.T) {
	for name, c := range map[string]struct{ encoded, text string }{
		"":        {"首页", "首页"},
		"UTF-8":   {"首页", "首页"},
		"utf8":    {"a", "a"},
		"GBK":     {"\xca\xd7\xd2\xb3", "首页"},
		"gb2312":  {"\xca\xd7\xd2\xb3", "首页"},
		"GB18030": {"\xca\xd7\x84\x31\xa4\x37", "首\ufffd"},
	} {
		charset, err := cnwire.ParseCharset(name)
		require.NoError(t, err)
		text, err := charset.Decode(c.encoded)
		require.NoError(t, err, name)
		require.Equal(t, c.text, text)
		encoded, err := charset.Encode(text)
		require.NoError(t, err)
		require.Equal(t, c.encoded, encoded)

		_, err = charset.Decode("\xff\xff")
		require.ErrorIs(t, err, cnwire.ErrCharset, name)
		_, err = charset.Encode("\xff")
		require.ErrorIs(t, err, cnwire.ErrCharset, name)
	}
	_, err := cnwire.ParseCharset("latin1")
	require.ErrorContains(t, err, `the charset is "latin1": set UTF-8 or GBK`)
	gbk, err := cnwire.ParseCharset("gbk")
	require.NoError(t, err)
	_, err = gbk.Encode("\U0001f600")
	require.ErrorIs(t, err, cnwire.ErrCharset, "GBK has no such character")
}

func FuzzCharset(f *testing.F) {
	f.Add("GBK", "\xca\xd7")
	f.Add("GB18030", "\x84\x31\xa4\x37\xff")
	f.Add("", "首页\ufffd")
	f.Fuzz(func(t *testing.T, name, encoded string) {
		charset, err := cnwire.ParseCharset(name)
		if err != nil {
			return
		}
		if text, err := charset.Decode(encoded); err == nil {
			require.True(t, utf8.ValidString(text))
			return
		}
		require.True(t, !charset.UTF8() || !utf8.ValidString(encoded))
	})
}
