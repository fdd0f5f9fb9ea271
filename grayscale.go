package alipayplus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// Ratio is the share of users who get a release, in percent: 1 to 100. Zero
// means that no user gets it.
type Ratio int

// FullRatio is the full release, 100 percent.
const FullRatio Ratio = 100

// String returns the ratio with a percent sign: "30%".
func (r Ratio) String() string { return strconv.Itoa(int(r)) + "%" }

// Ladder is the ordered list of grayscale ratios that a target app offers. The
// zero Ladder offers none. A Ladder never changes and is safe for concurrent use.
type Ladder struct {
	ratios []Ratio
}

// NewLadder makes a ladder of ratios in percent. They must rise strictly, lie
// between 1 and 100, and end with 100; else the error is a [ValidationError].
func NewLadder(ratios ...Ratio) (Ladder, error) {
	var p problems
	if len(ratios) == 0 {
		p.Add("ratios", "must have at least 1 entry")
	}
	path := func(i int) string { return fmt.Sprintf("ratios[%d]", i) }
	for i, r := range ratios {
		if r < 1 || r > FullRatio {
			p.Add(path(i), fmt.Sprintf("must be between 1 and 100; got %d", r))
		}
		if i > 0 && r <= ratios[i-1] {
			p.Add(path(i), fmt.Sprintf("must be above the ratio before it; got %d after %d", r, ratios[i-1]))
		}
	}
	if n := len(ratios); n > 0 && ratios[n-1] != FullRatio {
		p.Add(path(n-1), fmt.Sprintf("must be 100, the full release, because it is the last; got %d", ratios[n-1]))
	}
	if err := invalid("ladder", p); err != nil {
		return Ladder{}, err
	}
	return Ladder{ratios: slices.Clone(ratios)}, nil
}

// DefaultLadder returns 1, 5, 10, 20, 30, 50, 100. That there are seven ratios
// from 1 % to 100 % is documented ("Release mini programs"); the five between
// are not documented. A platform announces its own ladder with each release.
func DefaultLadder() Ladder {
	return Ladder{ratios: []Ratio{1, 5, 10, 20, 30, 50, 100}}
}

// Ratios returns the ratios in rising order. The slice is the caller's.
func (l Ladder) Ratios() []Ratio { return slices.Clone(l.ratios) }

// IsZero says whether the ladder offers no ratio, as one that was never announced.
func (l Ladder) IsZero() bool { return len(l.ratios) == 0 }

// Contains says whether the ladder offers the ratio.
func (l Ladder) Contains(r Ratio) bool { return slices.Contains(l.ratios, r) }

// Next returns the lowest ratio above r, and false when there is none.
func (l Ladder) Next(r Ratio) (Ratio, bool) {
	above := l.above(r)
	if len(above) == 0 {
		return 0, false
	}
	return above[0], true
}

// From returns the ratios that may be chosen while r is live: all above r, in
// rising order. From(0) is the whole ladder.
func (l Ladder) From(r Ratio) []Ratio { return slices.Clone(l.above(r)) }

func (l Ladder) above(r Ratio) []Ratio {
	i := slices.IndexFunc(l.ratios, func(rung Ratio) bool { return rung > r })
	if i < 0 {
		return nil
	}
	return l.ratios[i:]
}

// CheckRaise says whether a release at from percent (0 before the first
// grayscale) may go to to percent: to must be on the ladder and above from.
// Otherwise the error is a [RatioError] that names the ratios allowed. That the
// ratio only rises is documented as the way to work ("gradually increase"); that
// a lower one is refused is documented for AlipayCN's own API alone.
func (l Ladder) CheckRaise(from, to Ratio) error {
	if l.Contains(to) && to > from {
		return nil
	}
	return &RatioError{From: from, To: to, Allowed: l.From(from)}
}

// String returns the ratios, comma separated: "1%, 10%, 100%".
func (l Ladder) String() string { return joinRatios(l.ratios) }

// MarshalJSON writes the ladder as an array of percentages.
func (l Ladder) MarshalJSON() ([]byte, error) {
	if l.ratios == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(l.ratios)
}

// UnmarshalJSON reads an array of percentages by the rules of [NewLadder]; null
// and an empty array give the zero Ladder.
func (l *Ladder) UnmarshalJSON(data []byte) error {
	var ratios []Ratio
	if err := json.Unmarshal(data, &ratios); err != nil {
		return fmt.Errorf("ladder: %w", err)
	}
	if len(ratios) == 0 {
		*l = Ladder{}
		return nil
	}
	ladder, err := NewLadder(ratios...)
	if err != nil {
		return err
	}
	*l = ladder
	return nil
}

func joinRatios(ratios []Ratio) string {
	texts := make([]string, len(ratios))
	for i, r := range ratios {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// RatioError says that a grayscale ratio may not be chosen, and which may. It
// matches [ErrInvalid].
type RatioError struct {
	// From is the live ratio in percent; 0 before the first grayscale.
	From Ratio `json:"from"`
	// To is the refused ratio in percent.
	To Ratio `json:"to"`
	// Allowed are the ratios that may be chosen now, in rising order.
	Allowed []Ratio `json:"allowed"`
}

// Error names the refused ratio, the live one and those that are allowed.
func (e *RatioError) Error() string {
	if e.From >= FullRatio {
		return fmt.Sprintf("ratio %v: the release is complete at 100%%; nothing is left to raise", e.To)
	}
	reason := "it is not on the ladder"
	if e.To <= e.From {
		reason = fmt.Sprintf("it is not above the live ratio %v", e.From)
	}
	return fmt.Sprintf("ratio %v is not allowed: %s; allowed now: %s", e.To, reason, cmp.Or(joinRatios(e.Allowed), "none"))
}

// Unwrap returns [ErrInvalid].
func (e *RatioError) Unwrap() error { return ErrInvalid }

// Grayscale is how far a release has come on its ladder.
type Grayscale struct {
	// Ratio is the live ratio in percent; 0 before the first step.
	Ratio Ratio `json:"ratio"`
	// Ladder are the ratios that the target app offers for this release.
	Ladder Ladder `json:"ladder"`
	// Steps are the ratios set so far, oldest first.
	Steps []GrayscaleStep `json:"steps,omitempty"`
}

// GrayscaleStep is one ratio that was set.
type GrayscaleStep struct {
	// Ratio is the ratio that was set, in percent.
	Ratio Ratio `json:"ratio"`
	// By is the member who set it.
	By string `json:"by"`
	// At is when.
	At time.Time `json:"at"`
}

// GrayscaleInput is what [ReleasesClient.StartGrayscale] and
// [ReleasesClient.Raise] take. [Release.GrayscaleTo] fills it from a release.
type GrayscaleInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// From is the ratio in percent that is live as far as the caller knows, 0
	// before the first. When another one is live the call fails with [ErrConflict]
	// and changes nothing.
	From Ratio `json:"from" validate:"min=0,max=100"`
	// Ratio is the ratio to set, in percent.
	Ratio Ratio `json:"ratio" validate:"min=1,max=100"`
	// Ladder is the release's ladder as the caller last read it. When given,
	// the ratio is checked against it before anything is sent.
	Ladder Ladder `json:"-"`
	// AllowDowngrade sets the ratio also when a higher version is fully released, so
	// that users go back to this one; see [DowngradeError].
	AllowDowngrade bool `json:"allowDowngrade,omitempty"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields, and the step against the ladder when one is given.
// The error is a [ValidationError] or a [RatioError], or matches [ErrConflict] when all
// users have the release already.
func (in GrayscaleInput) Validate() error {
	if err := validate("grayscale", in, nil); err != nil {
		return err
	}
	if in.From == FullRatio {
		return fmt.Errorf("%w: the release is complete at 100%%; nothing is left to raise", ErrConflict)
	}
	if in.Ladder.IsZero() {
		return nil
	}
	return in.Ladder.CheckRaise(in.From, in.Ratio)
}

// GrayscaleTo returns the input that takes the release, as it was last read, to
// the given ratio in percent.
func (r *Release) GrayscaleTo(ratio Ratio) GrayscaleInput {
	return GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: ratio, Ladder: r.Grayscale.Ladder}
}

// StartGrayscale begins the grayscale release of a release in preparation, at
// any ratio of its ladder; it goes live for that share of users. A ratio of 100
// is the full release. in.From must be 0.
//
// Errors: [RatioError], [ErrConflict] when the release is not in preparation,
// [AuthorizationRequiredError] when the authorization was taken back meanwhile,
// [DowngradeError] as a conflict when a higher version is fully released and
// in.AllowDowngrade is not set (both this project's own rules), [ErrPermission],
// [ErrNotFound].
func (c *ReleasesClient) StartGrayscale(ctx context.Context, in GrayscaleInput) (*Release, error) {
	if in.From != 0 {
		return nil, notSent(contract.ReleaseRaise, &ValidationError{Subject: "grayscale", Fields: []FieldError{
			{Path: "from", Message: "must be 0 to start; use Raise for a release that is in grayscale"},
		}})
	}
	return sendWrite[Release](ctx, c.client, contract.ReleaseRaise, &in, &in.RequestID)
}

// Raise takes a release in grayscale to a higher ratio of its ladder. A ratio of
// 100 is the full release. A ratio never goes down.
//
// Errors: [RatioError], [ErrConflict] when another ratio than in.From is live or
// the release is not in grayscale, [AuthorizationRequiredError] and a downgrade as
// for StartGrayscale, [ErrPermission], [ErrNotFound].
func (c *ReleasesClient) Raise(ctx context.Context, in GrayscaleInput) (*Release, error) {
	if in.From == 0 {
		return nil, notSent(contract.ReleaseRaise, &ValidationError{Subject: "grayscale", Fields: []FieldError{
			{Path: "from", Message: "must be the ratio that is live now; use StartGrayscale for the first"},
		}})
	}
	return sendWrite[Release](ctx, c.client, contract.ReleaseRaise, &in, &in.RequestID)
}
