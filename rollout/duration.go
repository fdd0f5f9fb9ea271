package rollout

import (
	"encoding"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a span of time that is written as Go does, with days besides:
// "90s", "1h30m", "2d", "1d12h". A day is 24 hours.
type Duration time.Duration

var (
	_ encoding.TextMarshaler   = Duration(0)
	_ encoding.TextUnmarshaler = (*Duration)(nil)
)

// ParseDuration reads a duration: days, where they come first, and then what
// [time.ParseDuration] reads. Anything else, a bare number too, is an error.
func ParseDuration(text string) (Duration, error) {
	bad := fmt.Errorf("%q is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h", text)
	days, rest, found := strings.Cut(text, "d")
	if !found {
		d, err := time.ParseDuration(text)
		if err != nil || text == "0" {
			return 0, bad
		}
		return Duration(d), nil
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || !isDecimal(days) {
		return 0, bad
	}
	var more time.Duration
	if rest != "" {
		if more, err = time.ParseDuration(rest); err != nil || more < 0 || rest[0] == '+' || rest == "0" {
			return 0, bad
		}
	}
	whole := math.Round(n * float64(24*time.Hour))
	if whole >= math.MaxInt64 {
		return 0, bad
	}
	d := time.Duration(whole) + more
	if d < 0 { // it overflowed
		return 0, bad
	}
	return Duration(d), nil
}

func isDecimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == ""
}

// Std returns the duration as the standard library's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration so that ParseDuration reads it: "2d12h0m0s" as
// "2d12h".
func (d Duration) String() string {
	const day = Duration(24 * time.Hour)
	if d < day {
		return shorten(time.Duration(d))
	}
	text := strconv.FormatInt(int64(d/day), 10) + "d"
	if rest := d % day; rest != 0 {
		text += shorten(time.Duration(rest))
	}
	return text
}

// shorten drops the zero units that [time.Duration.String] ends with.
func shorten(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes what String returns.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalYAML reads what [ParseDuration] reads. The error tells the line.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	if err := d.UnmarshalText([]byte(node.Value)); err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", node.Line, err)}}
	}
	return nil
}

// UnmarshalText reads what [ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
