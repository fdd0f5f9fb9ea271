package alipaycn

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var updateGolden = flag.Bool("update", false, "write testdata/codes.golden anew")

func knownCodes() []Code { return slices.Sorted(maps.Keys(codes)) }

// classNames name the classes in testdata/codes.golden.
func classNames() map[error]string {
	return map[error]string{
		nil: "-", alipayplus.ErrNotFound: "not found", alipayplus.ErrPermission: "permission",
		alipayplus.ErrUnauthenticated: "unauthenticated", alipayplus.ErrConflict: "conflict", alipayplus.ErrLimit: "limit",
		alipayplus.ErrRateLimited: "rate limited", alipayplus.ErrInvalid: "invalid",
		alipayplus.ErrAuthorizationRequired: "authorization required", alipayplus.ErrOutcomeUnknown: "outcome unknown",
		ErrAlreadyDone: "already done", ErrNotReady: "not ready", ErrRetryLater: "retry later",
	}
}

// TestCodesGolden holds class and hint of every known code against a file, so that
// no change of the table changes one unnoticed.
func TestCodesGolden(t *testing.T) {
	const path = "testdata/codes.golden"
	var b strings.Builder
	for _, code := range knownCodes() {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", code, classNames()[code.Class()], code.Hint())
	}
	if *updateGolden {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(golden), "\n"), strings.Split(b.String(), "\n"))
}

func TestEveryCodeHasAClassAndAHint(t *testing.T) {
	classes := []error{
		alipayplus.ErrNotFound, alipayplus.ErrPermission, alipayplus.ErrUnauthenticated, alipayplus.ErrConflict,
		alipayplus.ErrLimit, alipayplus.ErrRateLimited, alipayplus.ErrInvalid, alipayplus.ErrAuthorizationRequired,
		alipayplus.ErrOutcomeUnknown, ErrAlreadyDone, ErrNotReady, ErrRetryLater,
	}
	for _, code := range knownCodes() {
		t.Run(string(code), func(t *testing.T) {
			require.True(t, code.Known())
			if code == GatewayUnknownSubCode {
				require.NoError(t, code.Class())
			} else {
				require.Contains(t, classes, code.Class())
			}
			what, do, found := strings.Cut(code.Hint(), "; ")
			require.True(t, found, "the hint says what happened and what to do")
			require.Greater(t, len(what), 15)
			require.NotEmpty(t, do)
			require.NotContains(t, code.Hint(), "\n")
			require.False(t, strings.HasSuffix(code.Hint(), "."))
		})
	}
}

// TestHintsOfTheApplicationAreTheirOwn: a hint that serves several codes would
// not say what is wrong.
func TestHintsOfTheApplicationAreTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for _, code := range readDescription(t).of(t, cnwire.VersionApply).Codes {
		hint := Code(code).Hint()
		require.Empty(t, seen[hint], "%s has the hint of %s", code, seen[hint])
		seen[hint] = code
	}
	require.Len(t, seen, 100)
}

func TestHintsNameOperationsThatExist(t *testing.T) {
	names := map[string]bool{}
	for _, op := range cnwire.Operations() {
		names[op.Name] = true
	}
	for _, code := range knownCodes() {
		for word := range strings.FieldsFuncSeq(code.Hint(), func(r rune) bool { return !isASCIILetter(r) && r != '.' }) {
			resource, _, isName := strings.Cut(word, ".")
			switch resource {
			case "versions", "baseInfo", "categories", "experience", "safeDomains", "members", "qrcodes", "templates", "orders", "authorization":
				require.True(t, !isName || names[word], "%s names %s", code, word)
			}
		}
	}
}

func TestTwoClassesAreConflicts(t *testing.T) {
	require.ErrorIs(t, ErrAlreadyDone, alipayplus.ErrConflict)
	require.ErrorIs(t, ErrNotReady, alipayplus.ErrConflict)
	require.NotErrorIs(t, ErrAlreadyDone, ErrNotReady)
}

func TestAnUnknownCodeIsClassedByItsForm(t *testing.T) {
	for _, tt := range []struct {
		code Code
		want error
	}{
		{"CAN_NOT_SUBMIT_ON_SUNDAY", alipayplus.ErrConflict},
		{"CANNOT_DO_THAT", alipayplus.ErrConflict},
		{"SHOP_NOT_EXIST", alipayplus.ErrNotFound},
		{"INVALID_SHOP", alipayplus.ErrInvalid},
		{"RISK_DECISION_SHOP", alipayplus.ErrInvalid},
		{"BRAND_UNKNOWN", alipayplus.ErrInvalid},
		{"SHOP_IS_BLANK", alipayplus.ErrInvalid},
		{"SHOPS_ARE_BLANK", alipayplus.ErrInvalid},
		{"SHOP_IS_INVALID", alipayplus.ErrInvalid},
		{"SHOP_LENGTH", alipayplus.ErrInvalid},
		{"SHOP_SENSITIVE", alipayplus.ErrInvalid},
		{"SHOP_DUPLICATE", alipayplus.ErrInvalid},
		{"ACQ.SYSTEM_ERROR", alipayplus.ErrOutcomeUnknown},
		{"SHOP_ON_FIRE", nil},
		{"some-new-code", nil},
		{"", nil},
	} {
		require.Equal(t, tt.want, tt.code.Class(), tt.code)
		require.False(t, tt.code.Known())
		require.Empty(t, tt.code.Hint())
	}
}

func TestAKnownCodeIsFoundInAMessage(t *testing.T) {
	for _, tt := range []struct {
		message string
		want    Code
	}{
		{"未知的错误码MINI_APP_INFO_AUDIT_CONTAINS", "MINI_APP_INFO_AUDIT_CONTAINS"},
		{"unknown-sub-code: SUBMIT_REPEAT.", "SUBMIT_REPEAT"},
		{"错误码（INVALIID_MEMO_TRADENO）不存在", "INVALIID_MEMO_TRADENO"},
		{"ACQ.SYSTEM_ERROR", "SYSTEM_ERROR"},
		{"isv.invalid-app-auth-token", "invalid-app-auth-token"},
		{"code -invalid-signature- ", "invalid-signature"},
		{"invalid-signature and SUBMIT_REPEAT", "SUBMIT_REPEAT"},
		{"BUNDLE_ID_NOT_EXIST, SUBMIT_REPEAT", "BUNDLE_ID_NOT_EXIST"},
		{"NOT_A_SUBMIT_REPEAT", ""},
		{"SUBMIT_REPEAT_2", ""},
		{"buzzinvalid-signature", ""},
		{"BUZZSUBMIT_REPEAT", ""},
		{"unknown-sub-code", ""},
		{"未知的错误码", ""},
		{"", ""},
	} {
		got, found := findCode(tt.message)
		require.Equal(t, tt.want, got, tt.message)
		require.Equal(t, tt.want != "", found, tt.message)
	}
}

func TestEveryCodeIsFoundInAnyMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(knownCodes()).Draw(t, "code")
		around := rapid.StringMatching(`[未知错误码 :。（]{0,10}`)
		got, _ := findCode(around.Draw(t, "before") + string(code) + around.Draw(t, "after"))
		if code == GatewayUnknownSubCode {
			require.Empty(t, got)
		} else {
			require.Equal(t, code, got)
		}
	})
}

// FuzzFindCode: what is found is known, or has a class by its form, and stands in the message.
func FuzzFindCode(f *testing.F) {
	f.Add("未知的错误码MINI_APP_INFO_AUDIT_CONTAINS")
	f.Add("isv.invalid-app-auth-token")
	f.Fuzz(func(t *testing.T, message string) {
		code, found := findCode(message)
		require.Equal(t, found, code.Known() || code.classByForm() != nil)
		if !code.Known() {
			require.Contains(t, message, string(code))
		}
		require.NotEqual(t, GatewayUnknownSubCode, code)
	})
}

// TestConstantsAreInTheTable: a constant that is misspelt would match nothing.
func TestConstantsAreInTheTable(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	require.NoError(t, err)
	constants := regexp.MustCompile(`(?m)^\t\w+ Code = "(.+)"$`).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, constants)
	for _, constant := range constants {
		require.True(t, Code(constant[1]).Known(), constant[1])
	}
}

func TestEveryCodeIsModelledAndNoneIsInvented(t *testing.T) {
	d := readDescription(t)
	want := codesAddedSince()
	for _, op := range d.Operations {
		for _, code := range op.Codes {
			want = append(want, Code(code))
		}
	}
	for _, codes := range d.CommonCodes {
		for code := range strings.SplitSeq(codes, ", ") { // one entry of the description holds two
			want = append(want, Code(code))
		}
	}
	slices.Sort(want)
	require.Equal(t, slices.Compact(want), knownCodes())
}

// codesAddedSince are the codes that AlipayCN's newer SDKs and its pages about problems have and the description does not.
func codesAddedSince() []Code {
	return []Code{
		"UPDATE_PLUGIN_SERVICE_FAIL", "MINI_APP_RESTRICTED_AUDIT_CONTROL",
		"AE0311010110301",
		"CAN_NOT_SUBMIT_WITH_ONLINE_MINI_APP_EXCEED_LIMIT", "CAN_NOT_SUBMIT_WITH_PUNISH_ORDER_LIMIT",
	}
}
