package alipaycntest_test

import (
	"fmt"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestQRCodes(t *testing.T) {
	w := newHarness(t)
	w.refused("INVALID_PARAMETER", cnwire.QRCodeCreate, fields{})
	w.refused("INVALID_PARAMETER", cnwire.QRCodeCreate, fields{"url_param": fields{}})
	w.refused("HM_BG_COLOR_INVALID", cnwire.QRCodeCreate, fields{"url_param": "pages/index", "color": "blue"})
	first := as[alipaycn.QRCode](t, w.ok(cnwire.QRCodeCreate, fields{"url_param": "pages/index"}))
	second := as[alipaycn.QRCode](t, w.ok(cnwire.QRCodeCreate, fields{"url_param": "pages/index"}))
	require.NotEqual(t, first.URL, second.URL)

	bind := func(n int) fields {
		return fields{"route_url": fmt.Sprintf("https://example.com/%d", n), "page_redirection": "pages/index", "mode": "EXACT"}
	}
	w.refused("ROUTE_CREATE_NEED_VERSION", cnwire.QRCodeBind, bind(0))
	require.NoError(t, w.g.AddVersion(mini, "0.0.1"))
	var groups []string
	for n := range 20 {
		groups = append(groups, as[alipaycn.BoundQRCode](t, w.ok(cnwire.QRCodeBind, bind(n))).RouteGroup)
	}
	w.refused("ROUTE_OVER_LIMIT", cnwire.QRCodeBind, bind(20))
	w.refused(alipaycn.CodeRouteRuleConflict, cnwire.QRCodeBind, bind(0))
	w.refused("INVALID_PARAM", cnwire.QRCodeBind, fields{"route_url": "https://example.com/x"})
	w.refused("INVALID_PARAM", cnwire.QRCodeBind, fields{"route_url": fields{}})
	w.refused("QRCODE_ROUTE_URL_INVALID", cnwire.QRCodeBind, fields{"route_url": "x", "page_redirection": "p", "mode": "EXACT"})
	pattern := bind(30)
	pattern["route_pattern"] = "https://example.com/{0}"
	w.refused("QRCODE_ROUTE_PATTERN_NOT_PERMISSION", cnwire.QRCodeBind, pattern)

	page := func(no, size string) fields { return fields{"page_no": no, "page_size": size} }
	list := as[alipaycn.QRCodeList](t, w.ok(cnwire.QRCodeList, page("3", "9")))
	require.Len(t, list.Rules, 2)
	require.Equal(t, alipaycn.Int(20), list.Total)
	require.Empty(t, as[alipaycn.QRCodeList](t, w.ok(cnwire.QRCodeList, page("9223372036854775807", "10"))).Rules)
	w.refused("PAGE_PARAM_NULL_FAIL", cnwire.QRCodeList, nil)
	w.refused("PAGE_PARAM_MIN_LIMIT_FAIL", cnwire.QRCodeList, page("0", "1"))
	w.refused("PAGE_SIZE_OUT_LIMIT_FAIL", cnwire.QRCodeList, page("1", "11"))
	w.refused("INVALID_PARAMETER", cnwire.QRCodeList, page("one", "1"))

	w.ok(cnwire.QRCodeUnbind, fields{"route_group": groups[0]})
	w.refused(alipaycn.CodeRouteGroupNotExist, cnwire.QRCodeUnbind, fields{"route_group": groups[0]})
	w.refused("INVALID_PARAM", cnwire.QRCodeUnbind, nil)

	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "neighbour"}))
	require.NoError(t, w.g.AddVersion("neighbour", "0.0.1"))
	token, err := w.g.Authorize(isv, "neighbour")
	require.NoError(t, err)
	w.token = token.AppAuthToken
	w.refused("ROUTE_RULE_CONFLICT_OTHER", cnwire.QRCodeBind, bind(1))
}
