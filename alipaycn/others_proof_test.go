package alipaycn

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// rulesOf serves the rules of QR codes in pages.
func rulesOf(groups []int, total int, r *http.Request) stubAnswer {
	page, _ := strconv.Atoi(r.URL.Query().Get("page_no"))
	var items []string
	for _, group := range groups[min(len(groups), 10*(page-1)):min(len(groups), 10*page)] {
		items = append(items, fmt.Sprintf(`{"mode":"EXACT","route_group":"%d","route_url":"https://a.example/%d"}`, group, group))
	}
	return stubAnswer{status: 200, body: fmt.Sprintf(`{"qr_code_route_groups":[%s],"total_items":%d}`, strings.Join(items, ","), total)}
}

func upTo(n int) []int {
	groups := make([]int, n)
	for i := range groups {
		groups[i] = i + 1
	}
	return groups
}

// Between two pages somebody removes a rule, so that the first of the second page
// moves to the first page and is on neither.
func TestARuleThatMovedBetweenPagesIsNotGone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second func(r *http.Request) stubAnswer
	}{
		{"somebody removed another", func(r *http.Request) stubAnswer { return rulesOf(upTo(15)[1:], 14, r) }},
		{"somebody removed another, and added two", func(r *http.Request) stubAnswer { return rulesOf(append(upTo(15)[1:], 16, 17), 16, r) }},
		{"the list is shorter than it says", func(r *http.Request) stubAnswer { return rulesOf(upTo(15)[1:], 15, r) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				unbound := 0
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					switch {
					case r.Method == http.MethodPost:
						unbound++
						return stubAnswer{err: io.ErrUnexpectedEOF}
					case r.URL.Query().Get("page_no") == "1":
						return rulesOf(upTo(15), 15, r)
					default:
						return tt.second(r)
					}
				})

				err := c.QRCodes.Unbind(t.Context(), UnbindQRCodeInput{RouteGroup: "11"})

				require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
				require.Equal(t, 1, unbound)
			})
		})
	}
}

// The rule of a first attempt is in the way of the second, and a list may show it late.
func TestABindingThatIsInItsOwnWayIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		binds := 0
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.Method == http.MethodGet {
				return stubAnswer{status: 200, body: `{}`}
			}
			if binds++; binds == 1 {
				return stubAnswer{err: io.ErrUnexpectedEOF}
			}
			return stubAnswer{status: 400, body: `{"code":"` + string(CodeRouteRuleConflict) + `"}`}
		})

		_, err := c.QRCodes.Bind(t.Context(), BindQRCodeInput{RouteURL: "https://a.example", Page: "p", Mode: RouteExact})

		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
	})
}

// What lists leave open is not proven.
func TestWhatListsLeaveOpen(t *testing.T) {
	domains := func(listed ...string) BaseInfo { return BaseInfo{SafeDomains: listed} }
	for _, tt := range []struct {
		name string
		got  effect
		want effect
	}{
		{"a member without a role", provenByMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, MemberList{[]Member{{UserID: "2088"}}}), effectUnknown},
		{"a member with a role that is not known", provenByMembers(RemoveMemberInput{OpenID: "074a", Role: RoleDeveloper}, MemberList{[]Member{{OpenID: "074a", Role: "developer"}}}), effectUnknown},
		{"somebody else without a role", provenByMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, MemberList{[]Member{{UserID: "2089"}}}), effectDone},

		{"added, and listed with another scheme", provenBySafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"http://a.example"}, domains("https://a.example")), effectUnknown},
		{"added, and listed with another scheme and without", provenBySafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"wss://a.example"}, domains("https://a.example", "a.example")), effectDone},
		{"added, and listed with a scheme", provenBySafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"a.example"}, domains("https://a.example")), effectDone},
		{"removed, and listed with another scheme", provenBySafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"wss://a.example"}, domains("https://a.example")), effectUnknown},
		{"removed, and listed without a scheme", provenBySafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"wss://a.example"}, domains("a.example")), effectNotDone},
		{"removed, and others are listed", provenBySafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"a.example"}, domains("b.example")), effectDone},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, tt.got) })
	}
}

// A second attempt is refused because of the first, and the state lags behind: it
// is not said that the write had no effect.
func TestARefusalThatTheFirstAttemptCausedIsNotTheLastWord(t *testing.T) {
	in := VersionInput{Version: versionOne()}
	for _, tt := range []struct {
		op     cnwire.Operation
		code   Code
		status string
		do     func(*testing.T, *VersionsClient) error
	}{
		{cnwire.VersionTakeOffline, CodeMiniAppNotOnline, `RELEASE"`, func(t *testing.T, v *VersionsClient) error { return v.TakeOffline(t.Context(), in) }},
		{cnwire.VersionRollback, CodeCanNotContinuousRollback, `RELEASE"`, func(t *testing.T, v *VersionsClient) error { return v.Rollback(t.Context(), in) }},
		{cnwire.VersionCancelGray, CodeMiniAppVersionStatusIllegal, `GRAY","gray_strategy":"p10"`, func(t *testing.T, v *VersionsClient) error { return v.CancelGray(t.Context(), in) }},
		{cnwire.VersionGray, CodeCanNotGrayWithoutAuditPass, `WAIT_RELEASE"`, func(t *testing.T, v *VersionsClient) error {
			return v.StartGray(t.Context(), GrayInput{Version: versionOne(), Strategy: GrayP10})
		}},
	} {
		t.Run(tt.op.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					if r.Method == http.MethodGet {
						return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"` + tt.status + `}`}
					}
					if sent++; sent == 1 {
						return stubAnswer{err: io.ErrUnexpectedEOF}
					}
					return stubAnswer{status: 400, body: `{"code":"` + string(tt.code) + `"}`}
				})

				err := tt.do(t, c.Versions)

				require.Equal(t, 2, sent)
				require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			})
		})
	}
}

// A list that does not say how long it is goes on until a page is empty.
func TestAListWithoutATotalIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unbound := 0
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.Method != http.MethodPost {
				return rulesOf(upTo(15), 0, r)
			}
			if unbound++; unbound == 1 {
				return stubAnswer{err: io.ErrUnexpectedEOF}
			}
			return stubAnswer{status: 200, body: `{}`}
		})

		require.NoError(t, c.QRCodes.Unbind(t.Context(), UnbindQRCodeInput{RouteGroup: "11"}))

		require.Equal(t, 2, unbound, "it is on the second page, so nothing was undone yet")
	})
}

// What AlipayCN's code says is kept, and where to look is added, unless the code says it too.
func TestTheHintOfAnUnknownOutcome(t *testing.T) {
	const look = "look at versions.get before you call again"
	for _, tt := range []struct {
		op   cnwire.Operation
		code Code
		hint string
		want string
	}{
		{cnwire.VersionGray, "", "", look},
		{cnwire.VersionGray, "", "wait a minute", "wait a minute; " + look},
		{cnwire.VersionGray, CodeSystemError, "it may have been done", "it may have been done"},
		{cnwire.QRCodeCreate, "", "wait a minute", "wait a minute; call again: at worst there is a QR code that nobody uses"},
		{cnwire.QRCodeCreate, CodeSystemError, "look at it", "call again: at worst there is a QR code that nobody uses"},
	} {
		require.Equal(t, tt.want, unknownOutcomeHint(tt.op, tt.code, tt.hint), "%s %s %q", tt.op.Name, tt.code, tt.hint)
	}
}
