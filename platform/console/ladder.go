package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// The size of the picture, in its own units, and the margins around what is drawn.
const (
	ladderWidth, ladderHeight                        = 720, 260
	ladderLeft, ladderRight, ladderTop, ladderBottom = 72, 24, 16, 34
)

// ladder is a picture of a release's ratios: time on the x axis, the ladder on the y axis.
type ladder struct {
	Width, Height int
	Rungs         []rung
	Steps         []dot
	// Path joins the steps: a ratio holds until the next one.
	Path string
	// From and To are the ends of the x axis.
	From, To         time.Time
	Left, Right, Low int
}

// rung is a ratio of the ladder.
type rung struct {
	Ratio   alipayplus.Ratio
	Y       int
	Reached bool
}

// dot is a ratio that was set.
type dot struct {
	alipayplus.GrayscaleStep
	X, Y int
}

// drawLadder draws the ratios of a release; nil for one that has no ladder.
func drawLadder(r *alipayplus.Release) *ladder {
	ratios := r.Grayscale.Ladder.Ratios()
	if len(ratios) == 0 {
		return nil
	}
	l := &ladder{Width: ladderWidth, Height: ladderHeight, Left: ladderLeft, Right: ladderWidth - ladderRight, Low: ladderHeight - ladderBottom}
	steps := r.Grayscale.Steps
	if len(steps) == 0 && r.Status == alipayplus.ReleaseFull {
		steps = []alipayplus.GrayscaleStep{{Ratio: alipayplus.FullRatio, By: r.UpdatedBy, At: r.ReleasedAt}}
	}
	l.From, l.To = r.CreatedAt, r.UpdatedAt
	if len(steps) > 0 && steps[len(steps)-1].At.After(l.To) {
		l.To = steps[len(steps)-1].At
	}
	for i, ratio := range ratios {
		l.Rungs = append(l.Rungs, rung{ratio, l.height(i, len(ratios)), r.Grayscale.Ratio >= ratio})
	}
	var path strings.Builder
	last := l.Low
	fmt.Fprintf(&path, "M%d %d", l.Left, last)
	for _, step := range steps {
		d := dot{step, l.at(step.At), l.heightOf(step.Ratio)}
		fmt.Fprintf(&path, " L%d %d L%d %d", d.X, last, d.X, d.Y)
		last = d.Y
		l.Steps = append(l.Steps, d)
	}
	if len(steps) > 0 {
		fmt.Fprintf(&path, " L%d %d", l.Right, last)
		l.Path = path.String()
	}
	return l
}

// height is that of the i-th of n rungs: they lie evenly, because the lowest are close.
func (l *ladder) height(i, n int) int {
	return l.Low - (i+1)*(l.Low-ladderTop)/n
}

func (l *ladder) heightOf(ratio alipayplus.Ratio) int {
	y := l.Low
	for _, rung := range l.Rungs {
		if rung.Ratio <= ratio {
			y = rung.Y
		}
	}
	return y
}

// at is where a time is on the x axis.
func (l *ladder) at(t time.Time) int {
	whole := l.To.Sub(l.From)
	if whole <= 0 {
		return l.Left
	}
	share := float64(t.Sub(l.From)) / float64(whole)
	return l.Left + int(min(max(share, 0), 1)*float64(l.Right-l.Left))
}
