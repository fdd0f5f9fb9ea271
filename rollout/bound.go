package rollout

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Bound is what a figure must keep to.
type Bound struct {
	// Min is the least figure that passes; nil: none.
	Min *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	// Max is the largest figure that passes; nil: none.
	Max *float64 `json:"max,omitempty" yaml:"max,omitempty"`
	// MinSamples is how many samples there must be before the figure counts; with
	// fewer the gate waits.
	MinSamples float64 `json:"minSamples,omitempty" yaml:"minSamples,omitempty" validate:"min=0"`
}

func (b Bound) check(path string, add report) {
	if b.Min == nil && b.Max == nil {
		add(path, "must have min, max or both")
	}
	if b.Min != nil && !finite(*b.Min) {
		add(path+".min", "must be a finite number")
	}
	if b.Max != nil && !finite(*b.Max) {
		add(path+".max", "must be a finite number")
	}
	if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
		add(path+".max", "must not be below min")
	}
	if math.IsInf(b.MinSamples, 1) { // the rule of the field sees to whatever else is no number of samples
		add(path+".minSamples", "must be a finite number")
	}
}

// checkSamples checks that a minimum of samples and where they are counted come
// together: either alone would be without effect.
func (b Bound) checkSamples(path, samples string, add report) {
	switch {
	case b.MinSamples > 0 && samples == "":
		add(path+".samples", "is required where there is a minimum of samples")
	case b.MinSamples == 0 && samples != "":
		add(path+".minSamples", "is required where samples are counted")
	}
}

// Judge compares a figure. NaN and the infinities, which a division by zero gives,
// are errors: they are no figures, and never pass.
func (b Bound) Evaluate(name string, figure float64) (Verdict, error) {
	switch {
	case !finite(figure):
		return Verdict{}, fmt.Errorf("%s is %s, which is no figure", name, formatFigure(figure))
	case b.Min == nil && b.Max == nil:
		return Verdict{}, fmt.Errorf("%s has no bound to be compared to", name)
	case b.Min != nil && !(figure >= *b.Min):
		return Failed("%s is %s, below %s", name, formatFigure(figure), formatFigure(*b.Min)), nil
	case b.Max != nil && !(figure <= *b.Max):
		return Failed("%s is %s, above %s", name, formatFigure(figure), formatFigure(*b.Max)), nil
	default:
		return Passed("%s is %s", name, formatFigure(figure)), nil
	}
}

// Counted says whether samples are counted, by where: a path, a query, or empty for
// nowhere. A minimum of samples that are counted nowhere is an error: nothing would come
// of it.
func (b Bound) CountsSamples(where string) (bool, error) {
	if b.MinSamples != 0 && where == "" {
		return false, errors.New("the gate has a minimum of samples, and does not say where they are counted; give Samples")
	}
	return where != "", nil
}

// Enough says whether there are enough samples: nil when there are, a verdict to
// wait when there are not. NaN, the infinities, and less than none are errors.
func (b Bound) EvaluateSamples(samples float64) (*Verdict, error) {
	switch {
	case !finite(samples) || samples < 0:
		return nil, fmt.Errorf("the number of samples is %s, which is no number of anything", formatFigure(samples))
	case !(b.MinSamples >= 0):
		return nil, errors.New("the minimum of samples is not a number")
	case samples < b.MinSamples:
		v := Waiting("%s of %s samples", formatFigure(samples), formatFigure(b.MinSamples))
		return &v, nil
	default:
		return nil, nil //nolint:nilnil // nothing stands in the way
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// plainly writes a figure as people do, "1000000" rather than "1e+06", unless that is
// long.
func formatFigure(x float64) string {
	if size := math.Abs(x); x == 0 || size >= 1e-6 && size < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
