package sim

import "iter"

// ids are the words of a text that look as if they were made at random, by the platform and by clients: 26 letters and digits
// of base 32, which may have a prefix of two to four letters, or 16 digits. It yields where each begins and ends.
func ids(text string) iter.Seq2[int, int] {
	return func(yield func(begin, end int) bool) {
		for begin := 0; begin < len(text); begin++ {
			end := begin
			for end < len(text) && kinds[text[end]]&word != 0 {
				end++
			}
			if isID(text[begin:end]) && !yield(begin, end) {
				return
			}
			begin = end
		}
	}
}

func isID(w string) bool {
	const digits, letters = 16, 26
	switch n := len(w) - letters; {
	case len(w) == digits:
		return w[0] != '0' && all(w, digit)
	case n == 0:
		return all(w, base32)
	case n >= 3 && n <= 5:
		return all(w[:n-1], lower) && w[n-1] == '_' && all(w[n:], base32)
	default:
		return false
	}
}

func all(w string, of byte) bool {
	for i := range len(w) {
		if kinds[w[i]]&of == 0 {
			return false
		}
	}
	return true
}

// The kinds of characters, as bits.
const (
	word byte = 1 << iota
	digit
	base32
	lower
)

// kinds are those of each character.
var kinds = func() (of [256]byte) {
	mark := func(from, to byte, kind byte) {
		for c := from; c <= to; c++ {
			of[c] |= kind
		}
	}
	mark('0', '9', word|digit)
	mark('a', 'z', word|lower)
	mark('A', 'Z', word|base32)
	mark('2', '7', base32)
	mark('_', '_', word)
	return of
}()
