package alipaycn

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/alipayplus-go/alipayplus"
)

// Classes of failure that AlipayCN has and package alipayplus does not, for
// errors.Is.
var (
	// ErrAlreadyDone: the thing is in the state that the call would lead to, so an
	// earlier call may have done it; the state tells. It matches
	// [alipayplus.ErrConflict] too.
	ErrAlreadyDone = fmt.Errorf("perhaps done already: %w", alipayplus.ErrConflict)
	// ErrNotReady: something that takes its time is not finished, such as a
	// build, a scan or a review; the same call may succeed later. It matches
	// [alipayplus.ErrConflict] too.
	ErrNotReady = fmt.Errorf("not ready yet: %w", alipayplus.ErrConflict)
	// ErrRetryLater: the call was not accepted and may be repeated later. Too
	// many calls are [alipayplus.ErrRateLimited].
	ErrRetryLater = errors.New("not accepted now")
)

// Code is an error code of AlipayCN. It is open: a code unknown to this version
// of the library is kept as it is.
type Code string

// Codes returns all known codes: those of the operations, in capitals, and those
// of the gateway in front of them, in small letters.
func Codes() []Code { return slices.Sorted(maps.Keys(codeFacts())) }

// Known says whether this version of the library knows the code.
func (c Code) Known() bool {
	_, known := codeFacts()[c]
	return known
}

// Class returns what the code means for the caller: one of the Err variables of
// this package or of package alipayplus, or nil. AlipayCN documents no classes;
// they are inferred from names and descriptions, and for an unknown code from
// how codes of that form are used.
//
// [alipayplus.ErrOutcomeUnknown] is the class of codes that do not say whether a
// write took effect. An [Error] matches it only when the call was a write.
func (c Code) Class() error {
	if fact, known := codeFacts()[c]; known {
		return fact.class
	}
	return c.guess()
}

// Hint says in plain words what happened and what to do; empty for an unknown
// code.
func (c Code) Hint() string { return codeFacts()[c].hint }

// guess classes an unknown code by its form.
func (c Code) guess() error {
	code := string(c)
	hasSuffix := func(suffix string) bool { return strings.HasSuffix(code, suffix) }
	switch {
	case hasSuffix("SYSTEM_ERROR"):
		return alipayplus.ErrOutcomeUnknown
	case strings.HasPrefix(code, "CAN_NOT_") || strings.HasPrefix(code, "CANNOT_"):
		return alipayplus.ErrConflict
	case hasSuffix("_NOT_EXIST"):
		return alipayplus.ErrNotFound
	case strings.HasPrefix(code, "INVALID_"), strings.HasPrefix(code, "RISK_DECISION_"), strings.HasPrefix(code, "BRAND_"),
		hasSuffix("_IS_BLANK"), hasSuffix("_ARE_BLANK"), hasSuffix("_IS_INVALID"), hasSuffix("_LENGTH"), hasSuffix("_SENSITIVE"), hasSuffix("_DUPLICATE"):
		return alipayplus.ErrInvalid
	default:
		return nil
	}
}

// codeFact is what is known about a code.
type codeFact struct {
	code  Code
	class error
	hint  string
}

// codeFacts returns the one table of all codes.
//
//nolint:gochecknoglobals // a table that is made once and never changes
var codeFacts = sync.OnceValue(func() map[Code]codeFact {
	facts := map[Code]codeFact{}
	for _, group := range [][]codeFact{
		generalFacts(), versionFacts(), buildFacts(), applyTextFacts(), applyLicenceFacts(), applyFileFacts(),
		applyStateFacts(), reviewFacts(), grayFacts(), publishFacts(), offlineFacts(), baseInfoFacts(),
		categoryFacts(), experienceFacts(), safeDomainFacts(), memberFacts(), qrCodeFacts(), templateFacts(),
		authorizationFacts(), gatewaySignatureFacts(), gatewayIdentityFacts(), gatewayAuthorizationFacts(),
		gatewayPermissionFacts(), gatewayRequestFacts(), gatewayEncryptionFacts(), gatewayFailureFacts(),
	} {
		for _, fact := range group {
			facts[fact.code] = fact
		}
	}
	return facts
})

// findCode returns the first known code within a text. AlipayCN's gateway says
// "unknown-sub-code" for codes that it does not know, and names them in the
// message only, often without a space around them.
func findCode(text string) (Code, bool) {
	if code, found := findKnown(text, isOperationCodeRune); found {
		return code, true
	}
	return findKnown(text, isGatewayCodeRune)
}

func findKnown(text string, part func(rune) bool) (Code, bool) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !part(r) }) {
		code := Code(strings.Trim(word, "-"))
		if code.Known() && code != GatewayUnknownSubCode {
			return code, true
		}
	}
	return "", false
}

func isOperationCodeRune(r rune) bool { return r >= 'A' && r <= 'Z' || isDigit(r) || r == '_' }

func isGatewayCodeRune(r rune) bool { return r >= 'a' && r <= 'z' || r == '-' }
