package rollout_test

import (
	"regexp"
	"strconv"
	"strings"
)

// screen is as much of a terminal as the block needs: it obeys the sequences that move
// the cursor up and erase, and forgets colors.
type screen struct {
	lines  []string
	row    int
	column int
	// painted counts the writes.
	painted int
}

var sequence = regexp.MustCompile("^\x1b\\[([0-9]*)([A-Za-z])")

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.painted++
	rest := string(p)
	for rest != "" {
		if found := sequence.FindStringSubmatch(rest); found != nil {
			s.obey(found[1], found[2])
			rest = rest[len(found[0]):]
			continue
		}
		r := []rune(rest)[0]
		rest = rest[len(string(r)):]
		s.put(r)
	}
	return len(p), nil
}

func (s *screen) put(r rune) {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
	switch r {
	case '\n':
		s.row, s.column = s.row+1, 0
	case '\r':
		s.column = 0
	default:
		line := []rune(s.lines[s.row])
		line = append(line[:min(s.column, len(line))], append([]rune{r}, line[min(s.column+1, len(line)):]...)...)
		s.lines[s.row], s.column = string(line), s.column+1
	}
}

func (s *screen) obey(number, order string) {
	n, _ := strconv.Atoi(number)
	switch order {
	case "A":
		s.row = max(0, s.row-max(n, 1))
	case "K":
		if s.row < len(s.lines) {
			line := []rune(s.lines[s.row])
			s.lines[s.row] = string(line[:min(s.column, len(line))])
		}
	case "J":
		s.lines = s.lines[:min(s.row, len(s.lines))]
	}
}

// String is what stands on the screen.
func (s *screen) String() string { return strings.Join(s.lines, "\n") }
