package validation

import (
	"slices"
	"strings"
)

// Nearest returns the word that is most like the given one, whose letters may be of either
// case: what was probably meant. It is empty when none is like it.
func Nearest(word string, words []string) string {
	word = strings.ToLower(word)
	best, least := "", 1+max(1, len(word)/3)
	for _, w := range slices.Sorted(slices.Values(words)) {
		distance := editDistance(word, strings.ToLower(w))
		if len(word) > 1 && strings.HasPrefix(strings.ToLower(w), word) {
			distance = min(distance, 1)
		}
		if distance < least {
			best, least = w, distance
		}
	}
	return best
}

// editDistance is how many letters must be changed, added or removed to make b of a
// (Levenshtein); two neighbours in the wrong order count as one.
func editDistance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
