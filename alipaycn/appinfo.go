package alipaycn

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// CategoryIDs are the categories of a mini program, 1 to 4. Each names its
// levels from the top, joined by "_": "XS1001_XS2001_XS3002" in the new tree,
// "11_12" in the old. On the wire the categories are one text, joined by ";".
type CategoryIDs []string

// MarshalJSON writes the categories joined by ";".
func (c CategoryIDs) MarshalJSON() ([]byte, error) { return json.Marshal(strings.Join(c, ";")) }

// UnmarshalJSON reads categories joined by ";".
func (c *CategoryIDs) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	if err != nil {
		return err
	}
	*c = nil
	for category := range strings.SplitSeq(text, ";") {
		if category != "" {
			*c = append(*c, category)
		}
	}
	return nil
}

// mostCategories is documented with the error code CATEGORY_NUM_IS_INVALID.
const mostCategories = 4

// categories checks categories that may be left out: their number and form. Both
// trees have two or three levels: the old one is documented with two, and with a
// third in AlipayCN's answer to INVALID_CATEGORY.
func (p *problems) categories(path string, c CategoryIDs) {
	p.count(path, len(c), mostCategories, "categories")
	if slices.ContainsFunc(c, func(category string) bool { return !isCategory(category) }) {
		p.add(path, `must be ids of letters and digits, two or three levels joined by "_", as in XS1001_XS2001_XS3002`)
	}
}

func isCategory(text string) bool {
	levels := strings.Split(text, "_")
	return (len(levels) == 2 || len(levels) == 3) && !slices.ContainsFunc(levels, func(level string) bool {
		return level == "" || strings.ContainsFunc(level, func(r rune) bool { return !isDigit(r) && !isASCIILetter(r) })
	})
}

// appTexts are the texts about a mini program that an application for review
// and a change of base information have in common.
type appTexts struct {
	name, englishName, slogan, description string
	phone, email                           string
	old, categories                        CategoryIDs
}

// appTexts checks what is given for a change; nothing is required. The documents do
// not say here that a Chinese character counts 2.
func (p *problems) appTexts(t appTexts) {
	p.appContent(t, 30, func(path, text string, least, most int) {
		p.counted(path, text, least, most, chineseOnceOrTwice, "")
	})
}

// appliedTexts is appTexts for an application. The longest name differs.
func (p *problems) appliedTexts(t appTexts) { p.appContent(t, 40, p.length) }

func (p *problems) appContent(t appTexts, longestName int, length func(path, text string, least, most int)) {
	length("app_name", t.name, 3, longestName)
	p.onlyOf("app_name", t.name, "Chinese characters, digits, letters, _, + and -", isNameRune)
	length("app_english_name", t.englishName, 3, 30)
	length("app_slogan", t.slogan, 10, 32)
	length("app_desc", t.description, 20, 400)
	p.categories("app_category_ids", t.old)
	p.categories("mini_category_ids", t.categories)
	length("service_phone", t.phone, 5, 30)
	p.onlyOf("service_phone", t.phone, "digits and hyphens", func(r rune) bool { return isDigit(r) || r == '-' })
	if t.email != "" && !isEmail(t.email) {
		p.add("service_email", "must be an e-mail address")
	}
}

func isNameRune(r rune) bool {
	return isDigit(r) || isASCIILetter(r) || strings.ContainsRune("_+-", r) || unicode.Is(unicode.Han, r)
}

func isEnglishNameRune(r rune) bool { return isDigit(r) || isASCIILetter(r) }
