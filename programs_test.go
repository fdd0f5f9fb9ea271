package alipayplus_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct {
		text string
		want alipayplus.VersionNumber
	}{
		{"1.2.3", alipayplus.VersionNumber{Major: 1, Minor: 2, Patch: 3}},
		{"0.0.0", alipayplus.VersionNumber{}},
		{"10.0.200", alipayplus.VersionNumber{Major: 10, Patch: 200}},
		{"2147483647.0.2147483647", alipayplus.VersionNumber{Major: math.MaxInt32, Patch: math.MaxInt32}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := alipayplus.ParseVersion(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.text, got.String())
		})
	}
}

func TestParseVersionRefuses(t *testing.T) {
	const three, decimal, zero, large = "three numbers", "decimal number", "must not begin with 0", "at most 2147483647"
	for _, tt := range []struct{ text, problem string }{
		{"", three},
		{"1", three},
		{"1.2", three},
		{"1.2.3.4", three},
		{"1..3", decimal},
		{".1.2", decimal},
		{"1.2.", decimal},
		{"v1.2.3", decimal},
		{"1.2.x", decimal},
		{"1.-2.3", decimal},
		{"+1.2.3", decimal},
		{" 1.2.3", decimal},
		{"1.2.3\n", decimal},
		{"1.2.3-rc1", decimal},
		{"1.2e3.4", decimal},
		{"１.2.3", decimal},
		{"01.2.3", zero},
		{"1.00.3", zero},
		{"1.2.03", zero},
		{"2147483648.0.0", large},
		{"1.99999999999999999999.0", large},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := alipayplus.ParseVersion(tt.text)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.ErrorContains(t, err, tt.problem)
			require.Zero(t, got)
		})
	}
}

func TestParseVersionShowsTheBeginningOfWhatItRefuses(t *testing.T) {
	exact, long := strings.Repeat("9", 32), strings.Repeat("9", 33)
	_, err := alipayplus.ParseVersion(exact)
	require.ErrorContains(t, err, `"`+exact+`"`)
	_, err = alipayplus.ParseVersion(long)
	require.ErrorContains(t, err, `"`+exact+`..."`)
	require.NotContains(t, err.Error(), long)
}

func TestVersionsCompareByNumberNotByText(t *testing.T) {
	// given versions in rising order
	rising := []alipayplus.VersionNumber{
		{},
		{Patch: 1},
		{Patch: 9},
		{Patch: 10},
		{Minor: 1},
		{Minor: 2, Patch: 9},
		{Minor: 10},
		{Major: 1},
		{Major: 2, Minor: 9, Patch: 9},
		{Major: 10},
	}
	for i, v := range rising {
		for j, w := range rising {
			switch {
			case i < j:
				require.Equal(t, -1, v.Compare(w), "%v and %v", v, w)
			case i > j:
				require.Equal(t, 1, v.Compare(w), "%v and %v", v, w)
			default:
				require.Zero(t, v.Compare(w), "%v and itself", v)
			}
		}
		require.Equal(t, i == 0, v.IsZero(), "%v", v)
	}
}

func TestCheckHigher(t *testing.T) {
	v := alipayplus.VersionNumber{Major: 1, Minor: 2, Patch: 3}
	require.NoError(t, v.CheckHigher(alipayplus.VersionNumber{}))
	require.NoError(t, v.CheckHigher(alipayplus.VersionNumber{Major: 1, Minor: 2, Patch: 2}))
	require.Error(t, alipayplus.VersionNumber{}.CheckHigher(alipayplus.VersionNumber{}), "0.0.0 is no version to upload")

	for _, highest := range []alipayplus.VersionNumber{v, {Major: 2}} {
		err := v.CheckHigher(highest)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.EqualError(t, err, "version: 1 field not valid: version must be higher than "+highest.String()+", the highest so far; got 1.2.3")
	}
}

func TestVersionsAreTextInJSON(t *testing.T) {
	type document struct {
		Version alipayplus.VersionNumber `json:"version"`
	}
	data, err := json.Marshal(document{alipayplus.VersionNumber{Major: 1, Patch: 7}})
	require.NoError(t, err)
	require.JSONEq(t, `{"version":"1.0.7"}`, string(data))

	var got document
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, alipayplus.VersionNumber{Major: 1, Patch: 7}, got.Version)

	require.Error(t, json.Unmarshal([]byte(`{"version":"1.0"}`), &got))
	require.Error(t, json.Unmarshal([]byte(`{"version":1}`), &got))
	require.Equal(t, alipayplus.VersionNumber{Major: 1, Patch: 7}, got.Version, "what cannot be read changes nothing")
}

func TestVersionOrderIsThatOfItsParts(t *testing.T) {
	part := rapid.Int32Range(0, math.MaxInt32)
	version := rapid.Custom(func(t *rapid.T) alipayplus.VersionNumber {
		return alipayplus.VersionNumber{Major: part.Draw(t, "x"), Minor: part.Draw(t, "y"), Patch: part.Draw(t, "z")}
	})
	rapid.Check(t, func(t *rapid.T) {
		v, w := version.Draw(t, "v"), version.Draw(t, "w")
		parsed, err := alipayplus.ParseVersion(v.String())
		require.NoError(t, err)
		require.Equal(t, v, parsed)
		require.Equal(t, -w.Compare(v), v.Compare(w))
		require.Equal(t, v == w, v.Compare(w) == 0)
		require.Equal(t, v.Compare(w) > 0, v.CheckHigher(w) == nil)
	})
}

func FuzzParseVersion(f *testing.F) {
	for _, text := range []string{"", "1.2.3", "0.0.0", "01.2.3", "1.2.2147483648", "1..2", "\xff.1.2", strings.Repeat("1", 40)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := alipayplus.ParseVersion(text)
		if err != nil {
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
			require.Zero(t, v)
			return
		}
		require.Equal(t, text, v.String(), "there is one way to write a version")
		require.GreaterOrEqual(t, min(v.Major, v.Minor, v.Patch), int32(0))
	})
}

func TestQRCodePicture(t *testing.T) {
	content := picture(t)
	code := alipayplus.QRCode{Picture: base64.StdEncoding.EncodeToString(content), PictureType: "PNG"}

	got, err := code.PNG()
	require.NoError(t, err)
	require.Equal(t, content, got)

	// saving replaces what was there
	name := filepath.Join(t.TempDir(), "code.png")
	require.NoError(t, os.WriteFile(name, bytes.Repeat([]byte("x"), 2*len(content)), 0o600))
	require.NoError(t, code.Save(name))
	saved, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, content, saved)
}

func TestQRCodePictureThatIsNone(t *testing.T) {
	var photo bytes.Buffer
	require.NoError(t, jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 4, 4)), nil))
	for _, tt := range []struct{ name, picture, want string }{
		{"empty", "", `QR code: the picture (type "JPG") is no PNG`},
		{"not base64", "<html>", "QR code: the picture is not base64"},
		{"not a PNG", base64.StdEncoding.EncodeToString(photo.Bytes()), `QR code: the picture (type "JPG") is no PNG`},
		{"cut off", base64.StdEncoding.EncodeToString(picture(t)[:20]), `QR code: the picture (type "JPG") is no PNG`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := alipayplus.QRCode{Picture: tt.picture, PictureType: "JPG"}
			_, err := code.PNG()
			require.EqualError(t, err, tt.want)

			name := filepath.Join(t.TempDir(), "code.png")
			require.EqualError(t, code.Save(name), tt.want)
			require.NoFileExists(t, name)
		})
	}
}

func TestQRCodeCannotBeSavedWhereNothingIs(t *testing.T) {
	code := alipayplus.QRCode{Picture: base64.StdEncoding.EncodeToString(picture(t))}
	err := code.Save(filepath.Join(t.TempDir(), "missing", "code.png"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "QR code: save the picture: ")
}

func TestLanguagesAreComparedAsTags(t *testing.T) {
	for given, want := range map[string]string{
		"zh-CN": "zh-CN", "ZH-cn": "zh-CN", "zh-hans-cn": "zh-Hans-CN", "EN": "en", "iw": "he", "de-latn-DE": "de-Latn-DE",
		"": "", "not a tag": "not a tag",
	} {
		require.Equal(t, want, alipayplus.CanonicalLanguage(given), given)
	}
	twice := []alipayplus.Localization{{Language: "zh-CN", Name: "茶"}, {Language: "ZH-cn", Name: "tea"}}
	for _, in := range []interface{ Validate() error }{alipayplus.CreateProgramInput{Languages: twice}, alipayplus.AddLanguagesInput{ProgramID: "p", Languages: twice}} {
		require.ErrorContains(t, in.Validate(), "languages must not name the same thing twice")
	}
	p := &alipayplus.Program{DefaultLanguage: "zh-CN", Languages: []alipayplus.Localization{{Language: "ZH-cn", Name: "茶"}, {Language: "iw", Name: "te"}}}
	require.Equal(t, "茶", p.Name())
	require.Equal(t, []string{"EN", "zh-Hans"}, p.MissingLanguages([]string{"zh-cn", "HE", "EN", "zh-Hans"}))
	require.Equal(t, []alipayplus.Localization{{Language: "zh-CN", Name: "tea"}, {Language: "iw", Name: "te"}, {Language: "en-GB", Name: "tea"}},
		p.WithLanguages([]alipayplus.Localization{{Language: "zh-cn", Name: "tea"}, {Language: "en-gb", Name: "tea"}}))
	require.Equal(t, "茶", p.Languages[0].Name, "the mini program itself is not changed")
}
