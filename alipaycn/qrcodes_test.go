package alipaycn

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
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
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
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
		}))
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

// A rule that was there before may lead to another page.
func TestABindingIsNotProvenByARuleOfBefore(t *testing.T) {
	const rule = `{"qr_code_route_groups":[{"mode":"EXACT","route_group":"7","route_url":"https://a.example"}],"total_items":1}`
	for _, tt := range []struct {
		name          string
		before, after stubAnswer
		binds         int
		group         string // empty: the outcome is unknown
	}{
		{"new", stubAnswer{status: 200, body: `{}`}, stubAnswer{status: 200, body: rule}, 1, "7"},
		{"there before", stubAnswer{status: 200, body: rule}, stubAnswer{status: 200, body: rule}, 1, ""},
		{"not known", stubAnswer{status: 403, body: `{"code":"x"}`}, stubAnswer{status: 200, body: rule}, 1, ""},
		{"not there", stubAnswer{status: 200, body: `{}`}, stubAnswer{status: 200, body: `{}`}, 4, ""},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			binds := 0
			_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				switch {
				case r.Method == http.MethodPost:
					binds++
					return stubAnswer{err: io.ErrUnexpectedEOF}
				case binds == 0:
					return tt.before
				default:
					return tt.after
				}
			})
			bound, err := c.QRCodes.Bind(t.Context(), BindQRCodeInput{RouteURL: "https://a.example", Page: "p", Mode: RouteExact})
			require.Equal(t, tt.binds, binds)
			if tt.group == "" {
				require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.group, bound.RouteGroup)
		}))
	}
}

// TestThePictureOfAQRCode is read as it is, without a signature, and only when it is one.
func TestThePictureOfAQRCode(t *testing.T) {
	const address = "https://mobilecodec.example/1.png"
	png := "\x89PNG\r\n\x1a\n and more"
	for name, tt := range map[string]struct {
		address string
		status  int
		body    string
		want    string
	}{
		"a picture":       {address, 200, png, ""},
		"a page":          {address, 200, "<html>", "is text/html; charset=utf-8, neither PNG nor JPEG"},
		"nothing":         {address, 404, "", "answered 404 Not Found"},
		"too large":       {address, 200, png + strings.Repeat("x", 1<<20), "at most 1048576 are read"},
		"a file":          {"file:///etc/passwd", 200, png, "must be an http or https address"},
		"with a password": {"https://me:secret@mobilecodec.example/1.png", 200, png, "must be an http or https address"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent http.Header
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			c, err := New(WithAppID("2021000000000001"), WithSigner(testkey.FastClient()), WithAlipayPublicKey(testkey.FastKey().PublicPEM()),
				WithHTTPClient(&http.Client{Transport: inprocess.Transport{Handler: handler}}))
			require.NoError(t, err)
			got, err := c.QRCodes.Picture(t.Context(), tt.address)
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, png, string(got))
				require.Empty(t, sent.Get("Authorization"))
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "qrcodes.picture")
			require.NotContains(t, err.Error(), "secret")
		})
	}
}
