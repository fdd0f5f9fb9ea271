package cnwire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// ErrCharset says that a text is not in the charset that it should be in.
var ErrCharset = errors.New("text is not in its charset")

// Charset is how texts are encoded: UTF-8, or GBK, which the console offers too and
// its own check of a gateway address uses.
type Charset struct{ other encoding.Encoding } // nil: UTF-8

// ParseCharset finds a charset by the name that AlipayCN or a Content-Type gives
// it. "" is UTF-8.
func ParseCharset(name string) (Charset, error) {
	switch strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", "-")) {
	case "", "utf-8", "utf8":
		return Charset{}, nil
	case "gbk", "gb2312", "cp936", "x-gbk":
		return Charset{simplifiedchinese.GBK}, nil
	case "gb18030":
		return Charset{simplifiedchinese.GB18030}, nil
	default:
		return Charset{}, fmt.Errorf("the charset is %.32q: set UTF-8 or GBK in the console", name)
	}
}

// UTF8 says that texts need no decoding.
func (c Charset) UTF8() bool { return c.other == nil }

// Decode returns a text of the charset in UTF-8. The error is [ErrCharset].
func (c Charset) Decode(text string) (string, error) {
	if c.other == nil {
		if !utf8.ValidString(text) {
			return "", ErrCharset
		}
		return text, nil
	}
	decoded, err := c.other.NewDecoder().String(text)
	// The decoder puts U+FFFD where it cannot read; GB18030 alone has that rune.
	if err != nil || strings.Count(decoded, "\ufffd") > strings.Count(text, "\x84\x31\xa4\x37") {
		return "", ErrCharset
	}
	return decoded, nil
}

// Encode undoes [Charset.Decode]. The error is [ErrCharset]: the text has a
// character that the charset lacks, or is no UTF-8.
func (c Charset) Encode(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", ErrCharset
	}
	if c.other == nil {
		return text, nil
	}
	encoded, err := c.other.NewEncoder().String(text)
	if err != nil {
		return "", ErrCharset
	}
	return encoded, nil
}
