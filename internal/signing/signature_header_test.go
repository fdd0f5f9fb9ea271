package signing_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// These three bytes are all +, / and = that base64 can show: "++//" and "+w==".
var (
	pluses = []byte{0xfb, 0xef, 0xff}
	padded = []byte{0xfb}
)

func TestHeaderString(t *testing.T) {
	for name, c := range map[string]struct {
		header signing.Header
		want   string
	}{
		"escapes + and /":          {signing.Header{KeyVersion: "1", Signature: pluses}, "algorithm=RSA256, keyVersion=1, signature=%2B%2B%2F%2F"},
		"escapes =":                {signing.Header{KeyVersion: "1", Signature: padded}, "algorithm=RSA256, keyVersion=1, signature=%2Bw%3D%3D"},
		"version zero is written":  {signing.Header{KeyVersion: "0", Signature: padded}, "algorithm=RSA256, keyVersion=0, signature=%2Bw%3D%3D"},
		"no version":               {signing.Header{Signature: padded}, "algorithm=RSA256, signature=%2Bw%3D%3D"},
		"algorithm as it is given": {signing.Header{Algorithm: "rsa256", Signature: padded}, "algorithm=rsa256, signature=%2Bw%3D%3D"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, c.header.String())
		})
	}
}

func TestParseHeaderAccepts(t *testing.T) {
	for name, c := range map[string]struct {
		value      string
		keyVersion string
		signature  []byte
	}{
		"as documented":                {"algorithm=RSA256, keyVersion=1, signature=%2B%2B%2F%2F", "1", pluses},
		"no spaces":                    {"algorithm=RSA256,keyVersion=1,signature=%2B%2B%2F%2F", "1", pluses},
		"many spaces and tabs":         {" algorithm = RSA256 ,\t keyVersion =  1,signature\t=  %2B%2B%2F%2F ", "1", pluses},
		"any order":                    {"signature=%2B%2B%2F%2F, keyVersion=2, algorithm=RSA256", "2", pluses},
		"algorithm in lower case":      {"algorithm=rsa256, keyVersion=1, signature=%2B%2B%2F%2F", "1", pluses},
		"algorithm absent":             {"keyVersion=1, signature=%2B%2B%2F%2F", "1", pluses},
		"names in another case":        {"Algorithm=RSA256, KeyVersion=7, SIGNATURE=%2B%2B%2F%2F", "7", pluses},
		"version absent":               {"algorithm=RSA256, signature=%2B%2B%2F%2F", "", pluses},
		"version empty":                {"algorithm=RSA256, keyVersion=, signature=%2B%2B%2F%2F", "", pluses},
		"version zero":                 {"algorithm=RSA256, keyVersion=0, signature=%2B%2B%2F%2F", "0", pluses},
		"version with an = sign":       {"keyVersion=a=b, signature=%2B%2B%2F%2F", "a=b", pluses},
		"plain base64":                 {"algorithm=RSA256, keyVersion=1, signature=++//", "1", pluses},
		"plain base64 with padding":    {"algorithm=RSA256, keyVersion=1, signature=+w==", "1", padded},
		"half escaped":                 {"algorithm=RSA256, keyVersion=1, signature=+%2B%2f/", "1", pluses},
		"lower-case escapes":           {"algorithm=RSA256, keyVersion=1, signature=%2bw%3d%3d", "1", padded},
		"every character escaped":      {"signature=%2B%77%3D%3D", "", padded},
		"further parameters":           {"algorithm=RSA256, keyVersion=1, nonce=5, signature=%2B%2B%2F%2F", "1", pluses},
		"empty parts":                  {",algorithm=RSA256,, keyVersion=1, signature=%2B%2B%2F%2F,", "1", pluses},
		"escaped line break in middle": {"signature=%2B%2B%0D%0A%2F%2F", "", pluses},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := signing.ParseHeader(c.value)

			require.NoError(t, err)
			require.Equal(t, signing.Header{Algorithm: signing.RSA256, KeyVersion: c.keyVersion, Signature: c.signature}, got)
		})
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		value  string
		is     error
		reason string
	}{
		"empty header":             {"", signing.ErrNoSignature, "there is no Signature header"},
		"only spaces and commas":   {" , ", signing.ErrNoSignature, "there is no Signature header"},
		"no signature parameter":   {"algorithm=RSA256, keyVersion=1", signing.ErrNoSignature, "with a signature parameter"},
		"empty signature":          {"algorithm=RSA256, keyVersion=1, signature= ", signing.ErrNoSignature, "is empty"},
		"only line breaks":         {"signature=%0D%0A", signing.ErrNoSignature, "only line breaks"},
		"ECC224":                   {"algorithm=ECC224, keyVersion=1, signature=AAAA", signing.ErrAlgorithm, `says "ECC224", use RSA256`},
		"empty algorithm":          {"algorithm=, signature=AAAA", signing.ErrAlgorithm, `says ""`},
		"long algorithm is cut":    {"algorithm=" + strings.Repeat("A", 500) + ", signature=AAAA", signing.ErrAlgorithm, `says "` + strings.Repeat("A", 32) + `", use`},
		"no base64":                {"signature=AA*A", signing.ErrEncoding, "not standard base64"},
		"URL-safe base64":          {"signature=--__", signing.ErrEncoding, "not standard base64"},
		"base64 without padding":   {"signature=AAA", signing.ErrEncoding, "not standard base64"},
		"text after padding":       {"signature=AA==AAAA", signing.ErrEncoding, "not standard base64"},
		"escaped space":            {"signature=%20%20//", signing.ErrEncoding, "not standard base64"},
		"escape cut off":           {"signature=AAAA%", signing.ErrEncoding, "two hexadecimal digits"},
		"escape half cut off":      {"signature=AAAA%2", signing.ErrEncoding, "two hexadecimal digits"},
		"escape with a bad first":  {"signature=AAAA%G0", signing.ErrEncoding, "two hexadecimal digits"},
		"escape with a bad second": {"signature=AAAA%0g", signing.ErrEncoding, "two hexadecimal digits"},
		"escaped percent sign":     {"signature=%252B%252B%252F%252F", signing.ErrEncoding, "not standard base64"},
		"part without =":           {"RSA256, signature=AAAA", signing.ErrHeader, "no = sign"},
		"signature twice":          {"signature=AAAA, signature=AAAB", signing.ErrHeader, `"signature" is given twice`},
		"empty signature first":    {"signature=, signature=AAAB", signing.ErrHeader, `"signature" is given twice`},
		"version twice":            {"keyVersion=1, keyversion=2, signature=AAAA", signing.ErrHeader, `"keyversion" is given twice`},
		"algorithm twice":          {"algorithm=RSA256, algorithm=ECC224, signature=AAAA", signing.ErrHeader, `"algorithm" is given twice`},
		"version with a space":     {"keyVersion=1 2, signature=AAAA", signing.ErrHeader, "key version has a character at position 1"},
		"version too long":         {"keyVersion=" + strings.Repeat("1", 65) + ", signature=AAAA", signing.ErrHeader, "key version has 65 characters"},
		"too long":                 {"signature=" + strings.Repeat("A", 4087), signing.ErrHeader, "4097 bytes, more than 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := signing.ParseHeader(c.value)

			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.reason)
			require.Zero(t, got)
		})
	}
}

// A key of 8192 bits is the longest that is accepted.
func TestParseHeaderTakesTheLongestSignature(t *testing.T) {
	want := signing.Header{Algorithm: signing.RSA256, KeyVersion: strings.Repeat("9", 64), Signature: bytes.Repeat([]byte{0x6b, 0xf5, 0x1c, 0x02}, 256)}

	got, err := signing.ParseHeader(want.String())

	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestParseHeaderReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := signing.Header{
			Algorithm:  signing.RSA256,
			KeyVersion: rapid.StringMatching(`[!-+\--~]{0,64}`).Draw(t, "key version"),
			Signature:  rapid.SliceOfN(rapid.Byte(), 1, 900).Draw(t, "signature"),
		}

		got, err := signing.ParseHeader(want.String())

		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestCheckKeyVersion(t *testing.T) {
	for _, good := range []string{"0", "1", "2", "v2.1-b", "!", "~", strings.Repeat("1", 64)} {
		require.NoError(t, signing.CheckKeyVersion(good), good)
	}
	for bad, reason := range map[string]string{
		"":                      "has 0 characters, where 1 to 64 are accepted",
		strings.Repeat("1", 65): "has 65 characters",
		"1,2":                   "position 1",
		" ":                     "position 0",
		"1\r\nX: y":             "position 1",
		"1\x7f":                 "position 1",
		"ab\u00e9":              "position 2",
	} {
		require.ErrorContains(t, signing.CheckKeyVersion(bad), reason, "%q", bad)
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, file := range vectorFiles {
		for _, c := range loadVectors(f, file).VerifyCases {
			f.Add(c.header("Signature", "signature"))
		}
	}
	f.Add("signature=++//,keyVersion=,x=%zz")
	f.Add("keyVersion=1,keyVersion=2")
	f.Add("signature=%2")
	f.Fuzz(func(t *testing.T, value string) {
		header, err := signing.ParseHeader(value)
		if err != nil {
			require.Zero(t, header)
			requireShortLine(t, err)
			return
		}
		require.NotEmpty(t, header.Signature)
		again, err := signing.ParseHeader(header.String())
		require.NoError(t, err)
		require.Equal(t, header, again)
		require.Contains(t, header.String(), strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64.StdEncoding.EncodeToString(header.Signature)))
	})
}

func requireShortLine(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, err.Error(), "\n")
	require.LessOrEqual(t, len(err.Error()), 400, err.Error())
}
