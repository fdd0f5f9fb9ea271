package alipaycntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strconv"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

func (g *Gateway) createQRCode(c *call) (any, error) {
	var in alipaycn.CreateQRCodeInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAMETER", "a field cannot be read: %v", err)
	}
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](in.Validate()); ok {
		code := alipaycn.Code("INVALID_PARAMETER")
		if invalid.Fields[0].Path == "color" {
			code = "HM_BG_COLOR_INVALID"
		}
		return nil, refuse(code, "%s %s", invalid.Fields[0].Path, invalid.Fields[0].Message)
	}
	picture := func(what string) string { return fmt.Sprintf("%s%s%s-%d.png", c.origin, picturePath, what, g.next()) }
	return alipaycn.QRCode{URL: picture("qrcode"), CircleBlueURL: picture("qrcode-blue"), CircleWhiteURL: picture("qrcode-white")}, nil
}

// picturePath is where the pictures of QR codes are.
const picturePath = "/pictures/"

// servePicture serves a picture in place of a QR code's: a black square.
func servePicture(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "image/png")
	const side = 64
	_ = png.Encode(w, image.NewGray(image.Rect(0, 0, side, side))) // the connection may be closed
}

// originOf is the address under which a request reached the gateway: by a socket, or in
// process, where any host leads to it.
func originOf(r *http.Request) string {
	if r.TLS == nil && r.Context().Value(http.LocalAddrContextKey) != nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

// maxRules is the documented number of rules for QR codes.
const maxRules = 20

func (g *Gateway) bindQRCode(c *call) (any, error) {
	var in alipaycn.BindQRCodeInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAM", "a field cannot be read: %v", err)
	}
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](in.Validate()); ok {
		code := alipaycn.Code("INVALID_PARAM")
		if invalid.Fields[0].Path == "route_url" {
			code = "QRCODE_ROUTE_URL_INVALID"
		}
		return nil, refuse(code, "%s %s", invalid.Fields[0].Path, invalid.Fields[0].Message)
	}
	if in.RoutePattern != "" {
		return nil, refuse("QRCODE_ROUTE_PATTERN_NOT_PERMISSION", "the app may not use patterns")
	}
	if len(c.app.versions) == 0 {
		return nil, refuse("ROUTE_CREATE_NEED_VERSION", "the mini program has no version")
	}
	for _, a := range g.apps {
		for _, rule := range a.rules {
			switch {
			case rule.RouteURL != in.RouteURL:
			case a == c.app:
				return nil, refuse(alipaycn.CodeRouteRuleConflict, "a rule covers this address")
			default:
				return nil, refuse("ROUTE_RULE_CONFLICT_OTHER", "a rule of another mini program covers this address")
			}
		}
	}
	if len(c.app.rules) >= maxRules {
		return nil, refuse("ROUTE_OVER_LIMIT", "there are %d rules", maxRules)
	}
	rule := alipaycn.QRCodeRule{Mode: in.Mode, RouteURL: in.RouteURL, RouteGroup: fmt.Sprintf("RG%010d", g.next())}
	c.app.rules = append(c.app.rules, rule)
	return alipaycn.BoundQRCode{RouteGroup: rule.RouteGroup}, nil
}

func (*Gateway) listQRCodes(c *call) (any, error) {
	if c.text("page_no") == "" || c.text("page_size") == "" {
		return nil, refuse("PAGE_PARAM_NULL_FAIL", "page_no and page_size are needed")
	}
	page, err := strconv.Atoi(c.text("page_no"))
	size, sizeErr := strconv.Atoi(c.text("page_size"))
	const largest = 10
	switch {
	case err != nil || sizeErr != nil:
		return nil, refuse("INVALID_PARAMETER", "page_no and page_size must be numbers")
	case page < 1 || size < 1:
		return nil, refuse("PAGE_PARAM_MIN_LIMIT_FAIL", "page_no and page_size begin at 1")
	case size > largest:
		return nil, refuse("PAGE_SIZE_OUT_LIMIT_FAIL", "page_size is at most %d", largest)
	}
	return alipaycn.QRCodeList{Rules: pageOf(c.app.rules, page, size), Total: alipaycn.Int(len(c.app.rules))}, nil
}

func (*Gateway) unbindQRCode(c *call) (any, error) {
	group := c.text("route_group")
	i := slices.IndexFunc(c.app.rules, func(r alipaycn.QRCodeRule) bool { return r.RouteGroup == group })
	switch {
	case group == "":
		return nil, refuse("INVALID_PARAM", "route_group is missing")
	case i < 0:
		return nil, refuse(alipaycn.CodeRouteGroupNotExist, "there is no rule %.64q", group)
	}
	c.app.rules = slices.Delete(c.app.rules, i, i+1)
	return nil, nil
}
