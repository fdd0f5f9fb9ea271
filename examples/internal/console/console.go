// Package console shows the examples' progress: what happens, how far a release
// has come, and a QR code.
package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/boombuler/barcode/qr"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/ci/terminal"
)

// Console writes lines of progress. It is safe for concurrent use.
type Console struct {
	mu    sync.Mutex
	out   io.Writer
	begun time.Time
}

// New makes a console that writes to out.
func New(out io.Writer) *Console { return &Console{out: out, begun: time.Now()} }

// Step writes a line with the time since the beginning.
func (c *Console) Step(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(c.out, "%6.1fs  %s\n", time.Since(c.begun).Seconds(), oneLine(fmt.Sprintf(format, args...)))
}

// Detail writes a line that belongs to the step before it.
func (c *Console) Detail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(c.out, "         %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// oneLine replaces what could steer a terminal: names and reasons are foreign text.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// Upload returns a progress function that writes each tenth of a large upload,
// and the end of any.
func (c *Console) Upload(what string) func(sent, size int64) {
	const large = 1 << 20
	last := int64(0)
	return func(sent, size int64) {
		tenth := sent * 10 / size
		if sent < last*size/10 {
			last = 0 // the upload began anew
		}
		if sent != size && (size < large || tenth == last) {
			return
		}
		last = tenth
		c.Detail("%s: %d of %d bytes", what, sent, size)
	}
}

// Reviews says how each party's review stands.
func Reviews(reviews []alipayplus.Review) string {
	parts := make([]string, len(reviews))
	for i, r := range reviews {
		parts[i] = fmt.Sprintf("%s %s", r.Party, r.Status)
		if r.Reason != "" {
			parts[i] += fmt.Sprintf(" (%s)", r.Reason)
		}
	}
	return strings.Join(parts, ", ")
}

// Ladder draws the ladder with the ratios that are reached filled in:
// "[#########.....................]  30%   1 5 10 20 (30) 50 100".
func Ladder(g alipayplus.Grayscale) string { return terminal.LadderBar(g.Ladder, nil, g.Ratio) }

// QRCode draws a QR code with half blocks, dark on light, for terminals.
func (c *Console) QRCode(text string) error {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return fmt.Errorf("draw the QR code: %w", err)
	}
	const margin = 2
	size := code.Bounds().Dx()
	dark := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return false
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	var b strings.Builder
	for y := -margin; y < size+margin; y += 2 {
		b.WriteString("         ")
		for x := -margin; x < size+margin; x++ {
			b.WriteRune(halfBlock(!dark(x, y), !dark(x, y+1)))
		}
		b.WriteByte('\n')
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = io.WriteString(c.out, b.String())
	return err
}

// halfBlock is the character whose upper and lower half are lit as told.
func halfBlock(upper, lower bool) rune {
	switch {
	case upper && lower:
		return '█'
	case upper:
		return '▀'
	case lower:
		return '▄'
	default:
		return ' '
	}
}
