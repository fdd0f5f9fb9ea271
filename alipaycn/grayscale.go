package alipaycn

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// GrayStrategy is the share of users who get a version in grayscale, as
// AlipayCN writes it: "p10" is 10 percent. It is open to unknown values.
type GrayStrategy string

// The three strategies that AlipayCN documents.
const (
	// GrayP10 is 10 percent of the users.
	GrayP10 GrayStrategy = "p10"
	// GrayP30 is 30 percent of the users.
	GrayP30 GrayStrategy = "p30"
	// GrayP50 is 50 percent of the users.
	GrayP50 GrayStrategy = "p50"
)

// GrayLadder returns the ratios that AlipayCN's public API offers: 10, 30, 50
// and then 100, the full release, which is not a grayscale release but
// publishing the version. Other ratios, such as 1 or 70 percent, exist in
// Alipay+'s console only.
func GrayLadder() alipayplus.Ladder {
	ladder, _ := alipayplus.NewLadder(10, 30, 50, alipayplus.FullRatio) // these ratios are a ladder
	return ladder
}

// GrayStrategyOf returns the strategy for a ratio of 10, 30 or 50 percent. Any
// other ratio is an error that matches [alipayplus.ErrInvalid]: an
// [alipayplus.RatioError] with the ratios allowed, or, for 100 percent, an
// [alipayplus.ValidationError] that says to publish.
func GrayStrategyOf(ratio alipayplus.Ratio) (GrayStrategy, error) {
	if err := GrayLadder().CheckRaise(0, ratio); err != nil {
		return "", err
	}
	if ratio == alipayplus.FullRatio {
		return "", &alipayplus.ValidationError{Subject: "grayscale", Fields: []alipayplus.FieldError{
			{Path: "gray_strategy", Message: "cannot be 100%; publish the version (versions.publish)"},
		}}
	}
	return GrayStrategy("p" + strconv.Itoa(int(ratio))), nil
}

// Known says whether AlipayCN documents the strategy.
func (s GrayStrategy) Known() bool { return s == GrayP10 || s == GrayP30 || s == GrayP50 }

// Ratio returns the share in percent, and false when s is empty or not of the
// form p1 to p100. It reads undocumented strategies such as "p70" too.
func (s GrayStrategy) Ratio() (alipayplus.Ratio, bool) {
	digits, ok := strings.CutPrefix(string(s), "p")
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > int(alipayplus.FullRatio) {
		return 0, false
	}
	return alipayplus.Ratio(n), true
}

// GrayInput is the input of versions.gray (alipay.open.mini.version.gray.online),
// which starts the grayscale release of a version that passed its review, or
// raises it. That raising is done by the same call is inferred from the error
// code GRAY_STRATEGY_NOT_ALLOW_REDUCE.
type GrayInput struct {
	// Version is the version; its status must be WAIT_RELEASE or GRAY. Required.
	Version alipayplus.VersionNumber `json:"app_version,omitzero"`
	// Strategy is the share of users; it can only grow. Required.
	Strategy GrayStrategy `json:"gray_strategy,omitempty"`
	// BundleID is the client; empty: the Alipay wallet.
	BundleID BundleID `json:"bundle_id,omitempty"`

	// Known is the version as read right before by versions.get; may be nil. When it is
	// given, the state before the write is not read again. One of another version is ignored.
	// One that is out of date can have a write repeated that somebody undid: nil when in doubt.
	Known *VersionDetail `json:"-"`
}

// Validate checks the fields.
func (in GrayInput) Validate() error {
	var p problems
	p.version(in.Version)
	if p.required("gray_strategy", string(in.Strategy)) && !in.Strategy.Known() {
		p.Add("gray_strategy", fmt.Sprintf("must be p10, p30 or p50; got %q", shortened(string(in.Strategy), longestWrong)))
	}
	return p.of(in, "grayscale")
}

func (in GrayInput) about() versionWrite {
	return versionWrite{version: in.Version, bundle: in.BundleID, strategy: in.Strategy, known: in.Known}
}
