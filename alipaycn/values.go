package alipaycn

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// Version is a version number as AlipayCN sends it, normally x.y.z. Answers
// keep the text, so that one version with an unusual number does not make a
// whole list unreadable.
type Version string

// Number reads x.y.z. The error matches [alipayplus.ErrInvalid].
func (v Version) Number() (alipayplus.VersionNumber, error) {
	return alipayplus.ParseVersion(string(v))
}

// Is says whether v is the number n.
func (v Version) Is(n alipayplus.VersionNumber) bool {
	return strings.TrimSpace(string(v)) == n.String()
}

// Bool is a boolean that AlipayCN documents as one. It is read from a boolean,
// a text or a number; null and "" are false.
type Bool bool

// UnmarshalJSON reads true, "true", "Y", 1, "1" and their opposites.
func (b *Bool) UnmarshalJSON(data []byte) error { return readBool(data, (*bool)(b)) }

// TextBool is a boolean that AlipayCN documents as the text "true" or "false".
// It is written so, and read as [Bool] is.
type TextBool bool

// MarshalJSON writes "true" or "false".
func (b TextBool) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatBool(bool(b))), nil
}

// UnmarshalJSON reads what [Bool] reads.
func (b *TextBool) UnmarshalJSON(data []byte) error { return readBool(data, (*bool)(b)) }

// Int is a whole number that AlipayCN documents as one. It is read from a
// number or a text; null and "" are 0.
type Int int64

// UnmarshalJSON reads 15, "15", 15.0 and 1.5E1.
func (i *Int) UnmarshalJSON(data []byte) error { return readInt(data, (*int64)(i)) }

// TextInt is a whole number that AlipayCN documents as a text. It is written
// so, and read as [Int] is.
type TextInt int64

// MarshalJSON writes the number as a text.
func (i TextInt) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(i), 10)), nil
}

// UnmarshalJSON reads what [Int] reads.
func (i *TextInt) UnmarshalJSON(data []byte) error { return readInt(data, (*int64)(i)) }

// Time is a point in time that AlipayCN writes as "yyyy-MM-dd HH:mm:ss" or as
// "yyyy-MM-dd". That it means Beijing time is inferred, not documented. Other forms are
// read where only one time can be meant: ISO 8601, slashes, a year first in Chinese,
// digits alone, and milliseconds or seconds since 1970; this is the project's own. The
// zero Time is no time.
type Time struct{ time.Time }

// MarshalJSON writes Beijing time, to the second; the zero Time is "".
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte(`""`), nil
	}
	return strconv.AppendQuote(nil, t.In(beijing()).Format(time.DateTime)), nil
}

// UnmarshalJSON reads these forms; null, "" and "0000-00-00 00:00:00" are the zero Time.
func (t *Time) UnmarshalJSON(data []byte) error {
	_, err := t.read(data)
	return err
}

// read is UnmarshalJSON, and says whether the value is of a form that AlipayCN documents.
func (t *Time) read(data []byte) (usual bool, err error) {
	text, err := scalarText(data)
	if err != nil {
		return false, err
	}
	*t = Time{}
	at, usual := readTime(text)
	if !at.IsZero() {
		*t = Time{at}
	} else if strings.Trim(text, "0-: ") != "" {
		return false, errors.New("must be a time of the form yyyy-MM-dd HH:mm:ss")
	}
	return usual || text == "", nil
}

// readTime reads a time, as Beijing's where it names no zone, and returns it as Beijing's. It says whether it is of a
// form that AlipayCN documents. It returns the zero time when it is none, or may be several.
func readTime(text string) (at time.Time, usual bool) {
	for _, layout := range []string{time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, beijing()); err == nil && len(text) == len(layout) {
			return at, true
		}
	}
	if strings.Trim(text, "0123456789") == "" {
		return readDigits(text), false
	}
	plain := strings.NewReplacer("/", "-", "年", "-", "月", "-", "日", " ", "时", ":", "分", ":", "秒", "", "T", " ", "t", " ", "z", "Z").Replace(text)
	for _, layout := range timeLayouts() {
		for _, text := range []string{text, strings.TrimRight(strings.Join(strings.Fields(plain), " "), ":")} {
			if at, err := time.ParseInLocation(layout, text, beijing()); err == nil {
				return at.In(beijing()), false
			}
		}
	}
	return time.Time{}, false
}

// timeLayouts are the forms of a time, besides those of digits alone, in which only one
// can be meant: no day before a month in figures, no zone by its letters but GMT.
func timeLayouts() []string {
	layouts := []string{time.RFC1123Z, "Jan 2, 2006 3:04:05 PM", "Jan 2, 2006, 3:04:05 PM"}
	for _, day := range []string{"2006-1-2", "2006.1.2"} {
		layouts = append(layouts, day, day+" 15")
		for _, zone := range []string{"", "Z07:00", "Z0700", "Z07", " Z07:00", " Z0700"} {
			layouts = append(layouts, day+" 15:04:05"+zone, day+" 15:04"+zone)
		}
	}
	return layouts
}

// readDigits reads yyyyMMdd, with or without HHmm and ss, and seconds or milliseconds since
// 1970, which their number of digits distinguishes. It returns the zero time for others,
// and for seconds that may also be yyyyMMddHH.
func readDigits(text string) time.Time {
	const layout, earliest = "20060102150405", 1990
	n, err := strconv.ParseInt(text, 10, 64)
	var at time.Time
	switch len(text) {
	case len("20060102"), len("200601021504"), len(layout):
		at, err = time.ParseInLocation(layout[:len(text)], text, beijing())
	case len("1000000000"):
		if hour, bad := time.Parse("2006010215", text); bad == nil && hour.Year() >= earliest {
			return time.Time{}
		}
		at = time.Unix(n, 0).In(beijing())
	case len("1000000000000"):
		at = time.UnixMilli(n).In(beijing())
	}
	if err != nil || at.Year() < earliest {
		return time.Time{}
	}
	return at
}

// beijing is the zone of AlipayCN's times. China has had no other offset since
// 1991, so no time zone database is needed.
func beijing() *time.Location {
	const hour = 60 * 60
	return time.FixedZone("", 8*hour) // without a name: CST means other zones, too
}

// Date is a day as "yyyy-MM-dd".
type Date string

// NoEnd is the date that stands for a licence without end (documented).
const NoEnd Date = "9999-12-31"

// DateOf returns the day of t in Beijing.
func DateOf(t time.Time) Date { return Date(t.In(beijing()).Format(time.DateOnly)) }

func (d Date) valid() bool {
	_, err := time.Parse(time.DateOnly, string(d))
	return err == nil
}

func readBool(data []byte, into *bool) error {
	text, err := scalarText(data)
	if err != nil {
		return err
	}
	switch strings.ToLower(text) {
	case "true", "1", "y", "yes":
		*into = true
	case "false", "0", "n", "no", "":
		*into = false
	default:
		return errors.New("must be true or false")
	}
	return nil
}

func readInt(data []byte, into *int64) error {
	text, err := scalarText(data)
	if err != nil {
		return err
	}
	if text == "" {
		*into = 0
		return nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0") != "" {
		scientific, ok := readScientific(text)
		if !ok {
			return errors.New("must be a whole number")
		}
		n = scientific
	}
	*into = n
	return nil
}

// readScientific reads a whole number such as 3.1536E7, where no digit can be lost.
func readScientific(text string) (int64, bool) {
	const exact = 1 << 53
	if !strings.ContainsAny(text, "eE") {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && math.Abs(f) < exact && f == math.Trunc(f)
}

// scalarText returns a JSON text as what it says, a number or boolean as it is
// written, and null as "".
func scalarText(data []byte) (string, error) {
	data = bytes.TrimSpace(data)
	switch {
	case bytes.Equal(data, []byte("null")):
		return "", nil
	case len(data) > 1 && data[0] == '"' && data[len(data)-1] == '"':
		return strings.TrimSpace(textOf(data)), nil
	case len(data) == 0 || data[0] == '{' || data[0] == '[':
		return "", errors.New("must be a text, a number or a boolean")
	default:
		return string(data), nil
	}
}
