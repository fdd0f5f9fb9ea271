package validation

import (
	"fmt"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// The rules that the tag validate of a field may name, with a comma between them; the first one that is broken counts.
//
//	required          something is there
//	omitempty         the rules behind it count when something is there
//	min=N max=N gt=N  how large a number is, how many characters a text has, or how many entries a list
//	oneof=A B         a text is one of them
//	unique            no entry of a list is there twice
//	dive              the rules behind it are for the entries
//	nostructlevel     what the field holds is not checked
//	-                 neither is the field
//
// and those of [textRules] for texts. A struct is checked without a rule, too. That there is no such rule is a panic.
const (
	ruleRequired      = "required"
	ruleOmitEmpty     = "omitempty"
	ruleDive          = "dive"
	ruleNoStructLevel = "nostructlevel"
)

// fieldRules are the rules of a field of a struct.
type fieldRules struct {
	index int
	// name is what the field is called in JSON.
	name  string
	rules []tagRule
}

// tagRule is one rule of a tag.
type tagRule struct {
	name, param string
	// bound is the param as a number.
	bound float64
}

// rulesOf are the rules of a type's fields; parsing tags would take most of the time of a check.
//
//nolint:gochecknoglobals // a cache that never changes what a check finds
var rulesOf = func() func(reflect.Type) []fieldRules {
	var types sync.Map
	return func(t reflect.Type) []fieldRules {
		if known, ok := types.Load(t); ok {
			return known.([]fieldRules) //nolint:forcetypeassert // nothing else is in it
		}
		known, _ := types.LoadOrStore(t, parseRules(t))
		return known.([]fieldRules) //nolint:forcetypeassert // nothing else is in it
	}
}()

func parseRules(t reflect.Type) []fieldRules {
	var all []fieldRules
	for field := range t.Fields() {
		tag := field.Tag.Get("validate")
		if tag == "-" || !field.IsExported() && !field.Anonymous {
			continue
		}
		of := fieldRules{index: field.Index[0], name: jsonName(field)}
		for text := range strings.SplitSeq(tag, ",") {
			if text != "" {
				of.rules = append(of.rules, parseRule(text))
			}
		}
		all = append(all, of)
	}
	return all
}

func parseRule(text string) tagRule {
	var r tagRule
	r.name, r.param, _ = strings.Cut(text, "=")
	switch r.name {
	case "min", "max", "gt":
		bound, err := strconv.ParseFloat(r.param, 64)
		if err != nil {
			panic(fmt.Sprintf("validation: the rule %q needs a number", text))
		}
		r.bound = bound
	case ruleRequired, ruleOmitEmpty, ruleDive, ruleNoStructLevel, "oneof", "unique":
	default:
		if textRuleOf(r.name) == nil {
			panic(fmt.Sprintf("validation: there is no rule %q", text))
		}
	}
	return r
}

// structAt adds what is wrong with the fields of a struct.
func (p *Problems) structAt(path string, v reflect.Value) {
	for _, field := range rulesOf(v.Type()) {
		at := path
		switch {
		case field.name == embedded:
		case path == "":
			at = field.name
		default:
			at = path + "." + field.name
		}
		p.valueAt(at, v.Field(field.index), field.rules)
	}
}

func (p *Problems) valueAt(path string, v reflect.Value, rules []tagRule) {
	behindPointer := false
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			if len(rules) > 0 && rules[0].name != ruleOmitEmpty {
				p.Add(path, rules[0].message(v.Kind()))
			}
			return
		}
		v, behindPointer = v.Elem(), true
	}
	for i, r := range rules {
		switch {
		case r.name == ruleNoStructLevel, r.name == ruleOmitEmpty && !behindPointer && isEmpty(v):
			return
		case r.name == ruleOmitEmpty:
		case r.name == ruleDive:
			p.entriesAt(path, v, rules[i+1:])
			return
		case r.name == ruleRequired && !behindPointer && isEmpty(v), r.name != ruleRequired && !r.holds(v):
			p.Add(path, r.message(v.Kind()))
			return
		}
	}
	if v.Kind() == reflect.Struct {
		p.structAt(path, v)
	}
}

func (p *Problems) entriesAt(path string, v reflect.Value, rules []tagRule) {
	if v.Kind() != reflect.Map {
		for i := range v.Len() {
			p.valueAt(fmt.Sprintf("%s[%d]", path, i), v.Index(i), rules)
		}
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		p.valueAt(fmt.Sprintf("%s[%v]", path, key), v.MapIndex(key), rules)
	}
}

// isEmpty says that nothing is there; a list without entries is there.
func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.IsNil()
	}
	return v.IsZero()
}

func (r tagRule) holds(v reflect.Value) bool {
	switch r.name {
	case "min":
		return size(v) >= r.bound
	case "max":
		return size(v) <= r.bound
	case "gt":
		return size(v) > r.bound
	case "oneof":
		return slices.Contains(strings.Fields(r.param), v.String())
	case "unique":
		seen := map[any]bool{}
		for i := range v.Len() {
			seen[v.Index(i).Interface()] = true
		}
		return len(seen) == v.Len()
	default:
		return textRuleOf(r.name)(v.String())
	}
}

// size is what a bound is compared with.
func size(v reflect.Value) float64 {
	switch {
	case v.Kind() == reflect.String:
		return float64(utf8.RuneCountInString(v.String()))
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	default:
		return float64(v.Len())
	}
}

// message puts a broken rule into words. It never shows the value: that may be
// long, or not for a log.
func (r tagRule) message(kind reflect.Kind) string {
	switch r.name {
	case ruleRequired:
		return "is required"
	case "min":
		return bound("at least", r.param, kind)
	case "gt":
		return bound("above", r.param, kind)
	case "max":
		return bound("at most", r.param, kind)
	case "oneof":
		return "must be one of " + strings.Join(strings.Fields(r.param), ", ")
	case "unique":
		return "must not name the same thing twice"
	case "email":
		return "must be an e-mail address"
	case "http_url":
		return "must be an http or https address"
	case "fqdn":
		return "must be a host name such as api.example.com, without scheme, port or path"
	case "bcp47_strict_language_tag":
		return "must be a language tag such as zh-CN"
	case "iso3166_1_alpha2":
		return "must be a country code of two letters such as CN"
	default:
		return "must be a SHA-256 in 64 lower-case hexadecimal digits"
	}
}

// textRuleOf is a rule for texts by its name; nil when there is none.
func textRuleOf(name string) func(string) bool {
	switch name {
	case "email":
		return isEmail
	case "http_url":
		return isHTTPURL
	case "fqdn":
		return isHostName
	case "bcp47_strict_language_tag":
		return isLanguageTag
	case "iso3166_1_alpha2":
		return isCountry
	case "sha256":
		return isSHA256
	default:
		return nil
	}
}

// isEmail takes an address alone, without a name, of a host with a domain.
func isEmail(text string) bool {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Name != "" || strings.ContainsRune(text, '<') {
		return false
	}
	labels := strings.Split(text[strings.LastIndexByte(text, '@')+1:], ".")
	return len(labels) > 1 && !slices.Contains(labels, "") && !isDigit(rune(labels[len(labels)-1][0]))
}

func isHTTPURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") // Parse makes the scheme lower case
}

// isHostName takes two labels or more, of ASCII letters, digits and hyphens; the last begins with a letter. It may end in a dot.
func isHostName(text string) bool {
	const longest = 63
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	for i, label := range labels {
		last := i == len(labels)-1
		if label == "" || len(label) > longest || label[0] == '-' || last && isDigit(rune(label[0])) ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isAlphanumeric(r) }) {
			return false
		}
	}
	return len(labels) > 1
}

// isLanguageTag takes what is a tag of BCP 47 by its form: a language, and subtags of up to eight letters and digits. Which of them are
// registered changes; a target app says which it takes.
func isLanguageTag(text string) bool {
	const longest = 8
	for i, subtag := range strings.Split(text, "-") {
		if subtag == "" || len(subtag) > longest || strings.ContainsFunc(subtag, func(r rune) bool { return !isAlphanumeric(r) }) {
			return false
		}
		if i == 0 && !isLanguage(strings.ToLower(subtag)) {
			return false
		}
	}
	return true
}

// isLanguage takes a language of two letters, and any of three, of which there are thousands.
func isLanguage(text string) bool {
	if len(text) == len("zh") {
		return slices.Contains(strings.Fields(languages), text)
	}
	return len(text) == len("yue") && !strings.ContainsFunc(text, isDigit)
}

// languages are the codes of ISO 639-1, and former ones.
const languages = `
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu
fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km
kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os
pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty
ug uk ur uz ve vi vo wa wo xh yi yo za zh zu`

func isCountry(text string) bool {
	return len(text) == len("CN") && slices.Contains(strings.Fields(countries), text)
}

// countries are the codes of ISO 3166-1, and that of Kosovo.
const countries = `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU
MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`

func isSHA256(text string) bool {
	const digits = 64
	return len(text) == digits && !strings.ContainsFunc(text, func(r rune) bool { return !isDigit(r) && (r < 'a' || r > 'f') })
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isAlphanumeric(r rune) bool {
	return isDigit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
