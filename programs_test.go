package alipayplus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestProgramName(t *testing.T) {
	p := alipayplus.Program{DefaultLanguage: "zh-CN", Languages: []alipayplus.Localization{
		{Language: "en", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
	}}
	require.Equal(t, "蓝湖茶", p.Name())
	p.DefaultLanguage = "ja"
	require.Empty(t, p.Name())
}

func TestMissingLanguages(t *testing.T) {
	p := alipayplus.Program{Languages: []alipayplus.Localization{{Language: "en"}, {Language: "zh-CN"}}}
	needed := []string{"zh-HK", "en", "ja", "zh-CN"}
	require.Equal(t, []string{"zh-HK", "ja"}, p.MissingLanguages(needed))
	require.Equal(t, []string{"zh-HK", "en", "ja", "zh-CN"}, needed, "what was given is not changed")
	require.Empty(t, p.MissingLanguages([]string{"en"}))
	require.Empty(t, p.MissingLanguages([]string{"EN", "zh-cn"}), "the case of a language tag means nothing")
	require.Empty(t, p.MissingLanguages(nil))
	require.Equal(t, []string{"en"}, new(alipayplus.Program).MissingLanguages([]string{"en"}))
}

func TestLogo(t *testing.T) {
	for _, tt := range []struct {
		name string
		file alipayplus.File
		want []string
	}{
		{"square", alipayplus.File{Width: 180, Height: 180, Size: 1000}, nil},
		{"as large as may be", alipayplus.File{Width: 180, Height: 180, Size: 262144}, nil},
		{"too large", alipayplus.File{Width: 180, Height: 180, Size: 262145}, []string{"logoFileId must have at most 262144 bytes; has 262145"}},
		{"wide", alipayplus.File{Width: 181, Height: 180, Size: 1}, []string{"logoFileId must be a square image; it has 181 x 180 pixels"}},
		{"no image", alipayplus.File{Size: 1}, []string{"logoFileId must be a square image; it has 0 x 0 pixels"}},
		{
			"both",
			alipayplus.File{Width: 1, Height: 2, Size: 300000},
			[]string{"logoFileId must be a square image; it has 1 x 2 pixels", "logoFileId must have at most 262144 bytes; has 300000"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, brokenFields(t, tt.file.CheckLogo()))
		})
	}
}
