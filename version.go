package alipayplus

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// VersionNumber is the number x.y.z of an uploaded version. Each part is 0 to
// 2147483647, as AlipayCN documents; Alipay+'s own rules are not documented.
// VersionNumbers can be compared with ==. It marshals as the text "x.y.z".
type VersionNumber struct {
	// Major is x.
	Major int32
	// Minor is y.
	Minor int32
	// Patch is z.
	Patch int32
}

// ParseVersion reads "x.y.z": three decimal numbers without sign, spaces or
// leading zeros. The error matches [ErrInvalid] and says what is wrong.
func ParseVersion(s string) (VersionNumber, error) {
	var v VersionNumber
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return v, versionError(s, "it must have three numbers, as in 1.2.0")
	}
	for i, part := range []*int32{&v.Major, &v.Minor, &v.Patch} {
		n, problem := versionPart(parts[i])
		if problem != "" {
			return VersionNumber{}, versionError(s, problem)
		}
		*part = n
	}
	return v, nil
}

func versionPart(s string) (n int32, problem string) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, "each part must be a decimal number"
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, "a part must not begin with 0"
	}
	n64, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, fmt.Sprintf("a part must be at most %d", math.MaxInt32)
	}
	return int32(n64), ""
}

func versionError(s, problem string) error {
	const shown = 32
	if len(s) > shown {
		s = s[:shown] + "..."
	}
	return &ValidationError{Subject: "version number", Fields: []FieldError{
		{Path: "version", Message: fmt.Sprintf("%q is not of the form x.y.z: %s", s, problem)},
	}}
}

// String returns "x.y.z".
func (v VersionNumber) String() string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// Compare returns -1, 0 or +1 as v is lower than, equal to, or higher than w.
func (v VersionNumber) Compare(w VersionNumber) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// IsZero says whether v is 0.0.0, which no uploaded version has.
func (v VersionNumber) IsZero() bool { return v == VersionNumber{} }

// MarshalText writes "x.y.z".
func (v VersionNumber) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what [ParseVersion] reads.
func (v *VersionNumber) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// CheckHigher says whether v may be uploaded after highest, the highest version
// so far (zero when there is none): it must be above it. That is documented for
// AlipayCN's own API; for Alipay+ it is not documented.
func (v VersionNumber) CheckHigher(highest VersionNumber) error {
	if v.Compare(highest) > 0 {
		return nil
	}
	return &ValidationError{Subject: "version", Fields: []FieldError{
		{Path: "version", Message: fmt.Sprintf("must be higher than %v, the highest so far; got %v", highest, v)},
	}}
}
