package alipaycn

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// problems collects the broken fields of one input, by their names on the wire.
type problems struct{ validation.Problems }

// of is err for an input: it also refuses every text in it that is not valid UTF-8.
func (p *problems) of(in any, subject string) error {
	p.Problems = append(p.Problems, validation.Texts(in)...)
	return p.err(subject)
}

// err returns nil or one error with all that was collected.
func (p *problems) err(subject string) error {
	if len(p.Problems) == 0 {
		return nil
	}
	fields := make([]alipayplus.FieldError, len(p.Problems))
	for i, problem := range p.Problems {
		fields[i] = alipayplus.FieldError(problem)
	}
	return &alipayplus.ValidationError{Subject: subject, Fields: fields}
}

// required says whether the value is there.
func (p *problems) required(path, value string) bool {
	if value == "" {
		p.Add(path, "is required")
		return false
	}
	return true
}

// version checks app_version where it must be given.
func (p *problems) version(v alipayplus.VersionNumber) {
	const path = "app_version"
	if v.IsZero() {
		p.Add(path, "is required")
		return
	}
	p.optionalVersion(path, v)
}

// optionalVersion checks a version number that a caller composed from its parts.
func (p *problems) optionalVersion(path string, v alipayplus.VersionNumber) {
	if v.Major < 0 || v.Minor < 0 || v.Patch < 0 {
		p.Add(path, "must not have a part below 0")
	}
}

// A characterCount says how AlipayCN may count the characters of a text: as least
// at least, and at most as most.
type characterCount func(text string) (least, most int)

// length checks a text that may be left out, where a Chinese character counts 2.
func (p *problems) length(path, text string, least, most int) {
	p.counted(path, text, least, most, chineseTwice, ", a Chinese one counting 2")
}

// counted refuses a text that is too short or too long however it is counted.
func (p *problems) counted(path, text string, least, most int, count characterCount, counting string) {
	n, all := count(text)
	if text == "" || all >= least && n <= most {
		return
	}
	if least == 0 {
		p.Add(path, fmt.Sprintf("must have at most %d characters%s; has %d", most, counting, n))
		return
	}
	p.Add(path, fmt.Sprintf("must have %d to %d characters%s; has %d", least, most, counting, n))
}

// onlyOf checks that a text has only allowed characters; names describes them.
func (p *problems) onlyOf(path, text, names string, allowed func(rune) bool) {
	if strings.ContainsFunc(text, func(r rune) bool { return !allowed(r) }) {
		p.Add(path, "must have "+names+" only")
	}
}

// count checks the number of entries of a list that may be left out.
func (p *problems) count(path string, n, most int, what string) {
	if n > most {
		p.Add(path, fmt.Sprintf("must have at most %d %s; has %d", most, what, n))
	}
}

// oneOf checks a choice that may be left out.
func oneOf[S ~string](p *problems, path string, value S, choices ...S) {
	if value == "" || slices.Contains(choices, value) {
		return
	}
	p.Add(path, fmt.Sprintf("must be one of %v; got %q", choices, shortened(string(value), longestWrong)))
}

// chineseTwice counts a Chinese character as 2. For what is neither Chinese nor
// ASCII, such as Chinese commas, it is not documented: it may be 1 or 2.
func chineseTwice(text string) (least, most int) {
	for _, r := range text {
		least, most = least+1, most+1
		if r > unicode.MaxASCII {
			most++
		}
		if unicode.Is(unicode.Han, r) {
			least++
		}
	}
	return least, most
}

// chineseOnceOrTwice is for where the documents do not say that a Chinese
// character counts 2.
func chineseOnceOrTwice(text string) (least, most int) {
	_, most = chineseTwice(text)
	return utf8.RuneCountInString(text), most
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// isEmail finds what is certainly none; what AlipayCN takes is not documented.
func isEmail(text string) bool {
	name, host, found := strings.Cut(text, "@")
	return found && name != "" && host != "" && !strings.Contains(host, "@") && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>,;", r)
	})
}

// longestWrong is how many characters an error quotes of a wrong value.
const longestWrong = 32

// shortened keeps a text from filling an error.
func shortened(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i] + "..."
		}
		n++
	}
	return text
}
